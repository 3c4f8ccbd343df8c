//! An error's message says what to do next.

mod common;

use common::{client, client_of, config, nobody, order, request, sandbox};
use flexpay::{Api, Client, Config, Error, ErrorCode, Expected, Outcome, WaitOptions};
use flexpay_sandbox::{Action, Endpoint, Fault, Sandbox};
use std::time::Duration;

/// A sandbox that meets the next request to `endpoint` with `action`.
fn sandbox_with(endpoint: Endpoint, action: Action) -> Sandbox {
    let sandbox = sandbox();
    sandbox
        .inject(Fault::on(endpoint, action).forever())
        .expect("a fault that can be");
    sandbox
}

fn html(status: u16) -> Action {
    Action::Html {
        status,
        record: false,
    }
}

fn says(error: &Error, words: &str) {
    assert!(error.message().contains(words), "{words:?} in: {error}");
}

#[test]
fn a_payment_that_may_exist_is_looked_up_by_its_reference() {
    let failing = [
        (html(502), ErrorCode::Gateway),
        (Action::ResetAfterReading, ErrorCode::Connection),
        (Action::CloseAfterReading, ErrorCode::Connection),
        (Action::MalformedJson, ErrorCode::Reply),
    ];
    for (action, code) in failing {
        let sandbox = sandbox_with(Endpoint::Pay, action);
        let error = client(&sandbox).pay(&request("ZANDO-1")).expect_err("open");
        assert_eq!((error.code(), error.outcome()), (code, Outcome::Unknown));
        says(&error, "do not pay again");
        match error.order_number() {
            Some(number) => says(&error, &format!("check the order number {number:?} first")),
            None => says(
                &error,
                "the reference \"ZANDO-1\" in FlexPay's merchant console",
            ),
        }
    }
}

#[test]
fn a_payment_that_may_exist_is_checked_by_its_order_number_where_the_reply_has_one() {
    let body = r#"{"code":"0","message":"","orderNumber":"a1B2c3"}"#;
    let reply = Action::Reply {
        status: 200,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        record: true,
    };
    let sandbox = sandbox_with(Endpoint::Pay, reply);
    let error = client(&sandbox).pay(&request("ZANDO-2")).expect_err("open");
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    says(
        &error,
        "do not pay again: check the order number \"a1B2c3\" first",
    );
}

#[test]
fn a_question_without_an_answer_names_the_order_to_ask_about_again() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = order(&client, "ZANDO-3");
    sandbox
        .inject(Fault::on(Endpoint::Check, html(503)).forever())
        .expect("a fault that can be");
    let advice = format!("do not pay again: check the order number {number:?} first");

    says(&client.check(&number).expect_err("failing"), &advice);
    let brief = WaitOptions {
        timeout: Duration::from_millis(50),
        ..WaitOptions::default()
    };
    let error = client.wait(&number, &brief).expect_err("failing");
    assert_eq!(error.code(), ErrorCode::Timeout);
    says(&error, &advice);
    assert_eq!(
        error.message().matches("do not pay again").count(),
        1,
        "it is said once: {error}"
    );
}

#[test]
fn a_wait_that_meets_another_payment_names_the_reference_to_look_for() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let number = order(&client, "ZANDO-4");
    let decided = sandbox.decide(&number, flexpay_sandbox::Decision::Approve);
    decided.expect("the order is there");
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
    says(&error, "look for the reference \"ZANDO-5\"");
}

#[test]
fn what_was_not_sent_says_nothing_of_the_kind() {
    let client = client_of(&nobody(), Duration::from_secs(5));
    let error = client.pay(&request("ZANDO-6")).expect_err("nobody there");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.message().contains("pay again"), "{error}");
}

#[test]
fn an_address_that_nothing_answers_at_is_named() {
    let sandbox = sandbox();
    let base = sandbox.http_url();
    for api in [Api::V1, Api::V1_1] {
        let wrong = Config {
            pay_url: Some(format!("{base}/no/such/address")),
            check_url: Some(format!("{base}/nor/this")),
            ..config(&sandbox, api)
        };
        let client = Client::new(wrong).expect("an address is an address");
        let error = client.pay(&request("ZANDO-7")).expect_err("404");
        assert_eq!(error.http_status(), Some(404));
        says(
            &error,
            &format!("check pay_url: {base}/no/such/address was asked"),
        );
        let error = client.check("a1B2c3").expect_err("404");
        assert_eq!(error.http_status(), Some(404));
        says(
            &error,
            &format!("check check_url: {base}/nor/this was asked"),
        );
    }
}

#[test]
fn an_order_that_is_not_found_does_not_blame_the_address() {
    let sandbox = sandbox();
    let error = client(&sandbox).check("a1B2c3").expect_err("no such order");
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(!error.message().contains("check_url"), "{error}");
}

#[test]
fn an_address_for_the_other_form_is_told_as_such() {
    let sandbox = sandbox();
    let base = sandbox.http_url();
    for (api, path, posted) in [
        (Api::V1, "v1.1/pay", "a form (api v1)"),
        (Api::V1_1, "v1/pay", "JSON (api v1.1)"),
    ] {
        let wrong = Config {
            pay_url: Some(format!("{base}/{path}")),
            ..config(&sandbox, api)
        };
        let client = Client::new(wrong).expect("an address is an address");
        let error = client.pay(&request("ZANDO-8")).expect_err("the other form");
        assert_eq!(error.outcome(), Outcome::Refused, "{error}");
        says(&error, "mal formée");
        says(
            &error,
            &format!("check pay_url: {base}/{path} got {posted}"),
        );
        says(&error, "this address may be for the other form (api)");
    }
}

#[test]
fn a_reference_that_was_used_before_is_to_be_found_out_about() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    order(&client, "ZANDO-9");
    let error = client.pay(&request("ZANDO-9")).expect_err("used");
    assert_eq!(error.code(), ErrorCode::Refused);
    says(
        &error,
        "déjà traitée; the reference \"ZANDO-9\" was used before",
    );
    says(&error, "take a new one for another");

    let reply = Action::Reply {
        status: 200,
        headers: Vec::new(),
        body: "{\"code\":\"1\",\"message\":\"Référence dupliquée\"}".into(),
        record: false,
    };
    let fault = Fault::on(Endpoint::Pay, reply);
    sandbox.inject(fault).expect("a fault that can be");
    let error = client.pay(&request("ZANDO-10")).expect_err("used");
    says(&error, "the reference \"ZANDO-10\" was used before");
}
