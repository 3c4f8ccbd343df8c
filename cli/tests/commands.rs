//! The commands, for people and for programs.

mod common;

use common::*;
use flexpay_sandbox::{Action, Decision, Endpoint, Fault};
use serde_json::Value;
use std::process::Command;

const URLS: [&str; 8] = [
    "--callback-url",
    "https://zando.example/callback",
    "--approve-url",
    "https://zando.example/merci",
    "--cancel-url",
    "https://zando.example/annule",
    "--decline-url",
    "https://zando.example/refus",
];

fn pay(command: &mut Command, reference: &str, more: &[&str]) -> Run {
    let amount = [
        "pay",
        "--reference",
        reference,
        "--amount",
        "25.50",
        "--currency",
        "USD",
    ];
    run(command, &[&amount[..], &URLS[..], more].concat())
}

fn mobile(command: &mut Command, reference: &str, phone: &str, more: &[&str]) -> Run {
    let amount = [
        "pay-mobile",
        "--reference",
        reference,
        "--amount",
        "25.50",
        "--currency",
        "USD",
    ];
    let phone = [
        "--phone",
        phone,
        "--callback-url",
        "https://zando.example/callback",
    ];
    run(command, &[&amount[..], &phone[..], more].concat())
}

fn payout(command: &mut Command, reference: &str, more: &[&str]) -> Run {
    let amount = [
        "payout",
        "--reference",
        reference,
        "--amount",
        "25.50",
        "--currency",
        "USD",
    ];
    let phone = [
        "--phone",
        "0812345678",
        "--callback-url",
        "https://zando.example/callback",
    ];
    run(command, &[&amount[..], &phone[..], more].concat())
}

/// The order number of an accepted payment.
fn order_number(run: &Run) -> String {
    let json = run.json();
    let number = json["ok"]["order_number"].as_str();
    number.unwrap_or_else(|| panic!("{json}")).to_owned()
}

fn expected<'a>(reference: &'a str, amount: &'a str) -> [&'a str; 6] {
    [
        "--reference",
        reference,
        "--amount",
        amount,
        "--currency",
        "USD",
    ]
}

#[test]
fn a_person_sees_the_address_and_the_order_number() {
    let sandbox = sandbox();
    let run = pay(&mut program(&sandbox), "C-1", &[]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let payment = &sandbox.payments()[0];
    assert!(
        run.stdout.starts_with("Payment requested, not yet paid"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(&payment.checkout_url), "{}", run.stdout);
    assert!(run.stdout.contains(&payment.order_number), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn a_person_with_a_french_locale_reads_french() {
    let sandbox = sandbox();
    for (variable, locale) in [("LC_ALL", "fr_CD.UTF-8"), ("LANG", "fr_FR.UTF-8")] {
        let run = pay(program(&sandbox).env(variable, locale), locale, &[]);
        assert!(
            run.stdout.starts_with("Paiement demandé, pas encore payé"),
            "{}",
            run.stdout
        );
        let run = self::run(program(&sandbox).env(variable, locale), &["check", "N-0"]);
        assert!(
            run.stderr.starts_with("Commande inconnue (NOT_FOUND)"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_program_gets_one_json_object_with_the_names_of_the_header() {
    let sandbox = sandbox();
    let paid = pay(&mut program(&sandbox), "J-1", &["--json"]);
    assert_eq!(paid.stdout.lines().count(), 1);
    let json = paid.json();
    let keys: Vec<&String> = json["ok"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "redirect_url",
            "order_number",
            "code",
            "message",
            "page",
            "is_recorded",
            "trace"
        ]
    );
    let number = order_number(&paid);
    let check = run(&mut program(&sandbox), &["check", &number, "--json"]);
    assert_eq!(check.status, 13, "PENDING is not success");
    assert_eq!(check.json()["ok"]["state"], "PENDING");
    let unknown = run(&mut program(&sandbox), &["check", "N-0", "--json"]);
    assert_eq!(unknown.status, 6);
    let error = unknown.json()["error"].clone();
    assert_eq!(
        (&error["code"], &error["outcome"]),
        (&"NOT_FOUND".into(), &"REFUSED".into())
    );
    assert_eq!(unknown.stderr, "", "the error is in the JSON object");
}

#[test]
fn a_script_gets_one_field() {
    let sandbox = sandbox();
    let run = pay(&mut program(&sandbox), "F-2", &["--field", "redirect_url"]);
    let payment = &sandbox.payments()[0];
    assert_eq!(run.stdout, format!("{}\n", payment.checkout_url));
    assert!(
        run.stderr.contains(&payment.order_number),
        "nothing is lost: {}",
        run.stderr
    );
    let run = mobile(
        &mut program(&sandbox),
        "F-3",
        "0812345678",
        &["--field", "redirect_url"],
    );
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "\n"),
        "there is none"
    );
    let check = ["check", &payment.order_number, "--field", "amount_minor"];
    assert_eq!(self::run(&mut program(&sandbox), &check).stdout, "2550\n");
    let requests = sandbox.requests().len();
    for field in ["redirect", "state", "phone"] {
        let wrong = pay(&mut program(&sandbox), "F-4", &["--field", field]);
        assert_eq!(
            (wrong.status, sandbox.requests().len()),
            (2, requests),
            "refused before it is sent: {}",
            wrong.stderr
        );
    }
    let failed = self::run(
        &mut program(&sandbox),
        &["check", "N-0", "--field", "state"],
    );
    assert_eq!((failed.status, failed.stdout.as_str()), (6, ""));
    assert!(failed.stderr.contains("NOT_FOUND"), "{}", failed.stderr);
}

#[test]
fn only_a_paid_order_has_the_exit_status_zero() {
    let sandbox = sandbox();
    for (decision, state, status) in [
        (Decision::Approve, "PAID", 0),
        (Decision::Decline, "FAILED", 12),
        (Decision::Pending, "PENDING", 13),
        (Decision::Refunding, "REFUNDING", 14),
        (Decision::Refunded, "REFUNDED", 15),
        (Decision::Cancel, "CANCELLED", 16),
        (Decision::Status("7".into()), "UNKNOWN", 10),
    ] {
        let number = order_number(&pay(&mut program(&sandbox), state, &["--json"]));
        sandbox.decide_silently(&number, decision).unwrap();
        let check = run(&mut program(&sandbox), &["check", &number, "--json"]);
        assert_eq!(
            (check.status, check.json()["ok"]["state"].as_str()),
            (status, Some(state))
        );
        let verify = [
            &["verify-order", number.as_str()],
            &expected(state, "25.5")[..],
        ]
        .concat();
        assert_eq!(run(&mut program(&sandbox), &verify).status, status);
    }
}

#[test]
fn a_mobile_payment_is_paid_on_the_phone_and_waited_for() {
    let sandbox = sandbox();
    let paid = mobile(
        &mut program(&sandbox),
        "M-1",
        "+243 81 000 00 01",
        &["--json"],
    );
    let number = order_number(&paid);
    let wait = [
        &["wait", number.as_str(), "--kind", "mobile"],
        &expected("M-1", "25.5")[..],
    ]
    .concat();
    let run = self::run(&mut program(&sandbox), &wait);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("PAID"), "{}", run.stdout);
    assert!(run.stdout.contains("25.50 USD") && run.stdout.contains("mpesa"));
    let human = mobile(&mut program(&sandbox), "M-2", "0812345678", &[]);
    assert!(
        human.stdout.starts_with("Payment requested, not yet paid"),
        "{}",
        human.stdout
    );
}

#[test]
fn a_payout_needs_its_setting() {
    let sandbox = sandbox();
    let refused = payout(&mut program(&sandbox), "P-1", &["--json"]);
    assert_eq!(refused.status, 2);
    assert_eq!(refused.json()["error"]["field"], "allow_payout");
    assert!(sandbox.connections().is_empty());
    let mut allowed = program(&sandbox);
    allowed.env("FLEXPAY_ALLOW_PAYOUT", "1");
    let accepted = payout(&mut allowed, "P-1", &["--json"]);
    assert_eq!(accepted.status, 0, "{}", accepted.stdout);
    let number = order_number(&accepted);
    let verify = [
        &["verify-order", number.as_str(), "--kind", "payout"],
        &expected("P-1", "25.50")[..],
    ]
    .concat();
    assert_eq!(run(&mut program(&sandbox), &verify).status, 0);
}

#[test]
fn an_unknown_outcome_has_its_own_status_and_nothing_is_sent_twice() {
    for (endpoint, action) in [
        (Endpoint::Pay, Action::ResetAfterReading),
        (
            Endpoint::Mobile,
            Action::Html {
                status: 502,
                record: true,
            },
        ),
        (Endpoint::Payout, Action::CloseAfterReading),
    ] {
        let sandbox = sandbox();
        sandbox
            .inject(Fault::on(endpoint, action).forever())
            .unwrap();
        let mut command = program(&sandbox);
        command.env("FLEXPAY_ALLOW_PAYOUT", "1");
        let run = match endpoint {
            Endpoint::Pay => pay(&mut command, "U-1", &[]),
            Endpoint::Mobile => mobile(&mut command, "U-1", "0812345678", &[]),
            _ => payout(&mut command, "U-1", &[]),
        };
        assert_eq!(run.status, 9, "{}", run.stderr);
        assert!(
            run.stderr.starts_with("Outcome unknown ("),
            "{}",
            run.stderr
        );
        assert_eq!(sandbox.requests().len(), 1);
    }
}

#[test]
fn each_class_of_error_has_its_status() {
    let sandbox = sandbox();
    let status = |command: &mut Command| run(command, &["check", "N-1"]).status;
    assert_eq!(
        status(program(&sandbox).env("FLEXPAY_TOKEN", "wrong-token")),
        5
    );
    assert_eq!(status(program(&sandbox).env_remove("FLEXPAY_MERCHANT")), 2);
    let unreachable = "https://127.0.0.1:1/check";
    assert_eq!(
        status(program(&sandbox).env("FLEXPAY_CHECK_URL", unreachable)),
        3
    );
    assert_eq!(run(&mut program(&sandbox), &["check"]).status, 2, "usage");
    let euro = [
        "pay",
        "--reference",
        "E-1",
        "--amount",
        "1",
        "--currency",
        "EUR",
    ];
    assert_eq!(run(&mut program(&sandbox), &euro).status, 2);
    let number = order_number(&pay(&mut program(&sandbox), "E-2", &["--json"]));
    let other = [
        &["verify-order", number.as_str()],
        &expected("E-2", "900")[..],
    ]
    .concat();
    assert_eq!(run(&mut program(&sandbox), &other).status, 7);
    pay(&mut program(&sandbox), "E-3", &[]);
    assert_eq!(
        pay(&mut program(&sandbox), "E-3", &[]).status,
        4,
        "used before"
    );
}

#[test]
fn the_token_is_refused_on_the_command_line() {
    let sandbox = sandbox();
    for arguments in [
        &["check", "N-1", "--token", "s3cret-t0ken"][..],
        &["check", "N-1", "--token=s3cret-t0ken"],
        &["--token=s3cret-t0ken", "version"],
        &["pay", "--token", "s3cret-t0ken"],
        &["bridge", "--token=s3cret-t0ken"],
        &["parse-callback", "--token", "s3cret-t0ken"],
    ] {
        let run = self::run(&mut program(&sandbox), arguments);
        assert_eq!(run.status, 2);
        assert!(run.stderr.contains("FLEXPAY_TOKEN"), "{}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }
    assert!(sandbox.connections().is_empty());
}

#[test]
fn settings_are_read_from_a_file() {
    let sandbox = sandbox();
    let file = std::env::temp_dir().join(format!("flexpay-cli-{}.env", std::process::id()));
    std::fs::write(&file, sandbox.shell_settings()).unwrap();
    let path = file.to_str().unwrap();
    let run = pay(&mut bare_program(), "F-1", &["--env-file", path]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    std::fs::write(&file, "FLEXPAY_TOKEN=s3cret\nnonsense s3cret\n").unwrap();
    let run = self::run(&mut bare_program(), &["check", "N-1", "--env-file", path]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("env_file") && !run.stderr.contains("s3cret"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(&file).unwrap();
    let run = self::run(&mut bare_program(), &["check", "N-1", "--env-file", path]);
    assert!(run.stderr.contains("env_file"), "{}", run.stderr);
}

#[test]
fn a_callback_is_read_from_stdin_or_a_file_and_verified() {
    let sandbox = sandbox();
    let number = order_number(&pay(&mut program(&sandbox), "V-1", &["--json"]));
    sandbox.decide_silently(&number, Decision::Approve).unwrap();
    let body = format!(r#"{{"code":"0","reference":"V-1","orderNumber":"{number}"}}"#);
    let verify = [&["verify-callback"], &expected("V-1", "25.50")[..]].concat();
    let run = run_with_input(&mut program(&sandbox), &verify, body.as_bytes());
    assert_eq!(
        (run.status, run.stdout.starts_with("PAID")),
        (0, true),
        "{}",
        run.stderr
    );
    let parsed = run_with_input(
        &mut bare_program(),
        &["parse-callback", "--json"],
        body.as_bytes(),
    );
    assert_eq!(parsed.status, 0);
    let callback = parsed.json()["ok"].clone();
    assert_eq!(callback["claims_success"], true);
    assert_eq!(callback["order_number"], number.as_str());
    let human = run_with_input(&mut bare_program(), &["parse-callback"], body.as_bytes());
    assert!(human.stdout.contains("not verified"), "{}", human.stdout);
    let forged = run_with_input(
        &mut bare_program(),
        &["parse-callback"],
        b"{\"reference\":\"a\\u001b[2J\"}",
    );
    assert!(!forged.stdout.contains('\u{1b}'), "{:?}", forged.stdout);
    let broken = run_with_input(&mut bare_program(), &["parse-callback"], b"<html>");
    assert_eq!(broken.status, 8);
    let missing = self::run(&mut bare_program(), &["parse-callback", "/nowhere/body"]);
    assert_eq!(missing.status, 2);
}

#[test]
fn a_wait_that_is_interrupted_ends_with_an_unknown_outcome() {
    let sandbox = sandbox();
    let number = order_number(&pay(&mut program(&sandbox), "W-1", &["--json"]));
    let before = sandbox.requests().len();
    let child = program(&sandbox)
        .args(["wait", &number])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    sandbox.wait_for_requests(before + 1, std::time::Duration::from_secs(20));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("Outcome unknown (CANCELLED)"), "{stderr}");
}

#[test]
fn ctrl_c_does_not_lose_a_payment() {
    let sandbox = sandbox();
    let slow = Action::Delay { ms: 1500 };
    sandbox.inject(Fault::on(Endpoint::Pay, slow)).unwrap();
    let mut command = program(&sandbox);
    let amount = expected("C-1", "25.50");
    command.args([&["pay", "--json"][..], &amount[..], &URLS[..]].concat());
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    sandbox.wait_for_requests(1, std::time::Duration::from_secs(20));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = reply["ok"]["order_number"].as_str().unwrap();
    assert!(sandbox.payment(number).is_some());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is still awaited"));
}

/// A full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_not_lost() {
    let full = || std::fs::File::options().write(true).open("/dev/full");
    let sandbox = sandbox();
    for (reference, more) in [("D-1", &[][..]), ("D-2", &["--json"])] {
        let mut command = program(&sandbox);
        command.args(["pay"]).args(expected(reference, "25.50"));
        command.args(URLS).args(more);
        let output = command.stdout(full().unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(9));
        let stderr = String::from_utf8(output.stderr).unwrap();
        let payments = sandbox.payments();
        let payment = payments.iter().find(|one| one.reference == reference);
        assert!(
            stderr.contains(payment.unwrap().order_number.as_str()),
            "{stderr}"
        );
        assert!(stderr.starts_with("The result could not be written to stdout: "));
    }
    // The status of an error is kept, also if nothing can be written.
    let mut command = program(&sandbox);
    let command = command.args(["check", "N-1"]).stdout(full().unwrap());
    let output = command.stderr(full().unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    for command in ["doctor", "version"] {
        let mut program = program(&sandbox);
        let output = program.arg(command).stdout(full().unwrap()).output();
        assert_eq!(output.unwrap().status.code(), Some(9), "{command}");
    }
}

#[test]
fn a_page_is_saved_to_a_file_that_only_its_owner_reads() {
    const PAGE: &str =
        "<form action='https://gwvisa.flexpay.cd/checkout'></form>\n<p>é\u{202e}</p>";
    let sandbox = sandbox();
    let page = Action::Reply {
        status: 200,
        headers: vec![(
            "Content-Type".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        )],
        body: PAGE.into(),
        record: false,
    };
    sandbox
        .inject(Fault::on(Endpoint::Pay, page).forever())
        .unwrap();
    let directory = std::env::temp_dir().join(format!("flexpay-page-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let pay_v1 = |directory: &std::path::Path| {
        let mut command = program(&sandbox);
        command.env("FLEXPAY_API", "v1").env("TMPDIR", directory);
        pay(&mut command, "S-1", &[])
    };
    let saved = pay_v1(&directory);
    assert_eq!(saved.status, 0, "{}", saved.stderr);
    let file = std::fs::read_dir(&directory).unwrap().next().unwrap();
    let file = file.unwrap().path();
    assert!(
        saved.stdout.contains(file.to_str().unwrap()),
        "{}",
        saved.stdout
    );
    assert!(saved.stdout.contains("open it in the browser"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), PAGE);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::remove_dir_all(&directory).unwrap();
    // It cannot be saved: the page is all that leads to the payment.
    let printed = pay_v1(&directory);
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    assert!(printed.stdout.contains("the page could not be saved"));
    assert!(
        printed
            .stdout
            .contains("/checkout'></form>\\u{a}<p>é\\u{202e}</p>"),
        "{}",
        printed.stdout
    );
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let commands = [
        "pay",
        "pay-mobile",
        "payout",
        "check",
        "wait",
        "verify-order",
        "verify-callback",
        "parse-callback",
        "settle",
        "settle-callback",
        "journal",
        "doctor",
        "bridge",
        "version",
    ];
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let run = self::run(&mut bare_program(), &["completions", shell]);
        assert_eq!(run.status, 0);
        for command in commands {
            assert!(run.stdout.contains(command), "{shell}: {command}");
        }
    }
    let directory = std::env::temp_dir().join(format!("flexpay-man-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let run = self::run(&mut bare_program(), &["man", directory.to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for command in commands {
        let page = std::fs::read_to_string(directory.join(format!("flexpay-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command}");
    }
    for command in [
        "list",
        "show",
        "reconcile",
        "acknowledge",
        "resolve",
        "export",
        "verify",
        "prune",
    ] {
        let name = format!("flexpay-journal-{command}.1");
        let page = std::fs::read_to_string(directory.join(name)).unwrap();
        assert!(page.contains(".TH"), "{command}");
    }
    let main = std::fs::read_to_string(directory.join("flexpay.1")).unwrap();
    assert!(
        main.contains("the outcome is UNKNOWN"),
        "the exit statuses are in it"
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn the_version_is_printed() {
    let run = self::run(&mut bare_program(), &["version"]);
    assert_eq!(
        run.stdout,
        format!("flexpay {}\n", env!("CARGO_PKG_VERSION"))
    );
    let json: Value = self::run(&mut bare_program(), &["version", "--json"]).json();
    assert_eq!(json["ok"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_trace_is_printed_if_the_setting_is_on() {
    let sandbox = sandbox();
    let run = pay(
        program(&sandbox).env("FLEXPAY_TRACE", "1"),
        "T-1",
        &["--json", "--correlation-id", "panier-7"],
    );
    let json = run.json();
    let trace = json["ok"]["trace"].as_str().expect("a trace");
    let trace: Value = serde_json::from_str(trace).unwrap();
    assert_eq!(trace["correlation_id"], "panier-7");
}
