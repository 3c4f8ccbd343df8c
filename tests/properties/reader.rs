//! What bytes say, read a second time: by a reader simpler than the library's, and unlike it.

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

use crate::ORDER;

/// JSON that forgets nothing: every key given twice is there twice.
enum Node {
    Null,
    Text(String),
    Object(Vec<(String, Node)>),
    Other,
}

struct Reader;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser.deserialize_any(Reader)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        // With its decimals: 0.0 is no status 0.
        Ok(Node::Text(format!("{number:?}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<Node>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Object(entries))
    }
}

/// Reads JSON, in UTF-8 or Latin-1, with commas before a closing bracket and raw control characters
/// in strings blanked out, and with any letter for surrogates: no code and no status has them.
fn json(bytes: &[u8]) -> Option<Node> {
    let latin_1 = || bytes.iter().map(|&byte| char::from(byte)).collect();
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| latin_1());
    let text = text.as_str();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut mended: Vec<char> = Vec::new();
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside {
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            inside = true;
        } else if matches!(c, '}' | ']') {
            let last = mended.iter().rposition(|c| !c.is_ascii_whitespace());
            if let Some(at) = last.filter(|&at| mended[at] == ',') {
                mended[at] = ' ';
            }
        }
        mended.push(match c {
            '\u{1}'..='\u{1f}' if inside => ' ',
            _ => c,
        });
    }
    let mut mended: String = mended.into_iter().collect();
    for half in [
        "\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf",
    ] {
        mended = mended.replace(half, "\\u00");
        mended = mended.replace(&half.to_uppercase().replace("\\U", "\\u"), "\\u00");
    }
    serde_json::from_str(&mended).ok()
}

/// All values under a name, however it is spelled.
fn named<'v>(node: &'v Node, name: &str) -> Vec<&'v Node> {
    let plain = |key: &str| key.replace(['_', '-'], "").to_ascii_lowercase();
    let Node::Object(entries) = node else {
        return Vec::new();
    };
    let named = entries.iter().filter(|(key, _)| plain(key) == name);
    named.map(|(_, value)| value).collect()
}

fn text(value: &Node) -> String {
    match value {
        Node::Text(text) => text.clone(),
        _ => "something else".to_owned(),
    }
}

/// Neither null nor empty: both are as good as absent.
fn says_something(value: &Node) -> bool {
    match value {
        Node::Null => false,
        Node::Text(text) => !text.is_empty(),
        _ => true,
    }
}

fn is_null(value: &Node) -> bool {
    matches!(value, Node::Null)
}

/// `0`, `0.0`, `0.00`.
fn is_zero(text: &str) -> bool {
    text == "0"
        || text
            .strip_prefix("0.")
            .is_some_and(|zeros| !zeros.is_empty() && zeros.chars().all(|c| c == '0'))
}

/// Whether a check's reply says that the order asked about is paid.
pub fn says_paid(body: &[u8]) -> bool {
    let Some(reply) = json(body) else {
        return false;
    };
    let codes = named(&reply, "code");
    let transactions = named(&reply, "transaction");
    let understood = codes.iter().any(|code| is_zero(&text(code)));
    understood
        && codes
            .iter()
            .all(|code| !says_something(code) || is_zero(&text(code)))
        && transactions.iter().any(|transaction| {
            let statuses = named(transaction, "status");
            let orders = named(transaction, "ordernumber");
            !statuses.is_empty()
                && statuses
                    .iter()
                    .all(|status| is_null(status) || is_zero(&text(status)))
                && statuses.iter().any(|status| !is_null(status))
                && orders
                    .iter()
                    .all(|order| !says_something(order) || text(order) == ORDER)
        })
}

/// Whether a callback says that its payment succeeded.
pub fn says_success(body: &[u8]) -> bool {
    let (codes, statuses): (Vec<String>, Vec<String>) = match json(body) {
        Some(callback) => {
            let data = named(&callback, "data");
            let outer: Vec<&Node> = data.into_iter().chain([&callback]).collect();
            let inner = outer.iter().flat_map(|level| named(level, "transaction"));
            let levels: Vec<&Node> = inner.chain(outer.iter().copied()).collect();
            let all = |name: &str| {
                let levels = levels.iter().copied();
                levels
                    .flat_map(|level| named(level, name))
                    .collect::<Vec<_>>()
            };
            let codes = all("code")
                .into_iter()
                .filter(|code| says_something(code))
                .map(text);
            let statuses = all("status")
                .into_iter()
                .chain(all("transactionstatus"))
                .filter(|status| !is_null(status))
                .map(text);
            (codes.collect(), statuses.collect())
        }
        None => {
            let decoded = |part: &[u8]| {
                let spaced: Vec<u8> = part
                    .iter()
                    .map(|&b| if b == b'+' { b' ' } else { b })
                    .collect();
                percent_decode(&spaced).decode_utf8_lossy().into_owned()
            };
            let all = |name: &str| {
                body.split(|&byte| byte == b'&')
                    .filter_map(|pair| {
                        let at = pair.iter().position(|&byte| byte == b'=')?;
                        let key = decoded(&pair[..at])
                            .replace(['_', '-'], "")
                            .to_ascii_lowercase();
                        (key.trim_matches(['\u{feff}', ' ', '\r', '\n', '\t']) == name)
                            .then(|| decoded(&pair[at + 1..]))
                    })
                    .collect::<Vec<_>>()
            };
            let codes = all("code").into_iter().filter(|code| !code.is_empty());
            let statuses = [all("status"), all("transactionstatus")].concat();
            (codes.collect(), statuses)
        }
    };
    !(codes.is_empty() && statuses.is_empty())
        && codes.iter().all(|code| is_zero(code))
        && statuses.iter().all(|status| is_zero(status))
}

/// Whether a customer's browser may be sent there: https, or this machine.
pub fn is_safe(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    let plain = url
        .chars()
        .all(|c| c.is_ascii_graphic() && !"\\\"'<>".contains(c));
    let here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    plain
        && !host.is_empty()
        && !authority.contains('@')
        && (scheme == "https" || scheme == "http" && here)
}
