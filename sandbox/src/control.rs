//! The control API under `/sandbox/api/`: the operations of `Sandbox` over HTTP, in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::balance::Balance;
use crate::callbacks::{CallbackRecord, Delivery};
use crate::dashboard::translations::Language;
use crate::deliver;
use crate::error::Error;
use crate::faults::Fault;
use crate::gateway::Gateway;
use crate::journal::{ConnectionRecord, RequestRecord};
use crate::payment::{Decision, Payment};
use crate::phone::Phone;
use crate::quirks::Quirks;

type Shared = State<Arc<Gateway>>;
type Body<T> = Result<Json<T>, JsonRejection>;

pub(crate) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/payments", get(payments))
        .route("/payments/{order}", get(payment))
        .route("/payments/{order}/decide", post(decide))
        .route("/payments/{order}/deliver", post(deliver))
        .route(
            "/payments/{order}/deliver_callbacks",
            put(set_deliver_callbacks),
        )
        .route("/balance", get(balance).patch(change_balance))
        .route("/wallets", get(wallets))
        .route("/wallets/{phone}", get(wallet).patch(change_wallet))
        .route("/callbacks", get(all_callbacks))
        .route("/requests", get(requests))
        .route("/connections", get(connections))
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/quirks", get(quirks).patch(change_quirks))
        .route("/clear", post(clear))
}

/// A control call with an example, for the documentation page.
pub(crate) struct Call {
    method: &'static str,
    path: &'static str,
    body: &'static str,
    english: &'static str,
    french: &'static str,
}

impl Call {
    /// The description.
    pub(crate) fn about(&self, language: Language) -> &'static str {
        match language {
            Language::French => self.french,
            Language::English => self.english,
        }
    }

    /// The call as a curl command.
    pub(crate) fn curl(&self, base: &str) -> String {
        let method = match (self.method, self.body) {
            ("GET", "") => String::new(),
            ("POST", body) if !body.is_empty() => String::new(),
            (method, _) => format!("-X {method} "),
        };
        let body = match self.body {
            "" => String::new(),
            body => format!(" -H 'Content-Type: application/json' -d '{body}'"),
        };
        format!("curl {method}{base}/sandbox/api{}{body}", self.path)
    }
}

/// Every control call, with an example. ORDER stands for an order number.
pub(crate) const CALLS: [Call; 23] = [
    Call {
        method: "GET",
        path: "/payments",
        body: "",
        english: "All payments",
        french: "Tous les paiements",
    },
    Call {
        method: "GET",
        path: "/payments/ORDER",
        body: "",
        english: "One payment",
        french: "Un paiement",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/decide",
        body: r#"{"decision":"approve"}"#,
        english: "Decide a payment and post its callback",
        french: "Décide un paiement, et envoie son rappel",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/decide",
        body: r#"{"decision":"expire"}"#,
        english: "Let a push expire and post its callback",
        french: "Laisse expirer une demande de confirmation, et envoie le rappel",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/decide",
        body: r#"{"decision":{"status":"7"},"callback":false}"#,
        english: "Give a payment an undocumented status, without posting a callback",
        french: "Lui donne un statut non documenté, et n'envoie rien",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/deliver",
        body: "{}",
        english: "Post the true callback again, after the payment is decided",
        french: "Renvoie le vrai rappel, une fois le paiement décidé",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/deliver",
        body: r#"{"set":{"code":"0"},"times":2,"after_ms":50}"#,
        english: "Post a forged callback twice, after 50 ms",
        french: "Envoie un faux rappel, deux fois, plus tard",
    },
    Call {
        method: "PUT",
        path: "/payments/ORDER/deliver_callbacks",
        body: r#"{"deliver":false}"#,
        english: "Stop posting callbacks automatically for this payment",
        french: "Désormais ses décisions n'envoient rien d'elles-mêmes",
    },
    Call {
        method: "GET",
        path: "/balance",
        body: "",
        english: "The merchant's balance",
        french: "Le solde du marchand",
    },
    Call {
        method: "PATCH",
        path: "/balance",
        body: r#"{"cdf":"25000"}"#,
        english: "Set the merchant's balance in one currency",
        french: "Fixe le solde du marchand dans une monnaie",
    },
    Call {
        method: "GET",
        path: "/wallets",
        body: "",
        english: "Every wallet that was used or set",
        french: "Les portefeuilles utilisés ou fixés",
    },
    Call {
        method: "GET",
        path: "/wallets/243812345678",
        body: "",
        english: "The wallet of a phone",
        french: "Le portefeuille d'un téléphone",
    },
    Call {
        method: "PATCH",
        path: "/wallets/243812345678",
        body: r#"{"cdf":"0","usd":"12.50"}"#,
        english: "Set the wallet of a phone",
        french: "Fixe le portefeuille d'un téléphone",
    },
    Call {
        method: "GET",
        path: "/callbacks?order=ORDER",
        body: "",
        english: "Callbacks posted about a payment, with the replies",
        french: "Ce qui a été envoyé à son sujet, et les réponses",
    },
    Call {
        method: "GET",
        path: "/requests",
        body: "",
        english: "Requests received, including incomplete ones",
        french: "Ce qui a été reçu, requêtes coupées comprises",
    },
    Call {
        method: "GET",
        path: "/connections",
        body: "",
        english: "Connections",
        french: "Les connexions",
    },
    Call {
        method: "POST",
        path: "/faults",
        body: r#"{"on":"pay","action":{"kind":"html","status":502}}"#,
        english: "Reply to the next card payment request with 502",
        french: "La prochaine demande de paiement par carte reçoit 502",
    },
    Call {
        method: "GET",
        path: "/faults",
        body: "",
        english: "Queued faults",
        french: "Les fautes en attente",
    },
    Call {
        method: "DELETE",
        path: "/faults",
        body: "",
        english: "Delete the queued faults",
        french: "Oublie les fautes",
    },
    Call {
        method: "GET",
        path: "/quirks",
        body: "",
        english: "Current quirks",
        french: "Les particularités actuelles",
    },
    Call {
        method: "PATCH",
        path: "/quirks",
        body: r#"{"stray_comma":true}"#,
        english: "Change one quirk",
        french: "Change une particularité",
    },
    Call {
        method: "PATCH",
        path: "/quirks",
        body: r#"{"hold_payouts":true}"#,
        english: "Keep payouts pending until they are decided",
        french: "Laisse les versements en attente jusqu'à une décision",
    },
    Call {
        method: "POST",
        path: "/clear",
        body: "",
        english: "Delete everything except the quirks",
        french: "Efface tout, sauf les particularités",
    },
];

/// An error reply: `{"error":"…"}`.
struct ErrorReply(StatusCode, String);

impl IntoResponse for ErrorReply {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<Error> for ErrorReply {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::NoSuchPayment(_) => StatusCode::NOT_FOUND,
            Error::NoCallbackAddress(_) | Error::NotDecided(_) => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

impl From<JsonRejection> for ErrorReply {
    fn from(rejection: JsonRejection) -> Self {
        Self(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

async fn payments(State(gateway): Shared) -> Json<Vec<Payment>> {
    Json(gateway.payments())
}

async fn payment(
    State(gateway): Shared,
    Path(order): Path<String>,
) -> Result<Json<Payment>, ErrorReply> {
    let payment = gateway.payment(&order);
    Ok(Json(payment.ok_or(Error::NoSuchPayment(order))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    decision: Decision,
    #[serde(default = "default_true")]
    callback: bool,
}

fn default_true() -> bool {
    true
}

async fn decide(
    State(gateway): Shared,
    Path(order): Path<String>,
    body: Body<Decide>,
) -> Result<Json<Payment>, ErrorReply> {
    let Json(Decide { decision, callback }) = body?;
    let payment = gateway.decide(&order, &decision)?;
    if callback {
        deliver::deliver_decision(&gateway, &payment, &decision);
    }
    Ok(Json(payment))
}

async fn deliver(
    State(gateway): Shared,
    Path(order): Path<String>,
    body: Body<Delivery>,
) -> Result<StatusCode, ErrorReply> {
    deliver::deliver(&gateway, &order, body?.0)?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetDeliverCallbacks {
    deliver: bool,
}

async fn set_deliver_callbacks(
    State(gateway): Shared,
    Path(order): Path<String>,
    body: Body<SetDeliverCallbacks>,
) -> Result<StatusCode, ErrorReply> {
    gateway.set_deliver_callbacks(&order, body?.deliver)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct CallbackFilter {
    order: Option<String>,
}

async fn all_callbacks(
    State(gateway): Shared,
    Query(filter): Query<CallbackFilter>,
) -> Json<Vec<CallbackRecord>> {
    let mut all = gateway.callbacks.all();
    if let Some(order) = filter.order {
        all.retain(|callback| callback.order_number == order);
    }
    Json(all)
}

async fn requests(State(gateway): Shared) -> Json<Vec<RequestRecord>> {
    Json(gateway.journal.requests())
}

async fn connections(State(gateway): Shared) -> Json<Vec<ConnectionRecord>> {
    Json(gateway.journal.connections())
}

async fn faults(State(gateway): Shared) -> Json<Vec<Fault>> {
    Json(gateway.faults.queued())
}

async fn inject(State(gateway): Shared, body: Body<Fault>) -> Result<StatusCode, ErrorReply> {
    gateway.faults.inject(body?.0)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(gateway): Shared) -> StatusCode {
    gateway.faults.clear();
    StatusCode::NO_CONTENT
}

async fn quirks(State(gateway): Shared) -> Json<Quirks> {
    Json(gateway.quirks())
}

/// Changes the given quirks and keeps the others.
async fn change_quirks(
    State(gateway): Shared,
    body: Body<Map<String, Value>>,
) -> Result<Json<Quirks>, ErrorReply> {
    let quirks = changed(&gateway.quirks(), body?.0)?;
    gateway.set_quirks(quirks.clone());
    Ok(Json(quirks))
}

async fn balance(State(gateway): Shared) -> Json<Balance> {
    Json(gateway.balance())
}

/// Changes the given currencies of the merchant's balance and keeps the others.
async fn change_balance(
    State(gateway): Shared,
    body: Body<Map<String, Value>>,
) -> Result<Json<Balance>, ErrorReply> {
    let balance = changed(&gateway.balance(), body?.0)?;
    gateway.set_balance(balance);
    Ok(Json(balance))
}

/// The wallets that were used or set, by phone number.
async fn wallets(State(gateway): Shared) -> Json<BTreeMap<String, Balance>> {
    Json(gateway.wallets())
}

async fn wallet(
    State(gateway): Shared,
    Path(phone): Path<String>,
) -> Result<Json<Balance>, ErrorReply> {
    let phone = Phone::parse(&phone).ok_or_else(|| Error::NotAPhone(phone.clone()))?;
    Ok(Json(gateway.wallet(phone)))
}

/// Changes the given currencies of a wallet and keeps the others.
async fn change_wallet(
    State(gateway): Shared,
    Path(phone): Path<String>,
    body: Body<Map<String, Value>>,
) -> Result<Json<Balance>, ErrorReply> {
    let phone = Phone::parse(&phone).ok_or_else(|| Error::NotAPhone(phone.clone()))?;
    let wallet = changed(&gateway.wallet(phone), body?.0)?;
    gateway.set_wallet(phone, wallet);
    Ok(Json(wallet))
}

/// `current` with some members replaced.
fn changed<T: Serialize + DeserializeOwned>(
    current: &T,
    members: Map<String, Value>,
) -> Result<T, ErrorReply> {
    let bad_request =
        |error: serde_json::Error| ErrorReply(StatusCode::BAD_REQUEST, error.to_string());
    let mut value = serde_json::to_value(current).map_err(bad_request)?;
    if let Some(old) = value.as_object_mut() {
        old.extend(members);
    }
    serde_json::from_value(value).map_err(bad_request)
}

async fn clear(State(gateway): Shared) -> StatusCode {
    gateway.clear();
    StatusCode::NO_CONTENT
}
