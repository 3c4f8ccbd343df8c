//! The rule for stores in other languages, as JSON text. They load an entry, call this, and write the new
//! entry, all in one transaction of their database; they decide nothing.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::rule::{Action, Event, step};
use crate::error::{Error, Result};
use crate::payment::validate_reference;
use crate::wire::printable;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Null: there is none. A store that forgets the field must not be allowed to send.
    #[serde(deserialize_with = "Option::deserialize")]
    entry: Option<Entry>,
    sender_is_alive: bool,
    event: Event,
}

#[derive(Serialize)]
struct Reply<'a> {
    /// Null: it does not change.
    entry: Option<&'a Entry>,
    /// Of the entry as it now is.
    is_open: bool,
    /// Of the entry as it now is.
    to_deliver: bool,
    action: &'static str,
    attempt: Option<u32>,
    order_number: Option<&'a str>,
    changed: bool,
    error: Option<Refusal<'a>>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    code: &'static str,
    outcome: &'static str,
    message: &'a str,
    field: Option<&'static str>,
    order_number: Option<&'a str>,
}

/// [`step`] in JSON:
///
/// ```
/// let request = r#"{"entry": null, "sender_is_alive": false, "event": {"event": "pay", "reference": "Z-1",
///     "terms": {"kind": "CARD", "amount": "25.50", "currency": "USD", "phone": null}, "sender": "till-1"}}"#;
/// let reply = flexpay::journal::step_json(request)?;
/// assert!(reply.contains(r#""action":"send","attempt":1"#));
/// # Ok::<(), flexpay::Error>(())
/// ```
///
/// The reply has `entry` (null: it does not change); `is_open` and `to_deliver` of the entry as it now is;
/// `action` (`send`, `repeat`, `ask`, `report` or `refuse`); `attempt` with `send`; `order_number` with `ask`;
/// `changed` with `report`; and `error` with `refuse`. What is not named here for an action is null or false.
///
/// A request that cannot be read is [`ErrorCode::Invalid`](crate::ErrorCode::Invalid), field `request`. A payment
/// under a reference that no payment request can have is INVALID, field `reference`.
pub fn step_json(request: &str) -> Result<String> {
    // serde names the field, and may quote it, or its value.
    let request: Request = serde_json::from_str(request)
        .map_err(|error| Error::invalid("request", printable(&error.to_string(), 200)))?;
    let before = request.entry.as_ref();
    if before.is_some_and(|entry| !entry.agrees_on_paid()) {
        return Err(Error::invalid(
            "request",
            "has an entry whose state and was_paid contradict each other",
        ));
    }
    // Some databases find "z-1" when they are asked for "Z-1".
    if let (Some(entry), Event::Pay { reference, .. }) = (before, &request.event)
        && entry.reference != *reference
    {
        return Err(Error::invalid(
            "reference",
            "differs from that of the entry: the store must compare references exactly, byte by byte",
        ));
    }
    // A store may send the payment request with this reference only after the entry is written.
    if let Event::Pay { reference, .. } = &request.event {
        validate_reference(reference)?;
    }
    let step = step(before, request.sender_is_alive, &request.event);
    let now = step.entry.as_ref().or(before);
    let mut reply = Reply {
        entry: step.entry.as_ref(),
        is_open: now.is_some_and(Entry::is_open),
        to_deliver: now.is_some_and(Entry::is_to_deliver),
        action: "report",
        attempt: None,
        order_number: None,
        changed: false,
        error: None,
    };
    match &step.action {
        Action::Send { attempt } => {
            reply.action = "send";
            reply.attempt = Some(*attempt);
        }
        Action::Repeat => reply.action = "repeat",
        Action::Ask { order_number } => {
            reply.action = "ask";
            reply.order_number = Some(order_number);
        }
        Action::Report { changed } => reply.changed = *changed,
        Action::Refuse(error) => {
            reply.action = "refuse";
            reply.error = Some(Refusal {
                code: error.code().name(),
                outcome: error.outcome().name(),
                message: error.message(),
                field: error.field(),
                order_number: error.order_number(),
            });
        }
    }
    serde_json::to_string(&reply).map_err(|error| Error::invalid("request", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn stepped(entry: &Value, event: Value) -> Value {
        let request = json!({"entry": entry, "sender_is_alive": false, "event": event});
        let reply = step_json(&request.to_string()).expect("a valid request");
        serde_json::from_str(&reply).expect("JSON")
    }

    fn pay(reference: &str) -> Value {
        json!({"event": "pay", "reference": reference, "sender": "till-1",
            "terms": {"kind": "MOBILE", "amount": "25.50", "currency": "USD", "phone": "243812345678"}})
    }

    fn verdict(order_number: &str, state: &str) -> Value {
        json!({"event": "verdict", "order_number": order_number, "state": state,
            "amount": "25.50", "currency": "USD", "at": 1764283581})
    }

    #[test]
    fn a_payment_passes_through_json_from_the_first_event_to_the_last() {
        let begun = stepped(&Value::Null, pay("Z-1"));
        assert_eq!(
            (&begun["action"], &begun["attempt"], &begun["is_open"]),
            (&"send".into(), &1.into(), &true.into())
        );
        let event = json!({"event": "reply", "attempt": 1, "reply": {
            "result": "accepted", "order_number": "N1", "redirect_url": null, "page": null,
            "code": "0", "message": null}});
        let accepted = stepped(&begun["entry"], event);
        assert_eq!(
            (&accepted["action"], &accepted["changed"]),
            (&"report".into(), &true.into())
        );
        assert_eq!(accepted["entry"]["state"], "ACCEPTED");
        let asked = stepped(&accepted["entry"], json!({"event": "settle"}));
        assert_eq!(
            (&asked["action"], &asked["order_number"], &asked["entry"]),
            (&"ask".into(), &"N1".into(), &Value::Null)
        );
        let paid = stepped(&accepted["entry"], verdict("N1", "PAID"));
        assert_eq!(
            (&paid["to_deliver"], &paid["is_open"]),
            (&true.into(), &false.into())
        );
        let repeated = stepped(&paid["entry"], pay("Z-1"));
        assert_eq!(
            (
                &repeated["action"],
                &repeated["entry"],
                &repeated["to_deliver"]
            ),
            (&"repeat".into(), &Value::Null, &true.into())
        );
        let delivered = stepped(&paid["entry"], json!({"event": "acknowledge"}));
        assert_eq!(delivered["to_deliver"], false);
    }

    #[test]
    fn a_refusal_has_the_fields_of_an_error() {
        let begun = stepped(&Value::Null, pay("Z-1"));
        let refused = stepped(&begun["entry"], pay("Z-1"));
        assert_eq!(refused["action"], "refuse");
        assert_eq!(refused["entry"]["state"], "IN_DOUBT", "its sender is dead");
        let error = &refused["error"];
        assert_eq!(
            (&error["code"], &error["outcome"], &error["field"]),
            (&"IN_DOUBT".into(), &"UNKNOWN".into(), &Value::Null)
        );
        let unknown = stepped(&Value::Null, json!({"event": "settle"}));
        assert_eq!(unknown["error"]["field"], "reference");
        assert_eq!(unknown["entry"], Value::Null);
    }

    #[test]
    fn a_person_cannot_give_a_wrong_order_number() {
        let mut entry = stepped(&Value::Null, pay("Z-1"))["entry"].clone();
        entry["state"] = "IN_DOUBT".into();
        for number in ["", "..", "a\nb"] {
            let event = json!({"event": "resolve", "who": "Awa", "why": "console",
                "resolution": {"state": "ORDER", "order_number": number}});
            let reply = stepped(&entry, event);
            assert_eq!(reply["action"], "refuse", "{number:?}");
            assert_eq!(reply["error"]["field"], "order_number");
        }
    }

    #[test]
    fn an_entry_with_the_largest_numbers_is_read() {
        let mut entry = stepped(&Value::Null, pay("Z-1"))["entry"].clone();
        entry["attempt"] = u32::MAX.into();
        entry["failures"] = u32::MAX.into();
        entry["state"] = "NOT_SENT".into();
        let refused = stepped(&entry, pay("Z-1"));
        assert_eq!(refused["error"]["field"], "reference");
        entry["state"] = "ACCEPTED".into();
        entry["order_number"] = "N1".into();
        let failed = stepped(&entry, verdict("N1", "FAILED"));
        assert_eq!(failed["entry"]["failures"], 10);
    }

    #[test]
    fn a_request_without_its_entry_is_not_one_for_a_new_payment() {
        let request = json!({"sender_is_alive": false, "event": pay("Z-1")});
        let error = step_json(&request.to_string()).unwrap_err();
        assert_eq!(error.field(), Some("request"));
        assert!(error.message().contains("entry"), "{error}");
    }

    /// The payment request would be refused, but only after the entry is in the shop's database.
    #[test]
    fn a_reference_that_cannot_be_sent_is_not_recorded() {
        for reference in ["", " ", " Z-1", "Z-1\t", "Z\n1", "Z\u{200b}1"] {
            let request = json!({"entry": null, "sender_is_alive": false, "event": pay(reference)});
            let error = step_json(&request.to_string()).unwrap_err();
            assert_eq!(
                (error.code(), error.field()),
                (crate::ErrorCode::Invalid, Some("reference")),
                "{reference:?}"
            );
        }
    }

    #[test]
    fn the_entry_of_another_reference_is_refused() {
        let entry = &stepped(&Value::Null, pay("z-1"))["entry"];
        let request = json!({"entry": entry, "sender_is_alive": true, "event": pay("Z-1")});
        let error = step_json(&request.to_string()).unwrap_err();
        assert_eq!(error.field(), Some("reference"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for request in [
            "",
            "nonsense",
            "{}",
            r#"{"entry":null,"sender_is_alive":1,"event":{"event":"settle"}}"#,
            r#"{"entry":null,"sender_is_alive":true,"event":{"event":"refund"}}"#,
            r#"{"entry":null,"sender_is_alive":true,"event":{"event":"settle"},"more":1}"#,
            r#"{"entry":{"reference":"Z-1"},"sender_is_alive":true,"event":{"event":"settle"}}"#,
        ] {
            let error = step_json(request).unwrap_err();
            assert_eq!(error.field(), Some("request"), "{request}");
        }
    }

    /// A terminal would interpret them, and C would stop reading at a NUL.
    #[test]
    fn the_message_has_no_control_characters_and_is_short() {
        let long = "x".repeat(5_000);
        for text in [r"a\u0000b", r"a\u001b[2Jb", "a\u{7f}b", "a\u{9b}b", &long] {
            for request in [
                format!(r#"{{"entry":null,"sender_is_alive":true,"event":{{"event":"{text}"}}}}"#),
                format!(r#"{{"entry":null,"sender_is_alive":"{text}"}}"#),
                format!(r#"{{"entry":null,"{text}":1}}"#),
            ] {
                let error = step_json(&request).unwrap_err();
                assert!(!error.message().contains(char::is_control), "{error:?}");
                assert!(error.message().len() < 300, "{error}");
            }
        }
    }

    #[test]
    fn an_entry_that_contradicts_itself_is_refused() {
        let mut entry = stepped(&Value::Null, pay("Z-1"))["entry"].clone();
        for (state, was_paid, is_read) in [
            ("PAID", true, true),
            ("PAID", false, false),
            ("REFUNDED", true, true),
            ("REFUNDED", false, true),
            ("REFUNDING", true, true),
            ("REFUNDING", false, true),
            ("NOT_SENT", true, false),
            ("NOT_SENT", false, true),
            ("FAILED", true, false),
        ] {
            entry["state"] = state.into();
            entry["was_paid"] = was_paid.into();
            let request = json!({"entry": entry, "sender_is_alive": false, "event": pay("Z-1")});
            let reply = step_json(&request.to_string());
            assert_eq!(reply.is_ok(), is_read, "{state} {was_paid}: {reply:?}");
        }
    }

    /// What has no fields of its own, with a field of another.
    #[test]
    fn what_contradicts_itself_is_refused() {
        let resolve = |resolution: Value| json!({"event": "resolve", "who": "Awa", "why": "console", "resolution": resolution});
        let mut entry = stepped(&Value::Null, pay("Z-1"))["entry"].clone();
        entry["state"] = "IN_DOUBT".into();
        for event in [
            json!({"event": "settle", "verdict": "PAID"}),
            json!({"event": "acknowledge", "reference": "Z-2"}),
            resolve(json!({"state": "NOT_SENT", "order_number": "N9"})),
            resolve(json!({"state": "FAILED", "order_number": "N9"})),
            resolve(json!({"state": "CANCELLED", "order_number": null})),
        ] {
            let request = json!({"entry": entry, "sender_is_alive": false, "event": event});
            let error = step_json(&request.to_string()).unwrap_err();
            assert_eq!(error.field(), Some("request"), "{event}");
            assert!(error.message().contains("unknown field"), "{error}");
        }
    }
}
