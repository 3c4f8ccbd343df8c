//! The commands.

use clap::CommandFactory;
use flexpay::{Client, Expected, MobileRequest, PaymentRequest, PayoutRequest, WaitOptions};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

use crate::arguments::{
    self, Arguments, CALLBACK_FIELDS, Command, Common, Format, PAYMENT_FIELDS, TRANSACTION_FIELDS,
};
use crate::call::{Failure, Reply, guarded};
use crate::input::read_body;
use crate::spinner::Spinner;
use crate::texts::{texts, use_english};
use crate::{bridge, doctor, exit_status, interrupt, journal, output, settings};

/// Runs a command. Returns the exit status.
pub fn run(command: Command) -> u8 {
    match command {
        Command::Settle(given) => journal::settle(&given),
        Command::SettleCallback(given) => journal::settle_callback(&given),
        Command::Journal(command) => journal::run(command),
        Command::Doctor(options) => doctor::run(&options),
        Command::Bridge(options) => bridge::run(&options),
        Command::Version(options) => version(&options),
        Command::Completions { shell } => completions(shell),
        Command::Man { directory } => man(&directory),
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
            request_money(&given.common, texts().accepted, |client| {
                client.pay(&request)
            })
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
            request_money(&given.common, texts().accepted_mobile, |client| {
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
            request_money(&given.common, texts().accepted_payout, |client| {
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
        Command::ParseCallback(given) => print_result(&given.common, CALLBACK_FIELDS, "", || {
            let body = read_body(&given.file)?;
            let callback = flexpay::parse_callback(&body)?.into_owned();
            Ok(Reply::Callback(Box::new(callback)))
        }),
    }
}

/// A request that moves money. Ctrl-C does not end it.
fn request_money(
    common: &Common,
    headline: &str,
    call: impl FnOnce(&Client) -> flexpay::Result<flexpay::Payment>,
) -> u8 {
    print_result(common, PAYMENT_FIELDS, headline, || {
        let client = settings::client(common)?;
        interrupt::protect_request();
        Ok(Reply::Payment(Box::new(call(&client)?)))
    })
}

fn transaction(
    common: &Common,
    call: impl FnOnce(&Client) -> Result<flexpay::Transaction, Failure>,
) -> u8 {
    print_result(common, TRANSACTION_FIELDS, "", || {
        let client = settings::client(common)?;
        Ok(Reply::Transaction(Box::new(call(&client)?)))
    })
}

/// Makes a call and prints its result, which has these fields.
pub fn print_result(
    common: &Common,
    fields: &[&str],
    headline: &str,
    call: impl FnOnce() -> Result<Reply, Failure>,
) -> u8 {
    if common.json {
        use_english();
    }
    match common.format(fields) {
        Ok(format) => output::print(guarded(call), headline, &format),
        Err(failure) => output::print(Err(failure), "", &Format::Person),
    }
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
    let options = WaitOptions {
        timeout: seconds(given.timeout),
        failed_grace: seconds(given.failed_grace),
        expected,
        correlation_id: given.correlation.correlation_id,
        cancel: Some(interrupt::cancel_token()),
        ..WaitOptions::default()
    };
    transaction(&given.common, |client| {
        let _spinner = Spinner::start(&given.common, options.time_limit());
        Ok(client.wait(&given.order_number, &options)?)
    })
}

/// Zero: the library's default.
pub fn seconds(given: Option<u32>) -> Duration {
    Duration::from_secs(given.unwrap_or_default().into())
}

fn version(common: &Common) -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    let text = match common.json {
        true => format!("{}\n", json!({ "ok": { "version": version } })),
        false => format!("flexpay {version}\n"),
    };
    output::write(&text, exit_status::OK)
}

fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "flexpay", &mut script);
    output::write(&String::from_utf8_lossy(&script), exit_status::OK)
}

fn man(directory: &Path) -> u8 {
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
