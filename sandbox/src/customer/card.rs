//! The customer on the card page.

use std::path::Path;

use super::{Browser, Failed, Visit, payment_with};
use crate::card::{TEST_CARDS, TEST_CODE, TEST_EXPIRY};
use crate::form_page::Field;
use crate::kind::Kind;

/// What the customer does on the card page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Pays with a card that the bank approves.
    Approve,
    /// Pays with a card that the bank declines.
    Decline,
    /// Presses "Annuler".
    Cancel,
}

/// Loads the card page and performs `act`. Does not load the shop's page. `ca_file` is the CA to trust
/// for an HTTPS page: [`Sandbox::ca_file`](crate::Sandbox::ca_file).
pub fn visit(act: Act, checkout_url: &str, ca_file: Option<&Path>) -> Result<Visit, Failed> {
    let mut browser = Browser::new(ca_file)?;
    let page = browser.open(checkout_url)?;
    let Some(form) = page.forms.first() else {
        return Err(browser.failed("The page has no card form: the payment is already decided."));
    };
    let button = match act {
        Act::Approve | Act::Decline => "pay",
        Act::Cancel => "cancel",
    };
    let sent_to = browser.press(checkout_url, form, |field| typed(field, act), button)?;
    Ok(Visit {
        story: browser.story,
        sent_to,
    })
}

/// The checkout URL of the card payment with this reference, from the sandbox at `sandbox_url`.
pub fn find_checkout(
    sandbox_url: &str,
    reference: &str,
    ca_file: Option<&Path>,
) -> Result<String, Failed> {
    let browser = Browser::new(ca_file)?;
    let payment = payment_with(&browser, sandbox_url, reference)?;
    let payment =
        payment.ok_or_else(|| Failed(format!("no payment has the reference {reference:?}")))?;
    if payment.kind != Kind::Card {
        return Err(Failed(format!(
            "the payment {reference:?} is not a card payment: its phone is {}",
            payment.phone
        )));
    }
    Ok(payment.checkout_url)
}

/// What the customer types into a field. `None`: nothing.
fn typed(field: &Field, act: Act) -> Option<&'static str> {
    if act == Act::Cancel {
        return None;
    }
    let card = TEST_CARDS
        .iter()
        .find(|card| card.approves == (act == Act::Approve));
    match field.autocomplete.as_str() {
        "cc-number" => card.map(|card| card.number),
        "cc-exp" => Some(TEST_EXPIRY),
        "cc-csc" => Some(TEST_CODE),
        "cc-name" => Some("Amina Ilunga"),
        _ => None,
    }
}
