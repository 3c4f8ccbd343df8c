//! The customer on the phone page.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Browser, Failed, Visit, payment_with, readable};
use crate::form_page::{Field, Form};
use crate::kind::Kind;
use crate::payment::PENDING;

/// A PIN that every phone accepts.
const PIN: &str = "1234";

/// The pause between two looks at the phone.
const PAUSE: Duration = Duration::from_millis(100);

/// What the customer does with a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneAct {
    /// Confirms it with a PIN.
    Confirm,
    /// Refuses it.
    Refuse,
    /// Does nothing until it expires.
    Expire,
}

/// Which push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with the merchant's reference. The URL is the sandbox's.
    Reference(&'a str),
    /// The newest one of a phone, `243` and nine digits. The URL is the sandbox's.
    Phone(&'a str),
    /// The newest one of the phone page with the URL.
    Page,
}

/// A pending push.
struct Push {
    page_url: String,
    order_number: String,
}

/// Performs `act` on the phone page. If the push is not there yet, waits for it at most `wait`.
pub fn answer_push(
    act: PhoneAct,
    url: &str,
    which: Which<'_>,
    wait: Duration,
    ca_file: Option<&Path>,
) -> Result<Visit, Failed> {
    let until = Instant::now() + wait;
    let push = loop {
        let found = find(&mut Browser::new(ca_file)?, url, which)?;
        match found {
            Some(push) => break push,
            None if Instant::now() >= until => return Err(not_found(which)),
            None => thread::sleep(PAUSE),
        }
    };
    let mut browser = Browser::new(ca_file)?;
    let page = browser.open(&push.page_url)?;
    let form = page
        .forms
        .iter()
        .find(|form| order_of(form) == Some(&push.order_number));
    let Some(form) = form else {
        return Err(browser.failed("The phone no longer shows the push."));
    };
    browser
        .story
        .push(format!("Read \"{}\".", readable(&form.question)));
    let button = match act {
        PhoneAct::Confirm => "confirm",
        PhoneAct::Refuse => "refuse",
        PhoneAct::Expire => "expire",
    };
    let pin = |field: &Field| (act == PhoneAct::Confirm && field.name == "pin").then_some(PIN);
    let sent_to = browser.press(&push.page_url, form, pin, button)?;
    let page = browser.open(&sent_to)?;
    let told = page
        .messages
        .iter()
        .find(|message| message.id.ends_with(&push.order_number));
    if let Some(message) = told {
        browser
            .story
            .push(format!("Read \"{}\".", readable(&message.text)));
    }
    Ok(Visit {
        story: browser.story,
        sent_to,
    })
}

fn find(browser: &mut Browser, url: &str, which: Which<'_>) -> Result<Option<Push>, Failed> {
    let base = url.trim_end_matches('/');
    let page_url = match which {
        Which::Page => url.to_owned(),
        Which::Phone(phone) => format!("{base}/phone/{phone}"),
        Which::Reference(reference) => {
            let Some(payment) = payment_with(browser, base, reference)? else {
                return Ok(None);
            };
            if payment.kind != Kind::Mobile {
                return Err(Failed(format!(
                    "the payment {reference:?} is not confirmed on a phone"
                )));
            }
            if payment.status != PENDING {
                return Err(Failed(format!(
                    "the payment {reference:?} is already decided: its status is {}",
                    payment.status
                )));
            }
            return Ok(Some(Push {
                page_url: format!("{base}/phone/{}", payment.phone),
                order_number: payment.order_number,
            }));
        }
    };
    let page = browser.open(&page_url)?;
    let newest = page.forms.iter().find_map(order_of);
    Ok(newest.map(|order_number| Push {
        page_url,
        order_number: order_number.clone(),
    }))
}

fn not_found(which: Which<'_>) -> Failed {
    Failed(match which {
        Which::Reference(reference) => format!("no payment has the reference {reference:?}"),
        Which::Phone(phone) => format!("the phone {phone} has no pending push"),
        Which::Page => "the phone has no pending push".to_owned(),
    })
}

/// The order number in the form of a push.
fn order_of(form: &Form) -> Option<&String> {
    let field = form.fields.iter().find(|field| field.name == "order");
    field.map(|field| &field.value)
}
