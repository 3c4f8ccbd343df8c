//! Any bytes as the reply to a request for a mobile payment or a payout: no panic, and it is accepted or
//! refused only if the reply says so.
#![no_main]

use flexpay::{ErrorCode, Outcome, Payment};
use flexpay_fuzz::{
    Object, assert_no_nul, assert_no_token, check_reply_error, is_zero, split_status, text,
};
use libfuzzer_sys::fuzz_target;

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
    match flexpay::fuzzing::wallet_reply(status, location.as_deref(), body) {
        Ok(payment) => {
            assert!((200..300).contains(&status), "accepted with HTTP {status}");
            check_payment(&payment, body);
        }
        Err(error) => {
            check_reply_error(&error);
            // A reply arrived, so the request was sent, and NOT_SENT would be false.
            assert_ne!(error.outcome(), Outcome::NotSent);
            if error.outcome() == Outcome::Refused {
                check_refusal(error.code(), status, body);
                assert_eq!(error.order_number(), None, "a refusal that names an order");
            }
        }
    }
});

fn check_payment(payment: &Payment, body: &[u8]) {
    let texts = [
        payment.order_number.as_deref(),
        payment.code.as_deref(),
        payment.message.as_deref(),
    ];
    assert_no_nul(texts);
    assert_no_token(texts);
    assert_eq!(payment.redirect_url, None);
    assert_eq!(payment.page, None);
    assert_eq!(payment.trace, None);
    let order_number = payment.order_number.as_deref().unwrap_or_default();
    assert!(!order_number.is_empty(), "accepted without an order number");
    assert!(payment.code.as_deref().is_some_and(is_zero), "{payment:?}");
    // The reply itself says so, and nothing else.
    if let Some(reply) = strict(body) {
        let codes = given(&reply, "code");
        let orders = given(&reply, "ordernumber");
        assert!(!codes.is_empty() && codes.iter().all(|code| is_zero(code)));
        assert!(!orders.is_empty());
        // The library masks a token, wherever it is, so that such a number is not compared.
        assert!(
            order_number.contains("[token]") || orders.iter().all(|order| order == order_number),
            "{order_number:?} of {orders:?}"
        );
    }
}

/// Only a status or a code refuses, and only if the reply names no order: else there may be one.
fn check_refusal(code: ErrorCode, status: u16, body: &[u8]) {
    match status {
        200..300 => assert_eq!(code, ErrorCode::Refused),
        401 | 403 => assert_eq!(code, ErrorCode::Unauthorized),
        400 | 404 | 405 | 422 => assert_eq!(code, ErrorCode::Refused),
        _ => panic!("refused with HTTP {status}"),
    }
    if let Some(reply) = strict(body) {
        assert_eq!(given(&reply, "ordernumber"), [""; 0], "an order is named");
        let codes = given(&reply, "code");
        let is_success = codes.iter().any(|code| is_zero(code));
        assert!(!is_success, "refused, although the code is success");
        let is_refusal = codes.iter().all(|code| is_one(code));
        assert!(
            is_refusal || !(200..300).contains(&status),
            "refused with {codes:?}"
        );
        assert!(
            !codes.is_empty() || !(200..300).contains(&status),
            "refused with HTTP {status} and without a code"
        );
    } else if (200..300).contains(&status) {
        let start = body.trim_ascii_start().first();
        assert_ne!(start, Some(&b'<'), "a page refuses nothing");
    }
}

/// `1`, or as a double `1.0`.
fn is_one(code: &str) -> bool {
    let zeros = code.strip_prefix("1.");
    code == "1" || zeros.is_some_and(|zeros| !zeros.is_empty() && zeros.bytes().all(|b| b == b'0'))
}

/// The body, if it is a JSON object by the strict parser.
fn strict(body: &[u8]) -> Option<Object> {
    let text = std::str::from_utf8(body).ok()?;
    Object::read(text.trim_start_matches('\u{feff}'))
}

/// All texts and numbers under a key, in the object and in its `data`; not those that are empty.
fn given(reply: &Object, name: &str) -> Vec<String> {
    let nested = reply.values_of("data").into_iter().filter_map(Object::read);
    let mut values: Vec<String> = nested.flat_map(|data| given(&data, name)).collect();
    let own = reply.values_of(name).into_iter().filter_map(text);
    values.extend(own.filter(|value| !value.is_empty()));
    values
}
