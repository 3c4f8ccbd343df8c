//! The payout: money from the merchant's balance to a wallet. `merchantPayOutService`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use crate::decide;
use crate::fields::Fields;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::kind::Kind;
use crate::payment::{Decision, Payment};
use crate::phone::Behaviour;
use crate::quirks::Quirks;
use crate::random;
use crate::refusal::{Refusal, json, malformed};
use crate::rules;

/// The path of the payout.
pub(crate) const PATH: &str = "/api/rest/v1/merchantPayOutService";

/// The refusal for a wallet that cannot be paid into.
const RECEIVER_INVALID: &str =
    "Receiver invalid or not allowed to receive this type of transaction";

/// `POST /api/rest/v1/merchantPayOutService`
pub(crate) async fn pay_out(
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
        .with("message", "Transaction envoyée avec succès.")
        .with("orderNumber", payment.order_number.as_str())
}

/// Validates a payout, records it, and lets the operator decide it.
fn record(gateway: &Arc<Gateway>, quirks: &Quirks, fields: &Fields) -> Result<Payment, Refusal> {
    rules::mobile_type(fields)?;
    let required = [
        "merchant",
        "reference",
        "phone",
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
    let behaviour = phone.behaviour();
    if behaviour == Behaviour::CannotReceive {
        return Err(Refusal::message(RECEIVER_INVALID));
    }
    let payment = Payment {
        merchant: fields.owned("merchant"),
        reference: fields.owned("reference"),
        amount: fields.owned("amount"),
        // The beneficiary receives the amount. There is no fee here.
        amount_customer: amount.decimal(),
        currency: currency.to_owned(),
        phone: phone.number.to_owned(),
        channel: quirks.channel(operator).to_owned(),
        callback_url: fields.owned("callbackUrl"),
        deliver_callbacks: gateway.deliver_callbacks,
        ..Payment::pending(Kind::Payout, random::order_number_of(phone.number))
    };
    let payment = gateway.record(payment)?;
    let order = payment.order_number.as_str();
    if !quirks.hold_payouts {
        let decision = match behaviour {
            Behaviour::PayoutFails => Decision::Decline,
            _ => Decision::Approve,
        };
        decide::once(gateway, order, &decision, "");
    }
    Ok(payment)
}
