//! A call of the library, and why it failed.

use flexpay::journal::{Reconciliation, Settlement};
use flexpay::{Callback, ErrorCode, Outcome, Payment, Transaction};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{exit_status, json};

/// The result of a call.
pub enum Reply {
    Payment(Box<Payment>),
    Transaction(Box<Transaction>),
    Callback(Box<Callback<'static>>),
    /// A payment of the journal, whose state was asked for.
    Settlement(Box<Settlement>),
    /// The merchant delivers it, or has delivered it before.
    Acknowledged(Box<Settlement>),
    /// A person said what came of it.
    Resolved(Box<Settlement>),
    /// Payments of the journal, as they are recorded.
    Settlements(Reconciliation),
    /// The same, after the gateway was asked about those that are open.
    Reconciled(Reconciliation),
    /// How many payments were removed from the journal.
    Removed(u64),
    /// The journal was read whole: how many payments it has (unknown if it is damaged), and what is wrong, a
    /// line each.
    Verified {
        entries: Option<u64>,
        problems: Vec<String>,
    },
    /// Of a call that only the bridge has.
    Other(Value),
}

impl Reply {
    pub fn to_json(&self) -> Value {
        match self {
            Self::Payment(payment) => json::payment(payment),
            Self::Transaction(transaction) => json::transaction(transaction),
            Self::Callback(callback) => json::callback(callback),
            Self::Settlement(settlement)
            | Self::Acknowledged(settlement)
            | Self::Resolved(settlement) => json::settlement(settlement),
            Self::Settlements(found) | Self::Reconciled(found) => json::settlements(found),
            Self::Removed(count) => json!({ "removed": count }),
            Self::Verified { entries, problems } => json!({
                "healthy": problems.is_empty(),
                "entries": entries,
                "problems": problems,
            }),
            Self::Other(value) => value.clone(),
        }
    }
}

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    Library(flexpay::Error),
    /// An argument of this program is invalid. Nothing was sent.
    Invalid {
        field: &'static str,
        message: String,
    },
    /// A bug: it is not known whether anything was sent.
    Panic,
}

const BUG: &str = "a bug in flexpay (a panic); please report it; after a payment request, do not pay \
                   again: look for its reference in FlexPay's merchant console first";

impl Failure {
    /// The message becomes "field: problem". It may quote what was given, and is read in a terminal or a log:
    /// a control character becomes a space.
    pub fn invalid(field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Invalid {
            field,
            message: format!("{field}: {problem}").replace(char::is_control, " "),
        }
    }

    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Library(error) => error.outcome(),
            Self::Invalid { .. } => Outcome::NotSent,
            Self::Panic => Outcome::Unknown,
        }
    }

    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Library(error) => error.code(),
            Self::Invalid { .. } => ErrorCode::Invalid,
            Self::Panic => ErrorCode::Internal,
        }
    }

    pub fn message(&self) -> &str {
        match self {
            Self::Library(error) => error.message(),
            Self::Invalid { message, .. } => message,
            Self::Panic => BUG,
        }
    }

    pub fn exit_status(&self) -> u8 {
        exit_status::of_error(self.code(), self.outcome())
    }

    pub fn to_json(&self) -> Value {
        let field = match self {
            Self::Library(error) => return json::error(error),
            Self::Invalid { field, .. } => Some(field),
            Self::Panic => None,
        };
        json!({
            "code": self.code().name(),
            "outcome": self.outcome().name(),
            "http_status": null,
            "message": self.message(),
            "field": field,
            "gateway_code": null,
            "gateway_message": null,
            "order_number": null,
            "trace": null,
        })
    }
}

impl From<flexpay::Error> for Failure {
    fn from(error: flexpay::Error) -> Self {
        Self::Library(error)
    }
}

/// Makes a call. A panic becomes a failure with an unknown outcome.
pub fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // After a panic nothing that the call used is used again, except the client, whose locks ignore
    // poisoning.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Failure::Panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_with_an_unknown_outcome() {
        let result: Result<(), _> = guarded(|| panic!("forced by a test"));
        let failure = result.unwrap_err();
        assert_eq!(failure.outcome(), Outcome::Unknown);
        assert_eq!(failure.exit_status(), exit_status::UNKNOWN);
        assert_eq!(failure.to_json()["code"], "INTERNAL");
    }
}
