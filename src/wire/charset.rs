//! Decodes bytes to text: UTF-8, or the charsets of older servers.
//!
//! Every value that matters (codes, states, order numbers, amounts, currencies) is ASCII, which is
//! the same in all these charsets. So a body is never refused for an accented character: the charset
//! only affects how the accent is shown.

use std::borrow::Cow;

/// Decodes a body: as UTF-8 if it is valid UTF-8, else in the charset named by the Content-Type
/// (`text/html; charset=ISO-8859-15`), else as Windows-1252. ISO-8859-1 is read as Windows-1252, as
/// browsers do.
pub(crate) fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let to_char = match content_type.is_some_and(is_latin_9) {
        true => latin_9,
        false => windows_1252,
    };
    Cow::Owned(body.iter().map(|&byte| to_char(byte)).collect())
}

fn is_latin_9(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let Some((_, charset)) = lower.split_once("charset=") else {
        return false;
    };
    let charset = charset.split(';').next().unwrap_or_default();
    let charset = charset.trim().trim_matches(['"', '\'']);
    matches!(charset, "iso-8859-15" | "iso8859-15" | "latin9" | "latin-9")
}

/// Windows-1252: ISO-8859-1, with printable characters instead of the control characters 80 to 9F.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// ISO-8859-15: ISO-8859-1 with eight characters replaced.
fn latin_9(byte: u8) -> char {
    match byte {
        0xa4 => '€',
        0xa6 => 'Š',
        0xa8 => 'š',
        0xb4 => 'Ž',
        0xb8 => 'ž',
        0xbc => 'Œ',
        0xbd => 'œ',
        0xbe => 'Ÿ',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_utf_8_is_read_as_utf_8_whatever_the_content_type() {
        let text = "échoué";
        assert_eq!(
            decode(text.as_bytes(), Some("text/html; charset=ISO-8859-15")),
            text
        );
    }

    #[test]
    fn other_bytes_are_read_in_the_charset_of_the_content_type() {
        for (content_type, text) in [
            (None, "refusé: 5 € ¤"),
            (Some("application/json"), "refusé: 5 € ¤"),
            (Some("text/html; charset=ISO-8859-1"), "refusé: 5 € ¤"),
            (Some("text/html; charset=windows-1252"), "refusé: 5 € ¤"),
            (
                Some("text/html;Charset=\"iso-8859-15\"; x=y"),
                "refusé: 5 \u{80} €",
            ),
            (Some("text/html; charset=latin9"), "refusé: 5 \u{80} €"),
        ] {
            assert_eq!(
                decode(b"refus\xe9: 5 \x80 \xa4", content_type),
                text,
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn ascii_stays_ascii() {
        for byte in 0..0x80 {
            assert_eq!(
                decode(&[byte, 0xff], None).chars().next(),
                Some(char::from(byte))
            );
        }
    }
}
