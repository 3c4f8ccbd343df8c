//! The Rust runner of the conformance tests: runs every vector through the crate's public API and
//! prints one line of JSON per case. `tests/vectors.rs` compares the same results with the vectors.

use flexpay::{
    Amount, Api, Callback, Client, Config, Error, Expected, Kind, MobileRequest, Payment,
    PaymentRequest, PayoutRequest, State, Transaction,
};
use serde_json::{Value, json};
use std::path::Path;

/// The files, in the order in which they are run.
pub const FILES: [&str; 9] = [
    "callback", "check", "pay", "mobile", "payout", "phone", "forgery", "states", "journal",
];

/// The phone number of the customer or the beneficiary.
pub const PHONE: &str = "+243 81 234 56 78";

/// The cases of one file.
pub fn cases(vectors: &Path, file: &str) -> Vec<Value> {
    let path = vectors.join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).expect("the vector file exists");
    let mut whole: Value = serde_json::from_str(&text).expect("the vector file is valid JSON");
    match whole["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("{} has no cases", path.display()),
    }
}

/// Runs one case and returns its result: `{"ok": …}` or `{"error": …}`.
pub fn run(file: &str, case: &Value, sandbox: &str) -> Value {
    let result = match file {
        "callback" => flexpay::parse_callback(&body(case)).map(|callback| callback_json(&callback)),
        "check" => client(case, sandbox)
            .check(text(case, "order_number"))
            .map(|transaction| transaction_json(&transaction)),
        "pay" => client(case, sandbox)
            .pay(&request())
            .map(|payment| payment_json(&payment)),
        "mobile" => client(case, sandbox)
            .pay_mobile(&mobile_request())
            .map(|payment| payment_json(&payment)),
        "payout" => client(case, sandbox)
            .payout(&payout_request())
            .map(|payment| payment_json(&payment)),
        "phone" => {
            flexpay::normalize_phone(text(case, "phone")).map(|phone| json!({ "phone": phone }))
        }
        "forgery" => forgery_client(case, sandbox)
            .verify_callback(&body(case), &expected(case))
            .map(|transaction| transaction_json(&transaction)),
        "states" => {
            let may = state(text(case, "now")).may_replace(state(text(case, "recorded")));
            Ok(json!({ "may_replace": may }))
        }
        "journal" => flexpay::journal::step_json(&case["request"].to_string())
            .map(|reply| serde_json::from_str(&reply).expect("the reply is JSON")),
        other => panic!("no such file: {other}"),
    };
    match result {
        Ok(ok) => json!({ "ok": ok }),
        Err(error) => json!({ "error": error_json(&error) }),
    }
}

fn client(case: &Value, sandbox: &str) -> Client {
    let name = text(case, "name");
    let api = match case["api"].as_str() {
        Some("v1.1") => Api::V1_1,
        _ => Api::V1,
    };
    Client::new(Config {
        api,
        pay_url: Some(format!("{sandbox}/vectors/pay/{name}")),
        mobile_url: Some(format!("{sandbox}/vectors/mobile/{name}")),
        payout_url: Some(format!("{sandbox}/vectors/payout/{name}")),
        check_url: Some(format!("{sandbox}/vectors/check/{name}")),
        check_once: true,
        private_connections: true,
        allow_payout: true,
        ..Config::new("ZANDO", "conformance")
    })
    .expect("the settings are valid")
}

fn forgery_client(case: &Value, sandbox: &str) -> Client {
    let name = text(case, "name");
    let secret = |key: &str| case[key].as_str().map(|secret| secret.to_owned().into());
    Client::new(Config {
        api: Api::V1_1,
        check_url: Some(format!("{sandbox}/vectors/forgery/{name}")),
        check_once: true,
        private_connections: true,
        callback_secret: secret("secret"),
        callback_secret_previous: secret("secret_previous"),
        ..Config::new("ZANDO", "conformance")
    })
    .expect("the settings are valid")
}

fn expected(case: &Value) -> Expected {
    let expected = &case["expected"];
    let optional = |value: &Value| value.as_str().map(str::to_owned);
    Expected {
        reference: text(expected, "reference").to_owned(),
        amount: text(expected, "amount").to_owned(),
        currency: text(expected, "currency").to_owned(),
        order_number: optional(&expected["order_number"]),
        query: optional(&case["query"]),
        kind: kind(expected),
        ..Expected::default()
    }
}

/// The kind of an expected payment or of an order. Most are card payments, and do not give it.
pub fn kind(of: &Value) -> Kind {
    match of["kind"].as_str() {
        None => Kind::Card,
        Some(name) => {
            let kinds = [Kind::Card, Kind::Mobile, Kind::Payout];
            let found = kinds.into_iter().find(|kind| kind.name() == name);
            found.expect(name)
        }
    }
}

fn state(name: &str) -> State {
    let states = [
        State::Unknown,
        State::Paid,
        State::Failed,
        State::Pending,
        State::Refunding,
        State::Refunded,
        State::Cancelled,
    ];
    let found = states.into_iter().find(|state| state.name() == name);
    found.expect(name)
}

fn request() -> PaymentRequest {
    PaymentRequest {
        reference: "MM0000XXFFR159".into(),
        amount: "100".into(),
        currency: "CDF".into(),
        approve_url: Some("https://shop.example/ok".into()),
        cancel_url: Some("https://shop.example/cancel".into()),
        decline_url: Some("https://shop.example/no".into()),
        callback_url: Some("https://shop.example/callback".into()),
        ..PaymentRequest::default()
    }
}

fn mobile_request() -> MobileRequest {
    MobileRequest {
        reference: "MM0000XXFFR159".into(),
        amount: "100".into(),
        currency: "CDF".into(),
        phone: PHONE.into(),
        callback_url: "https://shop.example/callback".into(),
        approve_url: Some("https://shop.example/ok".into()),
        cancel_url: Some("https://shop.example/cancel".into()),
        decline_url: Some("https://shop.example/no".into()),
        ..MobileRequest::default()
    }
}

fn payout_request() -> PayoutRequest {
    PayoutRequest {
        reference: "MM0000XXFFR159".into(),
        amount: "100".into(),
        currency: "CDF".into(),
        phone: PHONE.into(),
        callback_url: "https://shop.example/callback".into(),
        ..PayoutRequest::default()
    }
}

fn text<'c>(case: &'c Value, key: &str) -> &'c str {
    case[key].as_str().expect(key)
}

/// The bytes of a body, which a case gives in one of three forms.
pub fn body(case: &Value) -> Vec<u8> {
    if let Some(hex) = case["body_hex"].as_str() {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hex digits");
        return (0..hex.len()).step_by(2).map(byte).collect();
    }
    if let Value::Object(repeat) = &case["body_repeat"] {
        let part = |key: &str| repeat[key].as_str().expect("text").to_owned();
        let times = repeat["times"].as_u64().expect("a number") as usize;
        let whole = part("before") + &part("unit").repeat(times) + &part("after");
        return whole.into_bytes();
    }
    text(case, "body").as_bytes().to_vec()
}

fn callback_json(callback: &Callback<'_>) -> Value {
    json!({
        "amount": callback.amount,
        "amount_customer": callback.amount_customer,
        "channel": callback.channel,
        "claims_success": callback.claims_success,
        "code": callback.code,
        "created_at": callback.created_at,
        "currency": callback.currency,
        "key": callback.key(),
        "message": callback.message,
        "order_number": callback.order_number,
        "phone": callback.phone,
        "provider_reference": callback.provider_reference,
        "raw": callback.raw,
        "reference": callback.reference,
    })
}

fn transaction_json(transaction: &Transaction) -> Value {
    let amount_text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let minor = |amount: Option<Amount>| amount.map_or(-1, Amount::minor);
    json!({
        "amount": amount_text(transaction.amount),
        "amount_customer": amount_text(transaction.amount_customer),
        "amount_customer_minor": minor(transaction.amount_customer),
        "amount_minor": minor(transaction.amount),
        "channel": transaction.channel,
        "code": transaction.code,
        "created_at": transaction.created_at,
        "currency": transaction.currency,
        "message": transaction.message,
        "order_number": transaction.order_number,
        "raw": transaction.raw,
        "reference": transaction.reference,
        "state": transaction.state.name(),
        "status": transaction.status,
        "trace": transaction.trace,
    })
}

fn payment_json(payment: &Payment) -> Value {
    json!({
        "code": payment.code,
        "is_recorded": payment.is_recorded,
        "message": payment.message,
        "order_number": payment.order_number,
        "page": payment.page,
        "redirect_url": payment.redirect_url,
        "trace": payment.trace,
    })
}

fn error_json(error: &Error) -> Value {
    json!({
        "code": error.code().name(),
        "field": error.field(),
        "gateway_code": error.gateway_code(),
        "gateway_message": error.gateway_message(),
        "order_number": error.order_number(),
        "http_status": error.http_status(),
        "message": error.message(),
        "outcome": error.outcome().name(),
        "trace": error.trace(),
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(vectors), Some(sandbox)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: conformance VECTORS_DIR SANDBOX_URL");
        std::process::exit(2);
    };
    for file in FILES {
        for case in cases(Path::new(&vectors), file) {
            let result = run(file, &case, &sandbox);
            let name = format!("{file}/{}", text(&case, "name"));
            println!("{}", json!({ "case": name, "result": result }));
        }
    }
}
