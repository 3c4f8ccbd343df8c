//! Helpers: the program, and a sandbox for it.
#![allow(dead_code)]

pub mod bridge;

use flexpay_sandbox::Sandbox;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

pub fn sandbox() -> Sandbox {
    Sandbox::start().expect("the sandbox starts")
}

/// The program with the settings of this sandbox, and no others of the environment.
pub fn program(sandbox: &Sandbox) -> Command {
    let mut command = bare_program();
    let base = sandbox.https_url();
    command
        .env("FLEXPAY_MERCHANT", sandbox.merchant())
        .env("FLEXPAY_TOKEN", sandbox.token())
        .env("FLEXPAY_API", "v1.1")
        .env("FLEXPAY_PAY_URL", format!("{base}/v1.1/pay"))
        .env("FLEXPAY_CHECK_URL", format!("{base}/api/rest/v1/check"))
        .env(
            "FLEXPAY_MOBILE_URL",
            format!("{base}/api/rest/v1/paymentService"),
        )
        .env(
            "FLEXPAY_PAYOUT_URL",
            format!("{base}/api/rest/v1/merchantPayOutService"),
        )
        .env("FLEXPAY_CA_FILE", sandbox.ca_file());
    command
}

/// The program without settings.
pub fn bare_program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flexpay"));
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("FLEXPAY_") || name_text.starts_with("LC_") || name_text == "LANG"
        {
            command.env_remove(&name);
        }
    }
    command.env("LANG", "C.UTF-8");
    command
}

/// What a command printed, and its exit status.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

pub fn run(command: &mut Command, arguments: &[&str]) -> Run {
    command.args(arguments).stdin(Stdio::null());
    finished(command.output().expect("the program runs"))
}

pub fn run_with_input(command: &mut Command, arguments: &[&str], input: &[u8]) -> Run {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("the program reads");
    drop(stdin);
    finished(child.wait_with_output().expect("the program ends"))
}

pub fn finished(output: Output) -> Run {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run {
        status: output.status.code().expect("an exit status"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
