//! Any bytes at all, as a callback or as a reply: a result or an error, never a panic, and never more
//! said than the bytes say. What they say is read here a second time, by a reader of its own, simpler
//! than the library's and unlike it.

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

/// The order that is asked about.
const ORDER: &str = "N1";

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A gateway that answers with whatever bytes it was last given.
struct Gateway {
    reply: Arc<Mutex<Vec<u8>>>,
    client: Client,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let reply = Arc::new(Mutex::new(Vec::new()));
        let given = Arc::clone(&reply);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                // The body of a payment ends with its last field.
                while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"shop%2Fhome") {
                    match stream.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => request.extend_from_slice(&piece[..length]),
                    }
                    if request.starts_with(b"POST") && request.ends_with(b"\r\n\r\n") {
                        request.push(b' ');
                    }
                }
                let _ = stream.write_all(&given.lock().unwrap());
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

    fn replies(&self, reply: Vec<u8>) {
        *self.reply.lock().unwrap() = reply;
    }

    fn pay(&self) -> flexpay::Result<flexpay::Payment> {
        self.client.pay(&PaymentRequest {
            reference: "R1".into(),
            amount: "25.50".into(),
            currency: "USD".into(),
            // The last field, which the gateway knows the end by.
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
fn a_callback_is_read_or_refused_and_claims_no_more_than_it_says() {
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
fn a_check_is_paid_only_where_its_reply_says_so() {
    let gateway = Gateway::start();
    let paid = Cell::new(0);
    proptest!(cases(1_200), |(body in anything())| {
        gateway.replies(reply(&body));
        if let Ok(transaction) = gateway.client.check(ORDER) {
            prop_assert_eq!(&transaction.order_number, ORDER);
            prop_assert!(transaction.state != State::Paid || says_paid(&body), "{transaction:?}");
            paid.set(paid.get() + u32::from(transaction.state == State::Paid));
        }
    });
    // Else the property were true of a library that never says PAID.
    assert!(paid.get() > 0);
}

#[test]
fn a_payment_leads_nowhere_but_to_https_or_this_machine() {
    let gateway = Gateway::start();
    let led = Cell::new(0);
    proptest!(cases(1_200), |(body in anything())| {
        gateway.replies(reply(&body));
        if let Ok(payment) = gateway.pay() {
            match (&payment.redirect_url, &payment.page) {
                (Some(url), None) => prop_assert!(is_safe(url), "{url}"),
                (None, Some(page)) => prop_assert!(page.contains('<')),
                _ => prop_assert!(false, "{payment:?}"),
            }
            led.set(led.get() + u32::from(payment.redirect_url.is_some()));
        }
    });
    assert!(led.get() > 0);
}

#[test]
fn any_bytes_in_the_place_of_http_are_borne() {
    let gateway = Gateway::start();
    let whole =
        |transaction: String| String::from_utf8(reply(transaction.as_bytes())).expect("text");
    let bytes = prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => any::<String>().prop_map(|text| format!("HTTP/1.1 {text}").into_bytes()),
        4 => damaged(transaction().prop_map(whole)),
    ];
    proptest!(cases(800), |(bytes in bytes)| {
        gateway.replies(bytes.clone());
        if let Ok(transaction) = gateway.client.check(ORDER) {
            let bytes_at = |at: usize| bytes[at];
            // Where the body begins and ends is the library's to say, heads and chunks being what they
            // are here: but some object in the bytes must make it true.
            let all = |byte: u8| (0..bytes.len()).filter(move |&at| bytes_at(at) == byte);
            let says_so = all(b'{').any(|start| all(b'}').any(|end| start < end && says_paid(&bytes[start..=end])));
            prop_assert!(transaction.state != State::Paid || says_so, "{transaction:?}");
        }
        if let Ok(payment) = gateway.pay() {
            prop_assert!(payment.redirect_url.as_deref().is_none_or(is_safe), "{payment:?}");
        }
    });
}
