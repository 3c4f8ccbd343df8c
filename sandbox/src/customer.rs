//! A simulated customer. It loads the card page, fills in the form or cancels, and is redirected to
//! the shop: the same HTTP requests as a browser without JavaScript.

use std::fmt;
use std::path::Path;

use axum::http::{Uri, header};

use crate::card::{TEST_CARDS, TEST_CODE, TEST_EXPIRY};
use crate::card_page::{Button, CardPage, Form};
use crate::web;

/// What the customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Pays with a card that the bank approves.
    Approve,
    /// Pays with a card that the bank declines.
    Decline,
    /// Presses "Annuler".
    Cancel,
}

/// What happened on a visit to the card page.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What the customer saw and did, one sentence per line.
    pub story: Vec<String>,
    /// The final redirect: the shop's URL, or the sandbox's result page.
    pub sent_to: String,
}

/// Why a visit failed.
#[derive(Debug)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

/// Loads the card page and performs `act`. Does not load the shop's page. `ca_file` is the CA to trust
/// for an HTTPS page: [`Sandbox::ca_file`](crate::Sandbox::ca_file).
pub fn visit(act: Act, checkout_url: &str, ca_file: Option<&Path>) -> Result<Visit, Failed> {
    let agent = web::agent(ca_file).map_err(|error| Failed(error.to_string()))?;
    let unreachable = |error: ureq::Error| Failed(format!("Cannot load the page: {error}"));
    let mut story = Vec::new();

    let mut response = agent.get(checkout_url).call().map_err(unreachable)?;
    let html = response.body_mut().read_to_string().map_err(unreachable)?;
    let page = CardPage::parse(&html);
    story.push(format!(
        "Opened {checkout_url}: HTTP {}, \"{}\", {}.",
        response.status().as_u16(),
        page.title,
        page.heading.replace(['\u{a0}', '\u{202f}'], " ")
    ));
    let Some(form) = page.form else {
        return Err(Failed(format!(
            "{}\nThe page has no card form: the payment is already decided.",
            story.join("\n")
        )));
    };
    let (fields, button) = fill_in(&form, act)?;
    for (name, value) in &fields {
        if !value.is_empty() {
            story.push(format!("Typed {value:?} into {name}."));
        }
    }
    story.push(format!(
        "Pressed \"{}\".",
        button.label.trim().replace(['\u{a0}', '\u{202f}'], " ")
    ));

    let target = resolve(checkout_url, &form.action);
    let pressed = (button.name.as_str(), button.value.as_str());
    let sent = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain([pressed]);
    let mut response = agent.post(&target).send_form(sent).map_err(unreachable)?;
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION.as_str());
    let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    let Some(location) = location.filter(|_| matches!(status, 301..=303 | 307 | 308)) else {
        let html = response.body_mut().read_to_string().unwrap_or_default();
        let page = CardPage::parse(&html);
        return Err(Failed(format!(
            "{}\nThe card page was shown again with HTTP {status}: \"{}\" {}",
            story.join("\n"),
            page.title,
            page.mistakes.join(" ")
        )));
    };
    let sent_to = resolve(&target, &location);
    story.push(format!(
        "HTTP {status}: the browser was redirected to {sent_to}"
    ));
    Ok(Visit { story, sent_to })
}

/// The value of each field, by name, and the button to press.
type FilledIn<'a> = (Vec<(&'a str, String)>, &'a Button);

fn fill_in(form: &Form, act: Act) -> Result<FilledIn<'_>, Failed> {
    let button_value = match act {
        Act::Approve | Act::Decline => "pay",
        Act::Cancel => "cancel",
    };
    let button = form
        .buttons
        .iter()
        .find(|button| button.value == button_value)
        .ok_or_else(|| Failed(format!("The form has no button to {button_value}.")))?;
    let card = TEST_CARDS
        .iter()
        .find(|card| card.approves == (act == Act::Approve))
        .map_or("", |card| card.number);
    let typed = |autocomplete: &str| match autocomplete {
        _ if act == Act::Cancel => None,
        "cc-number" => Some(card),
        "cc-exp" => Some(TEST_EXPIRY),
        "cc-csc" => Some(TEST_CODE),
        "cc-name" => Some("Amina Ilunga"),
        _ => None,
    };
    let fields = form
        .fields
        .iter()
        .map(|field| {
            let value = typed(&field.autocomplete).unwrap_or(&field.value);
            (field.name.as_str(), value.to_owned())
        })
        .collect();
    Ok((fields, button))
}

/// Resolves `link` relative to the page at `base`.
fn resolve(base: &str, link: &str) -> String {
    let uri: Uri = match base.parse() {
        Ok(uri) if !link.contains("://") => uri,
        _ => return link.to_owned(),
    };
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path();
    match link {
        "" => base.to_owned(),
        _ if link.starts_with("//") => format!("{scheme}:{link}"),
        _ if link.starts_with('/') => format!("{scheme}://{authority}{link}"),
        _ if link.starts_with('?') => format!("{scheme}://{authority}{path}{link}"),
        _ => {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{scheme}://{authority}{directory}/{link}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_resolved_as_in_a_browser() {
        let base = "https://pay.cd:81/checkout/a?x=1";
        for (link, expected) in [
            ("", base),
            ("/b", "https://pay.cd:81/b"),
            ("b", "https://pay.cd:81/checkout/b"),
            ("?y", "https://pay.cd:81/checkout/a?y"),
            ("//c.cd/d", "https://c.cd/d"),
            ("http://e.cd/f", "http://e.cd/f"),
        ] {
            assert_eq!(resolve(base, link), expected, "{link}");
        }
    }
}
