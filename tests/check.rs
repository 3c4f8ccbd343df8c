//! `Client::check` against the sandbox.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Outcome, State, WaitOptions};
use flexpay_sandbox::{
    Action, AmountStyle, CreatedAtStyle, Decision, Endpoint, Fault, KeyStyle, Quirks,
};
use std::time::Duration;

#[test]
fn each_state_is_reported_over_http_and_https() {
    let sandbox = sandbox();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let number = new_order(&client, &format!("S{}", sandbox.payments().len()));
        for (decision, state, status) in [
            (Decision::Pending, State::Pending, "2"),
            (Decision::Decline, State::Failed, "1"),
            (Decision::Approve, State::Paid, "0"),
            (Decision::Refunding, State::Refunding, "3"),
            (Decision::Refunded, State::Refunded, "4"),
            (Decision::Cancel, State::Cancelled, "5"),
            (Decision::Status("7".into()), State::Unknown, "7"),
            (Decision::Status("00".into()), State::Unknown, "00"),
        ] {
            sandbox.decide_silently(&number, decision).unwrap();
            let transaction = client.check(&number).unwrap();
            assert_eq!(transaction.state, state);
            assert_eq!(transaction.status.as_deref(), Some(status));
            assert_eq!(transaction.order_number, number);
        }
    }
}

#[test]
fn the_gateway_s_quirks_do_not_change_the_result() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "H1");
    let plain = client.check(&number).unwrap();
    assert_eq!(plain.amount.map(|amount| amount.minor()), Some(2550));
    assert!(plain.created_at.is_some());
    let usual = Quirks::default;
    for quirks in [
        Quirks {
            stray_comma: true,
            ..usual()
        },
        Quirks {
            check_keys: KeyStyle::Capital,
            ..usual()
        },
        Quirks {
            check_keys: KeyStyle::Underscore,
            ..usual()
        },
        Quirks {
            amount_style: AmountStyle::Number,
            ..usual()
        },
        Quirks {
            created_at_style: CreatedAtStyle::YearFirst,
            ..usual()
        },
        Quirks {
            created_at_style: CreatedAtStyle::Iso,
            ..usual()
        },
        Quirks {
            created_at_style: CreatedAtStyle::Slashes,
            ..usual()
        },
        Quirks {
            omit_order_number: true,
            ..usual()
        },
    ] {
        sandbox.set_quirks(quirks.clone());
        let mut result = client.check(&number).unwrap();
        result.raw = plain.raw.clone();
        assert_eq!(result, plain, "{quirks:?}");
    }
}

#[test]
fn the_order_number_is_percent_encoded_and_the_token_is_a_bearer_token() {
    let sandbox = sandbox();
    let error = client(&sandbox).check("a/b?c#d é%2F..").unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
    let request = &sandbox.requests()[0];
    assert_eq!(
        request.path,
        "/api/rest/v1/check/a%2Fb%3Fc%23d%20%C3%A9%252F.."
    );
    let bearer = format!("Bearer {}", sandbox.token());
    assert_eq!(request.header("authorization"), Some(bearer.as_str()));
}

#[test]
fn an_empty_order_number_is_refused() {
    let sandbox = sandbox();
    let error = client(&sandbox).check(" ").unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (ErrorCode::Invalid, Some("order_number"))
    );
    assert!(sandbox.connections().is_empty());
}

#[test]
fn an_unknown_order_is_not_found() {
    let sandbox = sandbox();
    let error = client(&sandbox).check("nowhere").unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert_eq!(error.outcome(), Outcome::Refused);
    assert_eq!(error.gateway_message(), Some("Aucune transaction trouvée"));
    assert_eq!(sandbox.requests().len(), 1, "a refusal is not retried");
}

#[test]
fn an_html_page_instead_of_json_is_reported_as_such() {
    for status in [200, 500] {
        let sandbox = sandbox();
        let page = Action::Html {
            status,
            record: false,
        };
        sandbox
            .inject(Fault::on(Endpoint::Check, page).forever())
            .unwrap();
        let error = client(&sandbox).check("1").unwrap_err();
        assert_eq!(error.http_status(), Some(status));
        assert!(error.gateway_message().is_some(), "{error:?}");
        if status == 200 {
            assert_eq!(error.code(), ErrorCode::Reply);
            assert!(
                error.message().contains("HTML") && error.message().contains("<!"),
                "{error}"
            );
        } else {
            assert_eq!(error.code(), ErrorCode::Gateway);
        }
    }
}

#[test]
fn a_check_that_fails_without_a_reply_is_retried() {
    for action in [
        Action::ResetAfterReading,
        Action::CloseAfterReading,
        Action::CutAfter { bytes: 30 },
        Action::Html {
            status: 503,
            record: false,
        },
    ] {
        let sandbox = sandbox();
        let client = secure_client(&sandbox);
        let number = new_order(&client, "A1");
        sandbox
            .inject(Fault::on(Endpoint::Check, action.clone()).times(2))
            .unwrap();
        assert_eq!(
            client.check(&number).unwrap().state,
            State::Pending,
            "{action:?}"
        );
        // The payment, two failed checks and one successful check.
        assert_eq!(sandbox.requests().len(), 4, "{action:?}");
    }
}

#[test]
fn check_once_disables_retries() {
    let sandbox = sandbox();
    let once = Config {
        check_once: true,
        ..config(&sandbox, Api::V1_1)
    };
    let page = Action::Html {
        status: 503,
        record: false,
    };
    sandbox
        .inject(Fault::on(Endpoint::Check, page).forever())
        .unwrap();
    let error = Client::new(once).unwrap().check("1").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Gateway);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    let sandbox = sandbox();
    let busy = Action::Reply {
        status: 429,
        headers: vec![("Retry-After".into(), "3600".into())],
        body: vec![],
        record: false,
    };
    sandbox
        .inject(Fault::on(Endpoint::Check, busy).forever())
        .unwrap();
    let error = client(&sandbox).check("1").unwrap_err();
    assert_eq!(error.http_status(), Some(429));
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_refusal_of_an_expired_token_names_the_expiry_date() {
    let sandbox = sandbox();
    // {"alg":"none"} . {"exp":1700000000} . signature
    let old = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
    let expired = Config {
        token: old.to_owned().into(),
        ..config(&sandbox, Api::V1_1)
    };
    let client = Client::new(expired)
        .expect("an expired token is not refused locally: the clock may be wrong");
    for error in [
        client.check("1").unwrap_err(),
        client.pay(&request("T1")).unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::Unauthorized);
        assert!(
            error.message().contains("expired on 2023-11-14T22:13:20Z"),
            "{error}"
        );
        assert!(!error.message().contains(old));
    }
}

#[test]
fn a_403_with_a_web_page_names_the_address_filter_and_one_with_json_the_token() {
    let sandbox = sandbox();
    for (body, expected) in [
        (
            "<title>Attention Required! | Cloudflare</title>",
            "address filter",
        ),
        ("\n<html><h1>Request blocked</h1></html>", "address filter"),
        (
            r#"{"code":"1","message":"Interdit"}"#,
            "did not accept the token",
        ),
        ("", "did not accept the token"),
    ] {
        let client = Client::new(Config {
            private_connections: true,
            ..secure_config(&sandbox, Api::V1_1)
        })
        .unwrap();
        for endpoint in [Endpoint::Check, Endpoint::Pay] {
            let action = Action::Reply {
                status: 403,
                headers: Vec::new(),
                body: body.into(),
                record: false,
            };
            sandbox.inject(Fault::on(endpoint, action)).unwrap();
        }
        for error in [
            client.check("1").unwrap_err(),
            client.pay(&request("F1")).unwrap_err(),
        ] {
            assert_eq!(error.code(), ErrorCode::Unauthorized);
            assert_eq!(error.outcome(), Outcome::Refused);
            assert!(error.message().contains(expected), "{error}");
        }
    }
}

#[test]
fn the_error_for_an_empty_order_number_explains_why_there_may_be_none() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    for error in [
        client.check("").unwrap_err(),
        client.wait("", &WaitOptions::default()).unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::Invalid);
        assert_eq!(error.field(), Some("order_number"));
        assert!(error.message().contains("v1.1"), "{error}");
        assert!(error.message().contains("callback"), "{error}");
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_compressed_reply_is_reported_as_such() {
    let sandbox = sandbox();
    let action = Action::Reply {
        status: 200,
        headers: vec![("Content-Encoding".into(), "br".into())],
        body: vec![0x0b, 0x02, 0x80, 0x03],
        record: false,
    };
    sandbox.inject(Fault::on(Endpoint::Check, action)).unwrap();
    let error = client(&sandbox).check("1").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Reply);
    assert!(error.message().contains("compressed (br)"), "{error}");
}

#[test]
fn a_valid_token_that_is_refused_is_not_called_expired() {
    let sandbox = sandbox();
    let wrong = Config {
        token: "no-jwt".to_owned().into(),
        ..config(&sandbox, Api::V1_1)
    };
    let error = Client::new(wrong).unwrap().check("1").unwrap_err();
    assert!(!error.message().contains("expired"), "{error}");
}

#[test]
fn sixty_four_threads_share_one_client() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "P1");
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(client.check(&number).unwrap().state, State::Pending);
                }
            });
        }
    });
}

#[test]
fn a_very_long_timeout_does_not_overflow() {
    // Some programs write "no timeout" as the largest number.
    let sandbox = sandbox();
    let forever = Config {
        timeout: Duration::from_millis(u32::MAX.into()),
        ..config(&sandbox, Api::V1_1)
    };
    assert!(Client::new(forever).unwrap().check("1").is_err());
    let endless = Config {
        timeout: Duration::MAX,
        ..config(&sandbox, Api::V1_1)
    };
    assert!(Client::new(endless).unwrap().check("1").is_err());
}

#[test]
fn an_order_number_that_would_change_the_path_is_not_sent() {
    let sandbox = sandbox();
    for number in [".", "..", "a\nb", &"9".repeat(257)] {
        let error = client(&sandbox).check(number).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some("order_number"))
        );
    }
    assert!(sandbox.connections().is_empty());
}
