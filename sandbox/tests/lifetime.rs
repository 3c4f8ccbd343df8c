//! Starting and dropping a sandbox.

mod common;

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use common::{End, connect, get, pay, read_out};
use flexpay_sandbox::{DEFAULT_MERCHANT, DEFAULT_TOKEN, Decision, Options, Sandbox};
use serde_json::json;

#[test]
fn dropping_stops_the_sandbox() {
    let sandbox = Sandbox::start().expect("a sandbox");
    assert_eq!(get(&sandbox, "/").status, 200);
    let address = sandbox.http_url().replace("http://", "");
    let ca_file = sandbox.ca_file().to_owned();
    assert!(ca_file.exists());
    let mut idle = connect(&sandbox, false);
    idle.write_all(b"GET /x HTTP/1.1\r\n").expect("sent");
    drop(sandbox);
    assert!(TcpStream::connect(&address).is_err());
    assert!(TcpListener::bind(&address).is_ok());
    assert_ne!(read_out(&mut *idle).1, End::Silent);
    assert!(!ca_file.exists());
}

#[test]
fn a_callback_without_a_reply_does_not_block_drop() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}/", silent.local_addr().expect("bound"));
    let sandbox = Sandbox::start().expect("a sandbox");
    let order = pay(&sandbox, json!({ "callback_url": url }));
    sandbox.decide(&order, Decision::Approve).expect("decided");
    let _held_open = silent.accept().expect("the callback");
    drop(sandbox);
}

#[test]
fn it_can_be_dropped_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let sandbox = Sandbox::start().expect("a sandbox");
    runtime.block_on(async move { drop(sandbox) });
}

#[test]
fn a_given_directory_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let inside = directory.path().join("a/b");
    let sandbox = Sandbox::start_with(Options {
        directory: Some(inside.clone()),
        ..Options::default()
    })
    .expect("a sandbox");
    assert_eq!(sandbox.ca_file(), inside.join("ca.pem"));
    drop(sandbox);
    assert!(inside.join("ca.pem").exists());
}

#[test]
fn several_sandboxes_are_independent() {
    let all: Vec<_> = (0..4)
        .map(|_| Sandbox::start().expect("a sandbox"))
        .collect();
    pay(&all[0], json!({}));
    assert!(all[1..].iter().all(|other| other.payments().is_empty()));
}

#[test]
fn the_default_token_has_the_shape_of_a_jwt() {
    let sandbox = Sandbox::start().expect("a sandbox");
    assert_eq!(sandbox.merchant(), DEFAULT_MERCHANT);
    assert_eq!(sandbox.token(), DEFAULT_TOKEN);
    let parts: Vec<_> = DEFAULT_TOKEN.split('.').collect();
    assert_eq!(parts.len(), 3);
    let plain = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    assert!(parts.iter().all(|part| plain(part)));
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let error = Sandbox::start_with(Options {
        http: taken.local_addr().expect("bound"),
        ..Options::default()
    })
    .expect_err("the port is taken");
    assert!(error.to_string().contains("in use"), "{error}");
}
