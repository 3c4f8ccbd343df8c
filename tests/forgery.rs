//! The forgery suite: `tests/vectors/forgery.json`, played against a real gateway.
//!
//! An attacker posts a notice, or a gateway answers oddly; the shop holds it against its own books.
//! Nothing comes out as PAID but the controls, and each refusal names its reason. The controls are
//! then spoiled, one character at a time: a suite that refuses everything, or looks at only half of
//! a field, does not pass.

mod common;

#[path = "conformance/rust.rs"]
#[allow(dead_code)]
mod runner;

use common::*;
use flexpay::{Api, Client, Config, Error, Expected, PaymentRequest, State, Transaction};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use serde_json::Value;
use std::path::Path;

fn cases() -> Vec<Value> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    runner::cases(&vectors, "forgery")
}

/// A case ready to be played: the orders are made, and their names replaced by what they stand for.
struct Scene {
    client: Client,
    body: Vec<u8>,
    expected: Expected,
}

impl Scene {
    fn set(sandbox: &Sandbox, case: &Value) -> Self {
        sandbox.clear();
        let secret = case["secret"].as_str();
        let mut names = Vec::new();
        for order in case["gateway"]["orders"].as_array().into_iter().flatten() {
            let secret = order["secret"].as_str().or(secret);
            make_order(sandbox, order, secret, &mut names);
        }
        if case["gateway"]["reply"].is_object() {
            reply(sandbox, &case["gateway"]["reply"]);
        }
        let named = |text: &str| {
            names.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
        };
        let optional = |value: &Value| value.as_str().map(named);
        let expected = &case["expected"];
        let body = runner::body(case);
        let body = match String::from_utf8(body) {
            Ok(text) => named(&text).into_bytes(),
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
            },
        }
    }

    fn play(&self) -> flexpay::Result<Transaction> {
        self.client.verify_callback(&self.body, &self.expected)
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect(key)
}

fn signing_client(sandbox: &Sandbox, secret: Option<&str>, previous: Option<&str>) -> Client {
    let keep = |secret: Option<&str>| secret.map(|secret| secret.to_owned().into());
    Client::new(Config {
        callback_secret: keep(secret),
        callback_secret_previous: keep(previous),
        check_once: true,
        private_connections: true,
        ..config(sandbox, Api::V1_1)
    })
    .expect("the settings are good")
}

/// Has an order made and decided as a shop and a customer would, and adds what may be said of it:
/// `$name`, its number; `$name_address`, the query string of the callback address that the gateway
/// was given; `$name_tag`, the signature in it.
fn make_order(
    sandbox: &Sandbox,
    order: &Value,
    secret: Option<&str>,
    names: &mut Vec<(String, String)>,
) {
    let client = signing_client(sandbox, secret, None);
    let payment = client.pay(&PaymentRequest {
        reference: text(order, "reference").to_owned(),
        amount: text(order, "amount").to_owned(),
        currency: text(order, "currency").to_owned(),
        callback_url: Some("https://zando.example/callback?panier=7".into()),
        ..request("")
    });
    let number = payment
        .expect("the payment is taken in")
        .order_number
        .expect("v1.1 gives one");
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
    // The longer names first: one begins with the other.
    names.push((format!("${name}_address"), query.to_owned()));
    names.push((format!("${name}_tag"), tag.to_owned()));
    names.push((format!("${name}"), number));
}

/// Makes the gateway answer every check with this.
fn reply(sandbox: &Sandbox, reply: &Value) {
    sandbox
        .inject(fault(reply, &runner::body(reply)).forever())
        .expect("a fault the sandbox knows");
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

fn checks(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests();
    let checks = requests
        .iter()
        .filter(|request| request.endpoint == Endpoint::Check);
    checks.map(|request| request.path.clone()).collect()
}

/// What is wrong with an error, beside what was expected of it. Empty: nothing.
fn complaints(error: &Error, expected: &Value, asked: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut hold = |what: &str, expected: Option<&str>, found: Option<&str>| {
        if expected != found {
            wrong.push(format!("{what}: expected {expected:?}, got {found:?}"));
        }
    };
    hold("code", expected["code"].as_str(), Some(error.code().name()));
    hold("field", expected["field"].as_str(), error.field());
    let outcome = error.outcome().name();
    hold("outcome", expected["outcome"].as_str(), Some(outcome));
    let message = error.message();
    if let Some(says) = expected["says"].as_str()
        && !message.contains(says)
    {
        wrong.push(format!("{says:?} is not in its message"));
    }
    if !error.field().is_none_or(|field| message.contains(field)) || message.is_empty() {
        wrong.push("its message does not name the reason".to_owned());
    }
    let may_ask = usize::from(outcome != "NOT_SENT");
    if asked != may_ask {
        wrong.push(format!("the gateway was asked {asked} times"));
    }
    if !wrong.is_empty() {
        wrong.push(format!("message: {message}"));
    }
    wrong
}

#[test]
fn no_forgery_is_believed_and_each_refusal_names_its_reason() {
    let sandbox = sandbox();
    let cases = cases();
    let mut wrong = Vec::new();
    let (mut refused, mut not_paid, mut paid) = (0, 0, 0);
    for case in &cases {
        let name = text(case, "name");
        let scene = Scene::set(&sandbox, case);
        let result = scene.play();
        let asked = checks(&sandbox).len();
        let expect = &case["expect"];
        match &result {
            Ok(transaction) if transaction.state == State::Paid => {
                paid += 1;
                if expect["paid"] != true {
                    wrong.push(format!("{name}: BELIEVED: {}", transaction.raw));
                }
            }
            Ok(transaction) => {
                not_paid += 1;
                if expect["not_paid"] != transaction.state.name() {
                    wrong.push(format!("{name}: came out {}", transaction.state.name()));
                }
            }
            Err(error) if expect["error"].is_object() => {
                refused += 1;
                let complaints = complaints(error, &expect["error"], asked);
                if !complaints.is_empty() {
                    wrong.push(format!("{name}: {}", complaints.join("; ")));
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
        refused >= 300 && not_paid >= 40 && paid >= 16,
        "cases were lost: {refused} refused, {not_paid} not paid, {paid} paid"
    );
}

#[test]
fn names_are_told_once_and_read_as_promises() {
    let cases = cases();
    let mut names: Vec<_> = cases.iter().map(|case| text(case, "name")).collect();
    let slug = |name: &&str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        name.bytes().all(fits)
    };
    assert!(names.iter().all(slug));
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

/// A key of a body, and where in the body key and value stand.
struct Entry {
    key: String,
    key_at: usize,
    value: std::ops::Range<usize>,
}

/// The entries of a JSON or form body without escapes, at every depth. Told by the eye of the test,
/// not by the library's.
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

/// The text with one character spoiled, in several ways: another digit, letter or alphabet, a blank,
/// an encoded blank, and, where `shorten` says so, left out.
fn spoiled(text: &str, at: std::ops::Range<usize>, shorten: bool) -> Vec<String> {
    let mut spoiled = Vec::new();
    for (index, before) in text[at.clone()].char_indices() {
        let start = at.start + index;
        let end = start + before.len_utf8();
        let mut put = |by: &str| spoiled.push(format!("{}{by}{}", &text[..start], &text[end..]));
        for by in ["0", "9", "Z", "b", "х", "٠", " ", "&"] {
            if !by.starts_with(before) {
                put(by);
            }
        }
        if shorten {
            put("");
        }
    }
    spoiled
}

/// Whether a field of a notice decides anything; of a reply.
fn matters_in_notice(key: &str) -> bool {
    matches!(key, "reference" | "ordernumber")
}

fn matters_in_reply(key: &str) -> bool {
    matters_in_notice(key) || matches!(key, "code" | "status" | "amount" | "currency")
}

#[test]
fn a_control_with_one_character_spoiled_is_not_paid() {
    let sandbox = sandbox();
    let mut tries = 0;
    let mut believed = Vec::new();
    for case in cases() {
        if case["expect"]["paid"] != true {
            continue;
        }
        let scene = Scene::set(&sandbox, &case);
        let paid = scene.play().expect("a control is confirmed");
        assert_eq!(paid.state, State::Paid);
        let mut holds = |what: &str, result: flexpay::Result<Transaction>| {
            tries += 1;
            if result.is_ok_and(|transaction| transaction.state == State::Paid) {
                believed.push(format!("{}: {what}", text(&case, "name")));
            }
        };
        let expecting = |expected: Expected| scene.client.verify_callback(&scene.body, &expected);

        // What a gateway would answer about any other order is its own affair: from here on the
        // canned reply is given for this order alone.
        let canned = &case["gateway"]["reply"];
        if canned.is_object() {
            sandbox.clear_faults();
            let fault = fault(canned, &runner::body(canned)).for_order(&paid.order_number);
            sandbox.inject(fault.forever()).expect("known");
        }
        let notice = &*String::from_utf8_lossy(&scene.body);
        for entry in entries(notice) {
            if matters_in_notice(&entry.key) {
                for body in spoiled(notice, entry.value, true) {
                    // What is empty says nothing, and so nothing false.
                    if body.contains("=&") {
                        continue;
                    }
                    let result = scene
                        .client
                        .verify_callback(body.as_bytes(), &scene.expected);
                    holds(&body, result);
                }
            }
        }

        let expected = &scene.expected;
        let compared = notice.contains(&expected.reference)
            || canned["body"]
                .as_str()
                .is_none_or(|body| body.contains(&expected.reference));
        // Where the recorded number stands for the reference everywhere, nobody names the reference.
        if compared {
            for reference in spoiled(&expected.reference, 0..expected.reference.len(), true) {
                let what = format!("expected reference {reference}");
                let expected = Expected {
                    reference,
                    ..expected.clone()
                };
                holds(&what, expecting(expected));
            }
        }
        for amount in spoiled(&expected.amount, 0..expected.amount.len(), false) {
            let what = format!("expected amount {amount}");
            let expected = Expected {
                amount,
                ..expected.clone()
            };
            holds(&what, expecting(expected));
        }
        let currencies = spoiled(&expected.currency, 0..3, true);
        for currency in currencies.into_iter().chain(["CDF".to_owned()]) {
            let what = format!("expected currency {currency}");
            let expected = Expected {
                currency,
                ..expected.clone()
            };
            holds(&what, expecting(expected));
        }
        if let Some(number) = &expected.order_number {
            for number in spoiled(number, 0..number.len(), true) {
                let what = format!("expected order number {number}");
                let expected = Expected {
                    order_number: Some(number),
                    ..expected.clone()
                };
                holds(&what, expecting(expected));
            }
        }
        if let Some(query) = &expected.query {
            let start = query.find("flexpay=").expect("signed");
            let end = query[start..]
                .find('&')
                .map_or(query.len(), |at| start + at);
            let mut queries = spoiled(query, start..end, true);
            // The last character of a tag has bits to spare: none of them may be free.
            for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
                queries.push(format!("{}{last}{}", &query[..end - 1], &query[end..]));
            }
            for other in queries.into_iter().filter(|other| other != query) {
                let what = format!("query {other}");
                let expected = Expected {
                    query: Some(other),
                    ..expected.clone()
                };
                holds(&what, expecting(expected));
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
                replies.extend(spoiled(good, entry.value.clone(), shorten));
                // A reply without a number speaks of the order asked for.
                if once(&entry.key) && entry.key != "ordernumber" {
                    let (before, after) = good.split_at(entry.key_at);
                    replies.push(format!("{before}x{after}"));
                }
            }
            for body in replies {
                sandbox.clear_faults();
                let fault = fault(canned, body.as_bytes()).for_order(&paid.order_number);
                sandbox.inject(fault.forever()).expect("known");
                holds(&body, scene.play());
            }
        }
    }
    assert!(
        believed.is_empty(),
        "{} of {tries} were believed:\n{}",
        believed.len(),
        believed.join("\n")
    );
    assert!(tries > 5_000, "only {tries} were tried");
}
