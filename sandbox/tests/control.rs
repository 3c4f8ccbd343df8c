//! The control API and the dashboard.

mod common;

use common::{
    MOBILE, PAYOUT, Response, Shop, TIMEOUT, check, get, pay, post_form, post_json, send,
    send_mobile,
};
use flexpay_sandbox::{Decision, Delivery, Quirks, Sandbox};
use serde_json::{Value, json};

fn change(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> Response {
    let headers = [("Content-Type", "application/json")];
    let path = format!("/sandbox/api/{path}");
    send(
        sandbox,
        method,
        &path,
        &headers,
        body.to_string().as_bytes(),
    )
}

fn list(sandbox: &Sandbox, what: &str) -> Value {
    let response = get(sandbox, &format!("/sandbox/api/{what}"));
    assert_eq!(response.status, 200);
    response.json()
}

#[test]
fn decide_and_deliver() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    assert_eq!(
        list(&sandbox, "payments")[0]["order_number"],
        order.as_str()
    );
    let decide = |body: Value| change(&sandbox, "POST", &format!("payments/{order}/decide"), &body);

    let response = decide(json!({"decision": "approve", "callback": false}));
    assert_eq!(response.json()["status"], "0");
    let response = decide(json!({"decision": {"status": "7"}}));
    assert_eq!(response.json()["status"], "7");
    assert!(shop.is_quiet());
    decide(json!({"decision": "decline"}));
    assert_eq!(shop.next().json()["code"], "1");

    let forged = json!({"set": {"code": "0"}, "times": 2, "form": true});
    let response = change(
        &sandbox,
        "POST",
        &format!("payments/{order}/deliver"),
        &forged,
    );
    assert_eq!(response.status, 202);
    assert!(shop.next().body.starts_with("code=0&"));
    shop.next();
    sandbox.wait_for_callbacks(3, TIMEOUT);
    let callbacks = list(&sandbox, &format!("callbacks?order={order}"));
    assert_eq!(callbacks.as_array().expect("a list").len(), 3);
    assert_eq!(callbacks[0]["reply_status"], json!(200));
    assert_eq!(list(&sandbox, "callbacks?order=other"), json!([]));

    let silence = json!({"deliver": false});
    let path = format!("payments/{order}/deliver_callbacks");
    assert_eq!(change(&sandbox, "PUT", &path, &silence).status, 204);
    assert_eq!(
        list(&sandbox, &format!("payments/{order}"))["deliver_callbacks"],
        json!(false)
    );
}

#[test]
fn faults_are_injected_as_json() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let inject = |fault: Value| change(&sandbox, "POST", "faults", &fault).status;
    let faults = [
        json!({"on": "check", "action": {"kind": "reply", "status": 418, "headers": [["X-A", "b"]], "body": "hé"}}),
        json!({"on": "check", "action": {"kind": "reply", "status": 419, "body": {"hex": "ff00"}}}),
        json!({"on": "check", "times": null, "action": {"kind": "html", "status": 500}}),
    ];
    for fault in faults {
        assert_eq!(inject(fault), 204);
    }
    assert_eq!(
        list(&sandbox, "faults").as_array().expect("a list").len(),
        3
    );
    let response = check(&sandbox, "x");
    assert_eq!((response.status, response.header("x-a")), (418, "b"));
    assert_eq!(response.text(), "hé");
    assert_eq!(check(&sandbox, "x").body, [0xff, 0]);
    assert_eq!(check(&sandbox, "x").status, 500);
    assert_eq!(
        change(&sandbox, "DELETE", "faults", &json!(null)).status,
        204
    );
    assert_eq!(check(&sandbox, "x").status, 200);

    for action in [
        json!({"kind": "delay", "ms": 1}),
        json!({"kind": "cut_after", "bytes": 3}),
        json!({"kind": "stall_after", "bytes": 3}),
        json!({"kind": "drip", "ms_per_byte": 3}),
        json!({"kind": "reset_before_reading"}),
        json!({"kind": "reset_after_reading"}),
        json!({"kind": "close_after_reading"}),
        json!({"kind": "malformed_json"}),
    ] {
        assert_eq!(inject(json!({ "action": action })), 204);
        // Not over HTTP: a connection fault would apply to that request.
        assert_eq!(sandbox.faults().len(), 1);
        sandbox.clear_faults();
    }
    assert_eq!(
        inject(json!({"on": "nowhere", "action": {"kind": "delay", "ms": 1}})),
        400
    );
    assert_eq!(
        inject(json!({"on": "pay", "times": 0, "action": {"kind": "delay", "ms": 1}})),
        400
    );
}

#[test]
fn quirks_change_one_by_one() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let response = change(&sandbox, "PATCH", "quirks", &json!({"stray_comma": true}));
    assert_eq!(response.status, 200);
    change(
        &sandbox,
        "PATCH",
        "quirks",
        &json!({"amount_style": "number", "not_found_checks": 4}),
    );
    let quirks = sandbox.quirks();
    assert!(quirks.stray_comma);
    assert_eq!(quirks.not_found_checks, 4);
    assert_eq!(list(&sandbox, "quirks")["amount_style"], "number");
    let wrong = change(&sandbox, "PATCH", "quirks", &json!({"stray_coma": true}));
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.json()["error"]
            .as_str()
            .expect("why")
            .contains("stray_coma")
    );
    sandbox.set_quirks(Quirks::default());
    assert_eq!(list(&sandbox, "quirks")["stray_comma"], json!(false));
}

#[test]
fn requests_connections_and_clear() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({}));
    let requests = list(&sandbox, "requests");
    assert_eq!(requests[0]["endpoint"], "pay");
    assert_eq!(requests[0]["outcome"], json!({"answered": 200}));
    assert!(requests[0]["body"].as_str().expect("text").contains("R-1"));
    assert!(list(&sandbox, "connections")[0]["bytes_received"].as_u64() > Some(100));
    assert_eq!(change(&sandbox, "POST", "clear", &json!(null)).status, 204);
    assert_eq!(list(&sandbox, "payments"), json!([]));
    assert_eq!(list(&sandbox, "requests"), json!([]));
    assert!(sandbox.payment(&order).is_none());
}

#[test]
fn balances_and_wallets_are_read_and_set() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let at_first = json!({"cdf": "10000000", "usd": "5000"});
    assert_eq!(list(&sandbox, "balance"), at_first);
    let response = change(&sandbox, "PATCH", "balance", &json!({"cdf": 30000}));
    assert_eq!(response.json(), json!({"cdf": "30000", "usd": "5000"}));
    assert_eq!(sandbox.balance().cdf_minor, 3_000_000);

    assert_eq!(list(&sandbox, "wallets"), json!({}));
    let path = "wallets/243812345678";
    assert_eq!(
        list(&sandbox, path),
        json!({"cdf": "1000000", "usd": "500"})
    );
    let no_money = json!({"cdf": "0", "usd": "0"});
    assert_eq!(list(&sandbox, "wallets/243840000002"), no_money);
    let changed = json!({"cdf": "1000000", "usd": "12.50"});
    let response = change(&sandbox, "PATCH", path, &json!({"usd": "12.5"}));
    assert_eq!(response.json(), changed);
    assert_eq!(list(&sandbox, "wallets"), json!({"243812345678": changed}));

    let payout = json!({"phone": "243812345678", "amount": "20000"});
    let order = send_mobile(&sandbox, PAYOUT, payout);
    assert_eq!(list(&sandbox, "balance")["cdf"], "10000");
    assert_eq!(list(&sandbox, path)["cdf"], "1020000");
    let payment = list(&sandbox, &format!("payments/{order}"));
    assert_eq!(payment["kind"], "payout");
    assert_eq!(payment["phone"], "243812345678");
    // A payout that fails later gives both back.
    let path = format!("payments/{order}/decide");
    change(&sandbox, "POST", &path, &json!({"decision": "decline"}));
    assert_eq!(list(&sandbox, "balance")["cdf"], "30000");

    for (path, wrong) in [
        ("balance", json!({"eur": "1"})),
        ("balance", json!({"cdf": "much"})),
        ("wallets/0812345678", json!({"cdf": "1"})),
    ] {
        assert_eq!(
            change(&sandbox, "PATCH", path, &wrong).status,
            400,
            "{wrong}"
        );
    }
    change(&sandbox, "POST", "clear", &json!(null));
    assert_eq!(list(&sandbox, "balance"), at_first);
    assert_eq!(list(&sandbox, "wallets"), json!({}));
}

#[test]
fn decide_expires_a_push() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = send_mobile(&sandbox, MOBILE, json!({"callbackUrl": shop.url}));
    let path = format!("payments/{order}/decide");
    let response = change(&sandbox, "POST", &path, &json!({"decision": "expire"}));
    assert_eq!(response.json()["status"], "1");
    assert_eq!(response.json()["failure"], "Délai de confirmation dépassé");
    assert_eq!(shop.next().json()["code"], "1");
}

#[test]
fn errors_are_reported() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let response = get(&sandbox, "/sandbox/api/payments/unknown");
    assert_eq!(response.status, 404);
    assert!(
        response.json()["error"]
            .as_str()
            .expect("why")
            .contains("unknown")
    );
    let response = change(
        &sandbox,
        "POST",
        "payments/x/decide",
        &json!({"decision": "approve"}),
    );
    assert_eq!(response.status, 404);
    let response = change(
        &sandbox,
        "POST",
        "payments/x/decide",
        &json!({"decision": "maybe"}),
    );
    assert_eq!(response.status, 400);
    // Only JSON is accepted, so a page of another origin cannot post here without a preflight.
    let response = post_form(&sandbox, "/sandbox/api/faults", &[("on", "pay")]);
    assert_eq!(response.status, 400);
    assert_eq!(
        post_json(&sandbox, "/sandbox/api/nothing", &json!({})).status,
        404
    );
}

#[test]
fn the_dashboard_shows_payments_and_callbacks() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    assert!(get(&sandbox, "/").text().contains("None yet"));
    shop.reply_next(200, "<i>thanks</i>");
    let order = pay(
        &sandbox,
        json!({"callback_url": shop.url, "reference": "<b>bold</b>", "description": "<script>1</script>"}),
    );
    sandbox.decide(&order, Decision::Approve).expect("decided");
    shop.next();
    sandbox.wait_for_callbacks(1, TIMEOUT);
    let page = get(&sandbox, "/");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    for html in [page.text(), get(&sandbox, "/sandbox/shown").text()] {
        assert!(html.contains(&order) && html.contains("paid"));
        assert!(html.contains("reply 200") && html.contains("thanks"));
        assert!(html.contains("Deliver the callback again"));
        assert!(!html.contains("<b>") && !html.contains("<i>") && !html.contains("<script>1"));
    }
    let changing = get(&sandbox, "/sandbox/shown").text();
    assert!(!changing.contains(sandbox.token()));
    assert!(
        get(&sandbox, "/sandbox/refresh.js")
            .header("content-type")
            .contains("javascript")
    );
}

#[test]
fn the_button_delivers_the_callback_again() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let order = pay(&sandbox, json!({"callback_url": shop.url}));
    let path = format!("/sandbox/payments/{order}/deliver");
    let pending = post_form(&sandbox, &path, &[]);
    assert_eq!(pending.status, 409, "{}", pending.text());
    assert!(shop.is_quiet());
    sandbox
        .decide_silently(&order, Decision::Approve)
        .expect("decided");
    let response = post_form(&sandbox, &path, &[]);
    assert_eq!((response.status, response.header("location")), (303, "/"));
    assert_eq!(shop.next().json()["orderNumber"], order.as_str());
    let unknown = post_form(&sandbox, "/sandbox/payments/unknown/deliver", &[]);
    assert_eq!(unknown.status, 404);
    sandbox
        .deliver(&order, Delivery::now())
        .expect("delivery accepted");
    shop.next();
}
