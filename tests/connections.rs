//! Which connection a request takes, and which replies over it are believed.

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

/// The connections of the checks, one for each request.
fn check_connections(sandbox: &Sandbox) -> Vec<u64> {
    let is_check = |request: &RequestRecord| request.endpoint == Endpoint::Check;
    let requests = sandbox.requests().into_iter().filter(is_check);
    requests.map(|request| request.connection).collect()
}

/// How many checks came, and over how many connections.
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
    let number = order(&client, "E1");
    for _ in 0..8 {
        client.check(&number).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

#[test]
fn an_order_not_found_is_asked_for_once() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    for _ in 0..8 {
        let error = client.check("unknown").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

#[test]
fn where_replies_name_no_order_each_check_has_a_connection_of_its_own() {
    let sandbox = naming_no_order();
    let client = secure_client(&sandbox);
    let number = order(&client, "N1");
    for _ in 0..8 {
        client.check(&number).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 8));
}

#[test]
fn the_expected_payment_needs_no_order_number_in_the_reply() {
    let sandbox = naming_no_order();
    let client = secure_client(&sandbox);
    let expected = Expected {
        order_number: Some(order(&client, "N2")),
        ..expected("N2", "25.50")
    };
    for _ in 0..8 {
        client.verify_order(&expected).unwrap();
    }
    assert_eq!(checks_and_connections(&sandbox), (8, 1));
}

fn naming_no_order() -> Sandbox {
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
        query: None,
    }
}

#[test]
fn clients_of_one_gateway_share_connections_and_each_sends_its_own_token() {
    let sandbox = sandbox();
    let first = secure_client(&sandbox);
    let number = order(&first, "S1");
    first.check(&number).unwrap();
    drop(first);
    let mut other = secure_config(&sandbox, Api::V1_1);
    other.token = "another-merchant-s-token".to_owned().into();
    other.app_name = Some("Another/1".into());
    let error = Client::new(other).unwrap().check(&number).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    secure_client(&sandbox).check(&number).unwrap();

    // A refused token is asked for again over a new connection: it might have been the first one's.
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
fn a_payment_has_a_connection_of_its_own_and_resumes_the_session_of_another_client() {
    let sandbox = sandbox();
    for reference in ["R1", "R2", "R3"] {
        order(&secure_client(&sandbox), reference);
    }
    let private = Config {
        private_connections: true,
        ..secure_config(&sandbox, Api::V1_1)
    };
    order(&Client::new(private).unwrap(), "R4");
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
    let number = order(&secure_client(&sandbox), "P1");
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
fn a_connection_is_trusted_only_by_those_who_trust_the_same_certificates() {
    let sandbox = sandbox();
    let number = order(&secure_client(&sandbox), "T1");
    secure_client(&sandbox).check(&number).unwrap();
    let built_in = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1_1)
    };
    let error = Client::new(built_in).unwrap().check(&number).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Tls);
    // The same file name, and other certificates in it.
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
fn an_idle_connection_that_was_closed_meanwhile_costs_nothing() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = order(&client, "I1");
    client.check(&number).unwrap();
    sandbox
        .inject(Fault::on(Endpoint::Check, Action::CloseAfterReading))
        .unwrap();
    client.check(&number).unwrap();
    client.check(&number).unwrap();
}

enum Answer {
    Keep(String),
    Close(&'static str),
}
use Answer::{Close, Keep};

/// A gateway of the test's own, and a client that asks once only. `answer` is given the numbers of
/// connection and request, each counted from 1, and the order number.
fn gateway(
    answer: impl Fn(usize, usize, &str) -> Answer + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let connections = AtomicUsize::new(0);
    let answer = Arc::new(answer);
    let base = serve(move |mut stream| {
        let connection = connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
        std::thread::spawn(move || {
            let mut request = [0; 4096];
            let mut count = 0;
            while let Ok(length @ 1..) = stream.read(&mut request) {
                count += 1;
                counted.fetch_add(1, Ordering::Relaxed);
                let line = String::from_utf8_lossy(&request[..length]).into_owned();
                let number = line.split([' ', '/']).nth(3).unwrap_or_default();
                let (bytes, close) = match answer(connection, count, number) {
                    Keep(bytes) => (bytes, false),
                    Close(bytes) => (bytes.to_owned(), true),
                };
                if stream.write_all(bytes.as_bytes()).is_err() || close {
                    return;
                }
            }
        });
    });
    (client_of(&base, Duration::from_secs(20)), requests)
}

fn reply(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn tells_of(number: &str) -> String {
    transaction(&format!(
        r#""orderNumber":"{number}","reference":"{number}","amount":"1","status":"1""#
    ))
}

/// PAID, of whatever order.
fn paid_and_no_number() -> String {
    transaction(r#""reference":"SOMEBODY","amount":"1","status":"0""#)
}

fn transaction(fields: &str) -> String {
    let body = format!(r#"{{"code":"0","transaction":{{"currency":"USD",{fields}}}}}"#);
    reply(200, &body)
}

fn state(result: &Result<Transaction, flexpay::Error>) -> Option<State> {
    result.as_ref().ok().map(|transaction| transaction.state)
}

#[test]
fn a_reply_nobody_asked_for_is_not_taken_for_the_next() {
    // Right behind the first reply of a connection: PAID, and naming no order.
    let (client, requests) = gateway(|_, count, number| {
        let stray = if count == 1 {
            paid_and_no_number()
        } else {
            String::new()
        };
        Keep(tells_of(number) + &stray)
    });
    for number in ["A", "B", "C", "D"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_late_reply_to_another_question_never_makes_an_order_paid() {
    // Before the second reply of the first connection: as if it had been on its way.
    let late = |first_reply: fn(&str) -> String| {
        move |connection, count, number: &str| {
            Keep(match (connection, count) {
                (1, 2) => paid_and_no_number() + &tells_of(number),
                _ => first_reply(number),
            })
        }
    };
    let names_orders = |number: &str| tells_of(number);
    let (client, requests) = gateway(late(names_orders));
    for number in ["A", "B", "C"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4, "B was asked for again");

    let (client, _) = gateway(late(names_orders));
    for number in ["A", "B", "C"] {
        let expected = Expected {
            order_number: Some(number.into()),
            ..expected(number, "1")
        };
        assert_eq!(state(&client.verify_order(&expected)), Some(State::Failed));
    }

    let names_none = |_: &str| transaction(r#""reference":"R","amount":"1","status":"1""#);
    let (client, requests) = gateway(late(names_none));
    for number in ["A", "B", "C"] {
        assert_eq!(state(&client.check(number)), Some(State::Failed));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 3, "one connection each");
}

#[test]
fn a_late_reply_that_names_another_order_is_not_the_answer() {
    let (client, requests) = gateway(|connection, count, number| {
        Keep(match (connection, count) {
            (1, 2) => tells_of("ANOTHER") + &tells_of(number),
            _ => tells_of(number),
        })
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_late_refusal_is_believed_once_and_the_connection_is_not_kept() {
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
                (1, 2) => reply(status, body) + &tells_of(number),
                _ => tells_of(number),
            })
        });
        client.check("A").unwrap();
        assert_eq!(client.check("B").unwrap_err().code(), code);
        assert_eq!(client.check("C").unwrap().order_number, "C");
        assert_eq!(requests.load(Ordering::Relaxed), 3, "one question a check");
    }
}

#[test]
fn a_late_refusal_of_another_client_s_token_is_not_this_one_s() {
    let (client, requests) = gateway(|connection, count, number| {
        Keep(match (connection, count) {
            (1, 2) => reply(401, r#"{"message":"Unauthenticated"}"#) + &tells_of(number),
            _ => tells_of(number),
        })
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[test]
fn a_connection_that_brought_another_order_s_reply_is_not_used_again() {
    // Every reply but the first of a connection is that to the question before, and comes in time: so
    // nothing is left over when the next question is asked.
    let before = std::sync::Mutex::new(String::new());
    let (client, requests) = gateway(move |connection, count, number| {
        let late = std::mem::replace(&mut *before.lock().unwrap(), number.to_owned());
        Keep(match (connection, count) {
            (1, 2..) => tells_of(&late),
            _ => tells_of(number),
        })
    });
    for number in ["A", "B", "C", "D"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    // B's was asked for twice; C opened a connection that D could use.
    assert_eq!(requests.load(Ordering::Relaxed), 5);
}

#[test]
fn a_mismatch_is_told_although_it_could_not_be_asked_about_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        while stream.read(&mut request).is_ok_and(|length| length > 0) {
            let _ = stream.write_all(paid_and_no_number().as_bytes());
        }
    });
    let client = client_of(&base, Duration::from_secs(20));
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
fn a_gateway_that_begins_to_leave_out_order_numbers_is_asked_twice_once() {
    let (client, requests) = gateway(|_, _, number| {
        Keep(match number {
            "FIRST" => tells_of(number),
            _ => transaction(r#""reference":"R","amount":"1","status":"0""#),
        })
    });
    client.check("FIRST").unwrap();
    for _ in 0..8 {
        assert_eq!(state(&client.check("LATER")), Some(State::Paid));
    }
    assert_eq!(requests.load(Ordering::Relaxed), 1 + 2 + 7);
}

#[test]
fn a_kept_connection_that_closes_when_it_is_used_costs_the_caller_nothing() {
    let (client, requests) = gateway(|_, count, number| match count {
        1 => Keep(tells_of(number)),
        _ => Close(""),
    });
    for number in ["A", "B", "C"] {
        assert_eq!(client.check(number).unwrap().order_number, number);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4, "B was asked for again");
}

#[test]
fn so_does_one_through_a_proxy_under_tls() {
    let server = FaultServer::start(1).unwrap();
    // The server answers questions whose number begins with a W, and closes on any other.
    let closes = Script {
        warm_up: Some(Vec::new()),
        then: vec![Step::Close],
        ..Script::default()
    };
    let answers = Script {
        then: vec![Step::Send(tells_of("N1").into_bytes())],
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
            plays: Plays::Connections(vec![Arc::new(closes), Arc::new(answers)]),
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
    assert_eq!(all.len(), 2, "but for the first: {all:?}");
}

/// It takes ten seconds: those that the library gives the connection.
#[test]
fn so_does_one_that_died_without_a_word() {
    let (client, requests) = gateway(|connection, count, number| {
        if (connection, count) == (1, 2) {
            // Longer than the client waits for anything.
            std::thread::sleep(Duration::from_secs(30));
        }
        Keep(tells_of(number))
    });
    client.check("A").unwrap();
    assert_eq!(client.check("B").unwrap().order_number, "B");
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}

#[test]
fn a_question_that_a_new_connection_lost_is_asked_once() {
    let (client, requests) = gateway(|_, _, _| Close(""));
    let error = client.check("A").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Connection);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[test]
fn what_a_kept_connection_lost_may_have_been_heard() {
    let (client, requests) = gateway(|connection, count, number| match (connection, count) {
        (1, 1) => Keep(tells_of(number)),
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
fn a_lost_question_that_cannot_be_sent_again_is_not_called_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(tells_of("A").as_bytes());
        let _ = stream.read(&mut request);
    });
    let client = client_of(&base, Duration::from_secs(20));
    client.check("A").unwrap();
    let error = client.check("A").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Connect);
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn a_kept_connection_that_breaks_in_the_middle_of_a_reply_is_an_error() {
    let (client, requests) = gateway(|_, count, number| match count {
        1 => Keep(tells_of(number)),
        _ => Close("HTTP/1.1 200 Sta"),
    });
    client.check("A").unwrap();
    let error = client.check("B").unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}
