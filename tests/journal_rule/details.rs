//! The finer points of the rule.

use flexpay::journal::{
    Action, Entry, EntryState, Event, FAILURES_TO_CLOSE, Resolution, Step, Terms, step,
};
use flexpay::{ErrorCode, Kind, Outcome, State};

use crate::table::{
    ATTEMPT, DUPLICATE, FAILURE_AT, STATES, accepted, entry, failed, never_paid, pay, resolve,
    terms, verdict, verdict_at,
};

/// The entry after these events. Its sender is alive.
fn after(entry: &Entry, events: &[Event]) -> Entry {
    let mut now = entry.clone();
    for event in events {
        now = step(Some(&now), true, event).entry.unwrap_or(now);
    }
    now
}

fn is_changed(step: &Step) -> bool {
    matches!(step.action, Action::Report { changed: true })
}

/// The code of the error, and its field.
fn refused(step: &Step) -> (ErrorCode, Option<&'static str>) {
    match &step.action {
        Action::Refuse(error) => (error.code(), error.field()),
        other => panic!("not refused: {other:?}"),
    }
}

fn orders(entry: &Entry) -> (Option<&str>, Option<&str>) {
    (
        entry.order_number.as_deref(),
        entry.other_order_number.as_deref(),
    )
}

#[test]
fn a_first_payment_is_sending_by_its_sender() {
    let step = step(None, false, &pay(terms()));
    assert!(matches!(step.action, Action::Send { attempt: 1 }));
    let entry = step.entry.unwrap();
    assert_eq!(entry.state, EntryState::Sending);
    assert_eq!(entry.sender.as_deref(), Some("another call"));
    assert_eq!(
        (entry.kind, entry.amount.as_str(), entry.currency.as_str()),
        (Kind::Mobile, "25.50", "USD")
    );
    assert!(entry.is_open() && !entry.is_to_deliver());
}

#[test]
fn amounts_are_compared_as_numbers() {
    for (amount, is_same) in [
        ("25.5", true),
        ("25.50", true),
        ("25.51", false),
        ("2550", false),
    ] {
        let event = pay(Terms {
            amount: amount.to_owned(),
            ..terms()
        });
        let step = step(Some(&entry(EntryState::Accepted)), false, &event);
        assert_eq!(matches!(step.action, Action::Repeat), is_same, "{amount}");
    }
}

#[test]
fn the_field_that_differs_is_named() {
    let cases = [
        (
            "kind",
            Terms {
                kind: Kind::Card,
                ..terms()
            },
        ),
        (
            "amount",
            Terms {
                amount: "26".to_owned(),
                ..terms()
            },
        ),
        (
            "currency",
            Terms {
                currency: "CDF".to_owned(),
                ..terms()
            },
        ),
        (
            "phone",
            Terms {
                phone: None,
                ..terms()
            },
        ),
    ];
    for (field, other) in cases {
        for (state, code, error_field, outcome) in [
            (
                EntryState::Sending,
                ErrorCode::InProgress,
                None,
                Outcome::Unknown,
            ),
            (
                EntryState::InDoubt,
                ErrorCode::InDoubt,
                None,
                Outcome::Unknown,
            ),
            (
                EntryState::Paid,
                ErrorCode::Invalid,
                Some(field),
                Outcome::NotSent,
            ),
        ] {
            let step = step(Some(&entry(state)), true, &pay(other.clone()));
            assert_eq!(step.entry, None);
            let Action::Refuse(error) = step.action else {
                panic!("not refused: {:?}", step.action);
            };
            assert_eq!((error.code(), error.field()), (code, error_field));
            assert_eq!(error.outcome(), outcome, "{state:?}");
            assert!(error.to_string().contains(field), "{error}");
            let advises_to_charge_again = error.message().contains("use a new reference");
            assert_eq!(
                advises_to_charge_again,
                state == EntryState::Paid,
                "{error}"
            );
        }
    }
}

#[test]
fn what_was_not_sent_or_was_refused_may_have_other_terms() {
    for state in [EntryState::NotSent, EntryState::Refused] {
        let other = Terms {
            kind: Kind::Card,
            amount: "26".to_owned(),
            currency: "CDF".to_owned(),
            phone: None,
        };
        let step = step(Some(&entry(state)), false, &pay(other));
        assert!(matches!(step.action, Action::Send { attempt: 3 }));
        let entry = step.entry.unwrap();
        assert_eq!(
            (
                entry.kind,
                entry.amount.as_str(),
                entry.currency.as_str(),
                entry.phone
            ),
            (Kind::Card, "26", "CDF", None)
        );
    }
}

#[test]
fn a_person_and_an_order_are_remembered_when_it_is_sent_again() {
    let told = failed(ATTEMPT, Outcome::Unknown, "", Some("A"));
    let events = [told, resolve(Resolution::NotSent), pay(terms())];
    let again = after(&entry(EntryState::Sending), &events);
    assert_eq!(again.state, EntryState::Sending);
    assert_eq!(again.resolved_by.as_deref(), Some("Awa"));
    assert_eq!(again.resolved_why.as_deref(), Some("not in the console"));
    assert_eq!(orders(&again), (None, Some("A")));
    let paid = after(&again, &[verdict("A", State::Paid)]);
    assert_eq!(orders(&paid), (Some("A"), None));
}

#[test]
fn a_reply_is_recorded_with_its_address() {
    let accepted = after(&entry(EntryState::Sending), &[accepted(ATTEMPT, Some("A"))]);
    assert_eq!(accepted.state, EntryState::Accepted);
    assert_eq!(accepted.order_number.as_deref(), Some("A"));
    assert_eq!(
        accepted.redirect_url.as_deref(),
        Some("https://pay.example/A")
    );
    assert_eq!(accepted.code.as_deref(), Some("0"));
    assert_eq!(accepted.last_answer.as_deref(), Some("ACCEPTED"));
    assert_eq!(accepted.sender, None);
}

#[test]
fn an_error_is_recorded_with_its_name_and_message() {
    let event = failed(ATTEMPT, Outcome::Refused, "Solde insuffisant", None);
    let refused = after(&entry(EntryState::Sending), &[event]);
    assert_eq!(refused.state, EntryState::Refused);
    assert_eq!(refused.last_answer.as_deref(), Some("REFUSED"));
    assert_eq!(refused.message.as_deref(), Some("Solde insuffisant"));
}

/// The gateway refuses a reference that it has: it may have it from a request whose reply was lost.
#[test]
fn a_refusal_of_a_known_reference_is_in_doubt() {
    for (message, number, state) in [
        ("Solde insuffisant", None, EntryState::Refused),
        (DUPLICATE, None, EntryState::InDoubt),
        ("Référence dupliquée", None, EntryState::InDoubt),
        ("Solde insuffisant", Some("A"), EntryState::InDoubt),
    ] {
        let event = failed(ATTEMPT, Outcome::Refused, message, number);
        assert_eq!(
            after(&entry(EntryState::Sending), &[event]).state,
            state,
            "{message} {number:?}"
        );
    }
}

/// A callback may be faster than the reply.
#[test]
fn a_late_reply_adds_what_was_not_known() {
    let paid = after(&entry(EntryState::Sending), &[verdict("A", State::Paid)]);
    assert_eq!(
        (paid.state, paid.sender.as_deref()),
        (EntryState::Paid, None)
    );
    let step = step(Some(&paid), false, &accepted(ATTEMPT, Some("A")));
    assert!(!is_changed(&step));
    let now = step.entry.unwrap();
    assert_eq!(now.state, EntryState::Paid);
    assert_eq!(now.redirect_url.as_deref(), Some("https://pay.example/A"));
    assert_eq!(orders(&now), (Some("A"), None));
}

#[test]
fn a_late_reply_without_a_number_forgets_none() {
    let paid = Entry {
        other_order_number: Some("B".to_owned()),
        ..entry(EntryState::Paid)
    };
    for late in [
        accepted(ATTEMPT, None),
        failed(ATTEMPT, Outcome::Unknown, "", None),
        failed(1, Outcome::Unknown, "", None),
    ] {
        assert_eq!(orders(&after(&paid, &[late])), (Some("A"), Some("B")));
    }
}

#[test]
fn a_late_reply_with_another_order_is_asked_about_unless_one_is_paid() {
    for before in [
        entry(EntryState::Accepted),
        entry(EntryState::Failed),
        entry(EntryState::Cancelled),
        never_paid(EntryState::Refunding),
        never_paid(EntryState::Refunded),
    ] {
        let state = before.state;
        let now = after(&before, &[accepted(ATTEMPT, Some("B"))]);
        assert_eq!(now.state, EntryState::Accepted);
        assert_eq!(orders(&now), (Some("B"), Some("A")), "{state:?}");
    }
    for state in [
        EntryState::Paid,
        EntryState::Refunding,
        EntryState::Refunded,
    ] {
        let now = after(&entry(state), &[accepted(ATTEMPT, Some("B"))]);
        assert_eq!(now.state, state);
        assert_eq!(orders(&now), (Some("A"), Some("B")), "{state:?}");
    }
}

/// A person said that it will not be paid, and then the gateway accepted it.
#[test]
fn a_late_reply_opens_what_is_closed() {
    let closed = after(&entry(EntryState::InDoubt), &[resolve(Resolution::Failed)]);
    assert!(!closed.is_open());
    let now = after(&closed, &[accepted(ATTEMPT, Some("A"))]);
    assert_eq!((now.state, now.is_open()), (EntryState::Accepted, true));
    let now = after(&closed, &[accepted(ATTEMPT, None)]);
    assert_eq!((now.state, now.is_open()), (EntryState::Failed, true));
}

/// A person said NOT_SENT too early.
#[test]
fn a_late_reply_replaces_not_sent() {
    for (late, state) in [
        (accepted(ATTEMPT, Some("A")), EntryState::Accepted),
        (
            failed(ATTEMPT, Outcome::Unknown, "", None),
            EntryState::InDoubt,
        ),
        (
            failed(ATTEMPT, Outcome::Refused, "", None),
            EntryState::Refused,
        ),
    ] {
        let events = [resolve(Resolution::NotSent), late];
        assert_eq!(after(&entry(EntryState::InDoubt), &events).state, state);
    }
}

#[test]
fn a_reply_to_an_earlier_attempt_is_refused_and_its_order_noted() {
    let accepted_earlier = accepted(1, Some("A"));
    let earlier = step(Some(&entry(EntryState::Sending)), true, &accepted_earlier);
    assert_eq!(refused(&earlier), (ErrorCode::InDoubt, None));
    let now = earlier.entry.unwrap();
    assert_eq!(now.state, EntryState::Sending);
    assert!(now.sender.is_some(), "the later call still sends");
    // The later call's order is asked about, and the earlier is not forgotten.
    let now = after(&now, &[accepted(ATTEMPT, Some("B"))]);
    assert_eq!(orders(&now), (Some("B"), Some("A")));

    for state in [EntryState::NotSent, EntryState::Refused] {
        let now = after(&entry(state), std::slice::from_ref(&accepted_earlier));
        assert_eq!(now.state, EntryState::InDoubt);
        assert_eq!(orders(&now), (Some("A"), None));
    }
}

#[test]
fn failures_are_counted_up_to_the_limit() {
    let mut now = entry(EntryState::Accepted);
    for count in 1..=FAILURES_TO_CLOSE {
        assert!(now.is_open());
        let state = match count % 2 {
            0 => State::Failed,
            _ => State::Cancelled,
        };
        let at = FAILURE_AT + 60 * u64::from(count);
        now = after(&now, &[verdict_at("A", state, at)]);
        assert_eq!((now.state, now.failures), (EntryState::Cancelled, count));
        assert_eq!(now.failure_at, Some(at));
    }
    assert!(!now.is_open());
    let more = after(&now, &[verdict("A", State::Failed)]);
    assert_eq!(more.failures, FAILURES_TO_CLOSE);
    // A late PAID still counts, when somebody asks.
    assert!(matches!(
        step(Some(&now), false, &Event::Settle).action,
        Action::Ask { .. }
    ));
    assert_eq!(
        after(&now, &[verdict("A", State::Paid)]).state,
        EntryState::Paid
    );
}

/// A page of the shop asks many times in a second, and then for an hour, every second. The clock may be set at
/// any time, and each time that may count one too many.
#[test]
fn a_failure_is_counted_once_in_a_minute() {
    let ask = |now: &Entry, at| after(now, &[verdict_at("A", State::Failed, at)]);
    let mut now = ask(&entry(EntryState::Accepted), FAILURE_AT);
    for at in [0, 0, 1, 59].map(|seconds| FAILURE_AT + seconds) {
        now = ask(&now, at);
        assert_eq!((now.failures, now.failure_at), (1, Some(FAILURE_AT)));
    }
    for second in 0..=240 {
        now = ask(&now, FAILURE_AT + second);
    }
    assert_eq!((now.failures, now.failure_at), (5, Some(FAILURE_AT + 240)));
    assert!(now.is_open());

    let back = ask(&now, FAILURE_AT + 181);
    assert_eq!((back.failures, back.failure_at), (5, now.failure_at));
    let back = ask(&now, FAILURE_AT + 180);
    assert_eq!(
        (back.failures, back.failure_at),
        (6, Some(FAILURE_AT + 180))
    );
    let far = ask(&back, u64::MAX);
    assert_eq!((far.failures, far.failure_at), (7, Some(u64::MAX)));
    let never = ask(&far, 0);
    assert_eq!((never.failures, never.failure_at), (8, Some(0)));
    assert!(never.is_open());
}

#[test]
fn another_word_of_the_gateway_resets_the_failures() {
    let closed = Entry {
        failures: FAILURES_TO_CLOSE,
        ..entry(EntryState::Failed)
    };
    for word in [
        verdict("A", State::Pending),
        verdict("A", State::Unknown),
        accepted(ATTEMPT, Some("A")),
    ] {
        let now = after(&closed, &[word]);
        assert_eq!((now.state, now.failures), (EntryState::Failed, 0));
        assert_eq!(now.failure_at, None);
        assert!(now.is_open());
        // So the next is counted, however soon it is.
        let failed_again = after(&now, &[verdict_at("A", State::Failed, FAILURE_AT)]);
        assert_eq!(failed_again.failures, 1);
    }
    // No word at all does not.
    let answer = "TIMEOUT".to_owned();
    let now = after(&closed, &[Event::NoVerdict { answer }]);
    assert_eq!(now.failures, FAILURES_TO_CLOSE);
}

#[test]
fn a_failure_after_not_sent_is_counted_from_one() {
    let events = [resolve(Resolution::NotSent), verdict("A", State::Failed)];
    let now = after(&entry(EntryState::InDoubt), &events);
    assert_eq!((now.state, now.failures), (EntryState::Failed, 1));
    assert!(now.is_open());
}

#[test]
fn another_order_counts_only_if_it_is_paid_and_this_one_is_not() {
    for state in [
        EntryState::Accepted,
        EntryState::Failed,
        EntryState::Cancelled,
    ] {
        let step = step(Some(&entry(state)), false, &verdict("B", State::Paid));
        assert!(is_changed(&step));
        let now = step.entry.unwrap();
        assert_eq!(now.state, EntryState::Paid);
        assert_eq!(orders(&now), (Some("B"), Some("A")));
    }
    for state in [
        EntryState::Paid,
        EntryState::Refunding,
        EntryState::Refunded,
    ] {
        let step = step(Some(&entry(state)), false, &verdict("B", State::Paid));
        assert!(!is_changed(&step));
        let now = step.entry.unwrap();
        assert_eq!(now.state, state);
        assert_eq!(orders(&now), (Some("A"), Some("B")), "return one of them");
    }
    for told in [
        State::Pending,
        State::Failed,
        State::Cancelled,
        State::Refunded,
    ] {
        let now = after(&entry(EntryState::Accepted), &[verdict("B", told)]);
        assert_eq!((now.state, now.failures), (EntryState::Accepted, 0));
        assert_eq!(orders(&now), (Some("A"), Some("B")));
    }
}

/// Here both order numbers are the gateway's.
#[test]
fn the_order_of_the_reply_is_asked_about_until_another_is_paid() {
    let told = failed(ATTEMPT, Outcome::Unknown, "", Some("A"));
    let now = after(
        &entry(EntryState::Sending),
        &[told, verdict("B", State::Failed)],
    );
    assert_eq!(now.state, EntryState::InDoubt);
    assert_eq!(orders(&now), (Some("A"), Some("B")));
    let paid = after(&now, &[verdict("B", State::Paid)]);
    assert_eq!(paid.state, EntryState::Paid);
    assert_eq!(orders(&paid), (Some("B"), Some("A")));
}

/// The wrong order number is a person's, the other one is the gateway's.
/// A callback says something of an order, which may be of an earlier request, while this one is out.
#[test]
fn the_word_on_an_order_does_not_end_the_wait_for_the_reply() {
    let told = [
        State::Unknown,
        State::Pending,
        State::Failed,
        State::Cancelled,
        State::Refunding,
        State::Refunded,
    ];
    for state in told {
        let sending = after(&entry(EntryState::Sending), &[verdict("A", state)]);
        assert_eq!(sending.state, EntryState::Sending);
        assert!(sending.sender.is_some());
        assert_eq!((sending.failures, sending.failure_at), (0, None));
        assert_eq!(orders(&sending), (Some("A"), None));
        assert_eq!(sending.last_answer.as_deref(), Some(state.name()));
        let pays = step(Some(&sending), true, &pay(terms()));
        assert_eq!(refused(&pays), (ErrorCode::InProgress, None));

        for outcome in [Outcome::NotSent, Outcome::Refused, Outcome::Unknown] {
            let now = after(&sending, &[failed(ATTEMPT, outcome, "", None)]);
            assert_eq!(now.state, EntryState::InDoubt, "{outcome:?}");
            assert_eq!(orders(&now), (Some("A"), None));
        }
        let now = after(&sending, &[accepted(ATTEMPT, Some("A"))]);
        assert_eq!(now.state, EntryState::Accepted);
        assert_eq!(orders(&now), (Some("A"), None));
        let now = after(&sending, &[accepted(ATTEMPT, Some("B"))]);
        assert_eq!(now.state, EntryState::Accepted);
        assert_eq!(orders(&now), (Some("B"), Some("A")));
    }
}

#[test]
fn a_verdict_corrects_the_order_number_of_a_person() {
    let wrong = Resolution::Order {
        order_number: "wrong".to_owned(),
    };
    let events = [resolve(wrong), verdict("A", State::Pending)];
    let now = after(&entry(EntryState::InDoubt), &events);
    assert_eq!(now.state, EntryState::Accepted);
    assert_eq!(orders(&now), (Some("A"), Some("wrong")));
}

#[test]
fn a_verdict_on_other_terms_says_nothing_of_the_entry() {
    for (amount, currency, state) in [
        ("25.5", "USD", EntryState::Paid),
        ("26", "USD", EntryState::InDoubt),
        ("25.50", "CDF", EntryState::InDoubt),
    ] {
        let event = Event::Verdict {
            order_number: "A".to_owned(),
            state: State::Paid,
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            at: FAILURE_AT,
        };
        let now = after(&entry(EntryState::InDoubt), &[event]);
        assert_eq!(now.state, state, "{amount} {currency}");
        if state == EntryState::InDoubt {
            assert_eq!(orders(&now), (None, Some("A")));
            assert_eq!(now.last_answer.as_deref(), Some("MISMATCH"));
        }
    }
}

/// The gateway has an order, and its status is not in the table.
#[test]
fn what_the_gateway_has_is_not_sent_again() {
    for state in [EntryState::NotSent, EntryState::Refused] {
        let now = after(&entry(state), &[verdict("A", State::Unknown)]);
        assert_eq!(now.state, EntryState::InDoubt);
        assert_eq!(orders(&now), (Some("A"), None), "it can be asked about");
    }
}

#[test]
fn a_refund_that_was_never_paid_is_only_believed_as_a_failure_is() {
    for (told, state) in [
        (State::Refunding, EntryState::Refunding),
        (State::Refunded, EntryState::Refunded),
    ] {
        let at = |minute: u64| FAILURE_AT + 60 * minute;
        let mut now = entry(EntryState::Accepted);
        for minute in 1..=u64::from(FAILURES_TO_CLOSE) {
            assert!(now.is_open());
            now = after(&now, &[verdict_at("A", told, at(minute))]);
            now = after(&now, &[verdict_at("A", State::Failed, at(minute) + 1)]);
            assert_eq!((now.state, u64::from(now.failures)), (state, minute));
        }
        assert!(!now.is_open());
        // A late PAID still counts, when somebody asks.
        let asked = step(Some(&now), false, &Event::Settle);
        assert!(matches!(asked.action, Action::Ask { .. }));
        for number in ["A", "B"] {
            let paid = after(&now, &[verdict(number, State::Paid)]);
            assert_eq!((paid.state, paid.failures), (EntryState::Paid, 0));
            assert!(paid.was_paid && paid.is_to_deliver());
            let refunded = after(&paid, &[verdict(number, State::Refunded)]);
            assert_eq!(refunded.state, EntryState::Refunded);
            assert!(!refunded.is_open());
            let late = after(&refunded, &[verdict(number, State::Paid)]);
            assert_eq!(late.state, EntryState::Refunded);
        }
    }
}

/// It is open until it is REFUNDED, however often the gateway says so.
#[test]
fn a_refund_of_what_was_paid_is_not_counted() {
    let paid = entry(EntryState::Paid);
    for told in [State::Refunding, State::Failed] {
        let now = after(&paid, &[verdict("A", State::Refunding), verdict("A", told)]);
        assert_eq!((now.state, now.failures), (EntryState::Refunding, 0));
        assert!(now.is_open());
    }
}

#[test]
fn a_refund_is_recorded_also_if_paid_was_missed() {
    for state in [
        EntryState::InDoubt,
        EntryState::Accepted,
        EntryState::Failed,
    ] {
        for (told, now) in [
            (State::Refunding, EntryState::Refunding),
            (State::Refunded, EntryState::Refunded),
        ] {
            let entry = after(&entry(state), &[verdict("A", told)]);
            assert_eq!(entry.state, now);
            assert!(!entry.is_to_deliver());
        }
    }
}

#[test]
fn one_acknowledgement_alone_delivers() {
    let paid = entry(EntryState::Paid);
    assert!(paid.is_to_deliver());
    let first = step(Some(&paid), false, &Event::Acknowledge);
    assert!(is_changed(&first));
    let delivered = first.entry.unwrap();
    assert!(!delivered.is_to_deliver());
    let second = step(Some(&delivered), false, &Event::Acknowledge);
    assert!(!is_changed(&second));
    assert_eq!(second.entry, None);
    // Also when the money was returned meanwhile.
    let refunded = after(&delivered, &[verdict("A", State::Refunded)]);
    assert!(refunded.is_delivered);
    let third = step(Some(&refunded), false, &Event::Acknowledge);
    assert!(matches!(third.action, Action::Report { changed: false }));
}

#[test]
fn a_payout_is_never_acknowledged() {
    for is_delivered in [false, true] {
        let payout = Entry {
            kind: Kind::Payout,
            is_delivered,
            ..entry(EntryState::Paid)
        };
        assert!(!payout.is_to_deliver());
        let step = step(Some(&payout), false, &Event::Acknowledge);
        assert_eq!(refused(&step), (ErrorCode::Invalid, Some("reference")));
        assert_eq!(step.entry, None);
    }
}

#[test]
fn a_person_must_say_who_and_why() {
    for (who, why, field) in [
        ("", "console", "who"),
        (" ", "console", "who"),
        ("Awa", "\t", "why"),
    ] {
        let event = Event::Resolve {
            resolution: Resolution::NotSent,
            who: who.to_owned(),
            why: why.to_owned(),
        };
        let step = step(Some(&entry(EntryState::InDoubt)), false, &event);
        assert_eq!(refused(&step), (ErrorCode::Invalid, Some(field)));
        assert_eq!(step.entry, None);
    }
}

#[test]
fn a_person_resolves_what_a_dead_sender_left() {
    let sending = entry(EntryState::Sending);
    let event = resolve(Resolution::NotSent);
    let alive = step(Some(&sending), true, &event);
    assert_eq!(refused(&alive), (ErrorCode::InProgress, None));
    let dead = step(Some(&sending), false, &event);
    assert!(is_changed(&dead));
    let now = dead.entry.unwrap();
    assert_eq!(
        (now.state, now.sender.as_deref()),
        (EntryState::NotSent, None)
    );
    assert_eq!(now.resolved_by.as_deref(), Some("Awa"));
}

#[test]
fn an_order_number_of_a_person_is_recorded_and_asked_about() {
    let event = resolve(Resolution::Order {
        order_number: "A".to_owned(),
    });
    let step = step(Some(&entry(EntryState::InDoubt)), false, &event);
    assert!(matches!(&step.action, Action::Ask { order_number } if order_number == "A"));
    let now = step.entry.unwrap();
    assert_eq!(
        now.state,
        EntryState::InDoubt,
        "only the gateway's word counts"
    );
    assert_eq!(now.order_number.as_deref(), Some("A"));
}

#[test]
fn what_a_person_closed_is_paid_when_the_gateway_says_so() {
    for resolution in [Resolution::Failed, Resolution::Cancelled] {
        let closed = after(&entry(EntryState::Accepted), &[resolve(resolution)]);
        assert!(!closed.is_open());
        let paid = after(&closed, &[verdict("A", State::Paid)]);
        assert!(paid.is_to_deliver());
    }
}

/// No decision depends on what only people read.
#[test]
fn notes_decide_nothing() {
    for state in STATES {
        let plain = entry(state);
        let noted = Entry {
            last_answer: Some("TIMEOUT".to_owned()),
            message: Some(DUPLICATE.to_owned()),
            code: Some("1".to_owned()),
            ..plain.clone()
        };
        for event in [
            pay(terms()),
            Event::Settle,
            Event::Acknowledge,
            verdict("A", State::Paid),
            failed(ATTEMPT, Outcome::Refused, "", None),
            resolve(Resolution::NotSent),
        ] {
            let one = step(Some(&plain), true, &event);
            let other = step(Some(&noted), true, &event);
            assert_eq!(format!("{:?}", one.action), format!("{:?}", other.action));
        }
    }
}
