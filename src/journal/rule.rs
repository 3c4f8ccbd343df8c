//! The rule of the journal: an entry and an event give a new entry and what to do now.
//!
//! There is no clock, no I/O and no randomness here, so that every order of events can be tried
//! (tests/journal_rule.rs). A store loads an entry, calls [`step`], and writes the new entry, all in one
//! transaction.
//!
//! | entry | event | new entry | action |
//! |---|---|---|---|
//! | none, NOT_SENT, REFUSED | pay | SENDING, next attempt | send |
//! | SENDING, its sender is alive | pay | | refuse: IN_PROGRESS |
//! | SENDING, its sender is dead | any | IN_DOUBT, then as IN_DOUBT | |
//! | IN_DOUBT | pay | | refuse: IN_DOUBT |
//! | another state, the same terms | pay | | give the recorded payment |
//! | any but NOT_SENT and REFUSED, other terms | pay | | refuse: INVALID, and name the field |
//! | SENDING or IN_DOUBT, the same attempt | reply | by its outcome: ACCEPTED, NOT_SENT, REFUSED, IN_DOUBT | report |
//! | a later state, the same attempt | reply | adds what was not known | report |
//! | another attempt | reply | | refuse: IN_DOUBT |
//! | it has an order number, not REFUNDED | settle | | ask the gateway |
//! | any other | settle | | report |
//! | any | verdict | the order's state, if it may replace the recorded one | report |
//! | PAID or REFUNDING | verdict PAID of another order | notes the other order | report |
//! | any | no verdict | notes the answer | report |
//! | PAID | acknowledge | delivered | report |
//! | delivered already | acknowledge | | report: not changed |
//! | any other | acknowledge | | refuse: INVALID |
//! | IN_DOUBT | resolve: an order number | has that number | ask the gateway |
//! | IN_DOUBT | resolve: NOT_SENT | NOT_SENT | report |
//! | IN_DOUBT, ACCEPTED, FAILED, CANCELLED | resolve: FAILED, CANCELLED | that state, closed | report |
//! | any other | resolve | | refuse: INVALID, or IN_PROGRESS |
//!
//! Only a verdict makes an entry PAID: the gateway's word on an order whose reference, amount and currency
//! were compared with the entry's.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryState, FAILURES_TO_CLOSE};
use crate::error::{Error, ErrorCode, Outcome};
use crate::payment::{Terms, names_duplicate_reference};
use crate::transaction::State;

/// What happened. In JSON, `event` has the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The merchant wants to send a request.
    Pay {
        /// The merchant's reference.
        reference: String,
        /// What is asked for.
        terms: Terms,
        /// Who will send.
        sender: String,
    },
    /// The gateway's reply to the request of an attempt, or why there is none.
    Reply {
        /// The attempt.
        attempt: u32,
        /// What came of it.
        reply: Reply,
    },
    /// The merchant wants to know the state.
    Settle,
    /// The gateway's word on an order. Its reference, amount and currency are the entry's.
    Verdict {
        /// The order.
        order_number: String,
        /// Its state.
        state: State,
    },
    /// The gateway was asked, and gave no verdict: NOT_FOUND, MISMATCH, TIMEOUT.
    NoVerdict {
        /// The name of the error.
        answer: String,
    },
    /// The merchant delivers, and will not be asked again.
    Acknowledge,
    /// A person says what came of it.
    Resolve {
        /// What the person says.
        resolution: Resolution,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
}

/// What came of a request. In JSON, `result` has the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// The gateway accepted it: the fields of the payment.
    Accepted {
        /// The order number.
        order_number: Option<String>,
        /// Where to send the customer.
        redirect_url: Option<String>,
        /// The page for the customer.
        page: Option<String>,
        /// The gateway's code.
        code: Option<String>,
        /// The gateway's message.
        message: Option<String>,
    },
    /// The call failed: the fields of the error.
    Failed {
        /// The name of the error's code.
        code: String,
        /// Whether the request was sent.
        outcome: Outcome,
        /// The gateway's message.
        gateway_message: Option<String>,
        /// The order number in the reply.
        order_number: Option<String>,
    },
}

/// What a person says of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
pub enum Resolution {
    /// The merchant's console shows the payment, with this order number: the gateway is asked about it.
    Order {
        /// The order number.
        order_number: String,
    },
    /// The merchant's console shows no such payment: the request may be sent again.
    NotSent,
    /// It will not be paid.
    Failed,
    /// It was called off.
    Cancelled,
}

/// What to do now.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send the request, once. Then report the reply as [`Event::Reply`] of this attempt.
    Send {
        /// The attempt.
        attempt: u32,
    },
    /// Return the recorded payment. Nothing is sent.
    Repeat,
    /// Ask the gateway about this order, and compare it. Then report an [`Event::Verdict`] or an
    /// [`Event::NoVerdict`].
    Ask {
        /// The order.
        order_number: String,
    },
    /// Report the entry.
    Report {
        /// Whether this event changed its state, or delivered it.
        changed: bool,
    },
    /// Return this error.
    Refuse(Error),
}

/// What [`step`] decides.
#[derive(Clone, Debug)]
pub struct Step {
    /// The entry to write before anything else is done. `None`: it does not change.
    pub entry: Option<Entry>,
    /// What to do after that.
    pub action: Action,
}

/// Decides. `sender_is_alive` is whether the sender of an entry in the state SENDING still exists; it has no
/// meaning for other states.
pub fn step(entry: Option<&Entry>, sender_is_alive: bool, event: &Event) -> Step {
    let Some(entry) = entry else {
        return match event {
            Event::Pay {
                reference,
                terms,
                sender,
            } => begin(Entry::new(reference, terms), sender),
            _ => refuse(not_found()),
        };
    };
    if entry.state != EntryState::Sending || is_own_reply(entry, event) {
        return step_settled(entry, event);
    }
    if sender_is_alive {
        return step_while_sending(entry, event);
    }
    // The sender died. What came of its request is not known.
    let in_doubt = Entry {
        state: EntryState::InDoubt,
        sender: None,
        ..entry.clone()
    };
    let step = step_settled(&in_doubt, event);
    Step {
        entry: step.entry.or(Some(in_doubt)),
        action: match step.action {
            Action::Report { .. } => Action::Report { changed: true },
            other => other,
        },
    }
}

/// The reply to an attempt comes from its sender, which is therefore alive.
fn is_own_reply(entry: &Entry, event: &Event) -> bool {
    matches!(event, Event::Reply { attempt, .. } if *attempt == entry.attempt)
}

/// Another process is sending.
fn step_while_sending(entry: &Entry, event: &Event) -> Step {
    match event {
        Event::Pay { terms, .. } => match entry.differs(terms) {
            Some(field) => refuse(other_terms(field)),
            None => refuse(in_progress()),
        },
        // A callback may be faster than the reply.
        Event::Verdict {
            order_number,
            state,
        } => verdict(entry, order_number, *state),
        Event::Settle if entry.order_number.is_none() => report(None, false),
        Event::Resolve { .. } => refuse(in_progress()),
        other => step_settled(entry, other),
    }
}

fn step_settled(entry: &Entry, event: &Event) -> Step {
    match event {
        Event::Pay { terms, sender, .. } => pay(entry, terms, sender),
        Event::Reply { attempt, reply } => self::reply(entry, *attempt, reply),
        Event::Settle => match &entry.order_number {
            Some(order_number) if entry.state != EntryState::Refunded => {
                ask(None, order_number.clone())
            }
            _ => report(None, false),
        },
        Event::Verdict {
            order_number,
            state,
        } => verdict(entry, order_number, *state),
        Event::NoVerdict { answer } => {
            let noted = Entry {
                last_answer: Some(answer.clone()),
                ..entry.clone()
            };
            report((noted != *entry).then_some(noted), false)
        }
        Event::Acknowledge => acknowledge(entry),
        Event::Resolve {
            resolution,
            who,
            why,
        } => resolve(entry, resolution, who, why),
    }
}

fn pay(entry: &Entry, terms: &Terms, sender: &str) -> Step {
    if matches!(entry.state, EntryState::NotSent | EntryState::Refused) {
        let again = Entry {
            attempt: entry.attempt,
            ..Entry::new(&entry.reference, terms)
        };
        return begin(again, sender);
    }
    if let Some(field) = entry.differs(terms) {
        return refuse(other_terms(field));
    }
    match entry.state {
        EntryState::InDoubt => refuse(in_doubt(entry)),
        _ => Step {
            entry: None,
            action: Action::Repeat,
        },
    }
}

fn begin(mut entry: Entry, sender: &str) -> Step {
    entry.attempt += 1;
    entry.sender = Some(sender.to_owned());
    let attempt = entry.attempt;
    Step {
        entry: Some(entry),
        action: Action::Send { attempt },
    }
}

fn reply(entry: &Entry, attempt: u32, reply: &Reply) -> Step {
    if attempt != entry.attempt {
        return refuse(in_doubt(entry));
    }
    let mut new = Entry {
        sender: None,
        ..entry.clone()
    };
    let is_waited_for = matches!(entry.state, EntryState::Sending | EntryState::InDoubt);
    let (state, answer) = match reply {
        Reply::Accepted {
            order_number,
            redirect_url,
            page,
            code,
            message,
        } => {
            new.learn_order_number(order_number);
            new.redirect_url = redirect_url.clone();
            new.page = page.clone();
            new.code = code.clone();
            new.message = message.clone();
            (EntryState::Accepted, EntryState::Accepted.name())
        }
        Reply::Failed {
            code,
            outcome,
            gateway_message,
            order_number,
        } => {
            new.learn_order_number(order_number);
            if is_waited_for {
                new.message.clone_from(gateway_message);
            }
            let is_duplicate = names_duplicate_reference(gateway_message.as_deref());
            let state = match outcome {
                Outcome::NotSent => EntryState::NotSent,
                // The gateway refused this request because it has an earlier one under the reference.
                Outcome::Refused if is_duplicate => EntryState::InDoubt,
                Outcome::Refused => EntryState::Refused,
                Outcome::Unknown => EntryState::InDoubt,
            };
            (state, code.as_str())
        }
    };
    if is_waited_for {
        new.state = state;
        new.last_answer = Some(answer.to_owned());
    }
    let changed = new.state != entry.state;
    report((new != *entry).then_some(new), changed)
}

fn verdict(entry: &Entry, order_number: &str, state: State) -> Step {
    let is_other = entry
        .order_number
        .as_deref()
        .is_some_and(|known| known != order_number);
    if is_other && state != State::Paid {
        // It says nothing of the entry's own order.
        return report(None, false);
    }
    let mut new = entry.clone();
    let recorded = entry.state.order_state();
    if is_other && matches!(recorded, State::Paid | State::Refunding) {
        new.other_order_number = Some(order_number.to_owned());
        return report((new != *entry).then_some(new), false);
    }
    if is_other {
        new.other_order_number = entry.order_number.clone();
    }
    new.order_number = Some(order_number.to_owned());
    new.last_answer = Some(state.name().to_owned());
    new.failures = match state {
        State::Failed | State::Cancelled => FAILURES_TO_CLOSE.min(entry.failures + 1),
        _ => 0,
    };
    let next = EntryState::from_order_state(state).filter(|_| state.may_replace(recorded));
    if let Some(next) = next {
        new.state = next;
        new.sender = None;
    }
    let changed = new.state != entry.state;
    report((new != *entry).then_some(new), changed)
}

fn acknowledge(entry: &Entry) -> Step {
    if entry.is_delivered {
        return report(None, false);
    }
    if entry.state != EntryState::Paid {
        return refuse(Error::invalid(
            "reference",
            format!("is not paid: its state is {}", entry.state.name()),
        ));
    }
    let delivered = Entry {
        is_delivered: true,
        ..entry.clone()
    };
    report(Some(delivered), true)
}

fn resolve(entry: &Entry, resolution: &Resolution, who: &str, why: &str) -> Step {
    for (field, text) in [("who", who), ("why", why)] {
        if text.trim().is_empty() {
            return refuse(Error::invalid(field, "is missing: it is recorded"));
        }
    }
    if let Resolution::Order { order_number } = resolution
        && let Err(problem) = crate::order_number::validate(order_number)
    {
        return refuse(Error::invalid("order_number", problem));
    }
    let allowed: &[EntryState] = match resolution {
        Resolution::Order { .. } | Resolution::NotSent => &[EntryState::InDoubt],
        Resolution::Failed | Resolution::Cancelled => &[
            EntryState::InDoubt,
            EntryState::Accepted,
            EntryState::Failed,
            EntryState::Cancelled,
        ],
    };
    if !allowed.contains(&entry.state) {
        let problem = format!("cannot replace {}", entry.state.name());
        return refuse(Error::invalid("state", problem));
    }
    let mut new = Entry {
        resolved_by: Some(who.to_owned()),
        resolved_why: Some(why.to_owned()),
        ..entry.clone()
    };
    match resolution {
        Resolution::Order { order_number } => {
            new.order_number = Some(order_number.clone());
            return ask(Some(new), order_number.clone());
        }
        Resolution::NotSent => new.state = EntryState::NotSent,
        Resolution::Failed => new.state = EntryState::Failed,
        Resolution::Cancelled => new.state = EntryState::Cancelled,
    }
    new.failures = FAILURES_TO_CLOSE;
    let changed = new.state != entry.state;
    report(Some(new), changed)
}

fn ask(entry: Option<Entry>, order_number: String) -> Step {
    Step {
        entry,
        action: Action::Ask { order_number },
    }
}

fn report(entry: Option<Entry>, changed: bool) -> Step {
    Step {
        entry,
        action: Action::Report { changed },
    }
}

fn refuse(error: Error) -> Step {
    Step {
        entry: None,
        action: Action::Refuse(error),
    }
}

pub(super) fn not_found() -> Error {
    Error::invalid("reference", "is not in the journal")
}

fn other_terms(field: &'static str) -> Error {
    Error::invalid(
        field,
        "differs from that of the payment that the journal has under this reference: use a new reference \
         for another payment",
    )
}

fn in_progress() -> Error {
    Error::new(
        ErrorCode::InProgress,
        Outcome::Unknown,
        "another call is sending the request of this reference now: wait for its result",
    )
}

fn in_doubt(entry: &Entry) -> Error {
    Error::new(
        ErrorCode::InDoubt,
        Outcome::Unknown,
        "an earlier request under this reference may have been accepted, and its reply was lost: wait for the \
         callback, or look for the reference in FlexPay's merchant console and resolve the entry of the \
         journal. Nothing was sent now",
    )
    .with_order_number(entry.order_number.clone())
}
