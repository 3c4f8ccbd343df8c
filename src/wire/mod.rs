//! What the gateway writes, and how it is read: JSON in every spelling met, forms, pages, dates.
//!
//! Nothing here touches the network, and nothing here guesses: what cannot be told is an error.

pub(crate) mod charset;
pub(crate) mod date;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod gateway_message;
pub(crate) mod json;
pub(crate) mod named_order;
pub(crate) mod page;
pub(crate) mod reply;

/// Whether a `code` says success. Documented as `0`; also met as `"0"` and `"0.0"`.
#[inline]
pub(crate) fn is_success(code: &str) -> bool {
    code == "0" || whole_number(code) == "0"
}

/// A number as it was written, without the `.0` that Java and others put behind a whole number
/// they keep as a double. Anything else comes back as it is.
pub(crate) fn whole_number(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// Text for a message to a person: cut short, and without anything a terminal would obey.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(most)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_is_success() {
        for yes in ["0", "0.0", "0.00"] {
            assert!(is_success(yes), "{yes}");
        }
        for no in [
            "", "1", "00", "-0", "+0", "0.", ".0", "0.1", "0e0", " 0", "O", "false", "٠",
        ] {
            assert!(!is_success(no), "{no}");
        }
    }

    #[test]
    fn a_whole_number_loses_its_decimals_where_they_are_zero() {
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
    fn a_message_holds_nothing_a_terminal_obeys() {
        assert_eq!(printable("a\u{1b}[2Jb\n", 10), "a [2Jb ");
        assert_eq!(printable("éééé", 2), "éé…");
    }
}
