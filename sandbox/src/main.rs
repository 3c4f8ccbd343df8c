//! The command line of the sandbox.

mod commands;
mod run;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use flexpay_sandbox::customer::{Act, PhoneAct};
use flexpay_sandbox::relay;

/// A local FlexPay gateway to develop and test against.
#[derive(Parser)]
#[command(
    name = "flexpay-sandbox",
    version,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: run::Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway until SIGINT or SIGTERM (the default).
    Serve(Box<run::Serve>),
    /// Act as a customer on the card page or on the phone.
    Customer(Customer),
    /// Print the callbacks that the sandbox has posted.
    Callbacks(Callbacks),
    /// Print the checkout URL of a card payment.
    CheckoutUrl(CheckoutUrl),
    /// Forward connections to a sandbox, and count connections and round trips.
    Relay(Relay),
    /// Write the man pages into a folder.
    Man {
        /// The folder. It must exist.
        folder: PathBuf,
    },
}

#[derive(Args)]
struct Customer {
    /// What the customer does.
    act: CustomerAct,
    /// The URL of the card page or of the phone page, or of the sandbox with --reference or --phone.
    url: String,
    /// The merchant's reference for the payment.
    #[arg(long)]
    reference: Option<String>,
    /// The phone with the push, such as 243812345678: its newest one is meant.
    #[arg(long, value_name = "NUMBER", conflicts_with = "reference")]
    phone: Option<String>,
    /// Wait for the push at most this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u32,
    /// The CA certificate (PEM) to trust for an HTTPS page.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum CustomerAct {
    /// Pay with a card that is approved.
    Approve,
    /// Pay with a card that is declined.
    Decline,
    /// Press "Annuler" on the card page.
    Cancel,
    /// Confirm on the phone, with a PIN.
    Confirm,
    /// Refuse on the phone.
    Refuse,
    /// Let the push expire.
    Expire,
}

#[derive(Args)]
struct Callbacks {
    /// The URL of the sandbox, such as http://127.0.0.1:8400
    sandbox_url: String,
    /// Only callbacks about this order.
    #[arg(long, value_name = "ORDER_NUMBER")]
    order: Option<String>,
    /// Print only the bodies, as posted, one per line.
    #[arg(long)]
    body_only: bool,
    /// The CA certificate (PEM) to trust for an HTTPS sandbox.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Args)]
struct CheckoutUrl {
    /// The URL of the sandbox, such as http://127.0.0.1:8400
    sandbox_url: String,
    /// The merchant's reference for the payment.
    #[arg(long)]
    reference: String,
    /// The CA certificate (PEM) to trust for an HTTPS sandbox.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Args)]
struct Relay {
    /// The address to forward to, such as 127.0.0.1:8443
    to: SocketAddr,
    /// The file for the relay's own address, then one line per connection and per round trip.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run::serve(cli.serve),
        Some(Command::Serve(serve)) => run::serve(*serve),
        Some(Command::Customer(customer)) => {
            let on_card_page = |act| commands::customer_with_card(act, &customer);
            let on_phone = |act| commands::customer_with_phone(act, &customer);
            match customer.act {
                CustomerAct::Approve => on_card_page(Act::Approve),
                CustomerAct::Decline => on_card_page(Act::Decline),
                CustomerAct::Cancel => on_card_page(Act::Cancel),
                CustomerAct::Confirm => on_phone(PhoneAct::Confirm),
                CustomerAct::Refuse => on_phone(PhoneAct::Refuse),
                CustomerAct::Expire => on_phone(PhoneAct::Expire),
            }
        }
        Some(Command::Callbacks(which)) => commands::callbacks(
            &which.sandbox_url,
            which.order.as_deref(),
            which.body_only,
            which.ca_file.as_deref(),
        ),
        Some(Command::CheckoutUrl(which)) => commands::checkout_url(
            &which.sandbox_url,
            &which.reference,
            which.ca_file.as_deref(),
        ),
        Some(Command::Relay(relay)) => {
            relay::run(relay.to, &relay.record).map_err(|error| error.into())
        }
        Some(Command::Man { folder }) => {
            clap_mangen::generate_to(Cli::command(), folder).map_err(|error| error.into())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
