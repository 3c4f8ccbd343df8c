//! `Client::wait` against the sandbox. The intervals are short; no test asserts a duration.

mod common;

use common::*;
use flexpay::{Api, CancelToken, Client, Config, ErrorCode, Expected, Outcome, State, WaitOptions};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Quirks};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

fn options() -> WaitOptions {
    WaitOptions {
        timeout: Duration::from_secs(30),
        interval: SHORT,
        max_interval: SHORT,
        failed_grace: Duration::from_millis(300),
        ..WaitOptions::default()
    }
}

/// Decides the order after this number of checks.
fn decide_later(
    sandbox: &flexpay_sandbox::Sandbox,
    number: &str,
    checks: usize,
    decision: Decision,
) {
    sandbox.wait_for_requests(1 + checks, Duration::from_secs(20));
    sandbox
        .decide_silently(number, decision)
        .expect("the order is known");
}

#[test]
fn a_final_state_ends_the_wait() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    for (decision, state) in [
        (Decision::Approve, State::Paid),
        (Decision::Cancel, State::Cancelled),
        (Decision::Refunding, State::Refunding),
        (Decision::Refunded, State::Refunded),
    ] {
        sandbox.clear();
        let number = new_order(&client, &format!("F-{state:?}"));
        let transaction = std::thread::scope(|scope| {
            scope.spawn(|| decide_later(&sandbox, &number, 3, decision.clone()));
            client.wait(&number, &options()).unwrap()
        });
        assert_eq!(transaction.state, state);
        assert!(
            sandbox.requests().len() >= 4,
            "the order was pending at first"
        );
    }
}

#[test]
fn a_wait_continues_after_not_found_gateway_errors_and_resets() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        not_found_checks: 2,
        ..Quirks::default()
    });
    let client = secure_client(&sandbox);
    let number = new_order(&client, "B1");
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    for action in [
        Action::Html {
            status: 500,
            record: false,
        },
        Action::ResetAfterReading,
        Action::Html {
            status: 200,
            record: false,
        },
        Action::CutAfter { bytes: 25 },
        Action::MalformedJson,
    ] {
        sandbox.inject(Fault::on(Endpoint::Check, action)).unwrap();
    }
    sandbox
        .inject(Fault::reset_before_reading().times(1))
        .unwrap();
    assert_eq!(client.wait(&number, &options()).unwrap().state, State::Paid);
}

#[test]
fn a_failure_within_its_grace_is_provisional_and_a_late_payment_wins() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        early_failure_checks: 3,
        ..Quirks::default()
    });
    let client = client(&sandbox);
    let number = new_order(&client, "L1");
    let long_grace = WaitOptions {
        failed_grace: Duration::from_secs(20),
        ..options()
    };
    let transaction = std::thread::scope(|scope| {
        scope.spawn(|| decide_later(&sandbox, &number, 5, Decision::Approve));
        client.wait(&number, &long_grace).unwrap()
    });
    assert_eq!(transaction.state, State::Paid);
}

fn reply(status: u16, body: &str) -> Fault {
    Fault::on(
        Endpoint::Check,
        Action::Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
            record: false,
        },
    )
}

/// The status numbers 3, 4 and 5 have other meanings in an older document of the gateway.
#[test]
fn a_refund_or_a_cancellation_before_any_payment_is_provisional_too() {
    for status in ["3", "4", "5", "1", "4.0"] {
        let sandbox = sandbox();
        let client = client(&sandbox);
        let number = new_order(&client, "P1");
        sandbox.decide_silently(&number, Decision::Approve).unwrap();
        let body = format!(r#"{{"code":"0","transaction":{{"status":"{status}"}}}}"#);
        sandbox.inject(reply(200, &body).times(3)).unwrap();
        let long_grace = WaitOptions {
            failed_grace: Duration::from_secs(20),
            ..options()
        };
        let transaction = client.wait(&number, &long_grace).unwrap();
        assert_eq!(transaction.state, State::Paid, "after {status}");
    }
}

#[test]
fn only_a_refusal_of_the_token_ends_a_wait() {
    let not_found = r#"{"code":"1","message":"Aucune transaction trouvée","transaction":null}"#;
    for status in [200, 400, 404, 405, 422] {
        for body in [
            not_found,
            r#"{"code":"1","message":"Aucune transaction trouvée"}"#,
            r#"{"code":"1","transaction":[]}"#,
            r#"{"code":"1","message":"Requête invalide"}"#,
            r#"{"code":"2","transaction":null}"#,
            "<title>404 Not Found</title>",
        ] {
            let sandbox = sandbox();
            let client = client(&sandbox);
            let number = new_order(&client, "N1");
            sandbox.decide_silently(&number, Decision::Approve).unwrap();
            sandbox.inject(reply(status, body).times(2)).unwrap();
            let transaction = client.wait(&number, &options()).unwrap();
            assert_eq!(transaction.state, State::Paid, "after {status} {body}");
        }
    }
    for status in [401, 403] {
        let sandbox = sandbox();
        let client = client(&sandbox);
        sandbox.inject(reply(status, not_found).forever()).unwrap();
        let error = client.wait("1", &options()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthorized);
        assert_eq!(sandbox.requests().len(), 1);
    }
}

/// An expected payment of 25.50 USD with this reference.
fn expected(reference: &str) -> Expected {
    Expected {
        reference: reference.into(),
        amount: "25.5".into(),
        currency: "USD".into(),
        ..Expected::default()
    }
}

#[test]
fn a_wait_returns_the_payment_that_is_expected_and_no_other() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "E1");
    let wait = |payment| {
        let options = WaitOptions {
            expected: Some(payment),
            ..options()
        };
        client.wait(&number, &options)
    };
    let found = std::thread::scope(|scope| {
        scope.spawn(|| decide_later(&sandbox, &number, 2, Decision::Approve));
        wait(expected("E1")).unwrap()
    });
    assert_eq!(found.state, State::Paid);
    let recorded = Expected {
        order_number: Some(number.clone()),
        ..expected("E1")
    };
    assert_eq!(wait(recorded.clone()).unwrap().state, State::Paid);

    for (field, other) in [
        ("reference", expected("E2")),
        (
            "amount",
            Expected {
                amount: "25.51".into(),
                ..expected("E1")
            },
        ),
        (
            "currency",
            Expected {
                currency: "CDF".into(),
                ..recorded.clone()
            },
        ),
    ] {
        let error = wait(other).unwrap_err();
        assert_eq!(
            (error.code(), error.field(), error.outcome()),
            (ErrorCode::Mismatch, Some(field), Outcome::Unknown),
            "{error}"
        );
    }

    // The order number in place of the reference: only if it was recorded.
    sandbox.set_quirks(Quirks {
        order_number_as_reference: true,
        ..Quirks::default()
    });
    assert_eq!(wait(recorded).unwrap().state, State::Paid);
    let error = wait(expected("E1")).unwrap_err();
    assert_eq!(error.field(), Some("reference"), "{error}");
}

#[test]
fn the_expected_payment_is_checked_before_any_request() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    for (field, expected) in [
        ("reference", Expected::default()),
        (
            "amount",
            Expected {
                amount: "-1".into(),
                ..expected("E1")
            },
        ),
        (
            "order_number",
            Expected {
                order_number: Some("2".into()),
                ..expected("E1")
            },
        ),
        (
            "order_number",
            Expected {
                order_number: Some(String::new()),
                ..expected("E1")
            },
        ),
    ] {
        let options = WaitOptions {
            expected: Some(expected),
            ..options()
        };
        let error = client.wait("1", &options).unwrap_err();
        assert_eq!(
            (error.code(), error.field(), error.outcome()),
            (ErrorCode::Invalid, Some(field), Outcome::NotSent),
            "{error}"
        );
    }
    assert!(sandbox.connections().is_empty());
}

#[test]
fn a_failure_is_returned_after_its_grace() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "L2");
    sandbox.decide_silently(&number, Decision::Decline).unwrap();
    let transaction = client.wait(&number, &options()).unwrap();
    assert_eq!(transaction.state, State::Failed);
    assert!(
        sandbox.requests().len() > 2,
        "the order was checked again within the grace"
    );
}

#[test]
fn the_deadline_ends_the_wait_and_the_error_names_the_last_state() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "D1");
    let short = WaitOptions {
        timeout: Duration::from_secs(3),
        ..options()
    };
    let error = client.wait(&number, &short).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.message().contains("PENDING"), "{error}");

    sandbox.decide_silently(&number, Decision::Decline).unwrap();
    let long_grace = WaitOptions {
        failed_grace: Duration::from_secs(60),
        ..short
    };
    let error = client.wait(&number, &long_grace).unwrap_err();
    assert_eq!(
        error.code(),
        ErrorCode::Timeout,
        "a failure within its grace is not final"
    );
}

#[test]
fn an_error_that_waiting_cannot_fix_is_returned_at_once() {
    let sandbox = sandbox();
    let wrong = Config {
        token: "wrong".to_owned().into(),
        ..config(&sandbox, Api::V1_1)
    };
    let error = Client::new(wrong)
        .unwrap()
        .wait("1", &options())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    assert_eq!(sandbox.requests().len(), 1);

    let error = client(&sandbox).wait("", &options()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);

    let untrusted = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1_1)
    };
    let error = Client::new(untrusted)
        .unwrap()
        .wait("1", &options())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Tls);
}

#[test]
fn another_thread_cancels_a_wait_between_checks_and_during_a_check() {
    for stall in [false, true] {
        let sandbox = sandbox();
        let client = secure_client(&sandbox);
        let number = new_order(&client, "C1");
        if stall {
            let no_reply = Action::StallAfter { bytes: 0 };
            sandbox
                .inject(Fault::on(Endpoint::Check, no_reply).forever())
                .unwrap();
        }
        let cancel = CancelToken::new();
        let long = WaitOptions {
            timeout: Duration::from_secs(3600),
            interval: Duration::from_secs(3600),
            max_interval: Duration::from_secs(3600),
            cancel: Some(cancel.clone()),
            ..options()
        };
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                sandbox.wait_for_requests(if stall { 1 } else { 2 }, Duration::from_secs(20));
                std::thread::sleep(Duration::from_millis(100));
                cancel.cancel();
            });
            client.wait(&number, &long).unwrap_err()
        });
        assert_eq!(error.code(), ErrorCode::Cancelled, "{error}");
    }
}

#[test]
fn a_wait_cancelled_before_it_starts_sends_nothing() {
    let sandbox = sandbox();
    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = WaitOptions {
        cancel: Some(cancel),
        ..options()
    };
    let error = client(&sandbox).wait("1", &cancelled).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(sandbox.connections().is_empty());
}

#[test]
fn a_retry_after_of_a_day_is_capped() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "R1");
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    for value in ["86400", "Fri, 01 Jan 2100 00:00:00 GMT"] {
        let busy = Action::Reply {
            status: 503,
            headers: vec![("Retry-After".into(), value.into())],
            body: vec![],
            record: false,
        };
        sandbox.inject(Fault::on(Endpoint::Check, busy)).unwrap();
        assert_eq!(
            client.wait(&number, &options()).unwrap().state,
            State::Paid,
            "{value}"
        );
    }
}

#[test]
fn a_last_check_is_sent_before_the_deadline_whatever_the_interval() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "Q1");
    let long_interval = WaitOptions {
        timeout: Duration::from_secs(8),
        interval: Duration::MAX,
        max_interval: Duration::MAX,
        ..options()
    };
    let transaction = std::thread::scope(|scope| {
        scope.spawn(|| decide_later(&sandbox, &number, 1, Decision::Approve));
        client.wait(&number, &long_interval).unwrap()
    });
    assert_eq!(transaction.state, State::Paid);
}

#[test]
fn an_error_of_a_wait_has_outcome_unknown() {
    let client = client_for_url(&unused_url(), Duration::from_secs(5));
    let short = WaitOptions {
        timeout: Duration::from_millis(100),
        ..options()
    };
    let error = client.wait("1", &short).unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::Timeout, Outcome::Unknown)
    );

    let sandbox = sandbox();
    let untrusted = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1_1)
    };
    let error = Client::new(untrusted)
        .unwrap()
        .wait("1", &options())
        .unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::Tls, Outcome::Unknown)
    );
}
