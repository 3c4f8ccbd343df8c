//! Any bytes as a callback: no panic, no NUL, one key for one notice, and never more than a hint.
#![no_main]

use flexpay::ffi::callback::{
    FLEXPAY_CALLBACK_KEY_SIZE, flexpay_callback_free, flexpay_callback_key, flexpay_parse_callback,
};
use flexpay::ffi::error::{FLEXPAY_ERROR_CALLBACK, FLEXPAY_OK, flexpay_error_free};
use flexpay::{Callback, Error, Expected, State, parse_callback};
use flexpay_fuzz::{ORDER, REFERENCE, no_nul, sound_error};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CStr, c_char};
use std::fmt::Write as _;
use std::ptr::null_mut;

/// What the gateway says of the order: it is paid.
const REPLY: &str = r#"{"code":"0","transaction":{"orderNumber":"O42iABI27568020268434827","reference":"ZANDO-1047","amount":"900.0","currency":"USD","status":"0"}}"#;

fuzz_target!(|notice: &[u8]| {
    let result = parse_callback(notice);
    in_c(notice, &result);
    verdict(notice, &result);
    match &result {
        Ok(callback) => sound(notice, callback),
        Err(error) => sound_error(error),
    }
});

fn sound(notice: &[u8], callback: &Callback<'_>) {
    assert!(std::str::from_utf8(notice).is_err() || callback.raw.as_bytes() == notice);
    no_nul([
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
    // The same notice in other words, as JSON and as a form, has the same key.
    for body in [as_json(callback), as_form(callback)] {
        // Escaped, it may be larger than what is read.
        if body.len() <= flexpay::MAX_CALLBACK_BYTES {
            let again = parse_callback(body.as_bytes()).expect(&body);
            assert_eq!(again.key(), key, "{body}");
            assert_eq!(again.claims_success, callback.claims_success);
        }
    }
}

fn said(callback: &Callback<'_>) -> Vec<(&'static str, String)> {
    let mut said = vec![("code", callback.code.to_string())];
    said.extend(
        callback
            .reference
            .as_ref()
            .map(|text| ("Reference", text.to_string())),
    );
    said.extend(
        callback
            .order_number
            .as_ref()
            .map(|text| ("order_number", text.to_string())),
    );
    // Without a code, the status would be read in its place.
    if !callback.claims_success && !callback.code.is_empty() {
        said.push(("status", "1".to_owned()));
    }
    said
}

fn as_json(callback: &Callback<'_>) -> String {
    let said = said(callback).into_iter();
    let object: serde_json::Map<_, _> = said
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}

fn as_form(callback: &Callback<'_>) -> String {
    let mut form = String::new();
    for (key, value) in said(callback) {
        let _ = write!(form, "&{key}=");
        for byte in value.bytes() {
            let _ = write!(form, "%{byte:02X}");
        }
    }
    form
}

/// Through C the same comes out.
fn in_c(notice: &[u8], result: &Result<Callback<'_>, Error>) {
    let (mut callback, mut error) = (null_mut(), null_mut());
    // SAFETY: the body is borrowed for the call, and each object is freed once.
    unsafe {
        let code = flexpay_parse_callback(notice.as_ptr(), notice.len(), &mut callback, &mut error);
        match result {
            Ok(expected) => {
                assert_eq!(code, FLEXPAY_OK);
                assert!(error.is_null());
                let given = &*callback;
                assert_eq!(given.claims_success, i32::from(expected.claims_success));
                same(given.code, Some(&expected.code));
                same(given.reference, expected.reference.as_deref());
                same(
                    given.provider_reference,
                    expected.provider_reference.as_deref(),
                );
                same(given.order_number, expected.order_number.as_deref());
                same(given.amount, expected.amount.as_deref());
                same(given.amount_customer, expected.amount_customer.as_deref());
                same(given.currency, expected.currency.as_deref());
                same(given.phone, expected.phone.as_deref());
                same(given.created_at, expected.created_at.as_deref());
                same(given.channel, expected.channel.as_deref());
                same(given.message, expected.message.as_deref());
                same(given.raw, Some(&expected.raw));
                let mut key = [1 as c_char; FLEXPAY_CALLBACK_KEY_SIZE as usize];
                let code = flexpay_callback_key(callback, key.as_mut_ptr(), key.len(), null_mut());
                assert_eq!(code, FLEXPAY_OK);
                same(key.as_ptr(), Some(&expected.key()));
            }
            Err(expected) => {
                assert_eq!(code, FLEXPAY_ERROR_CALLBACK);
                assert!(callback.is_null());
                same((*error).message, Some(expected.message()));
                same((*error).field, expected.field());
            }
        }
        flexpay_callback_free(callback);
        flexpay_error_free(error);
    }
}

/// # Safety
/// `given` is NULL or NUL-terminated.
unsafe fn same(given: *const c_char, expected: Option<&str>) {
    // SAFETY: as the caller promises.
    let given = (!given.is_null()).then(|| unsafe { CStr::from_ptr(given) }.to_bytes());
    assert_eq!(given, expected.map(str::as_bytes));
}

/// However a notice reads: the order that is checked is the recorded one, or the one it names.
fn verdict(notice: &[u8], result: &Result<Callback<'_>, Error>) {
    for recorded in [None, Some(ORDER.to_owned()), Some("O-OTHER".to_owned())] {
        let expected = Expected {
            reference: REFERENCE.into(),
            amount: "900.00".into(),
            currency: "USD".into(),
            order_number: recorded.clone(),
            query: None,
        };
        match flexpay::fuzzing::verdict(notice, &expected, 200, REPLY.as_bytes()) {
            Ok(transaction) => {
                assert_eq!(transaction.state, State::Paid);
                let callback = result.as_ref().expect("a verdict on what cannot be read");
                let number = callback.order_number.as_deref().or(recorded.as_deref());
                assert_eq!(number, Some(ORDER), "another order was vouched for");
                assert_ne!(recorded.as_deref(), Some("O-OTHER"));
                if let Some(reference) = callback.reference.as_deref() {
                    assert!(reference == REFERENCE || recorded.as_deref() == Some(reference));
                }
            }
            Err(error) => sound_error(&error),
        }
    }
}
