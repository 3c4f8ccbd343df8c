//! Faults in the head of a reply.

use std::time::Duration;

use flexpay_sandbox::fault_server::Step;

use super::{Context, Row, after_request, drip, flood, send};
use crate::expectation::{
    CONNECTION_LOST, Expectation, GATEWAY_FAILED, TIMEOUT_UNKNOWN, UNREADABLE,
};
use crate::replies::{CARD_PAGE, reply};
use crate::rng::Rng;

/// How a reply stops in the middle of its head.
fn incomplete_end(rng: &mut Rng) -> (&'static str, Vec<Step>, Expectation) {
    rng.take(vec![
        ("reset", vec![Step::Reset], CONNECTION_LOST),
        ("closed", vec![Step::Close], CONNECTION_LOST),
        ("cut", vec![Step::Cut], CONNECTION_LOST),
        ("silence", vec![Step::Hang], TIMEOUT_UNKNOWN),
        (
            "garbage",
            vec![send(b"\x00\x01\x02\n\x00\n\n".to_vec()), Step::Hang],
            UNREADABLE,
        ),
    ])
}

pub(super) fn status_line(context: &Context, rng: &mut Rng) -> Row {
    let (good, expectation) = context.operation.good(rng);
    if rng.percent(50) {
        let at = rng.between(1, 12);
        let (name, mut then, end) = incomplete_end(rng);
        then.insert(0, send(&good[..at]));
        return after_request(format!("{name} after {at} bytes"), then, &[end]);
    }
    let with = |line: &str| {
        let rest = good.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
        send([line.as_bytes(), &good[rest..]].concat())
    };
    let hang = |step: Step| vec![step, Step::Hang];
    let random = [b"\x80".to_vec(), rng.bytes(200)].concat();
    let (name, then, expectation) = rng.take(vec![
        (
            "garbage",
            hang(send(b"\x16\x03\x01garbage\r\n\r\n".to_vec())),
            UNREADABLE,
        ),
        ("random bytes", hang(send(random)), UNREADABLE),
        (
            "no status line (HTTP 0.9)",
            hang(send("<html>Payer</html>\r\n\r\n")),
            UNREADABLE,
        ),
        ("HTTP/2.0", hang(with("HTTP/2.0 200 OK")), UNREADABLE),
        ("HTTP/9.9", hang(with("HTTP/9.9 200 OK")), UNREADABLE),
        ("ICY", hang(with("ICY 200 OK")), UNREADABLE),
        (
            "status with two digits",
            hang(with("HTTP/1.1 20 OK")),
            UNREADABLE,
        ),
        (
            "status with four digits",
            hang(with("HTTP/1.1 2000 OK")),
            UNREADABLE,
        ),
        ("status 000", hang(with("HTTP/1.1 000 OK")), UNREADABLE),
        ("status 099", hang(with("HTTP/1.1 099 OK")), UNREADABLE),
        ("status -200", hang(with("HTTP/1.1 -200 OK")), UNREADABLE),
        (
            "endless",
            vec![send("HTTP/1.1 200 "), flood("O".repeat(4000), 1)],
            UNREADABLE,
        ),
        (
            "one byte at a time",
            vec![drip("HTTP/1.1 200 OK, but so very slowly")],
            TIMEOUT_UNKNOWN,
        ),
        ("no reason phrase", hang(with("HTTP/1.1 200")), expectation),
        ("HTTP/1.0", hang(with("HTTP/1.0 200 OK")), expectation),
        (
            "empty line before the status line",
            hang(with("\r\n\r\nHTTP/1.1 200 OK")),
            expectation,
        ),
    ]);
    after_request(name, then, &[expectation])
}

pub(super) fn headers(context: &Context, rng: &mut Rng) -> Row {
    let (good, expectation) = context.operation.good(rng);
    let head = good
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0);
    if rng.percent(40) {
        let at = rng.between(17, head + 3);
        let (name, mut then, end) = incomplete_end(rng);
        then.insert(0, send(&good[..at]));
        return after_request(format!("{name} after {at} bytes"), then, &[end]);
    }
    let with =
        |headers: &str| send([b"HTTP/1.1 200 OK\r\n", headers.as_bytes(), &good[21..]].concat());
    let hang = |step: Step| vec![step, Step::Hang];
    let large = |length: usize| format!("X: {}\r\n", "y".repeat(length));
    let (name, then, expectation) = rng.take(vec![
        ("no colon", hang(with("no colon at all\r\n")), UNREADABLE),
        ("a NUL", hang(with("X: a\0b\r\n")), UNREADABLE),
        ("a space in a name", hang(with("X Y: a\r\n")), UNREADABLE),
        ("an empty name", hang(with(": a\r\n")), UNREADABLE),
        ("too large", hang(with(&large(70_000))), UNREADABLE),
        (
            "large, but not too large",
            hang(with(&large(20_000))),
            expectation,
        ),
        (
            "too many",
            hang(with(&"X: y\r\n".repeat(2_000))),
            UNREADABLE,
        ),
        (
            "endless",
            vec![
                send("HTTP/1.1 200 OK\r\n"),
                flood("X: yyyyyyyyyy\r\n".repeat(300), 1),
            ],
            UNREADABLE,
        ),
        (
            "one endless header",
            vec![send("HTTP/1.1 200 OK\r\nX: "), flood("y".repeat(4_000), 1)],
            UNREADABLE,
        ),
        (
            "one byte at a time",
            vec![
                send("HTTP/1.1 200 OK\r\n"),
                drip("X: slowly, slowly, and ever slower"),
            ],
            TIMEOUT_UNKNOWN,
        ),
        (
            "unusual but valid",
            hang(with(
                "X: \u{e9}\u{ff}\r\nServer:\r\nConnection: keep-alive\r\n",
            )),
            expectation,
        ),
    ]);
    after_request(name, then, &[expectation])
}

pub(super) fn interim_replies(context: &Context, rng: &mut Rng) -> Row {
    let (good, expectation) = context.operation.good(rng);
    let then_good = |first: &str| vec![send([first.as_bytes(), &good].concat())];
    let twice_apart = |first: &str| {
        let pause = Step::Pause(Duration::from_millis(3));
        vec![
            send(first),
            pause.clone(),
            send(first),
            pause,
            send(good.clone()),
        ]
    };
    let continue_reply = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\n\r\n";
    let (name, then, expectations) = rng.take(vec![
        (
            "100, then the reply",
            then_good(continue_reply),
            vec![expectation],
        ),
        (
            "100 twice, apart",
            twice_apart(continue_reply),
            vec![expectation],
        ),
        ("103, then the reply", then_good(hints), vec![expectation]),
        ("103 twice, apart", twice_apart(hints), vec![expectation]),
        (
            "102 twice, apart",
            twice_apart(processing),
            vec![expectation],
        ),
        (
            "100 forty times",
            then_good(&continue_reply.repeat(40)),
            vec![expectation],
        ),
        (
            "100, then closed",
            vec![send(continue_reply), Step::Close],
            vec![CONNECTION_LOST],
        ),
        (
            "103, then closed",
            vec![send(hints), Step::Close],
            vec![CONNECTION_LOST],
        ),
        (
            "103, then reset",
            vec![send(hints), Step::Reset],
            vec![CONNECTION_LOST],
        ),
        (
            "100, then silence",
            vec![send(continue_reply), Step::Hang],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "103, then silence",
            vec![send(hints), Step::Hang],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "100 endless",
            vec![flood(continue_reply.repeat(100), 1)],
            vec![TIMEOUT_UNKNOWN, UNREADABLE],
        ),
        (
            "103 endless",
            vec![flood(hints.repeat(100), 1)],
            vec![TIMEOUT_UNKNOWN, UNREADABLE],
        ),
        (
            "103 endless, without pause",
            vec![flood(hints.repeat(400), 0)],
            vec![TIMEOUT_UNKNOWN, UNREADABLE],
        ),
        (
            "100, one byte at a time",
            vec![drip(continue_reply.repeat(40))],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "101",
            vec![
                send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
                Step::Hang,
            ],
            vec![GATEWAY_FAILED],
        ),
    ]);
    after_request(name, then, &expectations)
}

pub(super) fn redirect(context: &Context, rng: &mut Rng) -> Row {
    let status = *rng.pick(&[300, 301, 302, 303, 304, 305, 307, 308, 399]);
    let redirects = Expectation::Payment;
    let (location, expectation) = rng.take(vec![
        (Some(CARD_PAGE), redirects(CARD_PAGE)),
        (
            Some("http://127.0.0.1:9/card/1"),
            redirects("http://127.0.0.1:9/card/1"),
        ),
        (
            Some("https://elsewhere.example/?a=1#b"),
            redirects("https://elsewhere.example/?a=1#b"),
        ),
        (Some("http://gwvisa.flexpay.cd/checkout/1"), UNREADABLE),
        (Some("javascript:alert(1)"), UNREADABLE),
        (Some("data:text/html,x"), UNREADABLE),
        (Some("/checkout/1"), Expectation::OwnPage("/checkout/1")),
        (
            Some("//gwvisa.flexpay.cd/checkout/bbba7c30"),
            match context.secure {
                true => redirects(CARD_PAGE),
                false => UNREADABLE,
            },
        ),
        // A server that has moved, or its home page.
        (Some("/"), UNREADABLE),
        (Some("https://www.flexpay.cd/"), UNREADABLE),
        (Some("?retry=1"), UNREADABLE),
        (Some("https://zando.example/annule"), UNREADABLE),
        (Some("https://gwvisa.flexpay.cd@evil.example/"), UNREADABLE),
        (
            Some("https://gwvisa.flexpay.cd\\@evil.example/"),
            UNREADABLE,
        ),
        (Some("https://gw\u{e9}.example/"), UNREADABLE),
        (Some("file:///etc/passwd"), UNREADABLE),
        (Some(""), UNREADABLE),
        (None, UNREADABLE),
    ]);
    let headers = location.map_or(String::new(), |to| format!("Location: {to}\r\n"));
    // Only the reply to a payment by card may redirect, and only with a redirect status.
    let may_redirect =
        context.operation.service.has_card_page() && [301, 302, 303, 307, 308].contains(&status);
    let expectation = if may_redirect {
        expectation
    } else {
        UNREADABLE
    };
    let body = *rng.pick(&[
        "",
        "<a href='https://evil.example/x'>moved</a>",
        "{\"code\":0}",
    ]);
    let name = format!("{status} to {}", location.unwrap_or("nowhere"));
    after_request(
        name,
        vec![send(reply(status, &headers, body))],
        &[expectation],
    )
}
