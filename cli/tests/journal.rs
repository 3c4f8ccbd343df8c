//! The journal on the command line: every command, in both languages, and after a crash.

mod common;

use common::*;
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use rusqlite::Connection;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const AT_MOST: Duration = Duration::from_secs(20);

/// A sandbox, and a folder for the journal.
struct Shop {
    sandbox: Sandbox,
    folder: TempDir,
}

impl Shop {
    fn open() -> Self {
        Self {
            sandbox: sandbox(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("till.db")
    }

    /// The program with all settings.
    fn program(&self) -> Command {
        let mut command = program(&self.sandbox);
        command.env("FLEXPAY_JOURNAL", self.path());
        command
    }

    /// The program with neither merchant nor token.
    fn without_token(&self) -> Command {
        let mut command = bare_program();
        command.env("FLEXPAY_JOURNAL", self.path());
        command
    }

    fn journal(&self, arguments: &[&str]) -> Run {
        run(
            &mut self.without_token(),
            &[&["journal"], arguments].concat(),
        )
    }

    fn in_french(&self, arguments: &[&str]) -> Run {
        run(self.program().env("LANG", "fr_CD.UTF-8"), arguments)
    }

    fn pay(&self, reference: &str, more: &[&str]) -> Run {
        run(
            &mut self.program(),
            &[&payment(reference)[..], more].concat(),
        )
    }

    fn settle(&self, reference: &str) -> Run {
        run(&mut self.program(), &["settle", reference])
    }

    fn order_number(&self, reference: &str) -> String {
        let payments = self.sandbox.payments();
        let found = payments.iter().find(|one| one.reference == reference);
        found.expect("the gateway has it").order_number.clone()
    }

    fn decide(&self, reference: &str, decision: Decision) {
        self.sandbox
            .decide_silently(&self.order_number(reference), decision)
            .expect("it is known");
    }

    fn paid(&self, reference: &str) {
        assert_eq!(self.pay(reference, &[]).status, 0);
        self.decide(reference, Decision::Approve);
        assert_eq!(self.settle(reference).status, 0);
    }

    /// The gateway has it, and the reply was lost.
    fn in_doubt(&self, reference: &str) {
        self.next_payment(Action::ResetAfterReading);
        assert_eq!(self.pay(reference, &[]).status, 9);
    }

    fn next_payment(&self, action: Action) {
        self.sandbox
            .inject(Fault::on(Endpoint::Pay, action))
            .expect("a valid fault");
    }

    /// How many payment requests the gateway received.
    fn sent(&self) -> usize {
        let requests = self.sandbox.requests();
        let is_payment = |endpoint: Endpoint| endpoint == Endpoint::Pay;
        requests
            .iter()
            .filter(|one| is_payment(one.endpoint))
            .count()
    }

    fn state(&self, reference: &str) -> String {
        let shown = self.journal(&["show", reference, "--field", "state"]);
        shown.stdout.trim().to_owned()
    }

    /// Changes the file as no program should.
    fn tamper(&self, sql: &str) {
        let file = Connection::open(self.path()).expect("it opens");
        file.execute_batch(sql).expect("valid SQL");
    }
}

fn payment(reference: &str) -> Vec<&str> {
    vec![
        "pay",
        "--reference",
        reference,
        "--amount",
        "25.50",
        "--currency",
        "USD",
        "--callback-url",
        "https://zando.example/callback",
        "--approve-url",
        "https://zando.example/merci",
        "--cancel-url",
        "https://zando.example/annule",
        "--decline-url",
        "https://zando.example/refus",
    ]
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn a_second_payment_comes_from_the_journal_and_nothing_is_sent() {
    let shop = Shop::open();
    let first = shop.pay("Z-1", &["--json"]).json();
    assert_eq!(first["ok"]["is_recorded"], false, "{first}");
    let again = shop.pay("Z-1", &["--json"]);
    assert_eq!(again.status, 0);
    assert_eq!(again.json()["ok"]["is_recorded"], true);
    assert_eq!(
        again.json()["ok"]["redirect_url"],
        first["ok"]["redirect_url"]
    );
    let english = shop.pay("Z-1", &[]);
    assert!(
        english
            .stdout
            .starts_with("Requested before, as the journal has it"),
        "{}",
        english.stdout
    );
    let french = shop.in_french(&payment("Z-1"));
    assert!(
        french
            .stdout
            .starts_with("Déjà demandé, d'après le journal"),
        "{}",
        french.stdout
    );
    let field = shop.pay("Z-1", &["--field", "is_recorded"]);
    assert_eq!(field.stdout, "true\n");
    assert_eq!(shop.sent(), 1);
}

#[test]
fn a_mobile_payment_and_a_payout_come_from_the_journal_too() {
    let shop = Shop::open();
    for (command, reference) in [("pay-mobile", "M-1"), ("payout", "P-1")] {
        let arguments = [
            command,
            "--reference",
            reference,
            "--amount",
            "25",
            "--currency",
            "USD",
            "--phone",
            "0812345678",
            "--callback-url",
            "https://zando.example/callback",
            "--json",
        ];
        for is_recorded in [false, true] {
            let run = run(shop.program().env("FLEXPAY_ALLOW_PAYOUT", "1"), &arguments);
            assert_eq!(run.json()["ok"]["is_recorded"], is_recorded, "{command}");
        }
    }
    assert_eq!(shop.sandbox.payments().len(), 2);
    let kinds = shop.journal(&["list", "--field", "kind"]);
    assert_eq!(kinds.stdout, "MOBILE\nPAYOUT\n");
}

#[test]
fn other_terms_are_refused_by_name() {
    let shop = Shop::open();
    shop.pay("Z-1", &[]);
    let mut other = payment("Z-1");
    other[4] = "26";
    let refused = run(&mut shop.program(), &[&other[..], &["--json"]].concat());
    assert_eq!(refused.status, 2);
    assert_eq!(refused.json()["error"]["field"], "amount");
    assert_eq!(shop.sent(), 1);
}

#[test]
fn a_lost_reply_is_in_doubt_until_the_callback() {
    let shop = Shop::open();
    shop.in_doubt("Z-1");
    let again = shop.pay("Z-1", &["--json"]);
    assert_eq!(again.status, 9);
    let error = &again.json()["error"];
    assert_eq!(
        (&error["code"], &error["outcome"]),
        (&"IN_DOUBT".into(), &"UNKNOWN".into())
    );
    let again = shop.pay("Z-1", &[]);
    assert!(
        again.stderr.contains("flexpay journal show REFERENCE"),
        "{}",
        again.stderr
    );
    let french = shop.in_french(&payment("Z-1"));
    assert!(
        french.stderr.contains("Ne recommencez pas le paiement"),
        "{}",
        french.stderr
    );
    assert_eq!(
        shop.settle("Z-1").status,
        9,
        "nobody knows the order number"
    );
    shop.decide("Z-1", Decision::Approve);
    let body = format!(
        r#"{{"code":"0","reference":"Z-1","orderNumber":"{}"}}"#,
        shop.order_number("Z-1")
    );
    let settled = run_with_input(
        &mut shop.program(),
        &["settle-callback", "--json"],
        body.as_bytes(),
    );
    assert_eq!(settled.status, 0, "{}", settled.stdout);
    let settlement = &settled.json()["ok"];
    assert_eq!(
        (
            &settlement["state"],
            &settlement["changed"],
            &settlement["to_deliver"]
        ),
        (&"PAID".into(), &true.into(), &true.into())
    );
    let twice = run_with_input(
        &mut shop.program(),
        &["settle-callback", "--field", "changed"],
        body.as_bytes(),
    );
    assert_eq!(twice.stdout, "false\n");
    assert_eq!(shop.sent(), 1);
}

#[test]
fn a_callback_that_is_forged_or_of_another_shop_settles_nothing() {
    let shop = Shop::open();
    shop.pay("Z-1", &[]);
    shop.paid("Z-2");
    let callback = |reference: &str, number: &str| {
        let body = format!(r#"{{"code":"0","reference":"{reference}","orderNumber":"{number}"}}"#);
        run_with_input(&mut shop.program(), &["settle-callback"], body.as_bytes())
    };
    let forged = callback("Z-1", &shop.order_number("Z-2"));
    assert_eq!(forged.status, 7, "{}", forged.stderr);
    assert_eq!(callback("Z-9", "N1").status, 2);
    let broken = run_with_input(&mut shop.program(), &["settle-callback"], b"<html>");
    assert_eq!(broken.status, 8);
    assert_eq!(shop.state("Z-1"), "ACCEPTED");
}

#[test]
fn a_signed_callback_needs_the_query_string() {
    let shop = Shop::open();
    let with_secret = || {
        let mut command = shop.program();
        command.env("FLEXPAY_CALLBACK_SECRET", "0123456789abcdef");
        command
    };
    assert_eq!(run(&mut with_secret(), &payment("Z-1")).status, 0);
    shop.decide("Z-1", Decision::Approve);
    let payment = &shop.sandbox.payments()[0];
    let (_, query) = payment.callback_url.split_once('?').expect("a signature");
    let body = format!(
        r#"{{"code":"0","reference":"Z-1","orderNumber":"{}"}}"#,
        payment.order_number
    );
    let settle = |query: &str| {
        let arguments = ["settle-callback", "--query", query];
        run_with_input(&mut with_secret(), &arguments, body.as_bytes()).status
    };
    assert_eq!(settle(&query.replace('0', "1")), 7);
    assert_eq!(shop.state("Z-1"), "ACCEPTED");
    assert_eq!(settle(query), 0);
    assert_eq!(shop.state("Z-1"), "PAID");
}

#[test]
fn the_exit_status_of_settle_is_the_state() {
    let shop = Shop::open();
    for (decision, state, status) in [
        (Decision::Approve, "PAID", 0),
        (Decision::Decline, "FAILED", 12),
        (Decision::Pending, "ACCEPTED", 13),
        (Decision::Refunding, "REFUNDING", 14),
        (Decision::Refunded, "REFUNDED", 15),
        (Decision::Cancel, "CANCELLED", 16),
    ] {
        match decision {
            // Only what was paid is refunded.
            Decision::Refunding | Decision::Refunded => shop.paid(state),
            _ => assert_eq!(shop.pay(state, &[]).status, 0),
        }
        shop.decide(state, decision);
        let settled = run(&mut shop.program(), &["settle", state, "--json"]);
        assert_eq!(settled.status, status, "{state}: {}", settled.stdout);
        assert_eq!(settled.json()["ok"]["state"], state);
        let shown = shop.journal(&["show", state]);
        assert_eq!(shown.status, status, "{state}");
    }
    shop.in_doubt("D-1");
    assert_eq!(shop.settle("D-1").status, 9);
    let unreachable = run(
        shop.program()
            .env("FLEXPAY_PAY_URL", "https://127.0.0.1:1/v1.1/pay"),
        &payment("N-1"),
    );
    assert_eq!(unreachable.status, 3);
    assert_eq!(shop.settle("N-1").status, 3);
    shop.next_payment(Action::Reply {
        status: 200,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: br#"{"code":"1","message":"Merchant inconnu"}"#.into(),
        record: false,
    });
    assert_eq!(shop.pay("R-1", &[]).status, 4);
    assert_eq!(shop.settle("R-1").status, 4);
    assert_eq!(shop.settle("no-such").status, 2);
}

#[test]
fn a_wait_ends_when_the_customer_has_paid_or_with_ctrl_c() {
    let shop = Shop::open();
    let mobile = [
        "pay-mobile",
        "--reference",
        "M-1",
        "--amount",
        "25",
        "--currency",
        "USD",
        "--phone",
        "0810000001",
        "--callback-url",
        "https://zando.example/callback",
    ];
    assert_eq!(run(&mut shop.program(), &mobile).status, 0);
    let wait = run(&mut shop.program(), &["settle", "M-1", "--wait"]);
    assert_eq!(wait.status, 0, "{}", wait.stderr);
    assert!(wait.stdout.starts_with("PAID"), "{}", wait.stdout);
    shop.pay("Z-1", &[]);
    let before = shop.sandbox.requests().len();
    let child = shop
        .program()
        .args(["settle", "Z-1", "--wait"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    shop.sandbox.wait_for_requests(before + 1, AT_MOST);
    kill("-INT", child.id());
    let ended = finished(child.wait_with_output().expect("it ends"));
    assert_eq!(ended.status, 9);
    assert!(ended.stderr.contains("CANCELLED"), "{}", ended.stderr);
    assert_eq!(shop.state("Z-1"), "ACCEPTED");
    let usage = run(&mut shop.program(), &["settle", "Z-1", "--timeout", "3"]);
    assert_eq!(usage.status, 2, "a time limit without a wait");
}

#[test]
fn reconciling_asks_about_all_that_is_open() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.pay("Z-2", &[]);
    shop.decide("Z-2", Decision::Approve);
    shop.pay("Z-3", &[]);
    shop.in_doubt("Z-4");
    let found = run(&mut shop.program(), &["journal", "reconcile", "--json"]);
    assert_eq!(found.status, 9, "one is in doubt: {}", found.stdout);
    let json = found.json();
    assert_eq!(json["ok"]["stopped"], Value::Null);
    let settlements = json["ok"]["settlements"].as_array().expect("a list");
    let mut states: Vec<_> = settlements
        .iter()
        .map(|one| format!("{} {} {}", one["reference"], one["state"], one["changed"]))
        .collect();
    states.sort_unstable();
    assert_eq!(
        states,
        [
            r#""Z-1" "PAID" false"#,
            r#""Z-2" "PAID" true"#,
            r#""Z-3" "ACCEPTED" false"#,
            r#""Z-4" "IN_DOUBT" false"#,
        ]
    );
    let text = run(&mut shop.program(), &["journal", "reconcile"]);
    assert!(
        text.stdout
            .ends_with("Payments: 4, in doubt: 1, to deliver: 2\n"),
        "{}",
        text.stdout
    );
}

#[test]
fn reconciling_ends_with_zero_only_if_all_is_known() {
    let shop = Shop::open();
    let reconcile = || run(&mut shop.program(), &["journal", "reconcile"]);
    shop.paid("Z-1");
    shop.pay("Z-2", &[]);
    assert_eq!(reconcile().status, 0, "not yet paid is not wrong");
    // The gateway gives no verdict on it.
    let broken = Action::Html {
        status: 502,
        record: false,
    };
    shop.sandbox
        .inject(Fault::on(Endpoint::Check, broken).forever())
        .expect("a valid fault");
    let problem = reconcile();
    assert_eq!(problem.status, 9, "{}", problem.stdout);
    shop.sandbox.clear_faults();
    assert_eq!(reconcile().status, 0);
    shop.in_doubt("Z-3");
    assert_eq!(reconcile().status, 9);
    assert_eq!(shop.journal(&["list"]).status, 0, "it is only a list");
    let resolve = [
        "resolve", "Z-3", "--state", "failed", "--by", "Awa", "--why", "x",
    ];
    assert_eq!(shop.journal(&resolve).status, 0);
    assert_eq!(reconcile().status, 0);
}

#[test]
fn what_is_delivered_has_a_status_of_its_own() {
    let shop = Shop::open();
    shop.paid("Z-1");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, r#"{"code":"0","reference":"Z-1"}"#).expect("written");
    let callback = file.path().to_str().expect("UTF-8");
    let commands = [
        &["settle", "Z-1"][..],
        &["settle-callback", callback],
        &["journal", "show", "Z-1"],
    ];
    for arguments in commands {
        let run = run(&mut shop.program(), arguments);
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.stderr);
        assert!(!run.stdout.contains("do NOT deliver"), "{}", run.stdout);
    }
    assert_eq!(shop.journal(&["acknowledge", "Z-1"]).status, 0);
    for arguments in commands {
        let english = run(&mut shop.program(), arguments);
        assert_eq!(english.status, 17, "{arguments:?}: {}", english.stderr);
        let says = "acknowledged before: do NOT deliver it again\n";
        assert!(english.stdout.ends_with(says), "{}", english.stdout);
        let french = shop.in_french(arguments);
        assert_eq!(french.status, 17);
        let says = "déjà enregistrée : ne livrez PAS une seconde fois\n";
        assert!(french.stdout.ends_with(says), "{}", french.stdout);
    }
}

#[test]
fn there_is_nothing_to_deliver_for_a_payout() {
    let shop = Shop::open();
    let payout = [
        "payout",
        "--reference",
        "P-1",
        "--amount",
        "25",
        "--currency",
        "USD",
        "--phone",
        "0812345678",
        "--callback-url",
        "https://zando.example/callback",
    ];
    let sent = run(shop.program().env("FLEXPAY_ALLOW_PAYOUT", "1"), &payout);
    assert_eq!(sent.status, 0, "{}", sent.stderr);
    let settled = shop.settle("P-1");
    assert_eq!(settled.status, 0, "{}", settled.stderr);
    let says = "It is a payout: there is nothing to deliver\n";
    assert!(settled.stdout.ends_with(says), "{}", settled.stdout);
    let french = shop.in_french(&["settle", "P-1"]).stdout;
    assert!(french.ends_with("il n'y a rien à livrer\n"), "{french}");
    let acknowledged = shop.journal(&["acknowledge", "P-1"]);
    assert_eq!(acknowledged.status, 2, "{}", acknowledged.stdout);
    assert!(
        acknowledged.stderr.contains("is a payout"),
        "{}",
        acknowledged.stderr
    );
}

#[test]
fn reconciling_says_why_it_stopped() {
    let shop = Shop::open();
    shop.pay("Z-1", &[]);
    let unreachable = |arguments: &[&str]| {
        let mut command = shop.program();
        command.env("FLEXPAY_CHECK_URL", "https://127.0.0.1:1/check");
        run(
            &mut command,
            &[&["journal", "reconcile"], arguments].concat(),
        )
    };
    let stopped = unreachable(&["--json"]);
    assert_eq!(stopped.status, 3);
    let json = stopped.json();
    let reason = json["ok"]["stopped"].as_str().expect("a reason");
    assert!(reason.contains("127.0.0.1:1"), "{reason}");
    let problem = json["ok"]["settlements"][0]["problem"]
        .as_str()
        .expect("it");
    assert!(problem.starts_with("CONNECT: "), "{problem}");
    let english = unreachable(&[]).stdout;
    assert!(
        english.contains("Not all payments were asked about (CONNECT)"),
        "{english}"
    );
    let mut command = shop.program();
    command
        .env("FLEXPAY_CHECK_URL", "https://127.0.0.1:1/check")
        .env("LANG", "fr_FR.UTF-8");
    let french = run(&mut command, &["journal", "reconcile"]).stdout;
    assert!(french.contains("n'ont pas été interrogés"), "{french}");
}

#[test]
fn a_till_that_starts_for_the_first_time_reconciles_nothing() {
    let shop = Shop::open();
    let found = run(&mut shop.program(), &["journal", "reconcile", "--json"]);
    assert_eq!(
        (found.status, found.stdout.as_str()),
        (0, "{\"ok\":{\"settlements\":[],\"stopped\":null}}\n")
    );
}

#[test]
fn the_commands_that_send_nothing_need_no_token() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.in_doubt("Z-2");
    let requests = shop.sandbox.requests().len();
    for (arguments, status) in [
        (&["list"][..], 0),
        (&["show", "Z-1"], 0),
        (&["acknowledge", "Z-1"], 0),
        (
            &[
                "resolve", "Z-2", "--state", "failed", "--by", "Awa", "--why", "x",
            ],
            0,
        ),
        (&["export", "--format", "csv"], 0),
        (&["verify"], 0),
        (&["prune", "--older-than", "30"], 0),
    ] {
        let run = shop.journal(arguments);
        assert_eq!(run.status, status, "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(
        shop.journal(&["reconcile"]).status,
        2,
        "this one sends requests"
    );
    assert_eq!(shop.sandbox.requests().len(), requests);
}

#[test]
fn the_path_comes_from_the_option_the_file_or_the_environment() {
    let shop = Shop::open();
    shop.paid("Z-1");
    let path = shop.path();
    let path = path.to_str().expect("UTF-8");
    let list = ["journal", "list", "--field", "reference"];
    let by_option = run(
        bare_program().env("FLEXPAY_JOURNAL", "/nowhere/x.db"),
        &[&list[..], &["--journal", path]].concat(),
    );
    assert_eq!(by_option.stdout, "Z-1\n");
    let file = shop.folder.path().join("flexpay.env");
    std::fs::write(&file, format!("export FLEXPAY_JOURNAL='{path}'\n")).expect("written");
    let file = file.to_str().expect("UTF-8");
    for arguments in [
        &[&list[..], &["--env-file", file]].concat(),
        &vec!["journal", "export", "--format", "csv", "--env-file", file],
    ] {
        let run = run(
            bare_program().env("FLEXPAY_JOURNAL", "/nowhere/x.db"),
            arguments,
        );
        assert!(run.stdout.contains("Z-1"), "{}", run.stderr);
    }
    let settled = run(
        &mut program(&shop.sandbox),
        &["settle", "Z-1", "--journal", path],
    );
    assert_eq!(settled.status, 0, "{}", settled.stderr);
    let unset = run(&mut bare_program(), &list);
    assert_eq!(unset.status, 2);
    assert!(unset.stderr.contains("FLEXPAY_JOURNAL"), "{}", unset.stderr);
}

#[test]
fn a_path_that_is_mistyped_is_no_empty_journal() {
    let shop = Shop::open();
    for arguments in [
        &["list"][..],
        &["verify"],
        &["export", "--format", "jsonl"],
        &["show", "Z-1"],
    ] {
        let run = shop.journal(arguments);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains("till.db"), "{}", run.stderr);
    }
    assert!(!shop.path().exists());
}

#[test]
fn a_journal_that_was_deleted_is_not_begun_again() {
    let shop = Shop::open();
    shop.in_doubt("Z-1");
    std::fs::remove_file(shop.path()).expect("removed");
    for run in [
        shop.journal(&["list"]),
        run(&mut shop.program(), &["journal", "reconcile"]),
        shop.pay("Z-2", &[]),
    ] {
        assert_eq!(run.status, 3, "{}", run.stderr);
        assert!(run.stderr.contains("is missing"), "{}", run.stderr);
    }
    assert_eq!(shop.sent(), 1);
}

#[test]
fn the_journal_of_another_merchant_is_refused() {
    let shop = Shop::open();
    shop.paid("Z-1");
    let mut other = shop.program();
    let settled = run(other.env("FLEXPAY_MERCHANT", "OTHER"), &["settle", "Z-1"]);
    assert_eq!(settled.status, 3, "{}", settled.stderr);
    let says = "is of merchant ZANDO";
    assert!(settled.stderr.contains(says), "{}", settled.stderr);
}

#[test]
fn a_list_has_the_payments_of_its_filter() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.pay("Z-2", &[]);
    shop.in_doubt("Z-3");
    for (filter, references) in [
        (&[][..], "Z-1\nZ-2\nZ-3\n"),
        (&["--open"], "Z-2\nZ-3\n"),
        (&["--in-doubt"], "Z-3\n"),
        (&["--to-deliver"], "Z-1\n"),
    ] {
        let list = shop.journal(&[&["list", "--field", "reference"], filter].concat());
        assert_eq!(list.stdout, references, "{filter:?}");
    }
    let both = shop.journal(&["list", "--open", "--in-doubt"]);
    assert_eq!(both.status, 2);
    let json = shop.journal(&["list", "--json"]).json();
    let first = json["ok"]["settlements"][0].as_object().expect("a payment");
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "reference",
            "kind",
            "amount",
            "currency",
            "phone",
            "state",
            "changed",
            "to_deliver",
            "is_open",
            "order_number",
            "other_order_number",
            "redirect_url",
            "page",
            "last_answer",
            "resolved_by",
            "resolved_why",
            "created_at",
            "changed_at",
            "problem",
        ]
    );
}

#[test]
fn a_list_for_people_is_aligned() {
    let shop = Shop::open();
    shop.paid("ZANDO-1");
    shop.in_doubt("Z-2");
    let list = shop.journal(&["list"]).stdout;
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 4, "{list}");
    let column = |title: &str| lines[0].find(title).expect("a title");
    assert!(
        lines[1][column("State")..].starts_with("IN DOUBT"),
        "{list}"
    );
    assert!(lines[2][column("State")..].starts_with("PAID"), "{list}");
    assert!(lines[2][column("Kind")..].starts_with("card"), "{list}");
    assert!(lines[2].ends_with("  to deliver"), "{list}");
    assert!(!list.contains('\u{1b}'), "no colours in a pipe");
    assert!(lines.iter().all(|line| line.trim_end() == *line), "{list}");
}

#[test]
fn every_command_speaks_english_and_french() {
    let resolve = [
        "journal",
        "resolve",
        "Z-2",
        "--state",
        "cancelled",
        "--by",
        "Awa",
        "--why",
        "x",
    ];
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, r#"{"code":"0","reference":"Z-1"}"#).expect("written");
    let callback = file.path().to_str().expect("UTF-8");
    let steps: &[(&[&str], &str, &str)] = &[
        (&["settle-callback", callback], "PAID\n", "PAYÉ\n"),
        (&["journal", "list"], "Reference  State", "Référence  État"),
        (&["journal", "list"], " card ", " carte "),
        (&["journal", "list"], "  to deliver\n", "  à livrer\n"),
        (
            &["journal", "list"],
            "\nPayments: 3, in doubt: 1, to deliver: 1\n",
            "\nPaiements : 3, incertains : 1, à livrer : 1\n",
        ),
        (&["journal", "show", "Z-1"], "PAID\n", "PAYÉ\n"),
        (
            &["journal", "show", "Z-1"],
            "  To deliver: flexpay journal acknowledge Z-1\n",
            "  À livrer : flexpay journal acknowledge Z-1\n",
        ),
        (&["journal", "show", "Z-2"], "IN DOUBT\n", "INCERTAIN\n"),
        (
            &["journal", "show", "Z-2"],
            "  Do not pay again. Wait for the callback",
            "  Ne recommencez pas le paiement. Attendez la notification",
        ),
        (
            &["journal", "show", "Z-2"],
            "or, if the console has no such payment:\n    flexpay journal resolve Z-2 --state not-sent",
            "ou, si la console n'a pas ce paiement :\n    flexpay journal resolve Z-2 --state not-sent",
        ),
        (
            &["settle", "Z-3"],
            "ACCEPTED, NOT YET PAID\n",
            "ACCEPTÉ, PAS ENCORE PAYÉ\n",
        ),
        (
            &["settle", "Z-3"],
            "  To ask the gateway: flexpay settle Z-3\n",
            "  Pour interroger la passerelle : flexpay settle Z-3\n",
        ),
        (
            &["journal", "acknowledge", "Z-1"],
            "Recorded: deliver it now\n",
            "Enregistré : livrez maintenant\n",
        ),
        (
            &["journal", "acknowledge", "Z-1"],
            "do NOT deliver it again\n",
            "ne livrez PAS une seconde fois\n",
        ),
        (&resolve, "Recorded: CANCELLED\n", "Enregistré : ANNULÉ\n"),
        (&["journal", "show", "Z-2"], "Resolved by", "Résolu par"),
        (
            &["journal", "verify"],
            "The journal is sound, payments: 3\n",
            "Le journal est en bon état, paiements : 3\n",
        ),
        (
            &["journal", "prune", "--older-than", "9"],
            "Payments removed: 0. Their references stay used\n",
            "Paiements retirés : 0. Leurs références restent utilisées\n",
        ),
        (
            &["journal", "reconcile"],
            "\nPayments: 1, in doubt: 0, to deliver: 0\n",
            "\nPaiements : 1, incertains : 0, à livrer : 0\n",
        ),
    ];
    for is_french in [false, true] {
        let shop = Shop::open();
        shop.pay("Z-1", &[]);
        shop.decide("Z-1", Decision::Approve);
        shop.in_doubt("Z-2");
        shop.pay("Z-3", &[]);
        let lang = if is_french {
            "fr_CD.UTF-8"
        } else {
            "en_GB.UTF-8"
        };
        let program = || {
            let mut program = shop.program();
            program.env("LANG", lang);
            program
        };
        for (arguments, english, french) in steps {
            let says = if is_french { french } else { english };
            let run = run(&mut program(), arguments);
            assert!(
                run.stdout.contains(says),
                "{arguments:?}: {says:?} is not in\n{}{}",
                run.stdout,
                run.stderr
            );
        }
        let broken = run(
            program().env("FLEXPAY_JOURNAL", "/nowhere/till.db"),
            &payment("Z-4"),
        );
        let says = match is_french {
            false => "Nothing was sent: the journal cannot be used (JOURNAL)",
            true => "Rien n'a été envoyé : le journal est inutilisable (JOURNAL)",
        };
        assert!(broken.stderr.starts_with(says), "{}", broken.stderr);
    }
}

#[test]
fn what_is_acknowledged_is_delivered_once() {
    let shop = Shop::open();
    shop.pay("Z-1", &[]);
    let early = shop.journal(&["acknowledge", "Z-1"]);
    assert_eq!(early.status, 2, "{}", early.stderr);
    shop.decide("Z-1", Decision::Approve);
    shop.settle("Z-1");
    let first = shop.journal(&["acknowledge", "Z-1"]);
    assert_eq!(first.status, 0);
    assert!(
        first.stdout.starts_with("Recorded: deliver it now"),
        "{}",
        first.stdout
    );
    let second = shop.journal(&["acknowledge", "Z-1"]);
    assert_eq!(second.status, 17, "a script must not deliver again");
    assert!(
        second.stdout.contains("do NOT deliver it again"),
        "{}",
        second.stdout
    );
    let third = shop.journal(&["acknowledge", "Z-1", "--json"]);
    assert_eq!(
        (third.status, &third.json()["ok"]["changed"]),
        (17, &false.into())
    );
    assert_eq!(shop.journal(&["acknowledge", "no-such"]).status, 2);
}

#[test]
fn a_person_resolves_what_is_in_doubt_and_is_recorded() {
    let shop = Shop::open();
    shop.next_payment(Action::Html {
        status: 502,
        record: false,
    });
    assert_eq!(shop.pay("Z-1", &[]).status, 9);
    let who = ["--by", "Awa", "--why", "pas dans la console"];
    let resolve = |reference, more: &[&str]| {
        let arguments = [&["resolve", reference], more, &who[..]].concat();
        shop.journal(&[&arguments[..], &["--json"]].concat())
    };
    let resolved = resolve("Z-1", &["--state", "not-sent"]);
    assert_eq!(resolved.status, 0, "{}", resolved.stdout);
    let entry = &resolved.json()["ok"];
    assert_eq!(
        (
            &entry["state"],
            &entry["resolved_by"],
            &entry["resolved_why"]
        ),
        (
            &"NOT_SENT".into(),
            &"Awa".into(),
            &"pas dans la console".into()
        )
    );
    assert_eq!(shop.pay("Z-1", &[]).status, 0, "it may be sent again");
    assert_eq!(resolve("Z-1", &["--state", "not-sent"]).status, 2);
    // The console shows an order number: the gateway is asked about it.
    shop.in_doubt("Z-2");
    shop.decide("Z-2", Decision::Approve);
    let number = shop.order_number("Z-2");
    let resolved = resolve("Z-2", &["--order-number", &number]);
    assert_eq!(
        (resolved.status, &resolved.json()["ok"]["state"]),
        (0, &"IN_DOUBT".into())
    );
    assert!(
        shop.journal(&["show", "Z-2"])
            .stdout
            .contains("flexpay settle Z-2")
    );
    assert_eq!(shop.settle("Z-2").status, 0);
    for state in ["failed", "cancelled"] {
        shop.in_doubt(state);
        assert_eq!(resolve(state, &["--state", state]).status, 0);
        assert_eq!(shop.state(state), state.to_uppercase());
    }
    for more in [
        &[][..],
        &["--state", "paid"],
        &["--state", "failed", "--order-number", "N1"],
    ] {
        assert_eq!(resolve("Z-2", more).status, 2, "{more:?}");
    }
    let nobody = [
        "resolve", "Z-2", "--state", "failed", "--by", " ", "--why", "x",
    ];
    let refused = shop.journal(&nobody);
    assert!(
        refused.stderr.contains("who: is missing"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_export_is_read_back_as_it_was_recorded() {
    let shop = Shop::open();
    shop.in_doubt("Z-1");
    // What a spreadsheet or a careless program would change.
    let why = "=1+1, \"vu\" à la console;\nAwa";
    let resolve = [
        "resolve", "Z-1", "--state", "failed", "--by", "00'1", "--why",
    ];
    assert_eq!(shop.journal(&[&resolve[..], &[why]].concat()).status, 0);
    add_copies(&shop, 450);
    let list = shop.journal(&["list", "--json"]).json();
    let listed = list["ok"]["settlements"].as_array().expect("a list");
    assert_eq!(listed.len(), 451);

    let lines = shop.journal(&["export", "--format", "jsonl"]);
    assert_eq!((lines.status, lines.stderr.as_str()), (0, ""));
    let exported: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let without_call = |entry: &Value| {
        let mut entry = entry.clone();
        let fields = entry.as_object_mut().expect("an object");
        fields.remove("changed");
        fields.remove("problem");
        entry
    };
    let expected: Vec<Value> = listed.iter().map(without_call).collect();
    assert_eq!(exported, expected);

    let csv = shop.journal(&["export", "--format", "csv"]);
    assert_eq!((csv.status, csv.stderr.as_str()), (0, ""));
    let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
    let titles = reader.headers().expect("titles").clone();
    let mut rows = 0;
    for (record, entry) in reader.records().zip(&expected) {
        for (title, value) in titles.iter().zip(&record.expect("a record")) {
            let expected = match &entry[title] {
                Value::Null => "",
                Value::Bool(true) => "true",
                Value::Bool(false) => "false",
                text => text.as_str().expect("a text"),
            };
            assert_eq!(value, expected, "{title}");
        }
        rows += 1;
    }
    assert_eq!(rows, 451);
    assert!(
        csv.stdout
            .contains("\"=1+1, \"\"vu\"\" à la console;\nAwa\"")
    );
}

/// Adds copies of the only payment, under other references.
fn add_copies(shop: &Shop, count: usize) {
    let mut file = Connection::open(shop.path()).expect("it opens");
    let transaction = file.transaction().expect("begun");
    for number in 0..count {
        let reference = format!("copy-{number:04}");
        transaction
            .execute(
                "INSERT INTO entries SELECT ?1, state, is_open, to_deliver, order_number, created_at,
                     changed_at, replace(entry, '\"Z-1\"', '\"' || ?1 || '\"') FROM entries
                     WHERE reference = 'Z-1'",
                [reference],
            )
            .expect("inserted");
    }
    transaction.commit().expect("written");
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_that_cannot_be_written_says_so() {
    let shop = Shop::open();
    shop.paid("Z-1");
    for format in ["csv", "jsonl"] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = shop.without_token();
        command.args(["journal", "export", "--format", format]);
        let output = command.stdout(full.expect("Linux")).output().expect("run");
        assert_eq!(output.status.code(), Some(9), "{format}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("could not be written"), "{stderr}");
    }
}

#[test]
fn verify_finds_a_damaged_entry() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.paid("Z-2");
    let sound = shop.journal(&["verify"]);
    assert_eq!(
        (sound.status, sound.stdout.as_str()),
        (0, "The journal is sound, payments: 2\n")
    );
    for (sql, problem) in [
        // Delivered goods would be delivered again, or never.
        (
            "UPDATE entries SET to_deliver = 0 WHERE reference = 'Z-2'",
            "the columns differ",
        ),
        (
            "UPDATE entries SET entry = replace(entry, 'PAID', 'PAIT') WHERE reference = 'Z-2'",
            "cannot be read",
        ),
        (
            "UPDATE entries SET entry = x'ff' WHERE reference = 'Z-2'",
            "cannot be read",
        ),
    ] {
        shop.tamper(sql);
        let damaged = shop.journal(&["verify"]);
        assert_eq!(damaged.status, 2, "{sql}");
        assert!(
            damaged
                .stdout
                .starts_with("The journal is damaged\n  Z-2: ")
        );
        assert!(damaged.stdout.contains(problem), "{}", damaged.stdout);
        let json = shop.journal(&["verify", "--json"]);
        assert_eq!(json.status, 2);
        let report = &json.json()["ok"];
        assert_eq!(
            (&report["healthy"], &report["entries"]),
            (&false.into(), &2.into())
        );
        assert_eq!(report["problems"].as_array().map(Vec::len), Some(1));
    }
    let french = shop.in_french(&["journal", "verify"]);
    assert!(
        french.stdout.starts_with("Le journal est endommagé"),
        "{}",
        french.stdout
    );
}

#[test]
fn verify_finds_a_damaged_file() {
    const PAGE: usize = 4096;
    let shop = Shop::open();
    shop.in_doubt("Z-1");
    add_copies(&shop, 200);
    let sound = std::fs::read(shop.path()).expect("readable");
    assert!(sound.len() > 20 * PAGE);
    let verify_with_damaged_page = |page: usize, arguments: &[&str]| {
        let mut damaged = sound.clone();
        damaged[page * PAGE..][..PAGE].fill(0xa5);
        std::fs::write(shop.path(), &damaged).expect("written");
        shop.journal(&[&["verify"], arguments].concat())
    };
    // The first page, and those of the tables, of the indexes and of the entries.
    for page in 0..sound.len() / PAGE {
        let verified = verify_with_damaged_page(page, &[]);
        assert!(
            [2, 3].contains(&verified.status),
            "page {page}: {}",
            verified.stdout
        );
        let said = verified.stdout + &verified.stderr;
        assert!(said.contains("damaged"), "page {page}: {said}");
    }
    // On the last page are the last entries. They are named, and the others are read.
    let report = verify_with_damaged_page(sound.len() / PAGE - 1, &["--json"]);
    assert_eq!(report.status, 2);
    let problems = report.json()["ok"]["problems"].to_string();
    assert!(
        problems.contains("copy-0199: the entry cannot be read"),
        "{problems}"
    );
    assert!(!problems.contains("copy-0000"), "{problems}");
    std::fs::write(shop.path(), &sound).expect("written");
    assert_eq!(shop.journal(&["verify"]).status, 0);
}

#[test]
fn a_journal_of_a_newer_version_is_refused_by_name() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.tamper("PRAGMA user_version = 99");
    for run in [
        shop.journal(&["verify"]),
        shop.journal(&["list"]),
        shop.settle("Z-1"),
        shop.pay("Z-2", &[]),
    ] {
        assert_eq!(run.status, 3);
        assert!(
            run.stderr.contains("version 99") && run.stderr.contains("till.db"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(shop.sent(), 1, "nothing was sent");
}

#[test]
fn only_what_is_closed_delivered_and_old_is_pruned() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.paid("Z-2");
    shop.journal(&["acknowledge", "Z-1"]);
    shop.pay("Z-3", &[]);
    let long_ago = "UPDATE entries SET changed_at = '2020-01-01T00:00:00Z'";
    let prune = || {
        shop.journal(&["prune", "--older-than", "30", "--json"])
            .json()
    };
    assert_eq!(prune()["ok"]["removed"], 0);
    shop.tamper(long_ago);
    assert_eq!(prune()["ok"]["removed"], 1);
    let left = shop.journal(&["list", "--field", "reference"]);
    assert_eq!(left.stdout, "Z-2\nZ-3\n");
    let used = shop.pay("Z-1", &[]);
    assert_eq!(used.status, 2, "{}", used.stderr);
    assert_eq!(shop.sent(), 3);
    assert_eq!(
        shop.journal(&["prune"]).status,
        2,
        "it must be said how old"
    );
}

#[test]
fn a_program_that_is_killed_while_it_pays_leaves_a_payment_in_doubt() {
    let shop = Shop::open();
    shop.next_payment(Action::StallAfter { bytes: 0 });
    let mut killed = shop
        .program()
        .args(payment("Z-1"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    shop.sandbox.wait_for_requests(1, AT_MOST);
    assert_eq!(shop.state("Z-1"), "SENDING");
    let shown = shop.journal(&["show", "Z-1"]);
    assert_eq!(shown.status, 9);
    assert!(shown.stdout.starts_with("BEING SENT"), "{}", shown.stdout);
    kill("-KILL", killed.id());
    killed.wait().expect("it ends");

    let again = shop.pay("Z-1", &["--json"]);
    assert_eq!(again.status, 9);
    assert_eq!(again.json()["error"]["code"], "IN_DOUBT");
    assert_eq!(shop.sent(), 1, "nothing is sent again");
    assert_eq!(shop.state("Z-1"), "IN_DOUBT");
    // What became of it is known as soon as its order number is.
    shop.decide("Z-1", Decision::Approve);
    let number = shop.order_number("Z-1");
    let resolve = ["resolve", "Z-1", "--order-number", &number];
    let who = ["--by", "Awa", "--why", "console"];
    shop.journal(&[&resolve[..], &who].concat());
    assert_eq!(shop.settle("Z-1").status, 0);
}

#[test]
fn while_one_program_pays_another_is_told_so() {
    let shop = Shop::open();
    shop.next_payment(Action::Delay { ms: 3000 });
    let first = shop
        .program()
        .args(payment("Z-1"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    shop.sandbox.wait_for_requests(1, AT_MOST);
    let second = shop.pay("Z-1", &["--json"]);
    assert_eq!(second.status, 9);
    assert_eq!(second.json()["error"]["code"], "IN_PROGRESS");
    let first = finished(first.wait_with_output().expect("it ends"));
    assert_eq!(first.status, 0, "{}", first.stderr);
    assert_eq!(shop.sent(), 1);
}

#[test]
fn of_many_programs_under_one_reference_one_sends() {
    let shop = Shop::open();
    // They also make the journal at the same time.
    let programs: Vec<_> = (0..8)
        .map(|_| {
            let mut command = shop.program();
            command.args(payment("Z-1")).arg("--json");
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("it starts")
        })
        .collect();
    let mut accepted = 0;
    for program in programs {
        let run = finished(program.wait_with_output().expect("it ends"));
        match run.status {
            0 => accepted += 1,
            _ => assert_eq!(
                (run.status, &run.json()["error"]["code"]),
                (9, &"IN_PROGRESS".into()),
                "{}",
                run.stdout
            ),
        }
    }
    assert!(accepted > 0);
    assert_eq!(shop.sent(), 1);
    assert_eq!(shop.sandbox.payments().len(), 1);
}
