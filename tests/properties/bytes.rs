//! The inputs: from random bytes to replies as the gateway sends them, with one or two values
//! generated.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::reader::SEPARATORS;

fn key() -> impl Strategy<Value = String> {
    let known = [
        "code",
        "Code",
        "status",
        "Status",
        "reference",
        "orderNumber",
        "order_number",
        "ORDER-NUMBER",
        "transaction",
        "Transaction",
        "data",
        "message",
        "url",
        "payment_url",
        "redirectUrl",
        "link",
        "amount",
        "currency",
        "error",
    ];
    prop_oneof![9 => select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z_]{0,8}"]
}

/// A value as JSON text: one that the gateway sends, a near miss, or any string or number.
fn value() -> impl Strategy<Value = String> {
    let known = [
        "0",
        "\"0\"",
        "\"0.0\"",
        "0.00",
        "1",
        "\"1\"",
        "2",
        "-0",
        "0e0",
        "\"00\"",
        "\" 0\"",
        "\"+0\"",
        "\"\"",
        "null",
        "true",
        "\"N1\"",
        "\"N2\"",
        "\"R1\"",
        "\"25.50\"",
        "\"USD\"",
        "\"https://gw.example/checkout/1\"",
        "\"http://gw.example/checkout/1\"",
        "\"http://127.0.0.1:9/checkout/1\"",
        "\"http://localhost/checkout/1\"",
        "\"javascript:alert(1)\"",
        "\"https://gw.example@evil.example/checkout/1\"",
        "\"https://gw.example\\\\@evil/checkout/1\"",
        "\"//gw.example/checkout/1\"",
        "\"https:/gw.example/checkout/1\"",
        "\"HTTPS://gw.example/checkout\"",
        "\"https://gw.example/\\u0000checkout\"",
        "\"\\u0030\"",
    ];
    prop_oneof![
        12 => select(known.to_vec()).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        1 => any::<f64>().prop_map(|number| Value::from(number).to_string()),
    ]
}

/// An object, often with duplicate keys and with a trailing comma.
fn object() -> impl Strategy<Value = String> {
    let leaf = proptest::collection::vec((key(), value()), 0..6).prop_map(object_text);
    leaf.prop_recursive(2, 12, 6, |inner| {
        proptest::collection::vec((key(), prop_oneof![3 => value(), 2 => inner]), 0..6)
            .prop_map(object_text)
    })
}

fn object_text(entries: Vec<(String, String)>) -> String {
    let trailing_comma = if entries.len() % 2 == 1 { "," } else { "" };
    let entries: Vec<String> = entries
        .into_iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}{trailing_comma}}}", entries.join(","))
}

/// A check's reply that is often valid, with one or two generated values.
pub fn transaction() -> impl Strategy<Value = String> {
    let mostly = |usual: &'static str| prop_oneof![3 => Just(usual.to_owned()), 1 => value()];
    let more = prop_oneof![2 => Just("\"x\":1".to_owned()), 1 => object().prop_map(|object| {
        let inside = object.trim_matches(['{', '}', ',']).to_owned();
        if inside.is_empty() { "\"x\":1".to_owned() } else { inside }
    })];
    (mostly("\"0\""), mostly("\"0\""), mostly("\"N1\""), more).prop_map(
        |(code, status, order, more)| {
            format!(
                r#"{{"code":{code},{more},"transaction":{{"orderNumber":{order},"status":{status},}},}}"#
            )
        },
    )
}

/// A reply to a request for a mobile payment or a payout that is often valid.
pub fn order() -> impl Strategy<Value = String> {
    let mostly = |usual: &'static str| prop_oneof![3 => Just(usual.to_owned()), 1 => value()];
    let code = prop_oneof![5 => Just("\"0\"".to_owned()), 3 => Just("1".to_owned()), 2 => value()];
    let orders = prop_oneof![
        5 => mostly("\"N1\"").prop_map(|order| format!("\"orderNumber\":{order}")),
        2 => mostly("\"N1\"").prop_map(|order| format!("\"data\":{{\"orderNumber\":{order}}}")),
        1 => mostly("\"N1\"").prop_map(|order| format!("\"transaction\":{{\"orderNumber\":{order}}}")),
        2 => Just("\"orderNumber\":null".to_owned()),
    ];
    let more = prop_oneof![
        3 => Just("\"message\":\"ok\"".to_owned()),
        1 => (key(), value()).prop_map(|(key, value)| format!("\"{key}\":{value}")),
    ];
    (code, orders, more)
        .prop_map(|(code, order, more)| format!(r#"{{"code":{code},{more},{order},"url":null,}}"#))
}

/// A phone number as people write it, and the number that it is.
pub fn phone() -> impl Strategy<Value = (String, String)> {
    let start = select(&["0", "243", "+243", "00243"][..]);
    let separators = proptest::collection::vec(proptest::option::of(select(&SEPARATORS[..])), 16);
    let around = || select(&["", " ", "\t", "\r\n", "\u{a0}"][..]);
    (start, "[1-9][0-9]{8}", separators, around(), around()).prop_map(
        |(start, national, separators, before, after)| {
            let mut written = before.to_owned();
            for (at, digit) in format!("{start}{national}").chars().enumerate() {
                written.push(digit);
                written.extend(separators[at]);
            }
            (written + after, format!("243{national}"))
        },
    )
}

/// A text of the characters of phone numbers, or nearly so.
pub fn nearly_phone() -> impl Strategy<Value = String> {
    let other = select(&['x', '/', ',', '\u{663}', '\u{ff11}', '\n', '\0'][..]);
    let one = || {
        prop_oneof![
            20 => proptest::char::range('0', '9'),
            3 => select(&SEPARATORS[..]),
            2 => Just('+'),
            1 => other.clone(),
        ]
    };
    let random = proptest::collection::vec(one(), 0..16)
        .prop_map(|chars| chars.into_iter().collect::<String>());
    // A number with one character more or less, or another one.
    let damaged = (phone(), any::<Index>(), one(), 0..3_u8).prop_map(|((text, _), at, c, kind)| {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        match kind {
            0 => chars[at] = c,
            1 => chars.insert(at, c),
            _ => drop(chars.remove(at)),
        }
        chars.into_iter().collect()
    });
    prop_oneof![1 => random, 3 => damaged]
}

/// An amount in one of the ways to write it.
pub fn amount() -> impl Strategy<Value = String> {
    (0..3_u8, 0..1_000_000_000_u64, 0..100_u64).prop_map(|(decimals, whole, hundredths)| {
        match decimals {
            0 => format!("{}", whole.max(1)),
            1 => format!("{}.{}", whole.max(1), hundredths / 10),
            _ => format!("{whole}.{:02}", hundredths.max(1)),
        }
    })
}

fn form() -> impl Strategy<Value = String> {
    let part = || {
        prop_oneof![
            3 => select(&["0", "0.0", "1", "%30", "0%2E0", "+0", "N1", "%zz", "%", ""][..]).prop_map(str::to_owned),
            1 => "[ -~]{0,6}",
        ]
    };
    proptest::collection::vec((key(), part()), 0..6).prop_map(|entries| {
        let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{k}={v}")).collect();
        entries.join("&")
    })
}

fn page() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        value().prop_map(|url| format!("<a href={url}>Payer</a>")),
        value().prop_map(|url| format!(
            "<meta http-equiv=refresh content='0; url={}'>",
            url.trim_matches('"')
        )),
        value().prop_map(|url| format!("<form action={url}></form>")),
        Just("<script>go()</script>".to_owned()),
        Just("<!-- <a href=\"https://gw.example/checkout/1\"> -->".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(tag, 0..5).prop_map(|tags| format!("<html>{}", tags.concat()))
}

/// The bytes of a text with up to two mutations: a byte replaced or inserted, the end cut off, or a
/// prefix duplicated.
pub fn damaged(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let mutation = (any::<Index>(), any::<u8>(), 0..4_u8);
    (text, proptest::collection::vec(mutation, 0..3)).prop_map(|(text, mutations)| {
        let mut bytes = text.into_bytes();
        for (at, byte, kind) in mutations {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => {
                    let tail = bytes.split_off(at);
                    bytes.extend_from_within(..);
                    bytes.extend(tail);
                }
            }
        }
        bytes
    })
}

/// Any of the above.
pub fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..400),
        1 => any::<String>().prop_map(String::into_bytes),
        3 => damaged(object()),
        4 => transaction().prop_map(String::into_bytes),
        2 => damaged(transaction()),
        1 => damaged(order()),
        2 => damaged(form()),
        2 => damaged(page()),
    ]
}
