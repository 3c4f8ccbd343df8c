//! The records of requests and connections.

mod common;

use std::io::Write;

use common::{TIMEOUT, connect, exchange, get, payment_request, request};
use flexpay_sandbox::{Endpoint, Outcome, Sandbox};
use serde_json::json;

fn pay_request(sandbox: &Sandbox) -> Vec<u8> {
    let body = payment_request(sandbox, json!({})).to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer kept as sent"),
    ];
    request("POST", "/v1.1/pay?x=1", &headers, body.as_bytes())
}

#[test]
fn a_request_is_recorded_byte_for_byte() {
    for tls in [false, true] {
        let sandbox = Sandbox::start().expect("a sandbox");
        let bytes = pay_request(&sandbox);
        exchange(&sandbox, tls, &bytes);
        let all = sandbox.requests();
        assert_eq!(all.len(), 1);
        let record = &all[0];
        assert_eq!(record.bytes_received, bytes.len() as u64);
        assert_eq!(record.method, "POST");
        assert_eq!(record.path, "/v1.1/pay?x=1");
        assert_eq!(record.endpoint, Endpoint::Pay);
        assert_eq!(record.header("Authorization"), Some("Bearer kept as sent"));
        assert!(bytes.ends_with(&record.body) && !record.body.is_empty());
        assert!(record.complete);
        assert_eq!((record.tls, record.sequence), (tls, 1));
        assert_eq!(sandbox.connections()[0].tls, tls);
    }
}

#[test]
fn an_incomplete_request_is_recorded() {
    for tls in [false, true] {
        let sandbox = Sandbox::start().expect("a sandbox");
        let bytes = pay_request(&sandbox);
        let cuts = [3, 40, bytes.len() - 10];
        for cut in cuts {
            let mut stream = connect(&sandbox, tls);
            stream.write_all(&bytes[..cut]).expect("sent");
            stream.flush().expect("sent");
        }
        let mut all = sandbox.wait_for_requests(3, TIMEOUT);
        all.sort_by_key(|record| record.bytes_received);
        let counted: Vec<_> = all.iter().map(|r| r.bytes_received).collect();
        assert_eq!(counted, cuts.map(|cut| cut as u64));
        for record in &all {
            assert!(!record.complete);
            assert_eq!(record.outcome, Outcome::ClientLeft);
            assert_eq!(record.bytes_sent, 0);
        }
        assert_eq!(all[1].path, "/v1.1/pay?x=1");
        assert_eq!(all[2].method, "POST");
        assert_eq!(all[2].endpoint, Endpoint::Pay);
        assert_eq!(all[2].header("host"), Some("gateway.localhost"));
        assert!(!all[2].body.is_empty());
        assert!(sandbox.payments().is_empty());
    }
}

#[test]
fn requests_on_one_connection_are_recorded_separately() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let mut stream = connect(&sandbox, false);
    let mut buffer = [0; 4096];
    let lengths: Vec<_> = ["a", "bb", "ccc"]
        .into_iter()
        .map(|order| {
            let bytes =
                format!("GET /api/rest/v1/check/{order} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(bytes.as_bytes()).expect("sent");
            assert!(stream.read(&mut buffer).expect("a response") > 0);
            bytes.len() as u64
        })
        .collect();
    let all = sandbox.requests();
    let received: Vec<_> = all.iter().map(|r| r.bytes_received).collect();
    assert_eq!(received, lengths);
    let sequence: Vec<_> = all.iter().map(|r| r.sequence).collect();
    assert_eq!(sequence, [1, 2, 3]);
    assert!(all.iter().all(|r| r.connection == all[0].connection));
    assert!(all.iter().all(|r| r.outcome == Outcome::Answered(401)));
    assert_eq!(sandbox.connections()[0].requests, 3);
}

#[test]
fn a_connection_without_data_is_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    drop(connect(&sandbox, false));
    // A TLS handshake that never starts.
    let address = sandbox.https_url().replace("https://", "");
    drop(std::net::TcpStream::connect(address).expect("connected"));
    let until = std::time::Instant::now() + TIMEOUT;
    while sandbox.connections().iter().filter(|c| c.closed).count() < 2 {
        assert!(std::time::Instant::now() < until);
        std::thread::yield_now();
    }
    assert!(sandbox.connections().iter().all(|c| c.bytes_received == 0));
    let tls_errors: Vec<_> = sandbox
        .connections()
        .into_iter()
        .map(|c| (c.tls, c.tls_error.is_some()))
        .collect();
    assert!(tls_errors.contains(&(false, false)) && tls_errors.contains(&(true, true)));
    assert!(sandbox.requests().is_empty());
}

#[test]
fn requests_to_the_sandboxs_own_pages_are_not_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    get(&sandbox, "/");
    get(&sandbox, "/sandbox/api/requests");
    assert!(sandbox.requests().is_empty());
    get(&sandbox, "/elsewhere");
    assert_eq!(sandbox.requests()[0].endpoint, Endpoint::Other);
    sandbox.clear();
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_chunked_body_is_decoded_and_counted_as_sent() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let body = payment_request(&sandbox, json!({})).to_string();
    let (a, b) = body.split_at(50);
    let bytes = format!(
        "POST /v1.1/pay HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    );
    exchange(&sandbox, false, bytes.as_bytes());
    let record = &sandbox.requests()[0];
    assert_eq!(record.body, body.as_bytes());
    assert_eq!(record.bytes_received, bytes.len() as u64);
    assert_eq!(sandbox.payments().len(), 1);
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let mut stream = connect(&sandbox, false);
    let head = "POST /v1.1/pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    // The gateway may close the connection before all of it is sent.
    let _ = stream.write_all(&vec![b' '; 1_100_000]);
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut first).expect("a response");
    assert_eq!(&first, b"HTTP/1.1 413");
    let record = &sandbox.requests()[0];
    assert_eq!(record.outcome, Outcome::Answered(413));
    assert!(!record.complete);
}
