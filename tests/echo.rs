//! A gateway, or a debugging page in front of it, that repeats the token in its reply.
//!
//! Separate from `secrets.rs`, which reads all log lines: at trace level the HTTP library logs what it
//! receives, before the token can be removed.

mod common;

use common::*;
use flexpay::{Api, Client, Config};
use flexpay_sandbox::{Action, Endpoint, Fault};

#[test]
fn a_token_repeated_by_the_gateway_is_in_no_error() {
    const TOKEN: &str = "echo/c4n4ry+4711=";
    let encoded = "echo%2Fc4n4ry%2B4711%3D";
    let sandbox = flexpay_sandbox::Sandbox::start_with(flexpay_sandbox::Options {
        token: TOKEN.into(),
        ..Default::default()
    })
    .unwrap();
    let replies = [
        (
            401,
            format!(r#"{{"code":"{TOKEN}","message":"bad token Bearer {TOKEN}"}}"#),
        ),
        (200, format!(r#"{{"code":"1","message":"{encoded}"}}"#)),
        (
            500,
            format!("<h1>Trace</h1><pre>authorization=Bearer%20{encoded} {TOKEN}</pre>"),
        ),
        (200, format!("token {TOKEN} unknown")),
        // A slash as PHP escapes it in JSON; then any character escaped, in JSON and in HTML.
        (
            401,
            format!(
                r#"{{"code":"1","message":"bad token {}"}}"#,
                TOKEN.replace('/', r"\/")
            ),
        ),
        (
            403,
            format!(
                r#"{{"code":"1","message":"{}"}}"#,
                escaped(encoded, |c| format!("\\u{c:04x}"))
            ),
        ),
        (
            200,
            format!(
                "<p>Error: {}</p></html>",
                escaped(TOKEN, |c| format!("&#{c};"))
            ),
        ),
        (
            200,
            format!("<form action=x><input type=hidden name=authorization value='{TOKEN}'></form>"),
        ),
        (
            200,
            format!(
                r#"{{"code":0,"url":"https://gw.example/checkout/1?authorization={encoded}"}}"#
            ),
        ),
        (
            200,
            format!(
                r#"{{"code":0,"url":"https://gw.example/checkout/1?t={}"}}"#,
                escaped(encoded, |c| format!("\\u{c:04x}"))
            ),
        ),
        (
            200,
            format!(
                "<form action=x><input type=hidden name=t value='{}'></form>",
                escaped(TOKEN, |c| format!("&#{c};"))
            ),
        ),
    ];
    for (status, body) in replies {
        let action = Action::Reply {
            status,
            headers: vec![],
            body: body.clone().into(),
            record: false,
        };
        sandbox
            .inject(Fault::on(Endpoint::Any, action).times(2))
            .unwrap();
        let client = Client::new(Config {
            check_once: true,
            ..config(&sandbox, Api::V1)
        })
        .unwrap();
        for error in [
            client.pay(&request("S-E")).expect_err(&body),
            client.check("1").expect_err(&body),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("c4n4ry"), "{body}: {shown}");
        }
        sandbox.clear_faults();
    }
    let location = format!("https://gw.example/checkout/1?t={encoded}");
    let action = Action::Reply {
        status: 302,
        headers: vec![("Location".into(), location)],
        body: vec![],
        record: false,
    };
    sandbox.inject(Fault::on(Endpoint::Pay, action)).unwrap();
    let error = Client::new(config(&sandbox, Api::V1))
        .unwrap()
        .pay(&request("S-L"))
        .unwrap_err();
    assert_eq!(error.field(), Some("redirect_url"));
    assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
}

fn escaped(text: &str, escape: fn(u32) -> String) -> String {
    text.chars().map(|c| escape(c.into())).collect()
}
