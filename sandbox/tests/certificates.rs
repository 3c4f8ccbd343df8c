//! The HTTPS listener's certificate: trusted with `ca.pem`, or wrong as configured.

mod common;

use flexpay_sandbox::{Certificate, Options, Sandbox, web};

/// The result of a request to `host` by a client that trusts `ca.pem`.
fn get(certificate: Certificate, host: &str) -> Result<u16, String> {
    let sandbox = Sandbox::start_with(Options {
        certificate,
        ..Options::default()
    })
    .expect("a sandbox");
    let agent = web::agent(Some(sandbox.ca_file())).expect("a client");
    let url = sandbox.https_url().replace("127.0.0.1", host);
    let response = agent.get(&format!("{url}/")).call();
    response
        .map(|response| response.status().as_u16())
        .map_err(|error| error.to_string())
}

#[test]
fn the_valid_certificate_is_accepted_for_its_names() {
    assert_eq!(get(Certificate::Valid, "127.0.0.1"), Ok(200));
    assert_eq!(get(Certificate::Valid, "localhost"), Ok(200));
}

#[test]
fn without_the_ca_file_the_certificate_is_not_trusted() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let agent = web::agent(None).expect("a client");
    let error = agent
        .get(&sandbox.https_url())
        .call()
        .expect_err("no trust");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

#[test]
fn each_wrong_certificate_has_only_one_error() {
    for (certificate, reason) in [
        (Certificate::Expired, "expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::WrongName, "not valid for name"),
    ] {
        let error = get(certificate, "127.0.0.1").expect_err("a refusal");
        assert!(error.contains(reason), "{certificate:?}: {error}");
    }
}
