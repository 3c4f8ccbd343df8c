//! The payment request: `/v1/pay` and `/v2/pay` accept a form, `/v1.1/pay` accepts JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use serde_json::value::RawValue;

use crate::amount::Amount;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::pages;
use crate::payment::{PENDING, Payment};
use crate::quirks::{AmountStyle, CodeStyle, Quirks, ReplyStyle, UnauthorizedStyle, UrlKey};
use crate::random;
use crate::refusal::{MALFORMED, Refusal, json, refusal, unauthorized};
use crate::serve::ConnectionInfo;
use crate::urls;

/// The maximum length of a reference, in characters.
const REFERENCE_MAX: usize = 25;

/// The fields of a payment request, as received.
type Fields = BTreeMap<String, String>;

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
    let Some(fields) = form_fields(request).await else {
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
    let Some(fields) = json_fields(request).await else {
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

fn malformed() -> Response<Body> {
    refusal(StatusCode::BAD_REQUEST, MALFORMED)
}

/// Validates a payment request and records the payment.
fn record(
    gateway: &Gateway,
    quirks: &Quirks,
    api: &str,
    base: &str,
    fields: &Fields,
) -> Result<Payment, Refusal> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if !is_token(gateway, field("authorization")) {
        return Err(Refusal::WrongToken);
    }
    for name in ["merchant", "reference", "amount", "currency"] {
        if field(name).is_empty() {
            return Err(Refusal::message(format!("Le champ {name} est obligatoire")));
        }
    }
    if field("merchant") != gateway.merchant {
        return Err(Refusal::message("Marchand inconnu"));
    }
    let (amount, currency) = parse_amount(field("amount"), field("currency"))?;
    if field("reference").chars().count() > REFERENCE_MAX {
        return Err(Refusal::message(format!(
            "La référence dépasse {REFERENCE_MAX} caractères"
        )));
    }
    validate_urls(fields, api == "v1.1", quirks.refuse_private_callbacks)?;
    let checkout_id = random::checkout_id();
    let text = |name: &str| field(name).to_owned();
    let amount_customer = amount.with_fee(currency).format(AmountStyle::Decimal);
    let payment = Payment {
        order_number: random::order_number(),
        checkout_url: format!("{base}/checkout/{checkout_id}"),
        checkout_id,
        merchant: text("merchant"),
        reference: text("reference"),
        amount: text("amount"),
        amount_customer: amount_customer.as_str().unwrap_or_default().to_owned(),
        currency: currency.to_owned(),
        description: text("description"),
        callback_url: text("callback_url"),
        approve_url: text("approve_url"),
        cancel_url: text("cancel_url"),
        decline_url: text("decline_url"),
        home_url: text("home_url"),
        status: PENDING.to_owned(),
        channel: String::new(),
        created_at: SystemTime::now(),
        provider_reference: String::new(),
        api: api.to_owned(),
        deliver_callbacks: gateway.deliver_callbacks,
        checks: 0,
        checks_found: 0,
    };
    gateway
        .record(payment)
        .ok_or_else(|| Refusal::message("Transaction déjà traitée"))
}

/// Compares with the token, with or without `Bearer ` before it.
fn is_token(gateway: &Gateway, authorization: &str) -> bool {
    let token = authorization
        .strip_prefix("Bearer ")
        .unwrap_or(authorization);
    token == gateway.token
}

fn parse_amount<'a>(amount: &str, currency: &'a str) -> Result<(Amount, &'a str), Refusal> {
    if !matches!(currency, "CDF" | "USD") {
        return Err(Refusal::message("Devise non prise en charge"));
    }
    let amount = Amount::parse(amount).ok_or_else(|| Refusal::message("Montant invalide"))?;
    if currency == "CDF" && !amount.is_whole() {
        return Err(Refusal::message(
            "Le montant en CDF doit être un nombre entier de francs",
        ));
    }
    Ok((amount, currency))
}

fn validate_urls(fields: &Fields, required: bool, refuse_private: bool) -> Result<(), Refusal> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    for name in ["callback_url", "approve_url", "cancel_url", "decline_url"] {
        if required && field(name).is_empty() {
            return Err(Refusal::message(format!("Le champ {name} est obligatoire")));
        }
    }
    for name in [
        "callback_url",
        "approve_url",
        "cancel_url",
        "decline_url",
        "home_url",
    ] {
        let is_valid = match name {
            "callback_url" => urls::is_web_address,
            _ => urls::is_return_address,
        };
        if !field(name).is_empty() && !is_valid(field(name)) {
            return Err(Refusal::message(format!(
                "Le champ {name} n'est pas une adresse valide"
            )));
        }
    }
    let callback: Option<Uri> = field("callback_url").parse().ok();
    if refuse_private && callback.is_some_and(|uri| urls::is_private(&uri)) {
        return Err(Refusal::message(
            "Le champ callback_url désigne une adresse locale",
        ));
    }
    Ok(())
}

async fn form_fields(request: Request) -> Option<Fields> {
    match media_type(request.headers()).as_str() {
        "application/x-www-form-urlencoded" => {
            let body = request.into_body().collect().await.ok()?.to_bytes();
            Some(form_urlencoded::parse(&body).into_owned().collect())
        }
        "multipart/form-data" => {
            let mut parts = Multipart::from_request(request, &()).await.ok()?;
            let mut fields = Fields::new();
            while let Some(part) = parts.next_field().await.ok()? {
                let name = part.name()?.to_owned();
                fields.insert(name, part.text().await.ok()?);
            }
            Some(fields)
        }
        _ => None,
    }
}

async fn json_fields(request: Request) -> Option<Fields> {
    if media_type(request.headers()) != "application/json" {
        return None;
    }
    let body = request.into_body().collect().await.ok()?.to_bytes();
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body).ok()?;
    let mut fields = Fields::new();
    for (name, value) in members {
        let text = match value.get() {
            "null" => continue,
            text if text.starts_with('"') => serde_json::from_str(text).ok()?,
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                number.to_owned()
            }
            _ => return None,
        };
        fields.insert(name, text);
    }
    Some(fields)
}

fn media_type(headers: &HeaderMap) -> String {
    let full = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = full.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

impl Refusal {
    fn into_response(self, style: UnauthorizedStyle) -> Response<Body> {
        match self {
            Self::WrongToken => unauthorized(style),
            Self::Message(message) => refusal(StatusCode::OK, &message),
        }
    }
}
