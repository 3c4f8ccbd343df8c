//! The collection by mobile money: every reply, every refusal, every test phone.

mod common;

use common::{
    MOBILE, PAYOUT, Shop, TIMEOUT, check, get, mobile_request, pay, post_authorized, post_json,
    send, send_mobile,
};
use flexpay_sandbox::{
    Balance, CodeStyle, Decision, Kind, Options, Quirks, Sandbox, UnauthorizedStyle,
};
use serde_json::{Value, json};

fn sandbox() -> Sandbox {
    Sandbox::start().expect("a sandbox")
}

fn sandbox_with(quirks: Quirks) -> Sandbox {
    Sandbox::start_with(Options {
        quirks,
        ..Options::default()
    })
    .expect("a sandbox")
}

fn collect(sandbox: &Sandbox, changes: Value) -> String {
    send_mobile(sandbox, MOBILE, changes)
}

fn status(sandbox: &Sandbox, order: &str) -> Value {
    check(sandbox, order).json()["transaction"]["status"].clone()
}

#[test]
fn the_reply_is_the_observed_one() {
    let sandbox = sandbox();
    let changes = json!({
        "description": "Deux pagnes", "approveUrl": "https://shop.test/ok",
        "cancelUrl": "https://shop.test/cart", "declineUrl": "shop://no",
        "return_url": "https://shop.test/back",
    });
    let response = post_authorized(&sandbox, MOBILE, &mobile_request(&sandbox, changes));
    assert_eq!(response.status, 200);
    let payment = &sandbox.payments()[0];
    let order = &payment.order_number;
    assert_eq!(
        response.text(),
        format!(
            r#"{{"code":"0","message":"Transaction envoyée avec succès. Veuillez valider le push message","reference":null,"provider_reference":null,"orderNumber":"{order}","url":null}}"#
        )
    );
    assert!(order.ends_with("243812345678") && order.len() == 24);
    assert_eq!(payment.kind, Kind::Mobile);
    assert_eq!(payment.phone, "243812345678");
    assert_eq!(payment.channel, "mpesa");
    assert_eq!(payment.amount, "25000");
    assert_eq!(payment.amount_customer, "25500.0");
    assert_eq!(payment.description, "Deux pagnes");
    assert_eq!(payment.decline_url, "shop://no");
    assert_eq!(payment.return_url, "https://shop.test/back");
    assert!(payment.is_pending() && payment.checkout_url.is_empty());
    let transaction = &check(&sandbox, order).json()["transaction"];
    assert_eq!(transaction["status"], "2");
    assert_eq!(transaction["channel"], "mpesa");
}

#[test]
fn code_style_applies_to_the_reply() {
    let sandbox = sandbox_with(Quirks {
        code_style: CodeStyle::Number,
        ..Quirks::default()
    });
    for (path, reference) in [(MOBILE, "R-1"), (PAYOUT, "R-2")] {
        let request = mobile_request(&sandbox, json!({ "reference": reference }));
        let reply = post_authorized(&sandbox, path, &request).json();
        assert_eq!(reply["code"], json!(0), "{reply}");
    }
}

#[test]
fn the_token_must_be_in_the_header() {
    let sandbox = sandbox();
    let token = sandbox.token();
    let bearer = format!("Bearer {token}");
    for path in [MOBILE, PAYOUT] {
        let in_body = mobile_request(&sandbox, json!({ "authorization": bearer }));
        let response = post_json(&sandbox, path, &in_body);
        assert_eq!(response.status, 401);
        assert_eq!(response.json()["status"], json!(401));
        for wrong in ["Bearer wrong", token, "Bearer", ""] {
            let headers = [
                ("Content-Type", "application/json"),
                ("Authorization", wrong),
            ];
            let body = mobile_request(&sandbox, json!({})).to_string();
            let response = send(&sandbox, "POST", path, &headers, body.as_bytes());
            assert_eq!(response.status, 401, "{wrong}");
        }
    }
    sandbox.set_quirks(Quirks {
        unauthorized_style: UnauthorizedStyle::Code,
        ..Quirks::default()
    });
    let response = post_json(&sandbox, MOBILE, &mobile_request(&sandbox, json!({})));
    assert_eq!(response.text(), r#"{"code":"1","message":"Unauthorized"}"#);
    assert!(sandbox.payments().is_empty());
}

/// The refusals that a collection and a payout have in common.
#[test]
fn every_other_refusal_is_a_code_in_french() {
    let sandbox = sandbox();
    let wrong_type = "Erreur, le type envoyé ne correspond pas";
    let cases = [
        (json!({"type": null}), wrong_type),
        (json!({"type": "2"}), wrong_type),
        (json!({"type": 2}), wrong_type),
        (json!({"type": "1.0"}), wrong_type),
        (
            json!({"merchant": null}),
            "Le champ merchant est obligatoire",
        ),
        (json!({"phone": null}), "Le champ phone est obligatoire"),
        (
            json!({"reference": null}),
            "Le champ reference est obligatoire",
        ),
        (json!({"amount": ""}), "Le champ amount est obligatoire"),
        (
            json!({"currency": null}),
            "Le champ currency est obligatoire",
        ),
        (
            json!({"callbackUrl": null}),
            "Le champ callbackUrl est obligatoire",
        ),
        (
            json!({"callbackUrl": null, "callback_url": "https://shop.test/"}),
            "Le champ callbackUrl est obligatoire",
        ),
        (
            json!({"callbackUrl": "shop://callback"}),
            "Le champ callbackUrl n'est pas une adresse valide",
        ),
        (json!({"merchant": "OTHER"}), "Marchand inconnu"),
        (
            json!({"phone": "0812345678"}),
            "Numéro de téléphone invalide",
        ),
        (
            json!({"phone": "+243812345678"}),
            "Numéro de téléphone invalide",
        ),
        (
            json!({"phone": "24381234567"}),
            "Numéro de téléphone invalide",
        ),
        (
            json!({"phone": "243702345678"}),
            "Aucun opérateur n'a ce numéro de téléphone",
        ),
        (json!({"amount": "575.0"}), "Montant invalide"),
        (
            json!({"amount": "1.00", "currency": "USD"}),
            "Montant invalide",
        ),
        (
            json!({"amount": "0.50", "currency": "USD"}),
            "Montant invalide",
        ),
        (json!({"amount": "0575"}), "Montant invalide"),
        (json!({"amount": "0"}), "Montant invalide"),
        (json!({"amount": "-5"}), "Montant invalide"),
        (
            json!({"amount": "0.5"}),
            "Le montant en CDF doit être un nombre entier de francs",
        ),
        (json!({"currency": "EUR"}), "Devise non prise en charge"),
        (
            json!({"reference": "R".repeat(61)}),
            "La référence dépasse 60 caractères",
        ),
    ];
    for (changes, message) in cases {
        let request = mobile_request(&sandbox, changes.clone());
        for path in [MOBILE, PAYOUT] {
            let response = post_authorized(&sandbox, path, &request);
            assert_eq!(response.status, 200, "{changes}");
            let expected = json!({"code": "1", "message": message});
            assert_eq!(response.json(), expected, "{changes}");
        }
    }
    let bad_return = json!({"approveUrl": "javascript:alert(1)"});
    let request = mobile_request(&sandbox, bad_return);
    assert_eq!(
        post_authorized(&sandbox, MOBILE, &request).json()["message"],
        "Le champ approveUrl n'est pas une adresse valide"
    );
    assert!(sandbox.payments().is_empty());
}

#[test]
fn plain_amounts_and_both_types_of_type_are_accepted() {
    let sandbox = sandbox();
    for (n, changes) in [
        json!({"amount": "575"}),
        json!({"amount": 575}),
        json!({"amount": "0.5", "currency": "USD"}),
        json!({"amount": "0.05", "currency": "USD"}),
        json!({"amount": "12.25", "currency": "USD", "type": 1}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = mobile_request(&sandbox, changes);
        request["reference"] = format!("{n}").repeat(60).into();
        let reply = post_authorized(&sandbox, MOBILE, &request).json();
        assert_eq!(reply["code"], "0", "{request} {reply}");
    }
}

#[test]
fn a_reference_can_be_used_once_over_all_kinds() {
    let sandbox = sandbox();
    pay(&sandbox, json!({"reference": "R-1"}));
    collect(&sandbox, json!({"reference": "R-2"}));
    for path in [MOBILE, PAYOUT] {
        for reference in ["R-1", "R-2"] {
            let request = mobile_request(&sandbox, json!({ "reference": reference }));
            let reply = post_authorized(&sandbox, path, &request).json();
            assert_eq!(reply["message"], "Transaction déjà traitée");
        }
    }
    assert_eq!(sandbox.payments().len(), 2);
}

#[test]
fn private_callbacks_are_refused_with_that_quirk() {
    let sandbox = sandbox_with(Quirks {
        refuse_private_callbacks: true,
        ..Quirks::default()
    });
    for path in [MOBILE, PAYOUT] {
        let request = mobile_request(&sandbox, json!({}));
        let reply = post_authorized(&sandbox, path, &request).json();
        assert_eq!(
            reply["message"],
            "Le champ callbackUrl désigne une adresse locale"
        );
    }
    collect(
        &sandbox,
        json!({"callbackUrl": "https://shop.test/callback"}),
    );
}

#[test]
fn malformed_requests_are_refused() {
    let sandbox = sandbox();
    let bearer = format!("Bearer {}", sandbox.token());
    for path in [MOBILE, PAYOUT] {
        for (content_type, body) in [
            ("application/json", "{"),
            ("application/json", "[]"),
            ("application/json", r#"{"amount":{}}"#),
            ("application/x-www-form-urlencoded", "merchant=ZANDO&type=1"),
        ] {
            let headers = [("Content-Type", content_type), ("Authorization", &bearer)];
            let response = send(&sandbox, "POST", path, &headers, body.as_bytes());
            assert_eq!(response.status, 400, "{body}");
            assert_eq!(response.json()["message"], "Requête mal formée");
        }
        assert_eq!(get(&sandbox, path).status, 405);
    }
}

#[test]
fn each_prefix_has_its_channel() {
    let sandbox = sandbox();
    for (n, (prefix, channel)) in [
        ("81", "mpesa"),
        ("84", "orange"),
        ("97", "airtel"),
        ("90", "afrimoney"),
    ]
    .into_iter()
    .enumerate()
    {
        let phone = format!("243{prefix}2345678");
        let order = collect(
            &sandbox,
            json!({"phone": phone, "reference": format!("R-{n}")}),
        );
        let reply = check(&sandbox, &order).json();
        assert_eq!(reply["transaction"]["channel"], channel);
    }
    sandbox.set_quirks(Quirks {
        orange_is_om: true,
        ..Quirks::default()
    });
    let order = collect(
        &sandbox,
        json!({"phone": "243842345678", "reference": "R-9"}),
    );
    let reply = check(&sandbox, &order).json();
    assert_eq!(reply["transaction"]["channel"], "om");
}

#[test]
fn an_approval_moves_the_money_and_posts_the_callback() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        callback_extra_fields: true,
        ..Quirks::default()
    });
    let shop = Shop::open();
    let (merchant, wallet) = (sandbox.balance(), sandbox.wallet("243812345678"));
    let wallet = wallet.expect("a phone");
    let order = collect(&sandbox, json!({"callbackUrl": shop.url}));
    assert_eq!(sandbox.balance(), merchant);
    let payment = sandbox.decide(&order, Decision::Approve).expect("decided");
    let callback = shop.next().json();
    assert_eq!(callback["code"], "0");
    assert_eq!(callback["reference"], "R-1");
    assert_eq!(callback["orderNumber"], order.as_str());
    assert_eq!(
        callback["provider_reference"],
        payment.provider_reference.as_str()
    );
    assert_eq!(callback["phone"], "243812345678");
    assert_eq!(callback["amount"], "25000");
    assert_eq!(callback["amountCustomer"], "25500.0");
    assert_eq!(callback["channel"], "mpesa");
    assert_eq!(callback["currency"], "CDF");
    let transaction = &check(&sandbox, &order).json()["transaction"];
    assert_eq!(transaction["status"], "0");
    assert_eq!(transaction["amount"], "25000.0");
    assert_eq!(
        sandbox.balance().cdf_minor,
        merchant.cdf_minor + 25_000 * 100
    );
    let paid = sandbox.wallet("243812345678").expect("a phone");
    assert_eq!(paid.cdf_minor, wallet.cdf_minor - 25_500 * 100);
    assert_eq!(paid.usd_minor, wallet.usd_minor);

    // A refund moves it back.
    sandbox.decide(&order, Decision::Refunded).expect("decided");
    assert_eq!(sandbox.balance(), merchant);
    assert_eq!(sandbox.wallet("243812345678").ok(), Some(wallet));
}

#[test]
fn a_refusal_and_an_expiry_fail() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        callback_extra_fields: true,
        ..Quirks::default()
    });
    let shop = Shop::open();
    for (decision, message) in [
        (Decision::Decline, "Transaction refusée par le client"),
        (Decision::Expire, "Délai de confirmation dépassé"),
    ] {
        let reference = format!("{decision:?}");
        let order = collect(
            &sandbox,
            json!({"callbackUrl": shop.url, "reference": reference}),
        );
        let payment = sandbox.decide(&order, decision).expect("decided");
        assert_eq!(payment.failure, message);
        let callback = shop.next().json();
        assert_eq!(callback["code"], "1");
        assert_eq!(callback["message"], message);
        assert_eq!(callback.get("provider_reference"), None);
        assert_eq!(status(&sandbox, &order), "1");
    }
}

#[test]
fn test_phones_react_at_once() {
    let sandbox = sandbox();
    let shop = Shop::open();
    for (phone, wire_status, code) in [
        ("243810000001", "0", "0"),
        ("243840000001", "0", "0"),
        ("243970000005", "1", "1"),
        ("243900000006", "1", "1"),
    ] {
        let order = collect(
            &sandbox,
            json!({"callbackUrl": shop.url, "phone": phone, "reference": phone}),
        );
        assert_eq!(status(&sandbox, &order), wire_status, "{phone}");
        assert_eq!(shop.next().json()["code"], code, "{phone}");
    }
    for phone in ["243810000002", "243810000004", "243810000007"] {
        let order = collect(&sandbox, json!({"phone": phone, "reference": phone}));
        assert_eq!(status(&sandbox, &order), "2", "{phone}");
    }
    let request = mobile_request(&sandbox, json!({"phone": "243810000003"}));
    let response = post_authorized(&sandbox, MOBILE, &request);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.text(),
        r#"{"code":"1","message":"Insufficient funds"}"#
    );
}

#[test]
fn a_confirmation_without_money_fails() {
    let sandbox = sandbox();
    let empty = Balance {
        cdf_minor: 25_499 * 100,
        usd_minor: 0,
    };
    // This phone confirms at once.
    sandbox.set_wallet("243810000001", empty).expect("a phone");
    let order = collect(&sandbox, json!({"phone": "243810000001"}));
    assert_eq!(status(&sandbox, &order), "1");
    let payment = sandbox.payment(&order).expect("the payment");
    assert_eq!(payment.failure, "Insufficient funds");
    assert!(payment.provider_reference.is_empty());
    assert_eq!(sandbox.wallet("243810000001").ok(), Some(empty));
    assert!(sandbox.set_wallet("0810000001", empty).is_err());
}

#[test]
fn a_push_expires_by_itself_with_that_quirk() {
    let sandbox = sandbox_with(Quirks {
        push_expires_ms: 1,
        ..Quirks::default()
    });
    let shop = Shop::open();
    let order = collect(&sandbox, json!({"callbackUrl": shop.url}));
    assert_eq!(shop.next().json()["code"], "1");
    assert_eq!(status(&sandbox, &order), "1");
}

#[test]
fn the_habits_of_the_live_gateway() {
    let sandbox = sandbox_with(Quirks {
        not_found_checks: 1,
        early_failure_checks: 1,
        callback_delay_ms: 20,
        ..Quirks::default()
    });
    let shop = Shop::open();
    let order = collect(&sandbox, json!({"callbackUrl": shop.url}));
    assert_eq!(check(&sandbox, &order).json()["code"], "1");
    assert_eq!(status(&sandbox, &order), "1");
    assert_eq!(status(&sandbox, &order), "2");
    sandbox.decide(&order, Decision::Approve).expect("decided");
    // Check knows it before the callback is posted.
    assert_eq!(status(&sandbox, &order), "0");
    assert_eq!(shop.next().json()["code"], "0");
    assert_eq!(sandbox.wait_for_callbacks(1, TIMEOUT).len(), 1);
}
