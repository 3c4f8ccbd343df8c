//! The HTTPS listener's certificate: trusted with `ca.pem`, and wrong in the ways asked for.

mod common;

use flexpay_sandbox::{Certificate, Options, Sandbox, web};

/// What a client that trusts `ca.pem` says of `host`.
fn visit(certificate: Certificate, host: &str) -> Result<u16, String> {
    let sandbox = Sandbox::start_with(Options {
        certificate,
        ..Options::default()
    })
    .expect("a sandbox");
    let agent = web::agent(Some(sandbox.ca_file())).expect("a client");
    let url = sandbox.https_url().replace("127.0.0.1", host);
    let answer = agent.get(&format!("{url}/")).call();
    answer
        .map(|answer| answer.status().as_u16())
        .map_err(|error| error.to_string())
}

#[test]
fn the_valid_one_is_good_for_its_names() {
    assert_eq!(visit(Certificate::Valid, "127.0.0.1"), Ok(200));
    assert_eq!(visit(Certificate::Valid, "localhost"), Ok(200));
}

#[test]
fn without_the_authority_it_is_not_trusted() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let agent = web::agent(None).expect("a client");
    let error = agent
        .get(&sandbox.https_url())
        .call()
        .expect_err("no trust");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

#[test]
fn the_wrong_ones_are_wrong_for_their_reason_alone() {
    for (certificate, reason) in [
        (Certificate::Expired, "expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::WrongName, "not valid for name"),
    ] {
        let error = visit(certificate, "127.0.0.1").expect_err("a refusal");
        assert!(error.contains(reason), "{certificate:?}: {error}");
    }
}
