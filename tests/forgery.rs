//! The forgery suite: `tests/vectors/forgery.json`, run against the sandbox.
//!
//! An attacker posts a callback, or the gateway sends an unusual reply; the shop compares it with its
//! own records. Only the controls may be PAID, and each refusal must name its reason. Each control is
//! then changed by one character at a time. A library that refuses everything, or compares only part
//! of a field, fails.

mod common;

#[path = "conformance/rust.rs"]
#[allow(dead_code)]
mod runner;

use common::*;
use flexpay::{
    Api, Client, Config, Error, Expected, Kind, MobileRequest, PaymentRequest, PayoutRequest,
    State, Transaction,
};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use serde_json::Value;
use std::path::Path;

fn cases() -> Vec<Value> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    runner::cases(&vectors, "forgery")
}

/// A case that is ready to run: its orders exist, and its placeholders are replaced.
struct PreparedCase {
    client: Client,
    body: Vec<u8>,
    expected: Expected,
}

impl PreparedCase {
    fn new(sandbox: &Sandbox, case: &Value) -> Self {
        sandbox.clear();
        let secret = case["secret"].as_str();
        let mut placeholders = Vec::new();
        for order in case["gateway"]["orders"].as_array().into_iter().flatten() {
            let secret = order["secret"].as_str().or(secret);
            make_order(sandbox, order, secret, &mut placeholders);
        }
        if case["gateway"]["reply"].is_object() {
            reply_to_checks(sandbox, &case["gateway"]["reply"]);
        }
        let resolve = |text: &str| {
            placeholders
                .iter()
                .fold(text.to_owned(), |text, (placeholder, value)| {
                    text.replace(placeholder, value)
                })
        };
        let optional = |value: &Value| value.as_str().map(resolve);
        let expected = &case["expected"];
        let body = runner::body(case);
        let body = match String::from_utf8(body) {
            Ok(text) => resolve(&text).into_bytes(),
            Err(bytes) => bytes.into_bytes(),
        };
        Self {
            client: signing_client(sandbox, secret, case["secret_previous"].as_str()),
            body,
            expected: Expected {
                reference: text(expected, "reference").to_owned(),
                amount: text(expected, "amount").to_owned(),
                currency: text(expected, "currency").to_owned(),
                order_number: optional(&expected["order_number"]),
                query: optional(&case["query"]),
                kind: runner::kind(expected),
                ..Expected::default()
            },
        }
    }

    fn verify(&self) -> flexpay::Result<Transaction> {
        self.client.verify_callback(&self.body, &self.expected)
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect(key)
}

fn signing_client(sandbox: &Sandbox, secret: Option<&str>, previous: Option<&str>) -> Client {
    let owned = |secret: Option<&str>| secret.map(|secret| secret.to_owned().into());
    Client::new(Config {
        callback_secret: owned(secret),
        callback_secret_previous: owned(previous),
        check_once: true,
        private_connections: true,
        allow_payout: true,
        ..config(sandbox, Api::V1_1)
    })
    .expect("the settings are valid")
}

/// Makes an order as a shop does, decides it as the customer or the operator does, and adds its
/// placeholders: `$name`, the order number; `$name_address`, the query string of the callback URL in
/// the request; `$name_tag`, the signature in that query string.
fn make_order(
    sandbox: &Sandbox,
    order: &Value,
    secret: Option<&str>,
    placeholders: &mut Vec<(String, String)>,
) {
    let client = signing_client(sandbox, secret, None);
    let field = |name| text(order, name).to_owned();
    let (reference, amount) = (field("reference"), field("amount"));
    let (currency, phone) = (field("currency"), runner::PHONE.to_owned());
    let callback_url = "https://zando.example/callback?panier=7".to_owned();
    let payment = match runner::kind(order) {
        Kind::Mobile => client.pay_mobile(&MobileRequest {
            reference,
            amount,
            currency,
            phone,
            callback_url,
            ..MobileRequest::default()
        }),
        Kind::Payout => client.payout(&PayoutRequest {
            reference,
            amount,
            currency,
            phone,
            callback_url,
            ..PayoutRequest::default()
        }),
        _ => client.pay(&PaymentRequest {
            reference,
            amount,
            currency,
            callback_url: Some(callback_url),
            ..request("")
        }),
    };
    let number = payment
        .expect("the request is accepted")
        .order_number
        .expect("each of these services returns one");
    let decision = match text(order, "decision") {
        "approve" => Decision::Approve,
        "decline" => Decision::Decline,
        "cancel" => Decision::Cancel,
        "pending" => Decision::Pending,
        "refunding" => Decision::Refunding,
        "refunded" => Decision::Refunded,
        other => Decision::Status(other.trim_start_matches("status:").to_owned()),
    };
    let made = sandbox
        .decide_silently(&number, decision)
        .expect("the order is known");
    let query = made.callback_url.split_once('?').expect("a query").1;
    let tag = query.split_once("flexpay=1.").map_or("", |(_, tag)| tag);
    let name = text(order, "name");
    // `$name` last: it is a prefix of the others.
    placeholders.push((format!("${name}_address"), query.to_owned()));
    placeholders.push((format!("${name}_tag"), tag.to_owned()));
    placeholders.push((format!("${name}"), number));
}

/// Makes the gateway send this reply to every check.
fn reply_to_checks(sandbox: &Sandbox, reply: &Value) {
    sandbox
        .inject(fault(reply, &runner::body(reply)).forever())
        .expect("the sandbox accepts the fault");
}

fn fault(reply: &Value, body: &[u8]) -> Fault {
    let headers = reply["headers"].as_object().expect("headers");
    let action = Action::Reply {
        status: reply["status"].as_u64().expect("a status") as u16,
        headers: headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
            .collect(),
        body: body.to_vec(),
        record: false,
    };
    Fault::on(Endpoint::Check, action)
}

fn check_paths(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests();
    let checks = requests
        .iter()
        .filter(|request| request.endpoint == Endpoint::Check);
    checks.map(|request| request.path.clone()).collect()
}

/// How an error and the number of checks differ from what the case expects.
fn differences(error: &Error, expected: &Value, checks: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: Option<&str>, found: Option<&str>| {
        if expected != found {
            wrong.push(format!("{what}: expected {expected:?}, got {found:?}"));
        }
    };
    compare("code", expected["code"].as_str(), Some(error.code().name()));
    compare("field", expected["field"].as_str(), error.field());
    let outcome = error.outcome().name();
    compare("outcome", expected["outcome"].as_str(), Some(outcome));
    let message = error.message();
    if let Some(says) = expected["says"].as_str()
        && !message.contains(says)
    {
        wrong.push(format!("{says:?} is not in the message"));
    }
    if !error.field().is_none_or(|field| message.contains(field)) || message.is_empty() {
        wrong.push("the message does not name the reason".to_owned());
    }
    let expected_checks = usize::from(outcome != "NOT_SENT");
    if checks != expected_checks {
        wrong.push(format!("the gateway received {checks} checks"));
    }
    if !wrong.is_empty() {
        wrong.push(format!("message: {message}"));
    }
    wrong
}

#[test]
fn no_forgery_is_accepted_and_each_refusal_names_its_reason() {
    let sandbox = sandbox();
    let cases = cases();
    let mut wrong = Vec::new();
    let (mut refused, mut not_paid, mut paid) = (0, 0, 0);
    for case in &cases {
        let name = text(case, "name");
        let prepared = PreparedCase::new(&sandbox, case);
        let result = prepared.verify();
        let checks = check_paths(&sandbox).len();
        let expect = &case["expect"];
        match &result {
            Ok(transaction) if transaction.state == State::Paid => {
                paid += 1;
                if expect["paid"] != true {
                    wrong.push(format!("{name}: ACCEPTED AS PAID: {}", transaction.raw));
                }
            }
            Ok(transaction) => {
                not_paid += 1;
                if expect["not_paid"] != transaction.state.name() {
                    wrong.push(format!(
                        "{name}: unexpected state {}",
                        transaction.state.name()
                    ));
                }
            }
            Err(error) if expect["error"].is_object() => {
                refused += 1;
                let differences = differences(error, &expect["error"], checks);
                if !differences.is_empty() {
                    wrong.push(format!("{name}: {}", differences.join("; ")));
                }
            }
            Err(error) => wrong.push(format!("{name}: refused: {error}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert!(
        refused >= 370 && not_paid >= 50 && paid >= 40,
        "cases are missing: {refused} refused, {not_paid} not paid, {paid} paid"
    );
}

#[test]
fn case_names_are_unique_and_only_controls_are_paid() {
    let cases = cases();
    let mut names: Vec<_> = cases.iter().map(|case| text(case, "name")).collect();
    let is_slug = |name: &&str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        name.bytes().all(allowed)
    };
    assert!(names.iter().all(is_slug));
    for case in &cases {
        let control = text(case, "name").starts_with("control-");
        assert_eq!(control, case["expect"]["paid"] == true, "{}", case["name"]);
        assert!(!text(case, "why").is_empty());
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name is used twice");
}

/// A key in a body, and the byte positions of the key and its value.
struct Entry {
    key: String,
    key_at: usize,
    value: std::ops::Range<usize>,
}

/// The entries of a JSON or form body without escapes, at every depth. The test has its own parser, so
/// that a bug in the library's parser cannot hide in it too.
fn entries(body: &str) -> Vec<Entry> {
    let plain = |key: &str| key.to_ascii_lowercase().replace(['_', '-'], "");
    let mut found = Vec::new();
    if !body.contains('{') {
        let mut at = 0;
        for pair in body.split('&') {
            let (key, _) = pair.split_once('=').expect("a pair");
            found.push(Entry {
                key: plain(key),
                key_at: at,
                value: at + key.len() + 1..at + pair.len(),
            });
            at += pair.len() + 1;
        }
        return found;
    }
    let quotes: Vec<_> = body.match_indices('"').map(|(at, _)| at).collect();
    for pair in quotes.chunks_exact(2) {
        let (open, close) = (pair[0], pair[1]);
        if !body[close..].starts_with("\":") {
            continue;
        }
        let rest = &body[close + 2..];
        let (start, length) = match rest.strip_prefix('"') {
            Some(text) => (close + 3, text.find('"').expect("an end")),
            None => (close + 2, rest.find([',', '}', '{']).expect("an end")),
        };
        found.push(Entry {
            key: plain(&body[open + 1..close]),
            key_at: open + 1,
            value: start..start + length,
        });
    }
    found
}

/// Copies of the text with one character in `range` changed: replaced by another digit, letter or
/// alphabet, a space or `&`, and, if `shorten`, removed.
fn mutations(text: &str, range: std::ops::Range<usize>, shorten: bool) -> Vec<String> {
    let mut mutations = Vec::new();
    for (index, before) in text[range.clone()].char_indices() {
        let start = range.start + index;
        let end = start + before.len_utf8();
        let mut replace = |by: &str| {
            mutations.push(format!("{}{by}{}", &text[..start], &text[end..]));
        };
        for by in ["0", "9", "Z", "b", "х", "٠", " ", "&"] {
            if !by.starts_with(before) {
                replace(by);
            }
        }
        if shorten {
            replace("");
        }
    }
    mutations
}

/// Whether the verdict depends on this field of a callback.
fn matters_in_callback(key: &str) -> bool {
    matches!(key, "reference" | "ordernumber")
}

/// Whether the verdict depends on this field of a check's reply.
fn matters_in_reply(key: &str) -> bool {
    matters_in_callback(key) || matches!(key, "code" | "status" | "amount" | "currency")
}

#[test]
fn a_control_with_one_character_changed_is_not_paid() {
    let sandbox = sandbox();
    let mut tries = 0;
    let mut accepted = Vec::new();
    for case in cases() {
        if case["expect"]["paid"] != true {
            continue;
        }
        let prepared = PreparedCase::new(&sandbox, &case);
        let paid = prepared.verify().expect("a control is confirmed");
        assert_eq!(paid.state, State::Paid);
        let mut expect_not_paid = |what: &str, result: flexpay::Result<Transaction>| {
            tries += 1;
            if result.is_ok_and(|transaction| transaction.state == State::Paid) {
                accepted.push(format!("{}: {what}", text(&case, "name")));
            }
        };
        let verify =
            |expected: Expected| prepared.client.verify_callback(&prepared.body, &expected);

        // From here on, the canned reply is sent for this order only. Any other order number is not
        // found, as on a real gateway.
        let canned = &case["gateway"]["reply"];
        if canned.is_object() {
            sandbox.clear_faults();
            let fault = fault(canned, &runner::body(canned)).for_order(&paid.order_number);
            sandbox.inject(fault.forever()).expect("known");
        }
        let callback = &*String::from_utf8_lossy(&prepared.body);
        for entry in entries(callback) {
            if matters_in_callback(&entry.key) {
                for body in mutations(callback, entry.value, true) {
                    // An empty value counts as absent, so it contradicts nothing.
                    if body.contains("=&") {
                        continue;
                    }
                    let result = prepared
                        .client
                        .verify_callback(body.as_bytes(), &prepared.expected);
                    expect_not_paid(&body, result);
                }
            }
        }

        let expected = &prepared.expected;
        let compared = callback.contains(&expected.reference)
            || canned["body"]
                .as_str()
                .is_none_or(|body| body.contains(&expected.reference));
        // If the order number stands for the reference everywhere, the reference is not compared.
        if compared {
            for reference in mutations(&expected.reference, 0..expected.reference.len(), true) {
                let what = format!("expected reference {reference}");
                let expected = Expected {
                    reference,
                    ..expected.clone()
                };
                expect_not_paid(&what, verify(expected));
            }
        }
        for amount in mutations(&expected.amount, 0..expected.amount.len(), false) {
            let what = format!("expected amount {amount}");
            let expected = Expected {
                amount,
                ..expected.clone()
            };
            expect_not_paid(&what, verify(expected));
        }
        let currencies = mutations(&expected.currency, 0..3, true);
        for currency in currencies.into_iter().chain(["CDF".to_owned()]) {
            let what = format!("expected currency {currency}");
            let expected = Expected {
                currency,
                ..expected.clone()
            };
            expect_not_paid(&what, verify(expected));
        }
        // The signature covers the kind. A payout without one needs a recorded order number.
        for kind in [Kind::Card, Kind::Mobile, Kind::Payout] {
            let is_signed = expected.query.is_some();
            let is_unproved = kind == Kind::Payout && expected.order_number.is_none();
            if kind != expected.kind && (is_signed || is_unproved) {
                let expected = Expected {
                    kind,
                    ..expected.clone()
                };
                expect_not_paid(&format!("expected kind {}", kind.name()), verify(expected));
            }
        }
        if let Some(number) = &expected.order_number {
            for number in mutations(number, 0..number.len(), true) {
                let what = format!("expected order number {number}");
                let expected = Expected {
                    order_number: Some(number),
                    ..expected.clone()
                };
                expect_not_paid(&what, verify(expected));
            }
        }
        if let Some(query) = &expected.query {
            let start = query.find("flexpay=").expect("signed");
            let end = query[start..]
                .find('&')
                .map_or(query.len(), |at| start + at);
            let mut queries = mutations(query, start..end, true);
            // The last character of a tag has unused bits: they must be checked too.
            for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
                queries.push(format!("{}{last}{}", &query[..end - 1], &query[end..]));
            }
            for other in queries.into_iter().filter(|other| other != query) {
                let what = format!("query {other}");
                let expected = Expected {
                    query: Some(other),
                    ..expected.clone()
                };
                expect_not_paid(&what, verify(expected));
            }
        }

        if let Some(good) = canned["body"].as_str() {
            let entries = entries(good);
            let once = |key: &str| entries.iter().filter(|entry| entry.key == key).count() == 1;
            let mut replies = Vec::new();
            for entry in &entries {
                if !matters_in_reply(&entry.key) {
                    continue;
                }
                // Trailing zeros of an amount may be left out.
                let shorten = entry.key != "amount";
                replies.extend(mutations(good, entry.value.clone(), shorten));
                // A reply without an order number is for the requested order.
                if once(&entry.key) && entry.key != "ordernumber" {
                    let (before, after) = good.split_at(entry.key_at);
                    replies.push(format!("{before}x{after}"));
                }
            }
            for body in replies {
                sandbox.clear_faults();
                let fault = fault(canned, body.as_bytes()).for_order(&paid.order_number);
                sandbox.inject(fault.forever()).expect("known");
                expect_not_paid(&body, prepared.verify());
            }
        }
    }
    assert!(
        accepted.is_empty(),
        "{} of {tries} were accepted as PAID:\n{}",
        accepted.len(),
        accepted.join("\n")
    );
    assert!(tries > 5_000, "only {tries} mutations");
}
