//! Percent-encoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Display;

/// Every ASCII character except the unreserved ones of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a value for a form or a path segment.
pub(crate) fn encode(text: &str) -> impl Display + '_ {
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_are_left_unencoded() {
        assert_eq!(
            encode("a b&c=é/*~").to_string(),
            "a%20b%26c%3D%C3%A9%2F%2A~"
        );
    }
}
