//! The commands that query a running sandbox.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use flexpay_sandbox::customer::{self, Act};
use flexpay_sandbox::web;
use serde::Deserialize;
use serde::de::DeserializeOwned;

type CommandResult = Result<(), Box<dyn Error>>;

/// Bytes as the sandbox encodes them in JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Hex { hex: String },
}

#[derive(Deserialize)]
struct Callback {
    order_number: String,
    url: String,
    content_type: String,
    body: Body,
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

pub(crate) fn customer(act: Act, checkout_url: &str, ca_file: Option<&Path>) -> CommandResult {
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
) -> CommandResult {
    let mut out = std::io::stdout().lock();
    let all: Vec<Callback> = get_json(sandbox_url, "callbacks", ca_file)?;
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
            Body::Text(text) => writeln!(out, "{text}")?,
            Body::Hex { hex } => writeln!(out, "hex {hex}")?,
        }
        if !body_only {
            match (callback.reply_status, callback.error) {
                (Some(status), _) => {
                    let reply = callback.reply_body.unwrap_or_default();
                    writeln!(out, "reply {status} {}\n", reply.trim_end())?;
                }
                (None, Some(error)) => writeln!(out, "failed: {error}\n")?,
                (None, None) => writeln!(out, "in progress\n")?,
            }
        }
    }
    Ok(())
}

pub(crate) fn checkout_url(
    sandbox_url: &str,
    reference: &str,
    ca_file: Option<&Path>,
) -> CommandResult {
    let all: Vec<Payment> = get_json(sandbox_url, "payments", ca_file)?;
    let payment = all
        .iter()
        .find(|payment| payment.reference == reference)
        .ok_or_else(|| format!("no payment has the reference {reference:?}"))?;
    println!("{}", payment.checkout_url);
    Ok(())
}

fn get_json<T: DeserializeOwned>(
    sandbox_url: &str,
    path: &str,
    ca_file: Option<&Path>,
) -> Result<T, Box<dyn Error>> {
    let url = format!("{}/sandbox/api/{path}", sandbox_url.trim_end_matches('/'));
    let mut response = web::agent(ca_file)?.get(&url).call()?;
    if response.status() != 200 {
        return Err(format!("{url} replied with HTTP {}", response.status().as_u16()).into());
    }
    let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut body, &mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
