//! A till: requests a payment by card, or by mobile money if a phone number is given, and waits for the
//! outcome.
//!
//! ```console
//! $ cargo run --example till ZANDO-2041 25.50 USD
//! $ cargo run --example till ZANDO-2042 57500 CDF "081 234 56 78"
//! ```
//!
//! Environment: `FLEXPAY_MERCHANT`, `FLEXPAY_TOKEN`, and `FLEXPAY_API=v1.1`, whose replies contain the
//! order number that a wait for a card requires.
//!
//! Exit status: 0 paid; 1 not paid; 2 unknown: the customer may have paid, or may still pay.

use std::process::ExitCode;
use std::time::Duration;

use flexpay::{
    Client, Error, ErrorCode, Expected, Kind, MobileRequest, Outcome, Payment, PaymentRequest,
    State, Transaction, WaitOptions, normalize_phone,
};

const NOT_PAID: u8 = 1;
const UNKNOWN: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (sale, phone) = match arguments.as_slice() {
        [reference, amount, currency] => (sale(reference, amount, currency), None),
        [reference, amount, currency, phone] => (sale(reference, amount, currency), Some(phone)),
        _ => {
            eprintln!("usage: till REFERENCE AMOUNT CURRENCY [PHONE]");
            return ExitCode::from(NOT_PAID);
        }
    };
    let requested = Client::from_env().and_then(|client| {
        let payment = match phone {
            None => request_by_card(&client, &sale)?,
            Some(phone) => request_by_phone(&client, &sale, phone)?,
        };
        Ok((client, payment))
    });
    let (client, payment) = match requested {
        Ok(requested) => requested,
        Err(error) => return explain_request(&error),
    };
    let Some(order_number) = payment.order_number else {
        println!("There is no order number (FLEXPAY_API=v1.1 returns one): wait for the callback.");
        return ExitCode::from(UNKNOWN);
    };
    let options = WaitOptions {
        timeout: Duration::from_secs(300),
        // Accept no other payment. The pauses between the checks are those of its kind.
        expected: Some(Expected {
            order_number: Some(order_number.clone()),
            kind: match phone {
                None => Kind::Card,
                Some(_) => Kind::Mobile,
            },
            ..sale
        }),
        ..WaitOptions::default()
    };
    match client.wait(&order_number, &options) {
        Ok(transaction) => conclude(&transaction),
        // The payment request was accepted: an error of the wait does not mean "not paid".
        Err(error) => {
            eprintln!("{error}");
            explain_unknown()
        }
    }
}

/// What the customer is asked to pay: here from the arguments of the program.
fn sale(reference: &str, amount: &str, currency: &str) -> Expected {
    Expected {
        reference: reference.into(),
        amount: amount.into(),
        currency: currency.into(),
        ..Expected::default()
    }
}

/// Requests the payment, and shows the address of the card page.
fn request_by_card(client: &Client, sale: &Expected) -> flexpay::Result<Payment> {
    let payment = client.pay(&PaymentRequest {
        reference: sale.reference.clone(),
        amount: sale.amount.clone(),
        currency: sale.currency.clone(),
        description: Some("Achat en boutique".into()),
        callback_url: Some("https://boutique.example/flexpay/callback".into()),
        approve_url: Some("https://boutique.example/merci".into()),
        cancel_url: Some("https://boutique.example/annule".into()),
        decline_url: Some("https://boutique.example/refuse".into()),
        ..PaymentRequest::default()
    })?;
    show_card_page(&payment);
    Ok(payment)
}

/// Requests the payment. There is no page: the customer confirms on the phone.
fn request_by_phone(client: &Client, sale: &Expected, typed: &str) -> flexpay::Result<Payment> {
    let phone = normalize_phone(typed)?;
    let payment = client.pay_mobile(&MobileRequest {
        reference: sale.reference.clone(),
        amount: sale.amount.clone(),
        currency: sale.currency.clone(),
        phone: phone.clone(),
        callback_url: "https://boutique.example/flexpay/callback".into(),
        description: Some("Achat en boutique".into()),
        ..MobileRequest::default()
    })?;
    println!("The customer confirms with the PIN on the phone {phone}");
    Ok(payment)
}

/// The payment request failed. The outcome says whether to retry, the message what to do.
fn explain_request(error: &Error) -> ExitCode {
    eprintln!("{error}");
    match error.outcome() {
        Outcome::NotSent if error.code() == ErrorCode::Invalid => {
            eprintln!("Nothing was sent. Correct the error above.");
            ExitCode::from(NOT_PAID)
        }
        Outcome::NotSent => {
            eprintln!("Nothing was sent. You may try again.");
            ExitCode::from(NOT_PAID)
        }
        Outcome::Refused => {
            eprintln!(
                "FlexPay refused. If the reference was used before, check that payment first;"
            );
            eprintln!("otherwise correct the cause, then use a new reference.");
            ExitCode::from(NOT_PAID)
        }
        // Unknown, or an outcome of a later version.
        _ => explain_unknown(),
    }
}

fn explain_unknown() -> ExitCode {
    eprintln!(
        "En cours de confirmation: the customer may have paid, or may still pay. Do not try again \
         before you know."
    );
    ExitCode::from(UNKNOWN)
}

fn show_card_page(payment: &Payment) {
    if let Some(address) = &payment.redirect_url {
        println!("Send the customer to {address}");
        return;
    }
    // Without an address, the gateway returned a page.
    let page = payment.page.as_deref().unwrap_or_default();
    match std::fs::write("flexpay.html", page) {
        Ok(()) => println!("Open flexpay.html in the customer's browser"),
        Err(error) => eprintln!("flexpay.html cannot be written: {error}"),
    }
}

fn conclude(transaction: &Transaction) -> ExitCode {
    match transaction.state {
        State::Paid => {
            let amount = transaction.amount.map(|amount| amount.to_string());
            println!(
                "PAID {} {} (order {}). Thank you!",
                amount.unwrap_or_default(),
                transaction.currency.as_deref().unwrap_or_default(),
                transaction.order_number
            );
            ExitCode::SUCCESS
        }
        State::Failed | State::Cancelled | State::Refunding | State::Refunded => {
            println!(
                "NOT PAID: the payment is {}. To try again, use a new reference.",
                transaction.state.name()
            );
            ExitCode::from(NOT_PAID)
        }
        // Unknown, or a state of a later version: never treat it as paid.
        _ => {
            println!("UNKNOWN: the payment is {}.", transaction.state.name());
            explain_unknown()
        }
    }
}
