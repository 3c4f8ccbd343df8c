//! Any bytes as the reply to a payment request, JSON or HTML: no panic, and the customer is redirected
//! only to an https address (or this machine's), as a browser would parse it.
#![no_main]

use flexpay::{ErrorCode, Outcome, Payment, PaymentRequest};
use flexpay_fuzz::{Object, assert_no_nul, assert_no_token, check_reply_error, split_status, text};
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

fuzz_target!(|input: &[u8]| {
    let Some((status, rest)) = split_status(input) else {
        return;
    };
    // For a redirect, the first line is the Location and the rest is the body.
    let (location, body) = match rest.iter().position(|&byte| byte == b'\n') {
        Some(end) if (300..400).contains(&status) => (Some(&rest[..end]), &rest[end + 1..]),
        _ => (None, rest),
    };
    let location = location.map(String::from_utf8_lossy);
    let request = PaymentRequest {
        reference: "MM0000XXFFR159".into(),
        amount: "100".into(),
        currency: "CDF".into(),
        approve_url: Some("https://shop.example/ok".into()),
        cancel_url: Some("https://shop.example/cancel".into()),
        decline_url: Some("https://shop.example/no".into()),
        callback_url: Some("https://shop.example/callback".into()),
        ..PaymentRequest::default()
    };
    match flexpay::fuzzing::pay_reply(status, location.as_deref(), body, &request) {
        Ok(payment) => {
            assert!((200..400).contains(&status), "accepted with HTTP {status}");
            check_payment(&payment, body);
        }
        Err(error) => {
            check_reply_error(&error);
            // A reply arrived, so the request was sent, and NOT_SENT would be false.
            assert_ne!(error.outcome(), Outcome::NotSent);
            // Only a status or a code refuses, never an invalid reply.
            if error.outcome() == Outcome::Refused {
                assert!(matches!(
                    error.code(),
                    ErrorCode::Refused | ErrorCode::Unauthorized
                ));
                assert!(matches!(
                    status,
                    200..300 | 400 | 401 | 403 | 404 | 405 | 422
                ));
            }
        }
    }
});

fn check_payment(payment: &Payment, body: &[u8]) {
    let texts = [
        payment.redirect_url.as_deref(),
        payment.order_number.as_deref(),
        payment.code.as_deref(),
        payment.message.as_deref(),
        payment.page.as_deref(),
    ];
    assert_no_nul(texts);
    assert_no_token(texts);
    assert!(
        payment.redirect_url.is_some() != payment.page.is_some(),
        "an address or a page: {payment:?}"
    );
    if let Some(redirect_url) = &payment.redirect_url {
        check_address(redirect_url);
    }
    if let Some(page) = &payment.page {
        let chars = |text: &str| text.chars().count();
        assert!(page.contains('<'));
        assert!(
            chars(page) == body.len() || page.as_bytes() == body,
            "an incomplete page"
        );
    }
    // A code that refuses never gives a payment.
    if let Ok(body) = std::str::from_utf8(body)
        && let Some(reply) = Object::read(body.trim_start_matches('\u{feff}'))
        && payment.code.is_some()
    {
        for code in reply.values_of("code") {
            let code = text(code).unwrap_or_default();
            let zero = code.starts_with('0') && code.trim_matches(['0', '.']).is_empty();
            assert!(zero || code.is_empty(), "accepted with code {code:?}");
        }
    }
}

fn check_address(address: &str) {
    let url = match Url::parse(address) {
        Ok(url) => url,
        // An invalid "xn--" name: a browser does not open it.
        Err(url::ParseError::IdnaError) => return,
        Err(error) => panic!("{address:?}: {error}"),
    };
    let this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => panic!("{address:?} names no host"),
    };
    assert!(
        url.scheme() == "https" || (url.scheme() == "http" && this_machine),
        "{address:?}"
    );
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{address:?}"
    );
    let is_shop =
        (url.host_str(), url.port_or_known_default()) == (Some("shop.example"), Some(443));
    assert!(!is_shop, "redirects to the shop: {address:?}");
}
