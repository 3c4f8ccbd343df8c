//! The sandbox's own pages.

mod common;

use common::{
    MOBILE, PAYOUT, Response, Shop, TIMEOUT, as_pairs, check, get, mobile_request, pay,
    payment_request, post_authorized, post_form, post_json, send, send_mobile,
};
use flexpay_sandbox::{Action, Decision, Delivery, Endpoint, Error, Fault, Sandbox};
use serde_json::json;

fn dashboard(sandbox: &Sandbox, language: &str) -> String {
    get(sandbox, &format!("/?lang={language}")).text()
}

#[test]
fn refused_requests_are_listed_with_reason_and_content() {
    let sandbox = Sandbox::start().expect("a sandbox");
    assert!(dashboard(&sandbox, "en").contains("<p class=\"sheet empty\">None.</p>"));
    let no_address = payment_request(&sandbox, json!({"callback_url": null}));
    post_json(&sandbox, "/v1.1/pay", &no_address);
    let wrong_token = payment_request(&sandbox, json!({"authorization": "Bearer canary-1"}));
    post_json(&sandbox, "/v1.1/pay", &wrong_token);
    post_form(&sandbox, "/v1/pay", &as_pairs(&wrong_token));
    let francs = payment_request(&sandbox, json!({"currency": "CDF", "amount": "100.50"}));
    post_json(&sandbox, "/v1.1/pay", &francs);
    let long = payment_request(&sandbox, json!({"reference": "R".repeat(26)}));
    post_json(&sandbox, "/v1.1/pay", &long);
    post_json(&sandbox, "/v1/pay", &no_address);
    get(&sandbox, "/api/rest/v1/check/1");
    let bearer = [("Authorization", "Bearer canary-2")];
    send(&sandbox, "GET", "/api/rest/v1/check/1", &bearer, b"");
    get(&sandbox, "/no/such/address?authorization=canary-3");

    let page = get(&sandbox, "/sandbox/shown?lang=en").text();
    for text in [
        "Le champ callback_url est obligatoire",
        "Jeton d&#39;autorisation invalide",
        "Le montant en CDF doit être un nombre entier de francs",
        "La référence dépasse 25 caractères",
        "Requête mal formée</strong> This address accepts a form",
        "HTTP 404 Not Found",
        "POST /v1.1/pay",
        "content-type: application/json",
        "&#34;reference&#34;:&#34;R-1&#34;",
        "GET /no/such/address",
    ] {
        assert!(page.contains(text), "{text:?} in {page}");
    }
    assert!(!page.contains("canary"), "{page}");
    assert!(!page.contains(sandbox.token()), "{page}");
    assert_eq!(page.matches("id=\"request-").count(), 9);

    let requests = get(&sandbox, "/sandbox/api/requests").json();
    assert_eq!(
        requests[0]["refusal"],
        json!("Le champ callback_url est obligatoire")
    );
}

#[test]
fn other_requests_are_not_listed_as_refused() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    check(&sandbox, &order);
    check(&sandbox, "not-known-yet");
    let html = Action::Html {
        status: 404,
        record: false,
    };
    let fault = Fault::on(Endpoint::Check, html);
    sandbox.inject(fault).expect("a fault");
    assert_eq!(check(&sandbox, &order).status, 404);
    assert!(dashboard(&sandbox, "en").contains("<p class=\"sheet empty\">None.</p>"));
}

#[test]
fn the_page_is_in_french_or_english() {
    let sandbox = Sandbox::start().expect("a sandbox");
    pay(&sandbox, json!({}));
    let french = dashboard(&sandbox, "fr");
    assert!(french.contains("<html lang=\"fr\">"));
    assert!(french.contains("2, en attente") && french.contains("La vraie passerelle refuse ceci"));
    assert!(french.contains("Réglages à copier") && french.contains("href=\"/?lang=en\""));
    let english = dashboard(&sandbox, "en");
    assert!(english.contains("<html lang=\"en\">"));
    assert!(english.contains("2, pending") && english.contains("The live gateway refuses this"));
    let headers = [("Accept-Language", "fr-CD")];
    let response = send(&sandbox, "GET", "/", &headers, b"");
    assert!(response.text().contains("<html lang=\"fr\">"));
    // The French page has no English words.
    for word in [
        "Payouts", "Settings", "Refused", "Checks", "pending", "Phone",
    ] {
        assert!(!french.contains(word), "{word}");
    }
}

#[test]
fn each_kind_has_its_own_column() {
    let sandbox = Sandbox::start().expect("a sandbox");
    for none in [
        "Card payments appear",
        "Mobile money payments appear",
        "Payouts appear",
    ] {
        assert!(dashboard(&sandbox, "en").contains(none), "{none}");
    }
    let card = pay(&sandbox, json!({"reference": "R-CARD"}));
    let mobile = send_mobile(&sandbox, MOBILE, json!({"reference": "R-MOBILE"}));
    let changes = json!({"reference": "R-PAYOUT", "phone": "243842345678"});
    let payout = send_mobile(&sandbox, PAYOUT, changes);
    let page = get(&sandbox, "/sandbox/shown?lang=en").text();
    let columns: Vec<&str> = page.split("<section class=\"kind").skip(1).collect();
    assert_eq!(columns.len(), 3);
    for (column, texts) in columns.iter().zip([
        ["Cards", &card, "R-CARD", "Card page"],
        [
            "Mobile money",
            &mobile,
            "+243\u{a0}812\u{a0}345\u{a0}678, mpesa",
            "/phone/243812345678",
        ],
        ["Payouts", &payout, "paid out", "/phone/243842345678"],
    ]) {
        for text in texts {
            assert!(column.contains(text), "{text:?} in {column}");
        }
    }
    // 25 000 francs less than at first.
    assert!(page.contains("9\u{202f}975\u{202f}000\u{a0}CDF"), "{page}");
    sandbox.decide(&mobile, Decision::Expire).expect("decided");
    let page = dashboard(&sandbox, "en");
    assert!(page.contains("Délai de confirmation dépassé"));
    // The phones are one step away.
    assert!(page.contains("action=\"/phone\"") && page.contains("/phone/243810000001?lang=en"));
}

#[test]
fn a_refused_amount_is_explained() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let request = mobile_request(&sandbox, json!({"amount": "575.0"}));
    post_authorized(&sandbox, MOBILE, &request);
    let bearer = format!("Bearer {}", sandbox.token());
    let headers = [("Authorization", bearer.as_str())];
    send(&sandbox, "POST", PAYOUT, &headers, b"type=1");
    let page = dashboard(&sandbox, "en");
    assert!(page.contains("no superfluous zeros: 575 or 0.5"), "{page}");
    assert!(page.contains("Requête mal formée</strong> This address accepts JSON."));
    let page = get(&sandbox, "/sandbox/shown").text();
    assert!(!page.contains(sandbox.token()));
}

#[test]
fn only_a_private_callback_url_has_a_warning() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let public = json!({"callback_url": "https://shop.example/callback"});
    pay(&sandbox, public);
    assert!(!dashboard(&sandbox, "en").contains("The live gateway refuses this"));
    pay(&sandbox, json!({"reference": "R-2"}));
    assert!(dashboard(&sandbox, "en").contains("The live gateway refuses this"));
}

#[test]
fn each_status_has_its_own_colour_sign_and_name() {
    let sandbox = Sandbox::start().expect("a sandbox");
    for (reference, decision, shown) in [
        ("R-1", Decision::Approve, ["good", "✓", "paid"]),
        ("R-2", Decision::Decline, ["bad", "✕", "declined"]),
        ("R-3", Decision::Cancel, ["gone", "⊘", "cancelled"]),
        ("R-4", Decision::Pending, ["open", "…", "pending"]),
    ] {
        let order = pay(&sandbox, json!({ "reference": reference }));
        sandbox.decide_silently(&order, decision).expect("decided");
        let [class, sign, word] = shown;
        let state = format!(
            "<p class=\"state {class}\"><span aria-hidden=\"true\">{sign}</span> {word}</p>"
        );
        let page = dashboard(&sandbox, "en");
        assert!(page.contains(&state), "{state}: {page}");
    }
}

#[test]
fn no_callback_is_posted_about_a_pending_payment() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    let page = dashboard(&sandbox, "en");
    assert!(page.contains("posts no callback yet") && !page.contains("Deliver the callback again"));
    let refused = sandbox.deliver(&order, Delivery::now());
    assert!(matches!(refused, Err(Error::NotDecided(_))), "{refused:?}");
    let path = format!("/sandbox/api/payments/{order}/deliver");
    let response = post_json(&sandbox, &path, &json!({}));
    assert_eq!(response.status, 409);
    assert!(response.text().contains("decide it first"));

    // A forged callback sets the code itself.
    let forged = Delivery::now().set("code", "0");
    sandbox.deliver(&order, forged).expect("delivery accepted");
    assert_eq!(shop.next().json()["code"], "0");
    sandbox.wait_for_callbacks(1, TIMEOUT);
    sandbox
        .decide_silently(&order, Decision::Decline)
        .expect("decided");
    sandbox
        .deliver(&order, Delivery::now())
        .expect("delivery accepted");
    assert_eq!(shop.next().json()["code"], "1");
}

#[test]
fn settings_for_each_language() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let page = dashboard(&sandbox, "en");
    let base = "http://gateway.localhost";
    for text in [
        format!("export FLEXPAY_MERCHANT={}", sandbox.merchant()),
        format!("export FLEXPAY_TOKEN={}", sandbox.token()),
        "export FLEXPAY_API=v1.1".to_owned(),
        format!("&#39;pay_url&#39; =&#62; &#39;{base}/v1.1/pay&#39;"),
        format!("env[FLEXPAY_PAY_URL] = &#34;{base}/v1.1/pay&#34;"),
        format!("export FLEXPAY_MOBILE_URL={base}/api/rest/v1/paymentService"),
        format!("payout_url=&#34;{base}/api/rest/v1/merchantPayOutService&#34;"),
        format!("check_url=&#34;{base}/api/rest/v1/check&#34;"),
        "config.api = FLEXPAY_API_V1_1;".to_owned(),
        "config.api = flexpay::Api::v1_1;".to_owned(),
        "api: Api::V1_1".to_owned(),
    ] {
        assert!(page.contains(&text), "{text}");
    }
}

#[test]
fn the_error_page_does_not_ask_the_customer_to_retry() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let html = Action::Html {
        status: 502,
        record: true,
    };
    sandbox
        .inject(Fault::on(Endpoint::Pay, html))
        .expect("a fault");
    let request = payment_request(&sandbox, json!({}));
    let response = post_json(&sandbox, "/v1.1/pay", &request);
    assert_eq!(response.status, 502);
    assert!(
        !response.text().contains("réessayer"),
        "{}",
        response.text()
    );
    assert!(response.text().contains("ne la renvoyez pas"));
}

/// Sends the request of a curl command.
fn curl(sandbox: &Sandbox, command: &str, base: &str, order: &str) -> Response {
    let command = command.replace("ORDER", order);
    let mut words = Vec::new();
    for (place, part) in command.split('\'').enumerate() {
        match place % 2 {
            0 => words.extend(part.split_whitespace()),
            _ => words.push(part),
        }
    }
    let mut words = words.into_iter();
    assert_eq!(words.next(), Some("curl"));
    let (mut method, mut path, mut headers, mut body) = (None, "", Vec::new(), "");
    while let Some(word) = words.next() {
        match word {
            "-X" => method = words.next(),
            "-H" => headers.extend(words.next().and_then(|header| header.split_once(": "))),
            "-d" => body = words.next().expect("a body"),
            address => path = address.strip_prefix(base).expect("this gateway"),
        }
    }
    let method = method.unwrap_or(if body.is_empty() { "GET" } else { "POST" });
    send(sandbox, method, path, &headers, body.as_bytes())
}

#[test]
fn every_curl_example_works() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let page = get(&sandbox, "/sandbox/api?lang=en").text();
    assert!(page.contains("Control the sandbox"));
    let shown: Vec<String> = page
        .split("<pre tabindex=\"0\">")
        .skip(1)
        .filter_map(|rest| rest.split_once("</pre>"))
        .map(|(command, _)| {
            let command = command.replace("&#39;", "'").replace("&#34;", "\"");
            command.replace("&amp;", "&").replace("&#62;", ">")
        })
        .collect();
    assert_eq!(shown.len(), 23);
    let readme = include_str!("../README.md");
    for command in &shown {
        let order = pay(
            &sandbox,
            json!({"reference": format!("R-{}", sandbox.payments().len())}),
        );
        sandbox
            .decide_silently(&order, Decision::Approve)
            .expect("decided");
        let response = curl(&sandbox, command, "http://gateway.localhost", &order);
        assert!(
            (200..300).contains(&response.status),
            "{command}: {response:?}"
        );
        sandbox.clear_faults();
        // README.md has the same example, with the default address.
        let example = command.replace("http://gateway.localhost", "http://127.0.0.1:8400");
        assert!(readme.contains(&example), "not in README.md: {example}");
    }
}
