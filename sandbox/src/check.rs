//! Check: the gateway's reply about an order number.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::amount::Amount;
use crate::clock;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::payment::Payment;
use crate::quirks::{CodeStyle, Quirks};
use crate::refusal::{json_text, unauthorized};
use crate::rules;

/// The path prefix of Check.
pub(crate) const PREFIX: &str = "/api/rest/v1/check/";

/// The order number in the path of a check.
pub(crate) fn order_number_in_path(path: &str) -> Option<String> {
    let order = path.strip_prefix(PREFIX)?;
    Some(percent_decode_str(order).decode_utf8_lossy().into_owned())
}

/// `GET /api/rest/v1/check/<orderNumber>`
pub(crate) async fn check(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response<Body> {
    let quirks = gateway.quirks();
    if !rules::is_authorized(&gateway, &headers) {
        return unauthorized(quirks.unauthorized_style);
    }
    let order = order_number_in_path(uri.path()).unwrap_or_default();
    let found = gateway.count_check(&order, |payment| is_hidden(payment, &quirks));
    let body = match &found {
        None => not_found(&quirks),
        Some(payment) => reply(payment, &quirks),
    };
    json_text(StatusCode::OK, body)
}

/// Whether a quirk makes Check not find the payment yet.
fn is_hidden(payment: &Payment, quirks: &Quirks) -> bool {
    let age = payment.created_at.elapsed().unwrap_or_default();
    payment.checks <= quirks.not_found_checks || age < Duration::from_millis(quirks.not_found_ms)
}

fn not_found(quirks: &Quirks) -> String {
    envelope(
        quirks,
        1,
        "Aucune transaction trouvée",
        Value::Null.to_string(),
    )
}

fn reply(payment: &Payment, quirks: &Quirks) -> String {
    let early_failure = payment.is_pending() && payment.checks_found <= quirks.early_failure_checks;
    let status = if early_failure { "1" } else { &payment.status };
    let message = match status {
        "1" => "Le paiement n'a pas réussi",
        _ => "Une transaction trouvée",
    };
    let order = payment.order_number.as_str();
    let reference = if quirks.order_number_as_reference {
        order
    } else {
        &payment.reference
    };
    let amount = |text: &str| {
        Amount::parse(text).map_or(Value::Null, |amount| amount.format(quirks.amount_style))
    };
    let mut transaction = Object::new()
        .with("orderNumber", order)
        .with("reference", reference)
        .with("amount", amount(&payment.amount))
        .with("amountCustomer", amount(&payment.amount_customer))
        .with("currency", payment.currency.as_str())
        .with(
            "createdAt",
            clock::created_at(payment.created_at, quirks.created_at_style),
        )
        .with("status", status);
    if quirks.omit_order_number {
        transaction.remove("orderNumber");
    }
    if !payment.channel.is_empty() {
        transaction = transaction.with("channel", payment.channel.as_str());
    }
    let mut transaction = transaction.text();
    if quirks.stray_comma {
        transaction.truncate(transaction.len() - 1);
        transaction.push_str(",}");
    }
    envelope(quirks, 0, message, transaction)
}

fn envelope(quirks: &Quirks, code: u8, message: &str, transaction: String) -> String {
    let code = match quirks.code_style {
        CodeStyle::Usual | CodeStyle::Text => format!("\"{code}\""),
        CodeStyle::Number => code.to_string(),
    };
    let key = |name: &str| quirks.check_keys.apply(name);
    let message = Value::from(message);
    format!(
        r#"{{"{}":{code},"{}":{message},"{}":{transaction}}}"#,
        key("code"),
        key("message"),
        key("transaction"),
    )
}
