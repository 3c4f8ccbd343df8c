//! The token is in no error, no `Debug` output and no log line, not even at trace level.

mod common;

use common::*;
use flexpay::{Api, Client, Config};
use flexpay_sandbox::{Action, Endpoint, Fault};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Short enough to fit into one row of a hex dump.
const CANARY: &str = "c4n4ry-tok3n";

/// A logger that stores every line.
struct Recorder;

static LINES: OnceLock<Mutex<Vec<String>>> = OnceLock::new();

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.target(), record.args());
        LINES.get_or_init(Mutex::default).lock().unwrap().push(line);
    }
    fn flush(&self) {}
}

#[test]
fn the_token_is_in_no_error_no_debug_output_and_no_log_line() {
    log::set_logger(&Recorder).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let sandbox = flexpay_sandbox::Sandbox::start_with(flexpay_sandbox::Options {
        token: CANARY.into(),
        ..Default::default()
    })
    .unwrap();
    let mut outputs = Vec::new();
    for api in [Api::V1, Api::V1_1] {
        for config in [config(&sandbox, api), secure_config(&sandbox, api)] {
            outputs.push(format!("{config:?}"));
            let client = Client::new(config.clone()).unwrap();
            outputs.push(format!("{client:?}"));
            let reference = format!("S-{}", sandbox.payments().len());
            client
                .pay(&request(&reference))
                .expect("the token reached the gateway");
            client.check("1").unwrap_err();
            for action in [
                Action::ResetAfterReading,
                Action::CutAfter { bytes: 5 },
                Action::MalformedJson,
                Action::Html {
                    status: 500,
                    record: false,
                },
                Action::StallAfter { bytes: 0 },
            ] {
                sandbox
                    .inject(Fault::on(Endpoint::Any, action).times(2))
                    .unwrap();
                let short_timeout = Config {
                    timeout: Duration::from_millis(300),
                    check_once: true,
                    ..config.clone()
                };
                let client = Client::new(short_timeout).unwrap();
                for error in [
                    client.pay(&request("S-F")).unwrap_err(),
                    client.check("1").unwrap_err(),
                ] {
                    outputs.push(format!("{error} {error:?}"));
                }
                sandbox.clear_faults();
            }
        }
    }
    let bearer = format!("Bearer {CANARY}");
    let requests = sandbox.requests();
    let sent = requests
        .iter()
        .filter(|request| request.header("authorization") == Some(&bearer))
        .count();
    assert!(sent >= 4, "the token was sent");

    let lines = LINES.get().unwrap().lock().unwrap();
    assert!(
        lines.iter().any(|line| line.starts_with("ureq_proto")),
        "trace level is on"
    );
    // A hex dump shows 16 bytes per row and may split the token, so its halves must not appear
    // either.
    let (first_half, second_half) = CANARY.split_at(6);
    for text in outputs.iter().chain(lines.iter()) {
        assert!(
            !text.contains(first_half) && !text.contains(second_half),
            "{text}"
        );
    }
}
