//! The control addresses under `/sandbox/api/`: what `Sandbox` does, over HTTP and in JSON.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::callbacks::{CallbackRecord, Delivery};
use crate::dashboard::words::Language;
use crate::deliver;
use crate::error::Error;
use crate::faults::Fault;
use crate::gateway::Gateway;
use crate::journal::{ConnectionRecord, RequestRecord};
use crate::payment::{Decision, Payment};
use crate::quirks::Quirks;

type Shared = State<Arc<Gateway>>;
type Body<T> = Result<Json<T>, JsonRejection>;

pub(crate) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/payments", get(payments))
        .route("/payments/{order}", get(payment))
        .route("/payments/{order}/decide", post(decide))
        .route("/payments/{order}/deliver", post(deliver))
        .route("/payments/{order}/deliver_callbacks", put(switch))
        .route("/callbacks", get(all_callbacks))
        .route("/requests", get(requests))
        .route("/connections", get(connections))
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/quirks", get(quirks).patch(change_quirks))
        .route("/clear", post(clear))
}

/// A control call, for those who read about it.
pub(crate) struct Call {
    method: &'static str,
    path: &'static str,
    body: &'static str,
    english: &'static str,
    french: &'static str,
}

impl Call {
    /// What it does.
    pub(crate) fn about(&self, language: Language) -> &'static str {
        match language {
            Language::French => self.french,
            Language::English => self.english,
        }
    }

    /// The call as curl makes it.
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
pub(crate) const CALLS: [Call; 16] = [
    Call {
        method: "GET",
        path: "/payments",
        body: "",
        english: "Every payment",
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
        english: "Decides a payment, and posts its callback",
        french: "Décide un paiement, et envoie son rappel",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/decide",
        body: r#"{"decision":{"status":"7"},"callback":false}"#,
        english: "Gives it a status that nobody documented, and posts nothing",
        french: "Lui donne un statut non documenté, et n'envoie rien",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/deliver",
        body: "{}",
        english: "Posts the true callback again, once the payment is decided",
        french: "Renvoie le vrai rappel, une fois le paiement décidé",
    },
    Call {
        method: "POST",
        path: "/payments/ORDER/deliver",
        body: r#"{"set":{"code":"0"},"times":2,"after_ms":50}"#,
        english: "Posts a forged callback, twice, later",
        french: "Envoie un faux rappel, deux fois, plus tard",
    },
    Call {
        method: "PUT",
        path: "/payments/ORDER/deliver_callbacks",
        body: r#"{"deliver":false}"#,
        english: "From now on its decisions post nothing by themselves",
        french: "Désormais ses décisions n'envoient rien d'elles-mêmes",
    },
    Call {
        method: "GET",
        path: "/callbacks?order=ORDER",
        body: "",
        english: "What was posted about it, and what came back",
        french: "Ce qui a été envoyé à son sujet, et les réponses",
    },
    Call {
        method: "GET",
        path: "/requests",
        body: "",
        english: "What was received, cut-off requests among it",
        french: "Ce qui a été reçu, requêtes coupées comprises",
    },
    Call {
        method: "GET",
        path: "/connections",
        body: "",
        english: "The connections",
        french: "Les connexions",
    },
    Call {
        method: "POST",
        path: "/faults",
        body: r#"{"on":"pay","action":{"kind":"html","status":502}}"#,
        english: "The next payment request is answered with 502",
        french: "La prochaine demande de paiement reçoit 502",
    },
    Call {
        method: "GET",
        path: "/faults",
        body: "",
        english: "The faults that wait",
        french: "Les fautes en attente",
    },
    Call {
        method: "DELETE",
        path: "/faults",
        body: "",
        english: "Forgets the faults",
        french: "Oublie les fautes",
    },
    Call {
        method: "GET",
        path: "/quirks",
        body: "",
        english: "How replies are worded",
        french: "La forme des réponses",
    },
    Call {
        method: "PATCH",
        path: "/quirks",
        body: r#"{"stray_comma":true}"#,
        english: "Changes one quirk",
        french: "Change une quirkude",
    },
    Call {
        method: "POST",
        path: "/clear",
        body: "",
        english: "Forgets everything but the quirks",
        french: "Oublie tout, sauf les quirkudes",
    },
];

/// What went wrong, as `{"error":"…"}`.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::NoSuchPayment(_) => StatusCode::NOT_FOUND,
            Error::NoCallbackAddress(_) | Error::NotDecided(_) => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

impl From<JsonRejection> for Failure {
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
) -> Result<Json<Payment>, Failure> {
    let payment = gateway.payment(&order);
    Ok(Json(payment.ok_or(Error::NoSuchPayment(order))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    decision: Decision,
    #[serde(default = "yes")]
    callback: bool,
}

fn yes() -> bool {
    true
}

async fn decide(
    State(gateway): Shared,
    Path(order): Path<String>,
    body: Body<Decide>,
) -> Result<Json<Payment>, Failure> {
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
) -> Result<StatusCode, Failure> {
    deliver::deliver(&gateway, &order, body?.0)?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    deliver: bool,
}

async fn switch(
    State(gateway): Shared,
    Path(order): Path<String>,
    body: Body<Switch>,
) -> Result<StatusCode, Failure> {
    gateway.set_deliver_callbacks(&order, body?.deliver)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Which {
    order: Option<String>,
}

async fn all_callbacks(
    State(gateway): Shared,
    Query(which): Query<Which>,
) -> Json<Vec<CallbackRecord>> {
    let mut all = gateway.callbacks.all();
    if let Some(order) = which.order {
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
    Json(gateway.faults.waiting())
}

async fn inject(State(gateway): Shared, body: Body<Fault>) -> Result<StatusCode, Failure> {
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

/// Changes the quirks that are named and leaves the others.
async fn change_quirks(
    State(gateway): Shared,
    body: Body<Map<String, Value>>,
) -> Result<Json<Quirks>, Failure> {
    let wrong = |error: serde_json::Error| Failure(StatusCode::BAD_REQUEST, error.to_string());
    let mut quirks = serde_json::to_value(gateway.quirks()).map_err(wrong)?;
    if let Some(known) = quirks.as_object_mut() {
        known.extend(body?.0);
    }
    let quirks: Quirks = serde_json::from_value(quirks).map_err(wrong)?;
    gateway.set_quirks(quirks.clone());
    Ok(Json(quirks))
}

async fn clear(State(gateway): Shared) -> StatusCode {
    gateway.clear();
    StatusCode::NO_CONTENT
}
