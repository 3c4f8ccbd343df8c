//! The bridge: one JSON request a line, one JSON reply a line.

mod common;

use common::bridge::Bridge;
use common::*;
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn pay(id: u64, reference: &str) -> Value {
    json!({"id": id, "call": "pay", "request": {
        "reference": reference, "amount": "25.50", "currency": "USD",
        "callback_url": "https://zando.example/callback", "approve_url": "https://zando.example/a",
        "cancel_url": "https://zando.example/c", "decline_url": "https://zando.example/d",
    }})
}

fn mobile(id: u64, reference: &str) -> Value {
    json!({"id": id, "call": "pay_mobile", "request": {
        "reference": reference, "amount": "25.50", "currency": "USD", "phone": "0810000001",
        "callback_url": "https://zando.example/callback",
    }})
}

#[test]
fn every_call_of_the_c_abi_has_its_name() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let paid = bridge.call(pay(1, "B-1"));
    assert_eq!(paid["id"], 1);
    let number = paid["ok"]["order_number"]
        .as_str()
        .expect("a number")
        .to_owned();
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    let check = bridge.call(json!({"id": 2, "call": "check", "request": {"order_number": number}}));
    assert_eq!(check["ok"]["state"], "PAID", "{check}");
    let expected =
        json!({"reference": "B-1", "amount": "25.5", "currency": "USD", "order_number": number});
    let wait = bridge.call(json!({"id": 3, "call": "wait", "request":
        {"order_number": number, "timeout_ms": 20000, "expected": expected}}));
    assert_eq!(wait["ok"]["state"], "PAID", "{wait}");
    let verified = bridge.call(json!({"id": 4, "call": "verify_order", "request": expected}));
    assert_eq!(verified["ok"]["state"], "PAID", "{verified}");
    let body = format!(r#"{{"code":"0","reference":"B-1","orderNumber":"{number}"}}"#);
    let verified = bridge.call(json!({"id": 5, "call": "verify_callback", "request":
        {"body": body, "expected": expected}}));
    assert_eq!(verified["ok"]["state"], "PAID", "{verified}");
    let parsed = bridge.call(json!({"id": 6, "call": "parse_callback", "request": {"body": body}}));
    assert_eq!(parsed["ok"]["claims_success"], true, "{parsed}");
    let mobile = bridge.call(mobile(7, "B-2"));
    assert!(mobile["ok"]["order_number"].is_string(), "{mobile}");
    let payout = bridge.call(json!({"id": 8, "call": "payout", "request":
        {"reference": "B-3", "amount": "1", "currency": "USD", "phone": "0812345678",
         "callback_url": "https://zando.example/callback"}}));
    assert!(payout["ok"]["order_number"].is_string(), "{payout}");
    let phone = bridge
        .call(json!({"id": 9, "call": "normalize_phone", "request": {"phone": "0812345678"}}));
    assert_eq!(phone["ok"]["phone"], "243812345678");
    let state = bridge.call(json!({"id": 10, "call": "state_may_replace", "request":
        {"recorded": "FAILED", "now": "PAID"}}));
    assert_eq!(state["ok"]["may_replace"], true);
    assert_eq!(bridge.end(), 0);
}

#[test]
fn a_body_that_is_not_text_comes_in_base64() {
    let mut bridge = Bridge::ready(&sandbox());
    // {"reference":"é"} in Latin-1.
    let parsed = bridge.call(json!({"id": 1, "call": "parse_callback", "request":
        {"body_base64": "eyJyZWZlcmVuY2UiOiLpIn0="}}));
    assert_eq!(parsed["ok"]["reference"], "é", "{parsed}");
    let both = bridge.call(json!({"id": 2, "call": "parse_callback", "request":
        {"body": "{}", "body_base64": "e30="}}));
    assert_eq!(both["error"]["field"], "body_base64");
    let broken =
        bridge.call(json!({"id": 3, "call": "parse_callback", "request": {"body_base64": "%"}}));
    assert_eq!(broken["error"]["code"], "INVALID");
}

#[test]
fn the_first_call_is_hello_and_its_version_is_known() {
    let sandbox = sandbox();
    let mut bridge = Bridge::start(&mut program(&sandbox));
    let early = bridge.call(pay(1, "H-1"));
    assert_eq!(
        (&early["id"], &early["error"]["outcome"]),
        (&1.into(), &"NOT_SENT".into())
    );
    let newer = bridge.call(json!({"id": 2, "call": "hello", "request": {"bridge": 2}}));
    assert_eq!(newer["error"]["field"], "bridge", "{newer}");
    let good = bridge.call(json!({"id": 3, "call": "hello", "request": {"bridge": 1}}));
    assert_eq!(good["ok"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(sandbox.connections().is_empty());
}

#[test]
fn the_settings_may_come_in_the_first_message() {
    let sandbox = sandbox();
    let mut bridge = Bridge::start(&mut bare_program());
    let base = sandbox.http_url();
    let hello = bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1, "settings": {
        "merchant": sandbox.merchant(), "token": sandbox.token(), "environment": "test", "api": "v1.1",
        "pay_url": format!("{base}/v1.1/pay"), "check_url": format!("{base}/api/rest/v1/check"),
        "timeout_ms": 20000, "trace": true,
    }}}));
    assert_eq!(hello["ok"]["bridge"], 1, "{hello}");
    let paid = bridge.call(pay(1, "S-1"));
    assert!(paid["ok"]["trace"].is_string(), "{paid}");
}

#[test]
fn hello_says_the_timeout_of_the_client() {
    for (settings, timeout) in [
        (json!({"merchant": "ZANDO", "token": "x"}), 30_000),
        (
            json!({"merchant": "ZANDO", "token": "x", "timeout_ms": 1500}),
            1500,
        ),
    ] {
        let mut bridge = Bridge::start(&mut bare_program());
        let hello = bridge.call(
            json!({"id": 0, "call": "hello", "request": {"bridge": 1, "settings": settings}}),
        );
        assert_eq!(hello["ok"]["timeout_ms"], timeout, "{hello}");
    }
}

#[test]
fn a_bridge_without_a_client_makes_the_calls_that_need_none() {
    let sandbox = sandbox();
    let mut bridge = Bridge::start(&mut program(&sandbox));
    let hello =
        bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1, "client": false}}));
    assert_eq!(
        (&hello["ok"]["bridge"], &hello["ok"]["timeout_ms"]),
        (&1.into(), &Value::Null)
    );
    let phone = bridge
        .call(json!({"id": 1, "call": "normalize_phone", "request": {"phone": "0812345678"}}));
    assert_eq!(phone["ok"]["phone"], "243812345678");
    let parsed = bridge.call(json!({"id": 2, "call": "parse_callback", "request":
        {"body": r#"{"code":"0","reference":"X"}"#}}));
    assert_eq!(parsed["ok"]["reference"], "X", "{parsed}");
    let state = bridge.call(json!({"id": 3, "call": "state_may_replace", "request":
        {"recorded": "PENDING", "now": "PAID"}}));
    assert_eq!(state["ok"]["may_replace"], true);
    for request in [
        pay(4, "N-1"),
        mobile(4, "N-2"),
        json!({"id": 4, "call": "check", "request": {"order_number": "1"}}),
        json!({"id": 4, "call": "wait", "request": {"order_number": "1"}}),
    ] {
        let refused = bridge.call(request);
        assert_eq!(
            (&refused["error"]["code"], &refused["error"]["field"]),
            (&"INVALID".into(), &"client".into()),
            "{refused}"
        );
        assert_eq!(refused["error"]["outcome"], "NOT_SENT");
    }
    // A hello that fails changes nothing; one that succeeds is the last one.
    let invalid = json!({"bridge": 1, "settings": {"merchant": "", "token": "x"}});
    let refused = bridge.call(json!({"id": 5, "call": "hello", "request": invalid}));
    assert_eq!(refused["error"]["field"], "merchant", "{refused}");
    let both = json!({"bridge": 1, "client": false, "settings": {"merchant": "Z", "token": "x"}});
    let refused = bridge.call(json!({"id": 5, "call": "hello", "request": both}));
    assert_eq!(refused["error"]["field"], "client", "{refused}");
    let hello = bridge.call(json!({"id": 6, "call": "hello", "request": {"bridge": 1}}));
    assert_eq!(hello["ok"]["bridge"], 1, "{hello}");
    assert!(sandbox.requests().is_empty());
    assert!(bridge.call(pay(7, "N-3"))["ok"].is_object());
    let again = bridge.call(json!({"id": 8, "call": "hello", "request": {"bridge": 1}}));
    assert_eq!(again["error"]["field"], "call", "{again}");
    assert_eq!(bridge.end(), 0);
}

#[test]
fn a_wait_that_is_cancelled_before_it_begins_sends_nothing() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let wait = bridge.call(json!({"id": 1, "call": "wait", "request":
        {"order_number": "1", "cancel": true}}));
    assert_eq!(wait["error"]["code"], "CANCELLED", "{wait}");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn no_error_quotes_the_token() {
    for settings in [
        json!({"merchant": "ZANDO", "token": "s3cret\nt0ken"}),
        json!({"merchant": "ZANDO", "token": ["s3cret"]}),
        json!({"merchant": "ZANDO", "token": "s3cret-token", "tokens": "s3cret"}),
        json!({"merchant": "ZANDO", "token": "s3cret-token", "api": "s3cret"}),
    ] {
        let mut bridge = Bridge::start(&mut bare_program());
        let reply = bridge.call(
            json!({"id": 0, "call": "hello", "request": {"bridge": 1, "settings": settings}}),
        );
        assert_eq!(reply["error"]["code"], "INVALID", "{reply}");
        assert!(!reply.to_string().contains("s3cret"), "{reply}");
    }
}

#[test]
fn a_bad_line_is_refused_and_the_next_is_served() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    for line in [
        "",
        "nonsense",
        "[]",
        "{\"id\":\"seven\"}",
        "{\"id\":1}",
        "{\"id\":1,\"call\":\"pay\",\"more\":1}",
    ] {
        bridge.send(line);
        let reply = bridge.read();
        assert_eq!(reply["id"], Value::Null, "{line}: {reply}");
        assert_eq!(
            (&reply["error"]["code"], &reply["error"]["outcome"]),
            (&"INVALID".into(), &"NOT_SENT".into()),
            "{line}"
        );
    }
    for (request, field) in [
        (json!({"id": 5, "call": "buy"}), "call"),
        (
            json!({"id": 5, "call": "pay", "request": {"refrence": "X"}}),
            "request",
        ),
        (
            json!({"id": 5, "call": "pay", "request": {"amount": 25.5}}),
            "request",
        ),
        (json!({"id": 5, "call": "pay"}), "reference"),
        (
            json!({"id": 5, "call": "check", "request": {}}),
            "order_number",
        ),
        (
            json!({"id": 5, "call": "verify_order", "request": {"kind": "CASH"}}),
            "request",
        ),
    ] {
        let reply = bridge.call(request.clone());
        assert_eq!(
            (&reply["id"], &reply["error"]["field"]),
            (&5.into(), &field.into()),
            "{request}"
        );
    }
    bridge.send(&"x".repeat(2 * 1024 * 1024));
    assert_eq!(bridge.read()["error"]["field"], "line");
    assert!(sandbox.connections().is_empty());
    assert!(bridge.call(pay(6, "L-1"))["ok"].is_object());
}

#[test]
fn several_calls_are_in_flight_and_a_wait_can_be_cancelled() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let number = bridge.call(pay(1, "F-1"))["ok"]["order_number"]
        .as_str()
        .unwrap()
        .to_owned();
    bridge.send(&json!({"id": 2, "call": "wait", "request": {"order_number": number}}).to_string());
    sandbox.wait_for_requests(2, Duration::from_secs(20));
    for id in 3..13 {
        bridge.send(&mobile(id, &format!("F-{id}")).to_string());
    }
    let mut ids: Vec<u64> = (3..13)
        .map(|_| bridge.read()["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (3..13).collect::<Vec<_>>());
    let unknown = bridge.call(json!({"id": 20, "call": "cancel", "request": {"id": 99}}));
    assert_eq!(unknown["ok"]["cancelled"], false);
    bridge.send(&json!({"id": 21, "call": "cancel", "request": {"id": 2}}).to_string());
    let replies = [bridge.read(), bridge.read()];
    let of = |id: u64| {
        replies
            .iter()
            .find(|reply| reply["id"] == id)
            .expect("a reply")
    };
    assert_eq!(of(21)["ok"]["cancelled"], true);
    assert_eq!(of(2)["error"]["code"], "CANCELLED");
    assert_eq!(bridge.end(), 0);
}

#[test]
fn an_id_in_flight_is_not_used_again() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let number = bridge.call(pay(1, "D-1"))["ok"]["order_number"]
        .as_str()
        .unwrap()
        .to_owned();
    bridge.send(&json!({"id": 2, "call": "wait", "request": {"order_number": number}}).to_string());
    sandbox.wait_for_requests(2, Duration::from_secs(20));
    let again = bridge.call(mobile(2, "D-2"));
    assert_eq!(
        (&again["id"], &again["error"]["field"]),
        (&2.into(), &"id".into()),
        "{again}"
    );
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|request| request.endpoint != Endpoint::Mobile)
    );
    assert_eq!(bridge.end(), 0);
}

#[test]
fn an_incomplete_line_is_never_carried_out() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let line = pay(1, "I-1").to_string();
    bridge
        .stdin
        .as_mut()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    assert_eq!(bridge.end(), 0);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn when_stdin_ends_the_waits_end_and_the_payments_still_get_their_reply() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let number = bridge.call(pay(1, "E-1"))["ok"]["order_number"]
        .as_str()
        .unwrap()
        .to_owned();
    let slow = Fault::on(Endpoint::Mobile, Action::Delay { ms: 500 });
    sandbox.inject(slow).unwrap();
    bridge.send(&json!({"id": 2, "call": "wait", "request": {"order_number": number}}).to_string());
    bridge.send(&mobile(3, "E-2").to_string());
    drop(bridge.stdin.take());
    let mut replies = [bridge.read(), bridge.read()];
    replies.sort_by_key(|reply| reply["id"].as_u64());
    assert_eq!(replies[0]["error"]["code"], "CANCELLED", "{}", replies[0]);
    assert!(replies[1]["ok"].is_object(), "{}", replies[1]);
    assert!(bridge.stdout.next().is_none());
}

/// A payment that is in flight while the signal arrives.
fn reply_after_signal(signal: &str) -> (Value, Bridge) {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let slow = Fault::on(Endpoint::Mobile, Action::Delay { ms: 500 });
    sandbox.inject(slow).unwrap();
    bridge.send(&mobile(1, "G-1").to_string());
    sandbox.wait_for_requests(1, Duration::from_secs(20));
    let pid = bridge.child.id().to_string();
    let kill = Command::new("kill").args([signal, &pid]).status();
    assert!(kill.unwrap().success());
    let reply = bridge.read();
    assert_eq!(sandbox.requests().len(), 1);
    (reply, bridge)
}

#[test]
fn a_signal_loses_no_reply() {
    for signal in ["-INT", "-HUP"] {
        let (reply, mut bridge) = reply_after_signal(signal);
        assert!(reply["ok"].is_object(), "{signal}: {reply}");
        let phone = json!({"id": 2, "call": "normalize_phone", "request": {"phone": "0812345678"}});
        assert!(
            bridge.call(phone)["ok"].is_object(),
            "it serves the next call"
        );
        assert_eq!(bridge.end(), 0);
    }
    let (reply, mut bridge) = reply_after_signal("-TERM");
    assert!(reply["ok"].is_object(), "{reply}");
    assert_eq!(bridge.child.wait().unwrap().code(), Some(0), "then it ends");
}

#[test]
fn when_nobody_reads_the_bridge_ends() {
    let sandbox = sandbox();
    let Bridge {
        mut child,
        stdin,
        stdout,
    } = Bridge::ready(&sandbox);
    drop(stdout);
    let mut stdin = stdin.expect("open");
    // The pipe is broken when the first reply is written; the line after it is not carried out.
    for id in 1..50 {
        if writeln!(stdin, "{}", json!({"id": id, "call": "normalize_phone"})).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A bridge whose payments go through this journal.
fn with_journal(sandbox: &Sandbox, path: &Path) -> Bridge {
    let mut bridge = Bridge::start(program(sandbox).env("FLEXPAY_JOURNAL", path));
    let hello = bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1}}));
    assert_eq!(hello["ok"]["bridge"], 1, "{hello}");
    bridge
}

fn by_reference(id: u64, call: &str, reference: &str) -> Value {
    json!({"id": id, "call": call, "request": {"reference": reference}})
}

#[test]
fn every_call_of_the_journal_has_its_name() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("till.db");
    let mut bridge = with_journal(&sandbox, &path);
    let paid = bridge.call(pay(1, "B-1"));
    assert_eq!(paid["ok"]["is_recorded"], false, "{paid}");
    let again = bridge.call(pay(2, "B-1"));
    assert_eq!(again["ok"]["is_recorded"], true, "{again}");
    assert_eq!(again["ok"]["order_number"], paid["ok"]["order_number"]);
    let settled = bridge.call(by_reference(3, "settle", "B-1"));
    assert_eq!(
        (&settled["ok"]["state"], &settled["ok"]["is_open"]),
        (&"ACCEPTED".into(), &true.into()),
        "{settled}"
    );
    let number = paid["ok"]["order_number"].as_str().unwrap();
    sandbox.decide_silently(number, Decision::Approve).unwrap();
    let wait = json!({"reference": "B-1", "wait": {"timeout_ms": 20000}});
    let settled = bridge.call(json!({"id": 4, "call": "settle", "request": wait}));
    assert_eq!(
        (
            &settled["ok"]["state"],
            &settled["ok"]["changed"],
            &settled["ok"]["to_deliver"]
        ),
        (&"PAID".into(), &true.into(), &true.into()),
        "{settled}"
    );
    let body = format!(r#"{{"code":"0","reference":"B-1","orderNumber":"{number}"}}"#);
    let callback = json!({"body": body, "query": null});
    let settled = bridge.call(json!({"id": 5, "call": "settle_callback", "request": callback}));
    assert_eq!(
        (&settled["ok"]["state"], &settled["ok"]["changed"]),
        (&"PAID".into(), &false.into()),
        "{settled}"
    );
    let found = bridge.call(json!({"id": 6, "call": "reconcile"}));
    assert_eq!(found["ok"]["settlements"][0]["reference"], "B-1", "{found}");
    assert_eq!(found["ok"]["stopped"], Value::Null);
    let got = bridge.call(by_reference(7, "journal_get", "B-1"));
    assert_eq!(got["ok"]["amount"], "25.50", "{got}");
    let delivered = bridge.call(by_reference(8, "journal_acknowledge", "B-1"));
    assert_eq!(delivered["ok"]["changed"], true, "{delivered}");
    let twice = bridge.call(by_reference(9, "journal_acknowledge", "B-1"));
    assert_eq!(twice["ok"]["changed"], false, "{twice}");
    let pruned = bridge.call(json!({"id": 10, "call": "journal_prune", "request": {"days": 30}}));
    assert_eq!(pruned["ok"]["removed"], 0, "{pruned}");
    let unknown = bridge.call(by_reference(11, "journal_get", "B-9"));
    assert_eq!(unknown["error"]["field"], "reference", "{unknown}");
    assert_eq!(bridge.end(), 0);
}

#[test]
fn a_list_of_the_journal_comes_page_by_page() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = with_journal(&sandbox, &folder.path().join("till.db"));
    for (id, reference) in [(1, "L-1"), (2, "L-2"), (3, "L-3")] {
        bridge.call(pay(id, reference));
    }
    sandbox
        .inject(Fault::on(Endpoint::Pay, Action::ResetAfterReading))
        .unwrap();
    bridge.call(pay(4, "L-4"));
    let mut list = |query: Value| -> Vec<String> {
        let reply = bridge.call(json!({"id": 5, "call": "journal_list", "request": query}));
        let list = reply["ok"]["settlements"].as_array();
        let list = list.unwrap_or_else(|| panic!("{reply}"));
        list.iter()
            .map(|one| one["reference"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(list(json!({})), ["L-1", "L-2", "L-3", "L-4"]);
    assert_eq!(list(json!({"limit": 2})), ["L-1", "L-2"]);
    assert_eq!(list(json!({"limit": 2, "after": "L-2"})), ["L-3", "L-4"]);
    assert_eq!(list(json!({"filter": "IN_DOUBT"})), ["L-4"]);
    assert_eq!(
        list(json!({"filter": "OPEN", "after": "L-1"})),
        ["L-2", "L-3", "L-4"]
    );
    assert_eq!(list(json!({"filter": "TO_DELIVER"})), [""; 0]);
    let wrong =
        bridge.call(json!({"id": 6, "call": "journal_list", "request": {"filter": "PAID"}}));
    assert_eq!(wrong["error"]["field"], "request", "{wrong}");
}

#[test]
fn a_person_resolves_a_payment_over_the_bridge() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = with_journal(&sandbox, &folder.path().join("till.db"));
    sandbox
        .inject(Fault::on(Endpoint::Pay, Action::ResetAfterReading))
        .unwrap();
    assert_eq!(bridge.call(pay(1, "R-1"))["error"]["outcome"], "UNKNOWN");
    let again = bridge.call(pay(2, "R-1"));
    assert_eq!(again["error"]["code"], "IN_DOUBT", "{again}");
    let mut resolve = |request: Value| {
        bridge.call(json!({"id": 3, "call": "journal_resolve", "request": request}))
    };
    for (request, field) in [
        (
            json!({"reference": "R-1", "who": "Awa", "why": "x"}),
            "state",
        ),
        (
            json!({"reference": "R-1", "state": "FAILED", "order_number": "N1", "who": "Awa", "why": "x"}),
            "state",
        ),
        (
            json!({"reference": "R-1", "state": "PAID", "who": "Awa", "why": "x"}),
            "request",
        ),
        (
            json!({"reference": "R-1", "state": "FAILED", "who": " ", "why": "x"}),
            "who",
        ),
        (
            json!({"reference": "R-1", "state": "FAILED", "who": "Awa"}),
            "why",
        ),
    ] {
        let refused = resolve(request);
        assert_eq!(refused["error"]["field"], field, "{refused}");
    }
    let number = sandbox.payments()[0].order_number.clone();
    let order = json!({"reference": "R-1", "order_number": number, "who": "Awa", "why": "console"});
    let resolved = resolve(order);
    assert_eq!(resolved["ok"]["resolved_by"], "Awa", "{resolved}");
    let settled = bridge.call(by_reference(4, "settle", "R-1"));
    assert_eq!(settled["ok"]["state"], "ACCEPTED", "{settled}");
}

#[test]
fn without_a_journal_its_calls_name_the_setting() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    for call in ["settle", "journal_get", "journal_acknowledge"] {
        let refused = bridge.call(by_reference(1, call, "R-1"));
        assert_eq!(refused["error"]["field"], "journal", "{call}: {refused}");
    }
    for call in ["reconcile", "journal_list"] {
        let refused = bridge.call(json!({"id": 1, "call": call}));
        assert_eq!(refused["error"]["field"], "journal", "{call}: {refused}");
    }
    assert!(sandbox.connections().is_empty());
}

#[test]
fn the_rule_for_other_stores_needs_no_client() {
    let mut bridge = Bridge::start(&mut bare_program());
    bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1, "client": false}}));
    let terms = json!({"kind": "CARD", "amount": "25.50", "currency": "USD", "phone": null});
    let event = json!({"event": "pay", "reference": "S-1", "terms": terms, "sender": "till-1"});
    let request = json!({"entry": null, "sender_is_alive": false, "event": event});
    let begun = bridge.call(json!({"id": 1, "call": "journal_step", "request": request}));
    assert_eq!(begun["ok"]["action"], "send", "{begun}");
    assert_eq!(begun["ok"]["entry"]["state"], "SENDING");
    let request = json!({"entry": begun["ok"]["entry"], "sender_is_alive": true, "event": event});
    let refused = bridge.call(json!({"id": 2, "call": "journal_step", "request": request}));
    assert_eq!(refused["ok"]["error"]["code"], "IN_PROGRESS", "{refused}");
    let broken = bridge.call(json!({"id": 3, "call": "journal_step", "request": {}}));
    assert_eq!(broken["error"]["field"], "request", "{broken}");
    assert_eq!(bridge.end(), 0);
}

#[test]
fn settling_and_reconciling_can_be_cancelled() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = with_journal(&sandbox, &folder.path().join("till.db"));
    bridge.call(pay(1, "C-1"));
    let before = sandbox.requests().len();
    let early = json!({"reference": "C-1", "wait": {"cancel": true}});
    let settled = bridge.call(json!({"id": 2, "call": "settle", "request": early}));
    assert_eq!(settled["error"]["code"], "CANCELLED", "{settled}");
    let found = bridge.call(json!({"id": 2, "call": "reconcile", "request": {"cancel": true}}));
    assert!(found["ok"]["stopped"].is_string(), "{found}");
    assert_eq!(sandbox.requests().len(), before);

    let wait = json!({"reference": "C-1", "wait": {}});
    bridge.send(&json!({"id": 3, "call": "settle", "request": wait}).to_string());
    sandbox.wait_for_requests(before + 1, Duration::from_secs(20));
    bridge.send(&json!({"id": 4, "call": "cancel", "request": {"id": 3}}).to_string());
    let mut replies = [bridge.read(), bridge.read()];
    replies.sort_by_key(|reply| reply["id"].as_u64());
    assert_eq!(replies[0]["error"]["code"], "CANCELLED", "{}", replies[0]);
    assert_eq!(replies[1]["ok"]["cancelled"], true);

    // The end of stdin cancels it too.
    let before = sandbox.requests().len();
    bridge.send(&json!({"id": 5, "call": "settle", "request": wait}).to_string());
    sandbox.wait_for_requests(before + 1, Duration::from_secs(20));
    drop(bridge.stdin.take());
    assert_eq!(bridge.read()["error"]["code"], "CANCELLED");
    assert_eq!(bridge.end(), 0);
}

#[test]
fn a_payment_of_a_bridge_that_is_killed_is_in_doubt_for_the_next() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("till.db");
    let mut bridge = with_journal(&sandbox, &path);
    sandbox
        .inject(Fault::on(Endpoint::Pay, Action::StallAfter { bytes: 0 }))
        .unwrap();
    bridge.send(&pay(1, "K-1").to_string());
    sandbox.wait_for_requests(1, Duration::from_secs(20));
    bridge.child.kill().unwrap();
    bridge.child.wait().unwrap();
    let mut bridge = with_journal(&sandbox, &path);
    let again = bridge.call(pay(1, "K-1"));
    assert_eq!(
        (&again["error"]["code"], &again["error"]["outcome"]),
        (&"IN_DOUBT".into(), &"UNKNOWN".into()),
        "{again}"
    );
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(bridge.end(), 0);
}
