//! Whom the sandbox answers: DNS rebinding, and pages of other origins.

mod common;

use std::io::{Read, Write};

use common::{Answer, connect, exchange, get, pay, payment_request};
use flexpay_sandbox::{Error, Options, Sandbox};
use serde_json::json;

const CANARY: &str = "Bearer of-somebody-else";

/// A request with these lines for its `Host`.
fn hosted(method: &str, path: &str, hosts: &[&str], more: &str, body: &str) -> Vec<u8> {
    let hosts: String = hosts.iter().map(|h| format!("Host: {h}\r\n")).collect();
    format!(
        "{method} {path} HTTP/1.1\r\n{hosts}Connection: close\r\nAuthorization: {CANARY}\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn status(sandbox: &Sandbox, tls: bool, request: &[u8]) -> u16 {
    Answer::read(&exchange(sandbox, tls, request).0).status
}

#[test]
fn a_foreign_host_is_refused_everywhere_and_leaves_no_trace() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    let card_page = format!("/checkout/{}", sandbox.payments()[0].checkout_id);
    let control = format!("/sandbox/api/payments/{order}");
    let payment = payment_request(&sandbox, json!({"reference": "R-2"})).to_string();
    let asked = [
        ("GET", "/", ""),
        ("GET", "/sandbox/payments", ""),
        ("GET", "/sandbox/api/requests", ""),
        ("GET", control.as_str(), ""),
        ("POST", "/sandbox/api/clear", "null"),
        ("GET", card_page.as_str(), ""),
        ("POST", card_page.as_str(), "action=cancel"),
        ("GET", "/api/rest/v1/check/x", ""),
        ("POST", "/v1.1/pay", payment.as_str()),
        ("GET", "/elsewhere", ""),
    ];
    let json = "Content-Type: application/json\r\n";
    for tls in [false, true] {
        for (method, path, body) in asked {
            let request = hosted(method, path, &["evil.example:8400"], json, body);
            let answer = Answer::read(&exchange(&sandbox, tls, &request).0);
            assert_eq!(answer.status, 421, "{method} {path}");
            assert_eq!(answer.header("connection"), "close");
            let words = answer.text();
            assert!(words.contains("--allow-host") && !words.contains("evil"));
        }
    }
    assert_eq!(sandbox.payments().len(), 1);
    assert!(sandbox.payments()[0].is_pending());
    // The payment request above, and nothing else.
    assert_eq!(sandbox.requests().len(), 1);
    let seen = format!("{:?}", sandbox.requests());
    assert!(!seen.contains(CANARY) && !seen.contains("evil"));
    let connections = sandbox.connections();
    assert!(connections[1..].iter().all(|c| c.requests == 0));
    assert!(connections[1..].iter().all(|c| c.bytes_received == 0));
}

#[test]
fn a_host_that_is_missing_twofold_or_malformed_is_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let get = |hosts: &[&str]| status(&sandbox, false, &hosted("GET", "/", hosts, "", ""));
    for refused in [
        &[][..],
        &["localhost", "localhost"],
        &["localhost", "evil.example"],
        &[""],
        &["localhost:"],
        &["localhost:1x"],
        &["localhost/"],
        &["a@localhost"],
        &["127.0.0.1.evil.example"],
    ] {
        assert_eq!(get(refused), 421, "{refused:?}");
    }
    for answered in ["localhost", "a.localhost:1", "127.0.0.1:2", "[::1]:3"] {
        assert_eq!(get(&[answered]), 200, "{answered}");
    }
    let old = b"GET / HTTP/1.0\r\n\r\n";
    assert_eq!(status(&sandbox, false, old), 421);
    // As to a proxy: the target has a host of its own.
    let target = hosted("GET", "http://evil.example/", &["localhost"], "", "");
    assert_eq!(status(&sandbox, false, &target), 421);
    let target = hosted("GET", "http://localhost/", &["localhost"], "", "");
    assert_eq!(status(&sandbox, false, &target), 200);
}

#[test]
fn a_refused_body_is_not_remembered_either() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let mut stream = connect(&sandbox, false);
    let head = "POST /v1.1/pay HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\
                Expect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    // It comes when the head was judged.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("an answer");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(sandbox.requests().is_empty());
    stream.write_all(b"forbidden").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert_eq!(Answer::read(&answer).status, 421);
    assert!(sandbox.requests().is_empty());
    assert_eq!(sandbox.connections()[0].bytes_received, 0);
}

#[test]
fn a_request_refused_behind_a_good_one_takes_nothing_from_its_record() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let good = "GET /api/rest/v1/check/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let bytes = [
        good.as_bytes(),
        &hosted("GET", "/evil", &["evil.example"], "", ""),
    ]
    .concat();
    let (answers, _) = exchange(&sandbox, false, &bytes);
    assert!(String::from_utf8_lossy(&answers).contains("HTTP/1.1 421"));
    let all = sandbox.requests();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].path, "/api/rest/v1/check/a");
    assert_eq!(all[0].header("host"), Some("localhost"));
}

#[test]
fn a_host_may_be_allowed_by_name() {
    let sandbox = Sandbox::start_with(Options {
        allow_hosts: vec!["Sandbox".to_owned()],
        public_url: Some("https://cards.test/".to_owned()),
        ..Options::default()
    })
    .expect("a sandbox");
    let get = |host| status(&sandbox, false, &hosted("GET", "/", &[host], "", ""));
    assert_eq!(get("sandbox:8400"), 200);
    assert_eq!(get("cards.test"), 200);
    assert_eq!(get("evil.example"), 421);

    for wrong in ["http://sandbox", "sandbox:80", "", "*"] {
        let error = Sandbox::start_with(Options {
            allow_hosts: vec![wrong.to_owned()],
            ..Options::default()
        })
        .expect_err("no host");
        assert!(matches!(error, Error::Host(_)), "{error}");
    }
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    let clear = |origin: &str| {
        let request = hosted(
            "POST",
            "/sandbox/api/clear",
            &["localhost:8400"],
            origin,
            "",
        );
        status(&sandbox, false, &request)
    };
    for foreign in [
        "Origin: https://evil.example\r\n",
        "Origin: http://localhost:3000\r\n",
        "Origin: http://localhost:8400.evil.example\r\n",
        "Origin: null\r\n",
        "Origin: localhost:8400\r\n",
        "Origin: http://localhost:8400\r\nOrigin: https://evil.example\r\n",
    ] {
        assert_eq!(clear(foreign), 403, "{foreign}");
        let button = format!("/sandbox/payments/{order}/deliver");
        let button = hosted("POST", &button, &["localhost:8400"], foreign, "");
        assert_eq!(status(&sandbox, false, &button), 403, "{foreign}");
    }
    assert!(sandbox.payment(&order).is_some());
    assert!(sandbox.callbacks().is_empty());
    assert_eq!(clear("Origin: http://localhost:8400\r\n"), 204);
    assert_eq!(clear(""), 204);
    // For the button: a browser that may not tell the referrer does not tell the origin.
    assert_eq!(get(&sandbox, "/").header("referrer-policy"), "same-origin");
}
