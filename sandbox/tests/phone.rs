//! The phone page: pushes, confirmed, refused and expired; the wallet; what was paid and received.

mod common;

use common::{MOBILE, PAYOUT, Response, Shop, check, get, pay, post_form, send, send_mobile};
use flexpay_sandbox::customer::{PhoneAct, Which, answer_push};
use flexpay_sandbox::{Decision, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

const PHONE: &str = "243812345678";
const PAGE: &str = "/phone/243812345678";

fn sandbox() -> Sandbox {
    Sandbox::start().expect("a sandbox")
}

fn push(sandbox: &Sandbox, changes: Value) -> String {
    send_mobile(sandbox, MOBILE, changes)
}

fn answer(sandbox: &Sandbox, page: &str, order: &str, action: &str, pin: &str) -> Response {
    let fields = [("order", order), ("action", action), ("pin", pin)];
    post_form(sandbox, page, &fields)
}

fn status(sandbox: &Sandbox, order: &str) -> String {
    let status = &check(sandbox, order).json()["transaction"]["status"];
    status.as_str().expect("a status").to_owned()
}

#[test]
fn it_shows_the_push_and_loads_nothing_from_other_hosts() {
    let sandbox = sandbox();
    push(
        &sandbox,
        json!({"reference": "<b>R", "description": "Deux <script>pagnes"}),
    );
    push(
        &sandbox,
        json!({"reference": "R-2", "amount": "12.5", "currency": "USD"}),
    );
    push(
        &sandbox,
        json!({"reference": "OTHER", "phone": "243822345678"}),
    );
    let page = get(&sandbox, PAGE);
    assert_eq!(page.status, 200);
    let html = page.text();
    for text in [
        "<html lang=\"fr\">",
        "name=\"viewport\"",
        "M-Pesa",
        "+243\u{a0}812\u{a0}345\u{a0}678",
        "ZANDO demande 25\u{202f}000\u{a0}CDF. Confirmer avec votre code PIN",
        "ZANDO demande 12,50\u{a0}USD. Confirmer avec votre code PIN",
        "25\u{202f}500\u{a0}CDF",
        "1\u{202f}000\u{202f}000\u{a0}CDF",
        "500,00\u{a0}USD",
        "value=\"confirm\"",
        "value=\"refuse\"",
        "value=\"expire\"",
        "Aucun message.",
    ] {
        assert!(html.contains(text), "{text:?} in {html}");
    }
    assert!(!html.contains("OTHER") && !html.contains("<b>") && !html.contains("<script>pagnes"));
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "{html}"
    );
    assert!(!html.contains(sandbox.token()));
    // The newest push is the first.
    assert!(html.find("12,50").expect("shown") < html.find("25\u{202f}000").expect("shown"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");

    let headers = [("Accept-Language", "en-GB")];
    let html = send(&sandbox, "GET", PAGE, &headers, b"").text();
    assert!(html.contains("<html lang=\"fr\">"));
    let html = get(&sandbox, &format!("{PAGE}?lang=en")).text();
    assert!(html.contains("<html lang=\"en\">"));
    assert!(html.contains("ZANDO requests 25\u{202f}000\u{a0}CDF. Confirm with your PIN"));
    for word in ["Confirmer", "Solde", "Aucun", "Refuser", "aussitôt"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn confirmed_refused_and_expired() {
    let sandbox = sandbox();
    let shop = Shop::open();
    for (action, wire_status, code, message) in [
        (
            "confirm",
            "0",
            "0",
            "Vous avez payé 25\u{202f}000\u{a0}CDF à ZANDO.",
        ),
        (
            "refuse",
            "1",
            "1",
            "Vous avez refusé de payer 25\u{202f}000\u{a0}CDF à ZANDO.",
        ),
        (
            "expire",
            "1",
            "1",
            "La demande de ZANDO, 25\u{202f}000\u{a0}CDF, a expiré.",
        ),
    ] {
        let order = push(
            &sandbox,
            json!({"callbackUrl": shop.url, "reference": action}),
        );
        let response = answer(&sandbox, PAGE, &order, action, "1234");
        assert_eq!(response.status, 303, "{action}");
        assert_eq!(response.header("location"), format!("{PAGE}?lang=fr"));
        assert_eq!(status(&sandbox, &order), wire_status);
        let callback = shop.next().json();
        assert_eq!(callback["code"], code);
        assert_eq!(callback["orderNumber"], order.as_str());
        let html = get(&sandbox, PAGE).text();
        assert!(html.contains(message), "{message} in {html}");
        assert!(html.contains("Aucune demande en attente."));

        // A second press changes nothing.
        answer(&sandbox, PAGE, &order, "confirm", "1234");
        assert_eq!(status(&sandbox, &order), wire_status);
        assert!(shop.is_quiet());
    }
    let html = get(&sandbox, PAGE).text();
    assert!(html.contains("974\u{202f}500\u{a0}CDF"), "{html}");
    let html = get(&sandbox, &format!("{PAGE}?lang=en")).text();
    for text in ["You paid", "You refused", "has expired"] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_confirmation_without_money_fails() {
    let sandbox = sandbox();
    let shop = Shop::open();
    let page = "/phone/243810000002";
    let order = push(
        &sandbox,
        json!({"callbackUrl": shop.url, "phone": "243810000002"}),
    );
    assert_eq!(
        answer(&sandbox, page, &order, "confirm", "0000").status,
        303
    );
    assert_eq!(status(&sandbox, &order), "1");
    assert_eq!(shop.next().json()["code"], "1");
    let payment = sandbox.payment(&order).expect("the payment");
    assert_eq!(payment.failure, "Insufficient funds");
    let html = get(&sandbox, page).text();
    assert!(html.contains("Solde insuffisant"), "{html}");

    // With the money of a payout it works.
    send_mobile(
        &sandbox,
        PAYOUT,
        json!({"phone": "243810000002", "amount": "25500", "reference": "R-2"}),
    );
    let order = push(
        &sandbox,
        json!({"phone": "243810000002", "reference": "R-3"}),
    );
    answer(&sandbox, page, &order, "confirm", "0000");
    assert_eq!(status(&sandbox, &order), "0");
    let html = get(&sandbox, page).text();
    assert!(
        html.contains("Vous avez reçu 25\u{202f}500\u{a0}CDF de ZANDO."),
        "{html}"
    );
}

#[test]
fn a_wrong_pin_decides_nothing() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    for pin in ["", "123", "12345", "12a4", "١٢٣٤"] {
        let response = answer(&sandbox, PAGE, &order, "confirm", pin);
        assert_eq!(response.status, 422, "{pin}");
        let html = response.text();
        assert!(html.contains("Le code PIN a quatre chiffres"), "{html}");
        assert!(html.contains("aria-invalid=\"true\""));
        assert!(!html.contains("value=\"123"), "{html}");
        // Nor does the refresh lose the mistake.
        let source = format!("{PAGE}/shown?lang=fr&wrong_pin={order}");
        assert!(html.contains(&source.replace('&', "&amp;")));
        assert!(get(&sandbox, &source).text().contains("aria-invalid"));
    }
    assert_eq!(status(&sandbox, &order), "2");
    // Neither does a button that does not exist.
    answer(&sandbox, PAGE, &order, "", "1234");
    assert_eq!(status(&sandbox, &order), "2");
}

#[test]
fn a_phone_decides_only_about_its_own_pushes() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    let card = pay(&sandbox, json!({"reference": "R-2"}));
    let payout = send_mobile(&sandbox, PAYOUT, json!({"reference": "R-3"}));
    for (page, order) in [
        ("/phone/243822345678", order.as_str()),
        (PAGE, card.as_str()),
        (PAGE, payout.as_str()),
        (PAGE, "unknown"),
    ] {
        let response = answer(&sandbox, page, order, "refuse", "");
        assert_eq!(response.status, 404, "{page} {order}");
    }
    assert_eq!(status(&sandbox, &order), "2");
    assert_eq!(status(&sandbox, &card), "2");
    assert_eq!(status(&sandbox, &payout), "0");
}

#[test]
fn a_page_of_another_origin_cannot_press_a_button() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    let body = format!("order={order}&action=confirm&pin=1234");
    let press = |origin: &str| {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", origin),
        ];
        send(&sandbox, "POST", PAGE, &headers, body.as_bytes()).status
    };
    for origin in ["http://evil.example", "null", "http://localhost"] {
        assert_eq!(press(origin), 403, "{origin}");
    }
    assert_eq!(status(&sandbox, &order), "2");
    assert_eq!(press("http://gateway.localhost"), 303);
    assert_eq!(status(&sandbox, &order), "0");
}

#[test]
fn each_operator_has_its_page_and_other_numbers_have_none() {
    let sandbox = sandbox();
    for (number, name) in [
        ("243832345678", "M-Pesa"),
        ("243892345678", "Orange Money"),
        ("243982345678", "Airtel Money"),
        ("243912345678", "Afrimoney"),
    ] {
        let html = get(&sandbox, &format!("/phone/{number}")).text();
        assert!(html.contains(name), "{name}");
        assert!(html.contains("Aucune demande en attente."));
        // The test phones of the same operator.
        assert!(html.contains(&format!("/phone/{}0000001", &number[..5])));
    }
    for number in ["0812345678", "243702345678", "24381234567", "x"] {
        let page = get(&sandbox, &format!("/phone/{number}"));
        assert_eq!(page.status, 404, "{number}");
        assert!(page.text().contains("Numéro inconnu"));
        let fragment = get(&sandbox, &format!("/phone/{number}/shown"));
        assert_eq!(fragment.status, 404);
    }
    for typed in ["%2B243+812+345+678", "0812345678", "243812345678"] {
        let found = get(&sandbox, &format!("/phone?number={typed}&lang=en"));
        assert_eq!(
            (found.status, found.header("location")),
            (303, "/phone/243812345678?lang=en")
        );
    }
}

#[test]
fn every_state_has_its_message() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    for (decision, message) in [
        (Decision::Approve, "Vous avez payé"),
        (Decision::Refunding, "vous rembourse"),
        (Decision::Refunded, "vous a remboursé"),
        (Decision::Cancel, "est annulé"),
        (Decision::Status("7".to_owned()), "statut 7"),
    ] {
        sandbox.decide_silently(&order, decision).expect("decided");
        let html = get(&sandbox, PAGE).text();
        assert!(html.contains(message), "{message} in {html}");
    }
    // The beneficiary does not hear of a payout that did not arrive.
    let payout = send_mobile(&sandbox, PAYOUT, json!({"reference": "PAYOUT"}));
    assert!(get(&sandbox, PAGE).text().contains("PAYOUT"));
    sandbox
        .decide_silently(&payout, Decision::Decline)
        .expect("decided");
    assert!(!get(&sandbox, PAGE).text().contains("PAYOUT"));
}

#[test]
fn its_requests_are_not_recorded() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    get(&sandbox, PAGE);
    get(&sandbox, &format!("{PAGE}/shown"));
    get(&sandbox, "/phone?number=1");
    answer(&sandbox, PAGE, &order, "confirm", "x");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn the_simulated_customer_uses_the_page() {
    let sandbox = sandbox();
    let order = push(&sandbox, json!({}));
    let visit = answer_push(
        PhoneAct::Confirm,
        &sandbox.https_url(),
        Which::Phone(PHONE),
        Duration::ZERO,
        Some(sandbox.ca_file()),
    )
    .expect("a visit");
    assert_eq!(status(&sandbox, &order), "0");
    assert!(visit.sent_to.starts_with(&sandbox.https_url()));
    assert!(
        visit
            .story
            .last()
            .expect("a story")
            .contains("Vous avez payé")
    );
}
