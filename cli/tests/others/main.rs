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
        let printed = &ended.printed;
        assert_eq!(ended.verdict, Verdict::Paid, "{example:?}: {printed}");
        assert!(printed.starts_with("Requesting 25.50 USD, reference O-1"));
        assert!(printed.contains(&payment.checkout_url), "{printed}");
        assert!(printed.contains("PAID"), "{printed}");
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
        let printed = &ended.printed;
        assert_eq!(ended.verdict, Verdict::Paid, "{example:?}: {printed}");
        assert!(printed.contains("confirms on the phone"), "{printed}");
        assert!(printed.contains("PAID"), "{printed}");
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
            let printed = &ended.printed;
            assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}: {printed}");
            assert!(printed.contains("FAILED"), "{example:?}: {printed}");
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
        let printed = &ended.printed;
        assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}: {printed}");
        assert!(printed.contains("did not accept the token"), "{printed}");
        assert!(!printed.contains("UNKNOWN"), "{printed}");
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
                let printed = &ended.printed;
                assert_eq!(ended.verdict, Verdict::Unknown, "{example:?}: {printed}");
                assert!(printed.contains("UNKNOWN: the customer may have paid"));
                assert!(
                    printed.contains("look for O-1 in FlexPay's merchant console"),
                    "{printed}"
                );
                assert_eq!(sandbox.requests().len(), 1, "{example:?}: {printed}");
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
        let printed = &ended.printed;
        assert_eq!(ended.verdict, Verdict::Unknown, "{example:?}: {printed}");
        assert!(
            printed.contains("look for O-1 in"),
            "{example:?}: {printed}"
        );
        if example == Example::Pascal {
            assert!(printed.ends_with("PAID\n"), "{printed}");
            assert_eq!(recorder.lines().len(), 2, "a bridge for each payment");
            assert_eq!(payment_requests(&sandbox), 2);
        } else {
            assert_eq!(sandbox.requests().len(), 1, "{example:?}: {printed}");
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
            ended.printed
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
    assert_eq!(ended.verdict, Verdict::Unknown, "{}", ended.printed);
    assert!(ended.printed.contains(&advice), "{}", ended.printed);
}

#[test]
fn without_the_program_nothing_is_sent() {
    for example in EXAMPLES {
        let sandbox = sandbox();
        let nowhere = Path::new("/nowhere/flexpay");
        let ended = example.start(nowhere, &sandbox, "O-1", CARD).end();
        assert_eq!(ended.verdict, Verdict::NotPaid, "{example:?}");
        assert!(!ended.printed.contains("UNKNOWN"), "{}", ended.printed);
    }
}

/// Takes a payment over the fake bridge. Returns the verdict, the output, and the lines that the bridge
/// read.
fn with_fake_bridge(example: Example, ends: &str) -> (Verdict, String, Vec<Value>) {
    with_fake_bridge_and(example, ends, &[])
}

/// As with_fake_bridge(), with more variables of the fake bridge or the example.
fn with_fake_bridge_and(
    example: Example,
    ends: &str,
    more: &[(&str, &str)],
) -> (Verdict, String, Vec<Value>) {
    let recorder = Recorder::new();
    let mut variables = vec![
        ("ENDS", OsStr::new(ends)),
        ("LINES", recorder.file().as_os_str()),
    ];
    variables.extend(more.iter().map(|(name, value)| (*name, OsStr::new(*value))));
    let fake = in_project("cli/tests/others/fake_bridge.sh");
    let running = example.start_with(&fake, &sandbox(), &[("O-1", CARD)], &variables);
    let ended = running.end();
    let lines = recorder.lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    (ended.verdict, ended.printed, lines.collect())
}

#[test]
fn a_line_that_was_not_handed_over_was_not_sent() {
    for example in WITH_BRIDGE {
        for (ends, lines) in [("before_hello", 0), ("before_the_request", 1)] {
            let (verdict, printed, received) = with_fake_bridge(example, ends);
            assert_eq!(verdict, Verdict::NotPaid, "{example:?}, {ends}: {printed}");
            assert!(
                printed.contains("NOT_SENT: "),
                "{example:?}, {ends}: {printed}"
            );
            assert_eq!(received.len(), lines, "{example:?}, {ends}");
        }
    }
}

#[test]
fn a_line_that_was_handed_over_has_an_unknown_outcome_and_is_never_written_again() {
    for example in WITH_BRIDGE {
        for ends in ["before_the_reply", "in_the_reply"] {
            let (verdict, printed, received) = with_fake_bridge(example, ends);
            assert_eq!(verdict, Verdict::Unknown, "{example:?}, {ends}: {printed}");
            assert!(
                printed.contains("look for O-1 in"),
                "{example:?}: {printed}"
            );
            let calls: Vec<&Value> = received.iter().map(|line| &line["call"]).collect();
            assert_eq!(calls, ["hello", "pay"], "{example:?}, {ends}");
        }
    }
}

#[test]
fn after_an_unknown_outcome_with_an_order_number_the_order_is_waited_for() {
    for example in WITH_BRIDGE {
        let (verdict, printed, received) = with_fake_bridge(example, "after_an_unknown_outcome");
        assert_eq!(verdict, Verdict::Paid, "{example:?}: {printed}");
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

#[test]
fn a_reply_that_says_no_outcome_has_an_unknown_outcome() {
    for example in WITH_BRIDGE {
        for reply in [
            r#"{"id":1,"error":{"code":"NEW","message":"of another version"}}"#,
            r#"{"id":1,"error":{"code":"NEW","outcome":"NEW","message":"of another version"}}"#,
            r#"{"id":1,"error":{}}"#,
            r#"{"id":1,"ok":{}}"#,
        ] {
            let variables = [("REPLY_LINE", reply)];
            let (verdict, printed, _) =
                with_fake_bridge_and(example, "after_the_reply", &variables);
            assert_eq!(verdict, Verdict::Unknown, "{example:?}, {reply}: {printed}");
            assert!(
                printed.contains("look for O-1 in"),
                "{example:?}, {reply}: {printed}"
            );
        }
    }
}

#[test]
fn a_line_that_is_no_reply_ends_the_bridge() {
    for example in WITH_BRIDGE {
        for reply in [
            "thread 'main' panicked",
            "[]",
            "null",
            r#"{"id":1}"#,
            r#"{"id":1,"ok":null}"#,
            r#"{"id":1,"error":"no"}"#,
        ] {
            let variables = [("REPLY_LINE", reply)];
            let (verdict, printed, received) =
                with_fake_bridge_and(example, "hangs_after_the_reply", &variables);
            assert_eq!(verdict, Verdict::Unknown, "{example:?}, {reply}: {printed}");
            assert!(
                printed.contains("cannot be read"),
                "{example:?}, {reply}: {printed}"
            );
            assert_eq!(received.len(), 2, "{example:?}, {reply}");
        }
    }
}

#[test]
fn only_a_final_state_is_not_paid() {
    for example in WITH_BRIDGE {
        for (state, expected) in [
            ("PAID", Verdict::Paid),
            ("FAILED", Verdict::NotPaid),
            ("CANCELLED", Verdict::NotPaid),
            ("REFUNDING", Verdict::NotPaid),
            ("REFUNDED", Verdict::NotPaid),
            ("PENDING", Verdict::Unknown),
            ("UNKNOWN", Verdict::Unknown),
            ("", Verdict::Unknown),
        ] {
            let variables = [("STATE", state)];
            let (verdict, printed, _) =
                with_fake_bridge_and(example, "after_the_state", &variables);
            assert_eq!(verdict, expected, "{example:?}, {state}: {printed}");
        }
    }
}

/// A bridge that hangs is killed after the time limit of the call, and some seconds.
fn with_bridge_that_hangs(ends: &str, expected: &Verdict, says: &str, calls: &[&str]) {
    let take_payment = |example| {
        let variables = [("TIMEOUT_MS", "1"), ("FLEXPAY_TILL_WAIT_S", "1")];
        let (verdict, printed, received) = with_fake_bridge_and(example, ends, &variables);
        assert_eq!(verdict, *expected, "{example:?}, {ends}: {printed}");
        assert!(printed.contains(says), "{example:?}, {ends}: {printed}");
        let received: Vec<&Value> = received.iter().map(|line| &line["call"]).collect();
        assert_eq!(received, calls, "{example:?}, {ends}");
    };
    std::thread::scope(|scope| {
        for example in WITH_BRIDGE {
            scope.spawn(move || take_payment(example));
        }
    });
}

#[test]
fn a_bridge_that_does_not_start_has_sent_nothing() {
    with_bridge_that_hangs("hangs_before_hello", &Verdict::NotPaid, "NOT_SENT: ", &[]);
}

#[test]
fn a_payment_that_hangs_has_an_unknown_outcome() {
    let calls = ["hello", "pay"];
    let advice = "look for O-1 in";
    with_bridge_that_hangs("hangs_in_the_payment", &Verdict::Unknown, advice, &calls);
}

#[test]
fn a_wait_that_hangs_is_repeated_and_the_payment_is_not() {
    // The second bridge takes the wait for a payment, and its reply has no state.
    let calls = ["hello", "pay", "wait", "hello", "wait"];
    let advice = "check the order N0RD3R";
    with_bridge_that_hangs("hangs_in_the_wait", &Verdict::Unknown, advice, &calls);
}

#[test]
fn a_bridge_that_does_not_end_is_killed() {
    let calls = ["hello", "pay", "wait"];
    with_bridge_that_hangs("hangs_at_the_end", &Verdict::Paid, "PAID", &calls);
}

/// Longer than what a pipe or a socket holds.
#[test]
fn a_long_line_that_the_bridge_does_not_read_does_not_hold_up_the_till() {
    let (lines, result) = (Recorder::new(), Recorder::new());
    let fake = in_project("cli/tests/others/fake_bridge.sh");
    let variables = [
        ("ENDS", OsStr::new("hangs_before_the_request")),
        ("TIMEOUT_MS", OsStr::new("1")),
        ("LINES", lines.file().as_os_str()),
        ("RESULT", result.file().as_os_str()),
    ];
    // It knows that a part of the line was not taken.
    let long = "x".repeat(200_000);
    let till = Example::Pascal.start_with(&fake, &sandbox(), &[(&long, CARD)], &variables);
    let mut node = node_client(&sandbox(), &fake, "long_line");
    let node = spawn(node.envs(variables));
    let ended = till.end();
    assert_eq!(ended.verdict, Verdict::NotPaid, "{}", ended.printed);
    assert!(ended.printed.contains("NOT_SENT: "), "{}", ended.printed);
    // It does not know.
    assert_eq!(
        printed(node),
        [json!({"code": "BRIDGE", "outcome": "UNKNOWN"})]
    );
}

#[test]
fn a_line_ends_with_a_line_feed_alone() {
    let message = "one\u{2028}two\u{85}three";
    let error = json!({"code": "REFUSED", "outcome": "REFUSED", "message": message});
    let reply = json!({"id": 1, "error": error}).to_string();
    for example in WITH_BRIDGE {
        let variables = [("REPLY_LINE", reply.as_str())];
        let (verdict, printed, _) = with_fake_bridge_and(example, "after_the_reply", &variables);
        assert_eq!(verdict, Verdict::NotPaid, "{example:?}: {printed}");
        assert!(printed.contains(message), "{example:?}: {printed}");
    }
}

#[test]
fn an_output_that_nobody_reads_has_an_unknown_outcome() {
    for example in WITH_BRIDGE {
        let sandbox = sandbox();
        let mut running = example.start(Path::new(FLEXPAY), &sandbox, "O-1", CONFIRMS);
        running.close_output();
        let ended = running.end();
        assert_eq!(ended.verdict, Verdict::Unknown, "{example:?}");
        assert!(payment_requests(&sandbox) <= 1, "{example:?}");
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
fn node_takes_a_payment_through_the_journal() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let mut command = node_client(&sandbox, Path::new(FLEXPAY), "journal");
    command.env("FLEXPAY_JOURNAL", folder.path().join("till.db"));
    let results = printed(spawn(&mut command));
    let [first, second, settled, reconciled, acknowledged] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!(first["is_recorded"], false, "{first}");
    assert_eq!(second["is_recorded"], true, "{second}");
    assert_eq!(settled["state"], "PAID", "{settled}");
    let to_deliver = &reconciled["settlements"][0];
    assert_eq!(to_deliver["to_deliver"], true, "{reconciled}");
    assert_eq!(acknowledged["changed"], true, "{acknowledged}");
    assert_eq!(sandbox.payments().len(), 1);
}

#[test]
fn node_lets_a_settlement_wait_longer_than_other_calls() {
    let fake = in_project("cli/tests/others/fake_bridge.sh");
    let lines = Recorder::new();
    let mut command = node_client(&sandbox(), &fake, "late_settlement");
    command
        .env("ENDS", "after_a_late_reply")
        .env("LINES", lines.file())
        .env("TIMEOUT_MS", "1");
    assert_eq!(printed(spawn(&mut command)), [json!({"state": "PAID"})]);
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
