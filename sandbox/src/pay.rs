//! The payment request: `/v1/pay` and `/v2/pay` accept a form, `/v1.1/pay` accepts JSON.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::fields::Fields;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::kind::Kind;
use crate::pages;
use crate::payment::Payment;
use crate::quirks::{CodeStyle, Quirks, ReplyStyle, UrlKey};
use crate::random;
use crate::refusal::{Refusal, json, malformed};
use crate::rules;
use crate::serve::ConnectionInfo;
use crate::urls;

/// `/v1/pay` and `/v2/pay`.
pub(crate) async fn form(
    State(gateway): State<Arc<Gateway>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    request: Request,
) -> Response<Body> {
    let api = if request.uri().path() == "/v2/pay" {
        "v2"
    } else {
        "v1"
    };
    let base = urls::base(&gateway, connection_info, request.headers());
    let quirks = gateway.quirks();
    let Some(fields) = Fields::from_form(request).await else {
        return malformed();
    };
    match record(&gateway, &quirks, api, &base, &fields) {
        Err(refused) => refused.into_response(quirks.unauthorized_style),
        Ok(payment) => match quirks.reply_style {
            ReplyStyle::Redirect => redirect(&payment.checkout_url),
            style => pages::redirecting(style, &payment.checkout_url),
        },
    }
}

/// `/v1.1/pay`.
pub(crate) async fn json_body(
    State(gateway): State<Arc<Gateway>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    request: Request,
) -> Response<Body> {
    let base = urls::base(&gateway, connection_info, request.headers());
    let quirks = gateway.quirks();
    let Some(fields) = Fields::from_json(request).await else {
        return malformed();
    };
    match record(&gateway, &quirks, "v1.1", &base, &fields) {
        Err(refused) => refused.into_response(quirks.unauthorized_style),
        Ok(payment) => json(StatusCode::OK, &reply(&payment, &quirks)),
    }
}

fn reply(payment: &Payment, quirks: &Quirks) -> Object {
    let code = match quirks.code_style {
        CodeStyle::Usual | CodeStyle::Number => serde_json::Value::from(0),
        CodeStyle::Text => "0".into(),
    };
    let reply = Object::new()
        .with("code", code)
        .with("message", "Redirection en cours")
        .with("orderNumber", payment.order_number.as_str());
    let url = payment.checkout_url.as_str();
    match quirks.url_key {
        UrlKey::Url => reply.with("url", url),
        UrlKey::PaymentUrl => reply.with("paymentUrl", url),
        UrlKey::RedirectUrl => reply.with("redirectUrl", url),
        UrlKey::Link => reply.with("link", url),
        UrlKey::DataLink => reply.with("data", serde_json::json!({ "link": url })),
    }
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = pages::redirecting(ReplyStyle::Html, to);
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// Validates a payment request and records the payment.
fn record(
    gateway: &Gateway,
    quirks: &Quirks,
    api: &str,
    base: &str,
    fields: &Fields,
) -> Result<Payment, Refusal> {
    if !is_token(gateway, fields.get("authorization")) {
        return Err(Refusal::WrongToken);
    }
    rules::require(fields, &["merchant", "reference", "amount", "currency"])?;
    rules::merchant(fields, gateway)?;
    let (amount, currency) = rules::amount(fields)?;
    rules::reference(fields, rules::CARD_REFERENCE_MAX)?;
    if api == "v1.1" {
        let urls = ["callback_url", "approve_url", "cancel_url", "decline_url"];
        rules::require(fields, &urls)?;
    }
    rules::callback_url(fields, "callback_url", quirks.refuse_private_callbacks)?;
    let return_urls = ["approve_url", "cancel_url", "decline_url", "home_url"];
    rules::return_urls(fields, &return_urls)?;
    let checkout_id = random::checkout_id();
    gateway.record(Payment {
        checkout_url: format!("{base}/checkout/{checkout_id}"),
        checkout_id,
        merchant: fields.owned("merchant"),
        reference: fields.owned("reference"),
        amount: fields.owned("amount"),
        amount_customer: amount.with_fee(currency).decimal(),
        currency: currency.to_owned(),
        description: fields.owned("description"),
        callback_url: fields.owned("callback_url"),
        approve_url: fields.owned("approve_url"),
        cancel_url: fields.owned("cancel_url"),
        decline_url: fields.owned("decline_url"),
        home_url: fields.owned("home_url"),
        api: api.to_owned(),
        deliver_callbacks: gateway.deliver_callbacks,
        ..Payment::pending(Kind::Card, random::order_number())
    })
}

/// Compares with the token, with or without `Bearer ` before it.
fn is_token(gateway: &Gateway, authorization: &str) -> bool {
    let token = authorization
        .strip_prefix("Bearer ")
        .unwrap_or(authorization);
    token == gateway.token
}
