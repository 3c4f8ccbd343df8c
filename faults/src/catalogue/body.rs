//! Faults in the body of a reply: cut, wrong length, bad chunks, too large, compressed, or followed by
//! other bytes.

use flexpay_sandbox::fault_server::Step;

use super::{Context, Row, after_request, drip, flood, send};
use crate::expectation::{
    CONNECTION_LOST, Expectation, GATEWAY_FAILED, REFUSED, TIMEOUT_UNKNOWN, UNREADABLE,
};
use crate::replies::{BOMB, chunked, compressed, reply, until_close};
use crate::rng::Rng;

pub(super) fn in_part(context: &Context, rng: &mut Rng) -> Row {
    let (body, _) = context.operation.success_body();
    // Always too short to be valid.
    let at = rng.between(0, body.len() - 2);
    let cut = &body.as_bytes()[..at];
    let (framing, whole): (_, Vec<u8>) = rng.take(vec![
        ("length", reply(200, "", &body)),
        ("chunks", chunked("", body.as_bytes(), 7, "0\r\n\r\n")),
        ("no length", until_close(&body)),
    ]);
    let head = whole
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0)
        + 4;
    // Chunk framing makes the body longer, so this is incomplete too.
    let part = send(&whole[..head + cut.len()]);
    // A body that ends with the connection is known to be incomplete only because it is not valid JSON.
    let ended = match framing {
        "no length" => vec![UNREADABLE],
        "chunks" => vec![CONNECTION_LOST, UNREADABLE],
        _ => vec![CONNECTION_LOST],
    };
    let broken = match framing {
        "chunks" => vec![CONNECTION_LOST, UNREADABLE],
        _ => vec![CONNECTION_LOST],
    };
    let cut_off = match (framing, context.secure) {
        // Without TLS, an orderly end and a cut look the same.
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
        ("silence", vec![Step::Hang], vec![TIMEOUT_UNKNOWN]),
        (
            "one byte at a time",
            vec![drip(b" ".repeat(400))],
            match framing {
                "chunks" => vec![TIMEOUT_UNKNOWN, CONNECTION_LOST, UNREADABLE],
                // The spaces may complete the length if little of it was missing.
                _ => vec![TIMEOUT_UNKNOWN, UNREADABLE],
            },
        ),
        (
            "garbage",
            garbled,
            match framing {
                // The client may wait for more bytes at the end of a chunk.
                "chunks" => vec![UNREADABLE, CONNECTION_LOST, TIMEOUT_UNKNOWN],
                _ => vec![UNREADABLE],
            },
        ),
    ]);
    let mut then = vec![part];
    then.extend(end);
    after_request(
        format!("{framing}, {name} after {at} bytes"),
        then,
        &expectations,
    )
}

pub(super) fn length(context: &Context, rng: &mut Rng) -> Row {
    let (body, good) = context.operation.success_body();
    let n = body.len();
    let with = |headers: String| send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}"));
    let with_length = |length: String| with(format!("Content-Length: {length}\r\n"));
    let hang = |step: Step| vec![step, Step::Hang];
    let close = |step: Step| vec![step, Step::Close];
    let in_chunks = format!("{n:x}\r\n{body}\r\n0\r\n\r\n");
    let both = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{in_chunks}"
    );
    let (name, then, expectation): (_, _, Expectation) = rng.take(vec![
        (
            "one too long, closed",
            close(with_length(format!("{}", n + 1))),
            CONNECTION_LOST,
        ),
        (
            "one too long, reset",
            vec![with_length(format!("{}", n + 1)), Step::Reset],
            CONNECTION_LOST,
        ),
        (
            "much too long, silence",
            hang(with_length(format!("{}", n + 9_999))),
            TIMEOUT_UNKNOWN,
        ),
        (
            "2^63, closed",
            close(with_length("9223372036854775808".into())),
            CONNECTION_LOST,
        ),
        (
            "2^64-1, closed",
            close(with_length("18446744073709551615".into())),
            CONNECTION_LOST,
        ),
        (
            "2^64",
            hang(with_length("18446744073709551616".into())),
            UNREADABLE,
        ),
        ("huge", hang(with_length("9".repeat(99))), UNREADABLE),
        (
            "one too short",
            hang(with_length(format!("{}", n - 1))),
            UNREADABLE,
        ),
        ("much too short", hang(with_length("9".into())), UNREADABLE),
        ("zero", hang(with_length("0".into())), UNREADABLE),
        ("negative", hang(with_length(format!("-{n}"))), UNREADABLE),
        (
            "with a plus sign",
            hang(with_length(format!("+{n}"))),
            UNREADABLE,
        ),
        (
            "hexadecimal",
            hang(with_length(format!("0x{n:x}"))),
            UNREADABLE,
        ),
        ("not a number", hang(with_length("many".into())), UNREADABLE),
        ("empty", hang(with_length(String::new())), UNREADABLE),
        (
            "with decimals",
            hang(with_length(format!("{n}.0"))),
            UNREADABLE,
        ),
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
            hang(with_length(format!("{n}, {}", n + 1))),
            UNREADABLE,
        ),
        (
            "two that agree",
            hang(with(format!(
                "Content-Length: {n}\r\nContent-Length: {n}\r\n"
            ))),
            good,
        ),
        (
            "with leading zeros",
            hang(with_length(format!("000{n}"))),
            good,
        ),
        ("and chunks", hang(send(both)), good),
        ("none, closed", close(with(String::new())), good),
        ("none, silence", hang(with(String::new())), TIMEOUT_UNKNOWN),
    ]);
    after_request(name, then, &[expectation])
}

pub(super) fn chunks(context: &Context, rng: &mut Rng) -> Row {
    let (body, good) = context.operation.success_body();
    let bytes = body.as_bytes();
    let n = bytes.len();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let raw = |rest: String| vec![send(format!("{head}{rest}")), Step::Hang];
    let size = rng.between(1, 60);
    let whole = |end: &str| send(chunked("", bytes, size, end));
    let bad = vec![UNREADABLE, CONNECTION_LOST];
    let (name, then, expectations) = rng.take(vec![
        (
            "size is not a number",
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
            "size far too long",
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
            vec![TIMEOUT_UNKNOWN],
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
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "half of the last chunk, closed",
            vec![whole("0\r\n"), Step::Close],
            vec![good, CONNECTION_LOST],
        ),
        (
            "half of the last chunk, silence",
            vec![whole("0\r\n"), Step::Hang],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "endless size",
            vec![send(head), flood("0".repeat(2_000), 1)],
            vec![UNREADABLE, CONNECTION_LOST, TIMEOUT_UNKNOWN],
        ),
        (
            "endless trailers",
            vec![whole("0\r\n"), flood("X: y\r\n".repeat(200), 1)],
            vec![TIMEOUT_UNKNOWN, UNREADABLE, CONNECTION_LOST],
        ),
        (
            "endless extension",
            vec![send(format!("{head}5;a=")), flood("x".repeat(2_000), 1)],
            vec![UNREADABLE, CONNECTION_LOST, TIMEOUT_UNKNOWN],
        ),
        (
            "trailers",
            vec![whole("0\r\nX-After: 1\r\n\r\n"), Step::Hang],
            vec![good],
        ),
        ("valid", vec![whole("0\r\n\r\n")], vec![good]),
        (
            "Transfer-Encoding twice",
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
    after_request(name, then, &expectations)
}

pub(super) fn oversize(context: &Context, rng: &mut Rng) -> Row {
    let (body, good) = context.operation.success_body();
    let moves_money = context.operation.service.moves_money();
    let padded = |n: usize| format!("{body}{}", " ".repeat(n));
    let mebibyte = 1 << 20;
    // Pages and objects just below the limit that take long to parse.
    let many = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let links = || many(40_000, &|i| format!("<a href=https://a/{i:x}>"));
    // A refusal of a request that moves money; for a check, a failure of the gateway.
    let code = if moves_money { 1 } else { 7 };
    let commas = || {
        format!(
            "{{{}\"code\":{code}}}",
            many(90_000, &|_| "\"a\":[1,],".to_owned())
        )
    };
    let page = match context.operation.service.accepts_pages() {
        true => Expectation::Page,
        false => UNREADABLE,
    };
    let (name, then, expectations) = match rng.below(8) {
        0 => (
            "a body over 1 MiB",
            vec![send(reply(200, "", padded(mebibyte)))],
            vec![UNREADABLE],
        ),
        1 => (
            "a body of exactly 1 MiB",
            vec![send(reply(200, "", padded(mebibyte - body.len())))],
            vec![good],
        ),
        2 => (
            "an endless body",
            vec![
                send("HTTP/1.1 200 OK\r\n\r\n{"),
                flood(" ".repeat(64 << 10), 1),
            ],
            vec![UNREADABLE],
        ),
        3 => (
            "endless chunks",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
                flood(format!("4000\r\n{}\r\n", " ".repeat(0x4000)).repeat(4), 1),
            ],
            vec![UNREADABLE],
        ),
        4 => (
            "endless tiny chunks",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
                flood("1\r\n \r\n".repeat(1_000), 1),
            ],
            vec![UNREADABLE, TIMEOUT_UNKNOWN],
        ),
        5 => (
            "a page with very many links",
            vec![send(reply(200, "", links()))],
            vec![page],
        ),
        6 => (
            "very many stray commas",
            vec![send(reply(200, "", commas()))],
            // An undocumented code: it refuses a payment, and is a gateway failure in a check.
            vec![if moves_money { REFUSED } else { GATEWAY_FAILED }],
        ),
        _ => (
            "an endless refusal",
            vec![
                send("HTTP/1.1 422 No\r\n\r\n{\"code\":\"1\",\"message\":\""),
                flood("n".repeat(64 << 10), 1),
            ],
            vec![context.operation.status_expectation(422)],
        ),
    };
    after_request(name, then, &expectations)
}

/// Compressed bodies are never decompressed: the library does not request them, so they are invalid.
pub(super) fn gzip(context: &Context, rng: &mut Rng) -> Row {
    let (body, _) = context.operation.success_body();
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
            "a good reply, compressed",
            vec![send(reply(200, &header, compressed(&body)))],
        ),
    };
    after_request(format!("{name} ({encoding})"), then, &[UNREADABLE])
}

/// Bytes after a complete reply must be ignored.
pub(super) fn trailing(context: &Context, rng: &mut Rng) -> Row {
    let (body, expectation) = context.operation.good_body(rng);
    let (framing, good) = rng.take(vec![
        ("length", reply(200, "", &body)),
        ("chunks", chunked("", body.as_bytes(), 50, "0\r\n\r\n")),
    ]);
    let forged = reply(200, "", context.operation.forged());
    let (name, tail, end) = rng.take(vec![
        ("garbage", b"garbage".to_vec(), vec![]),
        ("empty lines", b"\r\n\r\n".to_vec(), vec![]),
        ("a second reply", forged.clone(), vec![]),
        ("a second reply, closed", forged, vec![Step::Close]),
        ("a lot", vec![b'x'; 100_000], vec![Step::Hang]),
        ("endless", Vec::new(), vec![flood(vec![b'x'; 4_000], 1)]),
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
    after_request(format!("{framing}, {name}"), then, &[expectation])
}
