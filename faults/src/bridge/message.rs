//! The lines of the protocol, written and read independently of the program's own code.

use std::ffi::CStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::canary;
use crate::interface::{
    AMOUNT, APPROVE_URL, CALLBACK_URL, CANCEL_URL, CURRENCY, CallResult, Config, DECLINE_URL,
    Expected, HOME_URL, PHONE, PaymentRequest, RETURN_URL, Request, Returned, consts,
};
use crate::journal;

/// The longest line that the bridge reads, in bytes.
pub const MAX_LINE: usize = 1 << 20;
/// More than what a request line has besides its longest text.
pub const REST_OF_LINE: usize = 1 << 12;
pub const HELLO_ID: u64 = 0;
const VERSION: u32 = 1;

const CODES: [(&str, i32); 19] = [
    ("INVALID", consts::INVALID),
    ("INTERNAL", consts::INTERNAL),
    ("RESOLVE", consts::RESOLVE),
    ("CONNECT", consts::CONNECT),
    ("PROXY", consts::PROXY),
    ("TLS", consts::TLS),
    ("TIMEOUT", consts::TIMEOUT),
    ("CANCELLED", consts::CANCELLED),
    ("CONNECTION", consts::CONNECTION),
    ("REPLY", consts::REPLY),
    ("GATEWAY", consts::GATEWAY),
    ("UNAUTHORIZED", consts::UNAUTHORIZED),
    ("REFUSED", consts::REFUSED),
    ("NOT_FOUND", consts::NOT_FOUND),
    ("CALLBACK", consts::CALLBACK),
    ("MISMATCH", consts::MISMATCH),
    ("JOURNAL", consts::JOURNAL),
    ("IN_PROGRESS", consts::IN_PROGRESS),
    ("IN_DOUBT", consts::IN_DOUBT),
];
const OUTCOMES: [(&str, i32); 3] = [
    ("UNKNOWN", consts::OUTCOME_UNKNOWN),
    ("NOT_SENT", consts::OUTCOME_NOT_SENT),
    ("REFUSED", consts::OUTCOME_REFUSED),
];
const STATES: [(&str, i32); 7] = [
    ("UNKNOWN", consts::STATE_UNKNOWN),
    ("PAID", consts::STATE_PAID),
    ("FAILED", consts::STATE_FAILED),
    ("PENDING", consts::STATE_PENDING),
    ("REFUNDING", consts::STATE_REFUNDING),
    ("REFUNDED", consts::STATE_REFUNDED),
    ("CANCELLED", consts::STATE_CANCELLED),
];
const KINDS: [(&str, i32); 3] = [
    ("CARD", consts::KIND_CARD),
    ("MOBILE", consts::KIND_MOBILE),
    ("PAYOUT", consts::KIND_PAYOUT),
];

/// The first line, which contains the token.
pub fn hello(config: &Config) -> Zeroizing<Vec<u8>> {
    let has = |flag: u64| config.flags & flag != 0;
    let api = match config.api {
        consts::API_V1 => "v1",
        _ => "v1.1",
    };
    let settings = json!({
        "merchant": "ZANDO",
        "environment": "live",
        "api": api,
        "pay_url": config.pay_url,
        "mobile_url": config.mobile_url,
        "payout_url": config.payout_url,
        "check_url": config.check_url,
        "timeout_ms": config.timeout_ms,
        "connect_timeout_ms": config.connect_timeout_ms,
        "ca_file": config.ca_file,
        "proxy": config.proxy,
        "callback_secret": config.callback_secret,
        "journal": config.journal,
        "allow_plain_http": has(consts::FLAG_ALLOW_PLAIN_HTTP),
        "check_once": has(consts::FLAG_CHECK_ONCE),
        "private_connections": has(consts::FLAG_PRIVATE_CONNECTIONS),
        "allow_payout": has(consts::FLAG_ALLOW_PAYOUT),
        "trace": has(consts::FLAG_TRACE),
    })
    .to_string();
    let start = format!(
        "{{\"id\":{HELLO_ID},\"call\":\"hello\",\"request\":{{\"bridge\":{VERSION},\"settings\":{{\"token\":\""
    );
    canary::with_token(config.canary, |token| {
        // SAFETY: the token is NUL-terminated. None of its characters must be escaped in JSON.
        let token = unsafe { CStr::from_ptr(token) }.to_bytes();
        // Allocated at once: growing would leave a copy that is not wiped.
        let mut line = Zeroizing::new(Vec::with_capacity(
            start.len() + token.len() + settings.len() + 8,
        ));
        line.extend_from_slice(start.as_bytes());
        line.extend_from_slice(token);
        line.extend_from_slice(b"\",");
        line.extend_from_slice(&settings.as_bytes()[1..]);
        line.extend_from_slice(b"}}\n");
        line
    })
}

/// The line of a call.
pub fn request(id: u64, request: &Request<'_>) -> Vec<u8> {
    let (call, request) = match request {
        Request::Pay(payment) => ("pay", pay(payment)),
        Request::PayMobile(payment) => ("pay_mobile", pay_mobile(payment)),
        Request::Payout(payment) => ("payout", payout(payment)),
        Request::Check { order_number } => ("check", json!({ "order_number": order_number })),
        Request::Wait {
            order_number,
            options,
            expected: payment,
            correlation_id,
        } => (
            "wait",
            json!({
                "order_number": order_number,
                "timeout_ms": options.timeout_ms,
                "interval_ms": options.interval_ms,
                "max_interval_ms": options.max_interval_ms(),
                "failed_grace_ms": options.failed_grace_ms,
                "expected": payment.as_ref().map(|payment| expected(payment, None)),
                "correlation_id": correlation_id,
            }),
        ),
        Request::Verify {
            body,
            expected: payment,
            correlation_id,
        } => (
            "verify_callback",
            json!({
                "body_base64": STANDARD.encode(body),
                "expected": expected(payment, *correlation_id),
            }),
        ),
    };
    line(id, call, &request)
}

fn line(id: u64, call: &str, request: &Value) -> Vec<u8> {
    let mut line = json!({ "id": id, "call": call, "request": request }).to_string();
    line.push('\n');
    line.into_bytes()
}

fn pay(payment: &PaymentRequest<'_>) -> Value {
    json!({
        "reference": payment.reference,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "description": payment.padding,
        "callback_url": CALLBACK_URL,
        "approve_url": APPROVE_URL,
        "cancel_url": CANCEL_URL,
        "decline_url": DECLINE_URL,
        "home_url": HOME_URL,
        "correlation_id": payment.correlation_id,
    })
}

fn pay_mobile(payment: &PaymentRequest<'_>) -> Value {
    json!({
        "reference": payment.reference,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "phone": PHONE,
        "callback_url": CALLBACK_URL,
        "description": payment.padding,
        "approve_url": APPROVE_URL,
        "cancel_url": CANCEL_URL,
        "decline_url": DECLINE_URL,
        "return_url": RETURN_URL,
        "correlation_id": payment.correlation_id,
    })
}

fn payout(payment: &PaymentRequest<'_>) -> Value {
    let callback_url = match payment.padding {
        Some(padding) => format!("{CALLBACK_URL}?padding={padding}"),
        None => CALLBACK_URL.to_owned(),
    };
    json!({
        "reference": payment.reference,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "phone": PHONE,
        "callback_url": callback_url,
        "correlation_id": payment.correlation_id,
    })
}

fn expected(expected: &Expected<'_>, correlation_id: Option<&str>) -> Value {
    let kind = KINDS.iter().find(|(_, kind)| *kind == expected.kind);
    json!({
        "reference": expected.reference,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "order_number": expected.order_number,
        "query": expected.query,
        "kind": kind.map(|(name, _)| name),
        "correlation_id": correlation_id,
    })
}

/// A call that sends nothing.
pub fn normalize_phone(id: u64) -> Vec<u8> {
    line(id, "normalize_phone", &json!({ "phone": PHONE }))
}

/// Reads the entry of a reference.
pub fn journal_get(id: u64, reference: &str) -> Vec<u8> {
    line(id, "journal_get", &json!({ "reference": reference }))
}

/// The state of the entry in the reply to `journal_get`. `None`: there is no entry.
pub fn entry_state(line: &[u8]) -> Result<Option<i32>, String> {
    #[derive(Deserialize)]
    struct Settlement {
        state: String,
    }
    let message = |error: serde_json::Error| error.to_string();
    let reply: ReplyLine = serde_json::from_slice(line).map_err(message)?;
    match (reply.ok, reply.error) {
        (Some(ok), None) => {
            let entry: Settlement = serde_json::from_value(ok).map_err(message)?;
            number(&journal::STATES, &entry.state).map(Some)
        }
        (None, Some(error)) if error.code == "INVALID" => Ok(None), // the journal does not have it
        (_, error) => Err(error.map(|error| error.message).unwrap_or_default()),
    }
}

/// The id of a reply.
pub fn id(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Id {
        id: Option<u64>,
    }
    serde_json::from_slice::<Id>(line).ok()?.id
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyLine {
    #[serde(rename = "id")]
    _id: u64,
    ok: Option<Value>,
    error: Option<Error>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Error {
    code: String,
    outcome: String,
    http_status: Option<u16>,
    message: String,
    field: Option<String>,
    gateway_code: Option<String>,
    gateway_message: Option<String>,
    order_number: Option<String>,
    trace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    redirect_url: Option<String>,
    order_number: Option<String>,
    #[serde(rename = "code")]
    _code: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
    page: Option<String>,
    #[serde(rename = "is_recorded")]
    _is_recorded: bool,
    trace: Option<String>,
}

/// The fields of a transaction that are read here. `docs/bridge.md` has them all.
#[derive(Deserialize)]
struct Transaction {
    state: String,
    order_number: Option<String>,
    trace: Option<String>,
}

pub fn check_hello(line: &[u8]) -> Result<(), String> {
    match ok(line)?.get("bridge") {
        Some(version) if *version == VERSION => Ok(()),
        other => Err(format!("the bridge has version {other:?}")),
    }
}

pub fn check_normalized_phone(line: &[u8]) -> Result<(), String> {
    match ok(line)?.get("phone") {
        Some(phone) if phone == "243812345678" => Ok(()),
        other => Err(format!("normalized to {other:?}")),
    }
}

/// The result of a call that must succeed.
fn ok(line: &[u8]) -> Result<Value, String> {
    let reply: ReplyLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let error = reply.error.map(|error| error.message);
    reply.ok.ok_or(error.unwrap_or_default())
}

/// Reads the reply to a call. `leaks`: how often it contains the token.
pub fn returned(line: &[u8], request: &Request<'_>, leaks: usize) -> Returned {
    let (result, trace) = read(line, request).unwrap_or_else(|problem| {
        let text = format!("{problem}, in {}", String::from_utf8_lossy(line));
        let unreadable = CallResult::Error {
            code: -1,
            outcome: -1,
            text,
        };
        (unreadable, None)
    });
    Returned {
        result,
        leaks,
        trace,
    }
}

fn read(line: &[u8], request: &Request<'_>) -> Result<(CallResult, Option<String>), String> {
    let message = |error: serde_json::Error| error.to_string();
    let reply: ReplyLine = serde_json::from_slice(line).map_err(message)?;
    match (reply.ok, reply.error) {
        (None, Some(error)) => read_error(error),
        (Some(ok), None) => match request {
            Request::Pay(_) | Request::PayMobile(_) | Request::Payout(_) => {
                let payment: Payment = serde_json::from_value(ok).map_err(message)?;
                let result = CallResult::Payment {
                    redirect_url: payment.redirect_url,
                    page: payment.page,
                    order_number: payment.order_number,
                };
                Ok((result, payment.trace))
            }
            Request::Check { .. } | Request::Wait { .. } | Request::Verify { .. } => {
                let transaction: Transaction = serde_json::from_value(ok).map_err(message)?;
                let result = CallResult::State {
                    state: number(&STATES, &transaction.state)?,
                    order_number: transaction.order_number.unwrap_or_default(),
                };
                Ok((result, transaction.trace))
            }
        },
        _ => Err("neither ok nor error, or both".to_owned()),
    }
}

fn read_error(error: Error) -> Result<(CallResult, Option<String>), String> {
    let texts = [
        Some(error.message),
        error.http_status.map(|status| status.to_string()),
        error.field,
        error.gateway_code,
        error.gateway_message,
        error.order_number,
    ];
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    let result = CallResult::Error {
        code: number(&CODES, &error.code)?,
        outcome: number(&OUTCOMES, &error.outcome)?,
        text: texts.join(" | "),
    };
    Ok((result, error.trace))
}

fn number(names: &[(&str, i32)], name: &str) -> Result<i32, String> {
    let found = names.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, number)| *number)
        .ok_or_else(|| format!("the unknown name {name:?}"))
}
