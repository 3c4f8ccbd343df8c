//! JSON as the gateway writes it: strict, but for the stray comma of its own document.
//!
//! A reader of its own, since a general one would need a pass before it, for the comma, the depth
//! and the NULs, and another after it, for numbers as they were written. This one goes over a text
//! once and copies nothing. What it takes and what it refuses is held against serde_json by the
//! tests; a string with escapes in it, serde_json decodes.

use std::borrow::Cow;

use wide::u8x16;

/// More nesting than any reply has; a bomb has thousands.
const MAX_DEPTH: usize = 16;

/// Skips blanks and a byte order mark before the first character that says what a body is.
#[inline]
pub(crate) fn trim_start(text: &str) -> &str {
    if text.starts_with('{') {
        return text;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// One value of an object, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string, decoded; or a number, verbatim.
    Text(Cow<'a, str>),
    /// A string that is no JSON, since it has a raw control character or half a surrogate pair in it:
    /// decoded, with a blank or U+FFFD in their place.
    Mended(String),
    /// An object, unread.
    Object(&'a str),
    /// `true`, `false` or an array, unread.
    Other(&'a str),
}

/// Reads an object, handing each value (`None` for null) to `take` under its key, in order,
/// duplicates included. Values that `wants` does not want are skipped over.
pub(crate) fn each_entry<'a, K>(
    text: &'a str,
    wants: impl Fn(&[u8]) -> Option<K>,
    take: impl FnMut(K, Option<Value<'a>>),
) -> Result<(), String> {
    let mut reader = Reader {
        text,
        at: 0,
        problem: String::new(),
    };
    let result = reader.whole(&mut Wanted { wants, take });
    result.map_err(|Broken| reader.problem)
}

/// Where the entries of an object go. (A trait, and not a closure, so that it can be inlined at
/// both its calls.)
trait Entries<'a> {
    /// A key and a text that stand in the text as they are.
    fn plain(&mut self, key: &str, value: &'a str);

    fn entry(
        &mut self,
        reader: &mut Reader<'a>,
        key: Literal,
        value: Span<'a>,
    ) -> Result<(), Broken>;
}

/// Nowhere.
struct Skipped;

impl<'a> Entries<'a> for Skipped {
    fn plain(&mut self, _: &str, _: &'a str) {}

    fn entry(&mut self, _: &mut Reader<'a>, _: Literal, _: Span<'a>) -> Result<(), Broken> {
        Ok(())
    }
}

/// To whoever knows their keys.
struct Wanted<W, T> {
    wants: W,
    take: T,
}

impl<'a, K, W, T> Entries<'a> for Wanted<W, T>
where
    W: Fn(&[u8]) -> Option<K>,
    T: FnMut(K, Option<Value<'a>>),
{
    #[inline(always)]
    fn plain(&mut self, key: &str, value: &'a str) {
        if let Some(key) = (self.wants)(key.as_bytes()) {
            (self.take)(key, Some(Value::Text(Cow::Borrowed(value))));
        }
    }

    fn entry(
        &mut self,
        reader: &mut Reader<'a>,
        key: Literal,
        value: Span<'a>,
    ) -> Result<(), Broken> {
        let key = match key.escaped {
            false => (self.wants)(&reader.text.as_bytes()[key.start..key.end]),
            true => (self.wants)(reader.unescape(key)?.as_bytes()),
        };
        let Some(key) = key else { return Ok(()) };
        let value = match value {
            Span::String(literal) if literal.escaped => Some(reader.decode(literal)?),
            Span::String(literal) => Some(Value::Text(Cow::Borrowed(
                &reader.text[literal.start..literal.end],
            ))),
            Span::Number(text) => Some(Value::Text(Cow::Borrowed(text))),
            Span::Null => None,
            Span::Object(text) => Some(Value::Object(text)),
            Span::Other(text) => Some(Value::Other(text)),
        };
        (self.take)(key, value);
        Ok(())
    }
}

/// Where the inside of a string is.
#[derive(Clone, Copy)]
struct Literal {
    start: usize,
    end: usize,
    escaped: bool,
}

/// A value that was gone over, and is yet to be made something of.
enum Span<'a> {
    String(Literal),
    Number(&'a str),
    Null,
    Object(&'a str),
    Other(&'a str),
}

/// The text cannot be read; the reader knows why. (Results as small as this stay in registers.)
struct Broken;

/// A place in a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    problem: String,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether this comes next, behind blanks or, most often, at once.
    #[inline(always)]
    fn meets(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte) || self.skip_blanks() == Some(byte)
    }

    fn skip_blanks(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                next => return next,
            }
        }
    }

    #[cold]
    fn expected(&mut self, what: &str) -> Broken {
        self.broken(format!(
            "is not valid JSON: {what} was expected at byte {}",
            self.at
        ))
    }

    #[cold]
    fn broken(&mut self, problem: String) -> Broken {
        self.problem = problem;
        Broken
    }

    #[cold]
    fn unescape(&mut self, literal: Literal) -> Result<String, Broken> {
        let quoted = &self.text[literal.start - 1..=literal.end];
        serde_json::from_str(quoted)
            .map_err(|problem| self.broken(format!("is not valid JSON: {problem}, in a string")))
    }

    /// A string with escapes, or with what should have been escaped.
    #[cold]
    fn decode(&mut self, literal: Literal) -> Result<Value<'a>, Broken> {
        let quoted = &self.text[literal.start - 1..=literal.end];
        if let Ok(text) = serde_json::from_str(quoted) {
            return Ok(Value::Text(Cow::Owned(text)));
        }
        serde_json::from_str(&mended(quoted))
            .map(Value::Mended)
            .map_err(|problem| self.broken(format!("is not valid JSON: {problem}, in a string")))
    }

    /// One object, and nothing behind it.
    fn whole(&mut self, entries: &mut impl Entries<'a>) -> Result<(), Broken> {
        if self.skip_blanks() != Some(b'{') {
            return Err(self.expected("an object"));
        }
        self.object(1, entries)?;
        match self.skip_blanks() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    /// From the opening brace to behind the closing one.
    #[inline]
    fn object(&mut self, depth: usize, entries: &mut impl Entries<'a>) -> Result<(), Broken> {
        self.at += 1;
        loop {
            let (rest, closed) = plain_entries(&self.text[self.at..], entries);
            self.at = self.text.len() - rest.len();
            if closed {
                return Ok(());
            }
            if !self.entry(depth, entries)? || !self.comma(b'}')? {
                break;
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over any entry. False where there is none, but the closing brace. (Out of line: the loop
    /// over plain entries needs the registers.)
    #[inline(never)]
    fn entry(&mut self, depth: usize, entries: &mut impl Entries<'a>) -> Result<bool, Broken> {
        match self.skip_blanks() {
            Some(b'"') => {}
            // Behind the opening brace, or the stray comma of the gateway's own document.
            Some(b'}') => return Ok(false),
            _ => return Err(self.expected("a key")),
        }
        let key = self.string()?;
        if self.skip_blanks() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.at += 1;
        let value = self.value(depth)?;
        entries.entry(self, key, value)?;
        Ok(true)
    }

    /// From the opening bracket to behind the closing one.
    fn array(&mut self, depth: usize) -> Result<(), Broken> {
        self.at += 1;
        while !self.meets(b']') {
            self.value(depth)?;
            if !self.comma(b']')? {
                break;
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over a comma. False where there is none, but the closing bracket.
    #[inline(always)]
    fn comma(&mut self, close: u8) -> Result<bool, Broken> {
        if self.meets(b',') {
            self.at += 1;
            return Ok(true);
        }
        match self.peek() {
            Some(next) if next == close => Ok(false),
            _ => Err(self.expected("a comma or a closing bracket")),
        }
    }

    /// Goes over one value inside `depth` objects and arrays.
    fn value(&mut self, depth: usize) -> Result<Span<'a>, Broken> {
        let first = self.skip_blanks();
        let start = self.at;
        if matches!(first, Some(b'{' | b'[')) && depth == MAX_DEPTH {
            return Err(self.broken(format!("is nested more than {MAX_DEPTH} deep")));
        }
        let text = self.text;
        match first {
            Some(b'"') => Ok(Span::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Span::Number(&text[start..self.at]))
            }
            Some(b'{') => {
                self.object(depth + 1, &mut Skipped)?;
                Ok(Span::Object(&text[start..self.at]))
            }
            Some(b'[') => {
                self.array(depth + 1)?;
                Ok(Span::Other(&text[start..self.at]))
            }
            _ => {
                let rest = &text.as_bytes()[start..];
                let word = [&b"null"[..], b"true", b"false"]
                    .into_iter()
                    .find(|word| rest.starts_with(word))
                    .ok_or_else(|| self.expected("a value"))?;
                self.at += word.len();
                Ok(match word {
                    b"null" => Span::Null,
                    _ => Span::Other(&text[start..self.at]),
                })
            }
        }
    }

    /// From the opening quote to behind the closing one.
    fn string(&mut self) -> Result<Literal, Broken> {
        let start = self.at + 1;
        self.at = start + plain(&self.text.as_bytes()[start..]);
        let escaped = match self.peek() {
            Some(b'"') => false,
            _ => self.rest_of_string()?,
        };
        let end = self.at;
        self.at += 1;
        Ok(Literal {
            start,
            end,
            escaped,
        })
    }

    /// From the first character in a string that is not plain to the closing quote.
    #[cold]
    fn rest_of_string(&mut self) -> Result<bool, Broken> {
        loop {
            match self.peek() {
                Some(b'"') => return Ok(true),
                Some(b'\\') => self.escape()?,
                Some(0) => return Err(self.broken("has a NUL in it".to_owned())),
                // Whoever asks for the value is told.
                Some(_) => self.at += 1,
                None => return Err(self.expected("the end of a string")),
            }
            self.at += plain(&self.text.as_bytes()[self.at..]);
        }
    }

    /// From the backslash to behind the escape. A pair of surrogates is two.
    fn escape(&mut self) -> Result<(), Broken> {
        let escape = &self.text.as_bytes()[self.at + 1..];
        self.at += match escape {
            [b'u', b'0', b'0', b'0', b'0', ..] => {
                return Err(self.broken("has a NUL inside a string".to_owned()));
            }
            [b'u', hex @ ..] if hex.len() >= 4 && hex[..4].iter().all(u8::is_ascii_hexdigit) => 6,
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            _ => return Err(self.expected("an escape JSON knows")),
        };
        Ok(())
    }

    /// `-`, digits without a leading zero, a fraction, an exponent.
    fn number(&mut self) -> Result<(), Broken> {
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Err(self.expected("a digit")),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }
}

/// A quoted string that serde_json can read: a blank for each raw control character, and an escaped
/// U+FFFD for each half of a surrogate pair without the other.
fn mended(quoted: &str) -> String {
    let mut mended = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(first) = rest.chars().next() {
        let (piece, instead) = match surrogate(rest) {
            Some(0xd800..0xdc00) if matches!(surrogate(&rest[6..]), Some(0xdc00..)) => (12, None),
            Some(_) => (6, Some("\\ufffd")),
            // An escape of two characters, or the first two of a longer one.
            None if first == '\\' => (2, None),
            None if first < ' ' => (first.len_utf8(), Some(" ")),
            None => (first.len_utf8(), None),
        };
        mended.push_str(instead.unwrap_or(&rest[..piece]));
        rest = &rest[piece..];
    }
    mended
}

/// The half of a surrogate pair that a text begins with, as an escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u32::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

/// Goes over entries like `"key":"text"`, without blanks and escapes, which most are, as far as
/// there is a comma or the closing brace behind each. Returns what comes next, and whether that is
/// behind the closing brace. All other entries, and what is wrong, the [`Reader`] goes over.
#[inline(always)]
fn plain_entries<'a>(mut rest: &'a str, entries: &mut impl Entries<'a>) -> (&'a str, bool) {
    while let Some((key, value, behind)) = plain_entry(rest) {
        let comma = behind.strip_prefix("\",");
        let Some(next) = comma.or_else(|| behind.strip_prefix("\"}")) else {
            break;
        };
        entries.plain(key, value);
        rest = next;
        if comma.is_none() {
            return (rest, true);
        }
    }
    (rest, false)
}

/// The key, the text, and what begins with the quote behind it.
#[inline(always)]
fn plain_entry(text: &str) -> Option<(&str, &str, &str)> {
    let rest = text.strip_prefix("\"")?;
    let (key, rest) = rest.split_at(plain(rest.as_bytes()));
    let rest = rest.strip_prefix("\":\"")?;
    let (value, rest) = rest.split_at(plain(rest.as_bytes()));
    Some((key, value, rest))
}

/// How many bytes there are before the first quote, backslash or control character; sixteen at a
/// time, since this is where the time goes.
#[inline(always)]
fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&sixteen) = bytes[at..].first_chunk() {
        let stops = stops(sixteen);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += 16;
    }
    if at > 0
        && let Some(&sixteen) = bytes.last_chunk()
    {
        // Fewer remain, and are looked at with some that were gone over, where there was no stop.
        return bytes.len() - 16 + stops(sixteen).trailing_zeros().min(16) as usize;
    }
    let stops = |&byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    bytes.iter().position(stops).unwrap_or(bytes.len())
}

/// One bit each for the bytes that end a plain run.
#[inline(always)]
fn stops(bytes: [u8; 16]) -> u32 {
    let bytes = u8x16::new(bytes);
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let backslashes = bytes.simd_eq(u8x16::splat(b'\\'));
    let controls = bytes.simd_lt(u8x16::splat(b' '));
    (quotes | backslashes | controls).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    type Entries = Vec<(String, Option<Value<'static>>)>;

    fn read(text: &str) -> Result<Entries, String> {
        let mut entries = Vec::new();
        each_entry(
            text,
            |key| String::from_utf8(key.to_owned()).ok(),
            |key, value| entries.push((key, value.map(owned))),
        )?;
        Ok(entries)
    }

    fn owned(value: Value<'_>) -> Value<'static> {
        let leak = |text: &str| &*text.to_owned().leak();
        match value {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Mended(text) => Value::Mended(text),
            Value::Object(text) => Value::Object(leak(text)),
            Value::Other(text) => Value::Other(leak(text)),
        }
    }

    fn text(text: &str) -> Option<Value<'static>> {
        Some(Value::Text(Cow::Owned(text.to_owned())))
    }

    #[test]
    fn values_come_as_they_were_written() {
        let entries =
            read(r#" {"a":"\u0065\n","b":-0.50e+1,"b":null,"c":{"d":[1]},"e":[{}],"f":true} "#);
        let expected = [
            ("a", text("e\n")),
            ("b", text("-0.50e+1")),
            ("b", None),
            ("c", Some(Value::Object(r#"{"d":[1]}"#))),
            ("e", Some(Value::Other("[{}]"))),
            ("f", Some(Value::Other("true"))),
        ];
        assert_eq!(
            entries.unwrap(),
            expected.map(|(key, value)| (key.to_owned(), value))
        );
    }

    #[test]
    fn the_stray_comma_is_read_over_and_no_other() {
        for good in [
            r#"{"a":1,}"#,
            "{\"a\":[1, \n],}",
            r#"{"a":",}"}"#,
            r#"{"a":"\",}"}"#,
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        // Two of them are not the document's quirk, nor is one with nothing before it.
        for bad in [r#"{"a":1,,}"#, "{,}", r#"{"a":[,]}"#, r#"{"a":1},"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(read(&nested(MAX_DEPTH)).is_err());
        assert!(read(&format!(r#"{{"a":"{}"}}"#, "[".repeat(99))).is_ok());
    }

    #[test]
    fn a_nul_is_refused_and_its_escaped_spelling_is_not_one() {
        assert!(read(r#"{"a":"x\u0000y"}"#).is_err());
        assert!(read("{\"a\":\"x\0y\"}").is_err());
        assert!(read(r#"{"a":"x\\u0000y"}"#).is_ok());
    }

    #[test]
    fn a_string_ends_where_it_ends_however_long_it_is() {
        for length in 0..40 {
            for (stop, good) in [
                ('"', true),
                ('\\', true),
                ('\u{1f}', true),
                ('\0', false),
                (' ', true),
            ] {
                let before = "é~\u{7f}".repeat(length)[..]
                    .chars()
                    .take(length)
                    .collect::<String>();
                let given = match stop {
                    '"' => format!("{{\"k\":\"{before}\"}}"),
                    '\\' => format!("{{\"k\":\"{before}\\n\"}}"),
                    other => format!("{{\"k\":\"{before}{other}\"}}"),
                };
                let whole = match stop {
                    '"' => before.clone(),
                    '\\' => format!("{before}\n"),
                    other => format!("{before}{other}"),
                };
                match read(&given) {
                    Ok(entries) if good && stop == '\u{1f}' => {
                        let mended = Value::Mended(format!("{before} "));
                        assert_eq!(entries, [("k".to_owned(), Some(mended))]);
                    }
                    Ok(entries) if good => assert_eq!(entries, [("k".to_owned(), text(&whole))]),
                    Err(_) if !good => {}
                    other => panic!("{given:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_inside_a_string_is_mended_and_said_to_be() {
        for (given, mended) in [
            ("a\nb", "a b"),
            ("a\r\nb", "a  b"),
            ("\t\\t\u{1f}", " \t "),
            ("\\ud800", "\u{fffd}"),
            ("\\udc00x", "\u{fffd}x"),
            ("\\udc00\\ud800", "\u{fffd}\u{fffd}"),
            ("\\ud800\\ud83d\\ude00", "\u{fffd}\u{1f600}"),
            ("\\uD83D\\uDE00\\uDE00", "\u{1f600}\u{fffd}"),
            ("\\\\ud800\n", "\\ud800 "),
            ("é\\ud800\\u00e9\n", "é\u{fffd}é "),
        ] {
            let entries = read(&format!("{{\"k\":\"{given}\"}}")).expect(given);
            let mended = Value::Mended(mended.to_owned());
            assert_eq!(entries, [("k".to_owned(), Some(mended))], "{given:?}");
        }
        // A key decides what is read.
        for key in ["k\n", "\\ud800"] {
            assert!(read(&format!("{{\"{key}\":1}}")).is_err(), "{key:?}");
        }
    }

    /// Marks a raw control character in a string, for the oracle.
    const MARK: char = '\u{f8ff}';

    /// The text with a mark for each raw control character in a string, and U+FFFD for each half of
    /// a surrogate pair.
    fn sound(text: &str) -> String {
        let mut units: Vec<(u32, String)> = Vec::new();
        let (mut in_string, mut rest) = (false, text);
        while let Some(c) = rest.chars().next() {
            let mut piece = c.len_utf8();
            let mut unit = 0;
            let mut shown = None;
            match c {
                '"' => in_string = !in_string,
                '\\' if in_string => {
                    let hex = rest.get(2..6).filter(|_| rest[1..].starts_with('u'));
                    match hex.map(|hex| u32::from_str_radix(hex, 16)) {
                        Some(Ok(value)) => (unit, piece) = (value, 6),
                        _ => piece += rest[1..].chars().next().map_or(0, char::len_utf8),
                    }
                }
                '\u{1}'..='\u{1f}' if in_string => shown = Some(MARK.to_string()),
                _ => {}
            }
            units.push((unit, shown.unwrap_or_else(|| rest[..piece].to_owned())));
            rest = &rest[piece..];
        }
        let high = |at: usize| matches!(units.get(at), Some((0xd800..=0xdbff, _)));
        let low = |at: usize| matches!(units.get(at), Some((0xdc00..=0xdfff, _)));
        let mut result = String::new();
        let mut paired = false;
        for (at, (_, shown)) in units.iter().enumerate() {
            let pair = high(at) && low(at + 1);
            match (high(at) || low(at)) && !pair && !paired {
                true => result.push('\u{fffd}'),
                false => result.push_str(shown),
            }
            paired = pair;
        }
        result
    }

    /// What a pass before serde_json, serde_json, and a pass after it make of a text.
    fn oracle(text: &str) -> Option<Entries> {
        struct InOrder(Vec<(String, Box<RawValue>)>);
        impl<'de> serde::Deserialize<'de> for InOrder {
            fn deserialize<D: serde::Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = InOrder;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<InOrder, A::Error> {
                        let mut entries = Vec::new();
                        while let Some(entry) = map.next_entry()? {
                            entries.push(entry);
                        }
                        Ok(InOrder(entries))
                    }
                }
                parser.deserialize_map(Visitor)
            }
        }
        let text = sound(&without_stray_commas(text)?);
        let InOrder(entries) = serde_json::from_str(&text).ok()?;
        let mut read = Vec::new();
        for (key, raw) in entries {
            let raw = raw.get();
            if key.contains([MARK, '\u{fffd}']) {
                return None;
            }
            let value = match raw.as_bytes()[0] {
                b'"' if raw.contains([MARK, '\u{fffd}']) => {
                    let text: String = serde_json::from_str(raw).ok()?;
                    Some(Value::Mended(text.replace(MARK, " ")))
                }
                b'"' => Some(Value::Text(serde_json::from_str(raw).ok()?)),
                b'n' => None,
                b'{' => Some(Value::Object(raw.to_owned().leak())),
                b'-' | b'0'..=b'9' => Some(Value::Text(Cow::Owned(raw.to_owned()))),
                _ => Some(Value::Other(raw.to_owned().leak())),
            };
            read.push((key, value));
        }
        Some(read)
    }

    /// The text with a blank for each stray comma; none where it is refused for other reasons.
    fn without_stray_commas(text: &str) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let (mut depth, mut in_string, mut at) = (0, false, 0);
        let mut before = b'{';
        let mut comma = None;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' if in_string => {
                    if bytes[at..].starts_with(b"\\u0000") {
                        return None;
                    }
                    at += 1;
                }
                b'"' => in_string = !in_string,
                _ if in_string || b" \t\r\n".contains(&byte) => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if let Some(comma) = comma {
                        bytes[comma] = b' ';
                    }
                }
                _ => {}
            }
            if depth > MAX_DEPTH as i32 {
                return None;
            }
            if !b" \t\r\n".contains(&byte) {
                let stray = byte == b',' && !in_string && !b"{[,".contains(&before);
                comma = stray.then_some(at);
                before = byte;
            }
            at += 1;
        }
        String::from_utf8(bytes).ok()
    }

    /// Values without their stray commas and blanks, which the oracle has lost.
    fn bare(entries: Entries) -> Entries {
        let strip = |text: &'static str| match without_stray_commas(text) {
            Some(text) => &*sound(&text).leak(),
            None => text,
        };
        let bare = |value| match value {
            Value::Object(text) => Value::Object(strip(text)),
            Value::Other(text) => Value::Other(strip(text)),
            text => text,
        };
        entries
            .into_iter()
            .map(|(key, value)| (key, value.map(bare)))
            .collect()
    }

    fn agrees_with_serde_json(text: &str) {
        assert_eq!(read(text).ok().map(bare), oracle(text), "{text:?}");
    }

    #[test]
    fn a_value_is_one_where_serde_json_says_so() {
        for value in [
            "0",
            "-0",
            "00",
            "01",
            "-01",
            "1",
            "10",
            "-",
            "+1",
            "1.",
            "1.5",
            ".5",
            "1.e1",
            "1e",
            "1e+",
            "1E-2",
            "1e05",
            "0x1",
            "1_0",
            "NaN",
            "null",
            "nul",
            "nulll",
            "true",
            "truefalse",
            "True",
            "false",
            "\"\"",
            "\"",
            "'a'",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\\/\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "[1 2]",
            "[1]]",
            "[",
            "[}",
            "{]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\" :1 }",
            "//",
            "",
        ] {
            agrees_with_serde_json(&format!("{{\"k\":{value}}}"));
            agrees_with_serde_json(&format!("{{\"k\":[{value},{value}]}}"));
        }
        for text in [
            "", " ", "{", "}", "{}", "{} ", "{}x", "{}{}", "[]", "\"\"", "\u{a0}{}",
        ] {
            agrees_with_serde_json(text);
        }
    }

    /// Valid JSON, in pieces that can be taken apart.
    fn json() -> impl Strategy<Value = String> {
        let string = prop_oneof![
            "\"[a-zé ,:{}\\[\\]]{0,12}\"",
            r#""(\\[nt"\\/]|\\u00e9|\\u0000|\\ud83d\\ude00|\\ud800|x){0,4}""#,
        ];
        let leaf = prop_oneof![
            string.clone(),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            "null|true|false",
        ];
        let blank = "[ \n]{0,1}";
        let value = leaf.prop_recursive(5, 24, 4, move |inner| {
            let item = (blank, inner.clone(), blank).prop_map(|(a, b, c)| a + &b + &c);
            let entry = (string.clone(), blank, item.clone())
                .prop_map(|(key, blank, item)| format!("{key}{blank}:{item}"));
            let list = |open: char, close: char| {
                move |(items, comma): (Vec<String>, &str)| {
                    format!("{open}{}{comma}{close}", items.join(","))
                }
            };
            let comma = prop_oneof![4 => Just(""), 1 => Just(","), 1 => Just(", ")];
            prop_oneof![
                (prop::collection::vec(item, 0..4), comma.clone()).prop_map(list('[', ']')),
                (prop::collection::vec(entry, 0..4), comma).prop_map(list('{', '}')),
            ]
        });
        (prop::collection::vec(value, 0..4), blank).prop_map(|(values, blank)| {
            let entries: Vec<_> = values
                .iter()
                .enumerate()
                .map(|(at, value)| format!("\"k{at}\":{value}"))
                .collect();
            format!("{{{}{blank}}}", entries.join(","))
        })
    }

    proptest! {
        #[test]
        fn sixteen_bytes_at_a_time_stop_where_one_at_a_time_would(
            bytes in prop::collection::vec(
                prop_oneof![8 => any::<u8>(), 1 => prop::sample::select(&b"\0\x1f !\"\\]\x7f\x80\xa2"[..])],
                0..40,
            ),
        ) {
            let stops = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let one_at_a_time = bytes.iter().position(stops).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), one_at_a_time);
        }

        #[test]
        fn a_plain_entry_is_what_it_would_be_with_blanks_around(
            key in "[a-zé:,{]{0,20}",
            value in "[a-zé:,}]{0,20}",
        ) {
            let plain = format!("{{\"{key}\":\"{value}\"}}");
            let blanks = format!("{{ \"{key}\" : \"{value}\" }}");
            prop_assert_eq!(plain_entry(&plain[1..]), Some((&*key, &*value, "\"}")));
            prop_assert_eq!(plain_entry(&blanks[1..]), None);
            prop_assert_eq!(read(&plain), read(&blanks));
        }

        #[test]
        fn json_is_read_as_serde_json_reads_it(text in json()) {
            agrees_with_serde_json(&text);
        }

        #[test]
        fn broken_json_is_refused_where_serde_json_refuses_it(
            text in json(),
            at in any::<prop::sample::Index>(),
            with in prop_oneof![
                Just(""), Just(","), Just("}"), Just("]"), Just("\""), Just("\\"), Just("0"),
                Just("."), Just("e"), Just("-"), Just("\u{1f}"), Just("é"), Just("{"), Just("["),
            ],
            replace in any::<bool>(),
        ) {
            let mut chars: Vec<String> = text.chars().map(String::from).collect();
            let at = at.index(chars.len());
            match replace {
                true => chars[at] = with.to_owned(),
                false => chars.insert(at, with.to_owned()),
            }
            agrees_with_serde_json(&chars.concat());
        }
    }
}
