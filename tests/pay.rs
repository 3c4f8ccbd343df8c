//! Payment requests against the sandbox.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Outcome, PaymentRequest};
use flexpay_sandbox::{Action, Endpoint, Fault, Quirks, ReplyStyle, UrlKey};

#[test]
fn all_fields_reach_the_gateway_unchanged() {
    for api in [Api::V1, Api::V1_1] {
        let sandbox = sandbox();
        let client = Client::new(config(&sandbox, api)).unwrap();
        let sent = request("ZANDO-1");
        client.pay(&sent).unwrap();

        let payments = sandbox.payments();
        let [payment] = payments.as_slice() else {
            panic!("expected one payment: {payments:?}");
        };
        assert_eq!(payment.merchant, sandbox.merchant());
        assert_eq!(payment.reference, sent.reference);
        assert_eq!(payment.amount, sent.amount);
        assert_eq!(payment.currency, sent.currency);
        assert_eq!(Some(&payment.description), sent.description.as_ref());
        assert_eq!(Some(&payment.callback_url), sent.callback_url.as_ref());
        assert_eq!(Some(&payment.approve_url), sent.approve_url.as_ref());
        assert_eq!(Some(&payment.cancel_url), sent.cancel_url.as_ref());
        assert_eq!(Some(&payment.decline_url), sent.decline_url.as_ref());
        let home_url = if api == Api::V1_1 {
            sent.home_url
        } else {
            None
        };
        assert_eq!(
            payment.home_url,
            home_url.unwrap_or_default(),
            "only v1.1 has home_url"
        );

        let requests = sandbox.requests();
        let kind = requests[0].header("content-type").unwrap_or_default();
        assert!(kind.starts_with(match api {
            Api::V1 => "application/x-www-form-urlencoded",
            Api::V1_1 => "application/json",
        }));
        assert!(
            requests[0].header("authorization").is_none(),
            "the token is in the body"
        );
    }
}

#[test]
fn every_reply_style_leads_to_the_card_page_over_http_and_https() {
    for style in [
        ReplyStyle::Html,
        ReplyStyle::MetaRefresh,
        ReplyStyle::Redirect,
    ] {
        for secure in [false, true] {
            let sandbox = sandbox();
            sandbox.set_quirks(Quirks {
                reply_style: style,
                ..Quirks::default()
            });
            let config = if secure {
                secure_config(&sandbox, Api::V1)
            } else {
                config(&sandbox, Api::V1)
            };
            let payment = Client::new(config)
                .unwrap()
                .pay(&request("ZANDO-2"))
                .unwrap();
            let expected = &sandbox.payments()[0].checkout_url;
            assert_eq!(payment.redirect_url.as_ref(), Some(expected), "{style:?}");
            assert_eq!(payment.page, None);
            assert_eq!(payment.order_number, None, "v1 returns none");
        }
    }
}

#[test]
fn a_page_with_a_self_submitting_form_is_returned_whole() {
    let sandbox = sandbox();
    sandbox.set_quirks(Quirks {
        reply_style: ReplyStyle::SelfSubmit,
        ..Quirks::default()
    });
    let client = Client::new(secure_config(&sandbox, Api::V1)).unwrap();
    let payment = client.pay(&request("ZANDO-3")).unwrap();
    assert_eq!(payment.redirect_url, None);
    let page = payment.page.expect("the page");
    assert!(page.contains("<form") && page.contains(&sandbox.payments()[0].checkout_url));
}

#[test]
fn the_url_and_order_number_are_found_under_every_json_key() {
    for url_key in [
        UrlKey::Url,
        UrlKey::PaymentUrl,
        UrlKey::RedirectUrl,
        UrlKey::Link,
        UrlKey::DataLink,
    ] {
        let sandbox = sandbox();
        sandbox.set_quirks(Quirks {
            url_key,
            ..Quirks::default()
        });
        let payment = secure_client(&sandbox).pay(&request("ZANDO-4")).unwrap();
        let recorded = &sandbox.payments()[0];
        assert_eq!(
            payment.redirect_url.as_ref(),
            Some(&recorded.checkout_url),
            "{url_key:?}"
        );
        assert_eq!(payment.order_number.as_ref(), Some(&recorded.order_number));
        assert_eq!(payment.code.as_deref(), Some("0"));
        assert_eq!(payment.message.as_deref(), Some("Redirection en cours"));
    }
}

#[test]
fn an_invalid_request_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let wrong = |field: &str, change: fn(&mut PaymentRequest)| {
        let mut request = request("ZANDO-5");
        change(&mut request);
        let error = client.pay(&request).expect_err(field);
        assert_eq!(error.code(), ErrorCode::Invalid, "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert_eq!(error.field(), Some(field), "{error}");
        assert!(error.message().starts_with(field), "{error}");
    };
    wrong("reference", |r| r.reference = String::new());
    for reference in [
        "  ",
        " R1",
        "R1 ",
        "R1\n",
        "R1\u{a0}",
        "\u{3000}R1",
        "R\r\n1",
        "R\t1",
        "R\u{7f}1",
        "R\u{ad}1",
        "R\u{200b}1",
        "\u{200e}R1",
        "R1\u{202e}",
        "R\u{2066}1\u{2069}",
        "R\u{61c}1",
        "\u{feff}R1",
    ] {
        let mut request = request("ZANDO-5");
        request.reference = reference.into();
        let error = client.pay(&request).expect_err(reference);
        assert_eq!(error.code(), ErrorCode::Invalid, "{reference:?}");
        assert_eq!(error.field(), Some("reference"), "{reference:?}");
        let invisible = reference
            .chars()
            .find(|c| c.is_control() || !c.is_ascii() && !c.is_whitespace());
        if let Some(c) = invisible {
            let code = format!("U+{:04X}", u32::from(c));
            assert!(error.message().contains(&code), "{error}");
        }
    }
    for amount in [
        "", "0", "0.00", "-1", "+1", "1e2", "1,5", "1 000", "1.005", "abc", "1.", ".5", "NaN",
    ] {
        let mut request = request("ZANDO-5");
        request.amount = amount.into();
        let error = client.pay(&request).expect_err(amount);
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some("amount")),
            "{amount}"
        );
    }
    for currency in ["", "EUR", "usd", "FC"] {
        let mut request = request("ZANDO-5");
        request.currency = currency.into();
        let error = client.pay(&request).expect_err(currency);
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some("currency")),
            "{currency}"
        );
    }
    wrong("callback_url", |r| {
        r.callback_url = Some("/callback".into())
    });
    wrong("approve_url", |r| {
        r.approve_url = Some("zando.example/merci".into())
    });
    wrong("cancel_url", |r| {
        r.cancel_url = Some("ftp://zando.example".into())
    });
    wrong("decline_url", |r| {
        r.decline_url = Some("javascript:alert(1)".into())
    });
    wrong("home_url", |r| r.home_url = Some("https://".into()));
    wrong("callback_url", |r| {
        r.callback_url = Some("monapp://paiement".into())
    });
    assert!(sandbox.connections().is_empty(), "nothing was sent");
}

#[test]
fn return_urls_may_have_an_app_scheme() {
    let sandbox = sandbox();
    let mut request = request("ZANDO-6");
    request.approve_url = Some("monapp://paiement?status=ok".into());
    request.cancel_url = Some("zwanga://subscriptions/payment?status=cancel".into());
    request.decline_url = Some("com.shop.app:/decline".into());
    request.home_url = Some("monapp://accueil".into());
    client(&sandbox).pay(&request).unwrap();
    let recorded = &sandbox.payments()[0];
    assert_eq!(recorded.approve_url, "monapp://paiement?status=ok");
    assert_eq!(recorded.decline_url, "com.shop.app:/decline");
}

#[test]
fn settings_are_checked_when_the_client_is_created() {
    let sandbox = sandbox();
    let wrong = |field: &str, change: fn(&mut Config)| {
        let mut config = config(&sandbox, Api::V1);
        change(&mut config);
        let error = Client::new(config).expect_err(field);
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some(field)),
            "{error}"
        );
        assert_eq!(error.outcome(), Outcome::NotSent);
        error
    };
    wrong("merchant", |c| c.merchant = " ".into());
    wrong("token", |c| c.token = String::new().into());
    let error = wrong("token", |c| c.token = "s3cret\r\nX: 1".to_owned().into());
    assert!(!error.message().contains("s3cret"));
    wrong("pay_url", |c| {
        c.pay_url = Some("http://10.1.2.3/v1/pay".into())
    });
    wrong("pay_url", |c| c.pay_url = Some("/v1/pay".into()));
    // To a proxy, 127.0.0.1 is the proxy's own machine, so plain HTTP is refused.
    wrong("pay_url", |c| {
        c.proxy = Some("http://proxy.example:3128".into())
    });
    wrong("token", |c| c.token = "x".repeat(4097).into());
    wrong("check_url", |c| {
        c.check_url = Some("https://u:p@backend.example/check".into())
    });
    wrong("ca_file", |c| c.ca_file = Some("/nowhere/ca.pem".into()));
    wrong("ca_file", |c| c.ca_file = Some("Cargo.toml".into()));
    let error = wrong("proxy", |c| {
        c.allow_plain_http = true;
        c.proxy = Some("http://user:pa55word@:x".into())
    });
    assert!(!error.message().contains("pa55word"));
    wrong("proxy", |c| {
        c.allow_plain_http = true;
        c.proxy = Some("socks5://proxy.example:1080".into());
    });
    wrong("app_name", |c| c.app_name = Some("Zando\r\nX: 1".into()));
}

#[test]
fn each_documented_refusal_has_the_gateway_s_message() {
    let sandbox = sandbox();
    let refused = |config: Config, request: PaymentRequest, code: ErrorCode, text: &str| {
        let error = Client::new(config).unwrap().pay(&request).expect_err(text);
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.outcome(), Outcome::Refused, "{error}");
        let gateway_message = error.gateway_message().unwrap_or_default();
        assert!(gateway_message.contains(text), "{text}: {gateway_message}");
        assert!(error.message().contains(text), "{error}");
        assert!(!format!("{error:?}").contains("wrong-canary"));
    };
    for api in [Api::V1, Api::V1_1] {
        let good = || config(&sandbox, api);
        let wrong_token = Config {
            token: "wrong-canary".to_owned().into(),
            ..good()
        };
        refused(wrong_token, request("R1"), ErrorCode::Unauthorized, "");
        let unknown_merchant = Config {
            merchant: "INCONNU".into(),
            ..good()
        };
        refused(
            unknown_merchant,
            request("R2"),
            ErrorCode::Refused,
            "archand",
        );
        let long = request(&"R".repeat(26));
        refused(good(), long, ErrorCode::Refused, "éférence");
        let fractional_francs = PaymentRequest {
            currency: "CDF".into(),
            ..request("R3")
        };
        refused(good(), fractional_francs, ErrorCode::Refused, "");
        let reference = if api == Api::V1 { "R4" } else { "R5" };
        Client::new(good())
            .unwrap()
            .pay(&request(reference))
            .unwrap();
        refused(good(), request(reference), ErrorCode::Refused, "déjà");
    }
    let without_callback = PaymentRequest {
        callback_url: None,
        ..request("R6")
    };
    refused(
        config(&sandbox, Api::V1_1),
        without_callback,
        ErrorCode::Refused,
        "",
    );
}

#[test]
fn a_payment_is_sent_at_most_once_whatever_happens() {
    let faults: [(Action, Outcome); 9] = [
        (Action::ResetAfterReading, Outcome::Unknown),
        (Action::CloseAfterReading, Outcome::Unknown),
        (Action::CutAfter { bytes: 10 }, Outcome::Unknown),
        (Action::CutAfter { bytes: 200 }, Outcome::Unknown),
        (Action::MalformedJson, Outcome::Unknown),
        (
            Action::Html {
                status: 200,
                record: true,
            },
            Outcome::Unknown,
        ),
        (
            Action::Html {
                status: 500,
                record: true,
            },
            Outcome::Unknown,
        ),
        (
            Action::Reply {
                status: 502,
                headers: vec![],
                body: b"{}".to_vec(),
                record: true,
            },
            Outcome::Unknown,
        ),
        (
            Action::Reply {
                status: 429,
                headers: vec![],
                body: vec![],
                record: false,
            },
            Outcome::Unknown,
        ),
    ];
    for secure in [false, true] {
        for (action, outcome) in &faults {
            let sandbox = sandbox();
            sandbox
                .inject(Fault::on(Endpoint::Pay, action.clone()).forever())
                .unwrap();
            let client = if secure {
                secure_client(&sandbox)
            } else {
                client(&sandbox)
            };
            let error = client.pay(&request("ZANDO-6")).expect_err("a fault");
            assert_eq!(error.outcome(), *outcome, "{action:?}: {error}");
            assert_eq!(sandbox.requests().len(), 1, "{action:?}");
            assert_eq!(sandbox.connections().len(), 1, "{action:?}");
        }
    }
}

#[test]
fn a_payment_never_uses_an_idle_connection() {
    let sandbox = sandbox();
    let client = secure_client(&sandbox);
    let number = new_order(&client, "ZANDO-7");
    client.check(&number).unwrap();
    client.check(&number).unwrap();
    new_order(&client, "ZANDO-8");
    let connections_for = |path: &str| {
        let requests = sandbox.requests();
        let mut connections: Vec<u64> = requests
            .iter()
            .filter(|request| request.path.starts_with(path))
            .map(|request| request.connection)
            .collect();
        connections.sort_unstable();
        connections.dedup();
        connections
    };
    assert_eq!(
        connections_for("/v1.1/pay").len(),
        2,
        "one connection for each payment"
    );
    assert_eq!(connections_for("/api/rest").len(), 1, "checks share one");
    assert!(!connections_for("/v1.1/pay").contains(&connections_for("/api/rest")[0]));
}
