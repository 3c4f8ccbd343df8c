//! Waiting for the outcome of a payment.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::client::is_passing;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::transaction::{State, Transaction};
use crate::transport::Limits;
use crate::transport::call::{after, sleep_until};

/// How [`Client::wait`](crate::Client::wait) waits.
#[derive(Clone, Debug)]
pub struct WaitOptions {
    /// How long to wait in all.
    pub timeout: Duration,
    /// The pause before the second question; it grows by half each time.
    pub interval: Duration,
    /// The longest pause.
    pub max_interval: Duration,
    /// How long FAILED must stand, from when it was first seen, to be believed: the gateway says it
    /// while the customer is still typing, and PAID afterwards.
    pub failed_grace: Duration,
    /// Ends the wait from elsewhere.
    pub cancel: Option<CancelToken>,
}

impl Default for WaitOptions {
    /// Ten minutes; pauses from one second to ten; half a minute of grace.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
            interval: Duration::from_secs(1),
            max_interval: Duration::from_secs(10),
            failed_grace: Duration::from_secs(30),
            cancel: None,
        }
    }
}

/// Pauses that grow, and that differ a little from one client to the next so that a thousand tills
/// do not ask in step.
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// The pause after so many attempts: half as long again each time, give or take a fifth.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let mut pause = self.first;
        for _ in 1..attempts.min(64) {
            pause = pause.saturating_add(pause / 2).min(self.most);
        }
        // RandomState's keys are random: all the chance that jitter needs.
        let percent = 80 + RandomState::new().hash_one(attempts) % 41;
        pause.min(self.most) / 100 * percent as u32
    }
}

/// Asks until the answer is final.
pub(crate) fn wait(
    options: &WaitOptions,
    mut ask: impl FnMut(Limits<'_>) -> Result<Transaction>,
) -> Result<Transaction> {
    let deadline = after(options.timeout);
    let backoff = Backoff {
        first: options.interval,
        most: options.max_interval,
    };
    let limits = Limits {
        deadline,
        cancel: options.cancel.as_ref(),
    };
    let mut failed_since: Option<Instant> = None;
    let mut attempt = 0;
    loop {
        if options
            .cancel
            .as_ref()
            .is_some_and(CancelToken::is_cancelled)
        {
            return Err(cancelled());
        }
        attempt += 1;
        let mut pause = backoff.pause(attempt);
        let last = match ask(limits) {
            Ok(transaction) => {
                match transaction.state {
                    State::Paid | State::Cancelled | State::Refunding | State::Refunded => {
                        return Ok(transaction);
                    }
                    State::Failed => {
                        let since = *failed_since.get_or_insert_with(Instant::now);
                        let stood = since.elapsed();
                        if stood >= options.failed_grace {
                            return Ok(transaction);
                        }
                        // No sense in sleeping past the moment it can be believed.
                        pause = pause.min(options.failed_grace - stood);
                    }
                    State::Pending | State::Unknown => failed_since = None,
                }
                match transaction.state {
                    State::Failed => "FAILED, too lately to be sure".to_owned(),
                    state => state.name().to_owned(),
                }
            }
            Err(error) if is_borne(&error) => {
                pause = pause.max(error.retry_after().unwrap_or_default());
                error.message().to_owned()
            }
            Err(error) => return Err(error),
        };
        let next = after(pause);
        if !sleep_until(next.min(deadline), options.cancel.as_ref()) {
            return Err(cancelled());
        }
        if next >= deadline {
            return Err(Error::new(
                ErrorCode::Timeout,
                Outcome::Unknown,
                format!(
                    "the outcome is still open after {} s; last seen: {last}",
                    options.timeout.as_secs()
                ),
            ));
        }
    }
}

/// What a wait bears with: it may be over at the next question.
fn is_borne(error: &Error) -> bool {
    is_passing(error)
        || matches!(
            error.code(),
            ErrorCode::NotFound | ErrorCode::Timeout | ErrorCode::Reply
        )
}

fn cancelled() -> Error {
    Error::new(
        ErrorCode::Cancelled,
        Outcome::Unknown,
        "the wait was cancelled; the payment's outcome is open",
    )
}
