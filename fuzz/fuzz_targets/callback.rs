//! Any bytes as a callback: no panic, no NUL, the same key for the same callback, and a callback alone
//! never proves a payment.
#![no_main]

use flexpay::ffi::callback::{
    FLEXPAY_CALLBACK_KEY_SIZE, flexpay_callback_free, flexpay_callback_key, flexpay_parse_callback,
};
use flexpay::ffi::error::{FLEXPAY_OK, flexpay_error_free};
use flexpay::ffi::numbers::FLEXPAY_ERROR_CALLBACK;
use flexpay::{Callback, Error, ErrorCode, Expected, Kind, State, parse_callback};
use flexpay_fuzz::{ORDER_NUMBER, REFERENCE, assert_no_nul, check_error};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CStr, c_char};
use std::fmt::Write as _;
use std::ptr::null_mut;

/// The gateway's reply to the check: the order is paid.
const REPLY: &str = r#"{"code":"0","transaction":{"orderNumber":"O42iABI27568020268434827","reference":"ZANDO-1047","amount":"900.0","currency":"USD","status":"0"}}"#;

fuzz_target!(|body: &[u8]| {
    let result = parse_callback(body);
    check_c_api(body, &result);
    check_verify(body, &result);
    match &result {
        Ok(callback) => check_callback(body, callback),
        Err(error) => check_error(error),
    }
});

fn check_callback(body: &[u8], callback: &Callback<'_>) {
    assert!(std::str::from_utf8(body).is_err() || callback.raw.as_bytes() == body);
    assert_no_nul([
        Some(&*callback.code),
        callback.reference.as_deref(),
        callback.provider_reference.as_deref(),
        callback.order_number.as_deref(),
        callback.amount.as_deref(),
        callback.amount_customer.as_deref(),
        callback.currency.as_deref(),
        callback.phone.as_deref(),
        callback.created_at.as_deref(),
        callback.channel.as_deref(),
        callback.message.as_deref(),
        Some(&*callback.raw),
    ]);
    assert!(callback.reference.is_some() || callback.order_number.is_some());
    if callback.claims_success {
        assert!(
            callback.code.starts_with('0') && callback.code.trim_matches(['0', '.']).is_empty()
        );
    }

    let key = callback.key();
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
    let owned = callback.clone().into_owned();
    assert_eq!(&owned, callback);
    assert_eq!(owned.key(), key);
    // The same callback, rewritten as JSON and as a form, has the same key.
    for body in [as_json(callback), as_form(callback)] {
        // Escaping may make it larger than the limit.
        if body.len() <= flexpay::MAX_CALLBACK_BYTES {
            let again = parse_callback(body.as_bytes()).expect(&body);
            assert_eq!(again.key(), key, "{body}");
            assert_eq!(again.claims_success, callback.claims_success);
        }
    }
}

fn fields(callback: &Callback<'_>) -> Vec<(&'static str, String)> {
    let mut fields = vec![("code", callback.code.to_string())];
    fields.extend(
        callback
            .reference
            .as_ref()
            .map(|text| ("Reference", text.to_string())),
    );
    fields.extend(
        callback
            .order_number
            .as_ref()
            .map(|text| ("order_number", text.to_string())),
    );
    // If there is no code, the library reads the status instead, so only add it when there is one.
    if !callback.claims_success && !callback.code.is_empty() {
        fields.push(("status", "1".to_owned()));
    }
    fields
}

fn as_json(callback: &Callback<'_>) -> String {
    let fields = fields(callback).into_iter();
    let object: serde_json::Map<_, _> = fields
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}

fn as_form(callback: &Callback<'_>) -> String {
    let mut form = String::new();
    for (key, value) in fields(callback) {
        let _ = write!(form, "&{key}=");
        for byte in value.bytes() {
            let _ = write!(form, "%{byte:02X}");
        }
    }
    form
}

/// The C ABI gives the same result.
fn check_c_api(body: &[u8], result: &Result<Callback<'_>, Error>) {
    let (mut callback, mut error) = (null_mut(), null_mut());
    // SAFETY: the body is borrowed for the call, and each object is freed once.
    unsafe {
        let code = flexpay_parse_callback(body.as_ptr(), body.len(), &mut callback, &mut error);
        match result {
            Ok(expected) => {
                assert_eq!(code, FLEXPAY_OK);
                assert!(error.is_null());
                let actual = &*callback;
                assert_eq!(actual.claims_success, i32::from(expected.claims_success));
                assert_same(actual.code, Some(&expected.code));
                assert_same(actual.reference, expected.reference.as_deref());
                assert_same(
                    actual.provider_reference,
                    expected.provider_reference.as_deref(),
                );
                assert_same(actual.order_number, expected.order_number.as_deref());
                assert_same(actual.amount, expected.amount.as_deref());
                assert_same(actual.amount_customer, expected.amount_customer.as_deref());
                assert_same(actual.currency, expected.currency.as_deref());
                assert_same(actual.phone, expected.phone.as_deref());
                assert_same(actual.created_at, expected.created_at.as_deref());
                assert_same(actual.channel, expected.channel.as_deref());
                assert_same(actual.message, expected.message.as_deref());
                assert_same(actual.raw, Some(&expected.raw));
                let mut key = [1 as c_char; FLEXPAY_CALLBACK_KEY_SIZE as usize];
                let code = flexpay_callback_key(callback, key.as_mut_ptr(), key.len(), null_mut());
                assert_eq!(code, FLEXPAY_OK);
                assert_same(key.as_ptr(), Some(&expected.key()));
            }
            Err(expected) => {
                assert_eq!(code, FLEXPAY_ERROR_CALLBACK);
                assert!(callback.is_null());
                assert_same((*error).message, Some(expected.message()));
                assert_same((*error).field, expected.field());
            }
        }
        flexpay_callback_free(callback);
        flexpay_error_free(error);
    }
}

/// # Safety
/// `actual` is NULL or NUL-terminated.
unsafe fn assert_same(actual: *const c_char, expected: Option<&str>) {
    // SAFETY: guaranteed by the caller.
    let actual = (!actual.is_null()).then(|| unsafe { CStr::from_ptr(actual) }.to_bytes());
    assert_eq!(actual, expected.map(str::as_bytes));
}

/// Whatever the callback contains, the order that is checked is the recorded one, or else the one that
/// it names.
fn check_verify(body: &[u8], result: &Result<Callback<'_>, Error>) {
    for (kind, recorded) in [
        (Kind::Card, None),
        (Kind::Card, Some(ORDER_NUMBER)),
        (Kind::Card, Some("O-OTHER")),
        (Kind::Mobile, None),
        (Kind::Payout, None),
        (Kind::Payout, Some(ORDER_NUMBER)),
    ] {
        let expected = Expected {
            reference: REFERENCE.into(),
            amount: "900.00".into(),
            currency: "USD".into(),
            order_number: recorded.map(str::to_owned),
            kind,
            ..Expected::default()
        };
        match flexpay::fuzzing::verdict(body, &expected, 200, REPLY.as_bytes()) {
            Ok(transaction) => {
                assert_eq!(transaction.state, State::Paid);
                let callback = result.as_ref().expect("a result for an invalid callback");
                let number = callback.order_number.as_deref().or(recorded);
                assert_eq!(number, Some(ORDER_NUMBER), "another order was confirmed");
                assert_ne!(recorded, Some("O-OTHER"));
                // Nothing in a callback proves that an order is a payout.
                assert!(kind != Kind::Payout || recorded.is_some());
                if let Some(reference) = callback.reference.as_deref() {
                    assert!(reference == REFERENCE || recorded == Some(reference));
                }
            }
            Err(error) => {
                check_error(&error);
                if kind == Kind::Payout && recorded.is_none() {
                    assert_eq!(error.code(), ErrorCode::Invalid);
                    assert_eq!(error.field(), Some("order_number"));
                }
            }
        }
    }
}
