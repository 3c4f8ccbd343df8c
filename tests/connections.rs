//! Which connection a request uses, and which replies on a reused connection are trusted.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Expected, Outcome, State, Transaction};
use flexpay_sandbox::fault_server::{Armed, FaultServer, Plays, Script, Step, Tls};
use flexpay_sandbox::{
    Action, Certificate, Endpoint, Fault, Options, Quirks, RequestRecord, Sandbox,
};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The connection of each check request.
fn check_connections(sandbox: &Sandbox) -> Vec<u64> {
    let is_check = |request: &RequestRecord| request.endpoint == Endpoint::Check;
    let requests = sandbox.requests().into_iter().filter(is_check);
    requests.map(|request| request.connection).collect()
}

/// The number of check requests, and the number of connections they used.
fn checks_and_connections(sandbox: &Sandbox) -> (usize, usize) {
    let connections = check_connections(sandbox);
    (connections.len(), distinct(&connections))
}

fn distinct(connections: &[u64]) -> usize {
    connections.iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn eight_checks_are_eight_requests_over_one_connection() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "E1");
    for _ in 0..8 {
        client.check(&number).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

#[test]
fn an_order_not_found_is_not_requested_again() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    for _ in 0..8 {
        let error = client.check("unknown").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

#[test]
fn each_check_uses_a_new_connection_if_replies_have_no_order_number() {
    let sandbox = sandbox_without_order_numbers();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "N1");
    for _ in 0..8 {
        client.check(&number).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 8));
}

#[test]
fn verify_order_reuses_a_connection_without_an_order_number_in_the_reply() {
    let sandbox = sandbox_without_order_numbers();
    let client = secure_client(&sandbox);
    let expected = Expected {
        order_number: Some(new_order(&client, "N2")),
        ..expected("N2", "25.50")
    };
    for _ in 0..8 {
        client.verify_order(&expected).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

fn sandbox_without_order_numbers() -> Sandbox {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        omit_order_number: true,
        ..Quirks::default()
    });
    sandbox
}

fn expected(reference: &str, amount: &str) -> Expected {
    Expected {
        reference: reference.into(),
        amount: amount.into(),
        currency: "USD".into(),
        order_number: None,
        ..Expected::default()
    }
}

#[test]
fn clients_of_one_gateway_share_connections_and_each_sends_its_own_token() {
    let sandbox = sandbox();
    let first = secure_client(&sandbox);
    let number = new_order(&first, "S1");
    first.check(&number).unwrap();
    drop(first);
    let mut other = secure_config(&sandbox, Api::V1_1);
    other.token = "another-merchant-s-token".to_owned().into();
    other.app_name = Some("Another/1".into());
    let error = Client::new(other).unwrap().check(&number).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    secure_client(&sandbox).check(&number).unwrap();

    // A 401 on a reused connection is retried on a new one: it might answer a request of another client.
    let connections = check_connections(&sandbox);
    assert_eq!(connections.len(), 4);
    assert_eq!(connections[0], connections[1], "shared");
    let requests = sandbox.requests();
    let header = |at: usize, name| requests[at].header(name).unwrap().to_owned();
    let own = format!("Bearer {}", sandbox.token());
    let others = "Bearer another-merchant-s-token";
    for (at, bearer) in [(1, &*own), (2, others), (3, others), (4, &*own)] {
        assert_eq!(header(at, "authorization"), bearer);
    }
    assert!(header(2, "user-agent").starts_with("Another/1 flexpay/"));
    assert!(header(4, "user-agent").starts_with("flexpay/"));
}

#[test]
fn a_payment_uses_a_new_connection_and_resumes_the_tls_session_of_another_client() {
    let sandbox = sandbox();
    for reference in ["R1", "R2", "R3"] {
        new_order(&secure_client(&sandbox), reference);
    }
    let private = Config {
        private_connections: true,
        ..secure_config(&sandbox, Api::V1_1)
    };
    new_order(&Client::new(private).unwrap(), "R4");
    let connections = sandbox.connections();
    let resumed: Vec<bool> = connections.iter().map(|one| one.resumed).collect();
    assert_eq!(resumed, [false, true, true, false]);
}

#[test]
fn a_private_client_shares_no_connection() {
    let sandbox = sandbox();
    let private = || Config {
        private_connections: true,
        ..secure_config(&sandbox, Api::V1_1)
    };
    let number = new_order(&secure_client(&sandbox), "P1");
    secure_client(&sandbox).check(&number).unwrap();
    for _ in 0..2 {
        let client = Client::new(private()).unwrap();
        client.check(&number).unwrap();
        client.check(&number).unwrap();
    }
    secure_client(&sandbox).check(&number).unwrap();
    let connections = check_connections(&sandbox);
    assert_eq!(connections.len(), 6);
    assert_eq!(connections[0], connections[5]);
    assert_eq!(connections[1], connections[2]);
    assert_eq!(distinct(&connections), 3);
}

#[test]
fn only_clients_with_the_same_trusted_certificates_share_a_connection() {
    let sandbox = sandbox();
    let number = new_order(&secure_client(&sandbox), "T1");
    secure_client(&sandbox).check(&number).unwrap();
    let built_in = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1_1)
    };
    let error = Client::new(built_in).unwrap().check(&number).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Tls);
    // The same file name with different certificates in it.
    let path = sandbox.ca_file().with_file_name("changed.pem");
    let config = Config {
        ca_file: Some(path.to_str().unwrap().to_owned()),
        ..secure_config(&sandbox, Api::V1_1)
    };
    let other = Sandbox::start_with(Options::default()).unwrap();
    std::fs::copy(sandbox.ca_file(), &path).unwrap();
    Client::new(config.clone()).unwrap().check(&number).unwrap();
    std::fs::copy(other.ca_file(), &path).unwrap();
    let error = Client::new(config).unwrap().check(&number).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Tls);
}

#[test]
fn a_check_succeeds_if_the_server_closed_the_idle_connection() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "I1");
    client.check(&number).unwrap();
    sandbox
        .inject(Fault::on(Endpoint::Check, Action::CloseAfterReading))
        .unwrap();
    client.check(&number).unwrap();
    client.check(&number).unwrap();
}

/// The bytes to send, and whether to keep the connection open.
enum Reply {
    Keep(String),
    Close(&'static str),
}
use Reply::{Close, Keep};

/// A gateway whose replies the test writes, a client with `check_once`, and the number of requests.
/// `reply_to` gets the number of the connection, the number of the request on it (both from 1), and
/// the order number.
fn gateway(
    reply_to: impl Fn(usize, usize, &str) -> Reply + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let connections = AtomicUsize::new(0);
    let reply_to = Arc::new(reply_to);
    let base = serve(move |mut stream| {
        let connection = connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (reply_to, counted) = (Arc::clone(&reply_to), Arc::clone(&counted));
        std::thread::spawn(move || {
            let mut request = [0; 4096];
            let mut count = 0;
            while let Ok(length @ 1..) = stream.read(&mut request) {
                count += 1;
                counted.fetch_add(1, Ordering::Relaxed);
                let line = String::from_utf8_lossy(&request[..length]).into_owned();
                let number = line.split([' ', '/']).nth(3).unwrap_or_default();
                let (bytes, close) = match reply_to(connection, count, number) {
                    Keep(bytes) => (bytes, false),
                    Close(bytes) => (bytes.to_owned(), true),
                };
                if stream.write_all(bytes.as_bytes()).is_err() || close {
                    return;
                }
            }
        });
    });
    (client_for_url(&base, Duration::from_secs(20)), requests)
}

fn reply(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn reply_for(number: &str) -> String {
    reply_with_transaction(&format!(
        r#""orderNumber":"{number}","reference":"{number}","amount":"1","status":"1""#
    ))
}

/// A PAID transaction without an order number.
fn paid_without_order_number() -> String {
    reply_with_transaction(r#""reference":"OTHER","amount":"1","status":"0""#)
}

fn reply_with_transaction(fields: &str) -> String {
    let body = format!(r#"{{"code":"0","transaction":{{"currency":"USD",{fields}}}}}"#);
    reply(200, &body)
}

fn state(result: &Result<Transaction, flexpay::Error>) -> Option<State> {
    result.as_ref().ok().map(|transaction| transaction.state)
}

#[test]
fn an_unsolicited_reply_is_not_used_for_the_next_request() {
    // After the first reply on a connection: an extra one, PAID and without an order number.
    let (client, requests) = gateway(|_, count, number| {
        let stray = if count == 1 {
            paid_without_order_number()
        } else {
            String::new()
        };
        Keep(reply_for(number) + &stray)
    });
    for number in ["A", "B", "C", "D"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_late_reply_to_another_request_never_makes_an_order_paid() {
    // Before the second reply on the first connection, as if it had been in transit.
    let late = |first_reply: fn(&str) -> String| {
        move |connection, count, number: &str| {
            Keep(match (connection, count) {
                (1, 2) => paid_without_order_number() + &reply_for(number),
                _ => first_reply(number),
            })
        }
    };
    let names_orders = |number: &str| reply_for(number);
    let (client, requests) = gateway(late(names_orders));
    for number in ["A", "B", "C"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4, "B was retried");

    let (client, _) = gateway(late(names_orders));
    for number in ["A", "B", "C"] {
        let expected = Expected {
            order_number: Some(number.into()),
            ..expected(number, "1")
        };
        assert_eq!(state(&client.verify_order(&expected)), Some(State::Failed));
    }

    let names_none =
        |_: &str| reply_with_transaction(r#""reference":"R","amount":"1","status":"1""#);
    let (client, requests) = gateway(late(names_none));
    for number in ["A", "B", "C"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 3, "one connection each");
}

#[test]
fn a_late_reply_for_another_order_is_not_returned() {
    let (client, requests) = gateway(|connection, count, number| {
        Keep(match (connection, count) {
            (1, 2) => reply_for("ANOTHER") + &reply_for(number),
            _ => reply_for(number),
        })
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_late_refusal_is_returned_once_and_the_connection_is_closed() {
    let not_found = r#"{"code":"1","message":"Aucune transaction trouvee","transaction":null}"#;
    let refused = r#"{"code":"1","message":"Numero refuse"}"#;
    for (status, body, code) in [
        (200, not_found, ErrorCode::NotFound),
        (404, not_found, ErrorCode::NotFound),
        (200, refused, ErrorCode::Refused),
        (422, refused, ErrorCode::Refused),
    ] {
        let (client, requests) = gateway(move |connection, count, number| {
            Keep(match (connection, count) {
                (1, 2) => reply(status, body) + &reply_for(number),
                _ => reply_for(number),
            })
        });
        client.check("A").unwrap();
        assert_eq!(client.check("B").unwrap_err().code(), code);
        assert_eq!(client.check("C").unwrap().order_number, "C");
        assert_eq!(requests.load(Ordering::Relaxed), 3, "one request per check");
    }
}

#[test]
fn a_late_refusal_of_another_client_s_token_is_not_returned() {
    let (client, requests) = gateway(|connection, count, number| {
        Keep(match (connection, count) {
            (1, 2) => reply(401, r#"{"message":"Unauthenticated"}"#) + &reply_for(number),
            _ => reply_for(number),
        })
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_connection_with_a_reply_for_another_order_is_not_reused() {
    // Every reply after the first on a connection is for the previous request, and arrives in time, so
    // no unread bytes show the problem when the next request is sent.
    let before = std::sync::Mutex::new(String::new());
    let (client, requests) = gateway(move |connection, count, number| {
        let late = std::mem::replace(&mut *before.lock().unwrap(), number.to_owned());
        Keep(match (connection, count) {
            (1, 2..) => reply_for(&late),
            _ => reply_for(number),
        })
    });
    for number in ["A", "B", "C", "D"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    // B was requested twice; C opened a connection that D reused.
    assert_eq!(requests.load(Ordering::Relaxed), 5);
}

#[test]
fn a_mismatch_is_returned_if_the_retry_cannot_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        while stream.read(&mut request).is_ok_and(|length| length > 0) {
            let _ = stream.write_all(paid_without_order_number().as_bytes());
        }
    });
    let client = client_for_url(&base, Duration::from_secs(20));
    for _ in 0..2 {
        let expected = Expected {
            order_number: Some("A".into()),
            ..expected("MINE", "1")
        };
        let error = client.verify_order(&expected).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Mismatch);
    }
}

#[test]
fn a_gateway_that_starts_to_omit_order_numbers_gets_one_extra_request() {
    let (client, requests) = gateway(|_, _, number| {
        Keep(match number {
            "FIRST" => reply_for(number),
            _ => reply_with_transaction(r#""reference":"R","amount":"1","status":"0""#),
        })
    });
    client.check("FIRST").unwrap();
    for _ in 0..8 {
        assert_eq!(state(&client.check("LATER")), Some(State::Paid));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 1 + 2 + 7);
}

#[test]
fn a_check_is_retried_if_the_idle_connection_closes_when_used() {
    let (client, requests) = gateway(|_, count, number| match count {
        1 => Keep(reply_for(number)),
        _ => Close(""),
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4, "B was retried");
}

#[test]
fn a_check_is_retried_if_the_idle_connection_through_a_proxy_closes_when_used() {
    let server = FaultServer::start(1).unwrap();
    // The server replies to order numbers that begin with W (warm up), and closes on any other.
    let closes = Script {
        warm_up: Some(Vec::new()),
        then: vec![Step::Close],
        ..Script::default()
    };
    let replies = Script {
        then: vec![Step::Send(reply_for("N1").into_bytes())],
        ..Script::default()
    };
    let tls = Tls {
        certificate: Certificate::Valid,
        only_tls12: false,
    };
    let lease = server.arm(
        0,
        Armed {
            tls: Some(tls),
            proxy: true,
            plays: Plays::Connections(vec![Arc::new(closes), Arc::new(replies)]),
        },
    );
    let address = format!("127.0.0.1:{}", lease.port());
    let ca_file = server.ca_file(Certificate::Valid);
    let client = Client::new(Config {
        check_url: Some(format!("https://{address}/check")),
        proxy: Some(format!("http://{address}")),
        ca_file: Some(ca_file.to_str().unwrap().to_owned()),
        check_once: true,
        ..Config::new("ZANDO", "canary-token")
    })
    .unwrap();
    client.check("W1").unwrap();
    assert_eq!(client.check("N1").unwrap().order_number, "N1");
    let ledger = lease.finish();
    let all: Vec<_> = ledger.requests().collect();
    assert_eq!(all.len(), 2, "without the warm-up request: {all:?}");
}

/// Takes ten seconds: the library's time limit for a reply on a reused connection.
#[test]
fn a_check_is_retried_if_the_idle_connection_never_replies() {
    let (client, requests) = gateway(|connection, count, number| {
        if (connection, count) == (1, 2) {
            // Longer than the client's timeout.
            std::thread::sleep(Duration::from_secs(30));
        }
        Keep(reply_for(number))
    });
    client.check("A").unwrap();
    assert_eq!(client.check("B").unwrap().order_number, "B");
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}

#[test]
fn a_check_lost_on_a_new_connection_is_sent_once() {
    let (client, requests) = gateway(|_, _, _| Close(""));
    let error = client.check("A").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Connection);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[test]
fn a_check_lost_on_an_idle_connection_has_outcome_unknown() {
    let (client, requests) = gateway(|connection, count, number| match (connection, count) {
        (1, 1) => Keep(reply_for(number)),
        (1, _) => Close(""),
        _ => Keep("SSH-2.0-no gateway\r\n\r\n".into()),
    });
    client.check("A").unwrap();
    let error = client.check("B").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Reply);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}

#[test]
fn a_lost_check_that_cannot_be_retried_is_not_reported_as_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(reply_for("A").as_bytes());
        let _ = stream.read(&mut request);
    });
    let client = client_for_url(&base, Duration::from_secs(20));
    client.check("A").unwrap();
    let error = client.check("A").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Connect);
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn an_idle_connection_that_breaks_inside_a_reply_is_an_error() {
    let (client, requests) = gateway(|_, count, number| match count {
        1 => Keep(reply_for(number)),
        _ => Close("HTTP/1.1 200 Sta"),
    });
    client.check("A").unwrap();
    let error = client.check("B").unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}
