//! The command line program: `serve`, `customer`, `callbacks`, `checkout-url`.

mod common;

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use common::{MOBILE, Shop, TIMEOUT, pay, payment_request, send_mobile};
use flexpay_sandbox::{Sandbox, web};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flexpay-sandbox");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A child process that is killed when the test ends.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(path: &Path) -> String {
    let until = Instant::now() + TIMEOUT;
    loop {
        if let Ok(text) = std::fs::read_to_string(path) {
            return text;
        }
        assert!(
            Instant::now() < until,
            "{} is never written",
            path.display()
        );
        std::thread::yield_now();
    }
}

#[test]
fn it_serves_until_it_receives_sigterm() {
    let directory = tempfile::tempdir().expect("a directory");
    let env_file = directory.path().join("sandbox.env");
    std::fs::write(&env_file, "STALE=1\n").expect("written");
    let arguments = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"];
    let mut child = KillOnDrop(
        Command::new(PROGRAM)
            .args(arguments)
            .args(["--merchant", "L'ÉCHOPPE", "--token", "abc"])
            .args([
                "--reply-style",
                "redirect",
                "--quirks",
                r#"{"stray_comma":true}"#,
            ])
            .arg("--directory")
            .arg(directory.path())
            .arg("--env-file")
            .arg(&env_file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts"),
    );
    let until = Instant::now() + TIMEOUT;
    let text = loop {
        let text = wait_for(&env_file);
        if !text.contains("STALE") {
            break text;
        }
        assert!(Instant::now() < until);
        std::thread::yield_now();
    };
    let values: HashMap<_, _> = text
        .lines()
        .map(|line| line.strip_prefix("export ").expect("it exports"))
        .filter_map(|line| line.split_once('='))
        .collect();
    assert_eq!(values["FLEXPAY_MERCHANT"], r"'L'\''ÉCHOPPE'");
    assert_eq!(values["FLEXPAY_TOKEN"], "abc");
    assert_eq!(values["FLEXPAY_API"], "v1.1");
    let base = values["SANDBOX_URL"];
    assert_eq!(values["FLEXPAY_PAY_URL"], format!("{base}/v1.1/pay"));
    assert_eq!(
        values["FLEXPAY_MOBILE_URL"],
        format!("{base}/api/rest/v1/paymentService")
    );
    assert_eq!(
        values["FLEXPAY_PAYOUT_URL"],
        format!("{base}/api/rest/v1/merchantPayOutService")
    );
    assert!(!values.contains_key("FLEXPAY_ALLOW_PAYOUT"));
    assert_eq!(
        values["FLEXPAY_CHECK_URL"],
        format!("{base}/api/rest/v1/check")
    );

    // The dashboard does not show the given token either.
    let mut front = web::agent(None)
        .expect("a client")
        .get(base)
        .call()
        .expect("a response");
    let front = front.body_mut().read_to_string().expect("text");
    assert!(front.contains("FLEXPAY_TOKEN=TOKEN") && !front.contains("abc"));

    let agent = web::agent(Some(Path::new(values["FLEXPAY_CA_FILE"]))).expect("a client");
    let response = agent
        .get(values["SANDBOX_HTTPS_URL"])
        .call()
        .expect("a response");
    assert_eq!(response.status(), 200);
    let mut response = agent
        .get(&format!("{base}/sandbox/api/quirks"))
        .call()
        .expect("a response");
    let quirks = response.body_mut().read_to_string().expect("text");
    assert!(quirks.contains(r#""reply_style":"redirect""#));
    assert!(quirks.contains(r#""stray_comma":true"#));

    #[cfg(unix)]
    {
        let pid = child.0.id().to_string();
        let killed = Command::new("kill").arg(pid).status().expect("kill runs");
        assert!(killed.success());
        let status = child.0.wait().expect("it ends");
        assert!(status.success(), "{status}");
        assert!(!env_file.exists());
        let mut printed = String::new();
        let mut stdout = child.0.stdout.take().expect("stdout");
        std::io::Read::read_to_string(&mut stdout, &mut printed).expect("text");
        assert!(printed.contains("dashboard") && printed.contains(base));
        assert!(printed.contains("L'ÉCHOPPE") && printed.contains("as given with --token"));
        assert!(
            !printed.contains("abc\n"),
            "the token could be valid elsewhere"
        );
        assert!(printed.contains(". ") && printed.contains("sandbox.env"));
    }
}

#[test]
fn customer_callbacks_and_checkout_url() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let (http, ca_file) = (sandbox.http_url(), sandbox.ca_file().to_owned());
    let mut orders = Vec::new();
    for (act, status) in [("approve", "0"), ("decline", "1"), ("cancel", "5")] {
        let order = pay(
            &sandbox,
            json!({"callback_url": shop.url, "reference": act}),
        );
        let checkout_id = sandbox.payment(&order).expect("the payment").checkout_id;
        let url = format!("{}/checkout/{checkout_id}", sandbox.https_url());
        let ca_file = ca_file.to_str().expect("text");
        let output = run(&["customer", act, &url, "--ca-file", ca_file]);
        assert!(output.status.success(), "{output:?}");
        let printed = out(&output);
        assert!(printed.contains("Paiement par carte"), "{printed}");
        assert!(
            printed.contains("the browser was redirected to http://shop.test/"),
            "{printed}"
        );
        assert_eq!(sandbox.payment(&order).expect("the payment").status, status);
        shop.next();
        let again = run(&["customer", act, &url, "--ca-file", ca_file]);
        assert!(!again.status.success());

        let found = run(&["checkout-url", &http, "--reference", act]);
        assert!(out(&found).trim_end().ends_with(&checkout_id));
        orders.push(order);
    }
    sandbox.wait_for_callbacks(3, TIMEOUT);
    let bodies = out(&run(&["callbacks", &http, "--body-only"]));
    let posted: String = sandbox
        .callbacks()
        .iter()
        .map(|record| record.body_text() + "\n")
        .collect();
    assert_eq!(bodies, posted);
    let one = out(&run(&["callbacks", &http, "--order", &orders[1]]));
    assert!(
        one.contains("Callback 1 about") && one.contains("reply 200 OK"),
        "{one}"
    );
    assert!(one.contains(&orders[1]) && !one.contains(&orders[0]));

    let unknown = run(&["checkout-url", &http, "--reference", "unknown"]);
    assert!(!unknown.status.success() && unknown.stdout.is_empty());
}

#[test]
fn a_customer_with_a_phone() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let shop = Shop::open();
    let (http, https) = (sandbox.http_url(), sandbox.https_url());
    let ca_file = sandbox.ca_file().to_str().expect("text");
    let phone_page = format!("{http}/phone/243842345678");
    let push = |reference: &str, phone: &str| {
        let changes = json!({"callbackUrl": shop.url, "reference": reference, "phone": phone});
        send_mobile(&sandbox, MOBILE, changes)
    };
    let status = |order: &str| sandbox.payment(order).expect("the payment").status;

    let other = push("other", "243812345678");
    let order = push("R-1", "243812345678");
    push("newest", "243812345678");
    let output = run(&[
        "customer",
        "confirm",
        &https,
        "--reference",
        "R-1",
        "--ca-file",
        ca_file,
    ]);
    assert!(output.status.success(), "{output:?}");
    let printed = out(&output);
    for text in [
        "Read \"ZANDO demande 25 000 CDF. Confirmer avec votre code PIN\".",
        "Typed \"1234\" into pin.",
        "Pressed \"Confirmer\".",
        "Vous avez payé 25 000 CDF à ZANDO.",
    ] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
    assert_eq!(status(&order), "0");
    assert_eq!(status(&other), "2");
    assert_eq!(shop.next().json()["code"], "0");
    let again = run(&["customer", "refuse", &http, "--reference", "R-1"]);
    assert!(!again.status.success());

    let order = push("R-2", "243842345678");
    let refused = run(&["customer", "refuse", &http, "--phone", "243842345678"]);
    assert!(out(&refused).contains("Vous avez refusé"), "{refused:?}");
    assert_eq!(status(&order), "1");
    let order = push("R-3", "243842345678");
    let expired = run(&["customer", "expire", &phone_page]);
    assert!(out(&expired).contains("a expiré"), "{expired:?}");
    assert_eq!(status(&order), "1");
    let order = push("R-4", "243970000002");
    let failed = run(&["customer", "confirm", &http, "--reference", "R-4"]);
    assert!(failed.status.success(), "{failed:?}");
    assert!(out(&failed).contains("Solde insuffisant"), "{failed:?}");
    assert_eq!(status(&order), "1");

    let nothing = run(&["customer", "confirm", &phone_page]);
    assert!(!nothing.status.success());
    let printed = String::from_utf8(nothing.stderr).expect("text");
    assert!(printed.contains("no pending push"), "{printed}");

    // It waits for a push that comes later.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            run(&[
                "customer",
                "confirm",
                &http,
                "--reference",
                "R-5",
                "--wait",
                "20",
            ])
        });
        push("R-5", "243812345678");
        let output = waiting.join().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    });
}

#[test]
fn a_card_page_is_found_by_its_reference() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let http = sandbox.http_url();
    // Sent to this address, so that the card page has it too.
    let request = payment_request(&sandbox, json!({"reference": "R-1"})).to_string();
    let agent = web::agent(None).expect("a client");
    let sent = agent
        .post(&format!("{http}/v1.1/pay"))
        .header("Content-Type", "application/json")
        .send(&request);
    assert_eq!(sent.expect("a response").status(), 200);
    let order = sandbox.payments()[0].order_number.clone();
    send_mobile(&sandbox, MOBILE, json!({"reference": "R-2"}));
    let output = run(&["customer", "approve", &http, "--reference", "R-1"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sandbox.payment(&order).expect("the payment").status, "0");
    for wrong in [
        &["customer", "approve", &http, "--reference", "R-2"][..],
        &["customer", "approve", &http, "--phone", "243812345678"],
        &["customer", "confirm", &http, "--reference", "R-1"],
        &["checkout-url", &http, "--reference", "R-2"],
    ] {
        let output = run(wrong);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{wrong:?}"
        );
    }
}

#[test]
fn balances_expiry_and_held_payouts_are_options() {
    let directory = tempfile::tempdir().expect("a directory");
    let env_file = directory.path().join("sandbox.env");
    let _child = KillOnDrop(
        Command::new(PROGRAM)
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .args(["--balance-cdf", "25000", "--balance-usd", "0.5"])
            .args(["--push-expires", "60", "--hold-payouts", "--env-file"])
            .arg(&env_file)
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts"),
    );
    let text = wait_for(&env_file);
    let base = text
        .lines()
        .find_map(|line| line.strip_prefix("export SANDBOX_URL="))
        .expect("an address");
    let get = |path: &str| {
        let agent = web::agent(None).expect("a client");
        let url = format!("{base}/sandbox/api/{path}");
        let mut response = agent.get(&url).call().expect("a response");
        response.body_mut().read_to_string().expect("text")
    };
    assert_eq!(get("balance"), r#"{"cdf":"25000","usd":"0.50"}"#);
    let quirks = get("quirks");
    assert!(quirks.contains(r#""push_expires_ms":60000"#), "{quirks}");
    assert!(quirks.contains(r#""hold_payouts":true"#), "{quirks}");
}

#[test]
fn a_wrong_command_line_prints_an_error() {
    assert!(out(&run(&["--help"])).contains("--env-file"));
    for wrong in [
        &["--reply-style", "loud"][..],
        &["--quirks", "{"],
        &["--balance-cdf", "-1"],
        &["--balance-usd", "much"],
        &["customer", "hesitate", "http://127.0.0.1:1"],
        &["customer", "approve", "http://127.0.0.1:1/checkout/x"],
    ] {
        let output = run(wrong);
        assert!(!output.status.success(), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn it_prints_the_addresses_and_settings() {
    let mut child = KillOnDrop(
        Command::new(PROGRAM)
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts"),
    );
    let stdout = child.0.stdout.take().expect("stdout");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
    let printed: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.starts_with("No money"))
        .collect();
    let printed = printed.join("\n");
    assert!(printed.contains("merchant       ZANDO"), "{printed}");
    assert!(
        printed.contains(flexpay_sandbox::DEFAULT_TOKEN),
        "{printed}"
    );
    for text in [
        "/v1.1/pay",
        "/api/rest/v1/paymentService",
        "/api/rest/v1/merchantPayOutService",
        "/phone/243812345678",
        "on the dashboard",
    ] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
}

#[test]
fn a_sandbox_that_cannot_start_does_not_overwrite_the_env_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let env_file = directory.path().join("sandbox.env");
    std::fs::write(&env_file, "RUNNING=1\n").expect("written");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("bound").to_string();
    let file = env_file.to_str().expect("text");
    let refused = run(&[
        "--http",
        &address,
        "--https",
        "127.0.0.1:0",
        "--env-file",
        file,
    ]);
    assert!(!refused.status.success());
    let printed = String::from_utf8(refused.stderr).expect("text");
    assert!(
        printed.contains(&address) && printed.contains("--http"),
        "{printed}"
    );
    let left = std::fs::read_to_string(&env_file).expect("it is there");
    assert_eq!(left, "RUNNING=1\n");
}
