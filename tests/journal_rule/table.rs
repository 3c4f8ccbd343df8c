//! What each event does to an entry in each state: table.txt.

use std::fmt::Write as _;

use flexpay::journal::{
    Action, Entry, EntryState, Event, FAILURES_TO_CLOSE, Reply, Resolution, Step, Terms, step,
};
use flexpay::{ErrorCode, Kind, Outcome, State};

/// The entry's attempt. There was one before.
pub const ATTEMPT: u32 = 2;

pub const STATES: [EntryState; 10] = [
    EntryState::Sending,
    EntryState::NotSent,
    EntryState::Refused,
    EntryState::InDoubt,
    EntryState::Accepted,
    EntryState::Paid,
    EntryState::Failed,
    EntryState::Cancelled,
    EntryState::Refunding,
    EntryState::Refunded,
];

pub fn terms() -> Terms {
    Terms {
        kind: Kind::Mobile,
        amount: "25.50".to_owned(),
        currency: "USD".to_owned(),
        phone: Some("243812345678".to_owned()),
    }
}

/// An entry in this state. It has the order A if the gateway told its state.
pub fn entry(state: EntryState) -> Entry {
    let is_told = !matches!(
        state,
        EntryState::Sending | EntryState::NotSent | EntryState::Refused | EntryState::InDoubt
    );
    let terms = terms();
    Entry {
        reference: "Z-1".to_owned(),
        kind: terms.kind,
        amount: terms.amount,
        currency: terms.currency,
        phone: terms.phone,
        state,
        attempt: ATTEMPT,
        sender: (state == EntryState::Sending).then(|| "a call".to_owned()),
        order_number: is_told.then(|| "A".to_owned()),
        redirect_url: None,
        page: None,
        code: None,
        message: None,
        last_answer: None,
        was_paid: matches!(
            state,
            EntryState::Paid | EntryState::Refunding | EntryState::Refunded
        ),
        failures: match state {
            EntryState::Failed | EntryState::Cancelled => 1,
            _ => 0,
        },
        failure_at: matches!(state, EntryState::Failed | EntryState::Cancelled)
            .then_some(FAILURE_AT),
        is_delivered: false,
        other_order_number: None,
        resolved_by: None,
        resolved_why: None,
    }
}

/// An entry whose PAID was missed, or has not come.
pub fn never_paid(state: EntryState) -> Entry {
    Entry {
        was_paid: false,
        failures: 1,
        failure_at: Some(FAILURE_AT),
        ..entry(state)
    }
}

pub fn pay(terms: Terms) -> Event {
    Event::Pay {
        reference: "Z-1".to_owned(),
        terms,
        sender: "another call".to_owned(),
    }
}

pub fn accepted(attempt: u32, order_number: Option<&str>) -> Event {
    Event::Reply {
        attempt,
        reply: Reply::Accepted {
            order_number: order_number.map(str::to_owned),
            redirect_url: Some("https://pay.example/A".to_owned()),
            page: None,
            code: Some("0".to_owned()),
            message: None,
        },
    }
}

pub fn failed(attempt: u32, outcome: Outcome, message: &str, order_number: Option<&str>) -> Event {
    let code = match outcome {
        Outcome::NotSent => ErrorCode::Connect,
        Outcome::Refused => ErrorCode::Refused,
        _ => ErrorCode::Timeout,
    };
    Event::Reply {
        attempt,
        reply: Reply::Failed {
            code: code.name().to_owned(),
            outcome,
            gateway_message: (!message.is_empty()).then(|| message.to_owned()),
            order_number: order_number.map(str::to_owned),
        },
    }
}

/// When the failure of an entry was counted. An event is an hour later.
pub const FAILURE_AT: u64 = 1_000_000;

pub fn verdict(order_number: &str, state: State) -> Event {
    verdict_at(order_number, state, FAILURE_AT + 3600)
}

pub fn verdict_at(order_number: &str, state: State, at: u64) -> Event {
    Event::Verdict {
        order_number: order_number.to_owned(),
        state,
        amount: "25.50".to_owned(),
        currency: "USD".to_owned(),
        at,
    }
}

pub fn resolve(resolution: Resolution) -> Event {
    Event::Resolve {
        resolution,
        who: "Awa".to_owned(),
        why: "not in the console".to_owned(),
    }
}

pub const DUPLICATE: &str = "Transaction déjà traitée";

/// Every kind of event.
pub fn events() -> Vec<(String, Event)> {
    let other_amount = Terms {
        amount: "26".to_owned(),
        ..terms()
    };
    let order = Resolution::Order {
        order_number: "B".to_owned(),
    };
    let before = [
        ("pay", pay(terms())),
        ("pay another amount", pay(other_amount)),
        ("reply: accepted, order A", accepted(ATTEMPT, Some("A"))),
        ("reply: accepted, no order number", accepted(ATTEMPT, None)),
        ("reply: accepted, order B", accepted(ATTEMPT, Some("B"))),
        (
            "reply: NOT_SENT",
            failed(ATTEMPT, Outcome::NotSent, "", None),
        ),
        (
            "reply: REFUSED",
            failed(ATTEMPT, Outcome::Refused, "Solde insuffisant", None),
        ),
        (
            "reply: REFUSED, the reference is known",
            failed(ATTEMPT, Outcome::Refused, DUPLICATE, None),
        ),
        (
            "reply: UNKNOWN",
            failed(ATTEMPT, Outcome::Unknown, "", None),
        ),
        (
            "reply: UNKNOWN, order B",
            failed(ATTEMPT, Outcome::Unknown, "", Some("B")),
        ),
        (
            "reply to the earlier attempt: accepted, order B",
            accepted(1, Some("B")),
        ),
        (
            "reply to the earlier attempt: UNKNOWN",
            failed(1, Outcome::Unknown, "", None),
        ),
        (
            "reply to the earlier attempt: REFUSED",
            failed(1, Outcome::Refused, "", None),
        ),
        ("settle", Event::Settle),
    ];
    let states = [
        State::Unknown,
        State::Pending,
        State::Paid,
        State::Failed,
        State::Cancelled,
        State::Refunding,
        State::Refunded,
    ];
    let mut told = Vec::new();
    for (title, number) in [("verdict on order A: ", "A"), ("verdict on order B: ", "B")] {
        for state in states {
            told.push((format!("{title}{}", state.name()), verdict(number, state)));
        }
    }
    let after = [
        (
            "verdict on order A: FAILED, again within a minute",
            verdict_at("A", State::Failed, FAILURE_AT + 59),
        ),
        (
            "verdict on order B: PAID, another amount",
            Event::Verdict {
                order_number: "B".to_owned(),
                state: State::Paid,
                amount: "26".to_owned(),
                currency: "USD".to_owned(),
                at: FAILURE_AT + 3600,
            },
        ),
        (
            "no verdict",
            Event::NoVerdict {
                answer: "TIMEOUT".to_owned(),
            },
        ),
        ("acknowledge", Event::Acknowledge),
        ("resolve: order B", resolve(order)),
        ("resolve: NOT_SENT", resolve(Resolution::NotSent)),
        ("resolve: FAILED", resolve(Resolution::Failed)),
        ("resolve: CANCELLED", resolve(Resolution::Cancelled)),
        (
            "resolve, nobody says who",
            Event::Resolve {
                resolution: Resolution::Failed,
                who: " ".to_owned(),
                why: "console".to_owned(),
            },
        ),
    ];
    let named = |(title, event): (&str, Event)| (title.to_owned(), event);
    let before = before.into_iter().map(named);
    let after = after.into_iter().map(named);
    before.chain(told).chain(after).collect()
}

/// Every entry: its title, and whether its sender is alive.
pub fn entries() -> Vec<(&'static str, Option<Entry>, bool)> {
    let with = |state| Some(entry(state));
    let delivered = Entry {
        is_delivered: true,
        ..entry(EntryState::Paid)
    };
    let payout = Entry {
        kind: Kind::Payout,
        ..entry(EntryState::Paid)
    };
    let closed = Entry {
        failures: FAILURES_TO_CLOSE,
        ..entry(EntryState::Failed)
    };
    vec![
        ("none", None, false),
        ("SENDING", with(EntryState::Sending), true),
        (
            "SENDING, order B noted",
            Some(Entry {
                order_number: Some("B".to_owned()),
                ..entry(EntryState::Sending)
            }),
            true,
        ),
        ("SENDING by a dead sender", with(EntryState::Sending), false),
        ("NOT_SENT", with(EntryState::NotSent), false),
        ("REFUSED", with(EntryState::Refused), false),
        ("IN_DOUBT", with(EntryState::InDoubt), false),
        ("ACCEPTED", with(EntryState::Accepted), false),
        ("PAID", with(EntryState::Paid), false),
        ("PAID and delivered", Some(delivered), false),
        ("PAID, a payout", Some(payout), false),
        ("FAILED", with(EntryState::Failed), false),
        ("FAILED and closed", Some(closed), false),
        ("CANCELLED", with(EntryState::Cancelled), false),
        ("REFUNDING", with(EntryState::Refunding), false),
        ("REFUNDED", with(EntryState::Refunded), false),
        (
            "REFUNDING, never PAID",
            Some(never_paid(EntryState::Refunding)),
            false,
        ),
        (
            "REFUNDED, never PAID",
            Some(never_paid(EntryState::Refunded)),
            false,
        ),
    ]
}

/// What a step does, in words: what is written, then the action.
pub fn words(before: Option<&Entry>, step: &Step) -> String {
    let mut words = match (before, &step.entry) {
        (_, None) => Vec::new(),
        (Some(before), Some(after)) if after.state == before.state => {
            let word = match () {
                () if before.is_open() && !after.is_open() => "closed",
                () if after.failures > before.failures => "counted",
                () => "noted",
            };
            vec![word.to_owned()]
        }
        (_, Some(after)) => vec![after.state.name().to_owned()],
    };
    words.push(match &step.action {
        Action::Send { attempt } => format!("send attempt {attempt}"),
        Action::Repeat => "repeat".to_owned(),
        Action::Ask { order_number } => format!("ask about {order_number}"),
        Action::Report { changed: true } => "changed".to_owned(),
        Action::Report { changed: false } => "report".to_owned(),
        Action::Refuse(error) => {
            let field = error.field().map(|field| format!(" {field}"));
            format!(
                "refuse: {}{}",
                error.code().name(),
                field.unwrap_or_default()
            )
        }
    });
    words.join(", ")
}

/// The entries that an event treats alike are on one line.
fn table() -> String {
    let mut table = String::new();
    for (title, event) in events() {
        let _ = writeln!(table, "{title}");
        let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, entry, is_alive) in entries() {
            let what = words(entry.as_ref(), &step(entry.as_ref(), is_alive, &event));
            match lines.iter_mut().find(|line| line.0 == what) {
                Some(line) => line.1.push(name),
                None => lines.push((what, vec![name])),
            }
        }
        for (what, names) in lines {
            let _ = writeln!(table, "    {what:36} {}", names.join(" | "));
        }
        table.push('\n');
    }
    table.trim_end().to_owned() + "\n"
}

#[test]
fn every_event_does_to_every_entry_what_the_table_says() {
    let expected = include_str!("table.txt");
    let actual = table();
    assert!(
        expected == actual,
        "table.txt says otherwise. The rule does this:\n{actual}"
    );
}
