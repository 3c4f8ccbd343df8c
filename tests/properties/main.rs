//! Property tests: any bytes, as a callback or as a reply, give a result or an error, never a panic, and
//! never a PAID, a success or a refusal that the bytes do not contain. `reader.rs` parses the bytes a second time,
//! with its own parser, which is simpler than the library's and different from it.

mod bytes;
mod reader;

use bytes::{amount, anything, damaged, nearly_phone, order, phone, transaction};
use flexpay::{
    Client, Config, ErrorCode, MobileRequest, Outcome, Payment, PaymentRequest, PayoutRequest,
    State, normalize_phone, parse_callback,
};
use proptest::prelude::*;
use reader::{WalletReply, hundredths, is_safe, says_paid, says_success};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
    /// The last request.
    request: Arc<Mutex<Vec<u8>>>,
    client: Client,
}

/// Reads a request with its body.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length:").nth(1).unwrap_or("0");
            let length = length.lines().next().unwrap_or_default().trim().parse();
            if body.len() >= length.unwrap_or(0) {
                return request;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return request,
            Ok(length) => request.extend_from_slice(&chunk[..length]),
        }
    }
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let reply = Arc::new(Mutex::new(Vec::new()));
        let request = Arc::new(Mutex::new(Vec::new()));
        let (current_reply, last_request) = (Arc::clone(&reply), Arc::clone(&request));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                *last_request.lock().unwrap() = read_request(&mut stream);
                let _ = stream.write_all(&current_reply.lock().unwrap());
            }
        });
        let client = Client::new(Config {
            pay_url: Some(format!("{base}/pay")),
            check_url: Some(format!("{base}/check")),
            mobile_url: Some(format!("{base}/mobile")),
            payout_url: Some(format!("{base}/payout")),
            allow_payout: true,
            timeout: Duration::from_secs(2),
            check_once: true,
            ..Config::new("ZANDO", "a-token-of-no-value")
        });
        Self {
            reply,
            request,
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
            decline_url: Some("https://shop.example/shop/home".into()),
            ..PaymentRequest::default()
        })
    }

    fn pay_mobile(&self, amount: &str, phone: &str) -> flexpay::Result<Payment> {
        self.client.pay_mobile(&MobileRequest {
            reference: "R1".into(),
            amount: amount.into(),
            currency: "USD".into(),
            phone: phone.into(),
            callback_url: "https://shop.example/callback".into(),
            ..MobileRequest::default()
        })
    }

    fn payout(&self, amount: &str, phone: &str) -> flexpay::Result<Payment> {
        self.client.payout(&PayoutRequest {
            reference: "R1".into(),
            amount: amount.into(),
            currency: "USD".into(),
            phone: phone.into(),
            callback_url: "https://shop.example/callback".into(),
            ..PayoutRequest::default()
        })
    }

    /// A field of the last request's JSON body.
    fn requested(&self, field: &str) -> String {
        let request = self.request.lock().unwrap();
        let text = String::from_utf8_lossy(&request);
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        body[field].as_str().expect("a text").to_owned()
    }
}

fn reply(body: &[u8]) -> Vec<u8> {
    reply_with_status(200, body)
}

fn reply_with_status(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
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
fn a_mobile_payment_or_a_payout_is_accepted_or_refused_only_if_the_reply_says_so() {
    let gateway = Gateway::start();
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    let statuses = prop_oneof![
        4 => Just(200_u16),
        1 => proptest::sample::select(&[201, 302, 400, 401, 404, 408, 422, 429, 500, 503][..]),
    ];
    let bodies = prop_oneof![
        2 => order().prop_map(String::into_bytes),
        1 => damaged(order()),
        1 => anything(),
    ];
    proptest!(cases(1_500), |(body in bodies, status in statuses, is_payout in any::<bool>())| {
        gateway.set_reply(reply_with_status(status, &body));
        let result = match is_payout {
            true => gateway.payout("25.50", "0812345678"),
            false => gateway.pay_mobile("25.50", "0812345678"),
        };
        let said = WalletReply::read(&body);
        let accepted_order = said.as_ref().and_then(WalletReply::accepted_order);
        let is_success = matches!(status, 200..300);
        let shown = body.escape_ascii().to_string();
        match result {
            Ok(payment) => {
                prop_assert!(is_success);
                let order_number = payment.order_number.expect("an order number");
                let is_same = |said: &str| match (said.parse::<f64>(), order_number.parse::<f64>()) {
                    // The library keeps a number as written; the second reader has the nearest double.
                    (Ok(said), Ok(number)) => (said - number).abs() <= said.abs() * 1e-9,
                    // The library reads what is not UTF-8 as Windows-1252, the second reader as Latin-1.
                    _ => said == order_number || std::str::from_utf8(&body).is_err(),
                };
                prop_assert!(accepted_order.is_some_and(is_same), "{accepted_order:?}: {shown}");
                prop_assert_eq!((payment.redirect_url, payment.page), (None, None));
                accepted.set(accepted.get() + 1);
            }
            Err(error) if error.outcome() == Outcome::Refused => {
                let by_status = matches!(status, 400 | 401 | 404 | 422);
                // The second reader reads no number above 1e308.
                let is_huge = said.is_none() && shown.contains("e+");
                let by_code = is_success && said.as_ref().is_some_and(WalletReply::refuses);
                // The library reads no NUL, and no control character in a key. In such a reply the
                // status and the code decide.
                let is_odd = shown.contains("\\u0000") || body.iter().any(u8::is_ascii_control);
                prop_assert!(by_status || by_code || is_huge || is_odd, "{error:?}: {shown}");
                prop_assert!(accepted_order.is_none() || is_odd, "{error:?}: {shown}");
                prop_assert_eq!(error.order_number(), None);
                refused.set(refused.get() + u32::from(by_code));
            }
            Err(error) => prop_assert_eq!(error.outcome(), Outcome::Unknown),
        }
    });
    assert!(accepted.get() > 30 && refused.get() > 30);
}

#[test]
fn a_phone_number_is_the_same_however_it_is_written() {
    proptest!(cases(4_000), |((written, number) in phone())| {
        prop_assert_eq!(normalize_phone(&written).ok(), Some(number.clone()));
        prop_assert_eq!(normalize_phone(&number).ok(), Some(number));
    });
}

#[test]
fn a_text_is_a_phone_number_for_the_library_and_for_the_second_reader_or_for_neither() {
    let (numbers, others) = (Cell::new(0), Cell::new(0));
    proptest!(cases(8_000), |(text in nearly_phone())| {
        match normalize_phone(&text) {
            Ok(number) => {
                prop_assert_eq!(Some(number), reader::phone(&text));
                numbers.set(numbers.get() + 1);
            }
            Err(error) => {
                prop_assert_eq!(None, reader::phone(&text));
                let about = (error.code(), error.outcome(), error.field());
                prop_assert_eq!(about, (ErrorCode::Invalid, Outcome::NotSent, Some("phone")));
                others.set(others.get() + 1);
            }
        }
    });
    assert!(numbers.get() > 100 && others.get() > 100);
}

#[test]
fn the_amount_and_the_phone_number_on_the_wire_are_those_of_the_request() {
    let gateway = Gateway::start();
    gateway.set_reply(reply(br#"{"code":"0","orderNumber":"N1"}"#));
    let calls = (amount(), phone(), any::<bool>());
    proptest!(cases(600), |((amount, (written, number), is_payout) in calls)| {
        let result = match is_payout {
            true => gateway.payout(&amount, &written),
            false => gateway.pay_mobile(&amount, &written),
        };
        prop_assert!(result.is_ok(), "{result:?}");
        prop_assert_eq!(gateway.requested("phone"), number);
        let sent = gateway.requested("amount");
        prop_assert_eq!(hundredths(&sent), hundredths(&amount), "{} for {}", sent, amount);
        // Without decorative decimals: the gateway refused 1.00.
        prop_assert!(!sent.contains('.') || !sent.ends_with(['0', '.']), "{sent}");
    });
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
        if let Ok(payout) = gateway.payout("25.50", "0812345678") {
            prop_assert!(payout.order_number.is_some(), "{payout:?}");
        }
    });
}
