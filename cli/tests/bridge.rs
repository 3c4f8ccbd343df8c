//! The bridge: one JSON request a line, one JSON reply a line.

mod common;

use common::bridge::Bridge;
use common::*;
use flexpay_sandbox::{Action, Decision, Endpoint, Fault};
use serde_json::{Value, json};
use std::io::Write;
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
