//! Results as JSON, with the field names of flexpay.h. The conformance runs of all languages print the
//! same objects.

use flexpay::journal::{Reconciliation, Settlement};
use flexpay::{Amount, Callback, Error, Payment, Transaction};
use serde_json::{Value, json};

pub fn payment(payment: &Payment) -> Value {
    json!({
        "redirect_url": payment.redirect_url,
        "order_number": payment.order_number,
        "code": payment.code,
        "message": payment.message,
        "page": payment.page,
        "is_recorded": payment.is_recorded,
        "trace": payment.trace,
    })
}

pub fn transaction(transaction: &Transaction) -> Value {
    let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let minor = |amount: Option<Amount>| amount.map_or(-1, Amount::minor);
    json!({
        "state": transaction.state.name(),
        "status": transaction.status,
        "order_number": transaction.order_number,
        "reference": transaction.reference,
        "amount": text(transaction.amount),
        "amount_customer": text(transaction.amount_customer),
        "amount_minor": minor(transaction.amount),
        "amount_customer_minor": minor(transaction.amount_customer),
        "currency": transaction.currency,
        "created_at": transaction.created_at,
        "channel": transaction.channel,
        "code": transaction.code,
        "message": transaction.message,
        "raw": transaction.raw,
        "trace": transaction.trace,
    })
}

pub fn callback(callback: &Callback<'_>) -> Value {
    json!({
        "claims_success": callback.claims_success,
        "code": callback.code,
        "reference": callback.reference,
        "provider_reference": callback.provider_reference,
        "order_number": callback.order_number,
        "amount": callback.amount,
        "amount_customer": callback.amount_customer,
        "currency": callback.currency,
        "phone": callback.phone,
        "created_at": callback.created_at,
        "channel": callback.channel,
        "message": callback.message,
        "raw": callback.raw,
        "key": callback.key(),
    })
}

pub fn settlement(settlement: &Settlement) -> Value {
    let stored = &settlement.stored;
    let entry = &stored.entry;
    json!({
        "reference": entry.reference,
        "kind": entry.kind.name(),
        "amount": entry.amount,
        "currency": entry.currency,
        "phone": entry.phone,
        "state": entry.state.name(),
        "changed": settlement.changed,
        "to_deliver": entry.is_to_deliver(),
        "is_open": entry.is_open(),
        "order_number": entry.order_number,
        "other_order_number": entry.other_order_number,
        "redirect_url": entry.redirect_url,
        "page": entry.page,
        "last_answer": entry.last_answer,
        "resolved_by": entry.resolved_by,
        "resolved_why": entry.resolved_why,
        "created_at": stored.created_at,
        "changed_at": stored.changed_at,
        "problem": settlement.problem,
    })
}

pub fn settlements(found: &Reconciliation) -> Value {
    let settlements: Vec<Value> = found.settlements.iter().map(settlement).collect();
    json!({ "settlements": settlements, "stopped": found.stopped_text() })
}

/// The same as text. A whole journal as a [`Value`] takes ten times the memory.
pub fn settlements_text(found: &Reconciliation) -> String {
    let all = found.settlements.iter();
    let settlements: Vec<String> = all.map(|one| settlement(one).to_string()).collect();
    format!(
        r#"{{"settlements":[{}],"stopped":{}}}"#,
        settlements.join(","),
        json!(found.stopped_text())
    )
}

pub fn error(error: &Error) -> Value {
    json!({
        "code": error.code().name(),
        "outcome": error.outcome().name(),
        "http_status": error.http_status(),
        "message": error.message(),
        "field": error.field(),
        "gateway_code": error.gateway_code(),
        "gateway_message": error.gateway_message(),
        "order_number": error.order_number(),
        "trace": error.trace(),
    })
}
