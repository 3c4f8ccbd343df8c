//! An examination of a service: is it reachable, and is it a payment service?

use crate::config::{Api, Config};
use crate::kind::Kind;
use crate::transport::Body;

/// The reply of a service to an empty request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The HTTP status of the reply. A payment service answers with 200, 400, 401, 403 or 422.
    pub http_status: u16,
    /// The trace of the call: see [`Config::trace`](crate::Config::trace).
    pub trace: Option<String>,
}

/// An empty request to a service. Nothing can take it for a payment: it has no amount, no reference and no
/// token.
pub(crate) fn empty_request(kind: Kind, config: &Config) -> (&str, Body) {
    let body = |text: &str, content_type| Body {
        text: text.to_owned(),
        content_type,
        token: None,
    };
    let body = match (kind, config.api) {
        (Kind::Card, Api::V1) => body("", "application/x-www-form-urlencoded"),
        _ => body("{}", "application/json"),
    };
    (config.service(kind).url, body)
}
