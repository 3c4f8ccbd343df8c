//! The verdict on one run: what came of it, held against its fault, the server's ledger and a clock.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::abi::{Got, n};
use crate::catalogue::{Class, Fault};
use crate::clock;
use crate::expectation::{BROKE, Expectation};
use crate::plan::{Call, Run};

/// How much later than its deadline a call may come back, on a machine that is otherwise idle.
pub const OVERRUN: Duration = Duration::from_millis(100);
/// The first pauses of a check that asks again, at their longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(240), Duration::from_millis(360)];
/// Both together, at their shortest.
const SHORTEST_PAUSES: Duration = Duration::from_millis(400);
/// A silent address costs a quarter of a second. Whoever has this much time must reach the next.
const REACHES_SECOND_ADDRESS: Duration = Duration::from_millis(500);
/// Timers may be early by less than this.
const GRAIN: Duration = Duration::from_millis(1);

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FalseNotSent,
    SentTwice,
    UsedConnection,
    FalseRefused,
    FalseSuccess,
    Unexplained,
    Overrun,
    Canary,
    Harness,
}

impl Kind {
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::FalseNotSent, "false NOT_SENT"),
        (Self::SentTwice, "payment requests beyond one a call"),
        (Self::UsedConnection, "payments on a used connection"),
        (Self::FalseRefused, "false REFUSED"),
        (Self::FalseSuccess, "false success"),
        (Self::Unexplained, "unexplained results"),
        (Self::Overrun, "deadline overruns beyond 100 ms"),
        (Self::Canary, "token in what the library hands out"),
        (Self::Harness, "failures of the harness itself"),
    ];
}

/// What the server saw of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Requests of which at least one byte came.
    pub requests: usize,
    /// Of these, payment requests.
    pub payments: usize,
    /// Whether a request could have come that was not told to be this run's.
    pub anonymous: bool,
    /// Which of the run's faults was the last to be played.
    pub last_fault: Option<usize>,
    /// How many times the run's faults were played, where that is known.
    pub plays: Option<usize>,
    /// Whether the server was still to begin with a connection when all was over.
    pub behind: bool,
    /// When it was last the client's turn, counted from the start of the machine.
    pub acted: Option<Duration>,
    pub used_connection: bool,
    /// Whether a request of it went over a connection that others had used, with faults of their own.
    pub shared: bool,
    /// Whether a connection was ready for a request and carried nothing: the time was up when the
    /// first byte was about to be handed over.
    pub silent: bool,
}

/// When it happened.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub began: Instant,
    pub took: Duration,
    /// How late the control thread was, at worst, meanwhile, or how long the calling thread stood in
    /// line for a processor: whichever is more.
    pub lateness: Duration,
}

/// What is wrong, with words; and whether the result needed the clock to be explained.
#[derive(Default)]
pub struct Verdict {
    pub wrong: Vec<(Kind, String)>,
    pub late: bool,
}

/// `crowd`: whether others called on the same client.
pub fn judge(run: &Run, got: &Got, time: Time, seen: &Seen, crowd: bool, leaks: usize) -> Verdict {
    let mut verdict = Verdict::default();
    let mut wrong = |kind, words: String| verdict.wrong.push((kind, words));
    if got.outcome() == Some(n::OUTCOME_NOT_SENT) && seen.requests > 0 {
        let words = format!("the server has bytes of {} requests of it", seen.requests);
        wrong(Kind::FalseNotSent, words);
    }
    if matches!(run.call, Call::Pay { .. }) {
        if seen.payments > 1 {
            wrong(Kind::SentTwice, format!("{} came", seen.payments));
        }
        if seen.used_connection {
            wrong(Kind::UsedConnection, String::new());
        }
    }
    if leaks > 0 {
        wrong(Kind::Canary, format!("in {leaks} of its texts"));
    }
    let deadline = deadline(run);
    let over = overrun(run, got, time);
    if over > OVERRUN + time.lateness {
        wrong(Kind::Overrun, format!("by {over:?}"));
    }
    if let Got::State { order_number, .. } = got
        && *order_number != run.question.order_number
    {
        wrong(Kind::FalseSuccess, format!("about {order_number}"));
    }
    if let Some(words) = repeats(run, got, time, seen, deadline, crowd) {
        wrong(Kind::Unexplained, words);
    }

    let expectations = expectations(run, seen);
    let in_table = expectations.iter().any(|expectation| expectation.fits(got));
    if got.is_late() {
        match too_soon(run, got, time, seen, &expectations, in_table) {
            Some(words) => wrong(Kind::Unexplained, words),
            None => verdict.late = !in_table,
        }
    } else if !in_table {
        let paid = matches!(got, Got::State { state, .. } if *state == n::STATE_PAID);
        let may_succeed = expectations
            .iter()
            .any(|expectation| expectation.is_success());
        let kind = if paid || got.outcome().is_none() && !may_succeed {
            Kind::FalseSuccess
        } else if got.outcome() == Some(n::OUTCOME_REFUSED)
            && !expectations
                .iter()
                .any(|expectation| expectation.is_refusal())
        {
            Kind::FalseRefused
        } else {
            Kind::Unexplained
        };
        wrong(kind, format!("acceptable: {expectations:?}"));
    } else if let (Call::Wait(options), Got::State { state, .. }) = (&run.call, got) {
        let grace = Duration::from_millis(options.failed_grace.into());
        if *state == n::STATE_FAILED && time.took < grace {
            wrong(
                Kind::Unexplained,
                format!("believed FAILED before {grace:?}"),
            );
        }
    }
    verdict
}

pub fn deadline(run: &Run) -> Duration {
    let ms = match run.call {
        Call::Wait(options) => options.timeout,
        _ => run.shop.deadline_ms,
    };
    Duration::from_millis(ms.into())
}

/// How far a call went beyond what time it had: its deadline or, for a payment that never got a
/// connection, the time for that.
pub fn overrun(run: &Run, got: &Got, time: Time) -> Duration {
    let connecting = Duration::from_millis(run.shop.connect_timeout_ms.into());
    let unsent = got.is_late() && got.outcome() == Some(n::OUTCOME_NOT_SENT);
    let limit = match run.call {
        Call::Pay { .. } if unsent && !connecting.is_zero() => deadline(run).min(connecting),
        _ => deadline(run),
    };
    time.took.saturating_sub(limit)
}

/// What is acceptable, from the table, of the fault that was played last.
fn expectations(run: &Run, seen: &Seen) -> Vec<Expectation> {
    if let Call::Verify(notice) = &run.call
        && let Some(expectation) = notice.refused
    {
        return vec![expectation];
    }
    let last = seen.last_fault.unwrap_or(0).min(run.faults.len() - 1);
    let Fault {
        expectations,
        class,
        ..
    } = &run.faults[last];
    let certificate = *class == Class::TlsCertificate;
    let of_wait = |expectation: &Expectation| expectation.of_wait(certificate);
    let mut expectations = match run.call {
        Call::Wait(_) => expectations.iter().flat_map(of_wait).collect(),
        _ => expectations.clone(),
    };
    if seen.shared {
        expectations.push(BROKE);
    }
    // What is asked again was perhaps sent before: then nothing that follows makes it unsent. It was
    // for certain where the server has some of it. Where it is not known how often was asked (in a
    // crowd whose connections end before they say whose they are), it may have been.
    let again = last > 0 || seen.plays.is_none_or(|plays| plays > 1);
    let unsent = |expectation: &Expectation| {
        matches!(expectation, Expectation::Error(_, n::OUTCOME_NOT_SENT))
    };
    let sendable = last > 0 || seen.silent || !expectations.iter().all(unsent);
    if !run.question.is_pay && (seen.requests > 0 || again && sendable) {
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

/// Whether a check asked as often as it may and must: what is safe to repeat, up to three times, as
/// long as there is time.
fn repeats(
    run: &Run,
    got: &Got,
    time: Time,
    seen: &Seen,
    deadline: Duration,
    crowd: bool,
) -> Option<String> {
    let may = match run.call {
        Call::Pay { .. } => 1,
        Call::Wait(_) => return None,
        Call::Check | Call::Verify(_) if run.shop.check_once => 1,
        Call::Check | Call::Verify(_) => 3,
    };
    let plays = seen.plays?;
    // A reply over a used connection that does not name the order is asked for again over a new one.
    // An attempt over a connection of its own cannot have come to that.
    let fresh = !run.shop.reused && !crowd;
    let most = if fresh && may == 1 { 1 } else { 2 * may };
    if plays > most {
        return Some(format!("asked {plays} times, and may ask {most}"));
    }
    let attempts_known = fresh || plays == 1;
    let asks_again = attempts_known && plays > 0 && plays < may && Expectation::is_passing(got);
    let waits = run.faults.iter().any(|fault| fault.retry_after);
    // One over a connection that another's fault had ended was never seen: it may be the second that
    // was, or the third.
    let pause = if fresh {
        PAUSES[plays.clamp(1, 2) - 1]
    } else {
        PAUSES[1]
    };
    let perhaps_all = !fresh && time.took >= SHORTEST_PAUSES;
    let in_time = time.took + pause + Duration::from_millis(20) < deadline;
    if asks_again && !waits && !perhaps_all && in_time {
        return Some(format!("gave up after {plays}, with time left"));
    }
    None
}

/// TIMEOUT is acceptable once the time is up, if the client cannot have known better: what is wrong
/// with it otherwise.
fn too_soon(
    run: &Run,
    got: &Got,
    time: Time,
    seen: &Seen,
    expectations: &[Expectation],
    in_table: bool,
) -> Option<String> {
    let deadline = deadline(run);
    let unsent = got.outcome() == Some(n::OUTCOME_NOT_SENT);
    let limit = match (&run.call, run.shop.connect_timeout_ms) {
        // A wait asks its last question when a quarter of its time is left (or two seconds), and
        // with the answer to that it is over.
        (Call::Wait(_), _) => deadline * 3 / 4,
        (_, ms @ 1..) if unsent => deadline.min(Duration::from_millis(ms.into())),
        _ => deadline,
    };
    if time.took + GRAIN < limit {
        return Some(format!("TIMEOUT, {:?} before its time", limit - time.took));
    }
    if in_table {
        return None;
    }
    // A run that means to warm up gives its first connection to that.
    if run.faults[0].class == Class::FirstAddressSilent
        && !run.shop.reused
        && limit > REACHES_SECOND_ADDRESS + time.lateness
    {
        return Some("TIMEOUT, and the second address answers".to_owned());
    }
    let is_wait = matches!(run.call, Call::Wait(_));
    let unknown = |expectation: &Expectation| {
        matches!(expectation, Expectation::Error(_, n::OUTCOME_UNKNOWN))
    };
    let may_have_sent = seen.requests > 0 || seen.anonymous || seen.silent;
    if !unsent && !is_wait && !may_have_sent && !expectations.iter().any(unknown) {
        return Some("TIMEOUT with an unknown outcome, and nothing can have been sent".to_owned());
    }
    // A call that asks again may begin its last attempt just before its time is up.
    let patience = match run.call {
        Call::Pay { .. } => OVERRUN,
        Call::Wait(_) => OVERRUN * 2,
        _ if run.shop.check_once => OVERRUN,
        _ => OVERRUN + PAUSES[1],
    };
    let waits = run.faults.iter().any(|fault| fault.retry_after);
    let up = clock::since_boot(time.began + time.took);
    match seen.acted {
        Some(acted)
            if !waits && !seen.behind && up.saturating_sub(acted) > patience + time.lateness =>
        {
            Some(format!(
                "TIMEOUT, and it had been the client's turn for {:?}; acceptable: {expectations:?}",
                up.saturating_sub(acted)
            ))
        }
        _ => None,
    }
}
