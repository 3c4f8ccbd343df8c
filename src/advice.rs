//! Adds what to do next to an error's message: users read the message before the documentation.

use crate::callback::Expected;
use crate::config::{Api, Config};
use crate::error::{Error, ErrorCode, Outcome};
use crate::kind::Kind;
use crate::wire::printable;

/// Adds advice to the error of a payment request or a payout.
pub(crate) fn after_request(error: Error, kind: Kind, reference: &str, config: &Config) -> Error {
    match error.outcome() {
        Outcome::Unknown => {
            let advice = match error.order_number() {
                Some(order_number) => check_advice(kind, order_number),
                None => search_advice(kind, reference),
            };
            error.append(&advice)
        }
        Outcome::Refused if is_duplicate_reference(&error) => error.append(&format!(
            "the reference {:?} was used before: check the state of that {name}, and use a new \
             reference for another {name}",
            printable(reference, 60),
            name = name(kind),
        )),
        Outcome::Refused => match kind {
            Kind::Card => with_pay_url_advice(error, config),
            Kind::Mobile => with_url_advice(error, "mobile_url", config.mobile_url()),
            Kind::Payout => with_url_advice(error, "payout_url", config.payout_url()),
        },
        Outcome::NotSent => error,
    }
}

/// Adds advice to the error of a check.
pub(crate) fn after_check(error: Error, order_number: &str, config: &Config) -> Error {
    match error.outcome() {
        Outcome::Unknown => error.append(&check_advice(Kind::Card, order_number)),
        Outcome::Refused => with_url_advice(error, "check_url", config.check_url()),
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

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Card | Kind::Mobile => "payment",
        Kind::Payout => "payout",
    }
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

fn with_pay_url_advice(error: Error, config: &Config) -> Error {
    if is_malformed(&error) {
        let address = printable(config.pay_url(), 200);
        let (asked, own, other) = match config.api {
            Api::V1 => ("a form (api v1)", "v1", "v1.1"),
            Api::V1_1 => ("JSON (api v1.1)", "v1.1", "v1"),
        };
        error.append(&format!(
            "check the setting pay_url: {address} received {asked}; this address may be for the other version (api): set \
             api to {other}, or give the address for {own}"
        ))
    } else {
        with_url_advice(error, "pay_url", config.pay_url())
    }
}

/// The gateway's message for a reference that it knows: "Transaction déjà traitée", "Référence
/// dupliquée". Accents are not compared, as below.
fn is_duplicate_reference(error: &Error) -> bool {
    let message = error.gateway_message().unwrap_or_default().to_lowercase();
    let is_already_processed = message.contains("transaction d") && message.contains(" trait");
    error.code() == ErrorCode::Refused && (is_already_processed || message.contains("dupliqu"))
}

/// The gateway's message for a body that it cannot read: "Requête mal formée". Accents are not compared:
/// their charset is unknown.
fn is_malformed(error: &Error) -> bool {
    let message = error.gateway_message().unwrap_or_default();
    error.code() == ErrorCode::Refused && message.to_lowercase().contains("mal form")
}

/// The HTTP statuses of a server that has no such service at this URL.
fn is_wrong_url(error: &Error) -> bool {
    matches!(error.http_status(), Some(404 | 405))
}
