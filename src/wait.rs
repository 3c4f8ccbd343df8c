//! Waits for the outcome of a payment.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::callback::Expected;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::transaction::{State, Transaction};
use crate::transport::Limits;
use crate::transport::call::{deadline_after, sleep_until};

/// The options of [`Client::wait`](crate::Client::wait). Zero means the default of each.
#[derive(Clone, Debug)]
pub struct WaitOptions {
    /// How long to wait in total.
    pub timeout: Duration,
    /// The pause before the second check; it grows by half each time.
    pub interval: Duration,
    /// The longest pause.
    pub max_interval: Duration,
    /// How long FAILED must last, from when it was first seen, before it is returned: the gateway
    /// reports it while the customer is still typing, and PAID afterwards. The same for CANCELLED,
    /// REFUNDING and REFUNDED: an older document of the gateway gives their numbers other meanings, and
    /// one of them was seen live before a PAID.
    pub failed_grace: Duration,
    /// Cancels the wait, from another thread or a signal handler.
    pub cancel: Option<CancelToken>,
    /// The payment that is waited for. If set, the wait returns no other: a payment that differs in
    /// reference, amount or currency ends the wait with [`ErrorCode::Mismatch`]. Its `order_number`, if
    /// set, must be the one that is waited for; its `query` is not used.
    pub expected: Option<Expected>,
}

impl Default for WaitOptions {
    /// Timeout: 10 minutes. Pauses: from 1 to 10 seconds. Grace period: 30 seconds.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
            interval: Duration::from_secs(1),
            max_interval: Duration::from_secs(10),
            failed_grace: Duration::from_secs(30),
            cancel: None,
            expected: None,
        }
    }
}

impl WaitOptions {
    fn with_defaults(&self) -> Self {
        let default = Self::default();
        let or = |given: Duration, default| if given.is_zero() { default } else { given };
        Self {
            timeout: or(self.timeout, default.timeout),
            interval: or(self.interval, default.interval),
            max_interval: or(self.max_interval, default.max_interval),
            failed_grace: or(self.failed_grace, default.failed_grace),
            cancel: self.cancel.clone(),
            expected: self.expected.clone(),
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
        // RandomState has random keys. A forked child inherits them, so the process id is hashed too.
        let random = RandomState::new().hash_one((attempts, std::process::id(), Instant::now()));
        let percent = 80 + (random % 41) as u32;
        (pause / 100).saturating_mul(percent).min(self.max)
    }
}

/// Calls `check` until the state of the transaction is final.
pub(crate) fn wait(
    options: &WaitOptions,
    mut check: impl FnMut(Limits<'_>) -> Result<Transaction>,
) -> Result<Transaction> {
    let options = options.with_defaults();
    let cancel = options.cancel.as_ref();
    let deadline = deadline_after(options.timeout);
    let limits = Limits { deadline, cancel };
    // The last check is sent shortly before the deadline, independent of the pauses.
    let last_check = deadline
        .checked_sub(LAST_CHECK_MARGIN.min(options.timeout / 4))
        .unwrap_or(deadline);
    let backoff = Backoff {
        initial: options.interval,
        max: options.max_interval,
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
                        if lasted >= options.failed_grace {
                            return Ok(transaction);
                        }
                        seen.push_str(", but too recently to be final");
                        // Check again at the end of the grace period at the latest.
                        pause = pause.min(options.failed_grace - lasted);
                    }
                    State::Pending | State::Unknown => provisional = None,
                }
            }
            Err(error) if continues_after(&error) => {
                // Retry-After is limited to max_interval, because a customer waits at the till.
                let retry_after = error.retry_after().unwrap_or_default();
                pause = pause.max(retry_after.min(options.max_interval));
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
        if !sleep_until(next, cancel) {
            return Err(cancelled());
        }
    }
    let waited = options.timeout.as_secs();
    Err(Error::new(
        ErrorCode::Timeout,
        Outcome::Unknown,
        format!("the outcome is still open after {waited} s; last seen: {seen}"),
    ))
}

/// Whether the wait continues after this error. For a moment after a payment request, the gateway reports
/// "not found" with various HTTP statuses. So the only refusal that ends a wait is that of the token.
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
