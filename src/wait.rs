//! Waiting for the outcome of a payment.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::callback::Expected;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::transaction::{State, Transaction};
use crate::transport::Limits;
use crate::transport::call::{after, sleep_until};

/// How [`Client::wait`](crate::Client::wait) waits. Zero stands for the default of each.
#[derive(Clone, Debug)]
pub struct WaitOptions {
    /// How long to wait in all.
    pub timeout: Duration,
    /// The pause before the second question; it grows by half each time.
    pub interval: Duration,
    /// The longest pause.
    pub max_interval: Duration,
    /// How long FAILED must stand, from when it was first seen, to be believed: the gateway says it
    /// while the customer is still typing, and PAID afterwards. The same for CANCELLED, REFUNDING
    /// and REFUNDED: an older document of the gateway gives their numbers other meanings, and one of
    /// them was seen live before a PAID.
    pub failed_grace: Duration,
    /// Ends the wait from elsewhere.
    pub cancel: Option<CancelToken>,
    /// The payment that is waited for. Then the wait returns it and no other: one that differs in
    /// reference, amount or currency ends the wait with [`ErrorCode::Mismatch`]. Its `order_number`,
    /// where there is one, must be the one that is waited for; its `query` is not used.
    pub expected: Option<Expected>,
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

/// How long before the deadline the last question is asked.
const LAST_QUESTION: Duration = Duration::from_secs(2);

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
        // RandomState's keys are random, but a forked child has its parent's: so, the process too.
        let chance = RandomState::new().hash_one((attempts, std::process::id(), Instant::now()));
        let percent = 80 + (chance % 41) as u32;
        (pause / 100).saturating_mul(percent).min(self.most)
    }
}

/// Asks until the answer is final.
pub(crate) fn wait(
    options: &WaitOptions,
    mut ask: impl FnMut(Limits<'_>) -> Result<Transaction>,
) -> Result<Transaction> {
    let options = options.with_defaults();
    let cancel = options.cancel.as_ref();
    let deadline = after(options.timeout);
    let limits = Limits { deadline, cancel };
    // The last question is asked shortly before the deadline, whatever the pauses come to.
    let last_chance = deadline
        .checked_sub(LAST_QUESTION.min(options.timeout / 4))
        .unwrap_or(deadline);
    let backoff = Backoff {
        first: options.interval,
        most: options.max_interval,
    };
    // The last state that is provisional, and when it was first seen.
    let mut provisional: Option<(State, Instant)> = None;
    let mut seen = "nothing".to_owned();
    for attempt in 1.. {
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return Err(cancelled());
        }
        let mut pause = backoff.pause(attempt);
        match ask(limits) {
            Ok(transaction) => {
                seen = transaction.state.name().to_owned();
                match transaction.state {
                    State::Paid => return Ok(transaction),
                    state @ (State::Failed
                    | State::Cancelled
                    | State::Refunding
                    | State::Refunded) => {
                        let same = provisional.filter(|(before, _)| *before == state);
                        let (_, since) =
                            *provisional.insert(same.unwrap_or((state, Instant::now())));
                        let stood = since.elapsed();
                        if stood >= options.failed_grace {
                            return Ok(transaction);
                        }
                        seen.push_str(", too lately to be sure");
                        // No sense in sleeping past the moment it can be believed.
                        pause = pause.min(options.failed_grace - stood);
                    }
                    State::Pending | State::Unknown => provisional = None,
                }
            }
            Err(error) if goes_on_after(&error) => {
                // A gateway that asks for an hour is asked sooner: somebody stands at the till.
                let asked_for = error.retry_after().unwrap_or_default();
                pause = pause.max(asked_for.min(options.max_interval));
                // That time was up says less than what was seen before.
                if error.code() != ErrorCode::Timeout || seen == "nothing" {
                    seen = error.message().to_owned();
                }
            }
            Err(error) => return Err(error.outcome_open()),
        }
        let now = Instant::now();
        if now >= last_chance {
            break;
        }
        let next = after(pause).min(last_chance);
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

/// Whether a wait goes on after this error. The gateway says "not found" under many HTTP statuses for
/// a moment after a payment request, so of its refusals only the one of the token ends a wait.
fn goes_on_after(error: &Error) -> bool {
    error.is_passing()
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
