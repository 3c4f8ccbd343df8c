//! The test vectors are served unchanged.

mod common;

use common::{get, post_form, post_json};
use flexpay_sandbox::{Endpoint, Options, Sandbox};
use serde_json::json;

#[test]
fn a_vector_is_served_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    write(
        "pay.json",
        r#"{"about": "x", "cases": [
            {"name": "redirect", "status": 302, "headers": {"Location": "/a?b={c}", "X-Case": "é"}, "expect": 1},
            {"name": "bytes", "headers": {"Content-Type": "text/html"}, "body_hex": "3c00ff"},
            {"name": "bad-hex", "body_hex": "3"}
        ]}"#,
    );
    write(
        "check.json",
        r#"{"cases": [{"name": "odd", "status": 503, "headers": {"Content-Type": "application/json"},
            "body": "{\"code\":\"0\",}"}]}"#,
    );
    write(
        "mobile.json",
        r#"{"cases": [{"name": "sent", "body": "{\"code\":\"0\"}"}]}"#,
    );
    write(
        "payout.json",
        r#"{"cases": [{"name": "sent", "status": 500, "body": "no"}]}"#,
    );
    let sandbox = Sandbox::start_with(Options {
        vectors_dir: Some(directory.path().to_owned()),
        ..Options::default()
    })
    .expect("a sandbox");

    let response = post_form(&sandbox, "/vectors/pay/redirect", &[("a", "b")]);
    assert_eq!(
        (response.status, response.header("location")),
        (302, "/a?b={c}")
    );
    assert_eq!(response.header("x-case"), "é");
    assert!(response.body.is_empty());

    let response = post_form(&sandbox, "/vectors/pay/bytes", &[]);
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, "text/html")
    );
    assert_eq!(response.body, [0x3c, 0, 0xff]);

    let response = post_json(&sandbox, "/vectors/mobile/sent", &json!({}));
    assert_eq!(
        (response.status, response.text()),
        (200, r#"{"code":"0"}"#.to_owned())
    );
    let response = post_json(&sandbox, "/vectors/payout/sent", &json!({}));
    assert_eq!((response.status, response.text()), (500, "no".to_owned()));
    for unknown in ["/vectors/mobile/unknown", "/vectors/payout/unknown"] {
        assert_eq!(post_json(&sandbox, unknown, &json!({})).status, 599);
    }

    let response = get(&sandbox, "/vectors/check/odd/any/order%20number");
    assert_eq!(
        (response.status, response.text()),
        (503, r#"{"code":"0",}"#.to_owned())
    );
    assert_eq!(get(&sandbox, "/vectors/check/odd/1").status, 503);

    assert_eq!(post_form(&sandbox, "/vectors/pay/bad-hex", &[]).status, 599);
    assert_eq!(post_form(&sandbox, "/vectors/pay/unknown", &[]).status, 599);
    let response = get(&sandbox, "/vectors/check/unknown/1");
    assert_eq!(response.status, 599);
    assert!(response.text().contains("unknown"));
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|r| r.endpoint == Endpoint::Vectors)
    );

    write("check.json", "not JSON");
    assert_eq!(get(&sandbox, "/vectors/check/odd/1").status, 599);
}

#[test]
fn without_a_vectors_directory_the_reply_is_599() {
    let sandbox = Sandbox::start().expect("a sandbox");
    assert_eq!(post_form(&sandbox, "/vectors/pay/x", &[]).status, 599);
}
