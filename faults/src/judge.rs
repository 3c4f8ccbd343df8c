//! The verdict on one run: compares its result with its fault, the server's ledger and the clock.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::catalogue::{Class, Fault};
use crate::clock;
use crate::expectation::{
    CANCELLED, CONNECTION_LOST, Expectation, HANDED_OVER, NOT_HANDED_OVER, UNREADABLE,
};
use crate::interface::{CallResult, TimedResult, consts};
use crate::interruption::Interrupted;
use crate::plan::{Call, Run};
use crate::trace;

/// How much later than its deadline a call may return, on an otherwise idle machine.
pub const OVERRUN: Duration = Duration::from_millis(100);
/// The longest possible pauses before the two retries of a check.
const MAX_PAUSES: [Duration; 2] = [Duration::from_millis(240), Duration::from_millis(360)];
/// The shortest possible sum of both pauses.
const MIN_PAUSES_SUM: Duration = Duration::from_millis(400);
/// An address that does not reply costs 250 ms. A call with this much time must reach the next address.
const REACHES_SECOND_ADDRESS: Duration = Duration::from_millis(500);
/// Timers may be early by less than this.
const TIMER_TOLERANCE: Duration = Duration::from_millis(1);

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FalseNotSent,
    SentTwice,
    WrongService,
    UsedConnection,
    FalseRefused,
    FalseSuccess,
    Unexplained,
    Overrun,
    Canary,
    Trace,
    Journal,
    Process,
    Harness,
}

impl Kind {
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::FalseNotSent, "false NOT_SENT"),
        (Self::SentTwice, "more than one payment request a call"),
        (Self::WrongService, "requests to another service"),
        (Self::UsedConnection, "payments on a used connection"),
        (Self::FalseRefused, "false REFUSED"),
        (Self::FalseSuccess, "false success"),
        (Self::Unexplained, "unexplained results"),
        (Self::Overrun, "deadline overruns beyond 100 ms"),
        (Self::Trace, "missing or wrong traces"),
        (Self::Journal, "journals that disagree with the ledger"),
        (Self::Canary, "token in strings from the library"),
        (Self::Process, "wrong ends of a bridge, stray output"),
        (Self::Harness, "failures of the harness"),
    ];
}

/// What the server saw of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// Requests of which at least one byte arrived.
    pub requests: usize,
    /// How many of these are payment requests.
    pub payments: usize,
    /// The start of a request that was sent to another service than the call's.
    pub misdirected: Option<String>,
    /// Whether a request of this run may be among those without an id.
    pub unidentified: bool,
    /// The index of the run's fault that was played last.
    pub last_fault: Option<usize>,
    /// How many times the run's faults were played, if known.
    pub plays: Option<usize>,
    /// Whether the server had not begun its script on some connection at the end.
    pub pending_connection: bool,
    /// When it was last the client's turn to act, as time since boot.
    pub client_turn: Option<Duration>,
    /// Whether a payment was sent on a connection that had been used before.
    pub paid_on_used_connection: bool,
    /// Whether a request used a connection that other runs had used, each with its own faults.
    pub shared_connection: bool,
    /// Whether a connection was ready for a request but carried none: the time was up just before the
    /// first byte was sent.
    pub unused_connection: bool,
}

/// The time that a call took.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub began: Instant,
    pub took: Duration,
    /// The machine's delay during the call: the worst delay of a monitor thread, or how long the calling
    /// thread waited for a processor, whichever is longer.
    pub delay: Duration,
    /// What the journal may add to the deadline.
    pub journal: Duration,
}

/// What is wrong, with details.
#[derive(Default)]
pub struct Verdict {
    pub wrong: Vec<(Kind, String)>,
    /// Whether the result is a TIMEOUT that only the clock explains.
    pub late: bool,
}

/// `in_group`: whether other runs used the same client.
pub fn judge(
    run: &Run,
    timed: &TimedResult,
    time: Time,
    seen: &Observation,
    in_group: bool,
) -> Verdict {
    let TimedResult { result, leaks, .. } = timed;
    let mut verdict = Verdict::default();
    let mut wrong = |kind, details: String| verdict.wrong.push((kind, details));
    if result.outcome() == Some(consts::OUTCOME_NOT_SENT) && seen.requests > 0 {
        let details = format!("the server received bytes of {} requests", seen.requests);
        wrong(Kind::FalseNotSent, details);
    }
    if let Some(start) = &seen.misdirected {
        wrong(Kind::WrongService, format!("{start:?}"));
    }
    if run.call.moves_money() {
        if seen.payments > 1 {
            wrong(Kind::SentTwice, format!("{} arrived", seen.payments));
        }
        if seen.paid_on_used_connection {
            wrong(Kind::UsedConnection, String::new());
        }
    }
    if *leaks > 0 {
        wrong(Kind::Canary, format!("in {leaks} strings"));
    }
    if let Some(details) = trace::problem(run, result, timed.trace.as_deref(), seen) {
        wrong(Kind::Trace, details);
    }
    let deadline = run.deadline();
    let over = overrun(run, result, time);
    if over > OVERRUN + time.delay + time.journal {
        wrong(Kind::Overrun, format!("by {over:?}"));
    }
    let order_number = match result {
        CallResult::State { order_number, .. } => Some(order_number),
        CallResult::Payment { order_number, .. } => order_number.as_ref(),
        CallResult::Error { .. } | CallResult::NoReply { .. } => None,
    };
    if let Some(order_number) = order_number
        && *order_number != run.operation.order_number
    {
        wrong(Kind::FalseSuccess, format!("about {order_number}"));
    }
    if let Some(details) = wrong_attempts(run, result, time, seen, deadline, in_group) {
        wrong(Kind::Unexplained, details);
    }

    let mut expectations = expectations(run, seen);
    expectations.extend(when_interrupted(run, timed.interrupted));
    let is_expected = expectations
        .iter()
        .any(|expectation| expectation.matches(result));
    if result.is_timeout() {
        match unexplained_timeout(run, result, time, seen, &expectations, is_expected) {
            Some(details) => wrong(Kind::Unexplained, details),
            None => verdict.late = !is_expected,
        }
    } else if !is_expected {
        let paid =
            matches!(result, CallResult::State { state, .. } if *state == consts::STATE_PAID);
        let may_succeed = expectations
            .iter()
            .any(|expectation| expectation.is_success());
        let kind = if paid || result.outcome().is_none() && !may_succeed {
            Kind::FalseSuccess
        } else if result.outcome() == Some(consts::OUTCOME_REFUSED)
            && !expectations
                .iter()
                .any(|expectation| expectation.is_refusal())
        {
            Kind::FalseRefused
        } else {
            Kind::Unexplained
        };
        wrong(kind, format!("acceptable: {expectations:?}"));
    } else if let (Call::Wait(wait), CallResult::State { state, .. }) = (&run.call, result) {
        let grace = Duration::from_millis(wait.options.failed_grace_ms.into());
        if *state == consts::STATE_FAILED && time.took < grace {
            wrong(
                Kind::Unexplained,
                format!("accepted FAILED before {grace:?}"),
            );
        }
    }
    verdict
}

/// How far a call overran its time: its deadline or, for a payment that got no connection, the connect
/// timeout.
pub fn overrun(run: &Run, result: &CallResult, time: Time) -> Duration {
    let connect_timeout = Duration::from_millis(run.settings.connect_timeout_ms.into());
    let unsent = result.is_timeout() && result.outcome() == Some(consts::OUTCOME_NOT_SENT);
    let limit = match run.call.moves_money() {
        true if unsent && !connect_timeout.is_zero() => run.deadline().min(connect_timeout),
        _ => run.deadline(),
    };
    time.took.saturating_sub(limit)
}

/// The further results of a call whose process was interrupted. A process whose input ends cancels its
/// waits, and replies to every line that it has received.
fn when_interrupted(run: &Run, interrupted: Option<Interrupted>) -> Vec<Expectation> {
    match (interrupted, &run.call) {
        (None, _) => vec![],
        (Some(Interrupted::Killed), _) => vec![HANDED_OVER, NOT_HANDED_OVER],
        (Some(Interrupted::InputEnded), Call::Wait(_)) => vec![CANCELLED, NOT_HANDED_OVER],
        (Some(Interrupted::InputEnded), _) => vec![NOT_HANDED_OVER],
    }
}

/// The acceptable results, from the table row of the fault that was played last.
fn expectations(run: &Run, seen: &Observation) -> Vec<Expectation> {
    if let Some(expectation) = run.local_refusal() {
        return vec![expectation];
    }
    let last = seen.last_fault.unwrap_or(0).min(run.faults.len() - 1);
    let Fault {
        expectations,
        class,
        ..
    } = &run.faults[last];
    let certificate = *class == Class::TlsCertificate;
    let for_wait = |expectation: &Expectation| expectation.for_wait(certificate);
    let mut expectations = match run.call {
        Call::Wait(_) => expectations.iter().flat_map(for_wait).collect(),
        _ => expectations.clone(),
    };
    if seen.shared_connection {
        // The bytes that another run's fault sends after its reply may arrive just after the check is sent.
        expectations.extend([CONNECTION_LOST, UNREADABLE]);
    }
    // A retried check may have been sent before; after that, NOT_SENT is false whatever follows. If the
    // server received bytes of it, it certainly was sent. If the number of attempts is unknown (in a
    // group whose connections end before a request's id), it may have been.
    let was_retried = last > 0 || seen.plays.is_none_or(|plays| plays > 1);
    let unsent = |expectation: &Expectation| {
        matches!(expectation, Expectation::Error(_, consts::OUTCOME_NOT_SENT))
    };
    let could_be_sent = last > 0 || seen.unused_connection || !expectations.iter().all(unsent);
    if !run.call.moves_money() && (seen.requests > 0 || was_retried && could_be_sent) {
        let sent: Vec<Expectation> = expectations
            .iter()
            .map(|expectation| expectation.after_sending())
            .collect();
        match seen.requests {
            0 => expectations.extend(sent),
            _ => expectations = sent,
        }
    }
    expectations
}

/// Whether a check made too many or too few attempts. It must retry what is safe to repeat, up to three
/// attempts in all, as long as there is time.
fn wrong_attempts(
    run: &Run,
    result: &CallResult,
    time: Time,
    seen: &Observation,
    deadline: Duration,
    in_group: bool,
) -> Option<String> {
    let max_attempts = match run.call {
        Call::Pay { .. } | Call::PayMobile { .. } | Call::Payout { .. } => 1,
        Call::Wait(_) => return None,
        Call::Check | Call::Verify(_) if run.settings.check_once => 1,
        Call::Check | Call::Verify(_) => 3,
    };
    let plays = seen.plays?;
    // If a reply on a used connection does not name the order, the check is sent again on a new
    // connection. This cannot happen to an attempt that opened its own connection.
    let fresh = !run.settings.reused && !in_group;
    let max_plays = if fresh && max_attempts == 1 {
        1
    } else {
        2 * max_attempts
    };
    if plays > max_plays {
        return Some(format!(
            "sent {plays} times; at most {max_plays} are allowed"
        ));
    }
    let attempts_known = fresh || plays == 1;
    let must_retry =
        attempts_known && plays > 0 && plays < max_attempts && Expectation::is_retryable(result);
    let has_retry_after = run.faults.iter().any(|fault| fault.retry_after);
    // The server does not see an attempt on a connection that another run's fault has closed. So the
    // attempt it saw may be the second or the third.
    let pause = if fresh {
        MAX_PAUSES[plays.clamp(1, 2) - 1]
    } else {
        MAX_PAUSES[1]
    };
    let maybe_all_attempts = !fresh && time.took >= MIN_PAUSES_SUM;
    let in_time = time.took + pause + Duration::from_millis(20) < deadline;
    if must_retry && !has_retry_after && !maybe_all_attempts && in_time {
        return Some(format!("gave up after {plays} attempts, with time left"));
    }
    None
}

/// What is wrong with a TIMEOUT. It is acceptable once the time is up, if the client could not have
/// known another result.
fn unexplained_timeout(
    run: &Run,
    result: &CallResult,
    time: Time,
    seen: &Observation,
    expectations: &[Expectation],
    is_expected: bool,
) -> Option<String> {
    let deadline = run.deadline();
    let unsent = result.outcome() == Some(consts::OUTCOME_NOT_SENT);
    let limit = match (&run.call, run.settings.connect_timeout_ms) {
        // A wait sends its last check when a quarter of its time (or two seconds) is left, and ends with
        // the reply to it.
        (Call::Wait(_), _) => deadline * 3 / 4,
        (_, ms @ 1..) if unsent => deadline.min(Duration::from_millis(ms.into())),
        _ => deadline,
    };
    if time.took + TIMER_TOLERANCE < limit {
        return Some(format!("TIMEOUT, {:?} too early", limit - time.took));
    }
    if is_expected {
        return None;
    }
    // A warm-up uses the run's first connection, so only runs without one count here.
    if run.faults[0].class == Class::FirstAddressSilent
        && !run.settings.reused
        && limit > REACHES_SECOND_ADDRESS + time.delay
    {
        return Some("TIMEOUT, although the second address replies".to_owned());
    }
    let is_wait = matches!(run.call, Call::Wait(_));
    let unknown = |expectation: &Expectation| {
        matches!(expectation, Expectation::Error(_, consts::OUTCOME_UNKNOWN))
    };
    let may_have_sent = seen.requests > 0 || seen.unidentified || seen.unused_connection;
    if !unsent && !is_wait && !may_have_sent && !expectations.iter().any(unknown) {
        return Some(
            "TIMEOUT with an unknown outcome, although nothing can have been sent".to_owned(),
        );
    }
    // A call that retries may begin its last attempt just before its time is up.
    let patience = match run.call {
        Call::Pay { .. } | Call::PayMobile { .. } | Call::Payout { .. } => OVERRUN,
        Call::Wait(_) => OVERRUN * 2,
        _ if run.settings.check_once => OVERRUN,
        _ => OVERRUN + MAX_PAUSES[1],
    };
    let has_retry_after = run.faults.iter().any(|fault| fault.retry_after);
    let returned = clock::since_boot(time.began + time.took);
    match seen.client_turn {
        Some(client_turn)
            if !has_retry_after
                && !seen.pending_connection
                && returned.saturating_sub(client_turn) > patience + time.delay + time.journal =>
        {
            Some(format!(
                "TIMEOUT, after the client had its turn for {:?}; acceptable: {expectations:?}",
                returned.saturating_sub(client_turn)
            ))
        }
        _ => None,
    }
}
