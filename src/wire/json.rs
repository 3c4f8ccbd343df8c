//! JSON as the gateway writes it: strict, but for the stray comma of its own document.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// More nesting than any reply has; a bomb has thousands.
const MAX_DEPTH: usize = 16;

/// Skips blanks and a byte order mark before the first character that says what a body is.
pub(crate) fn trim_start(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// Makes a text fit for the parser: refuses what must not be in it, and blanks out a comma that
/// stands before a closing bracket. Copies only where there is such a comma.
pub(crate) fn prepare(text: &str) -> Result<Cow<'_, str>, String> {
    let bytes = text.as_bytes();
    let mut stray = Vec::new();
    let mut comma: Option<usize> = None;
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at)?;
                comma = None;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(format!("is nested more than {MAX_DEPTH} deep"));
                }
                comma = None;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                stray.extend(comma.take());
            }
            b',' => comma = Some(at),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => comma = None,
        }
        at += 1;
    }
    if stray.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    let mut mended = text.to_owned();
    for at in stray {
        mended.replace_range(at..=at, " ");
    }
    Ok(Cow::Owned(mended))
}

/// From the opening quote to the closing one (or the end, which the parser will complain of).
fn skip_string(bytes: &[u8], open: usize) -> Result<usize, String> {
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at),
            b'\\' if bytes[at..].starts_with(b"\\u0000") => {
                return Err("has a NUL inside a string".to_owned());
            }
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    Ok(at)
}

/// One value of an object, as it was written.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// A string, decoded; or a number, verbatim.
    Text(Cow<'a, str>),
    /// An object, unread.
    Object(&'a str),
    /// `true`, `false` or an array, unread.
    Other(&'a str),
}

impl<'a> Value<'a> {
    /// `None` for null.
    fn read(raw: &'a str) -> Result<Option<Self>, serde_json::Error> {
        Ok(match raw.as_bytes().first() {
            Some(b'"') => Some(Self::Text(
                serde_json::Deserializer::from_str(raw).deserialize_str(Text)?,
            )),
            Some(b'n') => None,
            Some(b'{') => Some(Self::Object(raw)),
            Some(b'-' | b'0'..=b'9') => Some(Self::Text(Cow::Borrowed(raw))),
            _ => Some(Self::Other(raw)),
        })
    }
}

/// Reads an object whose text went through [`prepare`], handing each value to `take` under its key,
/// in order, duplicates included. Values that `wants` does not want are skipped over.
pub(crate) fn each_entry<'a, K>(
    text: &'a str,
    wants: impl Fn(&str) -> Option<K>,
    mut take: impl FnMut(K, Option<Value<'a>>),
) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.deserialize_map(Entries {
        wants,
        take: &mut take,
        key: std::marker::PhantomData,
    })?;
    parser.end()
}

struct Entries<'t, W, T, K> {
    wants: W,
    take: &'t mut T,
    key: std::marker::PhantomData<K>,
}

impl<'a, K, W, T> Visitor<'a> for Entries<'_, W, T, K>
where
    W: Fn(&str) -> Option<K>,
    T: FnMut(K, Option<Value<'a>>),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(&self.wants))? {
            let raw: &'a RawValue = map.next_value()?;
            if let Some(key) = key {
                (self.take)(key, Value::read(raw.get()).map_err(A::Error::custom)?);
            }
        }
        Ok(())
    }
}

/// Reads a key straight into what it stands for, without keeping it.
struct Key<'w, W>(&'w W);

impl<'a, K, W: Fn(&str) -> Option<K>> DeserializeSeed<'a> for Key<'_, W> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Option<K>, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<K, W: Fn(&str) -> Option<K>> Visitor<'_> for Key<'_, W> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<K>, E> {
        Ok((self.0)(key))
    }
}

/// A string, borrowed where it has no escapes.
struct Text;

impl<'a> Visitor<'a> for Text {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stray_comma_is_read_over_and_no_other() {
        assert_eq!(prepare(r#"{"a":1,}"#).unwrap(), r#"{"a":1 }"#);
        assert_eq!(prepare("{\"a\":[1, \n],}").unwrap(), "{\"a\":[1  \n] }");
        assert_eq!(prepare(r#"{"a":",}"}"#).unwrap(), r#"{"a":",}"}"#);
        assert_eq!(prepare(r#"{"a":"\",}"}"#).unwrap(), r#"{"a":"\",}"}"#);
        // Two of them are not the document's habit: one is left, and the parser refuses it.
        assert_eq!(prepare(r#"{"a":1,,}"#).unwrap(), r#"{"a":1, }"#);
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(prepare(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(prepare(&nested(MAX_DEPTH)).is_err());
        assert!(prepare(&format!(r#"{{"a":"{}"}}"#, "[".repeat(99))).is_ok());
    }

    #[test]
    fn a_nul_is_refused_and_its_escaped_spelling_is_not_one() {
        assert!(prepare(r#"{"a":"x\u0000y"}"#).is_err());
        assert!(prepare(r#"{"a":"x\\u0000y"}"#).is_ok());
    }
}
