//! Waits for the outcome of a payment.

use std::time::{Duration, Instant};

use crate::callback::Expected;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::kind::Kind;
use crate::random;
use crate::trace::{Step, Trace};
use crate::transaction::{State, Transaction};
use crate::transport::Limits;
use crate::transport::call::{deadline_after, sleep_until};

/// The options of [`Client::wait`](crate::Client::wait).
///
/// A time of zero means the default, which depends on the kind of the [`expected`](Self::expected)
/// payment.
#[derive(Clone, Debug, Default)]
pub struct WaitOptions {
    /// How long to wait in total. Default: 10 minutes; 5 for a mobile payment, because the message
    /// on the phone expires after some minutes.
    pub timeout: Duration,
    /// The pause before the second check; it grows by half each time. Default: 1 second; 2 for a
    /// mobile payment.
    pub interval: Duration,
    /// The longest pause. Default: 10 seconds; 5 for a mobile payment.
    pub max_interval: Duration,
    /// Default: 30 seconds; 90 for a mobile payment, because people take a minute to confirm; 5 minutes
    /// for a payout, because a repeated payout gives money away. How long FAILED must last, from
    /// when it was first seen, before it is returned: the gateway reports it while the customer is
    /// still typing, and PAID afterwards. The same for CANCELLED, REFUNDING and REFUNDED: an older
    /// document of the gateway gives their numbers other meanings, and one of them was seen live
    /// before a PAID.
    pub failed_grace: Duration,
    /// Cancels the wait, from another thread or a signal handler.
    pub cancel: Option<CancelToken>,
    /// The payment that is waited for. If set, the wait returns no other: a payment that differs in
    /// reference, amount or currency ends the wait with [`ErrorCode::Mismatch`]. Its
    /// `order_number`, if set, must be the one that is waited for; its `query` is not used.
    pub expected: Option<Expected>,
    /// An id of your own for this call, for its [trace](crate::Config::trace): 1 to 64 printable
    /// ASCII characters.
    pub correlation_id: Option<String>,
}

/// The times of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    timeout: Duration,
    interval: Duration,
    max_interval: Duration,
    failed_grace: Duration,
}

/// A customer types the number of a card, anywhere.
const CARD: Pace = Pace {
    timeout: Duration::from_secs(600),
    interval: Duration::from_secs(1),
    max_interval: Duration::from_secs(10),
    failed_grace: Duration::from_secs(30),
};

/// A customer confirms on the phone, beside the till: people take about a minute, and the till
/// should learn it soon. A failure was seen live while the customer was still typing, so it must
/// last longer than the typing. After some minutes the message on the phone has expired.
const MOBILE: Pace = Pace {
    timeout: Duration::from_secs(300),
    interval: Duration::from_secs(2),
    max_interval: Duration::from_secs(5),
    failed_grace: Duration::from_secs(90),
};

/// Nobody waits for a payout, and a failure that is believed too early pays it out twice.
const PAYOUT: Pace = Pace {
    failed_grace: Duration::from_secs(300),
    ..CARD
};

impl WaitOptions {
    /// How long a wait with these options lasts at most, with the default applied.
    pub fn time_limit(&self) -> Duration {
        self.pace().timeout
    }

    fn pace(&self) -> Pace {
        let default = match self.expected.as_ref().map(|expected| expected.kind) {
            None | Some(Kind::Card) => CARD,
            Some(Kind::Mobile) => MOBILE,
            Some(Kind::Payout) => PAYOUT,
        };
        let or = |given: Duration, default| match given {
            Duration::ZERO => default,
            given => given,
        };
        Pace {
            timeout: or(self.timeout, default.timeout),
            interval: or(self.interval, default.interval),
            max_interval: or(self.max_interval, default.max_interval),
            failed_grace: or(self.failed_grace, default.failed_grace),
        }
    }
}

/// The time between the last check and the deadline.
const LAST_CHECK_MARGIN: Duration = Duration::from_secs(2);

/// Exponential backoff with jitter, so that many clients do not send their checks at the same time.
pub(crate) struct Backoff {
    pub(crate) initial: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after this many attempts. It grows by half each time; the jitter is 20 percent.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let mut pause = self.initial;
        for _ in 1..attempts.min(64) {
            pause = pause.saturating_add(pause / 2).min(self.max);
        }
        let percent = 80 + (random::number() % 41) as u32;
        (pause / 100).saturating_mul(percent).min(self.max)
    }
}

/// Calls `check` until the state of the transaction is final.
pub(crate) fn wait(
    options: &WaitOptions,
    trace: Option<&Trace>,
    mut check: impl FnMut(Limits<'_>) -> Result<Transaction>,
) -> Result<Transaction> {
    let pace = options.pace();
    let cancel = options.cancel.as_ref();
    let deadline = deadline_after(pace.timeout);
    let limits = Limits {
        deadline,
        cancel,
        trace,
    };
    // The last check is sent shortly before the deadline, independent of the pauses.
    let last_check = deadline
        .checked_sub(LAST_CHECK_MARGIN.min(pace.timeout / 4))
        .unwrap_or(deadline);
    let backoff = Backoff {
        initial: pace.interval,
        max: pace.max_interval,
    };
    // The last provisional state, and when it was first seen.
    let mut provisional: Option<(State, Instant)> = None;
    let mut seen = "nothing".to_owned();
    for attempt in 1.. {
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return Err(cancelled());
        }
        let mut pause = backoff.pause(attempt);
        match check(limits) {
            Ok(transaction) => {
                seen = transaction.state.name().to_owned();
                match transaction.state {
                    State::Paid => return Ok(transaction),
                    state @ (State::Failed
                    | State::Cancelled
                    | State::Refunding
                    | State::Refunded) => {
                        let since = match provisional {
                            Some((previous, since)) if previous == state => since,
                            _ => Instant::now(),
                        };
                        provisional = Some((state, since));
                        let lasted = since.elapsed();
                        if lasted >= pace.failed_grace {
                            return Ok(transaction);
                        }
                        seen.push_str(", but too recently to be final");
                        // Check again at the end of the grace period at the latest.
                        pause = pause.min(pace.failed_grace - lasted);
                    }
                    State::Pending | State::Unknown => provisional = None,
                }
            }
            Err(error) if continues_after(&error) => {
                // Retry-After is limited to max_interval, because a customer waits at the till.
                let retry_after = error.retry_after().unwrap_or_default();
                pause = pause.max(retry_after.min(pace.max_interval));
                // A timeout is less useful in the message than what was seen before.
                if error.code() != ErrorCode::Timeout || seen == "nothing" {
                    seen = error.message().to_owned();
                }
            }
            Err(error) => return Err(error.with_unknown_outcome()),
        }
        let now = Instant::now();
        if now >= last_check {
            break;
        }
        let next = deadline_after(pause).min(last_check);
        if let Some(trace) = trace {
            trace.record(Step::pause_until(next));
        }
        if !sleep_until(next, cancel) {
            return Err(cancelled());
        }
    }
    let waited = pace.timeout.as_secs();
    Err(Error::new(
        ErrorCode::Timeout,
        Outcome::Unknown,
        format!("the outcome is still open after {waited} s; last seen: {seen}"),
    ))
}

/// Whether the wait continues after this error. For a moment after a payment request, the gateway
/// reports "not found" with various HTTP statuses. So the only refusal that ends a wait is that of
/// the token.
fn continues_after(error: &Error) -> bool {
    error.is_retryable()
        || matches!(
            error.code(),
            ErrorCode::NotFound
                | ErrorCode::Refused
                | ErrorCode::Gateway
                | ErrorCode::Timeout
                | ErrorCode::Reply
        )
}

fn cancelled() -> Error {
    Error::new(
        ErrorCode::Cancelled,
        Outcome::Unknown,
        "the wait was cancelled; the payment's outcome is open",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_pace() {
        let of = |kind| WaitOptions {
            expected: Some(Expected {
                kind,
                ..Expected::default()
            }),
            ..WaitOptions::default()
        };
        assert_eq!(of(Kind::Mobile).pace(), MOBILE);
        assert_eq!(of(Kind::Payout).pace(), PAYOUT);
        assert_eq!(of(Kind::Card).pace(), CARD);
        assert_eq!(WaitOptions::default().pace(), CARD);
        let typing = Duration::from_secs(60);
        assert!(MOBILE.failed_grace > typing && PAYOUT.failed_grace > typing);
    }

    #[test]
    fn a_time_that_is_given_replaces_the_default() {
        let options = WaitOptions {
            timeout: Duration::from_secs(60),
            max_interval: Duration::from_secs(3),
            ..WaitOptions::default()
        };
        let expected = Pace {
            timeout: Duration::from_secs(60),
            max_interval: Duration::from_secs(3),
            ..CARD
        };
        assert_eq!(options.pace(), expected);
    }
}
