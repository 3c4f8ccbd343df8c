//! How the gateway says no.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::habits::UnauthorizedStyle;
use crate::json::Object;

/// Why a payment request was refused.
pub(crate) enum Refusal {
    /// Its token is not the merchant's.
    Token,
    /// Anything else, in the gateway's words.
    Because(String),
}

impl Refusal {
    pub(crate) fn because(words: impl Into<String>) -> Self {
        Self::Because(words.into())
    }
}

/// `{"code":"1","message":"…"}`
pub(crate) fn refusal(words: &str) -> Object {
    Object::new().with("code", "1").with("message", words)
}

/// The answer to a wrong token.
pub(crate) fn unauthorized(style: UnauthorizedStyle) -> Response<Body> {
    let body = match style {
        UnauthorizedStyle::Status => Object::new()
            .with("status", 401)
            .with("error", "Unauthorized")
            .with("message", "Jeton d'autorisation invalide"),
        UnauthorizedStyle::Code => refusal("Unauthorized"),
    };
    json(StatusCode::UNAUTHORIZED, &body)
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &Object) -> Response<Body> {
    json_text(status, body.text())
}

/// An answer that says it is JSON.
pub(crate) fn json_text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    response
}
