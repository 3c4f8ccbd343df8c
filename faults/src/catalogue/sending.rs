//! Faults while a request is under way to the server, and on a connection that lies idle.

use std::time::Duration;

use flexpay_sandbox::fault_server::{Script, Step, Take};

use super::{Row, Setting, after, answer, drip, flood, row, send};
use crate::expectation::{BROKE, Expectation, LATE, NO_WAY, UNKNOWN_ORDER, UNREADABLE};
use crate::replies::reply;
use crate::rng::Rng;

/// A connection that has answered a warm-up goes bad before the next request. The check must find
/// that out, and its answer must be the true one, over a connection that is good.
pub(super) fn idle(setting: &Setting, rng: &mut Rng) -> Row {
    let forged = reply(200, "", setting.question.forged());
    // "No such order", as the gateway documents it, under either status.
    let unknown = r#"{"code":"1","message":"Aucune transaction","transaction":null}"#;
    let unknown = |status| send(reply(status, "", unknown));
    let pause = || Step::Pause(Duration::from_millis(3));
    let (name, then) = rng.take(vec![
        ("closed", vec![Step::Close]),
        ("cut", vec![Step::Cut]),
        ("reset", vec![Step::Reset]),
        ("garbage with the reply", vec![send("\r\n\r\ngarbage")]),
        ("garbage later", vec![pause(), send("garbage")]),
        ("a forged reply with the reply", vec![send(forged.clone())]),
        ("a forged reply later", vec![pause(), send(forged.clone())]),
        (
            "a forged reply, then closed",
            vec![pause(), send(forged), Step::Close],
        ),
        ("no such order, with the reply", vec![unknown(404)]),
        ("no such order, later", vec![pause(), unknown(404)]),
        ("no such order, 200, later", vec![pause(), unknown(200)]),
        (
            "408, then closed",
            vec![
                pause(),
                send(reply(408, "Connection: close\r\n", "")),
                Step::Close,
            ],
        ),
    ]);
    let (good, expectation) = setting.question.good(rng);
    let script = Script {
        warm_up: Some(then),
        then: vec![send(good)],
        ..Script::default()
    };
    let mut expectations = vec![expectation];
    if name.starts_with("no such order") {
        // On its way when the question is asked, it is believed: nobody delivers for it.
        expectations.push(UNKNOWN_ORDER);
    }
    row(name, script, &expectations)
}

/// A connection that has answered a warm-up goes wrong when the question is under way. Nothing that
/// comes over it is acceptable: the question must be asked again, over a new connection.
pub(super) fn worst_moment(setting: &Setting, rng: &mut Rng) -> Row {
    let forged = || send(reply(200, "", setting.question.forged()));
    let good = send(setting.question.good(rng).0);
    let another = r#"{"code":"0","transaction":{"orderNumber":"N0","status":"0"}}"#;
    let part = Take::Bytes(rng.between(1, 150));
    let (name, take, then) = rng.take(vec![
        ("closed, read in part", part, vec![Step::Close]),
        ("cut, read in part", part, vec![Step::Cut]),
        ("reset, read in part", part, vec![Step::Reset]),
        ("closed", Take::Whole, vec![Step::Close]),
        ("cut", Take::Whole, vec![Step::Cut]),
        ("reset", Take::Whole, vec![Step::Reset]),
        ("a late forged reply", Take::Whole, vec![forged(), good]),
        (
            "a late forged reply, then closed",
            Take::Whole,
            vec![forged(), Step::Close],
        ),
        (
            "a late reply about another order",
            Take::Whole,
            vec![send(reply(200, "", another)), Step::Hang],
        ),
    ]);
    row(name, after(take, then), &[])
}

/// What is done to a connection before its request is read whole.
fn misdeeds(setting: &Setting, rng: &mut Rng) -> (&'static str, Vec<Step>, Vec<Expectation>) {
    let (good, expectation) = setting.question.good(rng);
    let too_large = reply(
        413,
        "Connection: close\r\n",
        "{\"code\":\"1\",\"message\":\"trop\"}",
    );
    rng.take(vec![
        ("reset", vec![Step::Reset], vec![BROKE]),
        ("reset", vec![Step::Reset], vec![BROKE]),
        ("closed", vec![Step::Close], vec![BROKE]),
        ("cut", vec![Step::Cut], vec![BROKE]),
        ("silence", vec![Step::Hang], vec![LATE]),
        (
            "garbage",
            vec![send("SSH-2.0-x\r\n"), Step::Hang],
            vec![UNREADABLE],
        ),
        (
            "a good reply, too soon",
            vec![send(good.clone()), Step::Hang],
            vec![expectation],
        ),
        // The reset that answers what is still being sent may overtake the reply.
        (
            "a good reply, too soon, and closed",
            vec![send(good), Step::Cut],
            vec![expectation, BROKE],
        ),
        (
            "413, and closed",
            vec![send(too_large), Step::Cut],
            vec![setting.question.verdict(413), BROKE],
        ),
        (
            "one byte now and then",
            vec![drip("HTTP/1.1 200 OK\r\nX: slow and ever slower")],
            vec![LATE],
        ),
        (
            "endless blank lines",
            vec![flood("\r\n".repeat(100), 1)],
            vec![LATE, UNREADABLE],
        ),
    ])
}

pub(super) fn unread(setting: &Setting, rng: &mut Rng) -> Row {
    let (name, then, mut expectations) = misdeeds(setting, rng);
    if name == "reset" && !setting.secure && !setting.proxy {
        // It may overtake the answer to the connect itself.
        expectations.push(NO_WAY);
    }
    row(name, after(Take::Nothing, then), &expectations)
}

pub(super) fn in_part(setting: &Setting, rng: &mut Rng, in_body: bool) -> Row {
    let (name, then, expectations) = misdeeds(setting, rng);
    let (at, take) = if in_body {
        let at = rng.between(0, 300);
        (at, Take::Body(at))
    } else {
        let at = rng.between(1, 150);
        (at, Take::Bytes(at))
    };
    row(
        format!("{name} after {at} bytes"),
        after(take, then),
        &expectations,
    )
}

pub(super) fn whole(rng: &mut Rng) -> Row {
    let (name, then, expectation) = rng.take(vec![
        ("reset", vec![Step::Reset], BROKE),
        ("closed", vec![Step::Close], BROKE),
        ("cut", vec![Step::Cut], BROKE),
        ("silence", vec![Step::Hang], LATE),
    ]);
    answer(name, then, &[expectation])
}
