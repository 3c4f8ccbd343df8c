//! The checks of `Host` and `Origin`: DNS rebinding, and pages of other origins.

mod common;

use std::io::{Read, Write};

use common::{Response, connect, exchange, get, pay, payment_request};
use flexpay_sandbox::{Error, Options, Sandbox};
use serde_json::json;

const CANARY: &str = "Bearer of-another-account";

/// A request with these `Host` headers.
fn request(method: &str, path: &str, hosts: &[&str], more: &str, body: &str) -> Vec<u8> {
    let hosts: String = hosts.iter().map(|h| format!("Host: {h}\r\n")).collect();
    format!(
        "{method} {path} HTTP/1.1\r\n{hosts}Connection: close\r\nAuthorization: {CANARY}\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn status(sandbox: &Sandbox, tls: bool, request: &[u8]) -> u16 {
    Response::read(&exchange(sandbox, tls, request).0).status
}

#[test]
fn a_foreign_host_is_refused_everywhere_and_not_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    let card_page = format!("/checkout/{}", sandbox.payments()[0].checkout_id);
    let control = format!("/sandbox/api/payments/{order}");
    let payment = payment_request(&sandbox, json!({"reference": "R-2"})).to_string();
    let requests = [
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
        for (method, path, body) in requests {
            let request = request(method, path, &["evil.example:8400"], json, body);
            let response = Response::read(&exchange(&sandbox, tls, &request).0);
            assert_eq!(response.status, 421, "{method} {path}");
            assert_eq!(response.header("connection"), "close");
            let text = response.text();
            assert!(text.contains("--allow-host") && !text.contains("evil"));
        }
    }
    assert_eq!(sandbox.payments().len(), 1);
    assert!(sandbox.payments()[0].is_pending());
    // Only the payment request above is recorded.
    assert_eq!(sandbox.requests().len(), 1);
    let recorded = format!("{:?}", sandbox.requests());
    assert!(!recorded.contains(CANARY) && !recorded.contains("evil"));
    let connections = sandbox.connections();
    assert!(connections[1..].iter().all(|c| c.requests == 0));
    assert!(connections[1..].iter().all(|c| c.bytes_received == 0));
}

#[test]
fn a_missing_repeated_or_malformed_host_is_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let get = |hosts: &[&str]| status(&sandbox, false, &request("GET", "/", hosts, "", ""));
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
    for accepted in ["localhost", "a.localhost:1", "127.0.0.1:2", "[::1]:3"] {
        assert_eq!(get(&[accepted]), 200, "{accepted}");
    }
    let old = b"GET / HTTP/1.0\r\n\r\n";
    assert_eq!(status(&sandbox, false, old), 421);
    // A target in absolute form has its own host.
    let target = request("GET", "http://evil.example/", &["localhost"], "", "");
    assert_eq!(status(&sandbox, false, &target), 421);
    let target = request("GET", "http://localhost/", &["localhost"], "", "");
    assert_eq!(status(&sandbox, false, &target), 200);
}

#[test]
fn the_body_of_a_refused_request_is_not_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let mut stream = connect(&sandbox, false);
    let head = "POST /v1.1/pay HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\
                Expect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    // Sent after the head was checked.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).expect("a response");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(sandbox.requests().is_empty());
    stream.write_all(b"forbidden").expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("a response");
    assert_eq!(Response::read(&response).status, 421);
    assert!(sandbox.requests().is_empty());
    assert_eq!(sandbox.connections()[0].bytes_received, 0);
}

#[test]
fn a_refused_request_does_not_change_the_record_of_the_previous_one() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let good = "GET /api/rest/v1/check/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let bytes = [
        good.as_bytes(),
        &request("GET", "/evil", &["evil.example"], "", ""),
    ]
    .concat();
    let (responses, _) = exchange(&sandbox, false, &bytes);
    assert!(String::from_utf8_lossy(&responses).contains("HTTP/1.1 421"));
    let all = sandbox.requests();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].path, "/api/rest/v1/check/a");
    assert_eq!(all[0].header("host"), Some("localhost"));
}

#[test]
fn hosts_can_be_allowed() {
    let sandbox = Sandbox::start_with(Options {
        allow_hosts: vec!["Sandbox".to_owned()],
        public_url: Some("https://cards.test/".to_owned()),
        ..Options::default()
    })
    .expect("a sandbox");
    let get = |host| status(&sandbox, false, &request("GET", "/", &[host], "", ""));
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
fn pages_of_other_origins_are_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    let clear = |origin: &str| {
        let request = request(
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
        let button = request("POST", &button, &["localhost:8400"], foreign, "");
        assert_eq!(status(&sandbox, false, &button), 403, "{foreign}");
    }
    assert!(sandbox.payment(&order).is_some());
    assert!(sandbox.callbacks().is_empty());
    assert_eq!(clear("Origin: http://localhost:8400\r\n"), 204);
    assert_eq!(clear(""), 204);
    // For the button: with "no-referrer" a browser sends `Origin: null`.
    assert_eq!(get(&sandbox, "/").header("referrer-policy"), "same-origin");
}
