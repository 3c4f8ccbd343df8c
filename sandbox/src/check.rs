//! Check: what the gateway says about an order number.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::amount::Amount;
use crate::clock;
use crate::gateway::Gateway;
use crate::habits::{CodeStyle, Habits};
use crate::json::Object;
use crate::payment::Payment;
use crate::refusal::{json_text, unauthorized};

/// Where checks are asked.
pub(crate) const PREFIX: &str = "/api/rest/v1/check/";

/// The order number in the path of a check.
pub(crate) fn order_in(path: &str) -> Option<String> {
    let order = path.strip_prefix(PREFIX)?;
    Some(percent_decode_str(order).decode_utf8_lossy().into_owned())
}

/// `GET /api/rest/v1/check/<orderNumber>`
pub(crate) async fn check(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response<Body> {
    let habits = gateway.habits();
    let authorization = headers.get(header::AUTHORIZATION);
    let bearer = authorization
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if bearer != Some(gateway.token.as_str()) {
        return unauthorized(habits.unauthorized_style);
    }
    let order = order_in(uri.path()).unwrap_or_default();
    let found = gateway.checked(&order, |payment| is_hidden(payment, &habits));
    let body = match &found {
        None => not_found(&habits),
        Some(payment) => reply(payment, &habits),
    };
    json_text(StatusCode::OK, body)
}

/// For a moment after its request, a payment is not found.
fn is_hidden(payment: &Payment, habits: &Habits) -> bool {
    let age = payment.created_at.elapsed().unwrap_or_default();
    payment.checks <= habits.not_found_checks || age < Duration::from_millis(habits.not_found_ms)
}

fn not_found(habits: &Habits) -> String {
    outer(
        habits,
        1,
        "Aucune transaction trouvée",
        Value::Null.to_string(),
    )
}

fn reply(payment: &Payment, habits: &Habits) -> String {
    let too_early = payment.is_pending() && payment.checks_found <= habits.early_failure_checks;
    let status = if too_early { "1" } else { &payment.status };
    let message = match status {
        "1" => "Le paiement n'a pas réussi",
        _ => "Une transaction trouvée",
    };
    let order = payment.order_number.as_str();
    let reference = if habits.order_number_as_reference {
        order
    } else {
        &payment.reference
    };
    let amount = |text: &str| {
        Amount::read(text).map_or(Value::Null, |amount| amount.spell(habits.amount_style))
    };
    let mut transaction = Object::new()
        .with("orderNumber", order)
        .with("reference", reference)
        .with("amount", amount(&payment.amount))
        .with("amountCustomer", amount(&payment.amount_customer))
        .with("currency", payment.currency.as_str())
        .with(
            "createdAt",
            clock::created_at(payment.created_at, habits.created_at_style),
        )
        .with("status", status);
    if habits.omit_order_number {
        transaction.remove("orderNumber");
    }
    if !payment.channel.is_empty() {
        transaction = transaction.with("channel", payment.channel.as_str());
    }
    let mut transaction = transaction.text();
    if habits.stray_comma {
        transaction.truncate(transaction.len() - 1);
        transaction.push_str(",}");
    }
    outer(habits, 0, message, transaction)
}

fn outer(habits: &Habits, code: u8, message: &str, transaction: String) -> String {
    let code = match habits.code_style {
        CodeStyle::Usual | CodeStyle::Text => format!("\"{code}\""),
        CodeStyle::Number => code.to_string(),
    };
    let key = |name: &str| habits.check_keys.spell(name);
    let message = Value::from(message);
    format!(
        r#"{{"{}":{code},"{}":{message},"{}":{transaction}}}"#,
        key("code"),
        key("message"),
        key("transaction"),
    )
}
