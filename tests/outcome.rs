//! May the request be repeated? What each stage of a call that fails says about it, and that no
//! reply, however large, slow or broken, is taken for one that came.

mod common;

use common::*;
use flexpay::{Api, Client, Config, ErrorCode, Outcome};
use flexpay_sandbox::{Certificate, Fault, Options, Sandbox};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);

fn pay(client: &Client) -> flexpay::Error {
    client.pay(&request("OUT-1")).expect_err("a fault")
}

fn came_to(error: &flexpay::Error, code: ErrorCode, outcome: Outcome) {
    assert_eq!((error.code(), error.outcome()), (code, outcome), "{error}");
}

/// Reads a request whole: its head, and the body of the length it names.
fn take_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut taken = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = taken.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&taken[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).map_or(0, |tail| {
                tail.split("\r\n")
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(0)
            });
            if taken.len() >= end + 4 + length {
                return taken;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return taken,
            Ok(more) => taken.extend_from_slice(&piece[..more]),
        }
    }
}

/// A server that reads one request, answers with these bytes, and hangs up.
fn answers(reply: impl AsRef<[u8]> + Send + 'static) -> String {
    serve(move |mut stream| {
        take_request(&mut stream);
        let _ = stream.write_all(reply.as_ref());
    })
}

#[test]
fn nothing_was_sent_where_no_connection_was_made() {
    came_to(
        &pay(&client_of(&nobody(), LONG)),
        ErrorCode::Connect,
        Outcome::NotSent,
    );

    let nowhere = client_of("https://no-such-host.invalid", LONG);
    came_to(&pay(&nowhere), ErrorCode::Resolve, Outcome::NotSent);

    let not_tls = serve(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-no TLS here\r\n");
        let _ = stream.read(&mut [0; 1024]);
    });
    let not_tls = client_of(&not_tls.replace("http:", "https:"), LONG);
    came_to(&pay(&not_tls), ErrorCode::Tls, Outcome::NotSent);

    let hangs_up = serve(drop).replace("http:", "https:");
    came_to(
        &pay(&client_of(&hangs_up, LONG)),
        ErrorCode::Connect,
        Outcome::NotSent,
    );

    let silent =
        serve(|stream| std::thread::sleep(LONG.min(stream.read_timeout().unwrap().unwrap())));
    let silent = client_of(&silent.replace("http:", "https:"), SHORT);
    came_to(&pay(&silent), ErrorCode::Timeout, Outcome::NotSent);
}

#[test]
fn a_certificate_that_is_not_good_sends_nothing_and_says_why() {
    for (certificate, words) in [
        (Certificate::Expired, "this machine's clock reads 20"),
        (Certificate::NotYetValid, "this machine's clock reads 20"),
        (Certificate::WrongName, "another host"),
    ] {
        let sandbox = Sandbox::start_with(Options {
            certificate,
            ..Options::default()
        })
        .unwrap();
        let error = pay(&secure_client(&sandbox));
        came_to(&error, ErrorCode::Tls, Outcome::NotSent);
        assert!(error.message().contains(words), "{error}");
        assert!(sandbox.requests().is_empty());
    }
    let sandbox = sandbox();
    let stranger = Config {
        ca_file: None,
        ..secure_config(&sandbox, Api::V1)
    };
    let error = pay(&Client::new(stranger).unwrap());
    came_to(&error, ErrorCode::Tls, Outcome::NotSent);
    assert!(
        error.message().contains("nobody this client trusts"),
        "{error}"
    );
}

#[test]
fn a_dripping_handshake_does_not_outlast_the_deadline() {
    let dripping = serve(|mut stream| {
        // The header of a record that never ends, one byte at a time.
        let _ = stream.write_all(&[22, 3, 3, 0x3f, 0xff]);
        while stream.write_all(&[0]).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let error = pay(&client_of(&dripping.replace("http:", "https:"), SHORT));
    came_to(&error, ErrorCode::Timeout, Outcome::NotSent);
}

#[test]
fn what_may_have_been_sent_is_unknown() {
    let reset = serve(|mut stream| {
        let _ = stream.read(&mut [0; 16]);
        // Unread data makes the close a reset.
    });
    came_to(
        &pay(&client_of(&reset, LONG)),
        ErrorCode::Connection,
        Outcome::Unknown,
    );

    let closes = serve(|mut stream| {
        take_request(&mut stream);
    });
    came_to(
        &pay(&client_of(&closes, LONG)),
        ErrorCode::Connection,
        Outcome::Unknown,
    );

    let silent = serve(|mut stream| {
        take_request(&mut stream);
        std::thread::sleep(LONG);
    });
    came_to(
        &pay(&client_of(&silent, SHORT)),
        ErrorCode::Timeout,
        Outcome::Unknown,
    );

    let drips = serve(|mut stream| {
        take_request(&mut stream);
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
    came_to(
        &pay(&client_of(&drips, SHORT)),
        ErrorCode::Timeout,
        Outcome::Unknown,
    );
}

#[test]
fn a_reply_that_cannot_be_read_is_unknown() {
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
        let error = pay(&client_of(&answers(reply), LONG));
        assert_eq!(error.outcome(), Outcome::Unknown, "{shown}: {error}");
        assert!(
            error.code() == code || error.code() == ErrorCode::Reply,
            "{shown}: {:?} {error}",
            error.code()
        );
    }
}

#[test]
fn a_compressed_reply_is_not_unpacked() {
    let mut reply =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n".to_vec();
    reply.extend([0x1f, 0x8b, 8, 0]);
    let error = pay(&client_of(&answers(reply), LONG));
    came_to(&error, ErrorCode::Reply, Outcome::Unknown);
}

#[test]
fn a_refusal_stands_even_when_its_words_are_cut_off() {
    let cut =
        answers("HTTP/1.1 422 Unprocessable\r\nContent-Length: 500\r\n\r\n{\"code\":\"1\",\"mess");
    let error = pay(&client_of(&cut, LONG));
    came_to(&error, ErrorCode::Refused, Outcome::Refused);
    assert_eq!(error.http_status(), Some(422));
}

#[test]
fn redirects_are_never_followed() {
    let elsewhere = serve(|_| panic!("followed"));
    for status in [301, 302, 303, 307, 308] {
        let reply = format!(
            "HTTP/1.1 {status} X\r\nLocation: {elsewhere}/card\r\nContent-Length: 0\r\n\r\n"
        );
        let payment = client_of(&answers(reply.clone()), LONG)
            .pay(&request("OUT-2"))
            .unwrap();
        assert_eq!(payment.redirect_url, Some(format!("{elsewhere}/card")));
        let error = client_of(&answers(reply), LONG).check("1").unwrap_err();
        came_to(&error, ErrorCode::Reply, Outcome::Unknown);
    }
}

#[test]
fn a_reset_while_the_request_is_read_is_unknown_over_tls_too() {
    let sandbox = sandbox();
    sandbox
        .inject(Fault::reset_before_reading().forever())
        .unwrap();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let error = pay(&client);
        // Over TLS the reset comes in the middle of the handshake: then nothing was sent.
        let sent = error.outcome() == Outcome::Unknown;
        assert_eq!(sent, error.code() == ErrorCode::Connection, "{error}");
        assert!(sandbox.payments().is_empty());
    }
}

/// A proxy for CONNECT: answers with `verdict`, and tunnels after a 200.
fn proxy(verdict: &'static str) -> String {
    serve(move |mut stream| {
        let asked = take_request(&mut stream);
        let target = String::from_utf8_lossy(&asked)
            .strip_prefix("CONNECT ")
            .and_then(|tail| tail.split(' ').next().map(str::to_owned))
            .expect("a CONNECT");
        let _ = stream.write_all(format!("HTTP/1.1 {verdict}\r\n\r\n").as_bytes());
        if !verdict.starts_with("200") {
            return;
        }
        let mut onward = TcpStream::connect(target).expect("the target is there");
        let mut back = (onward.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut back.0, &mut back.1);
            let _ = back.1.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut stream, &mut onward);
    })
}

#[test]
fn a_proxy_carries_the_call_and_its_refusal_sends_nothing() {
    let sandbox = sandbox();
    let through = |proxy: String, secure: bool| {
        let config = if secure {
            secure_config(&sandbox, Api::V1_1)
        } else {
            config(&sandbox, Api::V1_1)
        };
        Client::new(Config {
            proxy: Some(proxy),
            // Through a proxy, "this machine" is another one: plain http must be asked for.
            allow_plain_http: !secure,
            ..config
        })
        .unwrap()
    };
    for secure in [false, true] {
        let client = through(proxy("200 OK"), secure);
        order(&client, &format!("PROXY-{secure}"));

        let error = pay(&through(proxy("407 Proxy Authentication Required"), secure));
        came_to(&error, ErrorCode::Proxy, Outcome::NotSent);
        assert!(error.message().contains("407"), "{error}");

        let error = pay(&through(nobody(), secure));
        came_to(&error, ErrorCode::Proxy, Outcome::NotSent);
    }
    assert_eq!(sandbox.payments().len(), 2);
}

#[test]
fn a_proxy_at_the_gateway_s_own_address_changes_nothing() {
    // Both are the same server: it says yes to the CONNECT, reads the payment, and hangs up.
    let server = serve(|mut stream| {
        take_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        take_request(&mut stream);
    });
    let client = Client::new(Config {
        pay_url: Some(format!("{server}/")),
        proxy: Some(server),
        allow_plain_http: true,
        ..Config::new("ZANDO", "canary-token")
    });
    came_to(
        &pay(&client.unwrap()),
        ErrorCode::Connection,
        Outcome::Unknown,
    );
}

#[test]
fn an_unreachable_proxy_is_named_as_such() {
    for proxy in [nobody(), "http://no-such-proxy.invalid:3128".to_owned()] {
        let client = Client::new(Config {
            proxy: Some(proxy),
            ..Config::new("ZANDO", "canary-token")
        });
        let error = pay(&client.unwrap());
        came_to(&error, ErrorCode::Proxy, Outcome::NotSent);
        assert!(error.message().contains("proxy"), "{error}");
    }
}

#[test]
fn two_locations_that_differ_lead_nowhere() {
    let reply = "HTTP/1.1 302 X\r\nLocation: https://a.example/checkout/1\r\n\
                 Location: https://b.example/checkout/1\r\nContent-Length: 0\r\n\r\n";
    came_to(
        &pay(&client_of(&answers(reply), LONG)),
        ErrorCode::Reply,
        Outcome::Unknown,
    );
}

#[test]
fn interim_replies_are_read_over() {
    let page = format!(
        "<a href='https://gw.example/checkout/1'>Payer</a><p>{}</p>",
        "x".repeat(45_000)
    );
    let length = page.len();
    let reply = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{page}"
    );
    let payment = client_of(&answers(reply), LONG)
        .pay(&request("OUT-3"))
        .unwrap();
    assert_eq!(
        payment.redirect_url.as_deref(),
        Some("https://gw.example/checkout/1")
    );
}

#[test]
fn a_page_of_very_many_links_is_read_in_time() {
    let links: String = (0..25_000)
        .map(|n| format!("<a href=https://a.cd/{n}>x</a>"))
        .collect();
    let reply = format!("HTTP/1.1 200 OK\r\n\r\n<html>{links}</html>");
    let payment = client_of(&answers(reply), LONG)
        .pay(&request("OUT-4"))
        .unwrap();
    assert!(payment.page.is_some(), "none of them is a card page");
}
