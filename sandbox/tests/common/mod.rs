//! Shared by the tests of the sandbox: a raw HTTP client that returns every byte, and a small shop.

#![allow(dead_code)] // no single test uses all of it

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flexpay_sandbox::Sandbox;
use serde_json::{Map, Value, json};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longer than any of these tests takes, so that a failing test ends.
pub const TIMEOUT: Duration = Duration::from_secs(20);

pub trait Stream: Read + Write {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

/// A connection to the sandbox, plain or over TLS.
pub fn connect(sandbox: &Sandbox, tls: bool) -> Box<dyn Stream> {
    let url = if tls {
        sandbox.https_url()
    } else {
        sandbox.http_url()
    };
    let (_, address) = url.split_once("://").expect("a URL");
    let tcp = TcpStream::connect(address).expect("the sandbox listens");
    tcp.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    if !tls {
        return Box::new(tcp);
    }
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(sandbox.ca_file()).expect("a certificate");
    roots.add(ca).expect("an authority");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    Box::new(StreamOwned::new(client, tcp))
}

/// How the peer ended the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// FIN, after close_notify if there is TLS.
    Closed,
    /// RST.
    Reset,
    /// Not ended, and no data within the read timeout.
    Silent,
}

/// Reads until the peer ends the connection.
pub fn read_out(stream: &mut dyn Stream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, End::Closed),
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset => return (bytes, End::Reset),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return (bytes, End::Silent),
                ErrorKind::Interrupted => {}
                other => panic!("an unexpected end: {other:?} {error}"),
            },
        }
    }
}

/// Sends `request` and reads until the peer ends the connection.
pub fn exchange(sandbox: &Sandbox, tls: bool, request: &[u8]) -> (Vec<u8>, End) {
    let mut stream = connect(sandbox, tls);
    stream.write_all(request).expect("sent");
    stream.flush().expect("sent");
    read_out(&mut *stream)
}

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn read(bytes: &[u8]) -> Self {
        let mut slots = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut slots);
        let head = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            other => panic!(
                "not an response: {other:?} {:?}",
                String::from_utf8_lossy(bytes)
            ),
        };
        Self {
            status: parsed.code.expect("a status"),
            headers: parsed
                .headers
                .iter()
                .map(|h| {
                    let value = String::from_utf8_lossy(h.value).into_owned();
                    (h.name.to_owned(), value)
                })
                .collect(),
            body: bytes[head..].to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nHost: gateway.localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let (bytes, end) = exchange(sandbox, false, &request(method, path, headers, body));
    assert_eq!(end, End::Closed);
    Response::read(&bytes)
}

pub fn get(sandbox: &Sandbox, path: &str) -> Response {
    send(sandbox, "GET", path, &[], b"")
}

pub fn post_json(sandbox: &Sandbox, path: &str, body: &Value) -> Response {
    let body = body.to_string();
    let headers = [("Content-Type", "application/json")];
    send(sandbox, "POST", path, &headers, body.as_bytes())
}

pub fn post_form(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    send(sandbox, "POST", path, &headers, body.as_bytes())
}

/// A valid payment request with `changes` applied. A null value removes the field.
pub fn payment_request(sandbox: &Sandbox, changes: Value) -> Value {
    let mut fields: Map<String, Value> = serde_json::from_value(json!({
        "authorization": format!("Bearer {}", sandbox.token()),
        "merchant": sandbox.merchant(),
        "reference": "R-1",
        "amount": "50.00",
        "currency": "USD",
        "description": "Deux pagnes & un livre",
        "callback_url": "http://127.0.0.1:9/callback",
        "approve_url": "http://shop.test/approved?order=1",
        "cancel_url": "http://shop.test/cancelled",
        "decline_url": "http://shop.test/declined",
        "home_url": "http://shop.test/",
    }))
    .expect("an object");
    change(&mut fields, &changes);
    Value::Object(fields)
}

/// Sets the fields of `changes`. A null value removes the field.
fn change(fields: &mut Map<String, Value>, changes: &Value) {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
}

/// The fields as the pairs of a form.
pub fn as_pairs(fields: &Value) -> Vec<(&str, &str)> {
    let fields = fields.as_object().expect("an object");
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
        .collect()
}

/// Sends a JSON payment request and returns the order number.
pub fn pay(sandbox: &Sandbox, changes: Value) -> String {
    let response = post_json(sandbox, "/v1.1/pay", &payment_request(sandbox, changes));
    let reply = response.json();
    assert_eq!(reply["code"], json!(0), "{reply}");
    reply["orderNumber"].as_str().expect("a number").to_owned()
}

/// The paths of the collection and of the payout.
pub const MOBILE: &str = "/api/rest/v1/paymentService";
pub const PAYOUT: &str = "/api/rest/v1/merchantPayOutService";

/// A valid collection or payout with `changes` applied. A null value removes the field.
pub fn mobile_request(sandbox: &Sandbox, changes: Value) -> Value {
    let mut fields: Map<String, Value> = serde_json::from_value(json!({
        "merchant": sandbox.merchant(),
        "type": "1",
        "phone": "243812345678",
        "reference": "R-1",
        "amount": "25000",
        "currency": "CDF",
        "callbackUrl": "http://127.0.0.1:9/callback",
    }))
    .expect("an object");
    change(&mut fields, &changes);
    Value::Object(fields)
}

/// Posts JSON with the token in the header, as a collection or a payout is sent.
pub fn post_authorized(sandbox: &Sandbox, path: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {}", sandbox.token());
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", bearer.as_str()),
    ];
    send(sandbox, "POST", path, &headers, body.to_string().as_bytes())
}

/// Sends a collection or a payout, by its path, and returns the order number.
pub fn send_mobile(sandbox: &Sandbox, path: &str, changes: Value) -> String {
    let reply = post_authorized(sandbox, path, &mobile_request(sandbox, changes)).json();
    assert_eq!(reply["code"], "0", "{reply}");
    reply["orderNumber"].as_str().expect("a number").to_owned()
}

/// Sends a check and returns the response.
pub fn check(sandbox: &Sandbox, order: &str) -> Response {
    let bearer = format!("Bearer {}", sandbox.token());
    let path = format!("/api/rest/v1/check/{order}");
    send(sandbox, "GET", &path, &[("Authorization", &bearer)], b"")
}

/// A callback that a shop received.
#[derive(Debug)]
pub struct Callback {
    pub content_type: String,
    pub body: String,
}

impl Callback {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A shop's callback URL. It replies to each callback with the most recently queued reply, or with 200
/// if none is queued.
pub struct Shop {
    pub url: String,
    callbacks: Receiver<Callback>,
    replies: Arc<Mutex<Vec<(u16, String)>>>,
}

impl Shop {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let url = format!("http://{}/callback", listener.local_addr().expect("bound"));
        let (sender, callbacks) = channel();
        let replies: Arc<Mutex<Vec<(u16, String)>>> = Arc::default();
        let next = Arc::clone(&replies);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Ok(callback) = read_callback(&mut stream) else {
                    continue;
                };
                let queued = next.lock().expect("the replies").pop();
                let (status, body) = queued.unwrap_or((200, "OK".to_owned()));
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} Response\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                if sender.send(callback).is_err() {
                    return;
                }
            }
        });
        Self {
            url,
            callbacks,
            replies,
        }
    }

    pub fn reply_next(&self, status: u16, body: &str) {
        let mut replies = self.replies.lock().expect("the replies");
        replies.push((status, body.to_owned()));
    }

    pub fn next(&self) -> Callback {
        self.callbacks.recv_timeout(TIMEOUT).expect("a callback")
    }

    pub fn is_quiet(&self) -> bool {
        self.callbacks.try_recv().is_err()
    }
}

fn read_callback(stream: &mut TcpStream) -> io::Result<Callback> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..n]);
        let mut slots = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut slots);
        let Ok(httparse::Status::Complete(head)) = request.parse(&bytes) else {
            continue;
        };
        let header = |name: &str| {
            let found = request
                .headers
                .iter()
                .find(|h| h.name.eq_ignore_ascii_case(name));
            found.map_or_else(String::new, |h| {
                String::from_utf8_lossy(h.value).into_owned()
            })
        };
        let length: usize = header("content-length").parse().unwrap_or(0);
        if bytes.len() >= head + length {
            return Ok(Callback {
                content_type: header("content-type"),
                body: String::from_utf8_lossy(&bytes[head..]).into_owned(),
            });
        }
    }
}
