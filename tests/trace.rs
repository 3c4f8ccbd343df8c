//! The trace of a call: what is in it, and what never is.

mod common;

use common::*;
use flexpay::{
    Api, Client, Config, ErrorCode, Expected, Kind, MobileRequest, Outcome, WaitOptions,
};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

fn traced_client(sandbox: &Sandbox) -> Client {
    Client::new(Config {
        trace: true,
        allow_payout: true,
        private_connections: true,
        ..secure_config(sandbox, Api::V1_1)
    })
    .expect("the settings are valid")
}

fn parse(trace: Option<&str>) -> Value {
    serde_json::from_str(trace.expect("a trace")).expect("JSON")
}

/// The names of the steps, in order.
fn names(trace: &Value) -> Vec<&str> {
    let steps = trace["steps"].as_array().expect("a list");
    steps
        .iter()
        .map(|step| step["step"].as_str().expect("a name"))
        .collect()
}

fn step<'t>(trace: &'t Value, name: &str) -> &'t Value {
    let steps = trace["steps"].as_array().expect("a list");
    let found = steps.iter().find(|step| step["step"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {trace}"))
}

#[test]
fn without_the_setting_there_is_no_trace() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let payment = client.pay(&request("T-1")).unwrap();
    assert_eq!(payment.trace, None);
    let transaction = client.check(&payment.order_number.unwrap()).unwrap();
    assert_eq!(transaction.trace, None);
    assert_eq!(client.check("no-such-order").unwrap_err().trace(), None);
}

#[test]
fn a_payment_has_every_step_from_the_connection_to_the_reply() {
    let sandbox = sandbox();
    let request = flexpay::PaymentRequest {
        correlation_id: Some("panier-7".into()),
        ..request("T-2")
    };
    let payment = traced_client(&sandbox).pay(&request).unwrap();
    let trace = parse(payment.trace.as_deref());
    assert_eq!(trace["call"], "pay");
    assert_eq!(trace["correlation_id"], "panier-7");
    assert_eq!(
        names(&trace),
        [
            "attempt",
            "connecting",
            "connected",
            "tls",
            "sent",
            "reply",
            "end"
        ]
    );
    assert_eq!(step(&trace, "attempt")["attempt"], 1);
    let address = sandbox.https_url().replace("https://", "");
    assert_eq!(step(&trace, "connecting")["address"], address);
    assert_eq!(step(&trace, "connected")["address"], address);
    let tls = step(&trace, "tls");
    assert_eq!(tls["version"], "TLSv1.3");
    assert!(tls["cipher"].as_str().unwrap().starts_with("TLS13_"));
    assert_eq!(tls["resumed"], false);
    assert_eq!(step(&trace, "sent")["connection"], "new");
    let reply = step(&trace, "reply");
    assert_eq!(reply["status"], 200);
    assert_eq!(reply["complete"], true);
    assert!(reply["bytes"].as_u64().unwrap() > 100);
    assert!(
        reply["content_type"]
            .as_str()
            .unwrap()
            .starts_with("application/json")
    );
    assert_eq!(step(&trace, "end")["result"], "OK");
    let times: Vec<u64> = trace["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["ms"].as_u64().expect("milliseconds"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_name_that_does_not_exist_is_a_failed_lookup() {
    let client = Client::new(Config {
        trace: true,
        check_once: true,
        check_url: Some("https://no-such-host.invalid/check".into()),
        ..Config::new("ZANDO", "canary-token")
    })
    .unwrap();
    let error = client.check("1").unwrap_err();
    let trace = parse(error.trace());
    assert_eq!(
        names(&trace),
        [
            "attempt",
            "lookup",
            "lookup_failed",
            "attempt_failed",
            "end"
        ]
    );
    let end = step(&trace, "end");
    assert_eq!(
        (&end["result"], &end["outcome"]),
        (&"RESOLVE".into(), &"NOT_SENT".into())
    );
}

#[test]
fn the_retries_of_a_check_and_its_pauses_are_in_one_trace() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    let page = Action::Html {
        status: 502,
        record: false,
    };
    sandbox
        .inject(Fault::on(Endpoint::Check, page).times(2))
        .unwrap();
    let number = new_order(&client, "T-3");
    let transaction = client.check(&number).unwrap();
    let trace = parse(transaction.trace.as_deref());
    let count = |name: &str| names(&trace).iter().filter(|step| **step == name).count();
    assert_eq!(
        (count("attempt"), count("pause"), count("reply")),
        (3, 2, 3)
    );
    assert_eq!(step(&trace, "reply")["status"], 502);
}

#[test]
fn a_trace_says_how_each_attempt_failed() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    let number = new_order(&client, "T-8");
    let reset = Fault::on(Endpoint::Check, Action::ResetAfterReading);
    sandbox.inject(reset.forever()).unwrap();
    let error = client.check(&number).unwrap_err();
    let trace = parse(error.trace());
    let steps = trace["steps"].as_array().unwrap();
    let failures = steps.iter().filter(|step| step["step"] == "attempt_failed");
    let errors: Vec<&Value> = failures.map(|step| &step["error"]).collect();
    assert_eq!(errors, ["CONNECTION"; 3]);
}

#[test]
fn a_second_check_reuses_the_connection_and_the_trace_says_so() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    let number = new_order(&client, "T-4");
    client.check(&number).unwrap();
    let trace = parse(client.check(&number).unwrap().trace.as_deref());
    assert_eq!(names(&trace), ["attempt", "sent", "reply", "end"]);
    assert_eq!(step(&trace, "sent")["connection"], "reused");
}

#[test]
fn an_address_that_refuses_is_named_with_its_error() {
    let client = Client::new(Config {
        trace: true,
        pay_url: Some(format!("{}/pay", unused_url())),
        ..Config::new("ZANDO", "canary-token")
    })
    .unwrap();
    let error = client.pay(&request("T-5")).unwrap_err();
    let trace = parse(error.trace());
    assert_eq!(
        names(&trace),
        [
            "attempt",
            "connecting",
            "connect_failed",
            "attempt_failed",
            "end"
        ]
    );
    assert_eq!(step(&trace, "connect_failed")["error"], "refused");
    let end = step(&trace, "end");
    assert_eq!(
        (&end["result"], &end["outcome"]),
        (&"CONNECT".into(), &"NOT_SENT".into())
    );
}

#[test]
fn a_proxy_is_a_step_of_its_own_and_its_password_is_in_none() {
    let client = Client::new(Config {
        trace: true,
        proxy: Some(unused_url().replace("http://", "http://merchant:pa55word@")),
        ..Config::new("ZANDO", "canary-token")
    })
    .unwrap();
    let error = client.pay(&request("T-6")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Proxy, "{error}");
    let text = error.trace().expect("a trace");
    assert!(
        !text.contains("pa55word") && !text.contains("merchant:"),
        "{text}"
    );
    let trace = parse(Some(text));
    assert_eq!(step(&trace, "proxy")["host"], "127.0.0.1");
}

#[test]
fn every_call_has_a_trace_with_its_own_name() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    let id = || Some("commande-12".to_owned());
    let mobile = MobileRequest {
        correlation_id: id(),
        ..mobile_request("N-1")
    };
    let payment = client.pay_mobile(&mobile).unwrap();
    let number = payment.order_number.clone().unwrap();
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    let expected = Expected {
        reference: "N-1".into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        kind: Kind::Mobile,
        order_number: Some(number.clone()),
        correlation_id: id(),
        ..Expected::default()
    };
    let payout = flexpay::PayoutRequest {
        correlation_id: id(),
        ..payout_request("N-2")
    };
    let options = WaitOptions {
        timeout: Duration::from_secs(20),
        correlation_id: id(),
        ..WaitOptions::default()
    };
    let callback = format!(r#"{{"code":"0","reference":"N-1","orderNumber":"{number}"}}"#);
    let traces = [
        ("pay_mobile", payment.trace),
        ("payout", client.payout(&payout).unwrap().trace),
        ("wait", client.wait(&number, &options).unwrap().trace),
        (
            "verify_order",
            client.verify_order(&expected).unwrap().trace,
        ),
        (
            "verify_callback",
            client
                .verify_callback(callback.as_bytes(), &expected)
                .unwrap()
                .trace,
        ),
    ];
    for (call, trace) in traces {
        let trace = parse(trace.as_deref());
        assert_eq!(trace["call"], call);
        assert_eq!(trace["correlation_id"], "commande-12");
    }
    let check = client.check(&number).unwrap().trace;
    assert_eq!(parse(check.as_deref())["call"], "check");
}

#[test]
fn a_wait_has_its_checks_and_pauses() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    let number = new_order(&client, "T-7");
    let cancel = flexpay::CancelToken::new();
    let options = WaitOptions {
        interval: Duration::from_millis(20),
        max_interval: Duration::from_millis(20),
        cancel: Some(cancel.clone()),
        ..WaitOptions::default()
    };
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            sandbox.wait_for_requests(4, Duration::from_secs(20));
            cancel.cancel();
        });
        client.wait(&number, &options).unwrap_err()
    });
    let trace = parse(error.trace());
    let count = |name: &str| names(&trace).iter().filter(|step| **step == name).count();
    assert!(count("attempt") >= 3 && count("pause") >= 2, "{trace}");
    let end = step(&trace, "end");
    assert_eq!(
        (&end["result"], &end["outcome"]),
        (&"CANCELLED".into(), &"UNKNOWN".into())
    );
}

/// Everything that a trace may contain, by step.
const ALLOWED: &[(&str, &[&str])] = &[
    ("attempt", &["attempt"]),
    ("proxy", &["host"]),
    ("tunnel", &[]),
    ("lookup", &["host"]),
    ("addresses", &["addresses", "cached"]),
    ("lookup_failed", &["error"]),
    ("connecting", &["address"]),
    ("connected", &["address"]),
    ("connect_failed", &["address", "error"]),
    ("connect_abandoned", &["address"]),
    ("attempt_failed", &["error"]),
    ("tls", &["version", "cipher", "resumed"]),
    ("sent", &["connection"]),
    (
        "reply",
        &["status", "bytes", "complete", "content_type", "date"],
    ),
    ("pause", &["pause_ms"]),
    ("end", &["result", "outcome"]),
];

#[test]
fn a_trace_has_no_field_that_is_not_allowed_and_no_secret() {
    let secret = "the-token-is-a-canary";
    let sandbox = Sandbox::start_with(flexpay_sandbox::Options {
        token: secret.into(),
        ..Default::default()
    })
    .unwrap();
    let client = traced_client(&sandbox);
    // A gateway that repeats the request in the body and in every header that a trace quotes.
    let echo = Action::Reply {
        status: 500,
        headers: vec![
            ("Content-Type".into(), format!("text/{secret} 243812345678")),
            ("Date".into(), format!("Bearer {secret} 243812345678")),
            ("X-Request".into(), "quartier Matonge".into()),
        ],
        body: format!("Authorization: Bearer {secret}, reference X-1, quartier Matonge")
            .into_bytes(),
        record: false,
    };
    let faults = [
        None,
        Some(echo),
        Some(Action::ResetAfterReading),
        Some(Action::CutAfter { bytes: 150 }),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        for endpoint in [Endpoint::Pay, Endpoint::Mobile, Endpoint::Payout] {
            if let Some(action) = fault.clone() {
                sandbox.inject(Fault::on(endpoint, action)).unwrap();
            }
            let reference = format!("X-{index}{endpoint:?}");
            let result = match endpoint {
                Endpoint::Pay => client.pay(&request(&reference)),
                Endpoint::Mobile => client.pay_mobile(&mobile_request(&reference)),
                _ => client.payout(&payout_request(&reference)),
            };
            let text = match &result {
                Ok(payment) => payment.trace.as_deref(),
                Err(error) => error.trace(),
            };
            let text = text.expect("a trace");
            for private in [
                secret,
                "Bearer",
                "Matonge",
                &reference,
                "zando.example",
                "243812345678",
            ] {
                assert!(!text.contains(private), "{private}: {text}");
            }
            let trace = parse(Some(text));
            let keys = |value: &Value| -> BTreeSet<String> {
                value
                    .as_object()
                    .expect("an object")
                    .keys()
                    .cloned()
                    .collect()
            };
            let top = ["call", "correlation_id", "steps"].map(str::to_owned);
            assert_eq!(keys(&trace), BTreeSet::from(top));
            for step in trace["steps"].as_array().unwrap() {
                let allowed = ALLOWED.iter().find(|(name, _)| step["step"] == *name);
                let (_, fields) = allowed.unwrap_or_else(|| panic!("{step}"));
                for key in keys(step) {
                    let known = ["ms", "step"].contains(&key.as_str());
                    assert!(known || fields.contains(&key.as_str()), "{key} in {step}");
                }
            }
        }
    }
}

#[test]
fn a_correlation_id_is_checked_and_never_sent() {
    let sandbox = sandbox();
    let client = traced_client(&sandbox);
    for bad in ["", "a b", "caf\u{e9}", &"x".repeat(65)] {
        let request = flexpay::PaymentRequest {
            correlation_id: Some(bad.to_owned()),
            ..request("I-1")
        };
        let error = client.pay(&request).unwrap_err();
        assert_eq!(
            (error.code(), error.field(), error.outcome()),
            (ErrorCode::Invalid, Some("correlation_id"), Outcome::NotSent),
            "{bad:?}"
        );
    }
    assert!(sandbox.connections().is_empty());
    let request = flexpay::PaymentRequest {
        correlation_id: Some("panier-secret-7".into()),
        ..request("I-1")
    };
    client.pay(&request).unwrap();
    let sent = &sandbox.requests()[0];
    let everything = format!("{:?} {}", sent.headers, String::from_utf8_lossy(&sent.body));
    assert!(!everything.contains("panier-secret-7"), "{everything}");
}
