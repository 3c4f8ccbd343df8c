//! `flexpay doctor`, with set-ups that are good and bad.

mod common;

use common::*;
use flexpay_sandbox::{Action, Endpoint, Fault, Sandbox};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = "libflexpay.so";

fn doctor(sandbox: &Sandbox, variables: &[(&str, &str)], more: &[&str]) -> (i32, Value) {
    let mut command = program(sandbox);
    for (name, value) in variables {
        command.env(name, value);
    }
    let run = self::run(&mut command, &[&["doctor", "--json"], more].concat());
    let token = variables.iter().find(|(name, _)| *name == "FLEXPAY_TOKEN");
    let token = token.map_or(sandbox.token(), |(_, value)| value);
    assert!(
        token.is_empty() || !run.stdout.contains(token),
        "the token is never printed"
    );
    (run.status, run.json()["ok"].clone())
}

fn finding<'f>(report: &'f Value, name: &str) -> &'f Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report}"))
}

#[test]
fn doctor_finds_nothing_wrong_with_a_good_set_up() {
    let sandbox = sandbox();
    let (status, report) = doctor(
        &sandbox,
        &[("FLEXPAY_ALLOW_PAYOUT", "1")],
        &["--callback-url", "https://zando.example/cb"],
    );
    assert_eq!((status, &report["healthy"]), (0, &true.into()), "{report}");
    for name in [
        "program",
        "settings",
        "token",
        "card payments: connection",
        "card payments: TLS",
        "card payments: service",
        "mobile payments: TLS",
        "mobile payments: service",
        "payouts: service",
        "checks: connection",
        "checks: TLS",
        "token at the gateway",
        "clock",
        "callback address",
    ] {
        assert_eq!(finding(&report, name)["ok"], true, "{name}: {report}");
    }
    assert!(
        finding(&report, "checks: TLS")["detail"]
            .as_str()
            .unwrap()
            .starts_with("TLSv1.3")
    );
    assert!(sandbox.payments().is_empty(), "no payment was made");
    for request in sandbox.requests() {
        let has_token = request.header("authorization").is_some();
        assert_eq!(
            has_token,
            request.endpoint == Endpoint::Check,
            "{}",
            request.path
        );
    }
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let sandbox = sandbox();
    let wrong = |variables: &[(&str, &str)], name: &str, says: &str| {
        let (status, report) = doctor(&sandbox, variables, &[]);
        assert_eq!((status, &report["healthy"]), (2, &false.into()), "{report}");
        let finding = finding(&report, name);
        assert_eq!(finding["ok"], false, "{finding}");
        let detail = finding["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    };
    wrong(&[("FLEXPAY_MERCHANT", "")], "settings", "FLEXPAY_MERCHANT");
    wrong(&[("FLEXPAY_TOKEN", "")], "token", "FLEXPAY_TOKEN");
    wrong(
        &[("FLEXPAY_TOKEN", "nonsense-token")],
        "token at the gateway",
        "Set FLEXPAY_TOKEN",
    );
    wrong(
        &[("FLEXPAY_CHECK_URL", "http://10.1.2.3/check")],
        "settings",
        "FLEXPAY_CHECK_URL",
    );
    let elsewhere = format!("{}/nowhere", sandbox.https_url());
    wrong(
        &[("FLEXPAY_PAY_URL", &elsewhere)],
        "card payments: service",
        "FLEXPAY_PAY_URL",
    );
    wrong(
        &[("FLEXPAY_MOBILE_URL", &elsewhere)],
        "mobile payments: service",
        "FLEXPAY_MOBILE_URL",
    );
    wrong(
        &[("FLEXPAY_CHECK_URL", &elsewhere)],
        "token at the gateway",
        "FLEXPAY_CHECK_URL",
    );
    wrong(
        &[("FLEXPAY_CHECK_URL", "https://127.0.0.1:1/check")],
        "checks",
        "CONNECT",
    );
    wrong(
        &[("FLEXPAY_CHECK_URL", "https://no-such-host.invalid/check")],
        "checks",
        "DNS",
    );
    wrong(
        &[("FLEXPAY_PROXY", "http://127.0.0.1:1")],
        "checks",
        "FLEXPAY_PROXY",
    );
    wrong(
        &[("FLEXPAY_CA_FILE", "/nowhere/ca.pem")],
        "settings",
        "FLEXPAY_CA_FILE",
    );
}

#[test]
fn doctor_names_the_address_filter_after_a_page_with_403() {
    let sandbox = sandbox();
    let page = Action::Html {
        status: 403,
        record: false,
    };
    sandbox
        .inject(Fault::on(Endpoint::Check, page).forever())
        .unwrap();
    let (status, report) = doctor(&sandbox, &[], &[]);
    assert_eq!(status, 2);
    let detail = finding(&report, "token at the gateway")["detail"].to_string();
    assert!(detail.contains("address filter"), "{detail}");
}

#[test]
fn doctor_offline_sends_nothing() {
    let sandbox = sandbox();
    let (status, report) = doctor(
        &sandbox,
        &[],
        &["--offline", "--callback-url", "http://localhost/cb"],
    );
    assert_eq!(status, 2);
    assert_eq!(finding(&report, "callback address")["ok"], false);
    assert_eq!(finding(&report, "services")["ok"], Value::Null);
    assert!(sandbox.connections().is_empty());
}

fn detail<'f>(report: &'f Value, name: &str) -> &'f str {
    finding(report, name)["detail"].as_str().unwrap()
}

fn reply(status: u16, body: &str) -> Action {
    Action::Reply {
        status,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.into(),
        record: false,
    }
}

#[test]
fn doctor_names_each_setting_and_step() {
    let sandbox = sandbox();
    let (_, report) = doctor(&sandbox, &[], &[]);
    let base = sandbox.https_url();
    assert_eq!(
        detail(&report, "settings"),
        format!(
            "merchant ZANDO, api v1.1, live, no payouts, card payments to {base}/v1.1/pay, mobile payments \
             to {base}/api/rest/v1/paymentService, payouts to {base}/api/rest/v1/merchantPayOutService, \
             checks to {base}/api/rest/v1/check"
        )
    );
    assert!(detail(&report, "token").starts_with("set, expires on 2100-01-01"));
    let ca_file = sandbox.ca_file().display().to_string();
    for service in ["card payments", "mobile payments", "checks"] {
        let tls = finding(&report, &format!("{service}: TLS"));
        assert!(tls["detail"].as_str().unwrap().contains(&ca_file), "{tls}");
        assert!(tls["ms"].is_u64(), "{tls}");
        let connection = finding(&report, &format!("{service}: connection"));
        assert!(connection["ms"].is_u64(), "{connection}");
    }
    let clock = detail(&report, "clock");
    assert!(clock.starts_with("about "), "{clock}");
    assert!(detail(&report, "not examined").starts_with("the merchant code (only a payment "));
    let checks: Vec<_> = sandbox
        .requests()
        .into_iter()
        .filter(|request| request.endpoint == Endpoint::Check)
        .collect();
    assert_eq!(checks.len(), 1);
    assert!(checks[0].path.ends_with("/check/flexpay-doctor"));
}

#[test]
fn doctor_in_plain_http_says_so() {
    let sandbox = sandbox();
    let url = format!("{}/v1.1/pay", sandbox.http_url());
    let (status, report) = doctor(&sandbox, &[("FLEXPAY_PAY_URL", &url)], &[]);
    assert_eq!(status, 0, "{report}");
    let tls = finding(&report, "card payments: TLS");
    assert_eq!(tls["ok"], Value::Null);
    assert!(tls["detail"].as_str().unwrap().contains("plain http"));
}

#[test]
fn doctor_sees_an_address_of_the_other_api_without_a_request() {
    for (api, other, path) in [("v1", "v1.1", "/v1.1/pay"), ("v1.1", "v1", "/v1/pay")] {
        let sandbox = sandbox();
        let url = format!("{}{path}", sandbox.https_url());
        let variables = [("FLEXPAY_API", api), ("FLEXPAY_PAY_URL", url.as_str())];
        for more in [&["--offline"][..], &[]] {
            let (status, report) = doctor(&sandbox, &variables, more);
            assert_eq!(status, 2);
            assert_eq!(
                detail(&report, "api"),
                format!(
                    "this address is for api {other}. Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL to an \
                     address that ends in /{api}/pay"
                )
            );
            let findings = report["findings"].as_array().unwrap();
            let wrong = findings.iter().filter(|finding| finding["ok"] == false);
            assert_eq!(wrong.count(), 1, "it is said once: {report}");
            if more.is_empty() {
                assert_eq!(finding(&report, "card payments: TLS")["ok"], true);
            } else {
                assert!(sandbox.connections().is_empty());
            }
        }
    }
}

/// A service at an address whose path does not show its version: a proxy of a company, for example.
#[test]
fn doctor_sees_the_other_api_from_its_replies() {
    let sandbox = sandbox();
    let refusals = [
        Fault::on_path("/elsewhere", reply(415, "{}")),
        Fault::on_path("/elsewhere", reply(401, "{}")),
    ];
    for fault in refusals {
        sandbox.inject(fault).unwrap();
    }
    let url = format!("{}/elsewhere", sandbox.https_url());
    let (status, report) = doctor(&sandbox, &[("FLEXPAY_PAY_URL", &url)], &[]);
    assert_eq!(status, 2, "{report}");
    assert!(detail(&report, "card payments: service").starts_with("this address is for api v1. "));
    let types: Vec<_> = sandbox
        .requests()
        .iter()
        .filter(|request| request.path == "/elsewhere")
        .map(|request| request.header("content-type").unwrap().to_owned())
        .collect();
    assert_eq!(
        types,
        ["application/json", "application/x-www-form-urlencoded"]
    );
}

#[test]
fn doctor_judges_the_replies_of_a_payment_service() {
    let sandbox = sandbox();
    for (status, ok, says) in [
        (301, Some(false), "the service has moved"),
        (302, None, "does not show whether"),
        (403, Some(true), "as a payment service does"),
        (405, Some(false), "this address is not a payment service"),
        (422, Some(true), "as a payment service does"),
        (500, None, "does not show whether"),
        (503, Some(false), "the gateway fails"),
    ] {
        sandbox
            .inject(Fault::on(Endpoint::Pay, reply(status, "{}")))
            .unwrap();
        let (exit, report) = doctor(&sandbox, &[], &[]);
        let service = finding(&report, "card payments: service");
        assert_eq!(service["ok"].as_bool(), ok, "{service}");
        assert!(
            service["detail"].as_str().unwrap().contains(says),
            "{service}"
        );
        assert_eq!(exit, if ok == Some(false) { 2 } else { 0 }, "{report}");
    }
    assert!(sandbox.payments().is_empty());
}

#[test]
fn doctor_judges_the_replies_of_the_check_service() {
    let page = |status| Action::Html {
        status,
        record: false,
    };
    for (action, name, says) in [
        (
            page(200),
            "token at the gateway",
            "Correct FLEXPAY_CHECK_URL: FlexPay's ends in /api/rest/v1/check",
        ),
        (reply(503, ""), "token at the gateway", "Try again in some"),
        (reply(403, "{}"), "token at the gateway", "address filter"),
        (
            reply(422, "{}"),
            "token at the gateway",
            "Send this message to FlexPay",
        ),
        (Action::StallAfter { bytes: 0 }, "checks", "TIMEOUT: "),
    ] {
        let sandbox = sandbox();
        sandbox
            .inject(Fault::on(Endpoint::Check, action).forever())
            .unwrap();
        let (status, report) = doctor(&sandbox, &[("FLEXPAY_TIMEOUT_MS", "1000")], &[]);
        assert_eq!(status, 2);
        assert_eq!(finding(&report, name)["ok"], false);
        assert!(detail(&report, name).contains(says), "{report}");
    }
}

#[test]
fn doctor_without_the_token_does_not_send_it() {
    let sandbox = sandbox();
    let (status, report) = doctor(
        &sandbox,
        &[("FLEXPAY_TOKEN", "nonsense-token")],
        &["--without-token"],
    );
    assert_eq!(status, 0, "{report}");
    assert_eq!(finding(&report, "checks")["ok"], Value::Null);
    assert_eq!(finding(&report, "mobile payments: service")["ok"], true);
    assert_eq!(finding(&report, "clock")["ok"], true);
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn doctor_prints_no_secret_of_an_invalid_setting() {
    let sandbox = sandbox();
    for (variable, value) in [
        ("FLEXPAY_PROXY", "http://user:canary@:1"),
        ("FLEXPAY_PROXY", "http://user:s3/canary@proxy.local:3128"),
        (
            "FLEXPAY_PAY_URL",
            "https://user:s3/canary@host.example/v1.1/pay",
        ),
        (
            "FLEXPAY_PAY_URL",
            "https://user:canary@host.example/v1.1/pay",
        ),
        ("FLEXPAY_CHECK_URL", "https://[canary"),
        ("FLEXPAY_CALLBACK_SECRET", "canary"),
    ] {
        let (status, report) = doctor(&sandbox, &[(variable, value)], &[]);
        assert_eq!(status, 2);
        assert_eq!(finding(&report, "settings")["ok"], false);
        assert!(detail(&report, "settings").contains(variable), "{report}");
        assert!(!report.to_string().contains("canary"), "{report}");
        assert!(!report.to_string().contains("s3/"), "{report}");
        assert_eq!(finding(&report, "services")["ok"], Value::Null);
    }
    assert!(sandbox.connections().is_empty());
}

#[test]
fn doctor_names_the_variable_of_each_setting() {
    let sandbox = sandbox();
    for (variable, value) in [
        ("FLEXPAY_API", "v3"),
        ("FLEXPAY_ENVIRONMENT", "tset"),
        ("FLEXPAY_CHECK_URL", "nonsense"),
        ("FLEXPAY_TIMEOUT_MS", "soon"),
        ("FLEXPAY_ALLOW_PAYOUT", "yes"),
    ] {
        let (status, report) = doctor(&sandbox, &[(variable, value)], &["--offline"]);
        assert_eq!(status, 2);
        let settings = detail(&report, "settings");
        assert!(
            settings.contains(&format!(". Correct the variable {variable}")),
            "{settings}"
        );
    }
}

#[test]
fn doctor_knows_the_certificates_of_the_sandbox_only_from_its_file() {
    let sandbox = sandbox();
    let (status, report) = doctor(&sandbox, &[("FLEXPAY_CA_FILE", "")], &[]);
    assert_eq!(status, 2);
    for service in ["card payments", "mobile payments", "checks"] {
        let detail = detail(&report, service);
        assert!(
            detail.starts_with("TLS: ") && detail.contains("set FLEXPAY_CA_FILE"),
            "{detail}"
        );
        assert_eq!(
            finding(&report, &format!("{service}: connection"))["ok"],
            true
        );
    }
    assert_eq!(finding(&report, "clock")["ok"], Value::Null);
}

#[test]
fn doctor_examines_the_library_that_other_programs_load() {
    // A folder with a program, and later with a library beside it. Cargo has built both.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("library");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_flexpay"));
    let built = program.with_file_name("deps").join(LIBRARY);
    std::fs::hard_link(&program, folder.join(program.file_name().unwrap())).unwrap();
    let examine = |chosen: Option<&Path>| {
        let mut command = Command::new(folder.join(program.file_name().unwrap()));
        command.env_clear().env("LANG", "C.UTF-8");
        if let Some(chosen) = chosen {
            command.env("FLEXPAY_LIBRARY", chosen);
        }
        run(&mut command, &["doctor", "--json", "--offline"]).json()["ok"].clone()
    };
    let good = |file: &Path| {
        let version = env!("CARGO_PKG_VERSION");
        format!("{}, version {version}, ABI 1", file.display())
    };

    let report = examine(None);
    let mut names = report["findings"].as_array().unwrap().iter();
    assert!(names.all(|finding| finding["name"] != "library"));

    let report = examine(Some(&built));
    assert_eq!(detail(&report, "library"), good(&built));
    assert_eq!(finding(&report, "library")["ok"], true);

    let report = examine(Some(Path::new("/nowhere/libflexpay.so")));
    assert_eq!(finding(&report, "library")["ok"], false);
    let says = detail(&report, "library");
    assert!(says.starts_with("/nowhere/libflexpay.so cannot be loaded: "));
    assert!(says.contains("Set FLEXPAY_LIBRARY to the full path"));

    let beside = folder.join(LIBRARY);
    std::fs::hard_link(&built, &beside).unwrap();
    for chosen in [None, Some(Path::new(""))] {
        assert_eq!(detail(&examine(chosen), "library"), good(&beside));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// As packaging/composer.sh makes it: the program, its library and the list of files.
#[test]
fn doctor_examines_the_files_of_the_package_around_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let _ = std::fs::remove_dir_all(&folder);
    let platform = folder.join("lib/linux-x86_64");
    std::fs::create_dir_all(&platform).unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_flexpay"));
    let copy = platform.join("flexpay");
    std::fs::hard_link(&program, &copy).unwrap();
    let library = platform.join(LIBRARY);
    std::fs::copy(program.with_file_name("deps").join(LIBRARY), &library).unwrap();
    let sha256 = |path: &Path| {
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    };
    let list = serde_json::json!({
        "package": "flexpay/flexpay",
        "version": env!("CARGO_PKG_VERSION"),
        "files": {
            "lib/linux-x86_64/flexpay": sha256(&copy),
            "lib/linux-x86_64/libflexpay.so": sha256(&library),
        },
    });
    let examine = |variables: &[(&str, &Path)], language: &str, more: &[&str]| {
        let mut command = Command::new(&copy);
        command.env_clear().env("LANG", language);
        command.envs(variables.iter().copied());
        run(&mut command, &[&["doctor", "--offline"], more].concat())
    };
    let report = |variables: &[(&str, &Path)]| {
        examine(variables, "C.UTF-8", &["--json"]).json()["ok"].clone()
    };
    let names = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        let names = findings.map(|finding| finding["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };

    let without_list = report(&[]);
    assert!(!names(&without_list).contains(&"package".to_owned()));

    std::fs::write(folder.join("files.json"), list.to_string()).unwrap();
    let good = report(&[]);
    assert_eq!(names(&good)[..3], ["program", "package", "library"]);
    assert_eq!(finding(&good, "package")["ok"], true, "{good}");
    assert_eq!(finding(&good, "library")["ok"], true, "{good}");

    // A library of another version, chosen with FLEXPAY_LIBRARY.
    let source = folder.join("old.c");
    let old = folder.join("old.so");
    let code = "int flexpay_abi_version(void) { return 1; }\n\
                const char *flexpay_version(void) { return \"0.9.0\"; }\n";
    std::fs::write(&source, code).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .args([&old, &source]);
    assert!(compiler.status().unwrap().success());
    let chosen = report(&[("FLEXPAY_LIBRARY", &old)]);
    assert_eq!(finding(&chosen, "package")["ok"], true, "{chosen}");
    assert_eq!(finding(&chosen, "library")["ok"], false, "{chosen}");
    let says = " is of version 0.9.0, the package of version ";
    assert!(detail(&chosen, "library").contains(says), "{chosen}");

    // One byte of the library differs. It is not loaded.
    let mut bytes = std::fs::read(&library).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&library, bytes).unwrap();
    let changed = report(&[]);
    assert_eq!(changed["healthy"], false);
    assert_eq!(finding(&changed, "package")["ok"], false);
    let says = ": lib/linux-x86_64/libflexpay.so: has changed. Install the package again";
    assert!(detail(&changed, "package").contains(says), "{changed}");
    assert_eq!(finding(&changed, "library")["ok"], Value::Null);
    assert!(
        detail(&changed, "library")
            .ends_with(" not examined: it is not the file that was released")
    );

    let french = examine(&[], "fr_CD.UTF-8", &[]);
    assert_eq!(french.status, 2);
    for says in [
        "✗ paquet : flexpay/flexpay ",
        ": lib/linux-x86_64/libflexpay.so: a changé. Réinstallez le paquet en entier : avec Composer",
        "- bibliothèque : ",
    ] {
        assert!(french.stdout.contains(says), "{says}: {}", french.stdout);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn doctor_speaks_french() {
    let sandbox = sandbox();
    let mut command = program(&sandbox);
    command.env("LANG", "fr_CD.UTF-8").env("FLEXPAY_API", "v1");
    let run = self::run(&mut command, &["doctor"]);
    assert_eq!(run.status, 2);
    for says in [
        "✓ réglages : marchand ZANDO, api v1, live, pas de transferts, paiements par carte à ",
        "✗ api : cette adresse est celle de l'api v1.1. Mettez FLEXPAY_API=v1.1",
        "certificat reconnu par FLEXPAY_CA_FILE",
        "comme le fait un service de paiement",
        "✓ horloge : environ ",
        "✓ paiements par carte : connexion : ",
    ] {
        assert!(run.stdout.contains(says), "{says}: {}", run.stdout);
    }
    assert!(run.stdout.contains(" ms)"));
    assert!(!run.stdout.contains(sandbox.token()));
}

#[test]
fn doctor_examines_the_journal() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("till.db");
    let path = path.to_str().unwrap();
    let variables = [("FLEXPAY_JOURNAL", path)];
    let (status, report) = doctor(&sandbox, &variables, &["--offline"]);
    assert_eq!(status, 0, "{report}");
    assert!(detail(&report, "journal").contains("does not exist yet"));
    assert!(!Path::new(path).exists(), "an examination makes no journal");

    let reference = |reference| {
        let pay = [
            "pay",
            "--reference",
            reference,
            "--amount",
            "1",
            "--currency",
            "USD",
        ];
        let more = [
            "--callback-url",
            "https://zando.example/c",
            "--approve-url",
            "https://zando.example/a",
            "--cancel-url",
            "https://zando.example/n",
            "--decline-url",
            "https://zando.example/d",
        ];
        let mut command = program(&sandbox);
        command.env("FLEXPAY_JOURNAL", path);
        run(&mut command, &[&pay[..], &more[..]].concat()).status
    };
    sandbox
        .inject(Fault::on(Endpoint::Pay, Action::ResetAfterReading))
        .unwrap();
    assert_eq!((reference("J-1"), reference("J-2")), (9, 0));
    let (status, report) = doctor(&sandbox, &variables, &["--offline"]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(
        detail(&report, "journal"),
        format!(
            "{path}, version 1, can be written, in doubt: 1, to deliver: 0. See them: flexpay journal list \
             --in-doubt"
        )
    );
    let mut french = program(&sandbox);
    french
        .env("FLEXPAY_JOURNAL", path)
        .env("LANG", "fr_FR.UTF-8");
    let run = self::run(&mut french, &["doctor", "--offline"]);
    assert!(
        run.stdout.contains(&format!(
            "✓ journal : {path}, version 1, accessible en écriture, incertains : 1, à livrer : 0. Pour les voir"
        )),
        "{}",
        run.stdout
    );
    let other = [("FLEXPAY_JOURNAL", path), ("FLEXPAY_MERCHANT", "OTHER")];
    let (status, report) = doctor(&sandbox, &other, &["--offline"]);
    assert_eq!(status, 2, "{report}");
    assert!(detail(&report, "journal").contains("is of merchant ZANDO"));
    let (_, report) = doctor(&sandbox, &[], &["--offline"]);
    assert!(!report.to_string().contains("\"journal\""), "{report}");
}

#[test]
fn doctor_says_why_a_journal_cannot_be_used() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("text.db"), "not a database").unwrap();
    std::fs::create_dir(file("folder.db")).unwrap();
    let newer = rusqlite::Connection::open(file("newer.db")).unwrap();
    newer
        .execute_batch("PRAGMA application_id = 0x464c5850; PRAGMA user_version = 99")
        .unwrap();
    // It is no setting that must be corrected before the others are examined.
    for (path, says) in [
        (
            "/nowhere/till.db".to_owned(),
            "/nowhere cannot be written: ",
        ),
        (file("text.db"), "file is not a database"),
        (file("folder.db"), "folder.db cannot be written: "),
        (
            file("newer.db"),
            "has version 99, and this library knows versions 1 to 1: update flexpay",
        ),
    ] {
        let (status, report) = doctor(&sandbox, &[("FLEXPAY_JOURNAL", &path)], &["--offline"]);
        assert_eq!(status, 2, "{report}");
        assert_eq!(finding(&report, "journal")["ok"], false, "{report}");
        assert!(detail(&report, "journal").contains(says), "{report}");
        assert_eq!(finding(&report, "settings")["ok"], true, "{report}");
    }
    std::fs::create_dir(file("lost.db-senders")).unwrap();
    let lost = file("lost.db");
    let variables = [("FLEXPAY_JOURNAL", lost.as_str())];
    let (status, report) = doctor(&sandbox, &variables, &["--offline"]);
    assert_eq!(status, 2, "{report}");
    let says = "is missing, but its folder";
    assert!(detail(&report, "journal").contains(says), "{report}");
    let mut french = program(&sandbox);
    french
        .env("FLEXPAY_JOURNAL", "/nowhere/till.db")
        .env("LANG", "fr_CD.UTF-8");
    let run = self::run(&mut french, &["doctor", "--offline"]);
    assert!(
        run.stdout
            .contains("✗ journal : /nowhere n'est pas accessible en écriture : "),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("Les paiements sont refusés"),
        "{}",
        run.stdout
    );
}
