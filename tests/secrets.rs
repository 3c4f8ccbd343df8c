//! The token appears nowhere: no error, no `Debug`, no log line at the finest level.

mod common;

use common::*;
use flexpay::{Api, Client, Config};
use flexpay_sandbox::{Action, Endpoint, Fault};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Short enough to fit into one row of a hex dump, too.
const CANARY: &str = "c4n4ry-tok3n";

/// Keeps every line that anybody logs.
struct Keep;

static LINES: OnceLock<Mutex<Vec<String>>> = OnceLock::new();

impl log::Log for Keep {
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
    log::set_logger(&Keep).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let sandbox = flexpay_sandbox::Sandbox::start_with(flexpay_sandbox::Options {
        token: CANARY.into(),
        ..Default::default()
    })
    .unwrap();
    let mut said = Vec::new();
    for api in [Api::V1, Api::V1_1] {
        for config in [config(&sandbox, api), secure_config(&sandbox, api)] {
            said.push(format!("{config:?}"));
            let client = Client::new(config.clone()).unwrap();
            said.push(format!("{client:?}"));
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
                let impatient = Config {
                    timeout: Duration::from_millis(300),
                    check_once: true,
                    ..config.clone()
                };
                let client = Client::new(impatient).unwrap();
                for error in [
                    client.pay(&request("S-F")).unwrap_err(),
                    client.check("1").unwrap_err(),
                ] {
                    said.push(format!("{error} {error:?}"));
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
    assert!(sent >= 4, "the token did travel");

    let lines = LINES.get().unwrap().lock().unwrap();
    assert!(
        lines.iter().any(|line| line.starts_with("ureq_proto")),
        "the finest level is on"
    );
    // A hex dump shows sixteen bytes a row, so that a token may be cut in two: its halves must
    // not be there either.
    let (front, back) = CANARY.split_at(6);
    for text in said.iter().chain(lines.iter()) {
        assert!(!text.contains(front) && !text.contains(back), "{text}");
    }
}
