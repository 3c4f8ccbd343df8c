//! The program around the rule: a store and a client. Each mutant does one thing wrong.

use flexpay::Outcome;
use flexpay::journal::{Action, Entry, EntryState, Event, Reply, Step, step};

/// As [`step`].
pub type Rule = fn(Option<&Entry>, bool, &Event) -> Step;

#[derive(Clone, Copy)]
pub struct Program {
    /// Decides.
    pub rule: Rule,
    /// It writes the entry of a new request only when it has the reply.
    pub sends_before_it_writes: bool,
    /// It records what a callback claims, and does not ask the gateway.
    pub believes_callbacks: bool,
    /// It does not compare the reference of an order with the entry's.
    pub mixes_references: bool,
}

impl Program {
    /// What src/journal does.
    pub const fn real() -> Self {
        Self::with_rule(step)
    }

    pub const fn with_rule(rule: Rule) -> Self {
        Self {
            rule,
            sends_before_it_writes: false,
            believes_callbacks: false,
            mixes_references: false,
        }
    }
}

/// The entry as another state would have it.
fn as_state(entry: Option<&Entry>, from: EntryState, to: EntryState) -> Option<Entry> {
    let mut entry = entry?.clone();
    if entry.state == from {
        entry.state = to;
    }
    Some(entry)
}

/// Sends again although another call is sending.
pub fn forgets_the_lease(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    match event {
        Event::Pay { .. } => {
            let entry = as_state(entry, EntryState::Sending, EntryState::NotSent);
            step(entry.as_ref(), is_alive, event)
        }
        _ => step(entry, is_alive, event),
    }
}

/// Sends again although an earlier request may have been accepted.
pub fn sends_what_is_in_doubt(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    match event {
        Event::Pay { .. } => {
            let entry = as_state(entry, EntryState::InDoubt, EntryState::NotSent);
            step(entry.as_ref(), is_alive, event)
        }
        _ => step(entry, is_alive, event),
    }
}

/// Waits for a dead sender for ever.
pub fn misses_a_death(entry: Option<&Entry>, _: bool, event: &Event) -> Step {
    step(entry, true, event)
}

/// Guesses that a dead sender has sent nothing.
pub fn guesses(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    let was_sending = entry.is_some_and(|one| one.state == EntryState::Sending);
    if was_sending && !is_alive && !matches!(event, Event::Reply { .. }) {
        step.entry = as_state(
            step.entry.as_ref(),
            EntryState::InDoubt,
            EntryState::NotSent,
        );
    }
    step
}

/// Does not record the reply.
pub fn ignores_the_reply(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    if matches!(event, Event::Reply { .. }) {
        step.entry = None;
    }
    step
}

/// Tells the merchant to deliver, and does not record it.
pub fn acknowledges_before_it_records(
    entry: Option<&Entry>,
    is_alive: bool,
    event: &Event,
) -> Step {
    let mut step = step(entry, is_alive, event);
    if matches!(event, Event::Acknowledge) {
        step.entry = None;
    }
    step
}

/// Tells the merchant to deliver what is not paid.
pub fn delivers_the_unpaid(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    match (event, entry) {
        (Event::Acknowledge, Some(entry)) if !entry.is_delivered => Step {
            entry: Some(Entry {
                is_delivered: true,
                ..entry.clone()
            }),
            action: Action::Report { changed: true },
        },
        _ => step(entry, is_alive, event),
    }
}

/// Counts each answer that failed, however soon it comes.
pub fn counts_every_failure(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let entry = entry.map(|entry| Entry {
        failure_at: None,
        ..entry.clone()
    });
    step(entry.as_ref(), is_alive, event)
}

/// Takes what is returned for paid.
pub fn believes_every_refund(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    if let Some(new) = &mut step.entry {
        new.was_paid |= matches!(new.state, EntryState::Refunding | EntryState::Refunded);
    }
    step
}

/// Does not ask about what was returned.
pub fn asks_about_no_refund(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    let is_refunded = entry.is_some_and(|one| one.state == EntryState::Refunded);
    if is_refunded && matches!(event, Event::Settle) {
        step.action = Action::Report { changed: false };
    }
    step
}

/// Believes what the gateway says of any order while a request is out.
pub fn waits_for_no_reply(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    match event {
        Event::Verdict { .. } => {
            let entry = as_state(entry, EntryState::Sending, EntryState::InDoubt);
            step(entry.as_ref(), is_alive, event)
        }
        _ => step(entry, is_alive, event),
    }
}

/// Takes it for the reference's state that this request was not sent.
pub fn forgets_a_noted_order(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    if let Event::Reply {
        reply: Reply::Failed { outcome, .. },
        ..
    } = event
        && *outcome == Outcome::NotSent
    {
        step.entry = as_state(
            step.entry.as_ref(),
            EntryState::InDoubt,
            EntryState::NotSent,
        );
    }
    step
}

/// Compares the terms before it says what is in doubt.
pub fn names_other_terms_first(entry: Option<&Entry>, is_alive: bool, event: &Event) -> Step {
    let mut step = step(entry, is_alive, event);
    if let (Event::Pay { terms, .. }, Some(entry), Action::Refuse(_)) = (event, entry, &step.action)
        && terms.amount != entry.amount
    {
        let accepted = Entry {
            state: EntryState::Accepted,
            ..entry.clone()
        };
        step.action = flexpay::journal::step(Some(&accepted), is_alive, event).action;
    }
    step
}
