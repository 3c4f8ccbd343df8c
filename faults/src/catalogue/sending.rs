//! Faults while the server reads the request, and on idle connections.

use std::time::Duration;

use flexpay_sandbox::fault_server::{Script, Step, Take};

use super::{Context, Row, after_request, drip, flood, row, script, send};
use crate::expectation::{
    CONNECTION_LOST, Expectation, NO_CONNECTION, TIMEOUT_UNKNOWN, UNKNOWN_ORDER, UNREADABLE,
};
use crate::replies::reply;
use crate::rng::Rng;

/// A connection fails after a warm-up and before the next request. The check must detect this and return
/// the true result, over a good connection.
pub(super) fn idle(context: &Context, rng: &mut Rng) -> Row {
    let forged = reply(200, "", context.operation.forged());
    // "No such order" as the gateway documents it, with either status.
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
    let (good, expectation) = context.operation.good(rng);
    let script = Script {
        warm_up: Some(then),
        then: vec![send(good)],
        ..Script::default()
    };
    let mut expectations = vec![expectation];
    if name.starts_with("no such order") {
        // If the forged reply arrives just as the check is sent, it is accepted. This is harmless: the
        // shop delivers nothing for an unknown order.
        expectations.push(UNKNOWN_ORDER);
    }
    row(name, script, &expectations)
}

/// A connection fails after a warm-up, while the next check is sent on it. No result from this connection
/// is acceptable: the check must be sent again, over a new connection.
pub(super) fn reused_connection(context: &Context, rng: &mut Rng) -> Row {
    let forged = || send(reply(200, "", context.operation.forged()));
    let good = send(context.operation.good(rng).0);
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
    row(name, script(take, then), &[])
}

/// Faults before the complete request is read.
fn faults_during_read(
    context: &Context,
    rng: &mut Rng,
) -> (&'static str, Vec<Step>, Vec<Expectation>) {
    let (good, expectation) = context.operation.good(rng);
    let too_large = reply(
        413,
        "Connection: close\r\n",
        "{\"code\":\"1\",\"message\":\"trop\"}",
    );
    rng.take(vec![
        ("reset", vec![Step::Reset], vec![CONNECTION_LOST]),
        ("reset", vec![Step::Reset], vec![CONNECTION_LOST]),
        ("closed", vec![Step::Close], vec![CONNECTION_LOST]),
        ("cut", vec![Step::Cut], vec![CONNECTION_LOST]),
        ("silence", vec![Step::Hang], vec![TIMEOUT_UNKNOWN]),
        (
            "garbage",
            vec![send("SSH-2.0-x\r\n"), Step::Hang],
            vec![UNREADABLE],
        ),
        (
            "a good reply, too early",
            vec![send(good.clone()), Step::Hang],
            vec![expectation],
        ),
        // The client is still sending; the resulting reset may arrive before the reply.
        (
            "a good reply, too early, closed",
            vec![send(good), Step::Cut],
            vec![expectation, CONNECTION_LOST],
        ),
        (
            "413, closed",
            vec![send(too_large), Step::Cut],
            vec![context.operation.status_expectation(413), CONNECTION_LOST],
        ),
        (
            "one byte at a time",
            vec![drip("HTTP/1.1 200 OK\r\nX: slow and ever slower")],
            vec![TIMEOUT_UNKNOWN],
        ),
        (
            "endless empty lines",
            vec![flood("\r\n".repeat(100), 1)],
            vec![TIMEOUT_UNKNOWN, UNREADABLE],
        ),
    ])
}

pub(super) fn unread(context: &Context, rng: &mut Rng) -> Row {
    let (name, then, mut expectations) = faults_during_read(context, rng);
    if name == "reset" && !context.secure && !context.proxy {
        // The reset may arrive before the connect completes.
        expectations.push(NO_CONNECTION);
    }
    row(name, script(Take::Nothing, then), &expectations)
}

pub(super) fn in_part(context: &Context, rng: &mut Rng, in_body: bool) -> Row {
    let (name, then, expectations) = faults_during_read(context, rng);
    let (at, take) = if in_body {
        let at = rng.between(0, 300);
        (at, Take::Body(at))
    } else {
        let at = rng.between(1, 150);
        (at, Take::Bytes(at))
    };
    row(
        format!("{name} after {at} bytes"),
        script(take, then),
        &expectations,
    )
}

pub(super) fn whole(rng: &mut Rng) -> Row {
    let (name, then, expectation) = rng.take(vec![
        ("reset", vec![Step::Reset], CONNECTION_LOST),
        ("closed", vec![Step::Close], CONNECTION_LOST),
        ("cut", vec![Step::Cut], CONNECTION_LOST),
        ("silence", vec![Step::Hang], TIMEOUT_UNKNOWN),
    ]);
    after_request(name, then, &[expectation])
}
