//! Adds what to do next to an error's message: users read the message before the documentation.

use crate::callback::Expected;
use crate::config::{Api, Service};
use crate::error::{Error, ErrorCode, Outcome};
use crate::kind::Kind;
use crate::payment::is_duplicate_reference;
use crate::wire::printable;

/// Adds advice to the error of a payment request or a payout.
pub(crate) fn after_request(
    error: Error,
    service: Service<'_>,
    reference: &str,
    api: Api,
) -> Error {
    match error.outcome() {
        Outcome::Unknown => {
            let advice = match error.order_number() {
                Some(order_number) => check_advice(service.kind, order_number),
                None => search_advice(service.kind, reference),
            };
            error.append(&advice)
        }
        Outcome::Refused if is_duplicate_reference(&error) => error.append(&format!(
            "the reference {:?} was used before: check the state of that payment, and use a new \
             reference for another payment",
            printable(reference, 60)
        )),
        Outcome::Refused if service.kind == Kind::Card && is_malformed(&error) => {
            error.append(&other_api_advice(service, api))
        }
        Outcome::Refused => with_url_advice(error, service.url_setting, service.url),
        Outcome::NotSent => error,
    }
}

/// Adds advice to the error of a check.
pub(crate) fn after_check(error: Error, kind: Kind, order_number: &str, check_url: &str) -> Error {
    match error.outcome() {
        Outcome::Unknown => error.append(&check_advice(kind, order_number)),
        Outcome::Refused => with_url_advice(error, "check_url", check_url),
        Outcome::NotSent => error,
    }
}

/// Adds advice to the error of a wait.
pub(crate) fn after_wait(error: Error, order_number: &str, expected: Option<&Expected>) -> Error {
    match (error.outcome(), error.code(), expected) {
        // The order number belongs to another payment, so another check does not help.
        (Outcome::Unknown, ErrorCode::Mismatch, Some(expected)) => {
            error.append(&search_advice(expected.kind, &expected.reference))
        }
        (Outcome::Unknown, _, expected) => {
            let kind = expected.map_or(Kind::default(), |expected| expected.kind);
            error.append(&check_advice(kind, order_number))
        }
        _ => error,
    }
}

fn check_advice(kind: Kind, order_number: &str) -> String {
    format!(
        "{}: check the order number {:?} first",
        do_not_repeat(kind),
        printable(order_number, 60)
    )
}

fn search_advice(kind: Kind, reference: &str) -> String {
    format!(
        "{}: wait for the callback, or look for the reference {:?} in FlexPay's merchant console first",
        do_not_repeat(kind),
        printable(reference, 60)
    )
}

fn do_not_repeat(kind: Kind) -> &'static str {
    match kind {
        Kind::Card | Kind::Mobile => "do not pay again",
        Kind::Payout => "do not repeat the payout",
    }
}

fn with_url_advice(error: Error, setting: &str, url: &str) -> Error {
    if error.code() != ErrorCode::Refused || !is_wrong_url(&error) {
        return error;
    }
    error.append(&format!(
        "check the setting {setting}: the request went to {}",
        printable(url, 200)
    ))
}

fn other_api_advice(service: Service<'_>, api: Api) -> String {
    let (asked, own, other) = match api {
        Api::V1 => ("a form (api v1)", "v1", "v1.1"),
        Api::V1_1 => ("JSON (api v1.1)", "v1.1", "v1"),
    };
    format!(
        "check the setting {}: {} received {asked}; this address may be for the other version (api): set \
         api to {other}, or give the address for {own}",
        service.url_setting,
        printable(service.url, 200)
    )
}

/// The gateway's message for a body that it cannot read: "Requête mal formée". Accents are not
/// compared: their charset is unknown.
fn is_malformed(error: &Error) -> bool {
    let message = error.gateway_message().unwrap_or_default();
    error.code() == ErrorCode::Refused && message.to_lowercase().contains("mal form")
}

/// The HTTP statuses of a server that has no such service at this URL.
fn is_wrong_url(error: &Error) -> bool {
    matches!(error.http_status(), Some(404 | 405))
}
