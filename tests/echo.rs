//! A gateway, or a debugging page before it, that repeats the token in its reply. (Apart from
//! `secrets.rs`: at its finest level the HTTP library logs what it receives, and no one can have
//! taken anything out of that yet.)

mod common;

use common::*;
use flexpay::{Api, Client, Config};
use flexpay_sandbox::{Action, Endpoint, Fault};

#[test]
fn a_gateway_that_repeats_the_token_does_not_get_it_shown() {
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
        // As PHP writes a slash in JSON, and as others write any character, in JSON or on a page.
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
            let said = format!("{error} {error:?}");
            assert!(!said.contains("c4n4ry"), "{body}: {said}");
        }
        sandbox.clear_faults();
    }
    let to = format!("https://gw.example/checkout/1?t={encoded}");
    let action = Action::Reply {
        status: 302,
        headers: vec![("Location".into(), to)],
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

fn escaped(text: &str, write: fn(u32) -> String) -> String {
    text.chars().map(|c| write(c.into())).collect()
}
