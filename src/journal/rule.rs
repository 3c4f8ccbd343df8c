//! The rule of the journal: an entry and an event give a new entry and what to do now.
//!
//! There is no clock, no I/O and no randomness here, so that every order of events can be tried
//! (tests/journal_rule/). A store loads an entry, calls [`step`], and writes the new entry, all in one
//! transaction.
//!
//! | entry | event | new entry | action |
//! |---|---|---|---|
//! | none, NOT_SENT, REFUSED | pay | SENDING, next attempt | send |
//! | SENDING, its sender is alive | pay (also with other terms), resolve | | refuse: IN_PROGRESS |
//! | SENDING, its sender is dead | any but its reply | IN_DOUBT, then as IN_DOUBT | |
//! | IN_DOUBT | pay (also with other terms) | | refuse: IN_DOUBT |
//! | a later state | pay | | give the recorded payment |
//! | a later state | pay with other terms | | refuse: INVALID, and name the field |
//! | SENDING, IN_DOUBT, NOT_SENT, REFUSED | reply | by its outcome: ACCEPTED, NOT_SENT, REFUSED, IN_DOUBT | report |
//! | the same, but it has an order number | reply: NOT_SENT, REFUSED | IN_DOUBT | report |
//! | FAILED, CANCELLED, REFUNDING and REFUNDED that was never PAID | reply: accepted | open again; ACCEPTED if its order number was not known | report |
//! | another later state | reply | adds what was not known | report |
//! | NOT_SENT, REFUSED | reply to an earlier attempt: accepted or unknown | IN_DOUBT | refuse: IN_DOUBT |
//! | any other | reply to an earlier attempt | notes its order | refuse: IN_DOUBT |
//! | it has an order number, not PAID and then REFUNDED | settle | | ask the gateway |
//! | any other | settle | | report |
//! | SENDING, its sender is alive | verdict other than PAID | notes that order: the reply decides | report |
//! | it has no order number, or a person's | verdict | has that order and its state (UNKNOWN: IN_DOUBT) | report |
//! | any other | verdict on its order | the order's state, if it may replace the recorded one | report |
//! | never PAID | verdict PAID on another order | PAID, has that order | report |
//! | any other | verdict on another order | notes that order | report |
//! | any | verdict on an order of another amount or currency | notes that order | report |
//! | any | no verdict | notes the answer | report |
//! | of a payout, in any state | acknowledge | | refuse: INVALID, there is nothing to deliver |
//! | PAID | acknowledge | delivered | report |
//! | delivered already | acknowledge | | report: not changed |
//! | any other | acknowledge | | refuse: INVALID |
//! | IN_DOUBT | resolve: an order number | has that number | ask the gateway |
//! | IN_DOUBT | resolve: NOT_SENT | NOT_SENT | report |
//! | IN_DOUBT, ACCEPTED, FAILED, CANCELLED | resolve: FAILED, CANCELLED | that state, closed | report |
//! | any other | resolve | | refuse: INVALID |
//! | none | any other | | refuse: INVALID |
//!
//! Every pair is in tests/journal_rule/table.txt. "A later state" is one that the gateway has told: ACCEPTED,
//! PAID, FAILED, CANCELLED, REFUNDING, REFUNDED.
//!
//! FAILED and CANCELLED do not close an entry until the gateway has said so ten times, and answers within a
//! minute count once. The same for REFUNDING and REFUNDED, if the gateway has never said PAID: PAID replaces
//! these too.
//!
//! Only a verdict makes an entry PAID: the gateway's word on an order whose reference, amount and currency
//! are the entry's.

use serde::{Deserialize, Deserializer, Serialize};

use super::entry::{Entry, EntryState, FAILURES_TO_CLOSE};
use crate::error::{Error, ErrorCode, Outcome};
use crate::kind::Kind;
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
    #[serde(deserialize_with = "no_fields")]
    Settle,
    /// The gateway's word on an order whose reference is the entry's.
    Verdict {
        /// The order.
        order_number: String,
        /// Its state.
        state: State,
        /// Its amount. The entry may have other terms by now than when the gateway was asked.
        amount: String,
        /// Its currency.
        currency: String,
        /// When the gateway said so, in seconds since 1970 on the store's clock. Only failures are counted by it.
        at: u64,
    },
    /// The gateway was asked, and gave no verdict: NOT_FOUND, MISMATCH, TIMEOUT.
    NoVerdict {
        /// The name of the error.
        answer: String,
    },
    /// The merchant delivers, and will not be asked again.
    #[serde(deserialize_with = "no_fields")]
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
    /// The merchant's console shows no such payment, and no process is sending it any more: the request may be
    /// sent again.
    #[serde(deserialize_with = "no_fields")]
    NotSent,
    /// It will not be paid.
    #[serde(deserialize_with = "no_fields")]
    Failed,
    /// It was called off.
    #[serde(deserialize_with = "no_fields")]
    Cancelled,
}

/// For a variant without fields: serde's `deny_unknown_fields` does not reach it. `{"event": "settle", "verdict":
/// "PAID"}` is a mistake of the store.
fn no_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoFields {}
    NoFields::deserialize(deserializer).map(|NoFields {}| ())
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
        return decide(entry, event);
    }
    if sender_is_alive {
        return match event {
            Event::Pay { terms, .. } => refuse(in_progress(entry.differs(terms))),
            Event::Resolve { .. } => refuse(in_progress(None)),
            // A callback may come before the reply.
            other => decide(entry, other),
        };
    }
    // The sender died. What came of its request is not known.
    let in_doubt = Entry {
        state: EntryState::InDoubt,
        sender: None,
        ..entry.clone()
    };
    let step = decide(&in_doubt, event);
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

fn decide(entry: &Entry, event: &Event) -> Step {
    match event {
        Event::Pay { terms, sender, .. } => pay(entry, terms, sender),
        Event::Reply { attempt, reply } if *attempt == entry.attempt => self::reply(entry, reply),
        Event::Reply { reply, .. } => late_reply(entry, reply),
        Event::Settle => match &entry.order_number {
            Some(order_number) if !is_final(entry) => ask(None, order_number.clone()),
            _ => report(None, false),
        },
        Event::Verdict {
            order_number,
            state,
            amount,
            currency,
            at,
        } => match entry.has_price(amount, currency) {
            true => verdict(entry, order_number, *state, *at),
            false => verdict_of_other_terms(entry, order_number),
        },
        Event::NoVerdict { answer } => no_verdict(entry, answer),
        Event::Acknowledge => acknowledge(entry),
        Event::Resolve {
            resolution,
            who,
            why,
        } => resolve(entry, resolution, who, why),
    }
}

fn pay(entry: &Entry, terms: &Terms, sender: &str) -> Step {
    if entry.may_be_sent_again() {
        let again = Entry {
            attempt: entry.attempt,
            // The person who said NOT_SENT may have been wrong.
            other_order_number: entry
                .order_number
                .clone()
                .or_else(|| entry.other_order_number.clone()),
            resolved_by: entry.resolved_by.clone(),
            resolved_why: entry.resolved_why.clone(),
            ..Entry::new(&entry.reference, terms)
        };
        return begin(again, sender);
    }
    match (entry.state, entry.differs(terms)) {
        // Also with other terms: to advise a new reference would be to charge twice.
        (EntryState::InDoubt, field) => refuse(in_doubt(entry, field)),
        (_, Some(field)) => refuse(other_terms(field)),
        (_, None) => Step {
            entry: None,
            action: Action::Repeat,
        },
    }
}

fn begin(mut entry: Entry, sender: &str) -> Step {
    // An entry of a store in another language may have any number.
    let Some(attempt) = entry.attempt.checked_add(1) else {
        return refuse(Error::invalid(
            "reference",
            "was sent too often: use a new one",
        ));
    };
    entry.attempt = attempt;
    entry.sender = Some(sender.to_owned());
    Step {
        entry: Some(entry),
        action: Action::Send { attempt },
    }
}

/// The reply to the entry's request.
fn reply(entry: &Entry, reply: &Reply) -> Step {
    let mut new = Entry {
        sender: None,
        ..entry.clone()
    };
    // Otherwise the gateway has told the state of an order meanwhile, or a person has resolved the entry.
    let is_first_word = entry.state.order_state() == State::Unknown;
    match reply {
        Reply::Accepted {
            order_number,
            redirect_url,
            page,
            code,
            message,
        } => {
            new.redirect_url.clone_from(redirect_url);
            new.page.clone_from(page);
            new.code.clone_from(code);
            new.message.clone_from(message);
            if entry.was_paid {
                new.note_order_number(order_number);
            } else {
                new.set_order_number(order_number);
                // What is recorded was said of another order, or by a person.
                let is_news = new.order_number != entry.order_number;
                if is_first_word || is_news {
                    new.state = EntryState::Accepted;
                    new.last_answer = Some(new.state.name().to_owned());
                }
                new.forget_failures();
            }
        }
        Reply::Failed {
            code,
            outcome,
            gateway_message,
            order_number,
        } if is_first_word => {
            new.set_order_number(order_number);
            new.message.clone_from(gateway_message);
            new.last_answer = Some(code.clone());
            let has_order = new.order_number.is_some();
            let is_duplicate = names_duplicate_reference(gateway_message.as_deref());
            new.state = match outcome {
                // The gateway has an earlier request under the reference.
                Outcome::NotSent | Outcome::Refused if has_order => EntryState::InDoubt,
                Outcome::Refused if is_duplicate => EntryState::InDoubt,
                Outcome::NotSent => EntryState::NotSent,
                Outcome::Refused => EntryState::Refused,
                Outcome::Unknown => EntryState::InDoubt,
            };
        }
        Reply::Failed { order_number, .. } => new.note_order_number(order_number),
    }
    report_change(entry, new)
}

/// The reply to an earlier request: its call was taken for dead, and the request was sent again.
fn late_reply(entry: &Entry, reply: &Reply) -> Step {
    let mut new = entry.clone();
    let (order_number, may_be_accepted) = match reply {
        Reply::Accepted { order_number, .. } => (order_number, true),
        Reply::Failed {
            outcome,
            order_number,
            ..
        } => (order_number, *outcome == Outcome::Unknown),
    };
    new.note_order_number(order_number);
    if may_be_accepted && entry.may_be_sent_again() {
        new.state = EntryState::InDoubt;
    }
    let error = in_doubt(&new, None);
    Step {
        entry: (new != *entry).then_some(new),
        action: Action::Refuse(error),
    }
}

/// Whether the gateway has nothing more to say.
fn is_final(entry: &Entry) -> bool {
    entry.state == EntryState::Refunded && entry.was_paid
}

fn verdict(entry: &Entry, order_number: &str, state: State, at: u64) -> Step {
    let mut new = entry.clone();
    // The order may be of an earlier request. So the reply to this one decides, unless it is paid already.
    if entry.state == EntryState::Sending && state != State::Paid {
        new.note_order_number(&Some(order_number.to_owned()));
        new.last_answer = Some(state.name().to_owned());
        return report_change(entry, new);
    }
    let recorded = entry.state.order_state();
    let is_other = entry
        .order_number
        .as_deref()
        .is_some_and(|known| known != order_number);
    // A person may have given a wrong order number.
    let may_be_mistaken = recorded == State::Unknown && entry.resolved_by.is_some();
    let is_the_paid_one = state == State::Paid && !entry.was_paid;
    let order_number = Some(order_number.to_owned());
    if is_other && !may_be_mistaken && !is_the_paid_one {
        new.note_order_number(&order_number);
        return report_change(entry, new);
    }
    new.set_order_number(&order_number);
    new.last_answer = Some(state.name().to_owned());
    match state {
        State::Failed | State::Cancelled | State::Refunding | State::Refunded
            if !entry.was_paid =>
        {
            new.count_failure(at);
        }
        _ => new.forget_failures(),
    }
    new.state = match EntryState::from_order_state(state) {
        Some(next) if may_replace(state, entry) => next,
        // There is an order after all.
        None if entry.may_be_sent_again() => EntryState::InDoubt,
        _ => entry.state,
    };
    new.was_paid |= new.state == EntryState::Paid;
    if new.state != EntryState::Sending {
        new.sender = None;
    }
    report_change(entry, new)
}

/// The entry was begun again with other terms since the gateway was asked: a person was wrong who said NOT_SENT.
fn verdict_of_other_terms(entry: &Entry, order_number: &str) -> Step {
    let mut new = entry.clone();
    if entry.order_number.as_deref() != Some(order_number) {
        new.other_order_number = Some(order_number.to_owned());
    }
    new.last_answer = Some(ErrorCode::Mismatch.name().to_owned());
    report_change(entry, new)
}

/// As [`State::may_replace`]. And a refund may replace what was never seen to be paid; but then PAID replaces it.
fn may_replace(state: State, entry: &Entry) -> bool {
    let recorded = entry.state.order_state();
    match state {
        State::Paid => !entry.was_paid,
        State::Refunding | State::Refunded => {
            state.may_replace(recorded) || State::Paid.may_replace(recorded)
        }
        _ => state.may_replace(recorded),
    }
}

fn no_verdict(entry: &Entry, answer: &str) -> Step {
    let noted = Entry {
        last_answer: Some(answer.to_owned()),
        ..entry.clone()
    };
    report_change(entry, noted)
}

fn acknowledge(entry: &Entry) -> Step {
    if entry.kind == Kind::Payout {
        return refuse(Error::invalid(
            "reference",
            "is a payout: there is nothing to deliver",
        ));
    }
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
            new.set_order_number(&Some(order_number.clone()));
            return ask(Some(new), order_number.clone());
        }
        Resolution::NotSent => new.state = EntryState::NotSent,
        Resolution::Failed => new.state = EntryState::Failed,
        Resolution::Cancelled => new.state = EntryState::Cancelled,
    }
    if new.state != EntryState::NotSent {
        new.failures = FAILURES_TO_CLOSE;
    }
    report_change(entry, new)
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

/// Reports the new entry, and writes it if it differs.
fn report_change(entry: &Entry, new: Entry) -> Step {
    let changed = new.state != entry.state;
    report((new != *entry).then_some(new), changed)
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

/// `field`: the request has other terms, and in which field.
fn in_progress(field: Option<&str>) -> Error {
    let problem = "another call is sending the request of this reference now: wait for its result";
    Error::new(
        ErrorCode::InProgress,
        Outcome::Unknown,
        with_difference(problem, field),
    )
}

/// `field`: as for [`in_progress`].
fn in_doubt(entry: &Entry, field: Option<&str>) -> Error {
    let problem = "an earlier request under this reference may have been accepted, and its reply was lost: wait \
                   for the callback, or look for the reference in FlexPay's merchant console and resolve the \
                   entry of the journal. Nothing was sent now";
    Error::new(
        ErrorCode::InDoubt,
        Outcome::Unknown,
        with_difference(problem, field),
    )
    .with_order_number(entry.order_number.clone())
}

fn with_difference(problem: &str, field: Option<&str>) -> String {
    match field {
        Some(field) => format!("{problem}. The {field} differs from that of the earlier request"),
        None => problem.to_owned(),
    }
}
