//! The command line. The help, the completions and the man pages come from these definitions.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

use crate::call::Failure;
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
    /// Asks about a payment of the journal, and records its state.
    Settle(Settle),
    /// Verifies a callback of a payment of the journal, and records its state.
    SettleCallback(SettleCallback),
    /// The journal: what is known of each payment, what is in doubt, and what is to be delivered.
    #[command(subcommand)]
    Journal(Journal),
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
    /// Prints only this field of the result, for scripts: an empty line if it has no value. Errors, and the
    /// other fields of an accepted request, go to stderr.
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub field: Option<String>,
    /// Reads settings from this file, with lines such as FLEXPAY_TOKEN=… They replace those of the
    /// environment.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
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
    /// Checks that the results of this command have the field, before anything is sent.
    pub fn format(&self, fields: &[&str]) -> Result<Format<'_>, Failure> {
        match &self.field {
            Some(name) if fields.contains(&name.as_str()) => Ok(Format::Field(name)),
            Some(name) => Err(Failure::invalid(
                "field",
                format!("{name:?} is none of {}", fields.join(", ")),
            )),
            None if self.json => Ok(Format::Json),
            None => Ok(Format::Person),
        }
    }
}

/// The fields of a payment or a payout.
pub const PAYMENT_FIELDS: &[&str] = &[
    "redirect_url",
    "order_number",
    "code",
    "message",
    "page",
    "is_recorded",
    "trace",
];
/// The fields of a transaction.
pub const TRANSACTION_FIELDS: &[&str] = &[
    "state",
    "status",
    "order_number",
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
    "raw",
    "trace",
];
/// The fields of a callback.
pub const CALLBACK_FIELDS: &[&str] = &[
    "claims_success",
    "code",
    "reference",
    "provider_reference",
    "order_number",
    "amount",
    "amount_customer",
    "currency",
    "phone",
    "created_at",
    "channel",
    "message",
    "raw",
    "key",
];

/// The fields of a payment of the journal.
pub const SETTLEMENT_FIELDS: &[&str] = &[
    "reference",
    "kind",
    "amount",
    "currency",
    "phone",
    "state",
    "changed",
    "to_deliver",
    "is_open",
    "order_number",
    "other_order_number",
    "redirect_url",
    "page",
    "last_answer",
    "resolved_by",
    "resolved_why",
    "created_at",
    "changed_at",
    "problem",
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
    /// How long to wait, in seconds. 600 by default; 300 with --kind mobile.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub timeout: Option<u32>,
    /// How long FAILED must last before it is final, in seconds. 30 by default; 90 with --kind mobile, 300 with --kind payout: the gateway may still
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

/// What the commands of the journal accept.
#[derive(Args)]
pub struct JournalOptions {
    #[command(flatten)]
    pub common: Common,
    /// The file of the journal, instead of FLEXPAY_JOURNAL.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<String>,
}

/// Asks the gateway about a payment of the journal, compares the reply with what is recorded, and records the
/// state. A payment whose order number is not known cannot be asked about: it is printed as it is.
///
/// Exit status 0 means PAID, and 17 that it was acknowledged before. Deliver only after `flexpay journal
/// acknowledge` ends with 0.
#[derive(Args)]
pub struct Settle {
    #[command(flatten)]
    pub options: JournalOptions,
    /// Your reference.
    #[arg(value_name = "REFERENCE")]
    pub reference: String,
    /// Waits until the state is final.
    #[arg(long)]
    pub wait: bool,
    /// With --wait: how long, in seconds. 600 by default; 300 for mobile money.
    #[arg(long, value_name = "SECONDS", requires = "wait", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub timeout: Option<u32>,
    /// With --wait: how long FAILED must last before it is final, in seconds. 30 by default; 90 for mobile money,
    /// 300 for a payout: the gateway may still report PAID.
    #[arg(long, value_name = "SECONDS", requires = "wait", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub failed_grace: Option<u32>,
}

#[derive(Args)]
pub struct SettleCallback {
    #[command(flatten)]
    pub options: JournalOptions,
    /// The file with the body of the callback. Without it, or with "-": stdin.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// The query string of the callback's request. Required with FLEXPAY_CALLBACK_SECRET.
    #[arg(long)]
    pub query: Option<String>,
}

/// Only `reconcile` sends requests, and needs the token; the others need the file alone.
#[derive(Subcommand)]
pub enum Journal {
    /// Lists payments, in the order of their references.
    List(JournalList),
    /// Shows what is recorded of a payment. Asks nobody.
    Show(JournalShow),
    /// Asks about every payment that is open, and records its state. Run it when the shop opens, and every few
    /// minutes. Prints those that are open or are to be delivered. The exit status is not 0 if one is in doubt, or if
    /// nothing could be learnt about one.
    Reconcile(JournalReconcile),
    /// Records that you deliver what was paid. Deliver only if the exit status is 0: it is once for each payment.
    Acknowledge(JournalShow),
    /// Records what you found out about a payment in doubt. Nobody can say that it is paid: the gateway alone.
    Resolve(JournalResolve),
    /// Writes the whole journal to stdout.
    ///
    /// Nothing in it is changed. In a spreadsheet, import all columns as text: a spreadsheet may otherwise change
    /// a reference such as 0017, or run one that begins with "=".
    Export(JournalExport),
    /// Reads the whole file and every entry. The exit status is 0 only if all is well.
    ///
    /// Payments wait meanwhile: if the journal is large, run it when the shop is closed.
    Verify(JournalOptions),
    /// Removes payments that are closed and delivered. Their references stay used, and are never sent again.
    Prune(JournalPrune),
}

#[derive(Args)]
pub struct JournalList {
    #[command(flatten)]
    pub options: JournalOptions,
    /// Only payments about which more may be learnt.
    #[arg(long)]
    pub open: bool,
    /// Only payments about which nobody knows whether the gateway has them.
    #[arg(long, conflicts_with = "open")]
    pub in_doubt: bool,
    /// Only payments that are paid and not acknowledged.
    #[arg(long, conflicts_with_all = ["open", "in_doubt"])]
    pub to_deliver: bool,
}

#[derive(Args)]
pub struct JournalShow {
    #[command(flatten)]
    pub options: JournalOptions,
    /// Your reference.
    #[arg(value_name = "REFERENCE")]
    pub reference: String,
}

#[derive(Args)]
pub struct JournalReconcile {
    #[command(flatten)]
    pub options: JournalOptions,
    /// No further payment is asked about after this time, in seconds. 300 by default.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub timeout: Option<u32>,
}

#[derive(Args)]
#[group(id = "found", required = true, args = ["state", "order_number"])]
pub struct JournalResolve {
    #[command(flatten)]
    pub options: JournalOptions,
    /// Your reference.
    #[arg(value_name = "REFERENCE")]
    pub reference: String,
    /// not-sent: FlexPay's merchant console has no such payment, and it may be sent again. failed, cancelled: it
    /// will not be paid.
    #[arg(long, value_enum)]
    pub state: Option<ResolvedState>,
    /// The order number that the console shows for the payment. Then run `flexpay settle`.
    #[arg(long, value_name = "NUMBER")]
    pub order_number: Option<String>,
    /// Who says so. It is recorded.
    #[arg(long, value_name = "WHO")]
    pub by: String,
    /// Why. It is recorded.
    #[arg(long, value_name = "WHY")]
    pub why: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ResolvedState {
    NotSent,
    Failed,
    Cancelled,
}

#[derive(Args)]
pub struct JournalExport {
    /// csv: a line of titles, then a line for each payment. jsonl: a JSON object a line.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Reads settings from this file, with lines such as FLEXPAY_JOURNAL=…
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// The file of the journal, instead of FLEXPAY_JOURNAL.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Jsonl,
}

#[derive(Args)]
pub struct JournalPrune {
    #[command(flatten)]
    pub options: JournalOptions,
    /// Only payments that have not changed for this many days, by this machine's clock.
    #[arg(long, value_name = "DAYS")]
    pub older_than: u32,
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
