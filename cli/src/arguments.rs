//! The command line. The help, the completions and the man pages come from these definitions.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

use crate::exit_status;

/// Payments through FlexPay, the payment gateway of the DR Congo: cards, mobile money, payouts.
///
/// The settings are read from environment variables: FLEXPAY_MERCHANT, FLEXPAY_TOKEN and those that
/// flexpay.h lists at flexpay_client_from_env. `flexpay doctor` finds what is wrong with them.
#[derive(Parser)]
#[command(name = "flexpay", version, after_help = exit_status::HELP, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Requests a payment by card, and prints the address for the customer.
    Pay(Pay),
    /// Requests a payment by mobile money: the customer confirms on the phone.
    PayMobile(PayMobile),
    /// Sends your money to a mobile money account. Needs FLEXPAY_ALLOW_PAYOUT=1.
    Payout(Payout),
    /// Gets the state of an order.
    Check(Check),
    /// Waits until the state of an order is final.
    Wait(Wait),
    /// Checks an order, and compares it with your records.
    VerifyOrder(VerifyOrder),
    /// Verifies a callback: checks its order, and compares it with your records.
    VerifyCallback(VerifyCallback),
    /// Reads a callback. It proves nothing: anyone can send one.
    ParseCallback(ParseCallback),
    /// Finds what is wrong with the settings, the network and the token, and says what to do.
    Doctor(DoctorOptions),
    /// Serves other software: JSON requests on stdin, JSON replies on stdout, one per line.
    Bridge(BridgeOptions),
    /// Prints the version.
    Version(Common),
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Writes the man pages into a directory.
    Man {
        /// The directory. It must exist.
        directory: PathBuf,
    },
}

/// What all commands accept.
#[derive(Args, Clone, Default)]
pub struct Common {
    /// Prints one JSON object, for programs.
    #[arg(long)]
    pub json: bool,
    /// Prints only this field of the result, for scripts: an empty line if it has no value. An error goes to
    /// stderr.
    #[arg(long, value_name = "NAME", conflicts_with = "json", hide_possible_values = true,
        value_parser = clap::builder::PossibleValuesParser::new(FIELDS))]
    pub field: Option<String>,
    /// Reads settings from this file, with lines such as FLEXPAY_TOKEN=… They replace those of the
    /// environment.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    // Refused: every user of the machine can read the command line of a process.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub token: Option<String>,
}

/// How a result is printed.
pub enum Format<'a> {
    /// For a person.
    Person,
    Json,
    /// One field, for a script.
    Field(&'a str),
}

impl Common {
    pub fn format(&self) -> Format<'_> {
        match &self.field {
            Some(name) => Format::Field(name),
            None if self.json => Format::Json,
            None => Format::Person,
        }
    }
}

/// The fields of all results. A wrong name is refused before anything is sent.
const FIELDS: [&str; 20] = [
    "redirect_url",
    "order_number",
    "state",
    "status",
    "reference",
    "amount",
    "amount_customer",
    "amount_minor",
    "amount_customer_minor",
    "currency",
    "created_at",
    "channel",
    "code",
    "message",
    "page",
    "raw",
    "trace",
    "claims_success",
    "provider_reference",
    "phone",
];

/// An id of your own.
#[derive(Args)]
pub struct Correlation {
    /// An id of your own for this call, for its trace (FLEXPAY_TRACE=1).
    #[arg(long, value_name = "ID")]
    pub correlation_id: Option<String>,
}

#[derive(Args)]
pub struct Pay {
    #[command(flatten)]
    pub common: Common,
    /// Your own reference. Never use one twice.
    #[arg(long)]
    pub reference: String,
    /// The amount: "25.50".
    #[arg(long)]
    pub amount: String,
    /// CDF or USD.
    #[arg(long)]
    pub currency: String,
    /// What the payment is for, shown to the customer.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Where the gateway sends its callback.
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// Where the customer's browser goes after the payment.
    #[arg(long, value_name = "URL")]
    pub approve_url: Option<String>,
    /// Where it goes after "cancel".
    #[arg(long, value_name = "URL")]
    pub cancel_url: Option<String>,
    /// Where it goes if the card was declined.
    #[arg(long, value_name = "URL")]
    pub decline_url: Option<String>,
    /// Your home page.
    #[arg(long, value_name = "URL")]
    pub home_url: Option<String>,
    #[command(flatten)]
    pub correlation: Correlation,
}

#[derive(Args)]
pub struct PayMobile {
    #[command(flatten)]
    pub common: Common,
    /// Your own reference. Never use one twice.
    #[arg(long)]
    pub reference: String,
    /// The amount: "575", "25.50".
    #[arg(long)]
    pub amount: String,
    /// CDF or USD.
    #[arg(long)]
    pub currency: String,
    /// The customer's phone number: 0812345678, "+243 81 234 56 78".
    #[arg(long)]
    pub phone: String,
    /// Where the gateway sends its callback.
    #[arg(long, value_name = "URL")]
    pub callback_url: String,
    /// What the payment is for.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The address after the payment.
    #[arg(long, value_name = "URL")]
    pub approve_url: Option<String>,
    /// The address after "cancel".
    #[arg(long, value_name = "URL")]
    pub cancel_url: Option<String>,
    /// The address after a refusal.
    #[arg(long, value_name = "URL")]
    pub decline_url: Option<String>,
    /// The address to return to.
    #[arg(long, value_name = "URL")]
    pub return_url: Option<String>,
    #[command(flatten)]
    pub correlation: Correlation,
}

#[derive(Args)]
pub struct Payout {
    #[command(flatten)]
    pub common: Common,
    /// Your own reference. Never use one twice, and never that of a payment.
    #[arg(long)]
    pub reference: String,
    /// The amount: "575", "25.50".
    #[arg(long)]
    pub amount: String,
    /// CDF or USD.
    #[arg(long)]
    pub currency: String,
    /// The beneficiary's phone number: 0812345678, "+243 81 234 56 78".
    #[arg(long)]
    pub phone: String,
    /// Where the gateway sends its callback.
    #[arg(long, value_name = "URL")]
    pub callback_url: String,
    #[command(flatten)]
    pub correlation: Correlation,
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    pub common: Common,
    /// The gateway's order number.
    #[arg(value_name = "ORDER_NUMBER")]
    pub order_number: String,
}

#[derive(Args)]
pub struct Wait {
    #[command(flatten)]
    pub common: Common,
    /// The gateway's order number.
    #[arg(value_name = "ORDER_NUMBER")]
    pub order_number: String,
    /// Your reference. With --amount and --currency: another payment is then an error.
    #[arg(long, requires_all = ["amount", "currency"])]
    pub reference: Option<String>,
    /// The amount that you requested.
    #[arg(long, requires_all = ["reference", "currency"])]
    pub amount: Option<String>,
    /// The currency that you requested.
    #[arg(long, requires_all = ["reference", "amount"])]
    pub currency: Option<String>,
    /// The kind of payment.
    #[arg(long, value_enum, default_value_t, requires = "reference")]
    pub kind: KindArgument,
    /// How long to wait, in seconds. 600 by default; 300 for a mobile payment.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub timeout: Option<u32>,
    /// How long FAILED must last before it is final, in seconds. 30 by default: the gateway may still
    /// report PAID.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub failed_grace: Option<u32>,
    #[command(flatten)]
    pub correlation: Correlation,
}

/// A payment from your records.
#[derive(Args)]
pub struct Expected {
    /// The reference of the payment.
    #[arg(long)]
    pub reference: String,
    /// Its amount.
    #[arg(long)]
    pub amount: String,
    /// Its currency.
    #[arg(long)]
    pub currency: String,
    /// Its kind.
    #[arg(long, value_enum, default_value_t)]
    pub kind: KindArgument,
}

#[derive(Args)]
pub struct VerifyOrder {
    #[command(flatten)]
    pub common: Common,
    /// The gateway's order number.
    #[arg(value_name = "ORDER_NUMBER")]
    pub order_number: String,
    #[command(flatten)]
    pub expected: Expected,
    #[command(flatten)]
    pub correlation: Correlation,
}

#[derive(Args)]
pub struct VerifyCallback {
    #[command(flatten)]
    pub common: Common,
    /// The file with the body of the callback. Without it, or with "-": stdin.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    #[command(flatten)]
    pub expected: Expected,
    /// The order number that you recorded.
    #[arg(long)]
    pub order_number: Option<String>,
    /// The query string of the callback's request. Required with FLEXPAY_CALLBACK_SECRET.
    #[arg(long)]
    pub query: Option<String>,
    #[command(flatten)]
    pub correlation: Correlation,
}

#[derive(Args)]
pub struct ParseCallback {
    #[command(flatten)]
    pub common: Common,
    /// The file with the body of the callback. Without it, or with "-": stdin.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

#[derive(Args)]
pub struct DoctorOptions {
    #[command(flatten)]
    pub common: Common,
    /// Sends nothing: examines the settings and the token alone.
    #[arg(long)]
    pub offline: bool,
    /// Sends nothing that contains the token: the check service is not examined, nor whether the
    /// gateway accepts the token.
    #[arg(long, conflicts_with = "offline")]
    pub without_token: bool,
    /// Your callback address: examines its form.
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
}

#[derive(Args)]
pub struct BridgeOptions {
    /// Reads settings from this file, with lines such as FLEXPAY_TOKEN=…
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum KindArgument {
    #[default]
    Card,
    Mobile,
    Payout,
}

impl From<KindArgument> for flexpay::Kind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::Card => Self::Card,
            KindArgument::Mobile => Self::Mobile,
            KindArgument::Payout => Self::Payout,
        }
    }
}
