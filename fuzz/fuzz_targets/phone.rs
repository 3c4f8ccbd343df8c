//! Any text as a phone number: the result is 243 and nine digits, which are the digits of the text, or the
//! error names the field.
#![no_main]

use flexpay::{ErrorCode, Outcome, normalize_phone};
use flexpay_fuzz::check_error;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(phone) = std::str::from_utf8(input) else {
        return;
    };
    match normalize_phone(phone) {
        Ok(normalized) => check_number(phone, &normalized),
        Err(error) => {
            check_error(&error);
            assert_eq!(error.code(), ErrorCode::Invalid);
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert_eq!(error.field(), Some("phone"));
            assert!(error.message().starts_with("phone: "));
        }
    }
});

fn check_number(phone: &str, normalized: &str) {
    assert_eq!(normalized.len(), 12);
    assert!(normalized.bytes().all(|byte| byte.is_ascii_digit()));
    let national = normalized.strip_prefix("243").expect("the country code");
    assert!(!national.starts_with('0'), "{normalized}");
    // No digit is invented, moved or dropped, and no letter ignored.
    let mut digits = String::new();
    for c in phone.chars().filter(|c| c.is_alphanumeric()) {
        assert!(c.is_ascii_digit(), "{c:?} in {phone:?}");
        digits.push(c);
    }
    let before = digits
        .strip_suffix(national)
        .expect("the digits of the text");
    let plus = phone.matches('+').count();
    let is_known = match plus {
        0 => ["0", "243", "00243"].contains(&before),
        1 => before == "243",
        _ => false,
    };
    assert!(is_known, "{phone:?}");
    // Every way to write the number gives the same result.
    for same in [
        normalized.to_owned(),
        format!("+{normalized}"),
        format!("00{normalized}"),
        format!("0{national}"),
    ] {
        assert_eq!(normalize_phone(&same).expect(&same), normalized);
    }
}
