//! What a call may come to.

use crate::abi::{Got, n};

/// One acceptable result. The words are in [`crate::abi::n`]'s numbers, those of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A payment that leads to this address.
    Payment(&'static str),
    /// A payment that leads to this path of the server that was asked.
    OwnPage(&'static str),
    /// A payment whose page is handed on as it is.
    Page,
    /// A transaction in this state.
    State(i32),
    /// An error: code and outcome.
    Error(i32, i32),
}

use Expectation::Error;

/// No name: nothing sent.
pub const NO_NAME: Expectation = Error(n::RESOLVE, n::OUTCOME_NOT_SENT);
/// No connection, or none that lasted through the handshake: nothing sent.
pub const NO_WAY: Expectation = Error(n::CONNECT, n::OUTCOME_NOT_SENT);
/// The proxy made no way: nothing sent.
pub const NO_PROXY: Expectation = Error(n::PROXY, n::OUTCOME_NOT_SENT);
/// The handshake failed: nothing sent.
pub const NO_TLS: Expectation = Error(n::TLS, n::OUTCOME_NOT_SENT);
/// The time was up before anything was sent.
pub const LATE_UNSENT: Expectation = Error(n::TIMEOUT, n::OUTCOME_NOT_SENT);
/// The time was up after something was sent.
pub const LATE: Expectation = Error(n::TIMEOUT, n::OUTCOME_UNKNOWN);
/// The connection broke after something was sent.
pub const BROKE: Expectation = Error(n::CONNECTION, n::OUTCOME_UNKNOWN);
/// A reply that cannot be read, or that contradicts itself.
pub const UNREADABLE: Expectation = Error(n::REPLY, n::OUTCOME_UNKNOWN);
/// A status that leaves the outcome open.
pub const FAILED: Expectation = Error(n::GATEWAY, n::OUTCOME_UNKNOWN);
/// The gateway said no.
pub const NO: Expectation = Error(n::REFUSED, n::OUTCOME_REFUSED);
/// The gateway did not take the token.
pub const BAD_TOKEN: Expectation = Error(n::UNAUTHORIZED, n::OUTCOME_REFUSED);
/// The gateway knows no such order.
pub const UNKNOWN_ORDER: Expectation = Error(n::NOT_FOUND, n::OUTCOME_REFUSED);
/// A callback that cannot be read: nothing was asked.
pub const NO_CALLBACK: Expectation = Error(n::CALLBACK, n::OUTCOME_NOT_SENT);
/// A callback about something else: nothing was asked.
pub const OTHER_ORDER: Expectation = Error(n::MISMATCH, n::OUTCOME_NOT_SENT);
/// The gateway's word is about something else than what was asked for.
pub const OTHER_PAYMENT: Expectation = Error(n::MISMATCH, n::OUTCOME_REFUSED);

impl Expectation {
    pub fn fits(self, got: &Got) -> bool {
        match (self, got) {
            (Self::Payment(url), Got::Payment { redirect_url, page }) => {
                redirect_url.as_deref() == Some(url) && page.is_none()
            }
            (Self::OwnPage(path), Got::Payment { redirect_url, page }) => {
                let rest = redirect_url
                    .as_deref()
                    .and_then(|url| url.split_once("://"));
                let found = rest.and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                found == Some(path) && page.is_none()
            }
            (Self::Page, Got::Payment { redirect_url, page }) => {
                redirect_url.is_none() && page.is_some()
            }
            (Self::State(state), Got::State { state: got, .. }) => state == *got,
            (Error(code, outcome), got) => got.is_error(code, outcome),
            _ => false,
        }
    }

    /// The same, after an earlier request of the same call was sent.
    pub fn after_sending(self) -> Self {
        match self {
            Error(code, n::OUTCOME_NOT_SENT) => Error(code, n::OUTCOME_UNKNOWN),
            other => other,
        }
    }

    pub fn is_success(self) -> bool {
        !matches!(self, Error(..))
    }

    pub fn is_refusal(self) -> bool {
        matches!(self, Error(_, n::OUTCOME_REFUSED))
    }

    pub fn is_late(self) -> bool {
        matches!(self, Error(n::TIMEOUT, _))
    }

    /// Whether a check asks again after it: what a broken connection or a failing gateway left
    /// unanswered.
    pub fn is_passing(got: &Got) -> bool {
        let codes = [
            n::RESOLVE,
            n::CONNECT,
            n::PROXY,
            n::TLS,
            n::CONNECTION,
            n::GATEWAY,
        ];
        matches!(got, Got::Error { code, .. } if codes.contains(code))
    }

    /// What a wait makes of what a check may come to: it goes on after all that may still change, and
    /// whatever ends it says nothing of the payment. A certificate is the same the next time.
    pub fn of_wait(self, certificate: bool) -> Vec<Expectation> {
        match self {
            Self::State(n::STATE_PENDING | n::STATE_UNKNOWN) => vec![LATE],
            // Believed once it has stood; a wait may be over before.
            Self::State(
                n::STATE_FAILED | n::STATE_CANCELLED | n::STATE_REFUNDING | n::STATE_REFUNDED,
            ) => vec![self, LATE],
            Error(n::TLS, _) if certificate => vec![Error(n::TLS, n::OUTCOME_UNKNOWN)],
            Error(n::UNAUTHORIZED, _) => vec![Error(n::UNAUTHORIZED, n::OUTCOME_UNKNOWN)],
            Error(..) => vec![LATE],
            other => vec![other],
        }
    }
}

impl Got {
    pub fn is_error(&self, wanted: i32, of: i32) -> bool {
        matches!(self, Self::Error { code, outcome, .. } if *code == wanted && *outcome == of)
    }

    pub fn outcome(&self) -> Option<i32> {
        match self {
            Self::Error { outcome, .. } => Some(*outcome),
            _ => None,
        }
    }

    pub fn is_late(&self) -> bool {
        matches!(
            self,
            Self::Error {
                code: n::TIMEOUT,
                ..
            }
        )
    }
}
