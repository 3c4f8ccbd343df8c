//! Faults in a reply's body: cut, of a wrong length, in bad chunks, too large, packed, with something
//! after it.

use flexpay_sandbox::fault_server::Step;

use super::{Row, Setting, answer, drip, flood, send};
use crate::expectation::{BROKE, Expectation, FAILED, LATE, NO, UNREADABLE};
use crate::replies::{BOMB, chunked, open_ended, packed, reply};
use crate::rng::Rng;

pub(super) fn in_part(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, _) = setting.question.tempting();
    // Always short of what would make it whole.
    let at = rng.between(0, body.len() - 2);
    let cut = &body.as_bytes()[..at];
    let (framing, whole): (_, Vec<u8>) = rng.take(vec![
        ("length", reply(200, "", &body)),
        ("chunks", chunked("", body.as_bytes(), 7, "0\r\n\r\n")),
        ("no length", open_ended(&body)),
    ]);
    let head = whole
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0)
        + 4;
    // Chunks are longer than what they carry; so this is short of the end as well.
    let part = send(&whole[..head + cut.len()]);
    // What ends where the connection ends cannot be told from a whole body, but by being no JSON.
    let ended = match (framing, setting.secure) {
        ("no length", _) => vec![UNREADABLE],
        ("chunks", _) => vec![BROKE, UNREADABLE],
        _ => vec![BROKE],
    };
    let broken = match framing {
        "chunks" => vec![BROKE, UNREADABLE],
        _ => vec![BROKE],
    };
    let cut_off = match (framing, setting.secure) {
        // Without TLS there is no telling an end from a cut.
        ("no length", false) => vec![UNREADABLE],
        _ => broken.clone(),
    };
    let filler = b"\xff\xfe".repeat(body.len());
    let garbled = match framing {
        "no length" => vec![send(filler), Step::Close],
        _ => vec![send(filler), Step::Hang],
    };
    let (name, end, expectations) = rng.take(vec![
        ("reset", vec![Step::Reset], broken),
        ("closed", vec![Step::Close], ended),
        ("cut", vec![Step::Cut], cut_off),
        ("silence", vec![Step::Hang], vec![LATE]),
        (
            "one byte now and then",
            vec![drip(b" ".repeat(400))],
            match framing {
                "chunks" => vec![LATE, BROKE, UNREADABLE],
                // Blanks make up the length in the end, where little of it was left.
                _ => vec![LATE, UNREADABLE],
            },
        ),
        (
            "garbage",
            garbled,
            match framing {
                // Where the end of a chunk is due, more may come that has it.
                "chunks" => vec![UNREADABLE, BROKE, LATE],
                _ => vec![UNREADABLE],
            },
        ),
    ]);
    let mut then = vec![part];
    then.extend(end);
    answer(
        format!("{framing}, {name} after {at} bytes"),
        then,
        &expectations,
    )
}

pub(super) fn length(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, good) = setting.question.tempting();
    let n = body.len();
    let with = |headers: String| send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}"));
    let says = |length: String| with(format!("Content-Length: {length}\r\n"));
    let hang = |step: Step| vec![step, Step::Hang];
    let close = |step: Step| vec![step, Step::Close];
    let in_chunks = format!("{n:x}\r\n{body}\r\n0\r\n\r\n");
    let both = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{in_chunks}"
    );
    let (name, then, expectation): (_, _, Expectation) = rng.take(vec![
        (
            "one too long, closed",
            close(says(format!("{}", n + 1))),
            BROKE,
        ),
        (
            "one too long, reset",
            vec![says(format!("{}", n + 1)), Step::Reset],
            BROKE,
        ),
        (
            "much too long, silence",
            hang(says(format!("{}", n + 9_999))),
            LATE,
        ),
        (
            "2^63, closed",
            close(says("9223372036854775808".into())),
            BROKE,
        ),
        (
            "2^64-1, closed",
            close(says("18446744073709551615".into())),
            BROKE,
        ),
        (
            "2^64",
            hang(says("18446744073709551616".into())),
            UNREADABLE,
        ),
        ("huge", hang(says("9".repeat(99))), UNREADABLE),
        (
            "one too short",
            hang(says(format!("{}", n - 1))),
            UNREADABLE,
        ),
        ("much too short", hang(says("9".into())), UNREADABLE),
        ("zero", hang(says("0".into())), UNREADABLE),
        ("negative", hang(says(format!("-{n}"))), UNREADABLE),
        ("with a plus", hang(says(format!("+{n}"))), UNREADABLE),
        ("hexadecimal", hang(says(format!("0x{n:x}"))), UNREADABLE),
        ("not a number", hang(says("many".into())), UNREADABLE),
        ("empty", hang(says(String::new())), UNREADABLE),
        ("with decimals", hang(says(format!("{n}.0"))), UNREADABLE),
        (
            "two that differ",
            hang(with(format!(
                "Content-Length: {n}\r\nContent-Length: {}\r\n",
                n - 1
            ))),
            UNREADABLE,
        ),
        (
            "two in one that differ",
            hang(says(format!("{n}, {}", n + 1))),
            UNREADABLE,
        ),
        (
            "two that agree",
            hang(with(format!(
                "Content-Length: {n}\r\nContent-Length: {n}\r\n"
            ))),
            good,
        ),
        ("with leading zeros", hang(says(format!("000{n}"))), good),
        ("beside chunks", hang(send(both)), good),
        ("none, closed", close(with(String::new())), good),
        ("none, silence", hang(with(String::new())), LATE),
    ]);
    answer(name, then, &[expectation])
}

pub(super) fn chunks(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, good) = setting.question.tempting();
    let bytes = body.as_bytes();
    let n = bytes.len();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let raw = |rest: String| vec![send(format!("{head}{rest}")), Step::Hang];
    let size = rng.between(1, 60);
    let whole = |end: &str| send(chunked("", bytes, size, end));
    let bad = vec![UNREADABLE, BROKE];
    let (name, then, expectations) = rng.take(vec![
        (
            "size is no number",
            raw(format!("zz\r\n{body}\r\n0\r\n\r\n")),
            bad.clone(),
        ),
        (
            "size is negative",
            raw(format!("-{n:x}\r\n{body}\r\n0\r\n\r\n")),
            bad.clone(),
        ),
        (
            "size is empty",
            raw(format!("\r\n{body}\r\n0\r\n\r\n")),
            bad.clone(),
        ),
        (
            "size is 2^64",
            raw(format!("10000000000000000\r\n{body}")),
            bad.clone(),
        ),
        (
            "size too long by far",
            raw(format!("{}1\r\n{body}", "0".repeat(999))),
            bad.clone(),
        ),
        (
            "size too small",
            raw(format!("{:x}\r\n{body}\r\n0\r\n\r\n", n - 1)),
            bad.clone(),
        ),
        (
            "size too large, closed",
            vec![
                send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", n + 100)),
                Step::Close,
            ],
            bad.clone(),
        ),
        (
            "size too large, silence",
            raw(format!("{:x}\r\n{body}\r\n0\r\n\r\n", n + 100)),
            vec![LATE],
        ),
        (
            "no last chunk, closed",
            vec![whole(""), Step::Close],
            bad.clone(),
        ),
        (
            "no last chunk, reset",
            vec![whole(""), Step::Reset],
            bad.clone(),
        ),
        (
            "no last chunk, silence",
            vec![whole(""), Step::Hang],
            vec![LATE],
        ),
        (
            "last chunk in half, closed",
            vec![whole("0\r\n"), Step::Close],
            vec![good, BROKE],
        ),
        (
            "last chunk in half, silence",
            vec![whole("0\r\n"), Step::Hang],
            vec![LATE],
        ),
        (
            "size without end",
            vec![send(head), flood("0".repeat(2_000), 1)],
            vec![UNREADABLE, BROKE, LATE],
        ),
        (
            "trailers without end",
            vec![whole("0\r\n"), flood("X: y\r\n".repeat(200), 1)],
            vec![LATE, UNREADABLE, BROKE],
        ),
        (
            "extension without end",
            vec![send(format!("{head}5;a=")), flood("x".repeat(2_000), 1)],
            vec![UNREADABLE, BROKE, LATE],
        ),
        (
            "trailers",
            vec![whole("0\r\nX-After: 1\r\n\r\n"), Step::Hang],
            vec![good],
        ),
        ("sound", vec![whole("0\r\n\r\n")], vec![good]),
        (
            "chunked twice over",
            vec![
                send(chunked(
                    "Transfer-Encoding: chunked\r\n",
                    bytes,
                    size,
                    "0\r\n\r\n",
                )),
                Step::Hang,
            ],
            vec![good, UNREADABLE],
        ),
    ]);
    answer(name, then, &expectations)
}

pub(super) fn oversize(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, good) = setting.question.tempting();
    let is_pay = setting.question.is_pay;
    let blanks = |n: usize| format!("{body}{}", " ".repeat(n));
    let mega = 1 << 20;
    // Pages and objects just under the limit that cost time to read.
    let many = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let links = || many(40_000, &|i| format!("<a href=https://a/{i:x}>"));
    let commas = || {
        format!(
            "{{{}\"code\":7}}",
            many(90_000, &|_| "\"a\":[1,],".to_owned())
        )
    };
    let page = match setting.question.takes_pages {
        true => Expectation::Page,
        false => UNREADABLE,
    };
    let (name, then, expectations) = match rng.below(8) {
        0 => (
            "a body over 1 MiB",
            vec![send(reply(200, "", blanks(mega)))],
            vec![UNREADABLE],
        ),
        1 => (
            "a body of just 1 MiB",
            vec![send(reply(200, "", blanks(mega - body.len())))],
            vec![good],
        ),
        2 => (
            "a body without end",
            vec![
                send("HTTP/1.1 200 OK\r\n\r\n{"),
                flood(" ".repeat(64 << 10), 1),
            ],
            vec![UNREADABLE],
        ),
        3 => (
            "chunks without end",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
                flood(format!("4000\r\n{}\r\n", " ".repeat(0x4000)).repeat(4), 1),
            ],
            vec![UNREADABLE],
        ),
        4 => (
            "tiny chunks without end",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
                flood("1\r\n \r\n".repeat(1_000), 1),
            ],
            vec![UNREADABLE, LATE],
        ),
        5 => (
            "a page of very many links",
            vec![send(reply(200, "", links()))],
            vec![page],
        ),
        6 => (
            "very many stray commas",
            vec![send(reply(200, "", commas()))],
            // A code that is not documented: no to a payment, a fault when asked.
            vec![if is_pay { NO } else { FAILED }],
        ),
        _ => (
            "a refusal without end",
            vec![
                send("HTTP/1.1 422 No\r\n\r\n{\"code\":\"1\",\"message\":\""),
                flood("n".repeat(64 << 10), 1),
            ],
            vec![setting.question.verdict(422)],
        ),
    };
    answer(name, then, &expectations)
}

/// Nothing that is packed is ever unpacked: it was not asked for, and is not readable.
pub(super) fn gzip(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, _) = setting.question.tempting();
    let encoding = *rng.pick(&["gzip", "x-gzip", "gzip, gzip", "deflate", "br", "GZIP"]);
    let header = format!("Content-Encoding: {encoding}\r\nContent-Type: application/json\r\n");
    let (name, then) = match rng.below(4) {
        0 => ("a bomb of 64 MiB", vec![send(reply(200, &header, &*BOMB))]),
        1 => (
            "a bomb in chunks",
            vec![send(chunked(&header, &BOMB, 8_192, "0\r\n\r\n"))],
        ),
        2 => (
            "a bomb by transfer coding",
            vec![
                send(
                    [
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n".to_vec(),
                        BOMB.clone(),
                    ]
                    .concat(),
                ),
                Step::Close,
            ],
        ),
        _ => (
            "a good reply, packed",
            vec![send(reply(200, &header, packed(&body)))],
        ),
    };
    answer(format!("{name} ({encoding})"), then, &[UNREADABLE])
}

/// Bytes after a reply that is whole belong to nobody.
pub(super) fn trailing(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, expectation) = setting.question.good_body(rng);
    let (framing, good) = rng.take(vec![
        ("length", reply(200, "", &body)),
        ("chunks", chunked("", body.as_bytes(), 50, "0\r\n\r\n")),
    ]);
    let forged = reply(200, "", setting.question.forged());
    let (name, tail, end) = rng.take(vec![
        ("garbage", b"garbage".to_vec(), vec![]),
        ("blank lines", b"\r\n\r\n".to_vec(), vec![]),
        ("a second reply", forged.clone(), vec![]),
        ("a second reply, closed", forged, vec![Step::Close]),
        ("a lot", vec![b'x'; 100_000], vec![Step::Hang]),
        ("without end", Vec::new(), vec![flood(vec![b'x'; 4_000], 1)]),
        (
            "a reset",
            Vec::new(),
            vec![
                Step::Pause(std::time::Duration::from_millis(5)),
                Step::Reset,
            ],
        ),
    ]);
    let mut then = vec![send([good, tail].concat())];
    then.extend(end);
    answer(format!("{framing}, {name}"), then, &[expectation])
}
