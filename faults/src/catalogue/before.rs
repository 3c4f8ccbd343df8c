//! Faults before anything of a request is read: look-up, connection, proxy, TLS.

use std::time::Duration;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{ProxyFault, Script, Step, TlsFault};

use super::{Row, Setting, Whereto, after, drip, flood, row, send};
use crate::expectation::{
    BROKE, Expectation, LATE, LATE_UNSENT, NO_NAME, NO_PROXY, NO_TLS, NO_WAY,
};
use crate::rng::Rng;

/// Names that `faults/blocked_lookup.c` answers for. Each run has its own: the library remembers them.
fn named(setting: &Setting, kind: &str, row: Row) -> Row {
    Row {
        whereto: Whereto::Named(format!("{}.{kind}invalid", setting.question.reference)),
        ..row
    }
}

fn good_at_once(name: &str, setting: &Setting, rng: &mut Rng) -> Row {
    let (reply, expectation) = setting.question.good(rng);
    let then = vec![send(reply), Step::Close];
    row(name, after(Default::default(), then), &[expectation])
}

pub(super) fn look_up(setting: &Setting, rng: &mut Rng) -> Row {
    let mut rows = vec![
        ("no such name", "", Some(NO_NAME)),
        ("name server unwell", "again.", Some(NO_NAME)),
    ];
    // The certificate is for this machine's own names; these are other ones.
    if !setting.secure {
        rows.push(("slow", "slow.", None));
        rows.push(("first address dead", "dead-first.", None));
    }
    let (name, kind, error) = rng.take(rows);
    let mut found = good_at_once(name, setting, rng);
    if let Some(error) = error {
        found.expectations = vec![error];
    }
    named(setting, kind, found)
}

pub(super) fn look_up_hangs(setting: &Setting) -> Row {
    let hangs = row("hangs", Script::default(), &[LATE_UNSENT]);
    named(setting, "blocked.", hangs)
}

pub(super) fn first_address_silent(setting: &Setting, rng: &mut Rng) -> Row {
    let second_is_good = good_at_once("the second is good", setting, rng);
    named(setting, "silent-first.", second_is_good)
}

pub(super) fn connect(setting: &Setting, rng: &mut Rng) -> Row {
    // With a proxy, it is the proxy that cannot be reached.
    let refused = if setting.proxy { NO_PROXY } else { NO_WAY };
    let (name, whereto, expectation) = rng.take(vec![
        ("refused", Whereto::Closed, refused),
        ("silence", Whereto::Deaf, LATE_UNSENT),
    ]);
    Row {
        whereto,
        ..row(name, Script::default(), &[expectation])
    }
}

pub(super) fn proxy(_: &Setting, rng: &mut Rng) -> Row {
    let head = |status: &str| send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    let read = |name, then, expectations: &[Expectation]| (name, true, then, expectations.to_vec());
    let unread =
        |name, then, expectations: &[Expectation]| (name, false, then, expectations.to_vec());
    let (name, read, then, expectations) = rng.take(vec![
        unread("reset unread", vec![Step::Reset], &[NO_PROXY]),
        unread("closed unread", vec![Step::Close], &[NO_PROXY]),
        unread("silent unread", vec![Step::Hang], &[LATE_UNSENT]),
        unread(
            "garbage unread",
            vec![send("SSH-2.0-proxy\r\n"), Step::Hang],
            &[NO_PROXY],
        ),
        read("reset", vec![Step::Reset], &[NO_PROXY]),
        read("closed", vec![Step::Close], &[NO_PROXY]),
        read("silent", vec![Step::Hang], &[LATE_UNSENT]),
        read(
            "garbage",
            vec![send(b"\x00\xff garbage\r\n\r\n".to_vec()), Step::Hang],
            &[NO_PROXY],
        ),
        read(
            "407",
            vec![head("407 Proxy Authentication Required")],
            &[NO_PROXY],
        ),
        read("403", vec![head("403 Forbidden")], &[NO_PROXY]),
        read("502", vec![head("502 Bad Gateway")], &[NO_PROXY]),
        read(
            "redirect",
            vec![send(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            )],
            &[NO_PROXY],
        ),
        read(
            "cut in its head",
            vec![send("HTTP/1.1 200 OK\r\nVia: x"), Step::Close],
            &[NO_PROXY],
        ),
        read(
            "silent in its head",
            vec![send("HTTP/1.1 200 OK\r\nVia: x"), Step::Hang],
            &[LATE_UNSENT],
        ),
        read(
            "dripping",
            vec![drip(
                "HTTP/1.1 200 Connection established at last, and slowly",
            )],
            &[LATE_UNSENT],
        ),
        read(
            "endless head",
            vec![
                send("HTTP/1.1 200 OK\r\n"),
                flood("Via: x\r\n".repeat(500), 1),
            ],
            &[NO_PROXY],
        ),
    ]);
    let script = Script {
        proxy: Some(ProxyFault { read, then }),
        ..Script::default()
    };
    row(name, script, &expectations)
}

/// What is done to a handshake, and what comes of it when the client still waits for the server.
fn handshake_faults() -> Vec<(&'static str, Vec<Step>, Vec<Expectation>)> {
    let raw = |bytes: &[u8]| Step::SendRaw(bytes.to_vec());
    let is = |expectation: Expectation| vec![expectation];
    vec![
        ("reset", vec![Step::Reset], is(NO_WAY)),
        ("closed", vec![Step::Cut], is(NO_WAY)),
        ("silence", vec![Step::Hang], is(LATE_UNSENT)),
        (
            "garbage",
            vec![raw(b"SSH-2.0-OpenSSH\r\n"), Step::Hang],
            is(NO_TLS),
        ),
        (
            "plain HTTP",
            vec![
                raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
                Step::Hang,
            ],
            is(NO_TLS),
        ),
        (
            "alert",
            vec![raw(&[21, 3, 3, 0, 2, 2, 40]), Step::Hang],
            is(NO_TLS),
        ),
        (
            "oversize record",
            vec![raw(&[22, 3, 3, 0xff, 0xff, 2]), Step::Hang],
            is(NO_TLS),
        ),
        (
            "record cut short",
            vec![raw(&[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3]), Step::Hang],
            is(LATE_UNSENT),
        ),
        (
            "one byte now and then",
            vec![raw(&[22, 3, 3, 0x3f, 0]), drip(vec![2; 4000])],
            is(LATE_UNSENT),
        ),
        (
            // A handshake message said to be 16 MiB long, in record after record.
            "endless message",
            vec![
                raw(&[&[22, 3, 3, 0x10, 0, 2, 0xff, 0xff, 0xff][..], &[0; 4092]].concat()),
                flood([&[22, 3, 3, 0x10, 0][..], &[0; 4096]].concat(), 1),
            ],
            vec![NO_TLS, LATE_UNSENT],
        ),
        (
            "endless warnings",
            vec![flood([21, 3, 3, 0, 2, 1, 90].repeat(100), 1)],
            vec![NO_TLS, LATE_UNSENT],
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
            "flight in part",
            TlsFault::InFlight {
                percent,
                await_answer: false,
                then: then.clone(),
            },
        ),
    ]);
    if at == "hello unread" && name == "reset" {
        // Already counts as a connection that was not made; the code is the same.
        expectations = vec![NO_WAY];
    }
    if at == "flight in part" && !["reset", "closed", "silence"].contains(&name) {
        // The bytes continue a record that was cut: what it then says depends on where.
        expectations = vec![NO_TLS, LATE_UNSENT];
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
        whereto: Whereto::Slot(certificate),
        ..row(format!("{certificate:?}"), Script::default(), &[NO_TLS])
    }
}

/// The server's flight is out. With TLS 1.2 the client still waits for the server's Finished: nothing
/// is sent. With 1.3 it does not, and hands its request over.
pub(super) fn tls_finish(setting: &Setting, rng: &mut Rng) -> Row {
    if rng.percent(15) {
        let script = Script {
            tls: Some(TlsFault::DripFlight(Duration::from_millis(5))),
            ..Script::default()
        };
        return row("the flight dripped", script, &[LATE_UNSENT]);
    }
    let garbage = Step::SendRaw(b"\x17\x03\x03\x00\x10not a true record".to_vec());
    let (name, then, unsent, sent) = rng.take(vec![
        (
            "reset",
            vec![Step::Reset],
            vec![NO_WAY],
            vec![NO_WAY, BROKE],
        ),
        ("closed", vec![Step::Cut], vec![NO_WAY], vec![NO_WAY, BROKE]),
        ("silence", vec![Step::Hang], vec![LATE_UNSENT], vec![LATE]),
        (
            "garbage",
            vec![garbage, Step::Hang],
            vec![NO_TLS],
            vec![NO_TLS, BROKE],
        ),
        (
            "alert",
            vec![Step::SendRaw(vec![21, 3, 3, 0, 2, 2, 40]), Step::Hang],
            vec![NO_TLS],
            vec![NO_TLS, BROKE],
        ),
    ]);
    let await_answer = rng.percent(50);
    let script = Script {
        tls: Some(TlsFault::InFlight {
            percent: 100,
            await_answer,
            then,
        }),
        ..Script::default()
    };
    let when = if await_answer { "answered" } else { "sent" };
    let expectations = match (setting.only_tls12, setting.resumable) {
        (true, false) => unsent,
        (true, true) => [unsent, sent].concat(),
        (false, _) => sent,
    };
    row(format!("flight {when}, {name}"), script, &expectations)
}
