//! Readers for what the gateway sends: JSON in every variant observed, forms, pages, dates.
//!
//! Nothing here uses the network, and nothing here guesses: ambiguous input is an error.

pub(crate) mod charset;
pub(crate) mod date;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod gateway_message;
pub(crate) mod json;
pub(crate) mod named_order;
pub(crate) mod page;
pub(crate) mod percent;
pub(crate) mod reply;

/// Whether a `code` means success. Documented as `0`; `"0"` and `"0.0"` were also observed.
#[inline]
pub(crate) fn is_success(code: &str) -> bool {
    code == "0" || whole_number(code) == "0"
}

/// A number without the `.0` that Java and others write after a whole number stored as a double.
/// Any other text is returned unchanged.
pub(crate) fn whole_number(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// Text for an error message: at most `max_chars` long, with a space for each control character,
/// which a terminal might interpret.
pub(crate) fn printable(text: &str, max_chars: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(max_chars)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_is_success() {
        for code in ["0", "0.0", "0.00"] {
            assert!(is_success(code), "{code}");
        }
        for code in [
            "", "1", "00", "-0", "+0", "0.", ".0", "0.1", "0e0", " 0", "O", "false", "٠",
        ] {
            assert!(!is_success(code), "{code}");
        }
    }

    #[test]
    fn zero_decimals_of_a_whole_number_are_removed() {
        for (text, whole) in [
            ("1", "1"),
            ("1.0", "1"),
            ("5.000", "5"),
            ("1.", "1."),
            ("1.5", "1.5"),
            ("1.0 ", "1.0 "),
            ("1.0.0", "1.0.0"),
        ] {
            assert_eq!(whole_number(text), whole);
        }
    }

    #[test]
    fn control_characters_in_messages_become_spaces() {
        assert_eq!(printable("a\u{1b}[2Jb\n", 10), "a [2Jb ");
        assert_eq!(printable("éééé", 2), "éé…");
    }
}
