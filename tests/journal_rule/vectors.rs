//! tests/vectors/journal.json: every language that can call the rule must get these replies.
//!
//! One case for each line of table.txt, with the first entry of that line, and some that the table does not have.
//! After a change of the rule, look at table.txt first, then write the file again:
//!
//!     FLEXPAY_WRITE_VECTORS=1 cargo test --test journal_rule vectors

use std::fmt::Write as _;
use std::path::Path;

use flexpay::Kind;
use flexpay::journal::{Entry, EntryState, Event, FAILURES_TO_CLOSE, Resolution, Terms, step};
use serde_json::{Value, json};

use crate::table::{entries, entry, events, pay, resolve, terms, verdict, words};

struct Case {
    name: String,
    why: String,
    request: Value,
}

impl Case {
    fn new(name: &str, why: &str, entry: Option<&Entry>, is_alive: bool, event: &Event) -> Self {
        Self {
            name: name.to_owned(),
            why: why.to_owned(),
            request: json!({"entry": entry, "sender_is_alive": is_alive, "event": event}),
        }
    }

    /// As one line of the file.
    fn line(&self) -> String {
        let expect = match flexpay::journal::step_json(&self.request.to_string()) {
            Ok(reply) => json!({"ok": serde_json::from_str::<Value>(&reply).expect("JSON")}),
            Err(error) => json!({"error": {
                "code": error.code().name(), "outcome": error.outcome().name(), "field": error.field(),
            }}),
        };
        format!(
            "  {{\"name\": {}, \"why\": {},\n   \"request\": {},\n   \"expect\": {}}}",
            ascii(&json!(self.name)),
            ascii(&json!(self.why)),
            ascii(&self.request),
            ascii(&expect)
        )
    }
}

/// The value as JSON in ASCII: a reader of the file sees every character.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if matches!(character, ' '..='~') {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// "verdict on order A: PAID" is "verdict-on-order-a-paid".
fn name(title: &str) -> String {
    let title = title.to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// The first pair of each line of table.txt.
fn of_the_table() -> Vec<Case> {
    let mut cases = Vec::new();
    for (title, event) in events() {
        let mut seen = Vec::new();
        for (state, entry, is_alive) in entries() {
            let what = words(entry.as_ref(), &step(entry.as_ref(), is_alive, &event));
            if seen.contains(&what) {
                continue;
            }
            let why = format!("{title}. The entry: {state}. Then: {what}");
            let name = format!("{}--{}", name(&title), name(state));
            cases.push(Case::new(&name, &why, entry.as_ref(), is_alive, &event));
            seen.push(what);
        }
    }
    cases
}

fn others() -> Vec<Case> {
    let accepted = entry(EntryState::Accepted);
    let in_doubt = entry(EntryState::InDoubt);
    let payout = Entry {
        kind: Kind::Payout,
        ..accepted.clone()
    };
    let paid_payout = Entry {
        kind: Kind::Payout,
        ..entry(EntryState::Paid)
    };
    let almost_closed = Entry {
        failures: FAILURES_TO_CLOSE - 1,
        ..entry(EntryState::Failed)
    };
    let other_reference = Entry {
        reference: "z-1".to_owned(),
        ..accepted.clone()
    };
    let same_amount = Terms {
        amount: "25.5".to_owned(),
        ..terms()
    };
    let pay_as = |reference: &str| Event::Pay {
        reference: reference.to_owned(),
        terms: terms(),
        sender: "a call".to_owned(),
    };
    let paid = verdict("A", flexpay::State::Paid);
    let failed = verdict("A", flexpay::State::Failed);
    let wrong_number = Resolution::Order {
        order_number: "..".to_owned(),
    };
    let any_text = Event::Resolve {
        resolution: Resolution::NotSent,
        who: "Awa \"Mbuyi\" \\ 1/2".to_owned(),
        why: "déjà vu ici\n\t\u{1}\u{7f}\u{2028} 🛒 \u{0}".to_owned(),
    };
    let unreadable = |name: &str, event: Value| Case {
        name: name.to_owned(),
        why: "It is in the message, which a terminal shows and C reads up to a NUL".to_owned(),
        request: json!({"entry": null, "sender_is_alive": false, "event": event}),
    };
    vec![
        unreadable(
            "a-field-that-nobody-knows",
            json!({"event": "settle", "a\u{1b}[2J\u{7f}b": 1}),
        ),
        unreadable(
            "an-event-that-nobody-knows",
            json!({"event": "a\u{0}\u{1b}[2J\u{7f}b"}),
        ),
        Case::new(
            "a-payout-is-not-to-deliver",
            "PAID, and nothing is handed over for a payout",
            Some(&payout),
            false,
            &paid,
        ),
        Case::new(
            "a-payout-is-not-acknowledged",
            "A script that delivers after it would deliver for money that was sent out",
            Some(&paid_payout),
            false,
            &Event::Acknowledge,
        ),
        Case::new(
            "the-tenth-failure-closes",
            "The gateway is asked no more",
            Some(&almost_closed),
            false,
            &failed,
        ),
        Case::new(
            "amounts-are-numbers",
            "25.5 is 25.50: the same request",
            Some(&accepted),
            false,
            &pay(same_amount),
        ),
        Case::new(
            "references-are-bytes",
            "The store found the entry z-1 for the reference Z-1: it may not send, nor give that payment",
            Some(&other_reference),
            false,
            &pay(terms()),
        ),
        Case::new(
            "a-reference-that-cannot-be-sent",
            "The payment request would be refused, but only after the entry is in the shop's database",
            None,
            false,
            &pay_as(" Z-1"),
        ),
        Case::new(
            "an-order-number-that-cannot-be",
            "It would be another path at the gateway",
            Some(&in_doubt),
            false,
            &resolve(wrong_number),
        ),
        Case::new(
            "any-text-survives",
            "Escapes, control characters, a NUL and other planes, in both directions",
            Some(&in_doubt),
            false,
            &any_text,
        ),
    ]
}

fn file() -> String {
    let about = "An entry of the journal and an event: the new entry, and what to do now. \
        tests/journal_rule/vectors.rs writes this file.";
    let mut text = format!("{{\n \"about\": {},\n \"cases\": [\n", ascii(&json!(about)));
    let cases: Vec<_> = of_the_table()
        .iter()
        .chain(&others())
        .map(Case::line)
        .collect();
    let _ = writeln!(text, "{}", cases.join(",\n"));
    text + " ]\n}\n"
}

#[test]
fn the_vectors_are_what_the_rule_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journal.json");
    let text = file();
    if std::env::var_os("FLEXPAY_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).expect("the file can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the file exists");
    assert!(
        written == text,
        "journal.json says otherwise: see the top of this file"
    );
}
