//! A till: requests a payment by card, or by mobile money if a phone number is given, and waits for the
//! outcome. Every sale is in a journal before its request is sent, so that the till survives a power cut.
//!
//! ```console
//! $ export FLEXPAY_JOURNAL=till.db
//! $ cargo run --example till ZANDO-2041 25.50 USD
//! $ cargo run --example till ZANDO-2042 57500 CDF "081 234 56 78"
//! ```
//!
//! Environment: `FLEXPAY_MERCHANT`, `FLEXPAY_TOKEN`, `FLEXPAY_JOURNAL`, and `FLEXPAY_API=v1.1`, whose replies
//! contain the order number that a wait for a card requires.
//!
//! Exit status: 0 paid: hand over the goods; 1 not paid; 2 unknown: the customer may have paid, or may still pay;
//! 3 paid, and the goods were handed over before, or just now with the recorded sales.

use std::process::ExitCode;
use std::time::Duration;

use flexpay::journal::{EntryState, ReconcileOptions, Settlement};
use flexpay::{
    Client, Error, ErrorCode, MobileRequest, Outcome, Payment, PaymentRequest, WaitOptions,
    normalize_phone,
};

const NOT_PAID: u8 = 1;
const UNKNOWN: u8 = 2;
const DELIVERED: u8 = 3;

/// What the customer is asked to pay: here from the arguments of the program.
struct Sale<'a> {
    reference: &'a str,
    amount: &'a str,
    currency: &'a str,
    /// `None`: by card.
    phone: Option<&'a str>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sale = match arguments.as_slice() {
        [reference, amount, currency] => sale(reference, amount, currency, None),
        [reference, amount, currency, phone] => {
            sale(reference, amount, currency, Some(phone.as_str()))
        }
        _ => {
            eprintln!("usage: till REFERENCE AMOUNT CURRENCY [PHONE]");
            return ExitCode::from(NOT_PAID);
        }
    };
    let client = match Client::from_env() {
        Ok(client) => client,
        Err(error) => return explain_request(&error),
    };
    if let Err(error) = catch_up(&client) {
        eprintln!("The till cannot sell: {error}");
        return ExitCode::from(NOT_PAID);
    }
    if let Err(error) = request(&client, &sale) {
        return explain_request(&error);
    }
    let options = WaitOptions {
        timeout: Duration::from_secs(300),
        ..WaitOptions::default()
    };
    // The pauses between the checks, and what is compared, come from the journal.
    match client.settle_wait(sale.reference, &options) {
        Ok(settlement) => conclude(&client, &settlement),
        // The payment request was accepted: an error of the wait does not mean "not paid".
        Err(error) => {
            eprintln!("{error}");
            explain_unknown()
        }
    }
}

fn sale<'a>(
    reference: &'a str,
    amount: &'a str,
    currency: &'a str,
    phone: Option<&'a str>,
) -> Sale<'a> {
    Sale {
        reference,
        amount,
        currency,
        phone,
    }
}

/// Finds out what became of the sales before this start.
fn catch_up(client: &Client) -> flexpay::Result<()> {
    let found = client.reconcile(&ReconcileOptions::default())?;
    for settlement in &found.settlements {
        let entry = &settlement.stored.entry;
        if entry.is_to_deliver() {
            deliver(client, &entry.reference)?;
        } else if entry.state == EntryState::InDoubt {
            println!(
                "IN DOUBT: {}. Do not charge again: wait for the callback, or look for it in the FlexPay console.",
                entry.reference
            );
        }
    }
    if let Some(error) = &found.stopped {
        println!("Not every sale could be checked: {error}");
    }
    Ok(())
}

/// Acknowledges first: only one call, ever, gets `changed`.
fn deliver(client: &Client, reference: &str) -> flexpay::Result<ExitCode> {
    let settlement = client.journal()?.acknowledge(reference)?;
    let entry = &settlement.stored.entry;
    if settlement.changed {
        println!(
            "PAID {} {} (order {}). Hand over the goods of {reference}. Thank you!",
            entry.amount,
            entry.currency,
            entry.order_number.as_deref().unwrap_or_default()
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "PAID. The goods of {reference} were recorded as handed over at {}. Hand over nothing now.",
        settlement.stored.changed_at
    );
    Ok(ExitCode::from(DELIVERED))
}

fn request(client: &Client, sale: &Sale<'_>) -> flexpay::Result<()> {
    let payment = match sale.phone {
        None => request_by_card(client, sale)?,
        Some(phone) => request_by_phone(client, sale, phone)?,
    };
    // A sale that was requested before may be paid already: then there is no page to show.
    let is_to_pay = !payment.is_recorded || is_accepted(client, sale.reference)?;
    if payment.is_recorded {
        println!("This sale was requested before. Nothing was sent now.");
    }
    match sale.phone {
        _ if !is_to_pay => {}
        None => show_card_page(&payment),
        Some(phone) => println!(
            "The customer confirms with the PIN on the phone {}",
            normalize_phone(phone)?
        ),
    }
    Ok(())
}

/// Whether the gateway has the payment, and it was not paid when `catch_up` asked.
fn is_accepted(client: &Client, reference: &str) -> flexpay::Result<bool> {
    let found = client.journal()?.get(reference)?;
    Ok(found.is_some_and(|stored| stored.entry.state == EntryState::Accepted))
}

fn request_by_card(client: &Client, sale: &Sale<'_>) -> flexpay::Result<Payment> {
    client.pay(&PaymentRequest {
        reference: sale.reference.to_owned(),
        amount: sale.amount.to_owned(),
        currency: sale.currency.to_owned(),
        description: Some("Achat en boutique".into()),
        callback_url: Some("https://boutique.example/flexpay/callback".into()),
        approve_url: Some("https://boutique.example/merci".into()),
        cancel_url: Some("https://boutique.example/annule".into()),
        decline_url: Some("https://boutique.example/refuse".into()),
        ..PaymentRequest::default()
    })
}

fn request_by_phone(client: &Client, sale: &Sale<'_>, phone: &str) -> flexpay::Result<Payment> {
    client.pay_mobile(&MobileRequest {
        reference: sale.reference.to_owned(),
        amount: sale.amount.to_owned(),
        currency: sale.currency.to_owned(),
        phone: phone.to_owned(),
        callback_url: "https://boutique.example/flexpay/callback".into(),
        description: Some("Achat en boutique".into()),
        ..MobileRequest::default()
    })
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
            eprintln!("FlexPay refused. Correct the cause, then try again.");
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

fn conclude(client: &Client, settlement: &Settlement) -> ExitCode {
    let entry = &settlement.stored.entry;
    match entry.state {
        EntryState::Paid => match deliver(client, &entry.reference) {
            Ok(status) => status,
            Err(error) => {
                eprintln!("PAID, but this could not be recorded: {error}. Start the till again.");
                ExitCode::from(UNKNOWN)
            }
        },
        EntryState::Failed
        | EntryState::Cancelled
        | EntryState::Refunding
        | EntryState::Refunded => {
            println!(
                "NOT PAID: the payment is {}. To try again, use a new reference.",
                entry.state.name()
            );
            ExitCode::from(NOT_PAID)
        }
        // There is no order number (FLEXPAY_API=v1.1 returns one), or a later version has more states: never
        // treat it as paid.
        _ => {
            println!("UNKNOWN: the payment is {}.", entry.state.name());
            explain_unknown()
        }
    }
}
