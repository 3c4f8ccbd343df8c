//! Every fault, over HTTP and HTTPS, as the client sees it.

mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::{
    End, MOBILE, PAYOUT, Response, TIMEOUT, check, connect, exchange, mobile_request, pay,
    payment_request, post_authorized, read_out, request,
};
use flexpay_sandbox::{Action, Endpoint, Fault, Outcome, Sandbox};
use serde_json::json;

/// The bytes of a payment request with this reference.
fn pay_request(sandbox: &Sandbox, reference: &str) -> Vec<u8> {
    let body = payment_request(sandbox, json!({"reference": reference})).to_string();
    let headers = [("Content-Type", "application/json")];
    request("POST", "/v1.1/pay", &headers, body.as_bytes())
}

/// Runs `test` over plain HTTP, then over TLS, each with a new sandbox.
fn over_both(test: impl Fn(&Sandbox, bool)) {
    for tls in [false, true] {
        test(&Sandbox::start().expect("a sandbox"), tls);
    }
}

fn inject(sandbox: &Sandbox, action: Action) {
    let fault = Fault::on(Endpoint::Pay, action);
    sandbox.inject(fault).expect("a fault");
}

/// Injects a fault and sends a payment request.
fn exchange_with_fault(sandbox: &Sandbox, tls: bool, action: Action) -> (Vec<u8>, End) {
    inject(sandbox, action);
    exchange(sandbox, tls, &pay_request(sandbox, "R1"))
}

#[test]
fn without_a_fault_the_reply_is_complete() {
    over_both(|sandbox, tls| {
        let (bytes, end) = exchange(sandbox, tls, &pay_request(sandbox, "R1"));
        assert_eq!(end, End::Closed);
        assert_eq!(Response::read(&bytes).json()["code"], json!(0));
        let record = &sandbox.requests()[0];
        assert_eq!(record.bytes_sent, bytes.len() as u64);
        assert_eq!(record.outcome, Outcome::Answered(200));
    });
}

#[test]
fn a_delayed_reply_is_complete() {
    over_both(|sandbox, tls| {
        let (bytes, _) = exchange_with_fault(sandbox, tls, Action::Delay { ms: 30 });
        assert_eq!(Response::read(&bytes).json()["code"], json!(0));
    });
}

#[test]
fn a_delayed_request_is_processed_even_if_the_client_disconnects() {
    over_both(|sandbox, tls| {
        inject(sandbox, Action::Delay { ms: 600_000 });
        let mut stream = connect(sandbox, tls);
        stream.write_all(&pay_request(sandbox, "R1")).expect("sent");
        stream.flush().expect("sent");
        let whole = sandbox.wait_for_requests(1, TIMEOUT);
        assert!(whole[0].complete);
        assert_eq!(whole[0].outcome, Outcome::Processing);
        let until = std::time::Instant::now() + TIMEOUT;
        while sandbox.payments().is_empty() && std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(sandbox.payments()[0].reference, "R1");
        drop(stream);
        while sandbox.requests()[0].outcome != Outcome::ClientLeft {
            assert!(
                std::time::Instant::now() < until,
                "{:?}",
                sandbox.requests()
            );
            std::thread::yield_now();
        }
    });
}

#[test]
fn a_canned_reply_records_a_payment_only_if_configured() {
    over_both(|sandbox, tls| {
        let reply = |record| Action::Reply {
            status: 503,
            headers: vec![
                ("X-Odd".to_owned(), "1".to_owned()),
                ("X-Odd".to_owned(), "2".to_owned()),
            ],
            body: b"\xffgone".to_vec(),
            record,
        };
        let (bytes, _) = exchange_with_fault(sandbox, tls, reply(false));
        let response = Response::read(&bytes);
        assert_eq!(
            (response.status, &response.body[..]),
            (503, &b"\xffgone"[..])
        );
        let odd = response.headers.iter().filter(|(name, _)| name == "X-Odd");
        assert_eq!(odd.count(), 2);
        assert!(sandbox.payments().is_empty());

        let (bytes, _) = exchange_with_fault(sandbox, tls, reply(true));
        assert_eq!(Response::read(&bytes).status, 503);
        assert_eq!(sandbox.payments().len(), 1);
    });
}

#[test]
fn content_length_may_be_larger_than_the_body() {
    over_both(|sandbox, tls| {
        let (bytes, end) = exchange_with_fault(
            sandbox,
            tls,
            Action::Reply {
                status: 200,
                headers: vec![("Content-Length".to_owned(), "500".to_owned())],
                body: b"{\"code\":".to_vec(),
                record: false,
            },
        );
        assert_eq!(end, End::Closed);
        let response = Response::read(&bytes);
        assert_eq!(response.header("content-length"), "500");
        assert_eq!(response.body, b"{\"code\":");
    });
}

#[test]
fn a_reply_is_cut_after_the_given_bytes() {
    over_both(|sandbox, tls| {
        for (n, bytes) in [0, 1, 9, 40, 150].into_iter().enumerate() {
            inject(sandbox, Action::CutAfter { bytes });
            let (received, end) = exchange(sandbox, tls, &pay_request(sandbox, &format!("R{n}")));
            assert_eq!((received.len(), end), (bytes, End::Closed));
            assert!(b"HTTP/1.1 200 OK".starts_with(&received[..received.len().min(15)]));
            // The payment is still recorded.
            assert_eq!(sandbox.payments().len(), n + 1);
            let record = &sandbox.requests()[n];
            assert_eq!(record.outcome, Outcome::ClosedAfter(bytes));
            assert_eq!(record.bytes_sent, bytes as u64);
        }
    });
}

#[test]
fn reset_before_reading() {
    let sandbox = Sandbox::start().expect("a sandbox");
    sandbox
        .inject(Fault::reset_before_reading())
        .expect("a fault");
    let mut stream = connect(&sandbox, false);
    // The reset may arrive before or after the request is sent.
    let end = match stream.write_all(&pay_request(&sandbox, "R1")) {
        Ok(()) => read_out(&mut *stream).1,
        Err(error) => match error.kind() {
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => End::Reset,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(end, End::Reset);
    assert!(sandbox.payments().is_empty() && sandbox.requests().is_empty());
    assert_eq!(sandbox.connections()[0].bytes_received, 0);
    assert!(sandbox.faults().is_empty());
}

#[test]
fn reset_before_reading_over_tls() {
    let sandbox = Sandbox::start().expect("a sandbox");
    // This action always applies to connections.
    inject(&sandbox, Action::ResetBeforeReading);
    let mut stream = connect(&sandbox, true);
    let error = stream.write_all(b"x").and_then(|()| stream.flush()).err();
    let error = error
        .or_else(|| stream.read(&mut [0]).err())
        .expect("a reset");
    let kind = error.kind();
    assert!(
        matches!(
            kind,
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
        ),
        "{kind:?}"
    );
    let connection = &sandbox.connections()[0];
    assert!(connection.tls && connection.bytes_received == 0);
}

#[test]
fn reset_after_reading() {
    over_both(|sandbox, tls| {
        let (bytes, end) = exchange_with_fault(sandbox, tls, Action::ResetAfterReading);
        assert_eq!((bytes.len(), end), (0, End::Reset));
        assert_eq!(sandbox.payments()[0].reference, "R1");
        let record = &sandbox.requests()[0];
        assert_eq!(record.outcome, Outcome::ResetAfter(0));
        assert_eq!(record.bytes_sent, 0);
    });
}

#[test]
fn close_after_reading() {
    over_both(|sandbox, tls| {
        let (bytes, end) = exchange_with_fault(sandbox, tls, Action::CloseAfterReading);
        assert_eq!((bytes.len(), end), (0, End::Closed));
        assert_eq!(sandbox.payments()[0].reference, "R1");
    });
}

#[test]
fn a_stall_lasts_until_the_client_disconnects() {
    over_both(|sandbox, tls| {
        inject(sandbox, Action::StallAfter { bytes: 20 });
        let mut stream = connect(sandbox, tls);
        stream.write_all(&pay_request(sandbox, "R1")).expect("sent");
        stream.flush().expect("sent");
        let mut first = [0; 20];
        stream.read_exact(&mut first).expect("twenty bytes");
        let short = Some(Duration::from_millis(100));
        stream.tcp().set_read_timeout(short).expect("a timeout");
        assert_eq!(read_out(&mut *stream), (Vec::new(), End::Silent));
        assert_eq!(sandbox.requests()[0].outcome, Outcome::StalledAfter(20));
        drop(stream);
        let until = std::time::Instant::now() + TIMEOUT;
        while !sandbox.connections()[0].closed {
            assert!(
                std::time::Instant::now() < until,
                "the connection stays open"
            );
            std::thread::yield_now();
        }
    });
}

#[test]
fn a_dripped_reply_is_complete() {
    over_both(|sandbox, tls| {
        let mut stream = connect(sandbox, tls);
        inject(sandbox, Action::Drip { ms_per_byte: 1 });
        stream.write_all(&pay_request(sandbox, "R1")).expect("sent");
        stream.flush().expect("sent");
        let mut buffer = [0; 4096];
        let first = stream.read(&mut buffer).expect("a byte");
        assert!(first < 100, "not dripping: {first} bytes at once");
        let (rest, end) = read_out(&mut *stream);
        assert_eq!(end, End::Closed);
        let bytes = [&buffer[..first], &rest].concat();
        assert_eq!(Response::read(&bytes).json()["code"], json!(0));
    });
}

#[test]
fn malformed_json() {
    over_both(|sandbox, tls| {
        let (bytes, _) = exchange_with_fault(sandbox, tls, Action::MalformedJson);
        let response = Response::read(&bytes);
        assert_eq!(response.status, 200);
        assert!(response.body.starts_with(b"{\"code\":0,"));
        assert!(serde_json::from_slice::<serde_json::Value>(&response.body).is_err());
        assert_eq!(sandbox.payments().len(), 1);
    });
}

#[test]
fn an_error_page() {
    over_both(|sandbox, tls| {
        for (n, status) in [200, 500].into_iter().enumerate() {
            let record = n == 1;
            let (bytes, _) = exchange_with_fault(sandbox, tls, Action::Html { status, record });
            let response = Response::read(&bytes);
            assert_eq!(response.status, status);
            assert!(response.text().contains("Une erreur est survenue"));
            assert_eq!(sandbox.payments().len(), n);
        }
    });
}

#[test]
fn connection_faults() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let on_connection = |action| {
        let fault = Fault::on(Endpoint::Connection, action);
        sandbox.inject(fault).expect("a fault");
    };
    on_connection(Action::CutAfter { bytes: 0 });
    let (bytes, end) = exchange(&sandbox, false, &pay_request(&sandbox, "R1"));
    assert_eq!((bytes.len(), end), (0, End::Closed));

    on_connection(Action::StallAfter { bytes: 0 });
    let mut stream = connect(&sandbox, false);
    stream
        .write_all(&pay_request(&sandbox, "R1"))
        .expect("sent");
    let short = Some(Duration::from_millis(50));
    stream.tcp().set_read_timeout(short).expect("a timeout");
    assert_eq!(read_out(&mut *stream), (Vec::new(), End::Silent));

    on_connection(Action::Delay { ms: 20 });
    let (bytes, _) = exchange(&sandbox, false, &pay_request(&sandbox, "R1"));
    assert_eq!(Response::read(&bytes).status, 200);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_fault_applies_only_to_matching_requests() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let html = |status| Action::Html {
        status,
        record: false,
    };
    let (first, second) = (
        pay(&sandbox, json!({"reference": "a"})),
        pay(&sandbox, json!({"reference": "b"})),
    );
    let inject = |fault: Fault| sandbox.inject(fault).expect("a fault");

    inject(
        Fault::on(Endpoint::Check, html(501))
            .for_order(&second)
            .times(2),
    );
    pay(&sandbox, json!({"reference": "c"}));
    assert_eq!(check(&sandbox, &first).status, 200);
    let statuses: Vec<_> = (0..3).map(|_| check(&sandbox, &second).status).collect();
    assert_eq!(statuses, [501, 501, 200]);

    inject(Fault::on(Endpoint::Payout, html(505)));
    inject(Fault::on(Endpoint::Mobile, html(506)));
    for (path, reference, status) in [(MOBILE, "d", 506), (MOBILE, "d", 200), (PAYOUT, "e", 505)] {
        let request = mobile_request(&sandbox, json!({ "reference": reference }));
        assert_eq!(post_authorized(&sandbox, path, &request).status, status);
    }
    inject(Fault::on(Endpoint::Any, html(507)));
    let request = mobile_request(&sandbox, json!({"reference": "f"}));
    assert_eq!(post_authorized(&sandbox, MOBILE, &request).status, 507);
    let requests = sandbox.requests();
    let endpoints = requests.iter().rev().take(4).map(|record| record.endpoint);
    assert_eq!(
        endpoints.collect::<Vec<_>>(),
        [
            Endpoint::Mobile,
            Endpoint::Payout,
            Endpoint::Mobile,
            Endpoint::Mobile
        ]
    );

    inject(Fault::on_path("/checkout/", html(502)));
    assert_eq!(check(&sandbox, &first).status, 200);
    assert_eq!(common::get(&sandbox, "/checkout/x").status, 502);

    inject(Fault::on(Endpoint::Any, html(503)).forever());
    inject(Fault::on(Endpoint::Any, html(504)));
    for _ in 0..3 {
        assert_eq!(check(&sandbox, &first).status, 503);
    }
    // Faults do not apply to the sandbox's own pages.
    assert_eq!(common::get(&sandbox, "/").status, 200);
    assert_eq!(sandbox.faults().len(), 2);
    sandbox.clear_faults();
    assert_eq!(check(&sandbox, &first).status, 200);
}

#[test]
fn invalid_faults_are_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let reset = Fault::reset_before_reading;
    for fault in [
        reset().times(0),
        reset().for_order("x"),
        Fault::on(Endpoint::Connection, Action::MalformedJson),
        Fault::on(Endpoint::Connection, Action::CutAfter { bytes: 5 }),
        Fault::on(
            Endpoint::Pay,
            Action::Html {
                status: 42,
                record: false,
            },
        ),
    ] {
        assert!(sandbox.inject(fault.clone()).is_err(), "{fault:?}");
    }
    assert!(sandbox.faults().is_empty());
}
