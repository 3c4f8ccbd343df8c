//! What the integration tests share: a sandbox, and clients for it.
#![allow(dead_code)]

use flexpay::{Api, Client, Config, PaymentRequest};
use flexpay_sandbox::Sandbox;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

pub fn sandbox() -> Sandbox {
    Sandbox::start().expect("the sandbox starts")
}

/// Settings for the sandbox over plain http.
pub fn config(sandbox: &Sandbox, api: Api) -> Config {
    settings(sandbox, api, &sandbox.http_url())
}

/// Settings for the sandbox over https, trusting its own certificate authority.
pub fn secure_config(sandbox: &Sandbox, api: Api) -> Config {
    Config {
        ca_file: Some(sandbox.ca_file().to_str().expect("UTF-8").to_owned()),
        ..settings(sandbox, api, &sandbox.https_url())
    }
}

fn settings(sandbox: &Sandbox, api: Api, base: &str) -> Config {
    let pay = match api {
        Api::V1 => "v1/pay",
        Api::V1_1 => "v1.1/pay",
    };
    Config {
        api,
        pay_url: Some(format!("{base}/{pay}")),
        check_url: Some(format!("{base}/api/rest/v1/check")),
        ..Config::new(sandbox.merchant(), sandbox.token())
    }
}

pub fn client(sandbox: &Sandbox) -> Client {
    Client::new(config(sandbox, Api::V1_1)).expect("the settings are good")
}

pub fn secure_client(sandbox: &Sandbox) -> Client {
    Client::new(secure_config(sandbox, Api::V1_1)).expect("the settings are good")
}

/// A request with all of its fields.
pub fn request(reference: &str) -> PaymentRequest {
    PaymentRequest {
        reference: reference.into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        description: Some("Deux pagnes & une \"natte\" à 5 €".into()),
        callback_url: Some("https://zando.example/callback?panier=7&x=é".into()),
        approve_url: Some("https://zando.example/merci".into()),
        cancel_url: Some("https://zando.example/annule".into()),
        decline_url: Some("https://zando.example/refus".into()),
        home_url: Some("https://zando.example/".into()),
    }
}

/// Takes a payment in and gives its order number.
pub fn order(client: &Client, reference: &str) -> String {
    let payment = client
        .pay(&request(reference))
        .expect("the payment is taken in");
    payment.order_number.expect("v1.1 gives one")
}

/// An address on this machine where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

/// A server of the test's own, for what no gateway does: each connection goes to `serve`.
pub fn serve(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(Duration::from_secs(20))).ok();
            serve(stream);
        }
    });
    address
}

/// A client whose both addresses are `base`.
pub fn client_of(base: &str, timeout: Duration) -> Client {
    Client::new(Config {
        pay_url: Some(format!("{base}/pay")),
        check_url: Some(format!("{base}/check")),
        timeout,
        check_once: true,
        ..Config::new("ZANDO", "canary-token")
    })
    .expect("the settings are good")
}
