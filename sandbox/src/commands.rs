//! The commands that ask a running sandbox.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use flexpay_sandbox::customer::{self, Act};
use flexpay_sandbox::web;
use serde::Deserialize;
use serde::de::DeserializeOwned;

type Done = Result<(), Box<dyn Error>>;

/// Bytes as the sandbox writes them in JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Octets {
    Text(String),
    Hex { hex: String },
}

#[derive(Deserialize)]
struct Callback {
    order_number: String,
    url: String,
    content_type: String,
    body: Octets,
    attempt: u32,
    reply_status: Option<u16>,
    reply_body: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Payment {
    reference: String,
    checkout_url: String,
}

pub(crate) fn customer(act: Act, checkout_url: &str, ca_file: Option<&Path>) -> Done {
    let visit = customer::visit(act, checkout_url, ca_file)?;
    for sentence in visit.story {
        println!("{sentence}");
    }
    Ok(())
}

pub(crate) fn callbacks(
    sandbox_url: &str,
    order: Option<&str>,
    body_only: bool,
    ca_file: Option<&Path>,
) -> Done {
    let mut out = std::io::stdout().lock();
    let all: Vec<Callback> = ask(sandbox_url, "callbacks", ca_file)?;
    for callback in all {
        if order.is_some_and(|order| order != callback.order_number) {
            continue;
        }
        if !body_only {
            writeln!(
                out,
                "Callback {} about {} to {} ({})",
                callback.attempt, callback.order_number, callback.url, callback.content_type
            )?;
        }
        match &callback.body {
            Octets::Text(text) => writeln!(out, "{text}")?,
            Octets::Hex { hex } => writeln!(out, "hex {hex}")?,
        }
        if !body_only {
            match (callback.reply_status, callback.error) {
                (Some(status), _) => {
                    let reply = callback.reply_body.unwrap_or_default();
                    writeln!(out, "answered {status} {}\n", reply.trim_end())?;
                }
                (None, Some(error)) => writeln!(out, "failed: {error}\n")?,
                (None, None) => writeln!(out, "under way\n")?,
            }
        }
    }
    Ok(())
}

pub(crate) fn checkout_url(sandbox_url: &str, reference: &str, ca_file: Option<&Path>) -> Done {
    let all: Vec<Payment> = ask(sandbox_url, "payments", ca_file)?;
    let payment = all
        .iter()
        .find(|payment| payment.reference == reference)
        .ok_or_else(|| format!("no payment has the reference {reference:?}"))?;
    println!("{}", payment.checkout_url);
    Ok(())
}

fn ask<T: DeserializeOwned>(
    sandbox_url: &str,
    what: &str,
    ca_file: Option<&Path>,
) -> Result<T, Box<dyn Error>> {
    let url = format!("{}/sandbox/api/{what}", sandbox_url.trim_end_matches('/'));
    let mut answer = web::agent(ca_file)?.get(&url).call()?;
    if answer.status() != 200 {
        return Err(format!("{url} answered HTTP {}", answer.status().as_u16()).into());
    }
    let mut body = answer.body_mut().with_config().limit(u64::MAX).reader();
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut body, &mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
