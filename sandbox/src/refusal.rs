//! How the gateway says no.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::json::Object;
use crate::quirks::UnauthorizedStyle;

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

/// The words about a body that cannot be read.
pub(crate) const MALFORMED: &str = "Requête mal formée";

/// The gateway's words, beside a response that refuses a request: the journal keeps them.
#[derive(Clone)]
pub(crate) struct Refused(pub(crate) String);

/// `{"code":"1","message":"…"}`
pub(crate) fn refusal(status: StatusCode, words: &str) -> Response<Body> {
    let body = Object::new().with("code", "1").with("message", words);
    refused(json(status, &body), words)
}

/// The answer to a wrong token.
pub(crate) fn unauthorized(style: UnauthorizedStyle) -> Response<Body> {
    const WORDS: &str = "Jeton d'autorisation invalide";
    match style {
        UnauthorizedStyle::Status => {
            let body = Object::new()
                .with("status", 401)
                .with("error", "Unauthorized")
                .with("message", WORDS);
            refused(json(StatusCode::UNAUTHORIZED, &body), WORDS)
        }
        UnauthorizedStyle::Code => refusal(StatusCode::UNAUTHORIZED, "Unauthorized"),
    }
}

fn refused(mut response: Response<Body>, words: &str) -> Response<Body> {
    response.extensions_mut().insert(Refused(words.to_owned()));
    response
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
