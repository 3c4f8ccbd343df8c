//! What the journal promises, as checks of one move of the model.

use std::rc::Rc;

use flexpay::journal::{Action, Entry, EntryState, Event, FAILURES_TO_CLOSE, Reply, Resolution};
use flexpay::{Outcome, State};

use crate::model::{Decided, Moved, People};
use crate::world::{Fate, ORDER_NUMBERS, WRONG_NUMBER, World};

/// Says what is wrong after a move.
pub type Promise = fn(&Moved, People) -> Result<(), String>;

pub const ALL: [(&str, Promise); 5] = [
    ("1: one reference is sent at most once", sent_once),
    (
        "2: nothing that was accepted is forgotten",
        nothing_forgotten,
    ),
    (
        "3: nothing is PAID but by the gateway's word",
        paid_by_the_gateway,
    ),
    (
        "4: what is paid is handed over until it is acknowledged",
        handed_over_once,
    ),
    ("5: what nobody can know is said", doubt_is_said),
];

/// Promise 1: one reference is sent to the gateway at most once, unless the journal knows that nothing was sent,
/// or that the gateway refused. A person's word that nothing was sent allows one more; a careful person's word is true.
pub fn sent_once(moved: &Moved, people: People) -> Result<(), String> {
    let world = &moved.world;
    for reference in 0..world.entries.len() {
        let count = |is: fn(Fate) -> bool| {
            let all = world.requests_of(reference);
            all.filter(|(_, request)| !request.is_older() && is(request.fate))
                .count()
        };
        let taken = count(|fate| matches!(fate, Fate::Taken(_)));
        let sent = count(|fate| matches!(fate, Fate::Taken(_) | Fate::Lost));
        if sent > 1 + usize::from(world.not_sent_words) {
            return Err(format!("{sent} requests of Z-{reference} were sent"));
        }
        if taken > 1 && people != People::Wrong {
            return Err(format!(
                "the gateway took {taken} requests of Z-{reference}"
            ));
        }
    }
    Ok(())
}

/// Promise 2: nothing that was accepted is forgotten: the entry is there, with what is known.
pub fn nothing_forgotten(moved: &Moved, _: People) -> Result<(), String> {
    let world = &moved.world;
    for (index, request) in world.requests.iter().enumerate() {
        if !request.is_taken() {
            continue;
        }
        let number = ORDER_NUMBERS[index];
        let Some(entry) = &world.entries[request.reference] else {
            if request.is_older() {
                continue;
            }
            return Err(format!("{number} is at the gateway, and there is no entry"));
        };
        if request.must_be_known() && may_be_sent_again(entry) {
            return Err(format!(
                "{number} is at the gateway, and the entry is {}",
                entry.state.name()
            ));
        }
        if request.is_told && !world.has_wrong_number && !names(entry, number) {
            return Err(format!("the entry has forgotten {number}"));
        }
    }
    for decided in &moved.decided {
        accepted_is_asked_about(decided)?;
        late_paid_is_learnt(decided)?;
    }
    closed_is_what_failed(world)
}

/// Whatever else the gateway said before: it is asked until it has said PAID, and is believed.
fn late_paid_is_learnt(decided: &Decided) -> Result<(), String> {
    let (Some(before), Some(after)) = (&decided.before, &decided.after) else {
        return Ok(());
    };
    if decided.was_told_paid {
        return Ok(());
    }
    let is_learnt = match &decided.event {
        Event::Settle if after.order_number.is_some() => {
            matches!(decided.action, Action::Ask { .. })
        }
        Event::Verdict {
            state: State::Paid,
            amount,
            ..
        } if *amount == before.amount => after.state == EntryState::Paid,
        _ => true,
    };
    match is_learnt {
        true => Ok(()),
        false => Err(format!(
            "it was never PAID before, and after {:?} the entry is {}, and this is done: {:?}",
            decided.event,
            after.state.name(),
            decided.action
        )),
    }
}

/// What is not paid is asked about until the gateway has said so for long enough, or a person.
fn closed_is_what_failed(world: &World) -> Result<(), String> {
    for (reference, entry) in entries(world) {
        let is_closed = !entry.is_open() && !may_be_sent_again(entry);
        let failures = world.failures[reference];
        if is_closed && !world.is_told_paid[reference] && failures < FAILURES_TO_CLOSE {
            return Err(format!(
                "Z-{reference} is {} and closed, after {failures} failures that count",
                entry.state.name()
            ));
        }
    }
    Ok(())
}

/// What the gateway has just accepted is asked about, unless another order of the reference was paid.
fn accepted_is_asked_about(decided: &Decided) -> Result<(), String> {
    let (
        Event::Reply {
            attempt,
            reply: Reply::Accepted { order_number, .. },
        },
        Some(entry),
    ) = (&decided.event, &decided.after)
    else {
        return Ok(());
    };
    if *attempt != entry.attempt || entry.was_paid {
        return Ok(());
    }
    if !entry.is_open() {
        return Err(format!(
            "the gateway has accepted the request, and the entry is {} and closed",
            entry.state.name()
        ));
    }
    if order_number.is_some() && entry.order_number != *order_number {
        return Err(format!(
            "the gateway has accepted {order_number:?}, and the entry asks about {:?}",
            entry.order_number
        ));
    }
    Ok(())
}

/// Promise 3: nothing is PAID but by the gateway's own word on the right reference, amount and currency.
pub fn paid_by_the_gateway(moved: &Moved, _: People) -> Result<(), String> {
    let world = &moved.world;
    for (reference, entry) in entries(world) {
        if (entry.state == EntryState::Paid && !entry.was_paid)
            || (entry.was_paid && !has_paid(entry))
        {
            return Err(format!(
                "Z-{reference} is {}, and was paid: {}",
                entry.state.name(),
                entry.was_paid
            ));
        }
        if !entry.was_paid {
            continue;
        }
        let number = entry.order_number.as_deref().unwrap_or_default();
        let order = world.order(number).map(|index| &world.requests[index]);
        let is_right = order.is_some_and(|order| {
            order.reference == reference && order.amount == entry.amount && order.was_paid
        });
        if !is_right {
            return Err(format!(
                "the entry of Z-{reference} is {} with {number:?} and {}, and the gateway has {order:?}",
                entry.state.name(),
                entry.amount
            ));
        }
    }
    Ok(())
}

/// Promise 4: each paid entry is handed to the merchant to deliver until the merchant acknowledges it, and never after.
pub fn handed_over_once(moved: &Moved, _: People) -> Result<(), String> {
    let world = &moved.world;
    for (reference, entry) in entries(world) {
        let deliveries = world.deliveries[reference];
        let must_be_listed = entry.state == EntryState::Paid && deliveries == 0;
        if entry.is_to_deliver() != must_be_listed {
            return Err(format!(
                "Z-{reference} is {}, it was acknowledged {deliveries} times, and to deliver: {}",
                entry.state.name(),
                entry.is_to_deliver()
            ));
        }
        if deliveries > 1 {
            return Err(format!("Z-{reference} was delivered {deliveries} times"));
        }
        if deliveries == 1 && !has_paid(entry) {
            return Err(format!(
                "Z-{reference} was delivered, and is {}",
                entry.state.name()
            ));
        }
    }
    Ok(())
}

/// Promise 5: what nobody can know is said: IN_DOUBT, listed, and resolved by a callback, a check or a person,
/// never by a guess.
pub fn doubt_is_said(moved: &Moved, _: People) -> Result<(), String> {
    for (reference, entry) in entries(&moved.world) {
        let is_unknown = matches!(entry.state, EntryState::Sending | EntryState::InDoubt);
        if is_unknown && !entry.is_open() {
            return Err(format!(
                "Z-{reference} is {} and is not listed",
                entry.state.name()
            ));
        }
    }
    for decided in &moved.decided {
        dead_sender_is_noticed(decided)?;
        state_has_evidence(decided)?;
        verdict_ends_doubt(decided)?;
        reply_is_waited_for(decided)?;
        doubt_is_no_advice_to_pay_again(decided)?;
    }
    orders_are_known_or_in_doubt(&moved.world)
}

fn dead_sender_is_noticed(decided: &Decided) -> Result<(), String> {
    let is_sending = |entry: &Option<Rc<Entry>>| {
        entry
            .as_ref()
            .is_some_and(|one| one.state == EntryState::Sending)
    };
    let is_missed =
        is_sending(&decided.before) && is_sending(&decided.after) && !decided.sender_is_alive;
    match is_missed {
        true => Err(format!(
            "the sender is dead, and after {:?} the entry is SENDING",
            decided.event
        )),
        false => Ok(()),
    }
}

/// An entry has a new state only because of an event that says so.
fn state_has_evidence(decided: &Decided) -> Result<(), String> {
    let before = decided.before.as_ref().map(|entry| entry.state);
    let Some(after) = decided.after.as_ref().map(|entry| entry.state) else {
        return Ok(());
    };
    let has_evidence = match &decided.event {
        _ if before == Some(after) => true,
        _ if after == EntryState::InDoubt => {
            matches!(
                before,
                Some(EntryState::Sending | EntryState::NotSent | EntryState::Refused)
            )
        }
        Event::Pay { .. } => after == EntryState::Sending,
        Event::Reply { reply, .. } => match reply {
            Reply::Accepted { .. } => after == EntryState::Accepted,
            Reply::Failed { outcome, .. } => match outcome {
                Outcome::NotSent => after == EntryState::NotSent,
                Outcome::Refused => after == EntryState::Refused,
                _ => false,
            },
        },
        Event::Verdict { state, .. } => match state {
            State::Pending => after == EntryState::Accepted,
            other => after.name() == other.name(),
        },
        Event::Resolve { resolution, .. } => match resolution {
            Resolution::NotSent => after == EntryState::NotSent,
            Resolution::Failed => after == EntryState::Failed,
            Resolution::Cancelled => after == EntryState::Cancelled,
            Resolution::Order { .. } => false,
        },
        Event::Settle | Event::NoVerdict { .. } | Event::Acknowledge => false,
    };
    match has_evidence {
        true => Ok(()),
        false => Err(format!(
            "{before:?} became {after:?} because of {:?}",
            decided.event
        )),
    }
}

/// The gateway's word may be on another order than that of the request which is out.
fn reply_is_waited_for(decided: &Decided) -> Result<(), String> {
    let is_out = |entry: &Option<Rc<Entry>>| {
        let is_sending = entry.as_ref().map(|one| one.state) == Some(EntryState::Sending);
        is_sending && decided.sender_is_alive
    };
    let Event::Verdict { state, .. } = &decided.event else {
        return Ok(());
    };
    let is_waited_for = *state == State::Paid || is_out(&decided.after);
    match is_waited_for || !is_out(&decided.before) {
        true => Ok(()),
        false => Err(format!(
            "a request is out, and {:?} ended it",
            decided.event
        )),
    }
}

/// An error whose outcome is NOT_SENT tells the merchant that nobody is charged.
fn doubt_is_no_advice_to_pay_again(decided: &Decided) -> Result<(), String> {
    let (Event::Pay { .. }, Action::Refuse(error), Some(entry)) =
        (&decided.event, &decided.action, &decided.after)
    else {
        return Ok(());
    };
    let is_unknown = matches!(entry.state, EntryState::Sending | EntryState::InDoubt);
    match is_unknown && error.outcome() != Outcome::Unknown {
        true => Err(format!(
            "the entry is {}, and pay returns {error}, {}",
            entry.state.name(),
            error.outcome().name()
        )),
        false => Ok(()),
    }
}

/// The gateway's word on an order of the reference resolves an entry whose call has ended.
fn verdict_ends_doubt(decided: &Decided) -> Result<(), String> {
    let Event::Verdict {
        order_number,
        amount,
        ..
    } = &decided.event
    else {
        return Ok(());
    };
    let (Some(before), Some(after)) = (&decided.before, &decided.after) else {
        return Ok(());
    };
    let is_out = before.state == EntryState::Sending && decided.sender_is_alive;
    // The reply has named the order.
    let is_another = before.resolved_by.is_none()
        && before
            .order_number
            .as_ref()
            .is_some_and(|known| known != order_number);
    // The gateway's word on another amount is no word on this entry.
    let is_resolved = is_out
        || is_another
        || *amount != before.amount
        || !matches!(after.state, EntryState::Sending | EntryState::InDoubt);
    match is_resolved {
        true => Ok(()),
        false => Err(format!(
            "the gateway answered {:?}, and the entry was {} and is {}",
            decided.event,
            before.state.name(),
            after.state.name()
        )),
    }
}

/// When nothing more will come from the call, an order at the gateway is in the entry, or the entry says that
/// something is not known.
///
/// But if the gateway has two orders under one reference, because a person was wrong or because one is older than the
/// journal, its word on the one that is known ends the doubt. Nobody can tell that there is another.
fn orders_are_known_or_in_doubt(world: &World) -> Result<(), String> {
    for (index, request) in world.requests.iter().enumerate() {
        if !request.must_be_known() || request.is_running() {
            continue;
        }
        let number = ORDER_NUMBERS[index];
        let entry = world.entries[request.reference].as_deref();
        let is_said = entry.is_some_and(|entry| match entry.state {
            EntryState::Sending | EntryState::InDoubt => true,
            EntryState::NotSent | EntryState::Refused => false,
            // The gateway accepted it without a number.
            EntryState::Accepted if entry.order_number.is_none() => true,
            _ => names(entry, number) || is_about_another(world, request.reference, entry),
        });
        if !is_said {
            return Err(format!(
                "{number} is at the gateway, and the entry is {entry:?}"
            ));
        }
    }
    Ok(())
}

/// Whether the entry's order is the gateway's, and its reference is the entry's. Or a person gave a wrong number.
fn is_about_another(world: &World, reference: usize, entry: &Entry) -> bool {
    let number = entry.order_number.as_deref().unwrap_or_default();
    let order = world.order(number).map(|index| &world.requests[index]);
    number == WRONG_NUMBER || order.is_some_and(|order| order.reference == reference)
}

fn entries(world: &World) -> impl Iterator<Item = (usize, &Entry)> {
    let all = world.entries.iter().enumerate();
    all.filter_map(|(reference, entry)| Some((reference, entry.as_deref()?)))
}

fn names(entry: &Entry, number: &str) -> bool {
    let is_it = |one: &Option<String>| one.as_deref() == Some(number);
    is_it(&entry.order_number) || is_it(&entry.other_order_number)
}

fn has_paid(entry: &Entry) -> bool {
    matches!(
        entry.state,
        EntryState::Paid | EntryState::Refunding | EntryState::Refunded
    )
}

fn may_be_sent_again(entry: &Entry) -> bool {
    matches!(entry.state, EntryState::NotSent | EntryState::Refused)
}
