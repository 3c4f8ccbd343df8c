//! Character references: what `&amp;`, `&#233;` and `&eacute` stand for, as browsers read them.

use std::borrow::Cow;

/// Every name of the HTML standard (html.spec.whatwg.org/entities.json), in the order of its bytes:
/// the name, the hexadecimal code points it stands for, and `bare` where it needs no semicolon. One
/// text, since a table of strings would need a relocation each whenever the library is loaded.
const NAMED: &str = include_str!("charref.txt");

/// The longest name that needs no semicolon.
const LONGEST_BARE: usize = 6;

/// Where a reference is: in the value of an attribute, addresses have ampersands of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    Attribute,
}

/// The text with its references replaced. What stands for nothing is left as it is.
pub(super) fn decode(text: &str, place: Place) -> Cow<'_, str> {
    let Some(first) = text.find('&') else {
        return Cow::Borrowed(text);
    };
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut next = Some(first);
    while let Some(at) = next {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = match rest.strip_prefix('#') {
            Some(number) => numbered(number, &mut decoded).map(|length| length + 1),
            None => named(rest, place, &mut decoded),
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => decoded.push('&'),
        }
        next = rest.find('&');
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Reads what stands behind `&`. Says how many bytes were the reference's.
fn named(rest: &str, place: Place, decoded: &mut String) -> Option<usize> {
    let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let behind = |length: usize| rest.as_bytes().get(length).copied();
    if behind(run) == Some(b';')
        && let Some(meaning) = look_up(&rest[..run])
    {
        decoded.extend(meaning.characters());
        return Some(run + 1);
    }
    let (length, meaning) = (1..=run.min(LONGEST_BARE)).rev().find_map(|length| {
        let meaning = look_up(&rest[..length])?;
        meaning.bare.then_some((length, meaning))
    })?;
    // `?a=1&copy=2` is an address with a `copy` in it.
    let goes_on = behind(length).is_some_and(|next| next == b'=' || next.is_ascii_alphanumeric());
    if place == Place::Attribute && goes_on {
        return None;
    }
    decoded.extend(meaning.characters());
    Some(length)
}

/// Reads what stands behind `&#`. Says how many bytes were the reference's.
fn numbered(rest: &str, decoded: &mut String) -> Option<usize> {
    let (prefix, radix) = match rest.as_bytes().first() {
        Some(b'x' | b'X') => (1, 16),
        _ => (0, 10),
    };
    let digits = rest[prefix..]
        .bytes()
        .map_while(|byte| char::from(byte).to_digit(radix));
    let mut count = 0;
    let mut number = 0u32;
    for digit in digits {
        count += 1;
        number = number.saturating_mul(radix).saturating_add(digit);
    }
    if count == 0 {
        return None;
    }
    decoded.push(character(number));
    let semicolon = rest[prefix + count..].starts_with(';');
    Some(prefix + count + usize::from(semicolon))
}

/// The character of a number, as the standard has it: Windows' characters where Latin-1 has
/// controls.
fn character(number: u32) -> char {
    const WINDOWS: [u16; 32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013,
        0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ];
    let number = match number {
        0x80..=0x9F => u32::from(WINDOWS[number as usize - 0x80]),
        _ => number,
    };
    match number {
        0 => char::REPLACEMENT_CHARACTER,
        _ => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// What a name stands for.
struct Meaning {
    code_points: &'static str,
    bare: bool,
}

impl Meaning {
    fn characters(&self) -> impl Iterator<Item = char> {
        let numbers = self.code_points.split(' ');
        numbers.filter_map(|hex| char::from_u32(u32::from_str_radix(hex, 16).ok()?))
    }
}

fn look_up(name: &str) -> Option<Meaning> {
    let (mut from, mut to) = (0, NAMED.len());
    while from < to {
        // The line around the middle.
        let middle = from + (to - from) / 2;
        let start = NAMED[..middle].rfind('\n').map_or(0, |end| end + 1);
        let line = NAMED[start..].split('\n').next().unwrap_or_default();
        let (found, code_points) = line.split_once(' ')?;
        match found.cmp(name) {
            std::cmp::Ordering::Less => from = start + line.len() + 1,
            std::cmp::Ordering::Greater => to = start,
            std::cmp::Ordering::Equal => {
                let bare = code_points.strip_suffix(" bare");
                return Some(Meaning {
                    code_points: bare.unwrap_or(code_points),
                    bare: bare.is_some(),
                });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_means_what_its_line_says() {
        let mut names = 0;
        for line in NAMED.lines() {
            let (name, _) = line.split_once(' ').unwrap();
            let meaning = look_up(name).unwrap();
            assert!(line.starts_with(&format!("{name} {}", meaning.code_points)));
            assert!(matches!(meaning.characters().count(), 1 | 2), "{line}");
            assert_eq!(meaning.bare, line.ends_with(" bare"));
            assert!(!meaning.bare || name.len() <= LONGEST_BARE, "{line}");
            names += 1;
        }
        assert_eq!(names, 2125);
        for none in ["", "A", "zzz", "zwnjx", "am", "\u{e9}"] {
            assert!(look_up(none).is_none(), "{none}");
        }
    }

    #[test]
    fn references_are_read_as_browsers_do() {
        for (text, place, decoded) in [
            ("a&amp;b&lt;c&#233;&#xe9;", Place::Text, "a&b<c\u{e9}\u{e9}"),
            (
                "&eacute &notit; &notin;",
                Place::Text,
                "\u{e9} \u{ac}it; \u{2209}",
            ),
            ("?a=1&copy=2&copy;", Place::Attribute, "?a=1&copy=2\u{a9}"),
            ("?a=1&copy2&copy", Place::Attribute, "?a=1&copy2\u{a9}"),
            (
                "&#0;&#xD800;&#x110000;&#99999999999;",
                Place::Text,
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("&#128;&#x9f", Place::Text, "\u{20ac}\u{178}"),
            (
                "& &; &# &#x &#xg; &zut;",
                Place::Text,
                "& &; &# &#x &#xg; &zut;",
            ),
            ("&acE;", Place::Text, "\u{223e}\u{333}"),
        ] {
            assert_eq!(decode(text, place), decoded, "{text}");
        }
    }
}
