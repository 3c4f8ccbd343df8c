//! Compares a journal with the gateway's ledger, with what was delivered, and with what the caller heard.

use std::fmt;

use flexpay::Kind;
use flexpay::journal::{Entry, EntryState};

use crate::gateway::{Ledger, Taken};
use crate::worker::Heard;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    SentTwice,
    Forgotten,
    FalsePaid,
    FalseState,
    HeardNotRecorded,
    DeliveredTwice,
    NeverDelivered,
    Damaged,
    Stuck,
    Crashed,
    NoAdvice,
}

pub const BROKEN: [Broken; 11] = [
    Broken::SentTwice,
    Broken::Forgotten,
    Broken::FalsePaid,
    Broken::FalseState,
    Broken::HeardNotRecorded,
    Broken::DeliveredTwice,
    Broken::NeverDelivered,
    Broken::Damaged,
    Broken::Stuck,
    Broken::Crashed,
    Broken::NoAdvice,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub broken: Broken,
    pub detail: String,
}

/// What is there at one moment, when no process runs.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The entry in the journal.
    pub entry: Option<Entry>,
    /// The reference is in the list of pruned ones.
    pub is_pruned: bool,
    /// An older entry, which has nothing to do with the call, is there.
    pub other_is_there: bool,
    /// What is wrong with the file.
    pub problems: Vec<String>,
    /// What the gateway has.
    pub ledger: Ledger,
    /// The lines in the log of what was delivered.
    pub deliveries: usize,
}

impl Broken {
    pub fn name(self) -> &'static str {
        match self {
            Self::SentTwice => "sent twice",
            Self::Forgotten => "forgotten",
            Self::FalsePaid => "PAID, not paid",
            Self::FalseState => "another false state",
            Self::HeardNotRecorded => "heard, not recorded",
            Self::DeliveredTwice => "delivered twice",
            Self::NeverDelivered => "never delivered",
            Self::Damaged => "damaged file",
            Self::Stuck => "stuck",
            Self::Crashed => "crashed",
            Self::NoAdvice => "no advice",
        }
    }

    pub fn because(self, detail: impl Into<String>) -> Violation {
        Violation {
            broken: self,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.broken.name(), self.detail)
    }
}

/// What is true at every moment. `allowed_requests` is 1, and 1 more for each time that a person said that the
/// request was not sent.
pub fn violations(seen: &Seen, heard: &[Heard], allowed_requests: usize) -> Vec<Violation> {
    let mut wrong = Vec::new();
    wrong.extend(sent_twice(&seen.ledger, allowed_requests));
    if !seen.other_is_there {
        wrong.push(Broken::Forgotten.because("the older entry is missing"));
    }
    for problem in &seen.problems {
        wrong.push(Broken::Damaged.because(problem.clone()));
    }
    wrong.extend(forgotten(seen));
    if let Some(entry) = &seen.entry {
        wrong.extend(false_state(entry, &seen.ledger));
    }
    wrong.extend(heard.iter().filter_map(|one| not_recorded(one, seen)));
    wrong.extend(delivered_wrongly(seen, heard));
    wrong
}

fn sent_twice(ledger: &Ledger, allowed: usize) -> Option<Violation> {
    let is_wrong = ledger.requests > allowed || ledger.payments.len() > 1;
    is_wrong.then(|| {
        Broken::SentTwice.because(format!(
            "the gateway received {} requests and took {} payments",
            ledger.requests,
            ledger.payments.len()
        ))
    })
}

fn forgotten(seen: &Seen) -> Option<Violation> {
    if seen.ledger.payments.is_empty() || seen.is_pruned {
        return None;
    }
    let state = match &seen.entry {
        None => "there is no entry",
        Some(entry) => match entry.state {
            EntryState::NotSent | EntryState::Refused => entry.state.name(),
            _ => return None,
        },
    };
    Some(Broken::Forgotten.because(format!(
        "the gateway took a payment, and the journal: {state}"
    )))
}

fn false_state(entry: &Entry, ledger: &Ledger) -> Option<Violation> {
    let is_theirs = |taken: &&Taken| Some(&taken.order_number) == entry.order_number.as_ref();
    let own = ledger.payments.iter().find(is_theirs);
    if let (Some(number), None) = (&entry.order_number, own) {
        return Some(Broken::FalseState.because(format!("the gateway has no order {number}")));
    }
    let state = entry.state;
    match state {
        EntryState::Paid | EntryState::Refunding | EntryState::Refunded => {
            let is_paid = own.is_some_and(|taken| taken.is_paid);
            (!is_paid).then(|| Broken::FalsePaid.because(format!("{ledger:?}")))
        }
        EntryState::Accepted if ledger.payments.is_empty() => {
            Some(Broken::FalseState.because("ACCEPTED, and the gateway took nothing"))
        }
        EntryState::Failed | EntryState::Cancelled => {
            Some(Broken::FalseState.because(format!("{}, and nothing failed", state.name())))
        }
        _ => None,
    }
}

/// What the caller heard is in the journal.
fn not_recorded(heard: &Heard, seen: &Seen) -> Option<Violation> {
    if heard.error.is_some() || rank(&heard.state) == 0 || seen.is_pruned {
        return None;
    }
    let is_recorded = seen.entry.as_ref().is_some_and(|entry| {
        rank(entry.state.name()) >= rank(&heard.state)
            && (heard.order_number.is_none() || entry.order_number == heard.order_number)
            && (entry.is_delivered || !heard.is_delivered)
    });
    (!is_recorded).then(|| {
        Broken::HeardNotRecorded.because(format!(
            "heard {heard:?}, and the journal has {:?}",
            seen.entry
        ))
    })
}

/// How much a state says: it never says less again.
fn rank(state: &str) -> u8 {
    match state {
        "ACCEPTED" => 1,
        "PAID" => 2,
        _ => 0,
    }
}

fn delivered_wrongly(seen: &Seen, heard: &[Heard]) -> Option<Violation> {
    let told_to_deliver = heard
        .iter()
        .filter(|one| one.is_delivered && one.changed)
        .count();
    if seen.deliveries > 1 || told_to_deliver > 1 {
        return Some(Broken::DeliveredTwice.because(format!(
            "{} times, and told {told_to_deliver} times to do it",
            seen.deliveries
        )));
    }
    let is_acknowledged = seen.entry.as_ref().is_some_and(|entry| entry.is_delivered);
    let is_wrong = seen.deliveries == 1 && !is_acknowledged && !seen.is_pruned;
    is_wrong.then(|| {
        Broken::DeliveredTwice.because("delivered, and not acknowledged: it will be again")
    })
}

/// What is true when all is done: it is paid once, and delivered once. `may_be_undelivered`: the merchant was
/// killed between acknowledging and delivering, or it is a payout.
pub fn end_violations(seen: &Seen, may_be_undelivered: bool) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let paid = seen.ledger.payments.iter().filter(|one| one.is_paid);
    if paid.count() != 1 {
        wrong.push(Broken::Stuck.because(format!("not paid once: {:?}", seen.ledger)));
    }
    let is_settled = match &seen.entry {
        Some(entry) => {
            entry.state == EntryState::Paid && (entry.is_delivered || entry.kind == Kind::Payout)
        }
        None => seen.is_pruned,
    };
    if !is_settled {
        wrong.push(Broken::Stuck.because(format!("not PAID and delivered: {:?}", seen.entry)));
    }
    if seen.deliveries == 0 && !may_be_undelivered {
        wrong.push(Broken::NeverDelivered.because("acknowledged, and not in the log"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    fn entry(state: EntryState, order_number: Option<&str>) -> Entry {
        table::entry("R", state, order_number.map(str::to_owned))
    }

    fn taken(order_number: &str, is_paid: bool) -> Taken {
        Taken {
            order_number: order_number.to_owned(),
            is_paid,
        }
    }

    /// One accepted payment, and all is well.
    fn good() -> Seen {
        Seen {
            entry: Some(entry(EntryState::Accepted, Some("A1"))),
            other_is_there: true,
            ledger: Ledger {
                requests: 1,
                payments: vec![taken("A1", false)],
            },
            ..Seen::default()
        }
    }

    fn found(seen: &Seen, heard: &[Heard]) -> Vec<Broken> {
        violations(seen, heard, 1)
            .iter()
            .map(|one| one.broken)
            .collect()
    }

    fn heard(state: &str) -> Heard {
        Heard {
            state: state.to_owned(),
            ..Heard::default()
        }
    }

    #[test]
    fn nothing_is_wrong_with_an_accepted_payment() {
        assert_eq!(found(&good(), &[heard("ACCEPTED")]), []);
    }

    #[test]
    fn a_second_request_is_noticed() {
        let mut seen = good();
        seen.ledger.requests = 2;
        assert_eq!(found(&seen, &[]), [Broken::SentTwice]);
    }

    #[test]
    fn a_payment_that_is_not_in_the_journal_is_noticed() {
        for entry in [None, Some(entry(EntryState::NotSent, None))] {
            let seen = Seen { entry, ..good() };
            assert_eq!(found(&seen, &[]), [Broken::Forgotten]);
        }
    }

    #[test]
    fn a_paid_entry_that_nobody_paid_is_noticed() {
        let seen = Seen {
            entry: Some(entry(EntryState::Paid, Some("A1"))),
            ..good()
        };
        assert_eq!(found(&seen, &[]), [Broken::FalsePaid]);
    }

    #[test]
    fn an_order_that_the_gateway_does_not_have_is_noticed() {
        let seen = Seen {
            entry: Some(entry(EntryState::InDoubt, Some("B2"))),
            ..good()
        };
        assert_eq!(found(&seen, &[]), [Broken::FalseState]);
    }

    #[test]
    fn what_was_heard_and_is_not_recorded_is_noticed() {
        let seen = Seen {
            entry: Some(entry(EntryState::InDoubt, None)),
            ..good()
        };
        assert_eq!(
            found(&seen, &[heard("ACCEPTED")]),
            [Broken::HeardNotRecorded]
        );
    }

    #[test]
    fn a_second_delivery_is_noticed() {
        let mut seen = good();
        seen.entry = Some(entry(EntryState::Paid, Some("A1")));
        seen.ledger.payments = vec![taken("A1", true)];
        seen.deliveries = 1;
        assert_eq!(found(&seen, &[]), [Broken::DeliveredTwice]);
        seen.deliveries = 2;
        assert_eq!(found(&seen, &[]), [Broken::DeliveredTwice]);
    }

    #[test]
    fn a_damaged_file_is_noticed() {
        let seen = Seen {
            problems: vec!["row 1 missing".to_owned()],
            ..good()
        };
        assert_eq!(found(&seen, &[]), [Broken::Damaged]);
    }

    #[test]
    fn an_end_without_a_delivery_is_noticed() {
        let mut seen = good();
        seen.ledger.payments = vec![taken("A1", true)];
        let mut paid = entry(EntryState::Paid, Some("A1"));
        paid.is_delivered = true;
        seen.entry = Some(paid);
        assert_eq!(
            end_violations(&seen, false)[0].broken,
            Broken::NeverDelivered
        );
        assert_eq!(end_violations(&seen, true), []);
    }
}
