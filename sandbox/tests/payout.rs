//! The payout: its reply, the balances, and each way it ends.

mod common;

use common::{MOBILE, PAYOUT, Shop, check, mobile_request, pay, post_authorized, send_mobile};
use flexpay_sandbox::{Balance, Decision, Kind, Options, Quirks, Sandbox};
use serde_json::{Value, json};

const PHONE: &str = "243812345678";

fn sandbox() -> Sandbox {
    Sandbox::start().expect("a sandbox")
}

fn hold(sandbox: &Sandbox) {
    sandbox.set_quirks(Quirks {
        hold_payouts: true,
        ..Quirks::default()
    });
}

fn pay_out(sandbox: &Sandbox, changes: Value) -> String {
    send_mobile(sandbox, PAYOUT, changes)
}

fn wallet(sandbox: &Sandbox) -> i64 {
    sandbox.wallet(PHONE).expect("a phone").cdf_minor
}

fn merchant(sandbox: &Sandbox) -> i64 {
    sandbox.balance().cdf_minor
}

#[test]
fn the_reply_is_the_observed_one_and_the_beneficiary_has_the_money() {
    let sandbox = sandbox();
    let shop = Shop::open();
    let (had, wallet_had) = (merchant(&sandbox), wallet(&sandbox));
    let request = mobile_request(&sandbox, json!({"callbackUrl": shop.url}));
    let response = post_authorized(&sandbox, PAYOUT, &request);
    let payment = &sandbox.payments()[0];
    let order = &payment.order_number;
    let expected = format!(
        r#"{{"code":"0","message":"Transaction envoyée avec succès.","orderNumber":"{order}"}}"#
    );
    assert_eq!((response.status, response.text()), (200, expected));
    assert_eq!(payment.kind, Kind::Payout);
    assert_eq!(payment.amount_customer, "25000.0");
    let transaction = &check(&sandbox, order).json()["transaction"];
    assert_eq!(transaction["status"], "0");
    assert_eq!(transaction["channel"], "mpesa");
    let callback = shop.next().json();
    assert_eq!(callback["code"], "0");
    assert_eq!(callback["orderNumber"], order.as_str());
    assert_eq!(
        callback["provider_reference"],
        payment.provider_reference.as_str()
    );
    assert_eq!(merchant(&sandbox), had - 25_000 * 100);
    assert_eq!(wallet(&sandbox), wallet_had + 25_000 * 100);
}

#[test]
fn a_held_payout_waits_for_the_operator() {
    let sandbox = sandbox();
    hold(&sandbox);
    let shop = Shop::open();
    let (had, wallet_had) = (merchant(&sandbox), wallet(&sandbox));
    let order = pay_out(&sandbox, json!({"callbackUrl": shop.url}));
    let payment = sandbox.payment(&order).expect("the payment");
    assert!(payment.is_pending() && shop.is_quiet());
    // The money is reserved.
    assert_eq!(merchant(&sandbox), had - 25_000 * 100);
    assert_eq!(wallet(&sandbox), wallet_had);

    sandbox.decide(&order, Decision::Approve).expect("decided");
    assert_eq!(shop.next().json()["code"], "0");
    assert_eq!(merchant(&sandbox), had - 25_000 * 100);
    assert_eq!(wallet(&sandbox), wallet_had + 25_000 * 100);
}

#[test]
fn a_failed_payout_gives_the_balance_back() {
    let sandbox = sandbox();
    let shop = Shop::open();
    let (had, wallet_had) = (merchant(&sandbox), wallet(&sandbox));
    hold(&sandbox);
    let order = pay_out(&sandbox, json!({"callbackUrl": shop.url}));
    let payment = sandbox.decide(&order, Decision::Decline).expect("decided");
    assert_eq!(payment.status, "1");
    assert_eq!(payment.failure, "Le transfert n'a pas abouti");
    assert_eq!(shop.next().json()["code"], "1");
    assert_eq!((merchant(&sandbox), wallet(&sandbox)), (had, wallet_had));

    // The test phone whose payouts fail.
    sandbox.set_quirks(Quirks::default());
    let changes = json!({"callbackUrl": shop.url, "phone": "243970000007", "reference": "R-2"});
    let order = pay_out(&sandbox, changes);
    assert_eq!(shop.next().json()["code"], "1");
    assert_eq!(sandbox.payment(&order).expect("the payment").status, "1");
    assert_eq!(merchant(&sandbox), had);
}

#[test]
fn the_merchant_needs_the_money() {
    let sandbox = Sandbox::start_with(Options {
        balance: Balance {
            cdf_minor: 25_000 * 100,
            usd_minor: 50,
        },
        ..Options::default()
    })
    .expect("a sandbox");
    let refused = |changes| {
        let request = mobile_request(&sandbox, changes);
        let response = post_authorized(&sandbox, PAYOUT, &request);
        assert_eq!(
            response.text(),
            r#"{"code":"1","message":"Solde marchand insuffisant"}"#
        );
    };
    refused(json!({"amount": "25001"}));
    refused(json!({"amount": "0.51", "currency": "USD"}));
    pay_out(&sandbox, json!({"amount": "0.5", "currency": "USD"}));
    pay_out(&sandbox, json!({"reference": "R-2"}));
    assert_eq!(sandbox.balance(), Balance::default());
    refused(json!({"amount": "1", "reference": "R-3"}));

    // A sale makes it possible again.
    let order = pay(
        &sandbox,
        json!({"reference": "R-4", "amount": "100", "currency": "CDF"}),
    );
    sandbox.decide(&order, Decision::Approve).expect("decided");
    pay_out(&sandbox, json!({"amount": "100", "reference": "R-3"}));
    sandbox.clear();
    assert_eq!(merchant(&sandbox), 25_000 * 100);
}

#[test]
fn some_phones_cannot_be_paid() {
    let sandbox = sandbox();
    let had = merchant(&sandbox);
    let request = mobile_request(&sandbox, json!({"phone": "243810000004"}));
    let response = post_authorized(&sandbox, PAYOUT, &request);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.text(),
        r#"{"code":"1","message":"Receiver invalid or not allowed to receive this type of transaction"}"#
    );
    assert_eq!(merchant(&sandbox), had);
    // A phone without money can receive some.
    for phone in ["243810000002", "243810000003"] {
        pay_out(&sandbox, json!({"phone": phone, "reference": phone}));
        let has = sandbox.wallet(phone).expect("a phone");
        assert_eq!(has.cdf_minor, 25_000 * 100);
    }
}

#[test]
fn the_habits_of_the_live_gateway() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        hold_payouts: true,
        not_found_checks: 1,
        early_failure_checks: 1,
        ..Quirks::default()
    });
    let order = pay_out(&sandbox, json!({}));
    let status = || check(&sandbox, &order).json()["transaction"]["status"].clone();
    assert_eq!(status(), Value::Null);
    assert_eq!(status(), "1");
    assert_eq!(status(), "2");
    sandbox.decide(&order, Decision::Approve).expect("decided");
    assert_eq!(status(), "0");
}

#[test]
fn a_collection_and_a_payout_share_a_wallet() {
    let sandbox = sandbox();
    let changes = json!({"phone": "243810000001", "amount": "1000000", "reference": "R-1"});
    let too_much = send_mobile(&sandbox, MOBILE, changes);
    // The fee is more than the wallet has.
    assert_eq!(
        sandbox.payment(&too_much).expect("the payment").failure,
        "Insufficient funds"
    );
    pay_out(
        &sandbox,
        json!({"phone": "243810000001", "amount": "20000", "reference": "R-2"}),
    );
    let changes = json!({"phone": "243810000001", "amount": "1000000", "reference": "R-3"});
    let enough = send_mobile(&sandbox, MOBILE, changes);
    assert_eq!(sandbox.payment(&enough).expect("the payment").status, "0");
    let left = sandbox.wallet("243810000001").expect("a phone");
    assert_eq!(left.cdf_minor, 0);
}
