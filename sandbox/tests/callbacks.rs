//! Callbacks: true, forged, delayed, repeated, none.

mod common;

use common::{Shop, TIMEOUT, pay};
use flexpay_sandbox::{
    CallbackCode, Decision, Delivery, Error, KeyStyle, MissingValue, Options, Quirks, Sandbox,
};
use serde_json::{Value, json};

fn paid(sandbox: &Sandbox, shop: &Shop) -> String {
    let order = pay(sandbox, json!({"callback_url": shop.url}));
    sandbox
        .decide_silently(&order, Decision::Approve)
        .expect("decided");
    order
}

#[test]
fn the_callback_and_its_reply_are_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    shop.reply_next(500, &"x".repeat(5000));
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    sandbox.decide(&order, Decision::Approve).expect("decided");
    let callback = shop.next();
    let provider = sandbox
        .payment(&order)
        .expect("the payment")
        .provider_reference;
    let expected = format!(
        r#"{{"code":"0","reference":"R-1","provider_reference":"{provider}","orderNumber":"{order}"}}"#
    );
    assert_eq!(callback.body, expected);
    let record = &sandbox.wait_for_callbacks(1, TIMEOUT)[0];
    assert_eq!(record.body_text(), expected);
    assert_eq!(record.order_number, order);
    assert_eq!(record.url, shop.url);
    assert_eq!(record.content_type, "application/json");
    assert_eq!(record.attempt, 1);
    assert_eq!(record.reply_status, Some(500));
    assert_eq!(
        record.reply_body.as_deref(),
        Some("x".repeat(2048).as_str())
    );
    assert_eq!(record.error, None);
}

#[test]
fn a_failed_callback_is_recorded() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}/", closed.local_addr().expect("bound"));
    drop(closed);
    let order = pay(&sandbox, json!({ "callback_url": url }));
    sandbox
        .decide_silently(&order, Decision::Decline)
        .expect("decided");
    sandbox
        .deliver(&order, Delivery::now())
        .expect("delivery accepted");
    let record = &sandbox.wait_for_callbacks(1, TIMEOUT)[0];
    assert!(record.error.is_some() && record.reply_status.is_none());
    assert!(record.body_text().contains(r#""code":"1""#));
}

#[test]
fn repeated_and_delayed() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = paid(&sandbox, &shop);
    sandbox
        .deliver(&order, Delivery::now().times(3).after_ms(5))
        .expect("delivery accepted");
    let bodies: Vec<_> = (0..3).map(|_| shop.next().body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let attempts: Vec<_> = sandbox
        .wait_for_callbacks(3, TIMEOUT)
        .iter()
        .map(|record| record.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[test]
fn forged() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    sandbox
        .decide_silently(&order, Decision::Decline)
        .expect("decided");
    let post = |delivery: Delivery| {
        sandbox
            .deliver(&order, delivery)
            .expect("delivery accepted");
        shop.next()
    };

    let callback = post(
        Delivery::now()
            .set("code", "0")
            .set("provider_reference", "FORGED"),
    );
    assert_eq!(callback.json()["code"], "0");
    assert_eq!(callback.json()["provider_reference"], "FORGED");
    assert_eq!(callback.json()["orderNumber"], order.as_str());

    let callback = post(
        Delivery::now()
            .set("orderNumber", "other")
            .set("reference", "R-2"),
    );
    assert_eq!(callback.json()["orderNumber"], "other");
    assert_eq!(callback.json()["reference"], "R-2");
    assert_eq!(callback.json()["code"], "1");

    let callback = post(
        Delivery::now()
            .without("orderNumber")
            .set("code", Value::Null),
    );
    assert_eq!(callback.body, r#"{"code":null,"reference":"R-1"}"#);

    let callback = post(Delivery::now().raw("text/plain", "not a callback"));
    assert_eq!(callback.content_type, "text/plain");
    assert_eq!(callback.body, "not a callback");

    let elsewhere = Shop::open();
    sandbox
        .deliver(&order, Delivery::now().to(&elsewhere.url))
        .expect("delivery accepted");
    assert_eq!(elsewhere.next().json()["reference"], "R-1");
    assert!(shop.is_quiet());
}

#[test]
fn as_a_form() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = paid(&sandbox, &shop);
    sandbox
        .deliver(&order, Delivery::now().as_form())
        .expect("delivery accepted");
    let callback = shop.next();
    assert_eq!(callback.content_type, "application/x-www-form-urlencoded");
    let fields: Vec<_> = form_urlencoded::parse(callback.body.as_bytes()).collect();
    assert_eq!(fields[0], ("code".into(), "0".into()));
    assert_eq!(fields[3], ("orderNumber".into(), order.into()));
}

#[test]
fn callback_quirks() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    sandbox
        .decide_silently(&order, Decision::Decline)
        .expect("decided");
    let callback = |quirks: Quirks| {
        sandbox.set_quirks(quirks);
        sandbox
            .deliver(&order, Delivery::now())
            .expect("delivery accepted");
        shop.next().json()
    };
    let posted = callback(Quirks {
        callback_keys: KeyStyle::Capital,
        callback_code: CallbackCode::Decimal,
        missing_provider_reference: MissingValue::Null,
        ..Quirks::default()
    });
    assert_eq!(posted["Code"], "1.0");
    assert_eq!(posted["OrderNumber"], order.as_str());
    assert_eq!(posted.get("Provider_reference"), Some(&Value::Null));

    let posted = callback(Quirks {
        callback_keys: KeyStyle::Underscore,
        callback_code: CallbackCode::Number,
        missing_provider_reference: MissingValue::Empty,
        callback_extra_fields: true,
        ..Quirks::default()
    });
    assert_eq!(posted["code"], json!(1));
    assert_eq!(posted["order_number"], order.as_str());
    assert_eq!(posted["provider_reference"], "");
    assert_eq!(posted["amount"], "50.00");
    assert_eq!(posted["amount_customer"], "51.0");
    for field in ["phone", "currency", "created_at", "channel", "message"] {
        assert!(posted[field].is_string(), "{field}");
    }
}

#[test]
fn callbacks_can_be_switched_off() {
    let sandbox = Sandbox::start_with(Options {
        deliver_callbacks: false,
        ..Options::default()
    })
    .expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    sandbox.decide(&order, Decision::Approve).expect("decided");
    assert!(sandbox.callbacks().is_empty());
    // Switched back on for this payment.
    sandbox.set_deliver_callbacks(&order, true).expect("known");
    for quiet in [Decision::Pending, Decision::Refunding, Decision::Refunded] {
        sandbox.decide(&order, quiet).expect("decided");
    }
    assert!(sandbox.callbacks().is_empty());
    sandbox.decide(&order, Decision::Cancel).expect("decided");
    assert_eq!(shop.next().json()["code"], "1");
}

#[test]
fn deliver_errors() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let unknown = sandbox.deliver("unknown", Delivery::now());
    assert!(matches!(unknown, Err(Error::NoSuchPayment(_))));
    assert!(sandbox.set_deliver_callbacks("unknown", true).is_err());
    let fields = common::payment_request(&sandbox, json!({"callback_url": null}));
    common::post_form(&sandbox, "/v1/pay", &common::as_pairs(&fields));
    let order = &sandbox.payments()[0].order_number;
    let nowhere = sandbox.deliver(order, Delivery::now());
    assert!(matches!(nowhere, Err(Error::NoCallbackAddress(_))));
    sandbox.decide(order, Decision::Approve).expect("decided");
}
