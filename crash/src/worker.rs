//! The program that is killed: one call of the library, with a journal, as a merchant would write it.
//!
//! The settings come from the environment, as in the examples. What the call returned is printed on one line:
//! this is the moment when the caller has heard it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use flexpay::journal::{Filter, ReconcileOptions, Resolution, Settlement, Stored};
use flexpay::{Api, Client, Config, Error, MobileRequest, Payment, PaymentRequest, PayoutRequest};
use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::shift::{self, Shift};

pub const AMOUNT: &str = "25.50";
pub const CURRENCY: &str = "USD";
const PHONE: &str = "243812345678";
const CALLBACK_URL: &str = "https://zando.example/callback";

/// How the payment is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// By card, over the service whose replies have no order number.
    Form,
    /// By card, over the service whose replies have one.
    Card,
    Mobile,
    Payout,
}

/// One call.
#[derive(Clone, Debug, Subcommand)]
pub enum Call {
    /// Requests a payment.
    Pay { way: Way, reference: String },
    /// Asks the gateway about a payment.
    Settle { reference: String },
    /// Receives the gateway's callback.
    Callback {
        reference: String,
        order_number: String,
    },
    /// Asks about all that is open.
    Reconcile,
    /// Acknowledges what is paid, and delivers it: adds a line to the log.
    Deliver { reference: String, log: PathBuf },
    /// A person says what the merchant's console shows: this order, or nothing.
    Resolve {
        reference: String,
        order_number: Option<String>,
    },
    /// Removes what is closed and delivered.
    Prune,
    /// Many calls of all kinds, chosen by the seed.
    Shift(Shift),
}

/// What the caller heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub reference: String,
    /// `ACCEPTED` of a payment, else the state of the entry. Empty for an error.
    pub state: String,
    pub order_number: Option<String>,
    /// The payment came from the journal.
    pub is_recorded: bool,
    /// The entry changed, or was delivered.
    pub changed: bool,
    pub is_delivered: bool,
    pub error: Option<HeardError>,
}

/// An error that the caller heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardError {
    pub code: String,
    pub outcome: String,
    pub message: String,
}

/// Makes the call. The exit status is 1 after an error of the library.
pub fn run(call: &Call, mutant: Option<Mutant>) -> ExitCode {
    let run = || {
        let client = client(call)?;
        let made = mutant.and_then(|mutant| mutant.make(&client, call));
        let heard = match made {
            Some(heard) => vec![heard?],
            None => make(&client, call)?,
        };
        // Before the journal is closed: a merchant does not wait for that.
        heard.iter().for_each(say);
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&Heard::error(call.reference(), &error));
            ExitCode::FAILURE
        }
    }
}

fn client(call: &Call) -> flexpay::Result<Client> {
    let mut config = Config::from_env()?;
    config.allow_payout = true;
    if let Call::Pay { way, .. } = call {
        config.api = way.api();
        config.pay_url = config.pay_url.map(|url| way.pay_url(&url));
    }
    Client::new(config)
}

pub fn make(client: &Client, call: &Call) -> flexpay::Result<Vec<Heard>> {
    let heard = match call {
        Call::Pay { way, reference } => Heard::payment(reference, &way.pay(client, reference)?),
        Call::Settle { reference } => client.settle(reference)?.into(),
        Call::Callback {
            reference,
            order_number,
        } => client
            .settle_callback(&callback(reference, order_number), None)?
            .into(),
        Call::Reconcile => {
            let found = client.reconcile(&ReconcileOptions::default())?;
            if let Some(error) = found.stopped {
                return Err(error);
            }
            return Ok(found.settlements.into_iter().map(Heard::from).collect());
        }
        Call::Deliver { reference, log } => deliver(client, reference, log)?.into(),
        Call::Resolve {
            reference,
            order_number,
        } => {
            let resolution = match order_number.clone() {
                Some(order_number) => Resolution::Order { order_number },
                None => Resolution::NotSent,
            };
            client
                .journal()?
                .resolve(reference, resolution, "Awa", "seen in the console")?
                .into()
        }
        Call::Prune => {
            client.journal()?.prune(0)?;
            let left = client.journal()?.list(Filter::All, "", 1_000)?;
            return Ok(left.into_iter().map(Heard::from).collect());
        }
        Call::Shift(shift) => {
            shift::work(client, shift);
            return Ok(Vec::new());
        }
    };
    Ok(vec![heard])
}

/// The merchant's protocol: acknowledge, and deliver if this call changed the entry.
fn deliver(client: &Client, reference: &str, log: &Path) -> flexpay::Result<Settlement> {
    let settlement = client.journal()?.acknowledge(reference)?;
    if settlement.changed
        && let Err(error) = hand_over(log, reference)
    {
        eprintln!("{}: {error}", log.display());
    }
    Ok(settlement)
}

/// Adds a line to the log of what was delivered.
pub fn hand_over(log: &Path, reference: &str) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(log)?;
    file.write_all(format!("DELIVERED {reference}\n").as_bytes())
}

/// Prints what was heard, in one system call.
pub fn say(heard: &Heard) {
    let line = serde_json::to_string(heard).expect("plain fields");
    println!("{line}");
}

/// The body of the gateway's callback.
fn callback(reference: &str, order_number: &str) -> Vec<u8> {
    format!(r#"{{"code":"0","reference":"{reference}","orderNumber":"{order_number}"}}"#)
        .into_bytes()
}

impl Call {
    pub fn reference(&self) -> &str {
        match self {
            Self::Pay { reference, .. }
            | Self::Settle { reference }
            | Self::Callback { reference, .. }
            | Self::Deliver { reference, .. }
            | Self::Resolve { reference, .. } => reference,
            Self::Reconcile | Self::Prune | Self::Shift(_) => "",
        }
    }

    /// The arguments that make this call of the program again.
    pub fn arguments(&self) -> Vec<String> {
        let text = |text: &str| text.to_owned();
        match self {
            Self::Pay { way, reference } => {
                vec![text("pay"), text(way.name()), text(reference)]
            }
            Self::Settle { reference } => vec![text("settle"), text(reference)],
            Self::Callback {
                reference,
                order_number,
            } => vec![text("callback"), text(reference), text(order_number)],
            Self::Reconcile => vec![text("reconcile")],
            Self::Deliver { reference, log } => {
                vec![text("deliver"), text(reference), log.display().to_string()]
            }
            Self::Resolve {
                reference,
                order_number,
            } => {
                let mut all = vec![text("resolve"), text(reference)];
                all.extend(order_number.clone());
                all
            }
            Self::Prune => vec![text("prune")],
            Self::Shift(shift) => {
                let mut all = vec![text("shift")];
                all.extend(shift.arguments());
                all
            }
        }
    }
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Card => "card",
            Self::Mobile => "mobile",
            Self::Payout => "payout",
        }
    }

    pub fn api(self) -> Api {
        match self {
            Self::Form => Api::V1,
            _ => Api::V1_1,
        }
    }

    /// The address of the service, of the one with order numbers.
    pub fn pay_url(self, url: &str) -> String {
        match self {
            Self::Form => url.replace("/v1.1/", "/v1/"),
            _ => url.to_owned(),
        }
    }

    pub fn pay(self, client: &Client, reference: &str) -> flexpay::Result<Payment> {
        let reference = reference.to_owned();
        let (amount, currency) = (AMOUNT.to_owned(), CURRENCY.to_owned());
        match self {
            Self::Form | Self::Card => client.pay(&PaymentRequest {
                reference,
                amount,
                currency,
                callback_url: Some(CALLBACK_URL.to_owned()),
                approve_url: Some("https://zando.example/merci".to_owned()),
                cancel_url: Some("https://zando.example/annule".to_owned()),
                decline_url: Some("https://zando.example/refus".to_owned()),
                ..PaymentRequest::default()
            }),
            Self::Mobile => client.pay_mobile(&MobileRequest {
                reference,
                amount,
                currency,
                phone: PHONE.to_owned(),
                callback_url: CALLBACK_URL.to_owned(),
                ..MobileRequest::default()
            }),
            Self::Payout => client.payout(&PayoutRequest {
                reference,
                amount,
                currency,
                phone: PHONE.to_owned(),
                callback_url: CALLBACK_URL.to_owned(),
                ..PayoutRequest::default()
            }),
        }
    }
}

impl Heard {
    pub fn payment(reference: &str, payment: &Payment) -> Self {
        Self {
            reference: reference.to_owned(),
            state: "ACCEPTED".to_owned(),
            order_number: payment.order_number.clone(),
            is_recorded: payment.is_recorded,
            ..Self::default()
        }
    }

    pub fn error(reference: &str, error: &Error) -> Self {
        Self {
            reference: reference.to_owned(),
            order_number: error.order_number().map(str::to_owned),
            error: Some(HeardError {
                code: error.code().name().to_owned(),
                outcome: error.outcome().name().to_owned(),
                message: error.message().to_owned(),
            }),
            ..Self::default()
        }
    }
}

impl From<Settlement> for Heard {
    fn from(settlement: Settlement) -> Self {
        Self {
            changed: settlement.changed,
            ..settlement.stored.into()
        }
    }
}

impl From<Stored> for Heard {
    fn from(stored: Stored) -> Self {
        Self {
            reference: stored.entry.reference,
            state: stored.entry.state.name().to_owned(),
            order_number: stored.entry.order_number,
            is_delivered: stored.entry.is_delivered,
            ..Self::default()
        }
    }
}
