//! JSON as the gateway writes it: strict, except that a trailing comma is accepted, since the gateway's
//! document has one.
//!
//! No library accepts that comma, returns numbers as written, reports duplicate keys and limits depth,
//! in one pass. serde_json decodes the strings that have escapes. The tests compare this reader with
//! serde_json.

use std::borrow::Cow;

/// More nesting than any reply has. An attack uses thousands of levels.
const MAX_DEPTH: usize = 16;

/// Skips a byte order mark and whitespace. The next character shows which format a body has.
pub(crate) fn trim_start(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// The bytes that end plain text in a string: quote, backslash, control characters. A table: with
/// comparisons, reading a callback takes 1.7 times as long as with simdjson, instead of 1.5 times.
const ENDS_PLAIN_TEXT: [bool; 256] = {
    let mut ends = [false; 256];
    let mut control = 0;
    while control < b' ' {
        ends[control as usize] = true;
        control += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

/// One value of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string, decoded; or a number, as written.
    Text(Cow<'a, str>),
    /// A string that is not valid JSON because it has raw control characters or lone surrogates:
    /// decoded, with each replaced by a space or U+FFFD.
    Repaired(String),
    /// An object, not decoded.
    Object(&'a str),
    /// `true`, `false` or an array, not decoded.
    Other(&'a str),
}

/// Reads an object. Calls `handle` with each key and value (`None` for null), in order, duplicates
/// included. `select` maps a key; entries for which it returns `None` are skipped.
pub(crate) fn for_each_entry<'a, K>(
    text: &'a str,
    select: impl Fn(&str) -> Option<K>,
    mut handle: impl FnMut(K, Option<Value<'a>>),
) -> Result<(), String> {
    let mut reader = Reader { text, at: 0 };
    if reader.skip_whitespace() != Some(b'{') {
        return Err(reader.expected("an object"));
    }
    reader.object(1, |key, value| {
        let selected = if key.is_plain {
            select(key.content)
        } else {
            select(&key.decode_strictly()?)
        };
        if let Some(key) = selected {
            handle(key, value.decode()?);
        }
        Ok(())
    })?;
    match reader.skip_whitespace() {
        None => Ok(()),
        Some(_) => Err(reader.expected("the end")),
    }
}

/// A string that is not decoded yet.
#[derive(Clone, Copy)]
struct UndecodedString<'a> {
    /// What is between the quotes.
    content: &'a str,
    /// Whether it has no escapes and no control characters, so that it needs no decoding.
    is_plain: bool,
}

impl<'a> UndecodedString<'a> {
    fn decode(self) -> Result<Value<'a>, String> {
        if self.is_plain {
            return Ok(Value::Text(Cow::Borrowed(self.content)));
        }
        if let Ok(text) = self.decode_strictly() {
            return Ok(Value::Text(Cow::Owned(text)));
        }
        serde_json::from_str(&quoted(&repaired(self.content)))
            .map(Value::Repaired)
            .map_err(invalid_string)
    }

    /// For keys. A key is never repaired: it decides which field is read.
    fn decode_strictly(self) -> Result<String, String> {
        serde_json::from_str(&quoted(self.content)).map_err(invalid_string)
    }
}

fn quoted(content: &str) -> String {
    ["\"", content, "\""].concat()
}

fn invalid_string(problem: serde_json::Error) -> String {
    format!("is not valid JSON: {problem}, in a string")
}

/// A value whose end was found and that is not decoded yet.
enum UndecodedValue<'a> {
    String(UndecodedString<'a>),
    Number(&'a str),
    Null,
    Object(&'a str),
    Other(&'a str),
}

impl<'a> UndecodedValue<'a> {
    fn decode(self) -> Result<Option<Value<'a>>, String> {
        Ok(Some(match self {
            Self::Null => return Ok(None),
            Self::String(string) => string.decode()?,
            Self::Number(text) => Value::Text(Cow::Borrowed(text)),
            Self::Object(text) => Value::Object(text),
            Self::Other(text) => Value::Other(text),
        }))
    }
}

/// A text and a position in it.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips whitespace and returns the next byte, without skipping it.
    fn skip_whitespace(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    #[cold]
    fn expected(&self, what: &str) -> String {
        format!("is not valid JSON: {what} was expected at byte {}", self.at)
    }

    /// Reads an object, starting at its opening brace.
    fn object(
        &mut self,
        depth: usize,
        mut entry: impl FnMut(UndecodedString<'a>, UndecodedValue<'a>) -> Result<(), String>,
    ) -> Result<(), String> {
        self.at += 1;
        while self.skip_whitespace() != Some(b'}') {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key"));
            }
            let key = self.string()?;
            if self.skip_whitespace() != Some(b':') {
                return Err(self.expected("a colon"));
            }
            self.at += 1;
            let value = self.value(depth)?;
            entry(key, value)?;
            self.comma_or(b'}')?;
        }
        self.at += 1;
        Ok(())
    }

    /// Skips an array, starting at its opening bracket.
    fn array(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        while self.skip_whitespace() != Some(b']') {
            self.value(depth)?;
            self.comma_or(b']')?;
        }
        self.at += 1;
        Ok(())
    }

    /// Skips a comma, also a trailing one. Without a comma, the closing bracket must come next.
    fn comma_or(&mut self, close: u8) -> Result<(), String> {
        match self.skip_whitespace() {
            Some(b',') => self.at += 1,
            Some(next) if next == close => {}
            _ => return Err(self.expected("a comma or a closing bracket")),
        }
        Ok(())
    }

    /// Skips one value that is inside `depth` objects and arrays, and returns it undecoded.
    fn value(&mut self, depth: usize) -> Result<UndecodedValue<'a>, String> {
        let first = self.skip_whitespace();
        let start = self.at;
        if matches!(first, Some(b'{' | b'[')) && depth == MAX_DEPTH {
            return Err(format!("is nested more than {MAX_DEPTH} deep"));
        }
        match first {
            Some(b'"') => self.string().map(UndecodedValue::String),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(UndecodedValue::Number(&self.text[start..self.at]))
            }
            Some(b'{') => {
                self.object(depth + 1, |_, _| Ok(()))?;
                Ok(UndecodedValue::Object(&self.text[start..self.at]))
            }
            Some(b'[') => {
                self.array(depth + 1)?;
                Ok(UndecodedValue::Other(&self.text[start..self.at]))
            }
            Some(b'n') => {
                self.literal("null")?;
                Ok(UndecodedValue::Null)
            }
            Some(b't') => self.literal("true").map(UndecodedValue::Other),
            Some(b'f') => self.literal("false").map(UndecodedValue::Other),
            _ => Err(self.expected("a value")),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<&'a str, String> {
        let start = self.at;
        if !self.text[start..].starts_with(literal) {
            return Err(self.expected("a value"));
        }
        self.at += literal.len();
        Ok(&self.text[start..self.at])
    }

    /// Skips a string, starting at its opening quote.
    fn string(&mut self) -> Result<UndecodedString<'a>, String> {
        self.at += 1;
        let start = self.at;
        let mut is_plain = true;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest
                .iter()
                .position(|&byte| ENDS_PLAIN_TEXT[usize::from(byte)]);
            self.at += plain.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0) => return Err("contains a NUL in a string".to_owned()),
                Some(_) => self.at += 1,
                None => return Err(self.expected("the end of a string")),
            }
            is_plain = false;
        }
        let content = &self.text[start..self.at];
        self.at += 1;
        Ok(UndecodedString { content, is_plain })
    }

    /// Skips an escape, starting at its backslash. Each half of a surrogate pair is one escape.
    #[cold]
    fn escape(&mut self) -> Result<(), String> {
        let escape = &self.text.as_bytes()[self.at + 1..];
        self.at += match escape {
            [b'u', b'0', b'0', b'0', b'0', ..] => {
                return Err("contains a NUL in a string".to_owned());
            }
            [b'u', hex @ ..] if hex.len() >= 4 && hex[..4].iter().all(u8::is_ascii_hexdigit) => 6,
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            _ => return Err(self.expected("a valid escape")),
        };
        Ok(())
    }

    /// Skips a number: `-`, digits without a leading zero, a fraction, an exponent.
    fn number(&mut self) -> Result<(), String> {
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

    fn digits(&mut self) -> Result<(), String> {
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

/// The content of a string, with a space for each raw control character and an escaped U+FFFD for each lone
/// surrogate, so that serde_json can read it.
fn repaired(content: &str) -> String {
    let mut repaired = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(first) = rest.chars().next() {
        let (length, replacement) = match surrogate(rest) {
            Some(0xd800..0xdc00) if matches!(surrogate(&rest[6..]), Some(0xdc00..)) => (12, None),
            Some(_) => (6, Some("\\ufffd")),
            // An escape of two characters, or the first two of a longer one.
            None if first == '\\' => (2, None),
            None if first < ' ' => (first.len_utf8(), Some(" ")),
            None => (first.len_utf8(), None),
        };
        repaired.push_str(replacement.unwrap_or(&rest[..length]));
        rest = &rest[length..];
    }
    repaired
}

/// The surrogate (0xd800 to 0xdfff), if the text begins with its escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u32::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    type Entries = Vec<(String, Option<Value<'static>>)>;

    fn read(text: &str) -> Result<Entries, String> {
        let mut entries = Vec::new();
        for_each_entry(
            text,
            |key| Some(key.to_owned()),
            |key, value| entries.push((key, value.map(owned))),
        )?;
        Ok(entries)
    }

    fn owned(value: Value<'_>) -> Value<'static> {
        let leak = |text: &str| &*text.to_owned().leak();
        match value {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Repaired(text) => Value::Repaired(text),
            Value::Object(text) => Value::Object(leak(text)),
            Value::Other(text) => Value::Other(leak(text)),
        }
    }

    fn text(text: &str) -> Option<Value<'static>> {
        Some(Value::Text(Cow::Owned(text.to_owned())))
    }

    #[test]
    fn values_are_returned_as_written() {
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
    fn a_trailing_comma_is_accepted_and_no_other_stray_comma() {
        for valid in [
            r#"{"a":1,}"#,
            "{\"a\":[1, \n],}",
            r#"{"a":",}"}"#,
            r#"{"a":"\",}"}"#,
        ] {
            assert!(read(valid).is_ok(), "{valid}");
        }
        // The gateway's document has no two commas in a row, and none without an entry before it.
        for invalid in [r#"{"a":1,,}"#, "{,}", r#"{"a":[,]}"#, r#"{"a":1},"#] {
            assert!(read(invalid).is_err(), "{invalid}");
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
    fn a_nul_is_refused_raw_or_escaped() {
        assert!(read(r#"{"a":"x\u0000y"}"#).is_err());
        assert!(read("{\"a\":\"x\0y\"}").is_err());
        // An escaped backslash, then plain text.
        assert!(read(r#"{"a":"x\\u0000y"}"#).is_ok());
    }

    #[test]
    fn a_string_of_any_length_ends_at_its_closing_quote() {
        for length in 0..40 {
            for (stop, is_valid) in [
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
                    Ok(entries) if is_valid && stop == '\u{1f}' => {
                        let repaired = Value::Repaired(format!("{before} "));
                        assert_eq!(entries, [("k".to_owned(), Some(repaired))]);
                    }
                    Ok(entries) if is_valid => {
                        assert_eq!(entries, [("k".to_owned(), text(&whole))]);
                    }
                    Err(_) if !is_valid => {}
                    other => panic!("{given:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn an_invalid_string_is_repaired_and_marked_as_repaired() {
        for (given, repaired) in [
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
            let repaired = Value::Repaired(repaired.to_owned());
            assert_eq!(entries, [("k".to_owned(), Some(repaired))], "{given:?}");
        }
        // A key is never repaired: it decides which field is read.
        for key in ["k\n", "\\ud800"] {
            assert!(read(&format!("{{\"{key}\":1}}")).is_err(), "{key:?}");
        }
    }

    /// Stands for a raw control character in a string, in the oracle.
    const MARK: char = '\u{f8ff}';

    /// The text with [`MARK`] for each raw control character in a string, and U+FFFD for each lone
    /// surrogate.
    fn repaired_for_oracle(text: &str) -> String {
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

    /// The expected entries of a text: read by serde_json, with a pass before it and one after it.
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
        let text = repaired_for_oracle(&without_trailing_commas(text)?);
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
                    Some(Value::Repaired(text.replace(MARK, " ")))
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

    /// The text with a space for each trailing comma; `None` if it must be refused because of a NUL or
    /// its depth.
    fn without_trailing_commas(text: &str) -> Option<String> {
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

    /// The entries with raw values changed as the oracle changes them.
    fn as_in_oracle(entries: Entries) -> Entries {
        let change_raw = |text: &'static str| match without_trailing_commas(text) {
            Some(text) => &*repaired_for_oracle(&text).leak(),
            None => text,
        };
        let change = |value| match value {
            Value::Object(text) => Value::Object(change_raw(text)),
            Value::Other(text) => Value::Other(change_raw(text)),
            text => text,
        };
        entries
            .into_iter()
            .map(|(key, value)| (key, value.map(change)))
            .collect()
    }

    fn agrees_with_serde_json(text: &str) {
        assert_eq!(read(text).ok().map(as_in_oracle), oracle(text), "{text:?}");
    }

    #[test]
    fn a_value_is_valid_when_serde_json_accepts_it() {
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

    /// Generates valid JSON, from parts that proptest can shrink.
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
        let space = "[ \n]{0,1}";
        let value = leaf.prop_recursive(5, 24, 4, move |inner| {
            let item = (space, inner.clone(), space).prop_map(|(a, b, c)| a + &b + &c);
            let entry = (string.clone(), space, item.clone())
                .prop_map(|(key, space, item)| format!("{key}{space}:{item}"));
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
        (prop::collection::vec(value, 0..4), space).prop_map(|(values, space)| {
            let entries: Vec<_> = values
                .iter()
                .enumerate()
                .map(|(at, value)| format!("\"k{at}\":{value}"))
                .collect();
            format!("{{{}{space}}}", entries.join(","))
        })
    }

    proptest! {
        #[test]
        fn json_is_read_as_serde_json_reads_it(text in json()) {
            agrees_with_serde_json(&text);
        }

        #[test]
        fn broken_json_is_refused_when_serde_json_refuses_it(
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
