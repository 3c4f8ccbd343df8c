//! Compares a reply with the one on the page.

use serde_json::Value;
use std::collections::HashMap;

/// The order numbers of the page, and those of this run.
#[derive(Default)]
pub struct OrderNumbers(HashMap<String, String>);

impl OrderNumbers {
    /// A text of the page, with the order numbers of this run.
    pub fn replace(&self, text: &str) -> String {
        let replace = |text: String, (page, run): (&String, &String)| text.replace(page, run);
        self.0.iter().fold(text.to_owned(), replace)
    }

    /// Learns the order number of a new payment.
    pub fn learn(&mut self, page: &str, run: &str) {
        self.0
            .entry(page.to_owned())
            .or_insert_with(|| run.to_owned());
    }
}

/// Panics if a reply is not as on the page. Order numbers differ from run to run, and so do times and
/// versions: of those, the form is compared.
pub fn compare(page: &Value, run: &Value, numbers: &mut OrderNumbers) {
    let place = |key: &str| format!("{key} of\n{run}\nis not as on the page:\n{page}");
    if let (Some(page), Some(run)) = (page["ok"].as_object(), run["ok"].as_object())
        && let (Some(page), Some(run)) = (page.get("order_number"), run.get("order_number"))
        && let (Some(page), Some(run)) = (page.as_str(), run.as_str())
    {
        numbers.learn(page, run);
    }
    let (page_fields, run_fields) = (flat(page), flat(run));
    let keys = |fields: &[(String, Value)]| -> Vec<String> {
        fields.iter().map(|(key, _)| key.clone()).collect()
    };
    assert_eq!(
        keys(&page_fields),
        keys(&run_fields),
        "{}",
        place("a field")
    );
    for ((key, page), (_, run)) in page_fields.iter().zip(&run_fields) {
        let same = match (page.as_str(), run.as_str()) {
            (Some(page), Some(run)) => {
                let page = numbers.replace(page);
                match key.rsplit('.').next().unwrap_or_default() {
                    "created_at" | "changed_at" | "version" => {
                        without_digits(&page) == without_digits(run)
                    }
                    _ => is_like(&page, run),
                }
            }
            _ => page == run,
        };
        assert!(same, "{}", place(key));
    }
}

/// The fields of a reply and of all that is in it, in their order: "ok", "ok.settlements",
/// "ok.settlements.0.reference".
fn flat(reply: &Value) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    add_fields("", reply, &mut fields);
    fields
}

fn add_fields(name: &str, value: &Value, fields: &mut Vec<(String, Value)>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, v)| (key.clone(), v)).collect(),
        Value::Array(list) => {
            let numbered = list.iter().enumerate();
            numbered.map(|(i, v)| (i.to_string(), v)).collect()
        }
        text => return fields.push((name.to_owned(), text.clone())),
    };
    // An empty list differs from no list.
    fields.push((name.to_owned(), inner.len().into()));
    for (key, value) in inner {
        add_fields(&format!("{name}.{key}"), value, fields);
    }
}

fn without_digits(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "0")
}

/// Whether a text is like a pattern, in which `…` is any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn an_ellipsis_is_any_text() {
    for (pattern, text) in [
        ("a", "a"),
        ("…", "anything"),
        ("https://…/checkout/…", "https://h:1/checkout/x"),
        ("a…b", "ab"),
    ] {
        assert!(is_like(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("a", "ab"),
        ("a…b", "a"),
        ("https://…/x", "http://h/x"),
        ("", "x"),
    ] {
        assert!(!is_like(pattern, text), "{pattern} {text}");
    }
}
