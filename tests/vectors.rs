//! Runs every vector through the Rust API. A real server sends the replies.

#[path = "conformance/rust.rs"]
#[allow(dead_code)]
mod runner;

use flexpay_sandbox::{Options, Sandbox};
use serde_json::Value;
use std::path::Path;

fn results_match_the_vectors(file: &str, at_least: usize) {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let sandbox = Sandbox::start_with(Options {
        vectors_dir: Some(vectors.clone()),
        ..Options::default()
    })
    .expect("the sandbox starts");
    let cases = runner::cases(&vectors, file);
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    let mut differences = Vec::new();
    for case in &cases {
        let result = runner::run(file, case, &sandbox.http_url());
        let name = case["name"].as_str().expect("a name");
        let expect = &case["expect"];
        compare(name, expect, &result, &sandbox.http_url(), &mut differences);
    }
    let count = differences.len();
    assert!(
        differences.is_empty(),
        "{count} differences:\n{}",
        differences.join("\n")
    );
}

fn compare(
    name: &str,
    expected: &Value,
    found: &Value,
    gateway: &str,
    differences: &mut Vec<String>,
) {
    let Value::Object(expected) = expected else {
        panic!("{name}: no expectation");
    };
    for (kind, fields) in expected {
        let Value::Object(fields) = fields else {
            panic!("{name}: {kind} is not an object");
        };
        if found.get(kind).is_none() {
            differences.push(format!("{name}: expected {kind}, got {found}"));
            continue;
        }
        for (field, value) in fields {
            let got = &found[kind][field];
            // $GATEWAY stands for the URL of the server.
            let got = match (value.as_str(), got.as_str()) {
                (Some(expected), Some(address)) if expected.starts_with("$GATEWAY/") => {
                    Value::from(address.replacen(gateway, "$GATEWAY", 1))
                }
                _ => got.clone(),
            };
            if got != *value {
                differences.push(format!("{name}: {field}: expected {value}, got {got}"));
            }
        }
    }
}

#[test]
fn callbacks() {
    results_match_the_vectors("callback", 280);
}

#[test]
fn check_replies() {
    results_match_the_vectors("check", 380);
}

#[test]
fn states() {
    results_match_the_vectors("states", 49);
}

#[test]
fn journal_steps() {
    results_match_the_vectors("journal", 130);
}

#[test]
fn pay_replies() {
    results_match_the_vectors("pay", 300);
}

#[test]
fn mobile_replies() {
    results_match_the_vectors("mobile", 120);
}

#[test]
fn payout_replies() {
    results_match_the_vectors("payout", 65);
}

#[test]
fn phone_numbers() {
    results_match_the_vectors("phone", 110);
}
