//! The examples for software that cannot load a shared library: Node and Free Pascal over the bridge, and
//! a shell script.

#[path = "../common/mod.rs"]
mod common;
mod example;
mod recorder;

use common::{finished, program, sandbox};
use example::{EXAMPLES, Example, Verdict, WITH_BRIDGE, in_project, spawn};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Payment, Sandbox};
use recorder::{Recorder, until};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const FLEXPAY: &str = env!("CARGO_BIN_EXE_flexpay");
const CARD: &str = "";
/// The sandbox's test phones.
const CONFIRMS: &str = "0810000001";
const REFUSES: &str = "0810000005";

/// The first payment of a sandbox, when there is one.
fn payment(sandbox: &Sandbox) -> Payment {
    until("a payment is requested", || {
        sandbox.payments().into_iter().next()
    })
}

/// How many payments were requested, successfully or not.
fn payment_requests(sandbox: &Sandbox) -> usize {
    let requests = sandbox.requests();
    let moves_money = |endpoint| matches!(endpoint, Endpoint::Pay | Endpoint::Mobile);
    requests
        .iter()
        .filter(|request| moves_money(request.endpoint))
        .count()
}

#[test]
fn a_card_is_charged() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let running = example.start(Path::new(FLEXPAY), &sandbox, "O-1", CARD);
        let payment = payment(&sandbox);
        sandbox
            .decide_silently(&payment.order_number, Decision::Approve)
            .unwrap();
        let ended = running.end();
        let stdout = &ended.stdout;
        assert_eq!(ended.verdict, Verdict::Paid, "{example:?}: {stdout}");
        assert!(stdout.starts_with("Requesting 25.50 USD, reference O-1"));
        assert!(stdout.contains(&payment.checkout_url), "{stdout}");
        assert!(stdout.contains("PAID"), "{stdout}");
        assert_eq!(payment_requests(&sandbox), 1);
    }
}

#[test]
fn a_phone_is_charged() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let ended = example
            .start(Path::new(FLEXPAY), &sandbox, "O-1", CONFIRMS)
            .end();
        let stdout = &ended.stdout;
        assert_eq!(ended.verdict, Verdict::Paid, "{example:?}: {stdout}");
        assert!(stdout.contains("confirms on the phone"), "{stdout}");
        assert!(stdout.contains("PAID"), "{stdout}");
        assert_eq!(payment_requests(&sandbox), 1);
    }
}

#[test]
fn a_declined_payment_is_not_paid() {
    for example in EXAMPLES {
        for phone in [CARD, REFUSES] {
            let sandbox = sandbox();
            let running = example.start(Path::new(FLEXPAY), &sandbox, "O-1", phone);
            if phone == CARD {
                let number = payment(&sandbox).order_number;
                sandbox.decide_silently(&number, Decision::Decline).unwrap();
            }
            let ended = running.end();
            let stdout = &ended.stdout;
            assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}: {stdout}");
            assert!(stdout.contains("FAILED"), "{example:?}: {stdout}");
            assert_eq!(payment_requests(&sandbox), 1);
        }
    }
}

#[test]
fn a_refused_payment_is_not_unknown() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let token = [("FLEXPAY_TOKEN", OsStr::new("wrong-token"))];
        let running = example.start_with(Path::new(FLEXPAY), &sandbox, &[("O-1", CARD)], &token);
        let ended = running.end();
        let stdout = &ended.stdout;
        assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}: {stdout}");
        assert!(stdout.contains("did not accept the token"), "{stdout}");
        assert!(!stdout.contains("UNKNOWN"), "{stdout}");
    }
}

#[test]
fn an_unknown_outcome_is_reported_and_nothing_is_sent_again() {
    let bad_gateway = Action::Html {
        status: 502,
        record: false,
    };
    for example in EXAMPLES {
        for (endpoint, phone) in [(Endpoint::Pay, CARD), (Endpoint::Mobile, CONFIRMS)] {
            for action in [bad_gateway.clone(), Action::ResetAfterReading] {
                let sandbox = sandbox();
                sandbox.inject(Fault::on(endpoint, action)).unwrap();
                let ended = example
                    .start(Path::new(FLEXPAY), &sandbox, "O-1", phone)
                    .end();
                let stdout = &ended.stdout;
                assert_eq!(ended.verdict, Verdict::Unknown, "{example:?}: {stdout}");
                assert!(stdout.contains("UNKNOWN: the customer may have paid"));
                assert!(
                    stdout.contains("look for O-1 in FlexPay's merchant console"),
                    "{stdout}"
                );
                assert_eq!(sandbox.requests().len(), 1, "{example:?}: {stdout}");
            }
        }
    }
}

#[test]
fn a_program_that_is_killed_in_a_payment_leaves_an_unknown_outcome() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let recorder = Recorder::new();
        let stalls = Action::StallAfter { bytes: 0 };
        sandbox.inject(Fault::on(Endpoint::Pay, stalls)).unwrap();
        // The till has a second customer.
        let sales = [("O-1", CARD), ("O-2", CONFIRMS)];
        let running =
            example.start_with(&recorder.program(), &sandbox, &sales, &recorder.variables());
        sandbox.wait_for_requests(1, Duration::from_secs(60));
        recorder.kill();
        let ended = running.end();
        let stdout = &ended.stdout;
        assert_eq!(ended.verdict, Verdict::Unknown, "{example:?}: {stdout}");
        assert!(stdout.contains("look for O-1 in"), "{example:?}: {stdout}");
        if example == Example::Pascal {
            assert!(stdout.ends_with("PAID\n"), "{stdout}");
            assert_eq!(recorder.lines().len(), 2, "a bridge for each payment");
            assert_eq!(payment_requests(&sandbox), 2);
        } else {
            assert_eq!(sandbox.requests().len(), 1, "{example:?}: {stdout}");
        }
    }
}

#[test]
fn a_wait_that_is_killed_is_repeated_and_the_payment_is_not() {
    for example in WITH_BRIDGE {
        let sandbox = sandbox();
        let recorder = Recorder::new();
        let running = example.start_with(
            &recorder.program(),
            &sandbox,
            &[("O-1", CARD)],
            &recorder.variables(),
        );
        sandbox.wait_for_requests(2, Duration::from_secs(60));
        recorder.kill();
        let number = payment(&sandbox).order_number;
        sandbox.decide_silently(&number, Decision::Approve).unwrap();
        let ended = running.end();
        assert_eq!(
            ended.verdict,
            Verdict::Paid,
            "{example:?}: {}",
            ended.stdout
        );
        assert_eq!(recorder.lines().len(), 2, "a new bridge was started");
        assert_eq!(payment_requests(&sandbox), 1);
    }
}

#[test]
fn a_wait_of_the_shell_script_that_is_killed_has_an_unknown_outcome() {
    let sandbox = sandbox();
    let recorder = Recorder::new();
    let running = Example::Shell.start_with(
        &recorder.program(),
        &sandbox,
        &[("O-1", CARD)],
        &recorder.variables(),
    );
    sandbox.wait_for_requests(2, Duration::from_secs(60));
    recorder.kill();
    let ended = running.end();
    let advice = format!("check the order {}", payment(&sandbox).order_number);
    assert_eq!(ended.verdict, Verdict::Unknown, "{}", ended.stdout);
    assert!(ended.stdout.contains(&advice), "{}", ended.stdout);
}

#[test]
fn without_the_program_nothing_is_sent() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let nowhere = Path::new("/nowhere/flexpay");
        let ended = example.start(nowhere, &sandbox, "O-1", CARD).end();
        assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}");
        assert!(!ended.stdout.contains("UNKNOWN"), "{}", ended.stdout);
    }
}

/// Takes a payment over the fake bridge. Returns the verdict, the output, and the lines that the bridge
/// read.
fn with_fake_bridge(example: Example, ends: &str) -> (Verdict, String, Vec<Value>) {
    let recorder = Recorder::new();
    let variables = [
        ("ENDS", OsStr::new(ends)),
        ("LINES", recorder.file().as_os_str()),
    ];
    let fake = in_project("cli/tests/others/fake_bridge.sh");
    let running = example.start_with(&fake, &sandbox(), &[("O-1", CARD)], &variables);
    let ended = running.end();
    let lines = recorder.lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    (ended.verdict, ended.stdout, lines.collect())
}

#[test]
fn a_line_that_was_not_handed_over_was_not_sent() {
    for example in WITH_BRIDGE {
        for (ends, lines) in [("before_hello", 0), ("before_the_request", 1)] {
            let (verdict, stdout, received) = with_fake_bridge(example, ends);
            assert_eq!(verdict, Verdict::NotPaid, "{example:?}, {ends}: {stdout}");
            assert!(
                stdout.contains("NOT_SENT: "),
                "{example:?}, {ends}: {stdout}"
            );
            assert_eq!(received.len(), lines, "{example:?}, {ends}");
        }
    }
}

#[test]
fn a_line_that_was_handed_over_has_an_unknown_outcome_and_is_never_written_again() {
    for example in WITH_BRIDGE {
        for ends in ["before_the_reply", "in_the_reply"] {
            let (verdict, stdout, received) = with_fake_bridge(example, ends);
            assert_eq!(verdict, Verdict::Unknown, "{example:?}, {ends}: {stdout}");
            assert!(stdout.contains("look for O-1 in"), "{example:?}: {stdout}");
            let calls: Vec<&Value> = received.iter().map(|line| &line["call"]).collect();
            assert_eq!(calls, ["hello", "pay"], "{example:?}, {ends}");
        }
    }
}

#[test]
fn after_an_unknown_outcome_with_an_order_number_the_order_is_waited_for() {
    for example in WITH_BRIDGE {
        let (verdict, stdout, received) = with_fake_bridge(example, "after_an_unknown_outcome");
        assert_eq!(verdict, Verdict::Paid, "{example:?}: {stdout}");
        assert_eq!(received.len(), 3, "{example:?}");
        let wait = &received[2]["request"];
        assert_eq!(wait["order_number"], "N0RD3R");
        assert_eq!(
            wait["expected"],
            json!({"reference": "O-1", "amount": "25.50", "currency": "USD",
                   "order_number": "N0RD3R", "kind": "CARD"})
        );
    }
}

/// Starts the calls of client.mjs.
fn node_client(sandbox: &Sandbox, flexpay: &Path, calls: &str) -> Command {
    let mut command = Command::new("node");
    command
        .args([&in_project("cli/tests/others/client.mjs"), Path::new(calls)])
        .env("FLEXPAY_PROGRAM", flexpay);
    for (name, value) in program(sandbox).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

/// Each line that a program prints, as JSON.
fn printed(child: std::process::Child) -> Vec<Value> {
    let run = finished(child.wait_with_output().unwrap());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let lines = run.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn node_makes_several_calls_at_once() {
    let sandbox = sandbox();
    let mut command = node_client(&sandbox, Path::new(FLEXPAY), "several");
    let expected: Vec<Value> = (10..30)
        .map(|number| format!("2438123456{number}").into())
        .collect();
    assert_eq!(printed(spawn(&mut command)), expected);
}

#[test]
fn node_starts_a_new_bridge_for_the_next_payment() {
    let sandbox = sandbox();
    let recorder = Recorder::new();
    let stalls = Action::StallAfter { bytes: 0 };
    sandbox.inject(Fault::on(Endpoint::Pay, stalls)).unwrap();
    let mut command = node_client(&sandbox, &recorder.program(), "two_payments");
    let child = spawn(command.envs(recorder.variables()));
    sandbox.wait_for_requests(1, Duration::from_secs(60));
    recorder.kill();
    let results = printed(child);
    assert_eq!(results[0], json!({"code": "BRIDGE", "outcome": "UNKNOWN"}));
    assert!(results[1]["order_number"].is_string(), "{}", results[1]);
    assert_eq!(sandbox.requests().len(), 2);
    let references: Vec<String> = sandbox
        .payments()
        .into_iter()
        .map(|payment| payment.reference)
        .collect();
    assert_eq!(references, ["O-1", "O-2"]);
}

#[test]
fn node_does_not_wait_for_the_reply_to_a_line_that_the_bridge_cannot_read() {
    let sandbox = sandbox();
    let mut command = node_client(&sandbox, Path::new(FLEXPAY), "no_call");
    assert_eq!(
        printed(spawn(&mut command)),
        [
            json!({"code": "BRIDGE", "outcome": "UNKNOWN"}),
            json!({"phone": "243812345678"})
        ]
    );
}

#[test]
fn a_line_that_node_wrote_partly_was_not_sent() {
    let (lines, result) = (Recorder::new(), Recorder::new());
    let fake = in_project("cli/tests/others/fake_bridge.sh");
    let mut command = node_client(&sandbox(), &fake, "long_line");
    command
        .env("ENDS", "in_the_request")
        .env("LINES", lines.file())
        .env("RESULT", result.file());
    assert_eq!(
        printed(spawn(&mut command)),
        [json!({"code": "BRIDGE", "outcome": "NOT_SENT"})]
    );
}
