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
mod journal;
mod json;
mod output;
mod settings;
mod spinner;
mod texts;

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Arguments, Format};
use call::Failure;

fn main() -> ExitCode {
    let status = match refuse_token(std::env::args_os()) {
        Ok(()) => commands::run(Arguments::parse().command),
        Err(failure) => output::print(Err(failure), "", &Format::Person),
    };
    ExitCode::from(status)
}

/// Refuses the token on the command line, which every user of the machine can read.
fn refuse_token(mut arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let is_token = |argument: OsString| {
        let argument = argument.to_string_lossy();
        argument == "--token" || argument.starts_with("--token=")
    };
    match arguments.any(is_token) {
        false => Ok(()),
        true => Err(Failure::invalid(
            "token",
            "must not be on the command line, where every user of this machine can read it: set \
             FLEXPAY_TOKEN in the environment, or write it into a file for --env-file",
        )),
    }
}
