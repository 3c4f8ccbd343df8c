//! What the fuzzers hold results against: readings that share no code with the library.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The order that every reply and notice here is about.
pub const ORDER: &str = "O42iABI27568020268434827";
/// Its reference.
pub const REFERENCE: &str = "ZANDO-1047";

/// The statuses a reply comes with, by the first byte of the input: 200 for most, so that the
/// fuzzer spends its time on bodies.
pub const STATUSES: [u16; 16] = [
    200, 201, 204, 302, 303, 304, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599,
];

/// Takes the status off an input: the rest is the body.
pub fn status(input: &[u8]) -> Option<(u16, &[u8])> {
    let (first, body) = input.split_first()?;
    Some((STATUSES[usize::from(*first) % STATUSES.len()], body))
}

/// An object as it was written: every entry in order, repeated keys and all.
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
    /// Strict JSON only: the library's one leniency, the stray comma, is not read here.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Every value that is not null, under every spelling of a key.
    pub fn all(&self, plain: &str) -> Vec<&str> {
        let spelled = |key: &str| key.to_ascii_lowercase().replace(['_', '-'], "") == plain;
        let entries = self.0.iter().filter(|(key, _)| spelled(key));
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

/// Whether a text names so many hundredths: the point is moved, digit by digit.
pub fn names_amount(text: &str, minor: i64) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    // How many of the digits count hundredths and more.
    let places = whole.len() as i64 + exponent + 2;
    let digit = |place: i64| {
        let digit = usize::try_from(place)
            .ok()
            .and_then(|at| digits.as_bytes().get(at));
        digit.map_or(0, |digit| i128::from(digit - b'0'))
    };
    let more = (places.max(0)..digits.len() as i64).any(|place| digit(place) != 0);
    let named = (0..places.min(digits.len() as i64 + 20)).try_fold(0i128, |sum, place| {
        sum.checked_mul(10)?.checked_add(digit(place))
    });
    !more && named == Some(i128::from(minor))
}

/// No text that crosses the border may hold a NUL: C would stop reading there.
pub fn no_nul<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) {
    for text in texts.into_iter().flatten() {
        assert!(!text.contains('\0'), "a NUL in {text:?}");
    }
}

/// What every error holds, whatever came.
pub fn sound_error(error: &flexpay::Error) {
    no_nul([
        Some(error.message()),
        error.gateway_code(),
        error.gateway_message(),
    ]);
    assert!(!error.message().is_empty());
    // A message is for a person: nothing a terminal would obey.
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
    fn the_second_opinion_on_amounts() {
        for good in [
            "900", "900.0", "900.00", "900.000", "9e2", "9.0E2", "90000E-2",
        ] {
            assert!(names_amount(good, 90_000), "{good}");
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
            assert!(!names_amount(bad, 90_000), "{bad}");
        }
        assert!(names_amount("0.01", 1) && names_amount("0", 0));
    }

    #[test]
    fn every_entry_is_kept() {
        let object = Object::read(r#"{"a_b":"1","AB":2,"ab":null,"x":{"ab":3}}"#).unwrap();
        assert_eq!(object.all("ab"), ["\"1\"", "2"]);
    }
}
