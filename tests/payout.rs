//! Payouts against the sandbox. A repeated payout gives money away.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Expected, Kind, Outcome, PayoutRequest, State};
use flexpay_sandbox::{Action, Balance, Decision, Endpoint, Fault};

fn expected(reference: &str) -> Expected {
    Expected {
        reference: reference.into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        kind: Kind::Payout,
        ..Expected::default()
    }
}

#[test]
fn a_client_without_the_setting_sends_no_payout() {
    let sandbox = sandbox();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let error = client.payout(&payout_request("P-1")).unwrap_err();
        assert_eq!(
            (error.code(), error.outcome(), error.field()),
            (ErrorCode::Invalid, Outcome::NotSent, Some("allow_payout")),
            "{error}"
        );
    }
    assert!(sandbox.connections().is_empty(), "nothing was sent");
}

#[test]
fn all_keys_reach_the_gateway_and_the_balance_is_lower() {
    let sandbox = sandbox();
    let before = sandbox.balance();
    let payment = payout_client(&sandbox)
        .payout(&payout_request("P-1"))
        .unwrap();
    let request = sandbox.requests().pop().unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/rest/v1/merchantPayOutService")
    );
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {}", sandbox.token()).as_str())
    );
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "merchant": sandbox.merchant(),
            "type": "1",
            "phone": "243812345678",
            "reference": "P-1",
            "amount": "25.5",
            "currency": "USD",
            "callbackUrl": "https://zando.example/callback?remboursement=7",
        })
    );
    assert!(payment.order_number.is_some());
    assert_eq!(payment.code.as_deref(), Some("0"));
    assert_eq!((payment.redirect_url, payment.page), (None, None));
    assert_eq!(sandbox.balance().usd_minor, before.usd_minor - 2_550);
}

#[test]
fn an_invalid_request_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    let client = payout_client(&sandbox);
    let wrong = |field: &str, change: fn(&mut PayoutRequest)| {
        let mut request = payout_request("P-2");
        change(&mut request);
        let error = client.payout(&request).expect_err(field);
        assert_eq!(
            (error.code(), error.outcome(), error.field()),
            (ErrorCode::Invalid, Outcome::NotSent, Some(field)),
            "{error}"
        );
    };
    wrong("reference", |r| r.reference = String::new());
    wrong("amount", |r| r.amount = "-5".into());
    wrong("currency", |r| r.currency = "usd".into());
    wrong("phone", |r| r.phone = "08123456789".into());
    wrong("callback_url", |r| r.callback_url = String::new());
    wrong("correlation_id", |r| r.correlation_id = Some(String::new()));
    assert!(sandbox.connections().is_empty(), "nothing was sent");
}

#[test]
fn only_paid_means_that_the_beneficiary_has_the_money() {
    let sandbox = sandbox();
    let client = payout_client(&sandbox);
    sandbox.set_quirks(flexpay_sandbox::Quirks {
        hold_payouts: true,
        ..Default::default()
    });
    for (reference, decision, state) in [
        ("D-1", Decision::Approve, State::Paid),
        ("D-2", Decision::Decline, State::Failed),
    ] {
        let payment = client.payout(&payout_request(reference)).unwrap();
        let number = payment.order_number.unwrap();
        let recorded = Expected {
            order_number: Some(number.clone()),
            ..expected(reference)
        };
        let state_now = || client.verify_order(&recorded).unwrap().state;
        assert_eq!(state_now(), State::Pending);
        sandbox.decide_silently(&number, decision).unwrap();
        assert_eq!(state_now(), state);
    }
}

#[test]
fn the_callback_of_a_payout_needs_a_recorded_order_number_or_a_signature() {
    let sandbox = sandbox();
    let client = payout_client(&sandbox);
    let payment = client.payout(&payout_request("C-1")).unwrap();
    let number = payment.order_number.unwrap();
    let callback = format!(r#"{{"code":"0","reference":"C-1","orderNumber":"{number}"}}"#);
    let connections = sandbox.connections().len();
    let error = client
        .verify_callback(callback.as_bytes(), &expected("C-1"))
        .unwrap_err();
    assert_eq!(
        (error.code(), error.outcome(), error.field()),
        (ErrorCode::Invalid, Outcome::NotSent, Some("order_number")),
        "{error}"
    );
    assert_eq!(
        sandbox.connections().len(),
        connections,
        "no check was sent"
    );
    let recorded = Expected {
        order_number: Some(number),
        ..expected("C-1")
    };
    client
        .verify_callback(callback.as_bytes(), &recorded)
        .unwrap();
}

#[test]
fn each_documented_refusal_has_the_gateway_s_message() {
    let sandbox = sandbox();
    let client = payout_client(&sandbox);
    let refused = |request: PayoutRequest, text: &str| {
        let error = client.payout(&request).expect_err(text);
        assert_eq!(
            (error.code(), error.outcome()),
            (ErrorCode::Refused, Outcome::Refused),
            "{error}"
        );
        let message = error.gateway_message().unwrap_or_default();
        assert!(message.contains(text), "{message}");
    };
    refused(
        PayoutRequest {
            phone: "0810000004".into(),
            ..payout_request("R-1")
        },
        "Receiver invalid or not allowed to receive this type of transaction",
    );
    client.payout(&payout_request("R-3")).unwrap();
    let error = client.payout(&payout_request("R-3")).unwrap_err();
    assert_eq!(error.gateway_message(), Some("Transaction déjà traitée"));
    assert_eq!(
        error.outcome(),
        Outcome::Unknown,
        "the money may be on its way: {error}"
    );
    sandbox.set_balance(Balance::default());
    refused(payout_request("R-2"), "Solde marchand insuffisant");
}

#[test]
fn mobile_payments_and_payouts_are_sent_at_most_once_whatever_happens() {
    let reply = |status, body: &[u8], record| Action::Reply {
        status,
        headers: vec![],
        body: body.to_vec(),
        record,
    };
    let page = |status| Action::Html {
        status,
        record: true,
    };
    let faults = [
        Action::ResetAfterReading,
        Action::CloseAfterReading,
        Action::CutAfter { bytes: 10 },
        Action::CutAfter { bytes: 200 },
        Action::MalformedJson,
        page(200),
        page(500),
        page(502),
        reply(408, b"", false),
        reply(429, b"", false),
        reply(503, b"{}", true),
        reply(200, br#"{"code":"0","orderNumber":null}"#, true),
        reply(
            200,
            br#"{"code":"500","message":"Internal Server Error"}"#,
            true,
        ),
        reply(200, br#"{"code":"-1","message":"timeout"}"#, true),
        reply(
            200,
            br#"{"code":"1","message":"Erreur","orderNumber":"N1"}"#,
            true,
        ),
        reply(400, br#"{"code":"0","orderNumber":"N1"}"#, true),
    ];
    for fault in &faults {
        for endpoint in [Endpoint::Mobile, Endpoint::Payout] {
            let sandbox = sandbox();
            sandbox
                .inject(Fault::on(endpoint, fault.clone()).forever())
                .unwrap();
            let client = payout_client(&sandbox);
            let result = match endpoint {
                Endpoint::Mobile => client.pay_mobile(&mobile_request("O-1")),
                _ => client.payout(&payout_request("O-1")),
            };
            let error = result.expect_err("a fault");
            assert_eq!(error.outcome(), Outcome::Unknown, "{fault:?}: {error}");
            let advice = match endpoint {
                Endpoint::Mobile => "do not pay again",
                _ => "do not repeat the payout",
            };
            assert!(error.message().contains(advice), "{error}");
            assert_eq!(sandbox.requests().len(), 1, "{fault:?}");
            assert_eq!(sandbox.connections().len(), 1, "{fault:?}");
        }
    }
}

#[test]
fn a_refusal_by_status_is_a_refusal() {
    for status in [400, 401, 403, 404, 405, 422] {
        for endpoint in [Endpoint::Mobile, Endpoint::Payout] {
            let sandbox = sandbox();
            let action = Action::Reply {
                status,
                headers: vec![],
                body: br#"{"code":"1","message":"Refus"}"#.to_vec(),
                record: false,
            };
            sandbox.inject(Fault::on(endpoint, action)).unwrap();
            let client = payout_client(&sandbox);
            let result = match endpoint {
                Endpoint::Mobile => client.pay_mobile(&mobile_request("S-1")),
                _ => client.payout(&payout_request("S-1")),
            };
            let error = result.expect_err("a refusal");
            assert_eq!(error.outcome(), Outcome::Refused, "{status}: {error}");
            assert_eq!(error.http_status(), Some(status));
            assert_eq!(error.gateway_message(), Some("Refus"));
        }
    }
}

#[test]
fn mobile_payments_and_payouts_never_use_an_idle_connection() {
    let sandbox = sandbox();
    let client = payout_client(&sandbox);
    let number = new_order(&client, "I-1");
    client.check(&number).unwrap();
    client.pay_mobile(&mobile_request("I-2")).unwrap();
    client.check(&number).unwrap();
    client.payout(&payout_request("I-3")).unwrap();
    client.check(&number).unwrap();
    let requests = sandbox.requests();
    let connections = |endpoint| {
        let of_endpoint = requests
            .iter()
            .filter(|request| request.endpoint == endpoint);
        let mut connections: Vec<u64> = of_endpoint.map(|request| request.connection).collect();
        connections.dedup();
        connections
    };
    let (mobile, payout) = (connections(Endpoint::Mobile), connections(Endpoint::Payout));
    let checks = connections(Endpoint::Check);
    assert_eq!((mobile.len(), payout.len(), checks.len()), (1, 1, 1));
    assert!(mobile != payout && !checks.contains(&mobile[0]) && !checks.contains(&payout[0]));
}

#[test]
fn a_url_of_a_payout_service_is_checked_when_the_client_is_created() {
    let sandbox = sandbox();
    type Set = fn(&mut Config, String);
    let settings: [(&str, Set); 2] = [
        ("mobile_url", |config, url| config.mobile_url = Some(url)),
        ("payout_url", |config, url| config.payout_url = Some(url)),
    ];
    for (field, set) in settings {
        for url in [
            "/paymentService",
            "http://10.1.2.3/x",
            "https://u:p@gw.example/x",
        ] {
            let mut config = config(&sandbox, Api::V1_1);
            set(&mut config, url.to_owned());
            let error = Client::new(config).expect_err(url);
            assert_eq!(error.field(), Some(field), "{url}: {error}");
        }
    }
}
