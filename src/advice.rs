//! What to do next, at the end of an error's message: people read the message before the manual.

use crate::callback::Expected;
use crate::config::{Api, Config};
use crate::error::{Error, ErrorCode, Outcome};
use crate::payment::PaymentRequest;
use crate::wire::printable;

/// The error of a payment request.
pub(crate) fn after_pay(error: Error, request: &PaymentRequest, config: &Config) -> Error {
    match error.outcome() {
        Outcome::Unknown => {
            let advice = match error.order_number() {
                Some(order_number) => ask_about(order_number),
                None => look_for(&request.reference),
            };
            error.add(&advice)
        }
        Outcome::Refused if is_used_before(&error) => error.add(&format!(
            "the reference {:?} was used before: find out what became of that payment, and take a \
             new one for another",
            printable(&request.reference, 60)
        )),
        Outcome::Refused => look_at_pay_url(error, config),
        Outcome::NotSent => error,
    }
}

/// The error of a question about an order.
pub(crate) fn after_check(error: Error, order_number: &str, config: &Config) -> Error {
    match error.outcome() {
        Outcome::Unknown => error.add(&ask_about(order_number)),
        Outcome::Refused if error.code() == ErrorCode::Refused && is_no_such_address(&error) => {
            let address = printable(config.check_url(), 200);
            error.add(&format!("check check_url: {address} was asked"))
        }
        _ => error,
    }
}

/// The error of a wait for an order.
pub(crate) fn after_wait(error: Error, order_number: &str, expected: Option<&Expected>) -> Error {
    match (error.outcome(), error.code(), expected) {
        // It is another payment's order number, so to ask about it again is of no use.
        (Outcome::Unknown, ErrorCode::Mismatch, Some(expected)) => {
            error.add(&look_for(&expected.reference))
        }
        (Outcome::Unknown, _, _) => error.add(&ask_about(order_number)),
        _ => error,
    }
}

fn ask_about(order_number: &str) -> String {
    format!(
        "do not pay again: check the order number {:?} first",
        printable(order_number, 60)
    )
}

fn look_for(reference: &str) -> String {
    format!(
        "do not pay again: wait for the callback, or look for the reference {:?} in FlexPay's \
         merchant console first",
        printable(reference, 60)
    )
}

fn look_at_pay_url(error: Error, config: &Config) -> Error {
    let address = printable(config.pay_url(), 200);
    if is_malformed(&error) {
        let (asked, own, other) = match config.api {
            Api::V1 => ("a form (api v1)", "v1", "v1.1"),
            Api::V1_1 => ("JSON (api v1.1)", "v1.1", "v1"),
        };
        error.add(&format!(
            "check pay_url: {address} got {asked}; this address may be for the other form (api): set \
             api to {other}, or give the address for {own}"
        ))
    } else if error.code() == ErrorCode::Refused && is_no_such_address(&error) {
        error.add(&format!("check pay_url: {address} was asked"))
    } else {
        error
    }
}

/// The gateway's words about a reference that it knows: "Transaction déjà traitée", "Référence
/// dupliquée". Without the accents, as below.
fn is_used_before(error: &Error) -> bool {
    let words = error.gateway_message().unwrap_or_default().to_lowercase();
    let says_so = words.contains("transaction d") && words.contains(" trait");
    error.code() == ErrorCode::Refused && (says_so || words.contains("dupliqu"))
}

/// The gateway's words about a body that it cannot read: "Requête mal formée". Without the accents,
/// which may come in any charset.
fn is_malformed(error: &Error) -> bool {
    let words = error.gateway_message().unwrap_or_default();
    error.code() == ErrorCode::Refused && words.to_lowercase().contains("mal form")
}

/// The HTTP statuses of a server that has nothing at an address, or nothing that takes a question.
fn is_no_such_address(error: &Error) -> bool {
    matches!(error.http_status(), Some(404 | 405))
}
