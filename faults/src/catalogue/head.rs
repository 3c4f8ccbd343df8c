//! Faults in a reply's head.

use std::time::Duration;

use flexpay_sandbox::fault_server::Step;

use super::{Row, Setting, answer, drip, flood, send};
use crate::expectation::{BROKE, Expectation, FAILED, LATE, UNREADABLE};
use crate::replies::{CARD_PAGE, reply};
use crate::rng::Rng;

/// The ends of a reply that stops in the middle of its head.
fn ends(rng: &mut Rng) -> (&'static str, Vec<Step>, Expectation) {
    rng.take(vec![
        ("reset", vec![Step::Reset], BROKE),
        ("closed", vec![Step::Close], BROKE),
        ("cut", vec![Step::Cut], BROKE),
        ("silence", vec![Step::Hang], LATE),
        (
            "garbage",
            vec![send(b"\x00\x01\x02\n\x00\n\n".to_vec()), Step::Hang],
            UNREADABLE,
        ),
    ])
}

pub(super) fn status_line(setting: &Setting, rng: &mut Rng) -> Row {
    let (good, expectation) = setting.question.good(rng);
    if rng.percent(50) {
        let at = rng.between(1, 12);
        let (name, mut then, end) = ends(rng);
        then.insert(0, send(&good[..at]));
        return answer(format!("{name} after {at} bytes"), then, &[end]);
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
            "status of two digits",
            hang(with("HTTP/1.1 20 OK")),
            UNREADABLE,
        ),
        (
            "status of four digits",
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
            "one byte now and then",
            vec![drip("HTTP/1.1 200 OK, but so very slowly")],
            LATE,
        ),
        ("no reason", hang(with("HTTP/1.1 200")), expectation),
        ("HTTP/1.0", hang(with("HTTP/1.0 200 OK")), expectation),
        (
            "bare line feeds",
            hang(with("\r\n\r\nHTTP/1.1 200 OK")),
            expectation,
        ),
    ]);
    answer(name, then, &[expectation])
}

pub(super) fn headers(setting: &Setting, rng: &mut Rng) -> Row {
    let (good, expectation) = setting.question.good(rng);
    let head = good
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0);
    if rng.percent(40) {
        let at = rng.between(17, head + 3);
        let (name, mut then, end) = ends(rng);
        then.insert(0, send(&good[..at]));
        return answer(format!("{name} after {at} bytes"), then, &[end]);
    }
    let with =
        |headers: &str| send([b"HTTP/1.1 200 OK\r\n", headers.as_bytes(), &good[21..]].concat());
    let hang = |step: Step| vec![step, Step::Hang];
    let large = |length: usize| format!("X: {}\r\n", "y".repeat(length));
    let (name, then, expectation) = rng.take(vec![
        ("no colon", hang(with("no colon at all\r\n")), UNREADABLE),
        ("a NUL", hang(with("X: a\0b\r\n")), UNREADABLE),
        ("a blank in a name", hang(with("X Y: a\r\n")), UNREADABLE),
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
            "one endless",
            vec![send("HTTP/1.1 200 OK\r\nX: "), flood("y".repeat(4_000), 1)],
            UNREADABLE,
        ),
        (
            "one byte now and then",
            vec![
                send("HTTP/1.1 200 OK\r\n"),
                drip("X: slowly, slowly, and ever slower"),
            ],
            LATE,
        ),
        (
            "strange but lawful",
            hang(with(
                "X: \u{e9}\u{ff}\r\nServer:\r\nConnection: keep-alive\r\n",
            )),
            expectation,
        ),
    ]);
    answer(name, then, &[expectation])
}

pub(super) fn early_replies(setting: &Setting, rng: &mut Rng) -> Row {
    let (good, expectation) = setting.question.good(rng);
    let after = |first: &str| vec![send([first.as_bytes(), &good].concat())];
    let apart = |first: &str| {
        let pause = Step::Pause(Duration::from_millis(3));
        vec![
            send(first),
            pause.clone(),
            send(first),
            pause,
            send(good.clone()),
        ]
    };
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\n\r\n";
    let (name, then, expectations) = rng.take(vec![
        ("100, then the reply", after(go_on), vec![expectation]),
        ("100 twice, apart", apart(go_on), vec![expectation]),
        ("103, then the reply", after(hints), vec![expectation]),
        ("103 twice, apart", apart(hints), vec![expectation]),
        ("102 twice, apart", apart(processing), vec![expectation]),
        (
            "100 forty times",
            after(&go_on.repeat(40)),
            vec![expectation],
        ),
        (
            "100, then closed",
            vec![send(go_on), Step::Close],
            vec![BROKE],
        ),
        (
            "103, then closed",
            vec![send(hints), Step::Close],
            vec![BROKE],
        ),
        (
            "103, then reset",
            vec![send(hints), Step::Reset],
            vec![BROKE],
        ),
        (
            "100, then silence",
            vec![send(go_on), Step::Hang],
            vec![LATE],
        ),
        (
            "103, then silence",
            vec![send(hints), Step::Hang],
            vec![LATE],
        ),
        (
            "100 without end",
            vec![flood(go_on.repeat(100), 1)],
            vec![LATE, UNREADABLE],
        ),
        (
            "103 without end",
            vec![flood(hints.repeat(100), 1)],
            vec![LATE, UNREADABLE],
        ),
        (
            "103 without pause",
            vec![flood(hints.repeat(400), 0)],
            vec![LATE, UNREADABLE],
        ),
        ("100 dripped", vec![drip(go_on.repeat(40))], vec![LATE]),
        (
            "101",
            vec![
                send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
                Step::Hang,
            ],
            vec![FAILED],
        ),
    ]);
    answer(name, then, &expectations)
}

pub(super) fn redirect(setting: &Setting, rng: &mut Rng) -> Row {
    let status = *rng.pick(&[300, 301, 302, 303, 304, 305, 307, 308, 399]);
    let leads = Expectation::Payment;
    let (location, expectation) = rng.take(vec![
        (Some(CARD_PAGE), leads(CARD_PAGE)),
        (
            Some("http://127.0.0.1:9/card/1"),
            leads("http://127.0.0.1:9/card/1"),
        ),
        (
            Some("https://elsewhere.example/?a=1#b"),
            leads("https://elsewhere.example/?a=1#b"),
        ),
        (Some("http://gwvisa.flexpay.cd/checkout/1"), UNREADABLE),
        (Some("javascript:alert(1)"), UNREADABLE),
        (Some("data:text/html,x"), UNREADABLE),
        (Some("/checkout/1"), Expectation::OwnPage("/checkout/1")),
        (
            Some("//gwvisa.flexpay.cd/checkout/bbba7c30"),
            match setting.secure {
                true => leads(CARD_PAGE),
                false => UNREADABLE,
            },
        ),
        // A server that moved, or its front page.
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
    // Only a payment's reply may lead somewhere, and only by a status that says so.
    let reads = setting.question.is_pay && [301, 302, 303, 307, 308].contains(&status);
    let expectation = if reads { expectation } else { UNREADABLE };
    let body = *rng.pick(&[
        "",
        "<a href='https://evil.example/x'>moved</a>",
        "{\"code\":0}",
    ]);
    let name = format!("{status} to {}", location.unwrap_or("nowhere"));
    answer(
        name,
        vec![send(reply(status, &headers, body))],
        &[expectation],
    )
}
