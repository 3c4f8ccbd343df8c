//! The outcome of a failed call: may the caller repeat the request? Tests a failure at each stage of a
//! call, and that a reply that is too large, too slow or broken is never used.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Outcome};
use flexpay_sandbox::{Certificate, Fault, Options, Sandbox};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);

fn pay_error(client: &Client) -> flexpay::Error {
    client.pay(&request("OUT-1")).expect_err("a failed payment")
}

fn assert_code_and_outcome(error: &flexpay::Error, code: ErrorCode, outcome: Outcome) {
    assert_eq!((error.code(), error.outcome()), (code, outcome), "{error}");
}

/// Reads a whole request: its head, and `Content-Length` bytes of body.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).map_or(0, |tail| {
                tail.split("\r\n")
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(0)
            });
            if received.len() >= end + 4 + length {
                return received;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return received,
            Ok(more) => received.extend_from_slice(&chunk[..more]),
        }
    }
}

/// A server that reads one request, sends these bytes, and closes the connection.
fn server_with_reply(reply: impl AsRef<[u8]> + Send + 'static) -> String {
    serve(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(reply.as_ref());
    })
}

#[test]
fn a_call_without_a_connection_is_not_sent() {
    assert_code_and_outcome(
        &pay_error(&client_for_url(&unused_url(), LONG)),
        ErrorCode::Connect,
        Outcome::NotSent,
    );

    let no_host = client_for_url("https://no-such-host.invalid", LONG);
    assert_code_and_outcome(&pay_error(&no_host), ErrorCode::Resolve, Outcome::NotSent);

    let not_tls = serve(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-no TLS here\r\n");
        let _ = stream.read(&mut [0; 1024]);
    });
    let not_tls = client_for_url(&not_tls.replace("http:", "https:"), LONG);
    assert_code_and_outcome(&pay_error(&not_tls), ErrorCode::Tls, Outcome::NotSent);

    let closes = serve(drop).replace("http:", "https:");
    assert_code_and_outcome(
        &pay_error(&client_for_url(&closes, LONG)),
        ErrorCode::Connect,
        Outcome::NotSent,
    );

    let silent =
        serve(|stream| std::thread::sleep(LONG.min(stream.read_timeout().unwrap().unwrap())));
    let silent = client_for_url(&silent.replace("http:", "https:"), SHORT);
    assert_code_and_outcome(&pay_error(&silent), ErrorCode::Timeout, Outcome::NotSent);
}

#[test]
fn an_invalid_certificate_sends_nothing_and_the_error_says_why() {
    for (certificate, expected) in [
        (Certificate::Expired, "this machine's clock reads 20"),
        (Certificate::NotYetValid, "this machine's clock reads 20"),
        (Certificate::WrongName, "another host"),
    ] {
        let sandbox = Sandbox::start_with(Options {
            certificate,
            ..Options::default()
        })
        .unwrap();
        let error = pay_error(&secure_client(&sandbox));
        assert_code_and_outcome(&error, ErrorCode::Tls, Outcome::NotSent);
        assert!(error.message().contains(expected), "{error}");
        assert!(sandbox.requests().is_empty());
    }
    let sandbox = sandbox();
    let untrusted = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1)
    };
    let error = pay_error(&Client::new(untrusted).unwrap());
    assert_code_and_outcome(&error, ErrorCode::Tls, Outcome::NotSent);
    assert!(error.message().contains("issuer is not trusted"), "{error}");
}

#[test]
fn a_slow_handshake_does_not_exceed_the_deadline() {
    let slow = serve(|mut stream| {
        // The header of a TLS record, then its body, one byte at a time.
        let _ = stream.write_all(&[22, 3, 3, 0x3f, 0xff]);
        while stream.write_all(&[0]).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let error = pay_error(&client_for_url(&slow.replace("http:", "https:"), SHORT));
    assert_code_and_outcome(&error, ErrorCode::Timeout, Outcome::NotSent);
}

#[test]
fn a_request_that_may_have_been_sent_is_unknown() {
    let reset = serve(|mut stream| {
        let _ = stream.read(&mut [0; 16]);
        // Closing with unread data sends a reset.
    });
    assert_code_and_outcome(
        &pay_error(&client_for_url(&reset, LONG)),
        ErrorCode::Connection,
        Outcome::Unknown,
    );

    let closes = serve(|mut stream| {
        read_request(&mut stream);
    });
    assert_code_and_outcome(
        &pay_error(&client_for_url(&closes, LONG)),
        ErrorCode::Connection,
        Outcome::Unknown,
    );

    let silent = serve(|mut stream| {
        read_request(&mut stream);
        std::thread::sleep(LONG);
    });
    assert_code_and_outcome(
        &pay_error(&client_for_url(&silent, SHORT)),
        ErrorCode::Timeout,
        Outcome::Unknown,
    );

    let slow = serve(|mut stream| {
        read_request(&mut stream);
        let endless = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"
            .iter()
            .chain([b' '].iter().cycle());
        for byte in endless {
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert_code_and_outcome(
        &pay_error(&client_for_url(&slow, SHORT)),
        ErrorCode::Timeout,
        Outcome::Unknown,
    );
}

#[test]
fn an_unreadable_reply_is_unknown() {
    for (reply, code) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
            ErrorCode::Reply,
        ),
        ("garbage\r\n\r\n".to_owned(), ErrorCode::Reply),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_owned(),
            ErrorCode::Reply,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"code\":0".to_owned(),
            ErrorCode::Connection,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            ErrorCode::Connection,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"code\"".to_owned(),
            ErrorCode::Connection,
        ),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(40_000)),
            ErrorCode::Reply,
        ),
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_100_000)),
            ErrorCode::Reply,
        ),
        (
            format!(
                "HTTP/1.1 200 OK\r\n\r\n{{\"code\":0,\"x\":\"{}",
                "x".repeat(9_000)
            ),
            ErrorCode::Reply,
        ),
        (
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            ErrorCode::Reply,
        ),
    ] {
        let shown: String = reply.chars().take(60).collect();
        let error = pay_error(&client_for_url(&server_with_reply(reply), LONG));
        assert_eq!(error.outcome(), Outcome::Unknown, "{shown}: {error}");
        assert!(
            error.code() == code || error.code() == ErrorCode::Reply,
            "{shown}: {:?} {error}",
            error.code()
        );
    }
}

#[test]
fn a_compressed_reply_is_not_decompressed() {
    let mut reply =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n".to_vec();
    reply.extend([0x1f, 0x8b, 8, 0]);
    let error = pay_error(&client_for_url(&server_with_reply(reply), LONG));
    assert_code_and_outcome(&error, ErrorCode::Reply, Outcome::Unknown);
}

#[test]
fn a_refusal_with_a_truncated_body_is_still_a_refusal() {
    let cut = server_with_reply(
        "HTTP/1.1 422 Unprocessable\r\nContent-Length: 500\r\n\r\n{\"code\":\"1\",\"mess",
    );
    let error = pay_error(&client_for_url(&cut, LONG));
    assert_code_and_outcome(&error, ErrorCode::Refused, Outcome::Refused);
    assert_eq!(error.http_status(), Some(422));
}

#[test]
fn redirects_are_never_followed() {
    let target = serve(|_| panic!("the redirect was followed"));
    for status in [301, 302, 303, 307, 308] {
        let reply =
            format!("HTTP/1.1 {status} X\r\nLocation: {target}/card\r\nContent-Length: 0\r\n\r\n");
        let payment = client_for_url(&server_with_reply(reply.clone()), LONG)
            .pay(&request("OUT-2"))
            .unwrap();
        assert_eq!(payment.redirect_url, Some(format!("{target}/card")));
        let error = client_for_url(&server_with_reply(reply), LONG)
            .check("1")
            .unwrap_err();
        assert_code_and_outcome(&error, ErrorCode::Reply, Outcome::Unknown);
    }
}

#[test]
fn a_reset_is_unknown_only_if_the_request_may_have_been_sent() {
    let sandbox = sandbox();
    sandbox
        .inject(Fault::reset_before_reading().forever())
        .unwrap();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let error = pay_error(&client);
        // Over TLS the reset may come during the handshake: then nothing was sent.
        let sent = error.outcome() == Outcome::Unknown;
        assert_eq!(sent, error.code() == ErrorCode::Connection, "{error}");
        assert!(sandbox.payments().is_empty());
    }
}

/// A CONNECT proxy: replies with `status`, and tunnels after a 200.
fn proxy(status: &'static str) -> String {
    serve(move |mut stream| {
        let request = read_request(&mut stream);
        let target = String::from_utf8_lossy(&request)
            .strip_prefix("CONNECT ")
            .and_then(|tail| tail.split(' ').next().map(str::to_owned))
            .expect("a CONNECT");
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
        if !status.starts_with("200") {
            return;
        }
        let mut server = TcpStream::connect(target).expect("the target accepts connections");
        let mut from_server = server.try_clone().unwrap();
        let mut to_client = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut stream, &mut server);
    })
}

#[test]
fn a_call_goes_through_the_proxy_and_a_proxy_refusal_sends_nothing() {
    let sandbox = sandbox();
    let through = |proxy: String, secure: bool| {
        let config = if secure {
            secure_config(&sandbox, Api::V1_1)
        } else {
            config(&sandbox, Api::V1_1)
        };
        Client::new(Config {
            proxy: Some(proxy),
            // 127.0.0.1 is then the proxy's own machine, so plain HTTP must be allowed explicitly.
            allow_plain_http: !secure,
            ..config
        })
        .unwrap()
    };
    for secure in [false, true] {
        let client = through(proxy("200 OK"), secure);
        new_order(&client, &format!("PROXY-{secure}"));

        let error = pay_error(&through(proxy("407 Proxy Authentication Required"), secure));
        assert_code_and_outcome(&error, ErrorCode::Proxy, Outcome::NotSent);
        assert!(error.message().contains("407"), "{error}");

        let error = pay_error(&through(unused_url(), secure));
        assert_code_and_outcome(&error, ErrorCode::Proxy, Outcome::NotSent);
    }
    assert_eq!(sandbox.payments().len(), 2);
}

#[test]
fn a_proxy_at_the_gateway_s_own_address_does_not_change_the_outcome() {
    // One server for both: it accepts the CONNECT, reads the payment, and closes.
    let server = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        read_request(&mut stream);
    });
    let client = Client::new(Config {
        pay_url: Some(format!("{server}/")),
        proxy: Some(server),
        allow_plain_http: true,
        ..Config::new("ZANDO", "canary-token")
    });
    assert_code_and_outcome(
        &pay_error(&client.unwrap()),
        ErrorCode::Connection,
        Outcome::Unknown,
    );
}

#[test]
fn an_unreachable_proxy_is_a_proxy_error() {
    for proxy in [unused_url(), "http://no-such-proxy.invalid:3128".to_owned()] {
        let client = Client::new(Config {
            proxy: Some(proxy),
            ..Config::new("ZANDO", "canary-token")
        });
        let error = pay_error(&client.unwrap());
        assert_code_and_outcome(&error, ErrorCode::Proxy, Outcome::NotSent);
        assert!(error.message().contains("proxy"), "{error}");
    }
}

#[test]
fn two_different_location_headers_are_an_error() {
    let reply = "HTTP/1.1 302 X\r\nLocation: https://a.example/checkout/1\r\n\
                 Location: https://b.example/checkout/1\r\nContent-Length: 0\r\n\r\n";
    assert_code_and_outcome(
        &pay_error(&client_for_url(&server_with_reply(reply), LONG)),
        ErrorCode::Reply,
        Outcome::Unknown,
    );
}

#[test]
fn interim_responses_are_skipped() {
    let page = format!(
        "<a href='https://gw.example/checkout/1'>Payer</a><p>{}</p>",
        "x".repeat(45_000)
    );
    let length = page.len();
    let reply = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{page}"
    );
    let payment = client_for_url(&server_with_reply(reply), LONG)
        .pay(&request("OUT-3"))
        .unwrap();
    assert_eq!(
        payment.redirect_url.as_deref(),
        Some("https://gw.example/checkout/1")
    );
}

#[test]
fn a_page_with_very_many_links_is_read_within_the_deadline() {
    let links: String = (0..25_000)
        .map(|n| format!("<a href=https://a.cd/{n}>x</a>"))
        .collect();
    let reply = format!("HTTP/1.1 200 OK\r\n\r\n<html>{links}</html>");
    let payment = client_for_url(&server_with_reply(reply), LONG)
        .pay(&request("OUT-4"))
        .unwrap();
    assert!(payment.page.is_some(), "no link is a card page");
}
