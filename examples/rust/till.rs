//! A till: requests a payment, shows the address of the card page, and waits for the outcome.
//!
//! ```console
//! $ cargo run --example till ZANDO-2041 25.50 USD
//! ```
//!
//! Environment: `FLEXPAY_MERCHANT`, `FLEXPAY_TOKEN`, and `FLEXPAY_API=v1.1`, whose replies contain the
//! order number that a wait requires.
//!
//! Exit status: 0 paid; 1 not paid; 2 unknown: the customer may have paid, or may still pay.

use std::process::ExitCode;
use std::time::Duration;

use flexpay::{
    Client, Error, ErrorCode, Expected, Outcome, Payment, PaymentRequest, State, Transaction,
    WaitOptions,
};

const NOT_PAID: u8 = 1;
const UNKNOWN: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reference, amount, currency] = arguments.as_slice() else {
        eprintln!("usage: till REFERENCE AMOUNT CURRENCY");
        return ExitCode::from(NOT_PAID);
    };
    let request = PaymentRequest {
        reference: reference.clone(),
        amount: amount.clone(),
        currency: currency.clone(),
        description: Some("Achat en boutique".into()),
        callback_url: Some("https://boutique.example/flexpay/callback".into()),
        approve_url: Some("https://boutique.example/merci".into()),
        cancel_url: Some("https://boutique.example/annule".into()),
        decline_url: Some("https://boutique.example/refuse".into()),
        home_url: None,
    };
    let requested = Client::from_env().and_then(|client| {
        let payment = client.pay(&request)?;
        Ok((client, payment))
    });
    let (client, payment) = match requested {
        Ok(requested) => requested,
        Err(error) => return explain_request(&error),
    };
    show_card_page(&payment);
    let Some(order_number) = payment.order_number else {
        println!("There is no order number (FLEXPAY_API=v1.1 returns one): wait for the callback.");
        return ExitCode::from(UNKNOWN);
    };
    let options = WaitOptions {
        timeout: Duration::from_secs(300),
        // Accept no other payment.
        expected: Some(Expected {
            reference: request.reference,
            amount: request.amount,
            currency: request.currency,
            order_number: Some(order_number.clone()),
            query: None,
        }),
        ..WaitOptions::default()
    };
    match client.wait(&order_number, &options) {
        Ok(transaction) => conclude(&transaction),
        // The payment request was accepted: an error of the wait does not mean "not paid".
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(UNKNOWN)
        }
    }
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
        _ => ExitCode::from(UNKNOWN),
    }
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
            ExitCode::from(UNKNOWN)
        }
    }
}
