//! The rule of the journal, as a store in another language calls it. The input is the text of a request or,
//! after a `p`, a program: events for one entry, each given the entry that the one before returned.
//!
//! A second reader of the JSON, which shares no code with the rule, checks what must be true of every step.
#![no_main]

use flexpay::ffi::error::{FLEXPAY_OK, flexpay_error_free};
use flexpay::ffi::journal::{flexpay_journal_step, flexpay_text_free};
use flexpay::journal::step_json;
use flexpay::{ErrorCode, Outcome};
use flexpay_fuzz::{amount_equals, check_error};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::ffi::{CStr, CString};
use std::ptr::null_mut;

fuzz_target!(|input: &[u8]| match input.split_first() {
    Some((b'p', program)) => run(program),
    _ => {
        if let Ok(request) = std::str::from_utf8(input) {
            step(request);
        }
    }
});

/// Calls the rule, and checks its reply. `None`: the request is refused.
fn step(request: &str) -> Option<Value> {
    let result = step_json(request);
    if !request.contains('\0') {
        check_c_api(request, &result);
    }
    match result {
        Ok(reply) => {
            let request: Value = serde_json::from_str(request).expect("a request that is JSON");
            let reply: Value = serde_json::from_str(&reply).expect("a reply that is JSON");
            check_reply(&request, &reply);
            Some(reply)
        }
        Err(error) => {
            check_error(&error);
            assert_eq!(error.code(), ErrorCode::Invalid);
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert!(matches!(error.field(), Some("request" | "reference")));
            None
        }
    }
}

/// The C ABI gives the same result.
fn check_c_api(request: &str, result: &flexpay::Result<String>) {
    let request = CString::new(request).expect("no NUL");
    let (mut reply, mut error) = (null_mut(), null_mut());
    // SAFETY: the request is borrowed for the call, and each object is freed once.
    unsafe {
        let code = flexpay_journal_step(request.as_ptr(), &mut reply, &mut error);
        match result {
            Ok(expected) => {
                assert_eq!(code, FLEXPAY_OK);
                assert!(error.is_null());
                assert_eq!(
                    CStr::from_ptr((*reply).text).to_bytes(),
                    expected.as_bytes()
                );
            }
            Err(expected) => {
                assert_eq!(code, expected.code() as i32);
                assert!(reply.is_null());
                assert_eq!(
                    CStr::from_ptr((*error).message).to_bytes(),
                    expected.message().as_bytes()
                );
            }
        }
        flexpay_text_free(reply);
        flexpay_error_free(error);
    }
}

const FIELDS: [&str; 8] = [
    "action",
    "attempt",
    "changed",
    "entry",
    "error",
    "is_open",
    "order_number",
    "to_deliver",
];

fn check_reply(request: &Value, reply: &Value) {
    let mut fields: Vec<_> = reply.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(fields, FIELDS);
    let action = reply["action"].as_str().expect("an action");
    assert!(["send", "repeat", "ask", "report", "refuse"].contains(&action));
    assert_eq!(reply["attempt"].is_u64(), action == "send");
    assert_eq!(reply["order_number"].is_string(), action == "ask");
    assert_eq!(reply["error"].is_object(), action == "refuse");
    let changed = reply["changed"].as_bool().expect("changed");
    assert!(!changed || action == "report");

    // The parser also reads an array of the fields, in their order. Nothing sends one.
    let (Some(_), Some(_)) = (request.as_object(), request["event"].as_object()) else {
        return;
    };
    let before = &request["entry"];
    if before.is_array() {
        return;
    }
    let is_written = !reply["entry"].is_null();
    let after = if is_written { &reply["entry"] } else { before };
    assert_eq!(reply["is_open"], is_open(after));
    assert_eq!(reply["to_deliver"], is_to_deliver(after));
    if before.is_null() && action != "send" {
        assert!(action == "refuse" && !is_written, "an entry out of nothing");
        return;
    }
    let change = Change {
        before,
        after,
        event: &request["event"],
        sender_is_alive: request["sender_is_alive"] == true,
    };
    if action == "send" {
        change.check_send(reply);
    } else {
        change.check_kept();
        change.check_paid();
        change.check_delivered(changed);
    }
    change.check_sender();
}

fn is_open(entry: &Value) -> bool {
    let was_paid = entry["was_paid"] == true;
    match entry["state"].as_str() {
        Some("SENDING" | "IN_DOUBT" | "ACCEPTED") => true,
        Some("REFUNDING") if was_paid => true,
        Some("REFUNDED") if was_paid => false,
        Some("FAILED" | "CANCELLED" | "REFUNDING" | "REFUNDED") => {
            entry["failures"].as_u64() < Some(10)
        }
        _ => false,
    }
}

fn is_to_deliver(entry: &Value) -> bool {
    entry["state"] == "PAID" && entry["is_delivered"] == false && entry["kind"] != "PAYOUT"
}

/// Whether two texts are the same amount: "25.5" is "25.50".
fn is_same_amount(one: &Value, other: &Value) -> bool {
    let (one, other) = (one.as_str().expect("text"), other.as_str().expect("text"));
    one == other || hundredths(one).is_some_and(|minor| amount_equals(other, minor))
}

/// The hundredths of a decimal.
fn hundredths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<2}").parse().ok()
}

/// One entry before and after an event.
struct Change<'v> {
    before: &'v Value,
    after: &'v Value,
    event: &'v Value,
    sender_is_alive: bool,
}

impl Change<'_> {
    fn was(&self, states: &[&str]) -> bool {
        states.iter().any(|state| self.before["state"] == *state)
    }

    /// A request is sent for a payment, if there is none or nothing was accepted; and it is a new attempt.
    fn check_send(&self, reply: &Value) {
        assert_eq!(self.event["event"], "pay");
        assert!(self.before.is_null() || self.was(&["NOT_SENT", "REFUSED"]));
        assert_eq!(self.after["state"], "SENDING");
        assert_eq!(self.after["reference"], self.event["reference"]);
        for term in ["kind", "amount", "currency", "phone"] {
            assert_eq!(self.after[term], self.event["terms"][term]);
        }
        let attempts = self.before["attempt"].as_u64().unwrap_or_default();
        assert_eq!(reply["attempt"], attempts + 1);
        assert_eq!(self.after["attempt"], attempts + 1);
    }

    /// Nothing that was known is forgotten.
    fn check_kept(&self) {
        for field in [
            "reference",
            "kind",
            "amount",
            "currency",
            "phone",
            "attempt",
        ] {
            assert_eq!(self.before[field], self.after[field]);
        }
        let order = &self.before["order_number"];
        assert!(
            order.is_null()
                || [
                    &self.after["order_number"],
                    &self.after["other_order_number"]
                ]
                .contains(&order)
        );
        for field in ["resolved_by", "resolved_why"] {
            assert!(self.before[field].is_null() || self.after[field].is_string());
        }
    }

    /// Only the gateway's word on this amount makes it PAID, and what was paid stays so, or is refunded.
    fn check_paid(&self) {
        let was_paid = self.before["was_paid"] == true;
        if was_paid != self.was(&["PAID"]) && !self.was(&["REFUNDING", "REFUNDED"]) {
            return; // it contradicts itself: no step returns such an entry
        }
        let state = self.after["state"].as_str();
        if was_paid {
            assert!(matches!(state, Some("PAID" | "REFUNDING" | "REFUNDED")));
            assert_eq!(self.after["was_paid"], true);
        } else if state == Some("PAID") {
            assert_eq!(self.event["event"], "verdict");
            assert_eq!(self.event["state"], "PAID");
            assert_eq!(self.event["currency"], self.before["currency"]);
            assert!(is_same_amount(
                &self.event["amount"],
                &self.before["amount"]
            ));
            assert_eq!(self.after["order_number"], self.event["order_number"]);
            assert_eq!(self.after["was_paid"], true);
        } else {
            assert_eq!(self.after["was_paid"], false);
        }
    }

    /// It is delivered by the first acknowledgement of what is paid, and by nothing else.
    fn check_delivered(&self, changed: bool) {
        let now = self.after["is_delivered"] == true;
        if self.before["is_delivered"] == true {
            assert!(now);
        } else if now {
            assert!(
                self.event["event"] == "acknowledge" && self.before["state"] == "PAID" && changed
            );
        }
    }

    /// A request whose sender is alive is not sent by another, and one whose sender is dead is in doubt.
    fn check_sender(&self) {
        let is_own_reply =
            self.event["event"] == "reply" && self.event["attempt"] == self.before["attempt"];
        if self.was(&["SENDING"]) && !self.sender_is_alive && !is_own_reply {
            assert_ne!(self.after["state"], "SENDING");
        }
        if self.was(&["SENDING"]) && self.sender_is_alive && self.event["event"] == "pay" {
            assert_eq!(self.before, self.after);
        }
        // The order of a verdict may be an earlier one.
        if self.was(&["SENDING"]) && self.sender_is_alive && self.event["event"] == "verdict" {
            assert!(
                ["SENDING", "PAID"]
                    .iter()
                    .any(|state| self.after["state"] == *state)
            );
        }
    }
}

/// A longer program takes too long with the sanitizer.
const LONGEST_PROGRAM: usize = 64;

/// Runs events on one entry. `acknowledge` hands it over once.
fn run(program: &[u8]) {
    let mut entry = Value::Null;
    let mut deliveries = 0;
    for code in program.chunks_exact(2).take(LONGEST_PROGRAM) {
        let request = json!({
            "entry": entry,
            "sender_is_alive": code[0] & 0x80 != 0,
            "event": event(code[0] & 0x7f, code[1]),
        });
        let reply = step(&request.to_string()).expect("a request that is read");
        let delivers = request["event"]["event"] == "acknowledge" && reply["changed"] == true;
        deliveries += usize::from(delivers);
        assert!(deliveries <= 1, "delivered twice");
        if !reply["entry"].is_null() {
            entry = reply["entry"].clone();
        }
    }
}

fn event(kind: u8, details: u8) -> Value {
    let choose = |shift: u8, count: u8| usize::from((details >> shift) % count);
    let order_number = ["N1", "N2"][choose(0, 2)];
    let number_or_none = [None, Some(order_number)][choose(1, 2)];
    let attempt = 1 + choose(6, 3);
    let amount = ["25.50", "25.5", "26"][choose(1, 3)];
    let currency = ["USD", "CDF"][usize::from(details >= 0xf0)];
    match kind % 8 {
        0 => {
            let phone = "243812345678";
            let ways = [
                ("CARD", None),
                ("MOBILE", Some(phone)),
                ("PAYOUT", Some(phone)),
            ];
            let (kind, phone) = ways[choose(4, 3)];
            json!({"event": "pay", "reference": "Z-1", "sender": "till-1", "terms": {
                "kind": kind, "amount": amount, "currency": currency, "phone": phone}})
        }
        1 => json!({"event": "reply", "attempt": attempt, "reply": {
            "result": "accepted", "order_number": number_or_none, "redirect_url": null, "page": null,
            "code": "0", "message": null}}),
        2 => {
            let outcome = ["UNKNOWN", "NOT_SENT", "REFUSED"][choose(2, 3)];
            let message = [None, Some("duplicate reference")][choose(4, 2)];
            json!({"event": "reply", "attempt": attempt, "reply": {
                "result": "failed", "code": "REPLY", "outcome": outcome, "gateway_message": message,
                "order_number": number_or_none}})
        }
        3 => json!({"event": "settle"}),
        4 => {
            let states = [
                "PAID",
                "PENDING",
                "FAILED",
                "CANCELLED",
                "REFUNDING",
                "REFUNDED",
                "UNKNOWN",
            ];
            let state = states[choose(3, 7)];
            json!({"event": "verdict", "order_number": order_number, "amount": amount,
                "currency": currency, "state": state, "at": 1_764_283_581})
        }
        5 => json!({"event": "no_verdict", "answer": "NOT_FOUND"}),
        6 => json!({"event": "acknowledge"}),
        _ => {
            let resolution = match choose(2, 4) {
                0 => json!({"state": "ORDER", "order_number": order_number}),
                1 => json!({"state": "NOT_SENT"}),
                2 => json!({"state": "FAILED"}),
                _ => json!({"state": "CANCELLED"}),
            };
            let who = ["Awa", ""][choose(7, 2)];
            json!({"event": "resolve", "who": who, "why": "console", "resolution": resolution})
        }
    }
}
