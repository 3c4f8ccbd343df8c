//! The message of an error says what the caller must do next.

mod common;

use common::{client, client_for_url, config, new_order, request, sandbox, unused_url};
use flexpay::{Api, Client, Config, Error, ErrorCode, Expected, Outcome, WaitOptions};
use flexpay_sandbox::{Action, Endpoint, Fault, Sandbox};
use std::time::Duration;

/// A sandbox that applies `action` to every request to `endpoint`.
fn sandbox_with(endpoint: Endpoint, action: Action) -> Sandbox {
    let sandbox = sandbox();
    sandbox
        .inject(Fault::on(endpoint, action).forever())
        .expect("the sandbox accepts the fault");
    sandbox
}

fn html(status: u16) -> Action {
    Action::Html {
        status,
        record: false,
    }
}

fn assert_message_has(error: &Error, text: &str) {
    assert!(error.message().contains(text), "{text:?} in: {error}");
}

#[test]
fn an_error_with_outcome_unknown_names_the_reference() {
    let failing = [
        (html(502), ErrorCode::Gateway),
        (Action::ResetAfterReading, ErrorCode::Connection),
        (Action::CloseAfterReading, ErrorCode::Connection),
        (Action::MalformedJson, ErrorCode::Reply),
    ];
    for (action, code) in failing {
        let sandbox = sandbox_with(Endpoint::Pay, action);
        let error = client(&sandbox)
            .pay(&request("ZANDO-1"))
            .expect_err("unknown outcome");
        assert_eq!((error.code(), error.outcome()), (code, Outcome::Unknown));
        assert_message_has(&error, "do not pay again");
        match error.order_number() {
            Some(number) => {
                assert_message_has(&error, &format!("check the order number {number:?} first"))
            }
            None => assert_message_has(
                &error,
                "the reference \"ZANDO-1\" in FlexPay's merchant console",
            ),
        }
    }
}

#[test]
fn an_error_with_outcome_unknown_names_the_order_number_if_the_reply_has_one() {
    let body = r#"{"code":"0","message":"","orderNumber":"a1B2c3"}"#;
    let reply = Action::Reply {
        status: 200,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        record: true,
    };
    let sandbox = sandbox_with(Endpoint::Pay, reply);
    let error = client(&sandbox)
        .pay(&request("ZANDO-2"))
        .expect_err("unknown outcome");
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_message_has(
        &error,
        "do not pay again: check the order number \"a1B2c3\" first",
    );
}

#[test]
fn a_failed_check_names_the_order_number_to_check_again() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "ZANDO-3");
    sandbox
        .inject(Fault::on(Endpoint::Check, html(503)).forever())
        .expect("the sandbox accepts the fault");
    let advice = format!("do not pay again: check the order number {number:?} first");

    assert_message_has(
        &client.check(&number).expect_err("the gateway fails"),
        &advice,
    );
    let brief = WaitOptions {
        timeout: Duration::from_millis(50),
        ..WaitOptions::default()
    };
    let error = client.wait(&number, &brief).expect_err("the gateway fails");
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_message_has(&error, &advice);
    assert_eq!(
        error.message().matches("do not pay again").count(),
        1,
        "the advice is given once: {error}"
    );
}

#[test]
fn a_wait_that_finds_another_payment_names_the_expected_reference() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = new_order(&client, "ZANDO-4");
    let decided = sandbox.decide(&number, flexpay_sandbox::Decision::Approve);
    decided.expect("the order exists");
    let options = WaitOptions {
        expected: Some(Expected {
            reference: "ZANDO-5".into(),
            amount: "25.50".into(),
            currency: "USD".into(),
            ..Expected::default()
        }),
        ..WaitOptions::default()
    };
    let error = client.wait(&number, &options).expect_err("another payment");
    assert_eq!(error.code(), ErrorCode::Mismatch);
    assert_message_has(&error, "look for the reference \"ZANDO-5\"");
}

#[test]
fn an_error_with_outcome_not_sent_has_no_such_advice() {
    let client = client_for_url(&unused_url(), Duration::from_secs(5));
    let error = client.pay(&request("ZANDO-6")).expect_err("no server");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.message().contains("pay again"), "{error}");
}

#[test]
fn a_404_names_the_setting_to_check() {
    let sandbox = sandbox();
    let base = sandbox.http_url();
    for api in [Api::V1, Api::V1_1] {
        let wrong = Config {
            pay_url: Some(format!("{base}/no/such/address")),
            check_url: Some(format!("{base}/nor/this")),
            ..config(&sandbox, api)
        };
        let client = Client::new(wrong).expect("the URL is valid");
        let error = client.pay(&request("ZANDO-7")).expect_err("404");
        assert_eq!(error.http_status(), Some(404));
        assert_message_has(
            &error,
            &format!("check the setting pay_url: the request went to {base}/no/such/address"),
        );
        let error = client.check("a1B2c3").expect_err("404");
        assert_eq!(error.http_status(), Some(404));
        assert_message_has(
            &error,
            &format!("check the setting check_url: the request went to {base}/nor/this"),
        );
    }
}

#[test]
fn an_order_that_is_not_found_does_not_mention_check_url() {
    let sandbox = sandbox();
    let error = client(&sandbox).check("a1B2c3").expect_err("no such order");
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(!error.message().contains("check_url"), "{error}");
}

#[test]
fn a_pay_url_of_the_other_api_version_is_reported() {
    let sandbox = sandbox();
    let base = sandbox.http_url();
    for (api, path, sent) in [
        (Api::V1, "v1.1/pay", "a form (api v1)"),
        (Api::V1_1, "v1/pay", "JSON (api v1.1)"),
    ] {
        let wrong = Config {
            pay_url: Some(format!("{base}/{path}")),
            ..config(&sandbox, api)
        };
        let client = Client::new(wrong).expect("the URL is valid");
        let error = client.pay(&request("ZANDO-8")).expect_err("other version");
        assert_eq!(error.outcome(), Outcome::Refused, "{error}");
        assert_message_has(&error, "mal formée");
        assert_message_has(
            &error,
            &format!("check the setting pay_url: {base}/{path} received {sent}"),
        );
        assert_message_has(&error, "this address may be for the other version (api)");
    }
}

#[test]
fn a_refusal_of_a_used_reference_says_so() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    new_order(&client, "ZANDO-9");
    let error = client.pay(&request("ZANDO-9")).expect_err("used");
    assert_eq!(error.code(), ErrorCode::Refused);
    assert_message_has(
        &error,
        "déjà traitée; the reference \"ZANDO-9\" was used before",
    );
    assert_message_has(&error, "use a new reference for another payment");

    let reply = Action::Reply {
        status: 200,
        headers: Vec::new(),
        body: "{\"code\":\"1\",\"message\":\"Référence dupliquée\"}".into(),
        record: false,
    };
    let fault = Fault::on(Endpoint::Pay, reply);
    sandbox
        .inject(fault)
        .expect("the sandbox accepts the fault");
    let error = client.pay(&request("ZANDO-10")).expect_err("used");
    assert_message_has(&error, "the reference \"ZANDO-10\" was used before");
}
