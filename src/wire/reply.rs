//! The gateway's HTTP reply, and the errors that its status alone determines.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::charset;
use super::fields::ParseError;
use super::gateway_message::GatewayMessage;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::token::Token;

/// An HTTP reply. Its body may be incomplete.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The `Location` header. Redirects are read, never followed.
    pub(crate) location: Option<String>,
    /// The `Content-Type` header, which may name the charset.
    pub(crate) content_type: Option<String>,
    /// The `Content-Encoding` header. The requests ask for no encoding.
    pub(crate) content_encoding: Option<String>,
    /// The pause that the `Retry-After` header asks for.
    pub(crate) retry_after: Option<Duration>,
    /// The token of the request. It is already masked in the headers and the body, and must be
    /// masked again in every text decoded from them.
    pub(crate) token: Arc<Token>,
    /// Whether the gateway repeated the token.
    pub(crate) echoed_token: bool,
    /// The body, or why it was not received completely. A refusal is a refusal even if its body is
    /// cut off in transit.
    pub(crate) body: Result<Vec<u8>>,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a body is compressed: it begins like gzip, or a `Content-Encoding` is given and it
    /// begins neither like JSON nor like a page.
    fn is_compressed(&self, body: &[u8]) -> bool {
        let named = self.content_encoding.as_deref().map(str::trim);
        let named =
            named.is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        let plain = matches!(body.trim_ascii_start().first(), None | Some(b'{' | b'<'));
        body.starts_with(b"\x1f\x8b") || named && !plain
    }

    /// Whether the body is a web page.
    fn is_page(&self) -> bool {
        let body = self.body.as_deref().unwrap_or_default();
        body.trim_ascii_start().starts_with(b"<")
    }

    /// The complete, uncompressed body, or the error to return without it.
    pub(crate) fn body(&self) -> Result<&[u8]> {
        match &self.body {
            Ok(body) if self.is_compressed(body) => Err(Error::new(
                ErrorCode::Reply,
                Outcome::Unknown,
                format!(
                    "the reply is compressed ({}), which was not requested: look for a proxy or a \
                     firewall in between",
                    self.content_encoding.as_deref().unwrap_or("gzip")
                ),
            )
            .with_status(self.status)),
            Ok(body) => Ok(body),
            Err(error) => Err(error.clone().with_status(self.status)),
        }
    }

    /// Decodes a body of this reply to text.
    pub(crate) fn decode<'a>(&self, body: &'a [u8]) -> Cow<'a, str> {
        charset::decode(body, self.content_type.as_deref())
    }

    /// The gateway's own message, if the body has one.
    pub(crate) fn gateway_message(&self) -> GatewayMessage {
        match &self.body {
            Ok(body) => GatewayMessage::from_text(&self.decode(body), &self.token),
            Err(_) => GatewayMessage::default(),
        }
    }

    /// The error for a status that is not a success. `what` completes "the gateway refused …".
    ///
    /// 400, 401, 403, 404, 405 and 422 are refusals. After 408, 429, 5xx and all undocumented
    /// statuses the outcome is unknown.
    pub(crate) fn refusal(&self, what: &str) -> Error {
        let gateway_message = self.gateway_message();
        let (status, quoted) = (self.status, gateway_message.as_suffix());
        let error = match status {
            // The gateway filters by the merchant's IP address, and a firewall replies with a page.
            403 if self.is_page() => Error::new(
                ErrorCode::Unauthorized,
                Outcome::Refused,
                format!(
                    "the gateway refused this machine or the token (HTTP 403), with a web page: the \
                     address of this machine may not be allowed; ask FlexPay about its address \
                     filter first, and look for a firewall in between{quoted}"
                ),
            ),
            401 | 403 => Error::new(
                ErrorCode::Unauthorized,
                Outcome::Refused,
                format!("the gateway did not accept the token (HTTP {status}){quoted}"),
            ),
            400 | 404 | 405 | 422 => Error::new(
                ErrorCode::Refused,
                Outcome::Refused,
                format!("the gateway refused {what} (HTTP {status}){quoted}"),
            ),
            300..400 => Error::new(
                ErrorCode::Reply,
                Outcome::Unknown,
                format!(
                    "the gateway replied to {what} with a redirect (HTTP {status}), which is not \
                     followed"
                ),
            ),
            _ => Error::new(
                ErrorCode::Gateway,
                Outcome::Unknown,
                format!("the gateway failed (HTTP {status}){quoted}"),
            )
            .retryable(),
        };
        error
            .with_status(status)
            .with_gateway_message(gateway_message)
            .with_retry_after(self.retry_after)
    }

    /// The error for an HTTP status of refusal with a code of success in the body: neither can be
    /// trusted. `refusal` is the error for the status alone.
    pub(crate) fn contradiction(&self, refusal: &Error) -> Error {
        let message = format!(
            "HTTP {} is a refusal, but the reply's code is success",
            self.status
        );
        Error::new(ErrorCode::Reply, Outcome::Unknown, message)
            .with_status(self.status)
            .with_gateway_message(GatewayMessage {
                code: refusal.gateway_code().map(str::to_owned),
                message: refusal.gateway_message().map(str::to_owned),
            })
    }
}

/// The error for a reply that cannot be used: the outcome is unknown.
pub(crate) fn reply_error(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Reply, Outcome::Unknown, message)
}

/// The error for a reply that cannot be read as fields.
pub(crate) fn unreadable_reply(ParseError { field, problem }: ParseError) -> Error {
    let error = reply_error(format!("the reply: {} {problem}", field.unwrap_or("it")));
    match field {
        Some(field) => error.about(field),
        None => error,
    }
}
