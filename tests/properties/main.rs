//! Property tests: any bytes, as a callback or as a reply, give a result or an error, never a panic, and
//! never a PAID or a success that the bytes do not contain. `reader.rs` parses the bytes a second time,
//! with its own parser, which is simpler than the library's and different from it.

mod bytes;
mod reader;

use bytes::{anything, damaged, transaction};
use flexpay::{Client, Config, PaymentRequest, State, parse_callback};
use proptest::prelude::*;
use reader::{is_safe, says_paid, says_success};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The order that is checked.
const ORDER: &str = "N1";

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A gateway that sends the bytes set by `set_reply`.
struct Gateway {
    reply: Arc<Mutex<Vec<u8>>>,
    client: Client,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let reply = Arc::new(Mutex::new(Vec::new()));
        let current_reply = Arc::clone(&reply);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                // A check ends with its head, a payment with the last field of its form.
                while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"shop%2Fhome") {
                    match stream.read(&mut chunk) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => request.extend_from_slice(&chunk[..length]),
                    }
                    if request.starts_with(b"POST") && request.ends_with(b"\r\n\r\n") {
                        request.push(b' ');
                    }
                }
                let _ = stream.write_all(&current_reply.lock().unwrap());
            }
        });
        let client = Client::new(Config {
            pay_url: Some(format!("{base}/pay")),
            check_url: Some(format!("{base}/check")),
            timeout: Duration::from_secs(2),
            check_once: true,
            ..Config::new("ZANDO", "a-token-of-no-value")
        });
        Self {
            reply,
            client: client.unwrap(),
        }
    }

    fn set_reply(&self, reply: Vec<u8>) {
        *self.reply.lock().unwrap() = reply;
    }

    fn pay(&self) -> flexpay::Result<flexpay::Payment> {
        self.client.pay(&PaymentRequest {
            reference: "R1".into(),
            amount: "25.50".into(),
            currency: "USD".into(),
            // The last field: `start` recognizes the end of the request by it.
            decline_url: Some("https://shop.example/shop/home".into()),
            ..PaymentRequest::default()
        })
    }
}

fn reply(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn a_callback_claims_success_only_if_its_bytes_say_so() {
    proptest!(cases(6_000), |(body in anything())| {
        if let Ok(callback) = parse_callback(&body) {
            prop_assert!(!callback.claims_success || says_success(&body), "{callback:?}");
            prop_assert!(std::str::from_utf8(&body).is_err() || callback.raw.as_bytes() == &body[..]);
            prop_assert!(callback.reference.is_some() || callback.order_number.is_some());
            prop_assert_eq!(callback.key().len(), 64);
        }
    });
}

#[test]
fn a_check_is_paid_only_if_its_reply_says_so() {
    let gateway = Gateway::start();
    let paid = Cell::new(0);
    proptest!(cases(1_200), |(body in anything())| {
        gateway.set_reply(reply(&body));
        if let Ok(transaction) = gateway.client.check(ORDER) {
            prop_assert_eq!(&transaction.order_number, ORDER);
            prop_assert!(transaction.state != State::Paid || says_paid(&body), "{transaction:?}");
            paid.set(paid.get() + u32::from(transaction.state == State::Paid));
        }
    });
    // Otherwise a library that never returns PAID would pass.
    assert!(paid.get() > 0);
}

#[test]
fn a_payment_redirects_only_to_https_or_localhost() {
    let gateway = Gateway::start();
    let redirects = Cell::new(0);
    proptest!(cases(1_200), |(body in anything())| {
        gateway.set_reply(reply(&body));
        if let Ok(payment) = gateway.pay() {
            match (&payment.redirect_url, &payment.page) {
                (Some(url), None) => prop_assert!(is_safe(url), "{url}"),
                (None, Some(page)) => prop_assert!(page.contains('<')),
                _ => prop_assert!(false, "{payment:?}"),
            }
            redirects.set(redirects.get() + u32::from(payment.redirect_url.is_some()));
        }
    });
    assert!(redirects.get() > 0);
}

#[test]
fn any_bytes_instead_of_http_are_handled() {
    let gateway = Gateway::start();
    let whole =
        |transaction: String| String::from_utf8(reply(transaction.as_bytes())).expect("text");
    let bytes = prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => any::<String>().prop_map(|text| format!("HTTP/1.1 {text}").into_bytes()),
        4 => damaged(transaction().prop_map(whole)),
    ];
    proptest!(cases(800), |(bytes in bytes)| {
        gateway.set_reply(bytes.clone());
        if let Ok(transaction) = gateway.client.check(ORDER) {
            let bytes_at = |at: usize| bytes[at];
            // The mutations may move the start and end of the body, so look for any object in the bytes
            // that says PAID.
            let positions = |byte: u8| (0..bytes.len()).filter(move |&at| bytes_at(at) == byte);
            let says_so = positions(b'{').any(|start| positions(b'}').any(|end| start < end && says_paid(&bytes[start..=end])));
            prop_assert!(transaction.state != State::Paid || says_so, "{transaction:?}");
        }
        if let Ok(payment) = gateway.pay() {
            prop_assert!(payment.redirect_url.as_deref().is_none_or(is_safe), "{payment:?}");
        }
    });
}
