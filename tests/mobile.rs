//! Payments by mobile money against the sandbox.

mod common;

use common::*;
use flexpay::{
    Api, Client, Config, ErrorCode, Expected, Kind, MobileRequest, Outcome, State, WaitOptions,
};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Quirks, Sandbox};
use serde_json::Value;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn expected(reference: &str) -> Expected {
    Expected {
        reference: reference.into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        kind: Kind::Mobile,
        ..Expected::default()
    }
}

/// Fast checks, so that the tests are short.
fn options(expected: Expected) -> WaitOptions {
    WaitOptions {
        timeout: LONG,
        interval: Duration::from_millis(20),
        max_interval: Duration::from_millis(20),
        failed_grace: Duration::from_millis(200),
        expected: Some(expected),
        ..WaitOptions::default()
    }
}

/// Sends a push to the customer's phone and returns the order number.
fn push(client: &Client, reference: &str) -> String {
    let payment = client
        .pay_mobile(&mobile_request(reference))
        .expect("a push");
    payment.order_number.expect("an order number")
}

fn body(sandbox: &Sandbox) -> Value {
    let requests = sandbox.requests();
    serde_json::from_slice(&requests.last().expect("a request").body).expect("JSON")
}

#[test]
fn all_keys_reach_the_gateway_and_the_token_is_in_the_header() {
    let sandbox = sandbox();
    let payment = client(&sandbox).pay_mobile(&mobile_request("M-1")).unwrap();
    let request = sandbox.requests().pop().unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/rest/v1/paymentService")
    );
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {}", sandbox.token()).as_str())
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        body(&sandbox),
        serde_json::json!({
            "merchant": sandbox.merchant(),
            "type": "1",
            "phone": "243812345678",
            "reference": "M-1",
            "amount": "25.5",
            "currency": "USD",
            "callbackUrl": "https://zando.example/callback?panier=7",
            "description": "Deux pagnes & une \"natte\" à 5 €",
            "approveUrl": "https://zando.example/merci",
            "cancelUrl": "https://zando.example/annule",
            "declineUrl": "https://zando.example/refus",
            "return_url": "https://zando.example/retour",
        })
    );
    let recorded = &sandbox.payments()[0];
    assert_eq!(payment.order_number.as_ref(), Some(&recorded.order_number));
    assert_eq!(payment.code.as_deref(), Some("0"));
    assert_eq!(
        payment.message.as_deref(),
        Some("Transaction envoyée avec succès. Veuillez valider le push message")
    );
    assert_eq!((payment.redirect_url, payment.page), (None, None));
}

#[test]
fn optional_keys_are_left_out_and_amounts_have_no_decorative_decimals() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    for (amount, currency, sent) in [
        ("575", "CDF", "575"),
        ("575.00", "CDF", "575"),
        ("0.50", "USD", "0.5"),
        ("25.05", "USD", "25.05"),
        ("10.0", "USD", "10"),
    ] {
        let reference = format!("A-{amount}");
        let request = MobileRequest {
            reference: reference.clone(),
            amount: amount.into(),
            currency: currency.into(),
            phone: "0812345678".into(),
            callback_url: "https://zando.example/callback".into(),
            ..MobileRequest::default()
        };
        client.pay_mobile(&request).unwrap();
        assert_eq!(
            body(&sandbox),
            serde_json::json!({
                "merchant": sandbox.merchant(),
                "type": "1",
                "phone": "243812345678",
                "reference": reference,
                "amount": sent,
                "currency": currency,
                "callbackUrl": "https://zando.example/callback",
            })
        );
    }
}

#[test]
fn an_invalid_request_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let wrong = |field: &str, change: fn(&mut MobileRequest)| {
        let mut request = mobile_request("M-2");
        change(&mut request);
        let error = client.pay_mobile(&request).expect_err(field);
        assert_eq!(
            (error.code(), error.outcome(), error.field()),
            (ErrorCode::Invalid, Outcome::NotSent, Some(field)),
            "{error}"
        );
        assert!(error.message().starts_with(field), "{error}");
    };
    wrong("reference", |r| r.reference = " ".into());
    wrong("amount", |r| r.amount = "0".into());
    wrong("currency", |r| r.currency = "EUR".into());
    wrong("phone", |r| r.phone = String::new());
    wrong("phone", |r| r.phone = "812345678".into());
    wrong("phone", |r| r.phone = "+33 6 12 34 56 78".into());
    wrong("callback_url", |r| r.callback_url = String::new());
    wrong("callback_url", |r| r.callback_url = "/callback".into());
    wrong("approve_url", |r| r.approve_url = Some("merci".into()));
    wrong("cancel_url", |r| r.cancel_url = Some("javascript:x".into()));
    wrong("decline_url", |r| r.decline_url = Some("https://".into()));
    wrong("return_url", |r| r.return_url = Some("retour".into()));
    wrong("correlation_id", |r| r.correlation_id = Some("a b".into()));
    assert!(sandbox.connections().is_empty(), "nothing was sent");
}

#[test]
fn the_wait_returns_what_the_customer_did_on_the_phone() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    for (reference, decision, state) in [
        ("W-1", Decision::Approve, State::Paid),
        ("W-2", Decision::Decline, State::Failed),
        ("W-3", Decision::Expire, State::Failed),
    ] {
        let number = push(&client, reference);
        let pending = client.check(&number).unwrap();
        assert_eq!(pending.state, State::Pending);
        sandbox.decide_silently(&number, decision).unwrap();
        let transaction = client.wait(&number, &options(expected(reference))).unwrap();
        assert_eq!(transaction.state, state, "{reference}");
        assert_eq!(transaction.channel.as_deref(), Some("mpesa"));
    }
}

#[test]
fn a_customer_who_answers_at_once_is_not_missed() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    // The sandbox's test phones: confirms, refuses, and lets the push expire.
    for (phone, state) in [
        ("0810000001", State::Paid),
        ("0990000005", State::Failed),
        ("0840000006", State::Failed),
    ] {
        let request = MobileRequest {
            phone: phone.into(),
            ..mobile_request(phone)
        };
        let payment = client.pay_mobile(&request).unwrap();
        let number = payment.order_number.unwrap();
        let transaction = client.wait(&number, &options(expected(phone))).unwrap();
        assert_eq!(transaction.state, state, "{phone}");
    }
}

#[test]
fn a_mobile_payment_is_verified_as_a_card_payment_is() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = push(&client, "V-1");
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    let recorded = |amount: &str| Expected {
        amount: amount.into(),
        order_number: Some(number.clone()),
        ..expected("V-1")
    };
    let transaction = client.verify_order(&recorded("25.5")).unwrap();
    assert_eq!(transaction.state, State::Paid);
    let error = client.verify_order(&recorded("900")).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (ErrorCode::Mismatch, Some("amount"))
    );
    let callback = format!(r#"{{"code":"0","reference":"V-1","orderNumber":"{number}"}}"#);
    let transaction = client.verify_callback(callback.as_bytes(), &expected("V-1"));
    assert_eq!(transaction.unwrap().state, State::Paid);
}

#[test]
fn a_signed_callback_address_is_valid_for_its_kind_alone() {
    let sandbox = sandbox();
    let client = Client::new(Config {
        callback_secret: Some("the shop's own secret".to_owned().into()),
        allow_payout: true,
        ..secure_config(&sandbox, Api::V1_1)
    })
    .unwrap();
    let query = |url: &str| url.split_once('?').expect("a query").1.to_owned();
    // The same reference, amount and currency, at a gateway that would allow that.
    let mut queries = Vec::new();
    client.pay(&request("S-1")).unwrap();
    queries.push((Kind::Card, query(&sandbox.payments()[0].callback_url)));
    let numbers: Vec<String> = [Kind::Mobile, Kind::Payout]
        .map(|kind| {
            sandbox.clear();
            let payment = match kind {
                Kind::Mobile => client.pay_mobile(&mobile_request("S-1")),
                _ => client.payout(&payout_request("S-1")),
            };
            queries.push((kind, query(&sandbox.payments()[0].callback_url)));
            payment.unwrap().order_number.unwrap()
        })
        .into();
    let [_, number] = &numbers[..] else {
        panic!("two orders");
    };
    sandbox.decide_silently(number, Decision::Approve).unwrap();
    let callback = format!(r#"{{"code":"0","reference":"S-1","orderNumber":"{number}"}}"#);
    for kind in [Kind::Card, Kind::Mobile, Kind::Payout] {
        for (signed_for, query) in &queries {
            let expected = Expected {
                kind,
                query: Some(query.clone()),
                ..expected("S-1")
            };
            let result = client.verify_callback(callback.as_bytes(), &expected);
            if *signed_for == kind {
                assert_eq!(result.unwrap().state, State::Paid, "{kind:?}");
            } else {
                let error = result.unwrap_err();
                assert_eq!(
                    (error.code(), error.field(), error.outcome()),
                    (ErrorCode::Mismatch, Some("query"), Outcome::NotSent),
                    "{signed_for:?} for {kind:?}"
                );
            }
        }
    }
}

#[test]
fn a_card_payment_is_not_a_mobile_payment() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "K-1");
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    let of = |kind| Expected {
        kind,
        order_number: Some(number.clone()),
        ..expected("K-1")
    };
    assert_eq!(
        client.check(&number).unwrap().channel.as_deref(),
        Some("visa")
    );
    assert!(client.verify_order(&of(Kind::Card)).is_ok());
    for kind in [Kind::Mobile, Kind::Payout] {
        let error = client.verify_order(&of(kind)).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Mismatch, Some("kind")),
            "{error}"
        );
    }
}

#[test]
fn each_documented_refusal_has_the_gateway_s_message() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    push(&client, "R-1");
    let error = client.pay_mobile(&mobile_request("R-1")).unwrap_err();
    assert_eq!(error.gateway_message(), Some("Transaction déjà traitée"));
    assert_eq!(
        error.outcome(),
        Outcome::Unknown,
        "the customer may be paying the first request: {error}"
    );
    for (request, text) in [
        (
            MobileRequest {
                phone: "0810000003".into(),
                ..mobile_request("R-2")
            },
            "Insufficient funds",
        ),
        (
            MobileRequest {
                currency: "CDF".into(),
                ..mobile_request("R-3")
            },
            "CDF",
        ),
    ] {
        let error = client.pay_mobile(&request).unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (ErrorCode::Refused, Outcome::Refused),
            "{error}"
        );
        let message = error.gateway_message().unwrap_or_default();
        assert!(message.contains(text), "{message}");
    }
    let wrong_token = Config {
        token: "wrong-token-canary".to_owned().into(),
        ..secure_config(&sandbox, Api::V1_1)
    };
    let error = Client::new(wrong_token)
        .unwrap()
        .pay_mobile(&mobile_request("R-4"))
        .unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::Unauthorized, Outcome::Refused)
    );
}

#[test]
fn the_wait_continues_through_the_gateway_s_habits() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    sandbox.set_quirks(Quirks {
        not_found_checks: 2,
        early_failure_checks: 2,
        ..Quirks::default()
    });
    let number = push(&client, "H-1");
    let transaction = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The push, two checks that find nothing, two that report a failure.
            sandbox.wait_for_requests(5, LONG);
            sandbox.decide_silently(&number, Decision::Approve).unwrap();
        });
        client.wait(&number, &options(expected("H-1"))).unwrap()
    });
    assert_eq!(transaction.state, State::Paid);
}

#[test]
fn an_error_names_the_setting_of_its_own_service() {
    let sandbox = sandbox();
    let wrong_url = Config {
        mobile_url: Some(format!("{}/api/rest/v1/paymentservice", sandbox.http_url())),
        ..config(&sandbox, Api::V1_1)
    };
    let error = Client::new(wrong_url)
        .unwrap()
        .pay_mobile(&mobile_request("U-1"))
        .unwrap_err();
    assert!(error.message().contains("mobile_url"), "{error}");
    sandbox
        .inject(Fault::on(
            Endpoint::Mobile,
            Action::Reply {
                status: 301,
                headers: vec![(
                    "Location".into(),
                    "https://new.example/paymentService".into(),
                )],
                body: vec![],
                record: false,
            },
        ))
        .unwrap();
    let error = client(&sandbox)
        .pay_mobile(&mobile_request("U-2"))
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert!(
        error
            .message()
            .contains("https://new.example/paymentService")
            && error.message().contains("mobile_url")
            && error.message().contains("\"U-2\""),
        "{error}"
    );
}
