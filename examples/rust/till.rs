//! A till: asks for a payment, shows the customer where to go, and waits for the outcome.
//!
//! ```console
//! $ cargo run --example till ZANDO-2041 25.50 USD
//! ```
//!
//! The settings come from the environment: `FLEXPAY_MERCHANT`, `FLEXPAY_TOKEN`, and
//! `FLEXPAY_API=v1.1`, whose payments have the order number that a wait needs.
//!
//! Exit status: 0 paid; 1 not paid; 2 not known: the customer may have paid, or may yet pay.

use std::process::ExitCode;
use std::time::Duration;

use flexpay::{
    Client, Error, ErrorCode, Expected, Outcome, Payment, PaymentRequest, State, Transaction,
    WaitOptions,
};

const NOT_PAID: u8 = 1;
const NOT_KNOWN: u8 = 2;

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
    let asked = Client::from_env().and_then(|client| {
        let payment = client.pay(&request)?;
        Ok((client, payment))
    });
    let (client, payment) = match asked {
        Ok(asked) => asked,
        Err(error) => return explain_request(&error),
    };
    show_card_page(&payment);
    let Some(order_number) = payment.order_number else {
        println!("The gateway gave no order number (FLEXPAY_API=v1.1 does): await the callback.");
        return ExitCode::from(NOT_KNOWN);
    };
    let options = WaitOptions {
        timeout: Duration::from_secs(300),
        // No other payment will do.
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
        // The payment was taken in: no error of the wait says that it is not paid.
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(NOT_KNOWN)
        }
    }
}

/// The payment request failed: its outcome says whether it may be repeated, its message what to do.
fn explain_request(error: &Error) -> ExitCode {
    eprintln!("{error}");
    match error.outcome() {
        Outcome::NotSent if error.code() == ErrorCode::Invalid => {
            eprintln!("Nothing was sent. Mend what is named above.");
            ExitCode::from(NOT_PAID)
        }
        Outcome::NotSent => {
            eprintln!("Nothing was sent. You may try again.");
            ExitCode::from(NOT_PAID)
        }
        Outcome::Refused => {
            eprintln!(
                "FlexPay says no. If it knows the reference, find out about that payment first;"
            );
            eprintln!("else mend the cause, then take a new reference.");
            ExitCode::from(NOT_PAID)
        }
        // Unknown, and whatever may come.
        _ => ExitCode::from(NOT_KNOWN),
    }
}

fn show_card_page(payment: &Payment) {
    if let Some(address) = &payment.redirect_url {
        println!("Send the customer to {address}");
        return;
    }
    // Where the gateway gives no address, it gives a page.
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
                "NOT PAID: the payment is {}. To try again, take a new reference.",
                transaction.state.name()
            );
            ExitCode::from(NOT_PAID)
        }
        // Unknown, and whatever may come: never good news.
        _ => {
            println!("NOT KNOWN: the payment is {}.", transaction.state.name());
            ExitCode::from(NOT_KNOWN)
        }
    }
}
