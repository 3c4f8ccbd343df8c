//! `flexpay`: payments, payouts and checks on the command line, and a bridge for software that cannot
//! load a shared library.

// Only doctor/library.rs, which calls C functions, may contain unsafe code.
#![deny(unsafe_code)]

mod arguments;
mod bridge;
mod call;
mod commands;
mod doctor;
mod exit_status;
mod input;
mod interrupt;
mod json;
mod output;
mod settings;
mod texts;

use clap::Parser;
use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let status = match arguments.command {
        Command::Completions { shell } => commands::completions(shell),
        Command::Man { directory } => commands::man(&directory),
        Command::Bridge(options) => bridge::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Version(options) => commands::version(&options),
        other => commands::run(other),
    };
    ExitCode::from(status)
}
