//! Entries and events in JSON, in which stores in other languages keep and send them.

use flexpay::journal::{Entry, EntryState, Event, Reply, Resolution, Terms};
use flexpay::{Kind, Outcome, State};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::table::{STATES, entry};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", "A", "25.50", "\u{0}", "\"", "é"]).prop_map(str::to_owned),
        any::<String>()
    ]
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Card, Kind::Mobile, Kind::Payout])
}

fn state() -> impl Strategy<Value = State> {
    select(vec![
        State::Unknown,
        State::Paid,
        State::Failed,
        State::Pending,
        State::Refunding,
        State::Refunded,
        State::Cancelled,
    ])
}

fn terms() -> impl Strategy<Value = Terms> {
    (kind(), text(), text(), maybe()).prop_map(|(kind, amount, currency, phone)| Terms {
        kind,
        amount,
        currency,
        phone,
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let asked = (text(), terms(), select(&STATES), any::<u32>(), maybe());
    let told = (
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
    );
    let failed = (any::<bool>(), any::<u32>(), option::of(any::<u64>()));
    let done = (failed, any::<bool>(), maybe(), maybe());
    (asked, told, done).prop_map(|(asked, told, done)| {
        let (reference, terms, state, attempt, sender) = asked;
        let (order_number, other, redirect_url, page, code, message, last_answer) = told;
        let ((was_paid, failures, failure_at), is_delivered, resolved_by, resolved_why) = done;
        Entry {
            reference,
            kind: terms.kind,
            amount: terms.amount,
            currency: terms.currency,
            phone: terms.phone,
            state,
            attempt,
            sender,
            order_number,
            redirect_url,
            page,
            code,
            message,
            last_answer,
            was_paid,
            failures,
            failure_at,
            is_delivered,
            other_order_number: other,
            resolved_by,
            resolved_why,
        }
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    let accepted = (maybe(), maybe(), maybe(), maybe(), maybe()).prop_map(
        |(order_number, redirect_url, page, code, message)| Reply::Accepted {
            order_number,
            redirect_url,
            page,
            code,
            message,
        },
    );
    let outcome = select(vec![Outcome::NotSent, Outcome::Unknown, Outcome::Refused]);
    let failed = (text(), outcome, maybe(), maybe()).prop_map(
        |(code, outcome, gateway_message, order_number)| Reply::Failed {
            code,
            outcome,
            gateway_message,
            order_number,
        },
    );
    prop_oneof![accepted, failed]
}

fn resolution() -> impl Strategy<Value = Resolution> {
    prop_oneof![
        text().prop_map(|order_number| Resolution::Order { order_number }),
        Just(Resolution::NotSent),
        Just(Resolution::Failed),
        Just(Resolution::Cancelled),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (text(), terms(), text()).prop_map(|(reference, terms, sender)| Event::Pay {
            reference,
            terms,
            sender
        }),
        (any::<u32>(), reply()).prop_map(|(attempt, reply)| Event::Reply { attempt, reply }),
        Just(Event::Settle),
        (text(), state(), text(), text(), any::<u64>()).prop_map(
            |(order_number, state, amount, currency, at)| Event::Verdict {
                order_number,
                state,
                amount,
                currency,
                at,
            }
        ),
        text().prop_map(|answer| Event::NoVerdict { answer }),
        Just(Event::Acknowledge),
        (resolution(), text(), text()).prop_map(|(resolution, who, why)| Event::Resolve {
            resolution,
            who,
            why
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_survives(entry in any_entry()) {
        let text = serde_json::to_string(&entry).unwrap();
        prop_assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }

    #[test]
    fn an_event_survives(event in event()) {
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

/// The names may not change: they are in journals that exist.
#[test]
fn an_entry_has_these_names() {
    let expected = json!({
        "reference": "Z-1", "kind": "MOBILE", "amount": "25.50", "currency": "USD", "phone": "243812345678",
        "state": "IN_DOUBT", "attempt": 2, "sender": null, "order_number": null, "redirect_url": null,
        "page": null, "code": null, "message": null, "last_answer": null, "was_paid": false, "failures": 0, "failure_at": null,
        "is_delivered": false, "other_order_number": null, "resolved_by": null, "resolved_why": null,
    });
    assert_eq!(
        serde_json::to_value(entry(EntryState::InDoubt)).unwrap(),
        expected
    );
    for state in &STATES {
        assert_eq!(
            serde_json::to_value(entry(*state)).unwrap()["state"],
            state.name()
        );
    }
}

/// Stores in other languages write these.
#[test]
fn events_have_these_names() {
    let events = [
        json!({"event": "pay", "reference": "Z-1", "sender": "till-1",
            "terms": {"kind": "CARD", "amount": "25.50", "currency": "USD", "phone": null}}),
        json!({"event": "reply", "attempt": 1, "reply": {"result": "accepted", "order_number": "A",
            "redirect_url": null, "page": null, "code": "0", "message": null}}),
        json!({"event": "reply", "attempt": 1, "reply": {"result": "failed", "code": "TIMEOUT",
            "outcome": "UNKNOWN", "gateway_message": null, "order_number": null}}),
        json!({"event": "settle"}),
        json!({"event": "verdict", "order_number": "A", "state": "PAID", "amount": "25.50",
            "currency": "USD", "at": 1764283581}),
        json!({"event": "no_verdict", "answer": "TIMEOUT"}),
        json!({"event": "acknowledge"}),
        json!({"event": "resolve", "resolution": {"state": "ORDER", "order_number": "A"}, "who": "Awa",
            "why": "console"}),
        json!({"event": "resolve", "resolution": {"state": "NOT_SENT"}, "who": "Awa", "why": "console"}),
        json!({"event": "resolve", "resolution": {"state": "FAILED"}, "who": "Awa", "why": "console"}),
        json!({"event": "resolve", "resolution": {"state": "CANCELLED"}, "who": "Awa", "why": "console"}),
    ];
    for expected in events {
        let event: Event = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(serde_json::to_value(event).unwrap(), expected);
    }
}

/// An entry of a newer version may have a field that changes what the others mean.
#[test]
fn an_unknown_field_is_refused() {
    let mut value = serde_json::to_value(entry(EntryState::Paid)).unwrap();
    value["surprise"] = Value::Bool(true);
    let error = serde_json::from_value::<Entry>(value).unwrap_err();
    assert!(error.to_string().contains("surprise"), "{error}");
    let settled = json!({"event": "verdict", "order_number": "A", "state": "PAID"});
    let error = serde_json::from_value::<Event>(settled).unwrap_err();
    assert!(error.to_string().contains("amount"), "{error}");
}
