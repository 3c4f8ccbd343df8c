//! Compares the trace of a call with the call, its result and what the server saw.

use serde_json::{Map, Value};

use crate::interface::{CALLBACK_URL, CallResult, consts};
use crate::judge::Observation;
use crate::plan::Run;

/// The steps of a trace, and the fields that each may have besides `step` and `ms`.
const STEPS: [(&str, &[&str]); 16] = [
    ("attempt", &["attempt"]),
    ("proxy", &["host"]),
    ("tunnel", &[]),
    ("lookup", &["host"]),
    ("addresses", &["addresses", "cached"]),
    ("lookup_failed", &["error"]),
    ("connecting", &["address"]),
    ("connected", &["address"]),
    ("connect_failed", &["address", "error"]),
    ("connect_abandoned", &["address"]),
    ("tls", &["version", "cipher", "resumed"]),
    ("sent", &["connection"]),
    (
        "reply",
        &["status", "bytes", "complete", "content_type", "date"],
    ),
    ("attempt_failed", &["error"]),
    ("pause", &["pause_ms"]),
    ("end", &["result", "outcome"]),
];
/// The fields of a trace.
const FIELDS: [&str; 4] = ["call", "correlation_id", "omitted", "steps"];
/// Parts of every request body: a trace must contain none of them.
const IN_REQUESTS: [&str; 3] = [CALLBACK_URL, "ZANDO", "243812345678"];

/// What is wrong with the trace of a call, if anything.
pub fn problem(
    run: &Run,
    result: &CallResult,
    trace: Option<&str>,
    seen: &Observation,
) -> Option<String> {
    if let CallResult::NoReply { .. } = result {
        return None;
    }
    let details = match (trace, run.settings.trace) {
        (None, false) => return None,
        (Some(_), false) => "a trace without the flag".to_owned(),
        (None, true) => "no trace".to_owned(),
        (Some(text), true) => check(run, result, text, seen).err()?,
    };
    let start: String = trace.unwrap_or_default().chars().take(2_000).collect();
    Some(format!("{details}: {start}"))
}

fn check(run: &Run, result: &CallResult, text: &str, seen: &Observation) -> Result<(), String> {
    if let Some(part) = IN_REQUESTS.iter().find(|part| text.contains(*part)) {
        return Err(format!("contains {part:?}, which is in the request"));
    }
    let trace: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let field = |name: &str| trace.get(name).unwrap_or(&Value::Null);
    if let Some(key) = trace.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(format!("has the unknown field {key:?}"));
    }
    if field("call") != run.call.name() {
        return Err(format!("is of the call {}", field("call")));
    }
    check_correlation_id(run, field("correlation_id"))?;
    let steps = field("steps").as_array().ok_or("has no steps")?;
    let steps = steps
        .iter()
        .map(|step| step.as_object().ok_or("a step is no object"))
        .collect::<Result<Vec<_>, _>>()?;
    check_steps(&steps)?;
    check_end(&steps, result)?;
    if trace.contains_key("omitted") {
        return Ok(());
    }
    check_sent(run, &steps, result, seen)
}

fn check_correlation_id(run: &Run, found: &Value) -> Result<(), String> {
    let found = found.as_str().unwrap_or_default();
    let is_right = match run.call.takes_correlation_id() {
        true => run.correlation_id.as_deref(),
        false => None,
    }
    .map_or_else(
        || found.len() == 16 && found.bytes().all(|byte| byte.is_ascii_hexdigit()),
        |given| found == given,
    );
    is_right
        .then_some(())
        .ok_or_else(|| format!("has the correlation id {found:?}"))
}

fn name(step: &Map<String, Value>) -> &str {
    step.get("step").and_then(Value::as_str).unwrap_or_default()
}

/// Each step is known, has known fields only, and is not earlier than the one before.
fn check_steps(steps: &[&Map<String, Value>]) -> Result<(), String> {
    let mut last_ms = 0;
    for step in steps {
        let known = STEPS.iter().find(|(known, _)| *known == name(step));
        let Some((_, fields)) = known else {
            return Err(format!("has the unknown step {:?}", name(step)));
        };
        let is_known = |key: &&String| {
            ["step", "ms"].contains(&key.as_str()) || fields.contains(&key.as_str())
        };
        if let Some(key) = step.keys().find(|key| !is_known(key)) {
            return Err(format!("has the unknown field {key:?} in {:?}", name(step)));
        }
        match step.get("ms").and_then(Value::as_u64) {
            Some(ms) if ms >= last_ms => last_ms = ms,
            _ => {
                return Err(format!(
                    "has no time, or an earlier one, in {:?}",
                    name(step)
                ));
            }
        }
    }
    Ok(())
}

/// The last step is the result, and no other.
fn check_end(steps: &[&Map<String, Value>], result: &CallResult) -> Result<(), String> {
    let ends = steps.iter().filter(|step| name(step) == "end").count();
    let Some(end) = steps.last().filter(|step| name(step) == "end" && ends == 1) else {
        return Err("does not end with one end".to_owned());
    };
    let outcome = result.outcome().map(|outcome| match outcome {
        consts::OUTCOME_UNKNOWN => "UNKNOWN",
        consts::OUTCOME_NOT_SENT => "NOT_SENT",
        consts::OUTCOME_REFUSED => "REFUSED",
        _ => "another",
    });
    let found = (end.get("result"), end.get("outcome"));
    let is_right = match outcome {
        None => found == (Some(&Value::from("OK")), None),
        Some(outcome) => {
            found.0 != Some(&Value::from("OK")) && found.1 == Some(&Value::from(outcome))
        }
    };
    is_right
        .then_some(())
        .ok_or_else(|| format!("ends with {end:?}"))
}

/// The steps about sending agree with the result and with the server.
fn check_sent(
    run: &Run,
    steps: &[&Map<String, Value>],
    result: &CallResult,
    seen: &Observation,
) -> Result<(), String> {
    let sent: Vec<_> = steps.iter().filter(|step| name(step) == "sent").collect();
    let attempts = steps.iter().filter(|step| name(step) == "attempt").count();
    if sent.len() > attempts {
        return Err(format!("{} sent, {attempts} attempts", sent.len()));
    }
    if seen.requests > sent.len() {
        let requests = seen.requests;
        return Err(format!("{requests} arrived, {} sent", sent.len()));
    }
    let not_sent = result.outcome() == Some(consts::OUTCOME_NOT_SENT);
    // A wait's outcome is about the payment: it is unknown even if no check was sent.
    let is_wait = run.call.name() == "wait";
    if not_sent != sent.is_empty() && !is_wait {
        return Err(format!("{} sent, NOT_SENT: {not_sent}", sent.len()));
    }
    if run.call.moves_money() {
        if attempts > 1 {
            return Err(format!("{attempts} attempts"));
        }
        if sent
            .iter()
            .any(|step| step.get("connection") != Some(&"new".into()))
        {
            return Err("sent over a reused connection".to_owned());
        }
    }
    Ok(())
}
