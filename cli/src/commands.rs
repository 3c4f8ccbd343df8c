//! The commands.

use clap::CommandFactory;
use flexpay::{Client, Expected, MobileRequest, PaymentRequest, PayoutRequest, WaitOptions};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::arguments::{self, Arguments, Command, Common, Format};
use crate::call::{Failure, Reply, guarded};
use crate::input::read_body;
use crate::texts::texts;
use crate::{exit_status, interrupt, output, settings};

/// Runs a command that makes one call. Returns the exit status.
pub fn run(command: Command) -> u8 {
    let texts = texts();
    match command {
        Command::Pay(given) => {
            let request = PaymentRequest {
                reference: given.reference,
                amount: given.amount,
                currency: given.currency,
                description: given.description,
                callback_url: given.callback_url,
                approve_url: given.approve_url,
                cancel_url: given.cancel_url,
                decline_url: given.decline_url,
                home_url: given.home_url,
                correlation_id: given.correlation.correlation_id,
            };
            request_money(&given.common, texts.accepted, |client| client.pay(&request))
        }
        Command::PayMobile(given) => {
            let request = MobileRequest {
                reference: given.reference,
                amount: given.amount,
                currency: given.currency,
                phone: given.phone,
                callback_url: given.callback_url,
                description: given.description,
                approve_url: given.approve_url,
                cancel_url: given.cancel_url,
                decline_url: given.decline_url,
                return_url: given.return_url,
                correlation_id: given.correlation.correlation_id,
            };
            request_money(&given.common, texts.accepted_mobile, |client| {
                client.pay_mobile(&request)
            })
        }
        Command::Payout(given) => {
            let request = PayoutRequest {
                reference: given.reference,
                amount: given.amount,
                currency: given.currency,
                phone: given.phone,
                callback_url: given.callback_url,
                correlation_id: given.correlation.correlation_id,
            };
            request_money(&given.common, texts.accepted_payout, |client| {
                client.payout(&request)
            })
        }
        Command::Check(given) => transaction(&given.common, |client| {
            Ok(client.check(&given.order_number)?)
        }),
        Command::Wait(given) => wait(given),
        Command::VerifyOrder(given) => {
            let expected = expected(
                given.expected,
                Some(given.order_number),
                None,
                given.correlation.correlation_id,
            );
            transaction(&given.common, |client| Ok(client.verify_order(&expected)?))
        }
        Command::VerifyCallback(given) => {
            let expected = expected(
                given.expected,
                given.order_number,
                given.query,
                given.correlation.correlation_id,
            );
            transaction(&given.common, |client| {
                Ok(client.verify_callback(&read_body(&given.file)?, &expected)?)
            })
        }
        Command::ParseCallback(given) => {
            let result = guarded(|| {
                let body = read_body(&given.file)?;
                let callback = flexpay::parse_callback(&body)?.into_owned();
                Ok(Reply::Callback(Box::new(callback)))
            });
            output::print(result, "", &given.common.format())
        }
        Command::Doctor(_)
        | Command::Bridge(_)
        | Command::Version(_)
        | Command::Completions { .. }
        | Command::Man { .. } => exit_status::INTERNAL,
    }
}

/// A request that moves money. Ctrl-C does not end it.
fn request_money(
    common: &Common,
    headline: &str,
    call: impl FnOnce(&Client) -> flexpay::Result<flexpay::Payment>,
) -> u8 {
    let result = guarded(|| {
        let client = settings::client(common)?;
        interrupt::cancel_token();
        Ok(Reply::Payment(Box::new(call(&client)?)))
    });
    output::print(result, headline, &common.format())
}

fn transaction(
    common: &Common,
    call: impl FnOnce(&Client) -> Result<flexpay::Transaction, Failure>,
) -> u8 {
    let result = guarded(|| {
        let client = settings::client(common)?;
        Ok(Reply::Transaction(Box::new(call(&client)?)))
    });
    output::print(result, "", &common.format())
}

fn expected(
    given: arguments::Expected,
    order_number: Option<String>,
    query: Option<String>,
    correlation_id: Option<String>,
) -> Expected {
    Expected {
        reference: given.reference,
        amount: given.amount,
        currency: given.currency,
        order_number,
        query,
        kind: given.kind.into(),
        correlation_id,
    }
}

fn wait(given: arguments::Wait) -> u8 {
    let expected = match (given.reference, given.amount, given.currency) {
        (Some(reference), Some(amount), Some(currency)) => Some(Expected {
            reference,
            amount,
            currency,
            order_number: Some(given.order_number.clone()),
            kind: given.kind.into(),
            ..Expected::default()
        }),
        // clap accepts all three or none.
        _ => None,
    };
    let seconds = |given: Option<u32>| Duration::from_secs(given.unwrap_or_default().into());
    let options = WaitOptions {
        timeout: seconds(given.timeout),
        failed_grace: seconds(given.failed_grace),
        expected,
        correlation_id: given.correlation.correlation_id,
        cancel: Some(interrupt::cancel_token()),
        ..WaitOptions::default()
    };
    let spinner = Spinner::start(options.time_limit(), &given.common.format());
    transaction(&given.common, |client| {
        let result = client.wait(&given.order_number, &options);
        spinner.stop();
        Ok(result?)
    })
}

/// The time that is left, on one line of stderr. Nothing is shown if stderr is not a terminal.
struct Spinner(Option<ProgressBar>);

impl Spinner {
    fn start(limit: Duration, format: &Format<'_>) -> Self {
        if !matches!(format, Format::Person) {
            return Self(None);
        }
        let texts = texts();
        let ends = Instant::now() + limit;
        let style = ProgressStyle::with_template("{spinner} {msg} ({left})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key(
                "left",
                move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    let left = ends.saturating_duration_since(Instant::now()).as_secs();
                    let _ = write!(out, "{}:{:02} {}", left / 60, left % 60, texts.time_left);
                },
            );
        let bar = ProgressBar::new_spinner()
            .with_style(style)
            .with_message(texts.waiting);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    fn stop(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

pub fn version(common: &Common) -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    let text = match common.json {
        true => format!("{}\n", json!({ "ok": { "version": version } })),
        false => format!("flexpay {version}\n"),
    };
    output::write(&text, exit_status::OK)
}

pub fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "flexpay", &mut script);
    output::write(&String::from_utf8_lossy(&script), exit_status::OK)
}

pub fn man(directory: &Path) -> u8 {
    match clap_mangen::generate_to(Arguments::command(), directory) {
        Ok(()) => exit_status::OK,
        Err(error) => output::print(
            Err(Failure::invalid(
                "directory",
                format!("{:?}: {error}", directory.display().to_string()),
            )),
            "",
            &Format::Person,
        ),
    }
}
