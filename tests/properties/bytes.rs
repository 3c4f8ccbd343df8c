//! The inputs: from random bytes to replies as the gateway sends them, with one or two values
//! generated.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

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
        2 => damaged(form()),
        2 => damaged(page()),
    ]
}
