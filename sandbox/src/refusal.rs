//! How the gateway refuses a request.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::json::Object;
use crate::quirks::UnauthorizedStyle;

/// Why a request for money was refused.
pub(crate) enum Refusal {
    /// The token is not the merchant's.
    WrongToken,
    /// Any other reason, with the gateway's message.
    Message(String),
}

impl Refusal {
    pub(crate) fn message(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }

    pub(crate) fn into_response(self, style: UnauthorizedStyle) -> Response<Body> {
        match self {
            Self::WrongToken => unauthorized(style),
            Self::Message(message) => refusal(StatusCode::OK, &message),
        }
    }
}

/// The message for a body that cannot be parsed.
pub(crate) const MALFORMED: &str = "Requête mal formée";

/// The reply to a body that cannot be parsed.
pub(crate) fn malformed() -> Response<Body> {
    refusal(StatusCode::BAD_REQUEST, MALFORMED)
}

/// The gateway's message, attached to a response that refuses a request. The journal records it.
#[derive(Clone)]
pub(crate) struct RefusalMessage(pub(crate) String);

/// `{"code":"1","message":"…"}`
fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let body = Object::new().with("code", "1").with("message", message);
    with_refusal(json(status, &body), message)
}

/// The reply to a wrong token.
pub(crate) fn unauthorized(style: UnauthorizedStyle) -> Response<Body> {
    const MESSAGE: &str = "Jeton d'autorisation invalide";
    match style {
        UnauthorizedStyle::Status => {
            let body = Object::new()
                .with("status", 401)
                .with("error", "Unauthorized")
                .with("message", MESSAGE);
            with_refusal(json(StatusCode::UNAUTHORIZED, &body), MESSAGE)
        }
        UnauthorizedStyle::Code => refusal(StatusCode::UNAUTHORIZED, "Unauthorized"),
    }
}

fn with_refusal(mut response: Response<Body>, message: &str) -> Response<Body> {
    response
        .extensions_mut()
        .insert(RefusalMessage(message.to_owned()));
    response
}

/// A JSON reply.
pub(crate) fn json(status: StatusCode, body: &Object) -> Response<Body> {
    json_text(status, body.text())
}

/// A reply with the JSON content type.
pub(crate) fn json_text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    response
}
