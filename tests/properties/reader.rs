//! A second parser for callbacks and replies, simpler than the library's and different from it.

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

use crate::ORDER;

/// Parsed JSON that keeps duplicate keys.
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
        // `Debug` keeps the decimals: 0.0 does not become 0.
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

/// Parses JSON in UTF-8 or Latin-1. Trailing commas and raw control characters in strings are replaced
/// by spaces, and surrogate escapes by other characters: no code or status contains them.
fn json(bytes: &[u8]) -> Option<Node> {
    let latin_1 = || bytes.iter().map(|&byte| char::from(byte)).collect();
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| latin_1());
    let text = text.as_str();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut fixed: Vec<char> = Vec::new();
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside {
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            inside = true;
        } else if matches!(c, '}' | ']') {
            let last = fixed.iter().rposition(|c| !c.is_ascii_whitespace());
            if let Some(at) = last.filter(|&at| fixed[at] == ',') {
                fixed[at] = ' ';
            }
        }
        fixed.push(match c {
            '\u{1}'..='\u{1f}' if inside => ' ',
            _ => c,
        });
    }
    let mut fixed: String = fixed.into_iter().collect();
    for surrogate in [
        "\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf",
    ] {
        fixed = fixed.replace(surrogate, "\\u00");
        fixed = fixed.replace(&surrogate.to_uppercase().replace("\\U", "\\u"), "\\u00");
    }
    serde_json::from_str(&fixed).ok()
}

/// All values whose key is `name` in any case, with or without `_` and `-`.
fn values_of<'v>(node: &'v Node, name: &str) -> Vec<&'v Node> {
    let plain = |key: &str| key.replace(['_', '-'], "").to_ascii_lowercase();
    let Node::Object(entries) = node else {
        return Vec::new();
    };
    let matching = entries.iter().filter(|(key, _)| plain(key) == name);
    matching.map(|(_, value)| value).collect()
}

fn text(value: &Node) -> String {
    match value {
        Node::Text(text) => text.clone(),
        _ => "something else".to_owned(),
    }
}

/// Neither null nor empty: both count as absent.
fn has_value(value: &Node) -> bool {
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

/// Whether a check's reply says that `ORDER` is paid.
pub fn says_paid(body: &[u8]) -> bool {
    let Some(reply) = json(body) else {
        return false;
    };
    let codes = values_of(&reply, "code");
    let transactions = values_of(&reply, "transaction");
    let accepted = codes.iter().any(|code| is_zero(&text(code)));
    accepted
        && codes
            .iter()
            .all(|code| !has_value(code) || is_zero(&text(code)))
        && transactions.iter().any(|transaction| {
            let statuses = values_of(transaction, "status");
            let orders = values_of(transaction, "ordernumber");
            !statuses.is_empty()
                && statuses
                    .iter()
                    .all(|status| is_null(status) || is_zero(&text(status)))
                && statuses.iter().any(|status| !is_null(status))
                && orders
                    .iter()
                    .all(|order| !has_value(order) || text(order) == ORDER)
        })
}

/// The codes and order numbers in the body of a reply to a request for a mobile payment or a payout.
pub struct WalletReply {
    /// At the top, and in `data`.
    codes: Vec<String>,
    orders: Vec<String>,
    /// Whether an order is named elsewhere, in a `transaction`.
    has_transaction: bool,
}

impl WalletReply {
    pub fn read(body: &[u8]) -> Option<Self> {
        let reply = json(body)?;
        let data = values_of(&reply, "data");
        let levels: Vec<&Node> = data.into_iter().chain([&reply]).collect();
        let given = |name: &str| -> Vec<String> {
            let values = levels.iter().flat_map(|level| values_of(level, name));
            values.filter(|value| has_value(value)).map(text).collect()
        };
        let names_order = |level: &&Node| match values_of(level, "transaction")[..] {
            [transaction] => {
                let orders = values_of(transaction, "ordernumber");
                let mut orders = orders.into_iter().filter(|order| has_value(order));
                orders.any(|order| matches!(order, Node::Text(_)))
            }
            // Two transactions contradict each other.
            _ => false,
        };
        Some(Self {
            codes: given("code"),
            orders: given("ordernumber"),
            has_transaction: levels.iter().any(names_order),
        })
    }

    /// The order number, if the reply says that the request was accepted.
    pub fn accepted_order(&self) -> Option<&str> {
        let first = self.orders.first()?;
        let is_accepted = !self.codes.is_empty()
            && self.codes.iter().all(|code| is_zero(code))
            && self.orders.iter().all(|order| order == first);
        is_accepted.then_some(first)
    }

    /// Whether the reply says that the request was refused, and names no order.
    pub fn refuses(&self) -> bool {
        // This reader has 1.0 for 1e0, which is no refusal.
        let refuses = |code: &String| matches!(code.as_str(), "1" | "1.0");
        let names_order = !self.orders.is_empty() || self.has_transaction;
        self.codes.iter().any(refuses) && !names_order
    }
}

/// Whether a callback says that its payment succeeded.
pub fn says_success(body: &[u8]) -> bool {
    let (codes, statuses): (Vec<String>, Vec<String>) = match json(body) {
        Some(callback) => {
            let data = values_of(&callback, "data");
            let objects: Vec<&Node> = data.into_iter().chain([&callback]).collect();
            let transactions = objects
                .iter()
                .flat_map(|level| values_of(level, "transaction"));
            let levels: Vec<&Node> = transactions.chain(objects.iter().copied()).collect();
            let all = |name: &str| {
                let levels = levels.iter().copied();
                levels
                    .flat_map(|level| values_of(level, name))
                    .collect::<Vec<_>>()
            };
            let codes = all("code")
                .into_iter()
                .filter(|code| has_value(code))
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

/// The characters that people write between the digits of a phone number, and those that they do not see.
pub const SEPARATORS: [char; 20] = [
    ' ', '.', '-', '(', ')', '[', ']', '\u{a0}', '\u{2007}', '\u{2009}', '\u{202f}', '\u{2010}',
    '\u{2011}', '\u{2013}', '\u{2014}', '\u{2212}', '\u{200b}', '\u{200e}', '\u{ad}', '\u{feff}',
];

/// The number that a text is, as `243` and nine digits.
pub fn phone(text: &str) -> Option<String> {
    let bare = text.trim().replace(SEPARATORS, "");
    let national = ["+243", "00243", "243", "0"]
        .iter()
        .filter_map(|start| bare.strip_prefix(start))
        .find(|rest| rest.len() == 9 && !rest.starts_with('0'))?;
    let is_digits = national.chars().all(|c| c.is_ascii_digit());
    is_digits.then(|| format!("243{national}"))
}

/// A decimal in hundredths.
pub fn hundredths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<2}").parse().ok()
}

/// Whether a customer's browser may be sent to this URL: https, or this machine.
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
    let is_localhost = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    plain
        && !host.is_empty()
        && !authority.contains('@')
        && (scheme == "https" || scheme == "http" && is_localhost)
}
