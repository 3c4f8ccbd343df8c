//! The error type: what went wrong, and whether the request may be repeated.

use std::time::Duration;

use crate::numbered::numbered;
use crate::wire::gateway_message::GatewayMessage;

/// The kind of an error. The numbers are those of the C ABI. They never change; new ones may be
/// added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorCode {
    /// An argument or a setting is invalid. Nothing was sent. The error names the field.
    Invalid = 1,
    /// A bug in this library.
    Internal = 2,
    /// The host name could not be resolved.
    Resolve = 3,
    /// No connection could be made.
    Connect = 4,
    /// The proxy refused the connection, or failed.
    Proxy = 5,
    /// The TLS handshake failed: the certificate is not trusted, is not valid now, or is for
    /// another host.
    Tls = 6,
    /// The deadline passed.
    Timeout = 7,
    /// The wait was cancelled.
    Cancelled = 8,
    /// The connection broke after the request had begun.
    Connection = 9,
    /// The reply cannot be read, or contradicts itself.
    Reply = 10,
    /// The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
    Gateway = 11,
    /// The gateway did not accept the token (HTTP 401 or 403).
    Unauthorized = 12,
    /// The gateway refused the request. The error has the gateway's message.
    Refused = 13,
    /// The gateway has no such order. For a moment after a payment request this is normal.
    NotFound = 14,
    /// The callback's body cannot be read.
    Callback = 15,
    /// The transaction is not the expected one. The error's message names each field that differs.
    Mismatch = 16,
    /// The journal cannot be read or written. If nothing was recorded before a request, nothing is sent.
    Journal = 17,
    /// Another call is sending the request of this reference now.
    InProgress = 18,
    /// The journal has an earlier request under this reference, and nobody knows what came of it. Nothing
    /// was sent now.
    InDoubt = 19,
}

numbered!(
    ErrorCode,
    Invalid => c"INVALID",
    Internal => c"INTERNAL",
    Resolve => c"RESOLVE",
    Connect => c"CONNECT",
    Proxy => c"PROXY",
    Tls => c"TLS",
    Timeout => c"TIMEOUT",
    Cancelled => c"CANCELLED",
    Connection => c"CONNECTION",
    Reply => c"REPLY",
    Gateway => c"GATEWAY",
    Unauthorized => c"UNAUTHORIZED",
    Refused => c"REFUSED",
    NotFound => c"NOT_FOUND",
    Callback => c"CALLBACK",
    Mismatch => c"MISMATCH",
    Journal => c"JOURNAL",
    InProgress => c"IN_PROGRESS",
    InDoubt => c"IN_DOUBT",
);

/// Whether the caller may repeat the request that failed. It depends on what was written to the
/// connection, not on the kind of failure.
///
/// It applies to the request of the failed call. Only [`pay`](crate::Client::pay),
/// [`pay_mobile`](crate::Client::pay_mobile) and [`payout`](crate::Client::payout) move money: if a
/// *check* was not sent, the customer may still have paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "journal", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "journal", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
#[non_exhaustive]
#[repr(i32)]
pub enum Outcome {
    /// At least one byte of the request was sent, or may have been, and no usable reply was
    /// received. Do NOT repeat a payment before you know its state: verify the callback, verify the
    /// order if the error has its number, or look for the reference in the merchant's console.
    Unknown = 0,
    /// Nothing of the request left this machine. It may be repeated, but fix an invalid argument or
    /// setting first.
    NotSent = 1,
    /// The gateway refused the request. Repeat it only after fixing the cause.
    Refused = 2,
}

numbered!(
    Outcome,
    Unknown => c"UNKNOWN",
    NotSent => c"NOT_SENT",
    Refused => c"REFUSED",
);

/// An error of this library. It never contains the token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    code: ErrorCode,
    outcome: Outcome,
    message: String,
    field: Option<&'static str>,
    http_status: Option<u16>,
    gateway_code: Option<String>,
    gateway_message: Option<String>,
    order_number: Option<String>,
    trace: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
}

/// `Result` with this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The message may quote what came from outside, and is read in a terminal or a log: a control character
    /// becomes a space.
    pub(crate) fn new(code: ErrorCode, outcome: Outcome, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            outcome,
            message: message.into().replace(char::is_control, " "),
            field: None,
            http_status: None,
            gateway_code: None,
            gateway_message: None,
            order_number: None,
            trace: None,
            retry_after: None,
            retryable: false,
        }))
    }

    /// An invalid argument or setting; the message becomes "field: problem". Nothing was sent.
    pub(crate) fn invalid(field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::new(
            ErrorCode::Invalid,
            Outcome::NotSent,
            format!("{field}: {problem}"),
        )
        .about(field)
    }

    pub(crate) fn about(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    pub(crate) fn with_gateway_message(mut self, message: GatewayMessage) -> Self {
        self.0.gateway_code = message.code;
        self.0.gateway_message = message.message;
        self
    }

    /// Adds the gateway's message, if the error does not contain one yet.
    pub(crate) fn or_gateway_message(mut self, message: impl FnOnce() -> GatewayMessage) -> Self {
        if self.0.gateway_code.is_none() && self.0.gateway_message.is_none() {
            let message = message();
            self.0.gateway_code = message.code;
            self.0.gateway_message = message.message;
        }
        self
    }

    /// Adds the order number that the failed reply to a payment request contains.
    pub(crate) fn with_order_number(mut self, order_number: Option<String>) -> Self {
        self.0.order_number = order_number;
        self
    }

    pub(crate) fn with_trace(mut self, trace: String) -> Self {
        self.0.trace = Some(trace);
        self
    }

    /// Marks an error that a retry may avoid: a broken connection, a failure of the gateway.
    pub(crate) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// The same error of a wait: the outcome of the payment is unknown.
    pub(crate) fn with_unknown_outcome(mut self) -> Self {
        if self.0.code != ErrorCode::Invalid {
            self.0.outcome = Outcome::Unknown;
        }
        self
    }

    /// The same error, after an earlier request of the same call was sent.
    pub(crate) fn after_sending(mut self) -> Self {
        if self.0.outcome == Outcome::NotSent {
            self.0.outcome = Outcome::Unknown;
        }
        self
    }

    pub(crate) fn with_retry_after(mut self, pause: Option<Duration>) -> Self {
        self.0.retry_after = pause;
        self
    }

    /// Adds a sentence to the message.
    pub(crate) fn append(mut self, sentence: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(sentence);
        self
    }

    /// The kind of error.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Whether the request may be repeated.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// A message in English: what went wrong, the invalid field if there is one and, if it is
    /// known, what to do next. After [`Outcome::Unknown`] it names the order number or reference to
    /// search for.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// This library's name of the invalid field (`amount`, `order_number`).
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// The HTTP status of the gateway's reply, if there was one.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The code in the gateway's reply, if there was one.
    pub fn gateway_code(&self) -> Option<&str> {
        self.0.gateway_code.as_deref()
    }

    /// The message in the gateway's reply, if there was one: in French, unchanged.
    pub fn gateway_message(&self) -> Option<&str> {
        self.0.gateway_message.as_deref()
    }

    /// The order number in the reply of a failed payment request. Use it to get the state of the
    /// payment ([`Client::check`](crate::Client::check)). `None` if the reply contained none.
    pub fn order_number(&self) -> Option<&str> {
        self.0.order_number.as_deref()
    }

    /// The trace of the call: see [`Config::trace`](crate::Config::trace).
    pub fn trace(&self) -> Option<&str> {
        self.0.trace.as_deref()
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long to wait before the next request (`Retry-After`).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}
