//! A simulated customer. It loads the card page or the phone page and uses its form: the same HTTP
//! requests as a browser without JavaScript.

mod card;
mod phone;

use std::fmt;
use std::path::Path;

use axum::http::{Uri, header};
use serde::Deserialize;
use ureq::Agent;

use crate::form_page::{Field, Form, FormPage};
use crate::kind::Kind;
use crate::web;

pub use card::{Act, find_checkout, visit};
pub use phone::{PhoneAct, Which, answer_push};

/// What happened on a visit to the card page or the phone page.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What the customer saw and did, one sentence per line.
    pub story: Vec<String>,
    /// The final redirect: the shop's URL, or a page of the sandbox.
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

/// A browser without JavaScript.
struct Browser {
    agent: Agent,
    /// What the customer saw and did.
    story: Vec<String>,
}

impl Browser {
    fn new(ca_file: Option<&Path>) -> Result<Self, Failed> {
        let agent = web::agent(ca_file).map_err(|error| Failed(error.to_string()))?;
        Ok(Self {
            agent,
            story: Vec::new(),
        })
    }

    fn open(&mut self, url: &str) -> Result<FormPage, Failed> {
        let mut response = self.agent.get(url).call().map_err(unreachable)?;
        let html = response.body_mut().read_to_string().map_err(unreachable)?;
        let page = FormPage::parse(&html);
        self.story.push(format!(
            "Opened {url}: HTTP {}, \"{}\", {}.",
            response.status().as_u16(),
            readable(&page.title),
            readable(&page.heading)
        ));
        Ok(page)
    }

    /// Fills in a form of the page at `page_url` and presses a button. Returns where it leads.
    fn press(
        &mut self,
        page_url: &str,
        form: &Form,
        typed: impl Fn(&Field) -> Option<&'static str>,
        button_value: &str,
    ) -> Result<String, Failed> {
        let button = form
            .buttons
            .iter()
            .find(|button| button.value == button_value)
            .ok_or_else(|| self.failed(&format!("The form has no button to {button_value}.")))?;
        let mut sent = Vec::new();
        for field in &form.fields {
            let typed = typed(field);
            if let Some(value) = typed {
                let name = &field.name;
                self.story.push(format!("Typed {value:?} into {name}."));
            }
            sent.push((field.name.as_str(), typed.unwrap_or(&field.value)));
        }
        sent.push((&button.name, &button.value));
        self.story
            .push(format!("Pressed \"{}\".", readable(&button.label)));

        let target = resolve(page_url, &form.action);
        let request = self.agent.post(&target);
        let mut response = request.send_form(sent).map_err(unreachable)?;
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION.as_str());
        let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
        let Some(location) = location.filter(|_| matches!(status, 301..=303 | 307 | 308)) else {
            let html = response.body_mut().read_to_string().unwrap_or_default();
            let page = FormPage::parse(&html);
            return Err(self.failed(&format!(
                "The page was shown again with HTTP {status}: \"{}\" {}",
                readable(&page.title),
                page.mistakes.join(" ")
            )));
        };
        let sent_to = resolve(&target, &location);
        self.story.push(format!(
            "HTTP {status}: the browser was redirected to {sent_to}"
        ));
        Ok(sent_to)
    }

    /// A failure, after what happened before it.
    fn failed(&self, why: &str) -> Failed {
        Failed(format!("{}\n{why}", self.story.join("\n")))
    }
}

fn unreachable(error: ureq::Error) -> Failed {
    Failed(format!("Cannot load the page: {error}"))
}

/// Without the non-breaking spaces of the pages.
fn readable(text: &str) -> String {
    text.trim().replace(['\u{a0}', '\u{202f}'], " ")
}

/// A payment in the list of the control API.
#[derive(Deserialize)]
struct Listed {
    kind: Kind,
    reference: String,
    order_number: String,
    checkout_url: String,
    phone: String,
    status: String,
}

/// The payment with this reference, from the sandbox at `sandbox_url`.
fn payment_with(
    browser: &Browser,
    sandbox_url: &str,
    reference: &str,
) -> Result<Option<Listed>, Failed> {
    let base = sandbox_url.trim_end_matches('/');
    let url = format!("{base}/sandbox/api/payments");
    let mut response = browser.agent.get(&url).call().map_err(unreachable)?;
    if response.status() != 200 {
        let status = response.status().as_u16();
        return Err(Failed(format!("{url} replied with HTTP {status}")));
    }
    let body = response.body_mut().with_config().limit(u64::MAX);
    let text = body.read_to_string().map_err(unreachable)?;
    let all: Vec<Listed> =
        serde_json::from_str(&text).map_err(|error| Failed(format!("{url}: {error}")))?;
    Ok(all
        .into_iter()
        .find(|payment| payment.reference == reference))
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
