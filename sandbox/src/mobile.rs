//! The collection: a push to the customer's phone, who confirms it there. `paymentService`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::Value;

use crate::decide;
use crate::fields::Fields;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::kind::Kind;
use crate::payment::{Decision, INSUFFICIENT_FUNDS, Payment};
use crate::phone::Behaviour;
use crate::quirks::Quirks;
use crate::random;
use crate::refusal::{Refusal, json, malformed};
use crate::rules;

/// The path of the collection.
pub(crate) const PATH: &str = "/api/rest/v1/paymentService";

/// `POST /api/rest/v1/paymentService`
pub(crate) async fn collect(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Response<Body> {
    let quirks = gateway.quirks();
    if !rules::is_authorized(&gateway, request.headers()) {
        return Refusal::WrongToken.into_response(quirks.unauthorized_style);
    }
    let Some(fields) = Fields::from_json(request).await else {
        return malformed();
    };
    match record(&gateway, &quirks, &fields) {
        Err(refused) => refused.into_response(quirks.unauthorized_style),
        Ok(payment) => json(StatusCode::OK, &reply(&payment, &quirks)),
    }
}

fn reply(payment: &Payment, quirks: &Quirks) -> Object {
    Object::new()
        .with("code", quirks.code_style.code_of_mobile())
        .with(
            "message",
            "Transaction envoyée avec succès. Veuillez valider le push message",
        )
        .with("reference", Value::Null)
        .with("provider_reference", Value::Null)
        .with("orderNumber", payment.order_number.as_str())
        .with("url", Value::Null)
}

/// Validates a collection, records it, and lets a test phone react.
fn record(gateway: &Arc<Gateway>, quirks: &Quirks, fields: &Fields) -> Result<Payment, Refusal> {
    rules::mobile_type(fields)?;
    let required = [
        "merchant",
        "phone",
        "reference",
        "amount",
        "currency",
        "callbackUrl",
    ];
    rules::require(fields, &required)?;
    rules::merchant(fields, gateway)?;
    let (phone, operator) = rules::phone(fields)?;
    let (amount, currency) = rules::plain_amount(fields)?;
    rules::reference(fields, rules::MOBILE_REFERENCE_MAX)?;
    rules::callback_url(fields, "callbackUrl", quirks.refuse_private_callbacks)?;
    let return_urls = ["approveUrl", "cancelUrl", "declineUrl", "return_url"];
    rules::return_urls(fields, &return_urls)?;
    if phone.behaviour() == Behaviour::NoCredit {
        return Err(Refusal::message(INSUFFICIENT_FUNDS));
    }
    let payment = Payment {
        merchant: fields.owned("merchant"),
        reference: fields.owned("reference"),
        amount: fields.owned("amount"),
        amount_customer: amount.with_fee(currency).decimal(),
        currency: currency.to_owned(),
        phone: phone.number.to_owned(),
        channel: quirks.channel(operator).to_owned(),
        description: fields.owned("description"),
        callback_url: fields.owned("callbackUrl"),
        approve_url: fields.owned("approveUrl"),
        cancel_url: fields.owned("cancelUrl"),
        decline_url: fields.owned("declineUrl"),
        return_url: fields.owned("return_url"),
        deliver_callbacks: gateway.deliver_callbacks,
        ..Payment::pending(Kind::Mobile, random::order_number_of(phone.number))
    };
    let payment = gateway.record(payment)?;
    react(gateway, quirks, &payment, phone.behaviour());
    Ok(payment)
}

/// What happens to the push without anyone touching the phone page.
fn react(gateway: &Arc<Gateway>, quirks: &Quirks, payment: &Payment, behaviour: Behaviour) {
    let order = payment.order_number.as_str();
    match behaviour {
        Behaviour::Confirms => {
            decide::confirm(gateway, order);
        }
        Behaviour::Refuses => {
            decide::once(gateway, order, &Decision::Decline, "");
        }
        Behaviour::Expires => {
            decide::once(gateway, order, &Decision::Expire, "");
        }
        _ if quirks.push_expires_ms > 0 => expire_later(gateway, order, quirks.push_expires_ms),
        _ => {}
    }
}

fn expire_later(gateway: &Arc<Gateway>, order: &str, ms: u64) {
    let (gateway, order) = (Arc::clone(gateway), order.to_owned());
    let runtime = gateway.runtime.clone();
    runtime.spawn(async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        decide::once(&gateway, &order, &Decision::Expire, "");
    });
}
