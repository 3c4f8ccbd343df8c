//! The payment request: every endpoint, every reply, every refusal.

mod common;

use common::{as_pairs, get, pay, payment_request, post_form, post_json, send};
use flexpay_sandbox::{CodeStyle, Options, Quirks, ReplyStyle, Sandbox, UnauthorizedStyle, UrlKey};
use serde_json::{Value, json};

fn sandbox() -> Sandbox {
    Sandbox::start().expect("a sandbox")
}

#[test]
fn json_in_json_out() {
    let sandbox = sandbox();
    let response = post_json(&sandbox, "/v1.1/pay", &payment_request(&sandbox, json!({})));
    assert_eq!(response.status, 200);
    let reply = response.json();
    let payment = &sandbox.payments()[0];
    assert_eq!(reply["code"], json!(0));
    assert_eq!(reply["message"], "Redirection en cours");
    assert_eq!(reply["orderNumber"], payment.order_number.as_str());
    let url = format!("http://gateway.localhost/checkout/{}", payment.checkout_id);
    assert_eq!(reply["url"], url.as_str());
    assert_eq!(payment.checkout_url, url);
    assert_eq!(payment.reference, "R-1");
    assert_eq!(payment.amount, "50.00");
    assert_eq!(payment.amount_customer, "51.0");
    assert_eq!(payment.description, "Deux pagnes & un livre");
    assert_eq!(payment.home_url, "http://shop.test/");
    assert_eq!(payment.status, "2");
    assert_eq!(payment.api, "v1.1");
    assert!(payment.is_pending() && payment.provider_reference.is_empty());
}

#[test]
fn a_json_amount_is_kept_as_written() {
    let sandbox = sandbox();
    let mut body = payment_request(&sandbox, json!({"amount": null})).to_string();
    body.insert_str(1, r#""amount":25.00,"#);
    let headers = [("Content-Type", "application/json; charset=utf-8")];
    let response = send(&sandbox, "POST", "/v1.1/pay", &headers, body.as_bytes());
    assert_eq!(response.json()["code"], json!(0));
    assert_eq!(sandbox.payments()[0].amount, "25.00");
}

#[test]
fn url_keys_and_code_style() {
    let sandbox = sandbox();
    let url_of: [(UrlKey, &str); 5] = [
        (UrlKey::Url, "/url"),
        (UrlKey::PaymentUrl, "/paymentUrl"),
        (UrlKey::RedirectUrl, "/redirectUrl"),
        (UrlKey::Link, "/link"),
        (UrlKey::DataLink, "/data/link"),
    ];
    for (n, (url_key, pointer)) in url_of.into_iter().enumerate() {
        sandbox.set_quirks(Quirks {
            url_key,
            code_style: CodeStyle::Text,
            ..Quirks::default()
        });
        let fields = payment_request(&sandbox, json!({"reference": format!("R{n}")}));
        let reply = post_json(&sandbox, "/v1.1/pay", &fields).json();
        assert_eq!(reply["code"], "0");
        let url = sandbox.payments()[n].checkout_url.clone();
        assert_eq!(reply.pointer(pointer), Some(&Value::from(url)), "{reply}");
    }
}

#[test]
fn a_form_gets_a_page_with_a_link() {
    let sandbox = sandbox();
    for (n, path) in ["/v1/pay", "/v2/pay"].into_iter().enumerate() {
        let fields = payment_request(&sandbox, json!({"reference": format!("R{n}")}));
        let response = post_form(&sandbox, path, &as_pairs(&fields));
        assert_eq!(response.status, 200);
        assert!(response.header("content-type").starts_with("text/html"));
        let payment = &sandbox.payments()[n];
        assert_eq!(payment.api, ["v1", "v2"][n]);
        let link = format!(r#"<a href="{}">"#, payment.checkout_url);
        assert!(response.text().contains(&link), "{}", response.text());
    }
}

#[test]
fn a_form_with_only_the_required_fields_is_accepted() {
    let sandbox = sandbox();
    let token = sandbox.token().to_owned();
    let fields = [
        ("authorization", token.as_str()), // without "Bearer ", as in the document
        ("merchant", "ZANDO"),
        ("reference", "MM0000XXFFR159"),
        ("amount", "100"),
        ("currency", "CDF"),
    ];
    assert!(
        post_form(&sandbox, "/v1/pay", &fields)
            .text()
            .contains("<a href=")
    );
    assert_eq!(sandbox.payments()[0].amount_customer, "102.0");
}

#[test]
fn a_multipart_form_is_accepted() {
    let sandbox = sandbox();
    let fields = payment_request(&sandbox, json!({}));
    let mut body = String::new();
    for (name, value) in as_pairs(&fields) {
        body +=
            &format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--xyz--\r\n";
    let headers = [("Content-Type", "multipart/form-data; boundary=xyz")];
    let response = send(&sandbox, "POST", "/v1/pay", &headers, body.as_bytes());
    assert!(response.text().contains("<a href="), "{}", response.text());
    assert_eq!(sandbox.payments()[0].description, "Deux pagnes & un livre");
}

#[test]
fn the_other_reply_styles() {
    let sandbox = Sandbox::start_with(Options {
        public_url: Some("https://cards.test/".to_owned()),
        ..Options::default()
    })
    .expect("a sandbox");
    let pay = |reply_style, reference: &str| {
        sandbox.set_quirks(Quirks {
            reply_style,
            ..Quirks::default()
        });
        let fields = payment_request(&sandbox, json!({"reference": reference}));
        let response = post_form(&sandbox, "/v1/pay", &as_pairs(&fields));
        let payment = sandbox.payments().pop().expect("a payment");
        assert!(
            payment
                .checkout_url
                .starts_with("https://cards.test/checkout/")
        );
        (response, payment.checkout_url)
    };

    let (response, url) = pay(ReplyStyle::MetaRefresh, "a");
    let refresh = format!(r#"<meta http-equiv="refresh" content="0; url={url}">"#);
    assert!(response.text().contains(&refresh), "{}", response.text());
    assert!(!response.text().contains("<a "));

    let (response, url) = pay(ReplyStyle::SelfSubmit, "b");
    assert!(response.text().contains(&format!(r#"action="{url}""#)));
    assert!(response.text().contains("submit()"));

    let (response, url) = pay(ReplyStyle::Redirect, "c");
    assert_eq!(response.status, 302);
    assert_eq!(response.header("location"), url);
}

#[test]
fn a_wrong_token_is_refused() {
    let sandbox = sandbox();
    for token in ["", "Bearer", "Bearer wrong", "wrong", "bearer  x"] {
        let fields = payment_request(&sandbox, json!({"authorization": token}));
        for response in [
            post_json(&sandbox, "/v1.1/pay", &fields),
            post_form(&sandbox, "/v1/pay", &as_pairs(&fields)),
        ] {
            assert_eq!(response.status, 401);
            assert_eq!(response.json()["status"], json!(401));
            assert_eq!(response.json()["error"], "Unauthorized");
        }
    }
    sandbox.set_quirks(Quirks {
        unauthorized_style: UnauthorizedStyle::Code,
        ..Quirks::default()
    });
    let fields = payment_request(&sandbox, json!({"authorization": null}));
    let response = post_json(&sandbox, "/v1.1/pay", &fields);
    assert_eq!(response.status, 401);
    assert_eq!(response.text(), r#"{"code":"1","message":"Unauthorized"}"#);
    assert!(sandbox.payments().is_empty());
}

#[test]
fn every_other_refusal_is_a_code_in_french() {
    let sandbox = sandbox();
    let cases = [
        (json!({"merchant": "OTHER"}), "Marchand inconnu"),
        (
            json!({"merchant": null}),
            "Le champ merchant est obligatoire",
        ),
        (
            json!({"reference": null}),
            "Le champ reference est obligatoire",
        ),
        (
            json!({"reference": ""}),
            "Le champ reference est obligatoire",
        ),
        (json!({"amount": null}), "Le champ amount est obligatoire"),
        (
            json!({"currency": null}),
            "Le champ currency est obligatoire",
        ),
        (json!({"amount": "ten"}), "Montant invalide"),
        (json!({"amount": "0"}), "Montant invalide"),
        (json!({"amount": "-5"}), "Montant invalide"),
        (json!({"amount": "5.001"}), "Montant invalide"),
        (json!({"currency": "EUR"}), "Devise non prise en charge"),
        (json!({"currency": "usd"}), "Devise non prise en charge"),
        (
            json!({"currency": "CDF", "amount": "50.50"}),
            "Le montant en CDF doit être un nombre entier de francs",
        ),
        (
            json!({"reference": "12345678901234567890123456"}),
            "La référence dépasse 25 caractères",
        ),
        (
            json!({"approve_url": "javascript:alert(1)"}),
            "Le champ approve_url n'est pas une adresse valide",
        ),
    ];
    for (changes, message) in cases {
        let fields = payment_request(&sandbox, changes.clone());
        for response in [
            post_json(&sandbox, "/v1.1/pay", &fields),
            post_form(&sandbox, "/v1/pay", &as_pairs(&fields)),
        ] {
            assert_eq!(response.status, 200, "{changes}");
            let expected = json!({"code": "1", "message": message});
            assert_eq!(response.json(), expected, "{changes}");
        }
    }
    assert!(sandbox.payments().is_empty());
}

#[test]
fn urls_are_required_by_v1_1_and_not_by_v1() {
    let sandbox = sandbox();
    for name in ["callback_url", "approve_url", "cancel_url", "decline_url"] {
        let fields = payment_request(&sandbox, json!({name: null}));
        let reply = post_json(&sandbox, "/v1.1/pay", &fields).json();
        assert_eq!(reply["message"], format!("Le champ {name} est obligatoire"));
    }
    let fields = payment_request(&sandbox, json!({"callback_url": null}));
    post_form(&sandbox, "/v1/pay", &as_pairs(&fields));
    assert_eq!(sandbox.payments().len(), 1);
}

#[test]
fn a_reference_can_be_used_once() {
    let sandbox = sandbox();
    let longest = "1234567890123456789012345";
    pay(&sandbox, json!({"reference": longest}));
    let fields = payment_request(&sandbox, json!({"reference": longest}));
    let reply = post_json(&sandbox, "/v1.1/pay", &fields).json();
    assert_eq!(reply["code"], "1");
    assert_eq!(reply["message"], "Transaction déjà traitée");
    assert_eq!(sandbox.payments().len(), 1);
    sandbox.clear();
    pay(&sandbox, json!({"reference": longest}));
}

#[test]
fn private_callbacks_are_refused_with_that_quirk() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        refuse_private_callbacks: true,
        ..Quirks::default()
    });
    let reply = post_json(&sandbox, "/v1.1/pay", &payment_request(&sandbox, json!({}))).json();
    assert_eq!(
        reply["message"],
        "Le champ callback_url désigne une adresse locale"
    );
    pay(
        &sandbox,
        json!({"callback_url": "https://shop.test/callback"}),
    );
}

#[test]
fn malformed_requests_are_refused() {
    let sandbox = sandbox();
    let json_type = [("Content-Type", "application/json")];
    for body in ["", "{", "[]", "3", r#"{"amount":{}}"#, r#"{"amount":true}"#] {
        let response = send(&sandbox, "POST", "/v1.1/pay", &json_type, body.as_bytes());
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.json()["message"], "Requête mal formée");
    }
    assert_eq!(
        send(&sandbox, "POST", "/v1/pay", &json_type, b"{}").status,
        400
    );
    assert_eq!(get(&sandbox, "/v1/pay").status, 405);
    assert_eq!(get(&sandbox, "/v3/pay").status, 404);
}
