//! The acceptable results of a call.

use crate::interface::{CallResult, consts};

/// One acceptable result. Codes and outcomes are those of [`crate::abi::consts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A payment that redirects to this address.
    Payment(&'static str),
    /// A payment that redirects to this path of the gateway.
    OwnPage(&'static str),
    /// A payment whose page is returned unchanged.
    Page,
    /// A mobile payment or a payout: an order number, and nothing for the customer's browser.
    Order,
    /// A transaction in this state.
    State(i32),
    /// An error: code and outcome.
    Error(i32, i32),
    /// The end of the process that made the call, with this outcome.
    NoReply(i32),
}

use Expectation::Error;

/// The name was not resolved: nothing sent.
pub const NOT_RESOLVED: Expectation = Error(consts::RESOLVE, consts::OUTCOME_NOT_SENT);
/// No connection, or one that ended before the handshake was complete: nothing sent.
pub const NO_CONNECTION: Expectation = Error(consts::CONNECT, consts::OUTCOME_NOT_SENT);
/// The proxy made no tunnel: nothing sent.
pub const PROXY_FAILED: Expectation = Error(consts::PROXY, consts::OUTCOME_NOT_SENT);
/// The handshake failed: nothing sent.
pub const TLS_FAILED: Expectation = Error(consts::TLS, consts::OUTCOME_NOT_SENT);
/// The time was up before anything was sent.
pub const TIMEOUT_NOT_SENT: Expectation = Error(consts::TIMEOUT, consts::OUTCOME_NOT_SENT);
/// The time was up after something was sent.
pub const TIMEOUT_UNKNOWN: Expectation = Error(consts::TIMEOUT, consts::OUTCOME_UNKNOWN);
/// The connection broke after something was sent.
pub const CONNECTION_LOST: Expectation = Error(consts::CONNECTION, consts::OUTCOME_UNKNOWN);
/// A reply that cannot be read, or that contradicts itself.
pub const UNREADABLE: Expectation = Error(consts::REPLY, consts::OUTCOME_UNKNOWN);
/// A status that leaves the outcome open.
pub const GATEWAY_FAILED: Expectation = Error(consts::GATEWAY, consts::OUTCOME_UNKNOWN);
/// The gateway refused.
pub const REFUSED: Expectation = Error(consts::REFUSED, consts::OUTCOME_REFUSED);
/// The gateway refused a reference that was used before: money may be on its way.
pub const USED_BEFORE: Expectation = Error(consts::REFUSED, consts::OUTCOME_UNKNOWN);
/// The gateway did not accept the token.
pub const BAD_TOKEN: Expectation = Error(consts::UNAUTHORIZED, consts::OUTCOME_REFUSED);
/// The gateway knows no such order.
pub const UNKNOWN_ORDER: Expectation = Error(consts::NOT_FOUND, consts::OUTCOME_REFUSED);
/// An argument or a setting that the library refuses: nothing sent.
pub const INVALID: Expectation = Error(consts::INVALID, consts::OUTCOME_NOT_SENT);
/// A callback that cannot be read: no check was sent.
pub const INVALID_CALLBACK: Expectation = Error(consts::CALLBACK, consts::OUTCOME_NOT_SENT);
/// A callback about another order: no check was sent.
pub const OTHER_ORDER: Expectation = Error(consts::MISMATCH, consts::OUTCOME_NOT_SENT);
/// The gateway's reply is about a payment other than the expected one.
pub const OTHER_PAYMENT: Expectation = Error(consts::MISMATCH, consts::OUTCOME_REFUSED);
/// The process ended without a reply to a request that was handed over.
pub const HANDED_OVER: Expectation = Expectation::NoReply(consts::OUTCOME_UNKNOWN);
/// The request was not handed over: it must not be carried out.
pub const NOT_HANDED_OVER: Expectation = Expectation::NoReply(consts::OUTCOME_NOT_SENT);
/// A wait was cancelled.
pub const CANCELLED: Expectation = Error(consts::CANCELLED, consts::OUTCOME_UNKNOWN);

impl Expectation {
    pub fn matches(self, result: &CallResult) -> bool {
        match (self, result) {
            (
                Self::Payment(url),
                CallResult::Payment {
                    redirect_url, page, ..
                },
            ) => redirect_url.as_deref() == Some(url) && page.is_none(),
            (
                Self::OwnPage(path),
                CallResult::Payment {
                    redirect_url, page, ..
                },
            ) => {
                let rest = redirect_url
                    .as_deref()
                    .and_then(|url| url.split_once("://"));
                let found = rest.and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                found == Some(path) && page.is_none()
            }
            (
                Self::Page,
                CallResult::Payment {
                    redirect_url, page, ..
                },
            ) => redirect_url.is_none() && page.is_some(),
            (
                Self::Order,
                CallResult::Payment {
                    redirect_url,
                    page,
                    order_number,
                },
            ) => redirect_url.is_none() && page.is_none() && order_number.is_some(),
            (Self::State(state), CallResult::State { state: result, .. }) => state == *result,
            (Self::NoReply(outcome), CallResult::NoReply { outcome: result }) => outcome == *result,
            (Error(code, outcome), result) => result.is_error(code, outcome),
            _ => false,
        }
    }

    /// The same result, after an earlier request of the same call was sent.
    pub fn after_sending(self) -> Self {
        match self {
            Error(code, consts::OUTCOME_NOT_SENT) => Error(code, consts::OUTCOME_UNKNOWN),
            other => other,
        }
    }

    pub fn is_success(self) -> bool {
        !matches!(self, Error(..) | Self::NoReply(_))
    }

    pub fn is_refusal(self) -> bool {
        matches!(self, Error(_, consts::OUTCOME_REFUSED))
    }

    pub fn is_timeout(self) -> bool {
        matches!(self, Error(consts::TIMEOUT, _))
    }

    /// Whether a check retries after this result: there was no connection, it broke, or the gateway
    /// failed.
    pub fn is_retryable(result: &CallResult) -> bool {
        let codes = [
            consts::RESOLVE,
            consts::CONNECT,
            consts::PROXY,
            consts::TLS,
            consts::CONNECTION,
            consts::GATEWAY,
        ];
        matches!(result, CallResult::Error { code, .. } if codes.contains(code))
    }

    /// The acceptable results of a wait, for this result of a check. A wait continues after any result
    /// that may still change; an error that ends it leaves the payment's outcome unknown. `certificate`:
    /// the certificate is bad, which does not change, so the wait ends.
    pub fn for_wait(self, certificate: bool) -> Vec<Expectation> {
        match self {
            Self::State(consts::STATE_PENDING | consts::STATE_UNKNOWN) => vec![TIMEOUT_UNKNOWN],
            // Returned once the state has lasted for the grace period; the wait may end before.
            Self::State(
                consts::STATE_FAILED
                | consts::STATE_CANCELLED
                | consts::STATE_REFUNDING
                | consts::STATE_REFUNDED,
            ) => vec![self, TIMEOUT_UNKNOWN],
            Error(consts::TLS, _) if certificate => {
                vec![Error(consts::TLS, consts::OUTCOME_UNKNOWN)]
            }
            Error(consts::UNAUTHORIZED, _) => {
                vec![Error(consts::UNAUTHORIZED, consts::OUTCOME_UNKNOWN)]
            }
            // The wait compares the order with the expected payment once its state is final.
            Error(consts::MISMATCH, _) => vec![Error(consts::MISMATCH, consts::OUTCOME_UNKNOWN)],
            Error(..) => vec![TIMEOUT_UNKNOWN],
            other => vec![other],
        }
    }
}

impl CallResult {
    pub fn is_error(&self, expected_code: i32, expected_outcome: i32) -> bool {
        match self {
            Self::Error { code, outcome, .. } => {
                *code == expected_code && *outcome == expected_outcome
            }
            _ => false,
        }
    }

    pub fn outcome(&self) -> Option<i32> {
        match self {
            Self::Error { outcome, .. } | Self::NoReply { outcome } => Some(*outcome),
            _ => None,
        }
    }

    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::Error {
                code: consts::TIMEOUT,
                ..
            }
        )
    }
}
