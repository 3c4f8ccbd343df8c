//! The command line of the sandbox.

mod commands;
mod run;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use flexpay_sandbox::customer::Act;
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
    /// Act as a customer on a card page.
    Customer(Customer),
    /// Print the callbacks that the sandbox has posted.
    Callbacks(Callbacks),
    /// Print the checkout URL of a payment.
    CheckoutUrl(CheckoutUrl),
    /// Forward connections to a sandbox, and count connections and round trips.
    Relay(Relay),
}

#[derive(Args)]
struct Customer {
    /// What the customer does.
    act: CustomerAct,
    /// The URL of the card page.
    checkout_url: String,
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
    /// Press "Annuler".
    Cancel,
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
            let act = match customer.act {
                CustomerAct::Approve => Act::Approve,
                CustomerAct::Decline => Act::Decline,
                CustomerAct::Cancel => Act::Cancel,
            };
            commands::customer(act, &customer.checkout_url, customer.ca_file.as_deref())
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
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
