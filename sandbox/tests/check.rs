//! Check, and the quirks of its replies.

mod common;

use common::{check, pay, send};
use flexpay_sandbox::{
    AmountStyle, CodeStyle, CreatedAtStyle, Decision, KeyStyle, Quirks, Sandbox,
};
use serde_json::json;

fn sandbox_with(quirks: Quirks) -> Sandbox {
    let sandbox = Sandbox::start().expect("a sandbox");
    sandbox.set_quirks(quirks);
    sandbox
}

#[test]
fn the_documented_reply() {
    let sandbox = sandbox_with(Quirks::default());
    let order = pay(&sandbox, json!({"amount": "50", "currency": "CDF"}));
    let response = check(&sandbox, &order);
    assert_eq!(response.status, 200);
    let text = response.text();
    let start = format!(
        r#"{{"code":"0","message":"Une transaction trouvée","transaction":{{"orderNumber":"{order}","reference":"R-1","amount":"50.0","amountCustomer":"51.0","currency":"CDF","createdAt":""#
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(text.ends_with(r#"","status":"2"}}"#), "{text}");
    let created = response.json()["transaction"]["createdAt"].to_string();
    let shape: String = created
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(shape, "\"99-99-9999 99:99:99\"");
    let payment = sandbox.payment(&order).expect("the payment");
    assert_eq!((payment.checks, payment.checks_found), (1, 1));
}

#[test]
fn an_unknown_order_is_not_found() {
    let sandbox = sandbox_with(Quirks::default());
    let response = check(&sandbox, "9bsTX7qXdpQe243815877848");
    assert_eq!(response.status, 200);
    assert_eq!(
        response.text(),
        r#"{"code":"1","message":"Aucune transaction trouvée","transaction":null}"#
    );
}

#[test]
fn the_bearer_token_is_required() {
    let sandbox = sandbox_with(Quirks::default());
    let order = pay(&sandbox, json!({}));
    let path = format!("/api/rest/v1/check/{order}");
    let bare = sandbox.token().to_owned();
    let headers: [&[(&str, &str)]; 3] = [
        &[],
        &[("Authorization", &bare)],
        &[("Authorization", "Bearer wrong")],
    ];
    for headers in headers {
        let response = send(&sandbox, "GET", &path, headers, b"");
        assert_eq!(response.status, 401);
        assert_eq!(response.json()["status"], json!(401));
    }
}

#[test]
fn the_order_number_is_percent_decoded() {
    let sandbox = sandbox_with(Quirks::default());
    let order = pay(&sandbox, json!({}));
    let encoded: String = order.bytes().map(|b| format!("%{b:02X}")).collect();
    assert_eq!(check(&sandbox, &encoded).json()["code"], "0");
}

#[test]
fn every_status() {
    let sandbox = sandbox_with(Quirks::default());
    let order = pay(&sandbox, json!({}));
    let cases = [
        (Decision::Approve, "0"),
        (Decision::Decline, "1"),
        (Decision::Pending, "2"),
        (Decision::Refunding, "3"),
        (Decision::Refunded, "4"),
        (Decision::Cancel, "5"),
        (Decision::Status("7".to_owned()), "7"),
        (Decision::Status(String::new()), ""),
    ];
    for (decision, status) in cases {
        sandbox.decide_silently(&order, decision).expect("decided");
        let reply = check(&sandbox, &order).json();
        assert_eq!(reply["code"], "0");
        assert_eq!(reply["transaction"]["status"], status);
        let failed = reply["message"] == "Le paiement n'a pas réussi";
        assert_eq!(failed, status == "1");
        assert_eq!(reply["transaction"]["channel"], "visa");
    }
    assert!(sandbox.decide("unknown", Decision::Approve).is_err());
}

#[test]
fn a_new_order_is_not_found_at_first() {
    let sandbox = sandbox_with(Quirks {
        not_found_checks: 2,
        ..Quirks::default()
    });
    let order = pay(&sandbox, json!({}));
    let codes: Vec<_> = (0..3)
        .map(|_| check(&sandbox, &order).json()["code"].clone())
        .collect();
    assert_eq!(codes, ["1", "1", "0"]);

    sandbox.set_quirks(Quirks {
        not_found_ms: 3_600_000,
        ..Quirks::default()
    });
    assert_eq!(check(&sandbox, &order).json()["code"], "1");
}

#[test]
fn an_early_failure_while_pending() {
    let sandbox = sandbox_with(Quirks {
        not_found_checks: 1,
        early_failure_checks: 1,
        ..Quirks::default()
    });
    let order = pay(&sandbox, json!({}));
    let status = || check(&sandbox, &order).json()["transaction"]["status"].clone();
    assert_eq!(status(), json!(null));
    assert_eq!(status(), "1");
    assert_eq!(status(), "2");
    sandbox
        .decide_silently(&order, Decision::Approve)
        .expect("decided");
    assert_eq!(status(), "0");
}

#[test]
fn reply_formats() {
    let sandbox = sandbox_with(Quirks {
        order_number_as_reference: true,
        amount_style: AmountStyle::Number,
        code_style: CodeStyle::Number,
        check_keys: KeyStyle::Capital,
        created_at_style: CreatedAtStyle::IsoUtc,
        ..Quirks::default()
    });
    let order = pay(&sandbox, json!({}));
    let reply = check(&sandbox, &order).json();
    assert_eq!(reply["Code"], json!(0));
    assert_eq!(reply["Message"], "Une transaction trouvée");
    let transaction = &reply["Transaction"];
    assert_eq!(transaction["reference"], order.as_str());
    assert_eq!(transaction["amount"], json!(50));
    assert!(
        transaction["createdAt"]
            .as_str()
            .expect("text")
            .ends_with('Z')
    );

    sandbox.set_quirks(Quirks {
        amount_style: AmountStyle::Whole,
        omit_order_number: true,
        stray_comma: true,
        ..Quirks::default()
    });
    let text = check(&sandbox, &order).text();
    assert!(text.ends_with(r#""status":"2",}}"#), "{text}");
    assert!(text.contains(r#""amount":"50","#), "{text}");
    assert!(!text.contains("orderNumber"), "{text}");
}
