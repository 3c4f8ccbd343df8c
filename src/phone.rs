//! Phone numbers of the DR Congo.

use crate::error::{Error, Result};

/// The country code.
const COUNTRY: &str = "243";
/// The digits of a number without country code or leading 0.
const NATIONAL_DIGITS: usize = 9;

/// Converts a phone number of the DR Congo, as people write it, to the form that the gateway
/// expects: `243` and nine digits.
///
/// Accepts `+243…`, `00243…` and `243…` with nine more digits, and `0` with nine more digits.
/// Blanks, dots, dashes, brackets and invisible characters are removed. Anything else is
/// [`ErrorCode::Invalid`](crate::ErrorCode), field `phone`. Only the gateway knows which operator a
/// number belongs to.
///
/// ```
/// assert_eq!(flexpay::normalize_phone("+243 81 234 56 78").unwrap(), "243812345678");
/// assert_eq!(flexpay::normalize_phone("0812345678").unwrap(), "243812345678");
/// assert!(flexpay::normalize_phone("+33 6 12 34 56 78").is_err());
/// ```
pub fn normalize_phone(phone: &str) -> Result<String> {
    // The error does not quote the number: it is a person's, and errors are logged.
    normalized(phone).map_err(|problem| Error::invalid("phone", problem))
}

fn normalized(phone: &str) -> Result<String, String> {
    let phone = phone.trim();
    if phone.is_empty() {
        return Err("is missing".to_owned());
    }
    let mut has_plus = false;
    let mut digits = String::new();
    for c in phone.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !has_plus => has_plus = true,
            c if is_separator(c) || is_invisible(c) => {}
            c => return Err(format!("contains {c:?}, where a phone number has none")),
        }
    }
    let national = if has_plus {
        digits.strip_prefix(COUNTRY)
    } else if let Some(international) = digits.strip_prefix("00") {
        international.strip_prefix(COUNTRY)
    } else if let Some(national) = digits.strip_prefix('0') {
        Some(national)
    } else {
        digits.strip_prefix(COUNTRY)
    };
    let Some(national) = national else {
        return Err(
            "does not begin with +243, 00243, 243 or 0, as a number of the DR Congo does"
                .to_owned(),
        );
    };
    if national.starts_with('0') {
        return Err("has a 0 too much in front: write +243 812 345 678 or 0812 345 678".to_owned());
    }
    if national.len() != NATIONAL_DIGITS {
        return Err(format!(
            "has {} digits after the country code or the first 0, instead of {NATIONAL_DIGITS}",
            national.len()
        ));
    }
    Ok(format!("{COUNTRY}{national}"))
}

/// The characters that people write between the digits: blanks, dots, dashes and brackets.
fn is_separator(c: char) -> bool {
    let is_blank = matches!(c, ' ' | '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}');
    let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    is_blank || is_dash || matches!(c, '.' | '(' | ')' | '[' | ']')
}

/// The characters without width that a number copied from a page or a list of contacts has. Those
/// that show text from right to left are refused: the number would not be the one that was seen.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'
            ..='\u{200e}'
                | '\u{202a}'
                | '\u{202c}'
                | '\u{202d}'
                | '\u{2060}'
                | '\u{2066}'
                | '\u{2068}'
                | '\u{2069}'
                | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_accepted_as_people_write_it() {
        for phone in [
            "243812345678",
            "+243812345678",
            "00243812345678",
            "0812345678",
            "+243 81 234 56 78",
            "(+243) 81.234\u{a0}56\u{2011}78\n",
        ] {
            assert_eq!(normalize_phone(phone).unwrap(), "243812345678", "{phone}");
        }
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        for (phone, says) in [
            ("", "phone: is missing"),
            ("081234567", "has 8 digits"),
            ("+243 (0) 812 345 678", "a 0 too much"),
            ("+33 6 12 34 56 78", "does not begin with +243"),
            ("812345678", "does not begin with +243"),
            ("O812345678", "contains 'O'"),
            ("0\u{202e}876543218\u{202c}", "contains '\\u{202e}'"),
        ] {
            let error = normalize_phone(phone).unwrap_err();
            assert_eq!(error.field(), Some("phone"));
            assert!(error.message().contains(says), "{}", error.message());
            let quoted = !phone.is_empty() && error.message().contains(phone);
            assert!(!quoted, "{}", error.message());
        }
    }
}
