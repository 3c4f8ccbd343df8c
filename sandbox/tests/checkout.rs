//! The card page: approved, declined, cancelled, invalid input, and a second visit.

mod common;

use common::{Response, Shop, get, pay, payment_request, post_form, post_json};
use flexpay_sandbox::customer::{Act, visit};
use flexpay_sandbox::{Decision, Sandbox};
use serde_json::json;

/// A payment: its order number, and the path and URL of its card page.
fn checkout(sandbox: &Sandbox, changes: serde_json::Value) -> (String, String, String) {
    let order = pay(sandbox, changes);
    let payment = sandbox.payment(&order).expect("the payment");
    let path = format!("/checkout/{}", payment.checkout_id);
    let url = sandbox.http_url() + &path;
    (order, path, url)
}

fn status(sandbox: &Sandbox, order: &str) -> String {
    sandbox.payment(order).expect("the payment").status
}

/// The fields of the card form.
fn typed<'a>(number: &'a str, expiry: &'a str, code: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("card_number", number),
        ("expiry", expiry),
        ("security_code", code),
        ("cardholder", "A. Ilunga"),
        ("action", "pay"),
    ]
}

#[test]
fn it_shows_the_order_and_loads_nothing_from_other_hosts() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let changes = json!({
        "amount": "1250000", "currency": "CDF",
        "reference": "<b>\"R\"", "description": "Deux <script>pagnes</script>",
    });
    let (_, path, _) = checkout(&sandbox, changes);
    let page = get(&sandbox, &path);
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(html.contains("1\u{202f}250\u{202f}000\u{a0}CDF"));
    assert!(html.contains("ZANDO") && html.contains("name=\"viewport\""));
    assert!(html.contains("<html lang=\"fr\">") && html.contains("Annuler"));
    assert!(html.contains("4242 4242 4242 4242") && html.contains("4000 0000 0000 0002"));
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "{html}"
    );
    assert!(!html.contains(sandbox.token()));
    assert!(
        get(&sandbox, &format!("{path}?carte=0"))
            .text()
            .contains("value=\"4242")
    );
}

#[test]
fn approved_declined_and_cancelled() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let cases = [
        (Act::Approve, "0", "0", "http://shop.test/approved?order=1"),
        (Act::Decline, "1", "1", "http://shop.test/declined"),
        (Act::Cancel, "5", "1", "http://shop.test/cancelled"),
    ];
    for (n, (act, wire_status, code, sent_to)) in cases.into_iter().enumerate() {
        let reference = format!("R{n}");
        let changes = json!({"callback_url": shop.url, "reference": reference});
        let (order, path, url) = checkout(&sandbox, changes);
        let result = visit(act, &url, None).expect("a visit");
        assert_eq!(result.sent_to, sent_to);
        assert!(!result.story.is_empty());
        assert_eq!(status(&sandbox, &order), wire_status);
        let callback = shop.next();
        assert_eq!(callback.content_type, "application/json");
        let callback = callback.json();
        assert_eq!(callback["code"], code);
        assert_eq!(callback["reference"], reference.as_str());
        assert_eq!(callback["orderNumber"], order.as_str());
        let payment = sandbox.payment(&order).expect("the payment");
        let provider = payment.provider_reference.as_str();
        if act == Act::Approve {
            assert_eq!(callback["provider_reference"], provider);
            assert_eq!(provider.len(), 11);
        } else {
            assert!(callback.get("provider_reference").is_none());
        }
        assert_eq!(
            payment.channel,
            if act == Act::Cancel { "" } else { "visa" }
        );
        // A second visit decides nothing and posts no callback.
        assert!(visit(Act::Approve, &url, None).is_err());
        let again = post_form(&sandbox, &path, &typed("4242424242424242", "12/40", "123"));
        assert_eq!((again.status, again.header("location")), (303, sent_to));
        assert_eq!(status(&sandbox, &order), wire_status);
        assert!(shop.is_quiet());
    }
}

#[test]
fn over_https_too() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let (order, path, _) = checkout(&sandbox, json!({}));
    let url = sandbox.https_url() + &path;
    visit(Act::Approve, &url, Some(sandbox.ca_file())).expect("a visit");
    assert_eq!(status(&sandbox, &order), "0");
}

#[test]
fn without_return_urls_the_result_page_is_shown() {
    let sandbox = Sandbox::start().expect("a sandbox");
    for (act, title) in [
        (Act::Approve, "Paiement accepté"),
        (Act::Decline, "Paiement refusé"),
        (Act::Cancel, "Paiement annulé"),
    ] {
        let reference = format!("{act:?}");
        let fields = [
            ("authorization", sandbox.token()),
            ("merchant", "ZANDO"),
            ("reference", reference.as_str()),
            ("amount", "100"),
            ("currency", "CDF"),
        ];
        post_form(&sandbox, "/v1/pay", &fields);
        let payment = sandbox.payments().pop().expect("a payment");
        let url = format!("{}/checkout/{}", sandbox.http_url(), payment.checkout_id);
        assert_eq!(visit(act, &url, None).expect("a visit").sent_to, url);
        let page = get(&sandbox, &format!("/checkout/{}", payment.checkout_id));
        assert!(page.text().contains(title), "{}", page.text());
        assert!(page.text().contains("Vous pouvez fermer cette page."));
    }
    // The payments have no callback URL, so no callback was posted.
    assert!(sandbox.callbacks().is_empty());
}

#[test]
fn invalid_input_decides_nothing() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let (order, path, _) = checkout(&sandbox, json!({}));
    let cases = [
        (
            typed("4242 4242 4242 4241", "12/40", "123"),
            "Numéro de carte invalide",
        ),
        (typed("", "12/40", "123"), "Numéro de carte invalide"),
        (
            typed("4111 1111 1111 1111", "12/40", "123"),
            "seules les cartes de test",
        ),
        (
            typed("4242 4242 4242 4242", "13/40", "123"),
            "Date d&#39;expiration invalide",
        ),
        (
            typed("4242 4242 4242 4242", "12/20", "123"),
            "Cette carte a expiré",
        ),
        (
            typed("4242 4242 4242 4242", "12/40", "98x"),
            "Code de sécurité invalide",
        ),
    ];
    for (fields, mistake) in cases {
        let page: Response = post_form(&sandbox, &path, &fields);
        assert_eq!(page.status, 422);
        let html = page.text();
        assert!(html.contains(mistake), "{mistake}: {html}");
        assert!(html.contains("aria-invalid=\"true\""));
        assert!(!html.contains("value=\"98x\"") && !html.contains("value=\"123\""));
        assert_eq!(status(&sandbox, &order), "2");
    }
    assert!(sandbox.callbacks().is_empty());
}

#[test]
fn a_mastercard_and_a_bare_post() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let (order, path, _) = checkout(&sandbox, json!({}));
    // The shop redirected the browser here with a POST: shows the page, decides nothing.
    assert!(
        post_form(&sandbox, &path, &[])
            .text()
            .contains("Numéro de carte")
    );
    assert_eq!(status(&sandbox, &order), "2");
    post_form(&sandbox, &path, &typed("5555555555554444", "1/2040", "123"));
    assert_eq!(
        sandbox.payment(&order).expect("the payment").channel,
        "mastercard"
    );
}

#[test]
fn an_unknown_checkout_url() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let page = get(&sandbox, "/checkout/nothing");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("Paiement introuvable"));
    assert_eq!(
        post_form(&sandbox, "/checkout/nothing", &[("action", "pay")]).status,
        404
    );
}

#[test]
fn a_decided_payment_shows_its_status() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let (order, path, _) = checkout(&sandbox, json!({}));
    for (decision, title) in [
        (Decision::Refunding, "Remboursement en cours"),
        (Decision::Refunded, "Paiement remboursé"),
        (Decision::Approve, "Paiement accepté"),
    ] {
        sandbox.decide_silently(&order, decision).expect("decided");
        assert!(get(&sandbox, &path).text().contains(title));
    }
}

#[test]
fn the_checkout_url_leads_to_the_card_page() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let fields = payment_request(&sandbox, json!({}));
    let reply = post_json(&sandbox, "/v1.1/pay", &fields).json();
    let url = reply["url"].as_str().expect("an address");
    let path = url
        .strip_prefix("http://gateway.localhost")
        .expect("its host");
    assert!(get(&sandbox, path).text().contains("Payer"));
}
