//! The exit status of the program.
//!
//! 0 is for good news alone: a shell script that delivers after `flexpay wait … &&` delivers only what is
//! paid.

use flexpay::journal::{Entry, EntryState, Reconciliation};
use flexpay::{ErrorCode, Outcome, State};

/// Accepted, read, paid.
pub const OK: u8 = 0;
/// A bug in this program.
pub const INTERNAL: u8 = 1;
/// An argument or a setting is invalid. Nothing was sent. (clap uses 2 as well.)
pub const INVALID: u8 = 2;
const NOT_SENT: u8 = 3;
const REFUSED: u8 = 4;
const UNAUTHORIZED: u8 = 5;
const NOT_FOUND: u8 = 6;
const MISMATCH: u8 = 7;
const CALLBACK: u8 = 8;
/// The outcome is unknown: do not repeat a payment.
pub const UNKNOWN: u8 = 9;
/// Plus the number of the state.
const NOT_PAID: u8 = 10;
/// It is PAID, and was acknowledged before: it is delivered once.
pub const DELIVERED: u8 = 17;

/// Shown at the end of `flexpay --help`.
pub const HELP: &str = "\
Exit status:
  0   success; for check, wait, verify, settle, settle-callback and journal show: the order is PAID.
      With a journal, deliver only after `flexpay journal acknowledge` ends with 0: that happens once
  1   a bug in this program
  2   an argument or a setting is invalid; nothing was sent. For doctor and journal verify: something is wrong
  3   nothing was sent: no network, no connection, no TLS, or the journal cannot be used
  4   the gateway refused the request (if the reference was used before: check that payment first)
  5   the gateway did not accept the token
  6   the gateway has no such order
  7   the transaction is not the expected one
  8   the callback cannot be read
  9   the outcome is UNKNOWN, or the result could not be written: do not repeat a payment; check first.
      Also IN_DOUBT and IN_PROGRESS: an earlier or another request under this reference is not settled.
      For journal reconcile: a payment is IN_DOUBT, or nothing could be learnt about it
  10  the order is not paid: its state is not known to this program
  12  the order is FAILED
  13  the order is PENDING
  14  the order is REFUNDING
  15  the order is REFUNDED
  16  the order is CANCELLED
  17  for journal acknowledge, settle, settle-callback and journal show: the order is PAID, and was
      acknowledged before; do not deliver again";

/// The status after an error.
pub fn of_error(code: ErrorCode, outcome: Outcome) -> u8 {
    match (code, outcome) {
        (ErrorCode::Internal, Outcome::NotSent) => INTERNAL,
        (ErrorCode::Invalid, Outcome::NotSent) => INVALID,
        (ErrorCode::Callback, _) => CALLBACK,
        (ErrorCode::Mismatch, Outcome::NotSent | Outcome::Refused) => MISMATCH,
        (ErrorCode::Unauthorized, Outcome::Refused) => UNAUTHORIZED,
        (ErrorCode::NotFound, Outcome::Refused) => NOT_FOUND,
        (_, Outcome::Refused) => REFUSED,
        (_, Outcome::NotSent) => NOT_SENT,
        _ => UNKNOWN,
    }
}

/// The status after a check, a wait or a verification.
pub fn of_state(state: State) -> u8 {
    match state {
        State::Paid => OK,
        other => NOT_PAID + u8::try_from(other as i32).unwrap_or_default(),
    }
}

/// The status after a payment of the journal was settled or shown.
pub fn of_entry(entry: &Entry) -> u8 {
    match entry.state {
        EntryState::Paid if entry.is_delivered => DELIVERED,
        state => of_entry_state(state),
    }
}

fn of_entry_state(state: EntryState) -> u8 {
    match state {
        EntryState::NotSent => NOT_SENT,
        EntryState::Refused => REFUSED,
        EntryState::Accepted => of_state(State::Pending),
        EntryState::Paid => of_state(State::Paid),
        EntryState::Failed => of_state(State::Failed),
        EntryState::Cancelled => of_state(State::Cancelled),
        EntryState::Refunding => of_state(State::Refunding),
        EntryState::Refunded => of_state(State::Refunded),
        // Sending, in doubt, and what a newer library adds.
        _ => UNKNOWN,
    }
}

/// The status after reconciling. It is not 0 if a person must look, so that cron can tell.
pub fn of_reconciliation(found: &Reconciliation) -> u8 {
    if let Some(error) = &found.stopped {
        return of_error(error.code(), error.outcome());
    }
    let is_unknown = found
        .settlements
        .iter()
        .any(|one| one.problem.is_some() || one.stored.entry.state == EntryState::InDoubt);
    if is_unknown { UNKNOWN } else { OK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paid_is_zero() {
        for (state, status) in [
            (State::Unknown, 10),
            (State::Paid, 0),
            (State::Failed, 12),
            (State::Pending, 13),
            (State::Refunding, 14),
            (State::Refunded, 15),
            (State::Cancelled, 16),
        ] {
            assert_eq!(of_state(state), status, "{state:?}");
            assert!(HELP.contains(&format!("  {status:<2}  ")));
        }
    }

    #[test]
    fn a_payment_of_the_journal_has_the_status_of_its_order() {
        for (state, status) in [
            (EntryState::Sending, 9),
            (EntryState::NotSent, 3),
            (EntryState::Refused, 4),
            (EntryState::InDoubt, 9),
            (EntryState::Accepted, 13),
            (EntryState::Paid, 0),
            (EntryState::Failed, 12),
            (EntryState::Cancelled, 16),
            (EntryState::Refunding, 14),
            (EntryState::Refunded, 15),
        ] {
            assert_eq!(of_entry_state(state), status, "{state:?}");
        }
    }

    #[test]
    fn an_unknown_outcome_has_a_status_of_its_own() {
        for (code, outcome, status) in [
            (ErrorCode::Timeout, Outcome::Unknown, 9),
            (ErrorCode::Reply, Outcome::Unknown, 9),
            (ErrorCode::Internal, Outcome::Unknown, 9),
            (ErrorCode::Unauthorized, Outcome::Unknown, 9),
            (ErrorCode::Mismatch, Outcome::Unknown, 9),
            (ErrorCode::InDoubt, Outcome::Unknown, 9),
            (ErrorCode::InProgress, Outcome::Unknown, 9),
            (ErrorCode::Journal, Outcome::Unknown, 9),
            (ErrorCode::Journal, Outcome::NotSent, 3),
            (ErrorCode::Timeout, Outcome::NotSent, 3),
            (ErrorCode::Resolve, Outcome::NotSent, 3),
            (ErrorCode::Invalid, Outcome::NotSent, 2),
            (ErrorCode::Refused, Outcome::Refused, 4),
            (ErrorCode::Unauthorized, Outcome::Refused, 5),
            (ErrorCode::NotFound, Outcome::Refused, 6),
            (ErrorCode::Mismatch, Outcome::NotSent, 7),
            (ErrorCode::Callback, Outcome::NotSent, 8),
        ] {
            assert_eq!(of_error(code, outcome), status, "{code:?} {outcome:?}");
        }
    }
}
