//! The commands that query a running sandbox.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flexpay_sandbox::customer::{self, Act, PhoneAct, Visit, Which};
use flexpay_sandbox::web;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Customer;

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

pub(crate) fn customer_with_card(act: Act, args: &Customer) -> CommandResult {
    if args.phone.is_some() {
        return Err("--phone is for confirm, refuse and expire".into());
    }
    let ca_file = args.ca_file.as_deref();
    let checkout_url = match &args.reference {
        Some(reference) => customer::find_checkout(&args.url, reference, ca_file)?,
        None => args.url.clone(),
    };
    tell(&customer::visit(act, &checkout_url, ca_file)?);
    Ok(())
}

pub(crate) fn customer_with_phone(act: PhoneAct, args: &Customer) -> CommandResult {
    let which = match (&args.reference, &args.phone) {
        (Some(reference), _) => Which::Reference(reference),
        (None, Some(phone)) => Which::Phone(phone),
        (None, None) => Which::Page,
    };
    let wait = Duration::from_secs(args.wait.into());
    let ca_file = args.ca_file.as_deref();
    tell(&customer::answer_push(
        act, &args.url, which, wait, ca_file,
    )?);
    Ok(())
}

fn tell(visit: &Visit) {
    for sentence in &visit.story {
        println!("{sentence}");
    }
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
    let checkout_url = customer::find_checkout(sandbox_url, reference, ca_file)?;
    println!("{checkout_url}");
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
