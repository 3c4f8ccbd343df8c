//! Helpers for the integration tests: a sandbox, and clients for it.
#![allow(dead_code)]

use flexpay::{Api, Client, Config, MobileRequest, PaymentRequest, PayoutRequest};
use flexpay_sandbox::Sandbox;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

pub fn sandbox() -> Sandbox {
    Sandbox::start().expect("the sandbox starts")
}

/// Settings for the sandbox over plain HTTP.
pub fn config(sandbox: &Sandbox, api: Api) -> Config {
    config_for_url(sandbox, api, &sandbox.http_url())
}

/// Settings for the sandbox over HTTPS, with the sandbox's CA as the only trusted one.
pub fn secure_config(sandbox: &Sandbox, api: Api) -> Config {
    Config {
        ca_file: Some(sandbox.ca_file().to_str().expect("UTF-8").to_owned()),
        ..config_for_url(sandbox, api, &sandbox.https_url())
    }
}

fn config_for_url(sandbox: &Sandbox, api: Api, base: &str) -> Config {
    let pay = match api {
        Api::V1 => "v1/pay",
        Api::V1_1 => "v1.1/pay",
    };
    Config {
        api,
        pay_url: Some(format!("{base}/{pay}")),
        check_url: Some(format!("{base}/api/rest/v1/check")),
        mobile_url: Some(format!("{base}/api/rest/v1/paymentService")),
        payout_url: Some(format!("{base}/api/rest/v1/merchantPayOutService")),
        ..Config::new(sandbox.merchant(), sandbox.token())
    }
}

pub fn client(sandbox: &Sandbox) -> Client {
    Client::new(config(sandbox, Api::V1_1)).expect("the settings are valid")
}

pub fn secure_client(sandbox: &Sandbox) -> Client {
    Client::new(secure_config(sandbox, Api::V1_1)).expect("the settings are valid")
}

/// A payment request with every field set.
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
        correlation_id: None,
    }
}

/// A request for a payment by mobile money, with every field set.
pub fn mobile_request(reference: &str) -> MobileRequest {
    MobileRequest {
        reference: reference.into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        phone: "+243 81 234 56 78".into(),
        callback_url: "https://zando.example/callback?panier=7".into(),
        description: Some("Deux pagnes & une \"natte\" à 5 €".into()),
        approve_url: Some("https://zando.example/merci".into()),
        cancel_url: Some("https://zando.example/annule".into()),
        decline_url: Some("https://zando.example/refus".into()),
        return_url: Some("https://zando.example/retour".into()),
        correlation_id: None,
    }
}

/// A payout request with every field set.
pub fn payout_request(reference: &str) -> PayoutRequest {
    PayoutRequest {
        reference: reference.into(),
        amount: "25.50".into(),
        currency: "USD".into(),
        phone: "0812345678".into(),
        callback_url: "https://zando.example/callback?remboursement=7".into(),
        correlation_id: None,
    }
}

/// A client that may make payouts.
pub fn payout_client(sandbox: &Sandbox) -> Client {
    Client::new(Config {
        allow_payout: true,
        ..secure_config(sandbox, Api::V1_1)
    })
    .expect("the settings are valid")
}

/// Requests a payment and returns its order number.
pub fn new_order(client: &Client, reference: &str) -> String {
    let payment = client
        .pay(&request(reference))
        .expect("the payment is accepted");
    payment.order_number.expect("v1.1 returns one")
}

/// A URL on this machine on which no server listens.
pub fn unused_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

/// Starts a server for replies that the sandbox cannot send, and returns its URL. `handle` is called
/// for each connection.
pub fn serve(handle: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(Duration::from_secs(20))).ok();
            handle(stream);
        }
    });
    address
}

/// A client with the URL of every service under `base`. It may make payouts.
pub fn client_for_url(base: &str, timeout: Duration) -> Client {
    Client::new(Config {
        pay_url: Some(format!("{base}/pay")),
        check_url: Some(format!("{base}/check")),
        mobile_url: Some(format!("{base}/mobile")),
        payout_url: Some(format!("{base}/payout")),
        allow_payout: true,
        timeout,
        check_once: true,
        ..Config::new("ZANDO", "canary-token")
    })
    .expect("the settings are valid")
}
