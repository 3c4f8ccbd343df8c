//! docs/bridge.md: its examples are run, and its tables compared with the program.

#[path = "../common/mod.rs"]
mod common;
mod page;
mod pattern;

use common::bridge::Bridge;
use common::{bare_program, program, run, run_with_input, sandbox};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use page::Step;
use pattern::{OrderNumbers, compare};
use serde_json::{Value, json};
use std::net::TcpListener;
use tempfile::TempDir;

const PAGE: &str = "docs/bridge.md";

/// A reader of the page, who has a sandbox and may have a journal.
struct Reader {
    sandbox: Sandbox,
    numbers: OrderNumbers,
    /// The folder of the journal.
    folder: TempDir,
    has_journal: bool,
}

impl Reader {
    fn new() -> Self {
        Self {
            sandbox: sandbox(),
            numbers: OrderNumbers::default(),
            folder: tempfile::tempdir().expect("a folder"),
            has_journal: false,
        }
    }

    fn start_bridge(&self) -> Bridge {
        let mut command = program(&self.sandbox);
        command.env("FLEXPAY_ALLOW_PAYOUT", "1");
        if self.has_journal {
            command.env("FLEXPAY_JOURNAL", self.folder.path().join("flexpay.db"));
        }
        Bridge::start(&mut command)
    }

    /// What happens on the page between two requests.
    fn happens(&mut self, event: &str) {
        let payment = self.sandbox.payments().pop();
        if let Some(number) = event.strip_prefix("the gateway has the order ") {
            let payment = payment.expect("a payment");
            return self.numbers.learn(number, &payment.order_number);
        }
        let failure = Action::Html {
            status: 502,
            record: false,
        };
        match event {
            "FLEXPAY_JOURNAL is set" => self.has_journal = true,
            "the customer pays" => {
                let number = payment.expect("a payment").order_number;
                self.sandbox
                    .decide_silently(&number, Decision::Approve)
                    .expect("the sandbox approves it");
            }
            "the gateway fails" => self.inject(Endpoint::Pay, failure),
            "the mobile service fails" => self.inject(Endpoint::Mobile, failure),
            "the reply is lost" => self.inject(Endpoint::Pay, Action::ResetAfterReading),
            other => panic!("unknown event: {other}"),
        }
    }

    fn inject(&self, endpoint: Endpoint, action: Action) {
        self.sandbox
            .inject(Fault::on(endpoint, action))
            .expect("the sandbox accepts the fault");
    }
}

#[test]
fn every_example_runs() {
    let mut reader = Reader::new();
    let mut bridge: Option<Bridge> = None;
    let mut reply: Option<Value> = None;
    let mut compared = 0;
    for step in page::steps(&page::read(PAGE)) {
        match step {
            Step::Event(event) => reader.happens(&event),
            Step::Request(line) => {
                assert_eq!(reply, None, "the page has no reply before {line}");
                // Each hello begins a session.
                if line.contains(r#""call":"hello""#) {
                    let last = bridge.replace(reader.start_bridge());
                    assert_eq!(last.map_or(0, Bridge::end), 0);
                }
                let bridge = bridge.as_mut().expect("the page begins with hello");
                bridge.send(&reader.numbers.replace(&line));
                reply = Some(bridge.read());
            }
            Step::Reply(expected) => {
                let reply = reply.take().expect("a request before a reply");
                let expected: Value = serde_json::from_str(&expected)
                    .unwrap_or_else(|error| panic!("{error}: {expected}"));
                compare(&expected, &reply, &mut reader.numbers);
                compared += 1;
            }
        }
    }
    assert_eq!(reply, None, "the page lacks the last reply");
    assert!(compared > 18, "only {compared} replies were compared");
    assert_eq!(bridge.map(Bridge::end), Some(0));
}

/// The calls of the page, each with the fields of its request.
fn calls(page: &str) -> Vec<(String, Vec<(String, bool)>)> {
    let rows = page::table(page, "call");
    let call = |cell: &str| page::names(cell)[0].0.clone();
    rows.iter()
        .map(|row| (call(&row[0]), page::names(&row[1])))
        .collect()
}

#[test]
fn the_table_of_calls_names_the_fields_that_the_program_accepts() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    for (call, fields) in calls(&page::read(PAGE)) {
        let reply = bridge.call(json!({"id": 1, "call": call, "request": {"?": 1}}));
        // The program lists them: "unknown field `?`, expected one of `reference`, …".
        let message = reply["error"]["message"].as_str().expect("a message");
        let (_, listed) = message.split_once("expected ").expect("a list");
        let mut accepted: Vec<String> = page::names(listed)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut named: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
        accepted.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, accepted, "{call}");
    }
    let reply = bridge.call(json!({"id": 1, "call": "?"}));
    assert_eq!(reply["error"]["field"], "call");
    assert!(sandbox.connections().is_empty());
}

#[test]
fn the_fields_in_bold_type_are_required() {
    let mut reader = Reader::new();
    reader.has_journal = true;
    let mut bridge = reader.start_bridge();
    bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1}}));
    let expected = json!({"reference": "R-1", "amount": "1", "currency": "USD"});
    let value = |field: &str| match field {
        "amount" => "1".into(),
        "currency" => "USD".into(),
        "phone" => "0810000001".into(),
        "callback_url" => "https://shop.example/callback".into(),
        "expected" => expected.clone(),
        "recorded" | "now" => "PAID".into(),
        "id" | "days" => 1.into(),
        "entry" => Value::Null,
        "sender_is_alive" => false.into(),
        "event" => json!({"event": "settle"}),
        other => other.into(),
    };
    for (call, fields) in calls(&page::read(PAGE)) {
        let required = || fields.iter().filter(|(_, is_required)| *is_required);
        for (missing, _) in required() {
            let request: serde_json::Map<String, Value> = required()
                .filter(|(field, _)| field != missing)
                .map(|(field, _)| (field.clone(), value(field)))
                .collect();
            let mut request = Value::Object(request);
            match call.as_str() {
                "verify_callback" => {
                    request["body"] = r#"{"code":"0","reference":"R-1"}"#.into();
                }
                "journal_resolve" => request["state"] = "FAILED".into(),
                _ => {}
            }
            let reply = bridge.call(json!({"id": 1, "call": call, "request": request}));
            let error = &reply["error"];
            assert_eq!(
                (&error["code"], &error["outcome"]),
                (&"INVALID".into(), &"NOT_SENT".into()),
                "{call} without {missing}: {reply}"
            );
            // Of the fields of `expected`, the first is named.
            let named = if missing == "expected" {
                "reference"
            } else {
                missing
            };
            let message = error["message"].as_str().expect("a message");
            assert!(
                message.contains(named),
                "{call} without {missing}: {message}"
            );
        }
    }
    assert!(reader.sandbox.connections().is_empty());
}

#[test]
fn the_table_of_settings_names_the_fields_of_flexpay_config() {
    let page = page::read(PAGE);
    let rows = page::table(&page, "settings");
    let mut named = Vec::new();
    for row in &rows {
        named.extend(page::names(&row[1]).into_iter().map(|(name, _)| name));
    }
    let sandbox = sandbox();
    for name in &named {
        let mut settings = json!({
            "merchant": "ZANDO", "token": "t0ken", "callback_secret": "fedcba9876543210",
        });
        settings[name] = match name.as_str() {
            "environment" => "test".into(),
            "api" => "v1.1".into(),
            "ca_file" => sandbox.ca_file().to_str().into(),
            "proxy" => "http://127.0.0.1:3128".into(),
            "merchant" | "token" | "app_name" | "journal" => "ZANDO".into(),
            secret if secret.starts_with("callback_secret") => "0123456789abcdef".into(),
            url if url.ends_with("_url") => "https://pay.example/".into(),
            time if time.ends_with("_ms") => 1000.into(),
            _ => true.into(),
        };
        let mut bridge = Bridge::start(&mut bare_program());
        let reply = bridge.call(
            json!({"id": 0, "call": "hello", "request": {"bridge": 1, "settings": settings}}),
        );
        assert_eq!(reply["ok"]["bridge"], 1, "{name}: {reply}");
    }
    named.sort_unstable();
    assert_eq!(named, fields_of_flexpay_config());
}

/// The fields of flexpay_config. Each flag is a field of its own.
fn fields_of_flexpay_config() -> Vec<String> {
    let header = page::read("include/flexpay.h");
    let (_, config) = header.split_once("struct flexpay_config {").expect("it");
    let (config, _) = config.split_once("} flexpay_config;").expect("its end");
    let declared = config
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';'))
        .filter_map(|line| line.rsplit([' ', '*']).next());
    let flags = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define FLEXPAY_FLAG_"))
        .filter_map(|line| line.split(' ').next());
    let mut fields: Vec<String> = declared
        .filter(|field| !["size", "flags"].contains(field))
        .map(str::to_owned)
        .chain(flags.map(str::to_lowercase))
        .collect();
    fields.sort_unstable();
    fields
}

#[test]
fn the_commands_print_the_same_objects() {
    let sandbox = sandbox();
    let mut bridge = Bridge::ready(&sandbox);
    let mut without_id = |call: &str, request: Value| {
        let mut reply = bridge.call(json!({"id": 1, "call": call, "request": request}));
        reply.as_object_mut().expect("an object").remove("id");
        reply
    };
    let body = r#"{"code":"0","reference":"INVOICE-0017"}"#;
    assert_eq!(
        run_with_input(
            &mut program(&sandbox),
            &["parse-callback", "--json"],
            body.as_bytes()
        )
        .json(),
        without_id("parse_callback", json!({ "body": body }))
    );
    assert_eq!(
        run(&mut program(&sandbox), &["check", "N-1", "--json"]).json(),
        without_id("check", json!({"order_number": "N-1"}))
    );
}

#[test]
fn the_object_of_the_doctor_has_the_fields_on_the_page() {
    let page = page::read(PAGE);
    let mut lines = page.lines().skip_while(|line| *line != "```json");
    let named: Value = serde_json::from_str(lines.nth(1).expect("an object")).expect("JSON");
    let run = run(&mut bare_program(), &["doctor", "--offline", "--json"]).json();
    let keys = |object: &Value| -> Vec<String> {
        object
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let (named, run) = (&named["ok"], &run["ok"]);
    assert_eq!(keys(named), keys(run));
    let findings = run["findings"].as_array().expect("a list");
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(keys(&named["findings"][0]), keys(finding));
    }
    assert_eq!(run["healthy"], false, "it has no settings");
}

#[test]
fn a_line_has_at_most_one_mebibyte() {
    let mut bridge = Bridge::ready(&sandbox());
    let request = r#"{"id":1,"call":"normalize_phone","request":{"phone":"0812345678"}}"#;
    for (length, is_accepted) in [(1_048_576, true), (1_048_577, false)] {
        let spaces = " ".repeat(length - request.len());
        bridge.send(&format!("{request}{spaces}"));
        let reply = bridge.read();
        assert_eq!(reply["ok"].is_object(), is_accepted, "{length}: {reply}");
    }
}

#[test]
fn at_most_256_calls_are_in_flight() {
    // It never accepts a connection.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("an address");
    let mut bridge = Bridge::start(
        bare_program()
            .env("FLEXPAY_MERCHANT", "ZANDO")
            .env("FLEXPAY_TOKEN", "t0ken")
            .env("FLEXPAY_CHECK_URL", format!("https://{address}/check")),
    );
    bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1}}));
    for id in 1..=256 {
        let wait = json!({"id": id, "call": "wait", "request": {"order_number": "N-1"}});
        bridge.send(&wait.to_string());
    }
    let pay = json!({"id": 257, "call": "pay", "request": {"reference": "R-1"}});
    let refused = bridge.call(pay);
    assert_eq!(refused["id"], 257, "{refused}");
    assert_eq!(refused["error"]["outcome"], "NOT_SENT", "{refused}");
    drop(bridge.stdin.take());
    for _ in 0..256 {
        assert_eq!(bridge.read()["error"]["code"], "CANCELLED");
    }
    assert_eq!(bridge.end(), 0);
}
