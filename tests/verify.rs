//! `verify_callback` and `verify_order`. Accepting a false PAID would be the library's worst failure.

mod common;

use common::*;
use flexpay::{Client, ErrorCode, Expected, Outcome, State};
use flexpay_sandbox::{Decision, Quirks, Sandbox};

struct Shop {
    sandbox: Sandbox,
    client: Client,
    number: String,
}

/// A shop that requested 25.50 USD with the reference "ZANDO-1", which the customer has paid.
fn shop() -> Shop {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "ZANDO-1");
    sandbox
        .decide_silently(&number, Decision::Approve)
        .expect("known");
    Shop {
        sandbox,
        client,
        number,
    }
}

fn expected() -> Expected {
    Expected {
        reference: "ZANDO-1".into(),
        amount: "25.5".into(),
        currency: "USD".into(),
        order_number: None,
        ..Expected::default()
    }
}

fn callback_body(reference: &str, number: &str) -> Vec<u8> {
    format!(
        r#"{{"code":"0","reference":"{reference}","provider_reference":"7KI","orderNumber":"{number}"}}"#
    )
    .into_bytes()
}

impl Shop {
    fn refuse(&self, body: &[u8], expected: &Expected, field: &str) -> flexpay::Error {
        let error = self
            .client
            .verify_callback(body, expected)
            .expect_err(field);
        assert_eq!(error.code(), ErrorCode::Mismatch, "{error}");
        assert_eq!(error.field(), Some(field), "{error}");
        error
    }
}

#[test]
fn a_genuine_callback_is_confirmed_by_the_gateway() {
    let shop = shop();
    for order_number in [None, Some(shop.number.clone())] {
        let expected = Expected {
            order_number,
            ..expected()
        };
        let body = callback_body("ZANDO-1", &shop.number);
        let transaction = shop.client.verify_callback(&body, &expected).unwrap();
        assert_eq!(transaction.state, State::Paid);
        assert_eq!(transaction.order_number, shop.number);
    }
}

#[test]
fn a_forged_paid_callback_for_a_declined_order_is_not_paid() {
    let shop = shop();
    shop.sandbox
        .decide_silently(&shop.number, Decision::Decline)
        .unwrap();
    let body = callback_body("ZANDO-1", &shop.number);
    let transaction = shop.client.verify_callback(&body, &expected()).unwrap();
    assert_eq!(transaction.state, State::Failed);
}

#[test]
fn a_failure_callback_for_a_paid_order_does_not_change_its_state() {
    let shop = shop();
    let body = format!(
        r#"{{"code":1,"reference":"ZANDO-1","orderNumber":"{}"}}"#,
        shop.number
    );
    let transaction = shop
        .client
        .verify_callback(body.as_bytes(), &expected())
        .unwrap();
    assert_eq!(transaction.state, State::Paid);
}

#[test]
fn a_cheap_order_does_not_pay_for_an_expensive_one() {
    let shop = shop();
    let expensive = Expected {
        reference: "ZANDO-2".into(),
        amount: "900.00".into(),
        ..expected()
    };
    // The cheap order's genuine callback; its order number with the expensive one's reference; and
    // the same when the merchant recorded the expensive one's order number.
    shop.refuse(
        &callback_body("ZANDO-1", &shop.number),
        &expensive,
        "reference",
    );
    let error = shop.refuse(
        &callback_body("ZANDO-2", &shop.number),
        &expensive,
        "reference",
    );
    assert!(
        error
            .message()
            .contains("amount: expected \"900.00\", got \"25.50\""),
        "{error}"
    );
    let recorded = Expected {
        order_number: Some("O-EXPENSIVE".into()),
        ..expensive
    };
    let error = shop.refuse(
        &callback_body("ZANDO-2", &shop.number),
        &recorded,
        "order_number",
    );
    assert_eq!(
        error.outcome(),
        Outcome::NotSent,
        "refused before any request"
    );
}

#[test]
fn each_field_that_differs_is_named_with_both_values() {
    let shop = shop();
    let body = callback_body("ZANDO-1", &shop.number);
    for (field, change) in [
        (
            "amount",
            Expected {
                amount: "25.51".into(),
                ..expected()
            },
        ),
        (
            "amount",
            Expected {
                amount: "26.01".into(),
                ..expected()
            },
        ),
        (
            "currency",
            Expected {
                currency: "CDF".into(),
                ..expected()
            },
        ),
    ] {
        let error = shop.refuse(&body, &change, field);
        assert!(
            error.message().contains("expected") && error.message().contains("got"),
            "{error}"
        );
    }
    let other = Expected {
        reference: "ZANDO-9".into(),
        ..expected()
    };
    let without = format!(r#"{{"code":0,"orderNumber":"{}"}}"#, shop.number);
    let error = shop.refuse(without.as_bytes(), &other, "reference");
    assert!(error.message().contains("\"ZANDO-9\"") && error.message().contains("\"ZANDO-1\""));
}

#[test]
fn the_customer_s_amount_is_never_the_one_compared() {
    let shop = shop();
    let fees = shop.sandbox.payments()[0].amount_customer.clone();
    let with_fees = Expected {
        amount: fees,
        ..expected()
    };
    shop.refuse(
        &callback_body("ZANDO-1", &shop.number),
        &with_fees,
        "amount",
    );
}

#[test]
fn the_order_number_may_stand_for_the_reference_only_if_it_was_recorded() {
    let shop = shop();
    shop.sandbox.set_quirks(Quirks {
        order_number_as_reference: true,
        ..Quirks::default()
    });
    let body = callback_body("ZANDO-1", &shop.number);
    let recorded = Expected {
        order_number: Some(shop.number.clone()),
        ..expected()
    };
    let transaction = shop.client.verify_callback(&body, &recorded).unwrap();
    assert_eq!(transaction.state, State::Paid);
    // Not recorded: any other paid order of the same amount would match.
    shop.refuse(&body, &expected(), "reference");
}

#[test]
fn a_callback_without_an_order_number_needs_a_recorded_one() {
    let shop = shop();
    let body = br#"{"code":"0","reference":"ZANDO-1"}"#;
    shop.refuse(body, &expected(), "order_number");
    let recorded = Expected {
        order_number: Some(shop.number.clone()),
        ..expected()
    };
    assert_eq!(
        shop.client.verify_callback(body, &recorded).unwrap().state,
        State::Paid
    );
}

#[test]
fn an_invented_order_is_not_found_and_an_unreadable_callback_causes_no_request() {
    let shop = shop();
    let before = shop.sandbox.requests().len();
    let error = shop
        .client
        .verify_callback(b"<html>", &expected())
        .unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::Callback, Outcome::NotSent)
    );
    assert_eq!(shop.sandbox.requests().len(), before);
    let error = shop
        .client
        .verify_callback(&callback_body("ZANDO-1", "INVENTED"), &expected())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[test]
fn the_expected_payment_must_be_complete() {
    let shop = shop();
    let body = callback_body("ZANDO-1", &shop.number);
    for (field, change) in [
        (
            "reference",
            Expected {
                reference: String::new(),
                ..expected()
            },
        ),
        (
            "amount",
            Expected {
                amount: String::new(),
                ..expected()
            },
        ),
        (
            "amount",
            Expected {
                amount: "0".into(),
                ..expected()
            },
        ),
        (
            "currency",
            Expected {
                currency: String::new(),
                ..expected()
            },
        ),
        (
            "order_number",
            Expected {
                order_number: Some(String::new()),
                ..expected()
            },
        ),
    ] {
        let error = shop.client.verify_callback(&body, &change).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some(field)),
            "{error}"
        );
    }
}

/// The expected payment with its recorded order number.
fn expected_with_order_number(shop: &Shop) -> Expected {
    Expected {
        order_number: Some(shop.number.clone()),
        ..expected()
    }
}

#[test]
fn an_order_is_confirmed_without_a_callback_and_its_query_is_not_used() {
    let (shop, _) = signing_shop();
    for query in [None, Some("flexpay=1.AAAA".to_owned())] {
        let expected = Expected {
            query,
            ..expected_with_order_number(&shop)
        };
        let transaction = shop.client.verify_order(&expected).unwrap();
        assert_eq!(transaction.state, State::Paid);
        assert_eq!(transaction.order_number, shop.number);
    }
    shop.sandbox
        .decide_silently(&shop.number, Decision::Decline)
        .unwrap();
    let transaction = shop
        .client
        .verify_order(&expected_with_order_number(&shop))
        .unwrap();
    assert_eq!(transaction.state, State::Failed);
}

#[test]
fn an_order_that_differs_from_the_expected_one_is_a_mismatch() {
    let shop = shop();
    type Change = fn(&mut Expected);
    let changes: [(&str, Change); 3] = [
        ("amount", |expected| expected.amount = "25.51".into()),
        ("currency", |expected| expected.currency = "CDF".into()),
        ("reference", |expected| {
            expected.reference = "ZANDO-2".into()
        }),
    ];
    for (field, change) in changes {
        let mut expected = expected_with_order_number(&shop);
        change(&mut expected);
        let error = shop.client.verify_order(&expected).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Mismatch, "{error}");
        assert_eq!(error.outcome(), Outcome::Refused);
        assert_eq!(error.field(), Some(field), "{error}");
        let body = callback_body("ZANDO-1", &shop.number);
        if field != "reference" {
            let callback_error = shop.refuse(&body, &expected, field);
            assert_eq!(
                callback_error.message(),
                error.message(),
                "the same comparison"
            );
        }
    }
}

#[test]
fn the_recorded_order_number_may_stand_for_the_reference_of_an_order() {
    let shop = shop();
    shop.sandbox.set_quirks(Quirks {
        order_number_as_reference: true,
        ..Quirks::default()
    });
    let transaction = shop
        .client
        .verify_order(&expected_with_order_number(&shop))
        .unwrap();
    assert_eq!(transaction.state, State::Paid);
}

#[test]
fn verify_order_needs_the_order_number_and_a_complete_expected_payment() {
    let shop = shop();
    let before = shop.sandbox.requests().len();
    for order_number in [None, Some(String::new()), Some(" ".into())] {
        let expected = Expected {
            order_number,
            ..expected()
        };
        let error = shop.client.verify_order(&expected).unwrap_err();
        assert_eq!(
            (error.code(), error.field(), error.outcome()),
            (ErrorCode::Invalid, Some("order_number"), Outcome::NotSent),
            "{error}"
        );
    }
    let no_amount = Expected {
        amount: String::new(),
        ..expected_with_order_number(&shop)
    };
    let error = shop.client.verify_order(&no_amount).unwrap_err();
    assert_eq!(error.field(), Some("amount"), "{error}");
    assert_eq!(shop.sandbox.requests().len(), before, "no request was sent");

    let unknown = Expected {
        order_number: Some("UNKNOWN".into()),
        ..expected()
    };
    let error = shop.client.verify_order(&unknown).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

/// A shop that signs its callback URLs, and the query strings of its two payments.
fn signing_shop() -> (Shop, [String; 2]) {
    let sandbox = sandbox();
    let secret = |text: &str| Some(text.to_owned().into());
    let config = flexpay::Config {
        callback_secret: secret("the shop's own secret"),
        callback_secret_previous: secret("last year's old secret"),
        ..secure_config(&sandbox, flexpay::Api::V1_1)
    };
    let client = Client::new(config).expect("the settings are valid");
    let number = new_order(&client, "ZANDO-1");
    new_order(&client, "ZANDO-2");
    sandbox
        .decide_silently(&number, Decision::Approve)
        .expect("known");
    let queries = ["ZANDO-1", "ZANDO-2"].map(|reference| {
        let payments = sandbox.payments();
        let payment = payments
            .iter()
            .find(|payment| payment.reference == reference);
        let url = &payment.expect("requested").callback_url;
        assert!(
            url.starts_with("https://zando.example/callback?panier=7&x=é&flexpay=1."),
            "{url}"
        );
        url.split_once('?').expect("a query").1.to_owned()
    });
    (
        Shop {
            sandbox,
            client,
            number,
        },
        queries,
    )
}

#[test]
fn a_callback_without_a_valid_signature_is_refused_before_any_request() {
    let (shop, [query, other]) = signing_shop();
    let body = callback_body("ZANDO-1", &shop.number);
    let signed = |query: &str| Expected {
        query: Some(query.to_owned()),
        ..expected()
    };
    let transaction = shop.client.verify_callback(&body, &signed(&query)).unwrap();
    assert_eq!(transaction.state, State::Paid);

    let before = shop.sandbox.connections().len();
    for forged in [
        "",
        "panier=7",
        "flexpay=1.AAAA",
        &other,
        &query.replace("=1.", "=0."),
    ] {
        let error = shop.refuse(&body, &signed(forged), "query");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    let expensive = Expected {
        amount: "900".into(),
        ..signed(&query)
    };
    shop.refuse(&body, &expensive, "query");
    let error = shop.client.verify_callback(&body, &expected()).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (ErrorCode::Invalid, Some("query"))
    );
    assert_eq!(
        shop.sandbox.connections().len(),
        before,
        "no connection was opened"
    );
}

#[test]
fn a_url_signed_with_the_previous_secret_is_still_valid() {
    let (shop, [query, _]) = signing_shop();
    let rotated = |previous: &str| {
        let config = flexpay::Config {
            callback_secret: Some("this year's new secret".to_owned().into()),
            callback_secret_previous: Some(previous.to_owned().into()),
            ..secure_config(&shop.sandbox, flexpay::Api::V1_1)
        };
        let expected = Expected {
            query: Some(query.clone()),
            ..expected()
        };
        let body = callback_body("ZANDO-1", &shop.number);
        Client::new(config)
            .unwrap()
            .verify_callback(&body, &expected)
    };
    assert_eq!(rotated("the shop's own secret").unwrap().state, State::Paid);
    assert_eq!(
        rotated("some other shop's secret").unwrap_err().field(),
        Some("query")
    );
}
