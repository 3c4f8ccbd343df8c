//! Strict decoding of `application/x-www-form-urlencoded`.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

use super::charset;
use super::fields::{Field, Fields, ParseError};
use super::json::Value;

/// Reads the known fields of a form body.
pub(crate) fn read(body: &str) -> Result<Fields<'_>, ParseError> {
    if !body.contains('=') {
        return Err(ParseError::body("is neither a JSON object nor a form"));
    }
    if body.contains('\0') {
        return Err(ParseError::body("contains a NUL"));
    }
    let mut fields = Fields::default();
    // The query of a callback sent by GET may include its question mark.
    let body = body.strip_prefix('?').unwrap_or(body);
    for pair in body.trim_end().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key)?, decode(value)?);
        let field = match key.as_ref() {
            // Observed in callbacks sent by GET only.
            "order" => Some(Field::OrderNumber),
            key => Field::from_key(key),
        };
        if let Some(field) = field {
            fields.put(field, Some(Value::Text(value)));
        }
    }
    Ok(fields)
}

pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, ParseError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let well_formed = text.split('%').skip(1).all(|tail| {
        matches!(tail.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });
    if !well_formed {
        return Err(ParseError::body(
            "contains a % that is not followed by two hex digits",
        ));
    }
    let bytes: Vec<u8> = percent_decode_str(&text.replace('+', " ")).collect();
    let decoded = charset::decode(&bytes, None).into_owned();
    if decoded.contains('\0') {
        return Err(ParseError::body("contains a NUL"));
    }
    Ok(Cow::Owned(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_form_is_refused() {
        for body in ["reference", "reference=%zz", "reference=%4", "a=%", "a=%00"] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
