//! Refusals of a payment request, and what contradicts them.

use crate::error::{Error, ErrorCode, Outcome};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::is_success;
use crate::wire::named_order::NamedOrder;
use crate::wire::page::Page;
use crate::wire::printable;
use crate::wire::reply::{Reply, reply_error};

/// The error for a refusal by the reply's code.
pub(crate) fn refused(what: &str, gateway_message: GatewayMessage) -> Error {
    Error::new(
        ErrorCode::Refused,
        Outcome::Refused,
        format!("the gateway refused {what}{}", gateway_message.as_suffix()),
    )
    .with_gateway_message(gateway_message)
}

/// The error for an HTTP status that is not a success. A refusal with a code of success cannot be
/// trusted.
pub(super) fn refused_by_status(what: &str, reply: &Reply) -> Error {
    let refusal = reply.refusal(what);
    match refusal.gateway_code() {
        Some(code) if refusal.outcome() == Outcome::Refused && is_success(code) => {
            reply.contradiction(&refusal)
        }
        _ => refusal,
    }
}

/// Adds the order number in the reply to the error. If a refusal names an order, or an address at
/// which it can be paid, a payment may exist: then the error becomes one with an unknown outcome,
/// so that the request is not repeated.
pub(super) fn with_named_order(
    error: Error,
    reply: &Reply,
    is_payment_address: impl Fn(&str) -> bool,
) -> Error {
    let Ok(body) = &reply.body else {
        return error;
    };
    let NamedOrder {
        order_number,
        addresses,
    } = NamedOrder::find_in(&reply.decode(body), &reply.token);
    let error = match error.outcome() {
        Outcome::Refused if order_number.is_some() => {
            contradictory_refusal(&error, "names an order")
        }
        Outcome::Refused if addresses.iter().any(|address| is_payment_address(address)) => {
            contradictory_refusal(&error, "has an address for the customer")
        }
        _ => error,
    };
    error.with_order_number(order_number)
}

fn contradictory_refusal(refusal: &Error, contradiction: &str) -> Error {
    let message = format!(
        "the reply is a refusal, but it {contradiction}: check first whether there is an order; {}",
        refusal.message()
    );
    let error = reply_error(message).with_gateway_message(GatewayMessage {
        code: refusal.gateway_code().map(str::to_owned),
        message: refusal.gateway_message().map(str::to_owned),
    });
    match refusal.http_status() {
        Some(status) if (200..300).contains(&status) => error.with_status(status).about("code"),
        Some(status) => error.with_status(status),
        None => error,
    }
}

/// The error for a page that is not a payment page. It quotes the title, or the start of the text.
pub(super) fn not_a_payment_page(what: &str, page: &Page) -> Error {
    let name = match page.title.as_str() {
        "" => &page.text,
        title => title,
    };
    reply_error(format!(
        "{what}, not a payment: {:?} (a firewall, a login or maintenance?)",
        printable(name, 80)
    ))
}

/// The gateway's message for a reference that it knows: "Transaction déjà traitée", "Référence
/// dupliquée". Accents are not compared:
/// their charset is unknown.
pub(crate) fn names_duplicate_reference(gateway_message: Option<&str>) -> bool {
    let message = gateway_message.unwrap_or_default().to_lowercase();
    let is_already_processed = message.contains("transaction d") && message.contains(" trait");
    is_already_processed || message.contains("dupliqu")
}

pub(crate) fn is_duplicate_reference(error: &Error) -> bool {
    error.code() == ErrorCode::Refused && names_duplicate_reference(error.gateway_message())
}
