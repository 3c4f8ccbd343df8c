//! Faults before the request is read: lookup, connection, proxy, TLS.

use std::time::Duration;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{ProxyFault, Script, Step, TlsFault};

use super::{Context, Destination, Row, drip, flood, row, script, send};
use crate::expectation::{
    CONNECTION_LOST, Expectation, NO_CONNECTION, NOT_RESOLVED, PROXY_FAILED, TIMEOUT_NOT_SENT,
    TIMEOUT_UNKNOWN, TLS_FAILED,
};
use crate::rng::Rng;

/// Uses a name that `faults/blocked_lookup.c` resolves. Each run has its own name, because the library
/// caches names.
fn with_name(context: &Context, kind: &str, row: Row) -> Row {
    Row {
        destination: Destination::Name(format!("{}.{kind}invalid", context.operation.reference)),
        ..row
    }
}

fn good_then_close(name: &str, context: &Context, rng: &mut Rng) -> Row {
    let (reply, expectation) = context.operation.good(rng);
    let then = vec![send(reply), Step::Close];
    row(name, script(Default::default(), then), &[expectation])
}

pub(super) fn lookup(context: &Context, rng: &mut Rng) -> Row {
    let mut rows = vec![
        ("no such name", "", Some(NOT_RESOLVED)),
        ("temporary failure", "again.", Some(NOT_RESOLVED)),
    ];
    // Without TLS only: the certificate is not valid for these names.
    if !context.secure {
        rows.push(("slow", "slow.", None));
        rows.push(("first address dead", "dead-first.", None));
    }
    let (name, kind, error) = rng.take(rows);
    let mut found = good_then_close(name, context, rng);
    if let Some(error) = error {
        found.expectations = vec![error];
    }
    with_name(context, kind, found)
}

pub(super) fn lookup_hangs(context: &Context) -> Row {
    let hangs = row("hangs", Script::default(), &[TIMEOUT_NOT_SENT]);
    with_name(context, "blocked.", hangs)
}

pub(super) fn first_address_silent(context: &Context, rng: &mut Rng) -> Row {
    let second_is_good = good_then_close("second address is good", context, rng);
    with_name(context, "silent-first.", second_is_good)
}

pub(super) fn connect(context: &Context, rng: &mut Rng) -> Row {
    // With a proxy, the proxy is the unreachable host.
    let refused = if context.proxy {
        PROXY_FAILED
    } else {
        NO_CONNECTION
    };
    let (name, destination, expectation) = rng.take(vec![
        ("refused", Destination::ClosedPort, refused),
        ("silence", Destination::SilentPort, TIMEOUT_NOT_SENT),
    ]);
    Row {
        destination,
        ..row(name, Script::default(), &[expectation])
    }
}

pub(super) fn proxy(_: &Context, rng: &mut Rng) -> Row {
    let head = |status: &str| send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    let read = |name, then, expectations: &[Expectation]| (name, true, then, expectations.to_vec());
    let unread =
        |name, then, expectations: &[Expectation]| (name, false, then, expectations.to_vec());
    let (name, read, then, expectations) = rng.take(vec![
        unread("reset unread", vec![Step::Reset], &[PROXY_FAILED]),
        unread("closed unread", vec![Step::Close], &[PROXY_FAILED]),
        unread("silent unread", vec![Step::Hang], &[TIMEOUT_NOT_SENT]),
        unread(
            "garbage unread",
            vec![send("SSH-2.0-proxy\r\n"), Step::Hang],
            &[PROXY_FAILED],
        ),
        read("reset", vec![Step::Reset], &[PROXY_FAILED]),
        read("closed", vec![Step::Close], &[PROXY_FAILED]),
        read("silent", vec![Step::Hang], &[TIMEOUT_NOT_SENT]),
        read(
            "garbage",
            vec![send(b"\x00\xff garbage\r\n\r\n".to_vec()), Step::Hang],
            &[PROXY_FAILED],
        ),
        read(
            "407",
            vec![head("407 Proxy Authentication Required")],
            &[PROXY_FAILED],
        ),
        read("403", vec![head("403 Forbidden")], &[PROXY_FAILED]),
        read("502", vec![head("502 Bad Gateway")], &[PROXY_FAILED]),
        read(
            "redirect",
            vec![send(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            )],
            &[PROXY_FAILED],
        ),
        read(
            "closed in its head",
            vec![send("HTTP/1.1 200 OK\r\nVia: x"), Step::Close],
            &[PROXY_FAILED],
        ),
        read(
            "silent in its head",
            vec![send("HTTP/1.1 200 OK\r\nVia: x"), Step::Hang],
            &[TIMEOUT_NOT_SENT],
        ),
        read(
            "one byte at a time",
            vec![drip(
                "HTTP/1.1 200 Connection established at last, and slowly",
            )],
            &[TIMEOUT_NOT_SENT],
        ),
        read(
            "endless head",
            vec![
                send("HTTP/1.1 200 OK\r\n"),
                flood("Via: x\r\n".repeat(500), 1),
            ],
            &[PROXY_FAILED],
        ),
    ]);
    let script = Script {
        proxy: Some(ProxyFault { read, then }),
        ..Script::default()
    };
    row(name, script, &expectations)
}

/// Faults in a handshake, with the acceptable results while the client still waits for the server.
fn handshake_faults() -> Vec<(&'static str, Vec<Step>, Vec<Expectation>)> {
    let raw = |bytes: &[u8]| Step::SendRaw(bytes.to_vec());
    let is = |expectation: Expectation| vec![expectation];
    vec![
        ("reset", vec![Step::Reset], is(NO_CONNECTION)),
        ("closed", vec![Step::Cut], is(NO_CONNECTION)),
        ("silence", vec![Step::Hang], is(TIMEOUT_NOT_SENT)),
        (
            "garbage",
            vec![raw(b"SSH-2.0-OpenSSH\r\n"), Step::Hang],
            is(TLS_FAILED),
        ),
        (
            "plain HTTP",
            vec![
                raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
                Step::Hang,
            ],
            is(TLS_FAILED),
        ),
        (
            "alert",
            vec![raw(&[21, 3, 3, 0, 2, 2, 40]), Step::Hang],
            is(TLS_FAILED),
        ),
        (
            "oversize record",
            vec![raw(&[22, 3, 3, 0xff, 0xff, 2]), Step::Hang],
            is(TLS_FAILED),
        ),
        (
            "record cut short",
            vec![raw(&[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3]), Step::Hang],
            is(TIMEOUT_NOT_SENT),
        ),
        (
            "one byte at a time",
            vec![raw(&[22, 3, 3, 0x3f, 0]), drip(vec![2; 4000])],
            is(TIMEOUT_NOT_SENT),
        ),
        (
            // A handshake message with a declared length of 16 MiB, in one record after another.
            "endless message",
            vec![
                raw(&[&[22, 3, 3, 0x10, 0, 2, 0xff, 0xff, 0xff][..], &[0; 4092]].concat()),
                flood([&[22, 3, 3, 0x10, 0][..], &[0; 4096]].concat(), 1),
            ],
            vec![TLS_FAILED, TIMEOUT_NOT_SENT],
        ),
        (
            "endless warnings",
            vec![flood([21, 3, 3, 0, 2, 1, 90].repeat(100), 1)],
            vec![TLS_FAILED, TIMEOUT_NOT_SENT],
        ),
    ]
}

pub(super) fn tls_hello(rng: &mut Rng) -> Row {
    let (name, then, mut expectations) = rng.take(handshake_faults());
    let percent = rng.between(1, 60);
    let (at, tls) = rng.take(vec![
        ("hello unread", TlsFault::BeforeHello(then.clone())),
        ("hello read", TlsFault::AfterHello(then.clone())),
        (
            "part of flight",
            TlsFault::DuringServerFlight {
                percent,
                await_answer: false,
                then: then.clone(),
            },
        ),
    ]);
    if at == "hello unread" && name == "reset" {
        // Counts as a connection that was not made; the code is the same.
        expectations = vec![NO_CONNECTION];
    }
    if at == "part of flight" && !["reset", "closed", "silence"].contains(&name) {
        // The bytes continue a record that was cut, so their meaning depends on where it was cut.
        expectations = vec![TLS_FAILED, TIMEOUT_NOT_SENT];
    }
    let script = Script {
        tls: Some(tls),
        ..Script::default()
    };
    row(format!("{at}, {name}"), script, &expectations)
}

pub(super) fn certificate(rng: &mut Rng) -> Row {
    let certificate = *rng.pick(&[
        Certificate::Expired,
        Certificate::NotYetValid,
        Certificate::WrongName,
    ]);
    Row {
        destination: Destination::Slot(certificate),
        ..row(format!("{certificate:?}"), Script::default(), &[TLS_FAILED])
    }
}

/// Faults after the server has sent its flight. With TLS 1.2 the client still waits for the server's
/// Finished, so nothing is sent. With TLS 1.3 it does not wait, and sends its request.
pub(super) fn tls_finish(context: &Context, rng: &mut Rng) -> Row {
    if rng.percent(15) {
        let script = Script {
            tls: Some(TlsFault::DripServerFlight(Duration::from_millis(5))),
            ..Script::default()
        };
        return row("flight sent slowly", script, &[TIMEOUT_NOT_SENT]);
    }
    let garbage = Step::SendRaw(b"\x17\x03\x03\x00\x10not a true record".to_vec());
    let (name, then, unsent, sent) = rng.take(vec![
        (
            "reset",
            vec![Step::Reset],
            vec![NO_CONNECTION],
            vec![NO_CONNECTION, CONNECTION_LOST],
        ),
        (
            "closed",
            vec![Step::Cut],
            vec![NO_CONNECTION],
            vec![NO_CONNECTION, CONNECTION_LOST],
        ),
        (
            "silence",
            vec![Step::Hang],
            vec![TIMEOUT_NOT_SENT],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "garbage",
            vec![garbage, Step::Hang],
            vec![TLS_FAILED],
            vec![TLS_FAILED, CONNECTION_LOST],
        ),
        (
            "alert",
            vec![Step::SendRaw(vec![21, 3, 3, 0, 2, 2, 40]), Step::Hang],
            vec![TLS_FAILED],
            vec![TLS_FAILED, CONNECTION_LOST],
        ),
    ]);
    let await_answer = rng.percent(50);
    let script = Script {
        tls: Some(TlsFault::DuringServerFlight {
            percent: 100,
            await_answer,
            then,
        }),
        ..Script::default()
    };
    let when = if await_answer {
        "after client reply"
    } else {
        "sent"
    };
    let expectations = match (context.only_tls12, context.resumable) {
        (true, false) => unsent,
        (true, true) => [unsent, sent].concat(),
        (false, _) => sent,
    };
    row(format!("flight {when}, {name}"), script, &expectations)
}
