//! Independent checks for the fuzzers' results: they share no code with the library.

use flexpay::fuzzing::TOKEN;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The order number of every reply and callback here.
pub const ORDER_NUMBER: &str = "O42iABI27568020268434827";
/// The reference of that order.
pub const REFERENCE: &str = "ZANDO-1047";

/// The statuses of replies. The first byte of the input selects one.
pub const STATUSES: [u16; 16] = [
    200, 201, 204, 302, 303, 304, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599,
];

/// Splits an input into a reply's status and body.
pub fn split_status(input: &[u8]) -> Option<(u16, &[u8])> {
    let (first, body) = input.split_first()?;
    Some((STATUSES[usize::from(*first) % STATUSES.len()], body))
}

/// A JSON object as written: all entries in order, including repeated keys.
pub struct Object(pub Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        parser.deserialize_map(Entries)
    }
}

impl Object {
    /// Parses strict JSON only. The library also accepts a trailing comma; this parser does not.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// All values of a key that are not null. The key's case, `_` and `-` are ignored; `name` has none.
    pub fn values_of(&self, name: &str) -> Vec<&str> {
        let is_named = |key: &str| key.to_ascii_lowercase().replace(['_', '-'], "") == name;
        let entries = self.0.iter().filter(|(key, _)| is_named(key));
        entries
            .map(|(_, value)| value.get())
            .filter(|raw| *raw != "null")
            .collect()
    }
}

/// A value as text: a string decoded, a number as written.
pub fn text(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'-' | b'0'..=b'9' => Some(raw.to_owned()),
        _ => None,
    }
}

/// Whether a code or a status means success: `0`, `0.0`, `0.00`.
pub fn is_zero(text: &str) -> bool {
    let zeros = text.strip_prefix("0.");
    text == "0" || zeros.is_some_and(|zeros| !zeros.is_empty() && zeros.bytes().all(|b| b == b'0'))
}

/// Whether a decimal number equals `minor` hundredths. Compares digit by digit, without floating point.
pub fn amount_equals(text: &str, minor: i64) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    // The number of digits before the end of the hundredths.
    let places = whole.len() as i64 + exponent + 2;
    let digit = |place: i64| {
        let digit = usize::try_from(place)
            .ok()
            .and_then(|at| digits.as_bytes().get(at));
        digit.map_or(0, |digit| i128::from(digit - b'0'))
    };
    let has_more_digits = (places.max(0)..digits.len() as i64).any(|place| digit(place) != 0);
    let value = (0..places.min(digits.len() as i64 + 20)).try_fold(0i128, |sum, place| {
        sum.checked_mul(10)?.checked_add(digit(place))
    });
    !has_more_digits && value == Some(i128::from(minor))
}

/// No string returned through the C ABI may contain a NUL: C would stop reading there.
pub fn assert_no_nul<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) {
    for text in texts.into_iter().flatten() {
        assert!(!text.contains('\0'), "a NUL in {text:?}");
    }
}

/// No result for a reply contains the token of the request.
pub fn assert_no_token<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) {
    for text in texts.into_iter().flatten() {
        assert!(!text.contains(TOKEN), "the token in {text:?}");
    }
}

/// Checks what must be true of every error for a reply.
pub fn check_reply_error(error: &flexpay::Error) {
    check_error(error);
    assert_no_token([
        Some(error.message()),
        error.gateway_code(),
        error.gateway_message(),
        error.order_number(),
    ]);
}

/// Checks what must be true of every error.
pub fn check_error(error: &flexpay::Error) {
    assert_no_nul([
        Some(error.message()),
        error.gateway_code(),
        error.gateway_message(),
    ]);
    assert!(!error.message().is_empty());
    // People read the message in a terminal, so it must have no control characters.
    assert!(
        !error.message().contains(char::is_control),
        "{:?}",
        error.message()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_compared_digit_by_digit() {
        for good in [
            "900", "900.0", "900.00", "900.000", "9e2", "9.0E2", "90000E-2",
        ] {
            assert!(amount_equals(good, 90_000), "{good}");
        }
        for bad in [
            "9e3",
            "9e",
            "9.00001e2",
            "+900",
            "900.001",
            "90000",
            "900,00",
            "",
            "-900",
        ] {
            assert!(!amount_equals(bad, 90_000), "{bad}");
        }
        assert!(amount_equals("0.01", 1) && amount_equals("0", 0));
    }

    #[test]
    fn repeated_keys_are_kept() {
        let object = Object::read(r#"{"a_b":"1","AB":2,"ab":null,"x":{"ab":3}}"#).unwrap();
        assert_eq!(object.values_of("ab"), ["\"1\"", "2"]);
    }
}
