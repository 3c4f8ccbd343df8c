//! The trace of a call: what it did, step by step, for a log.
//!
//! A step has only the fields below. None is a part of a request, or of a body. Of a reply's headers there are
//! the type and the date.

use serde::Serialize;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::payment::Payment;
use crate::probe::Probe;
use crate::random;
use crate::token::Token;
use crate::transaction::Transaction;

/// The first steps and the last are kept; a long wait has more.
const KEPT_FIRST: usize = 100;
const MAX_STEPS: usize = 1000;
const MAX_CORRELATION_ID: usize = 64;

/// What a call did.
#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// A request begins. A call may send several: the retries of a check, the checks of a wait.
    Attempt { attempt: u32 },
    /// A connection to the proxy begins: the next steps are about the proxy.
    Proxy { host: String },
    /// The proxy has made a connection to the gateway.
    Tunnel,
    /// A host name is resolved.
    Lookup { host: String },
    /// The addresses of the host, from the resolver, or from an earlier lookup.
    Addresses {
        addresses: Vec<String>,
        cached: bool,
    },
    /// The host name was not resolved.
    LookupFailed { error: &'static str },
    /// A connection to an address begins.
    Connecting { address: String },
    /// The connection is established.
    Connected { address: String },
    /// The connection was not established.
    ConnectFailed {
        address: String,
        error: &'static str,
    },
    /// Another address was faster, or the time was up.
    ConnectAbandoned { address: String },
    /// The TLS handshake is complete.
    Tls {
        version: String,
        cipher: String,
        resumed: bool,
    },
    /// The first byte of the request is written to the connection.
    Sent { connection: ConnectionKind },
    /// The attempt failed: the result code of its error.
    AttemptFailed { error: &'static str },
    /// The reply was received.
    Reply {
        status: u16,
        /// The size of the body.
        bytes: usize,
        /// Whether the body was received completely.
        complete: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        date: Option<String>,
    },
    /// A pause before the next request.
    Pause { pause_ms: u128 },
    /// The call is complete.
    End {
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'static str>,
    },
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConnectionKind {
    New,
    Reused,
}

impl Step {
    pub(crate) fn pause_until(until: Instant) -> Self {
        let pause = until.saturating_duration_since(Instant::now());
        Self::Pause {
            pause_ms: pause.as_millis(),
        }
    }
}

/// The trace of one call. Clones share their steps.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Rc<Recording>);

#[derive(Debug)]
struct Recording {
    call: &'static str,
    correlation_id: String,
    started: Instant,
    steps: RefCell<Steps>,
}

#[derive(Debug, Default)]
struct Steps {
    attempts: u32,
    kept: Vec<TimedStep>,
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct TimedStep {
    /// Milliseconds since the start of the call.
    ms: u128,
    #[serde(flatten)]
    step: Step,
}

impl Trace {
    pub(crate) fn start(call: &'static str, correlation_id: Option<&str>) -> Self {
        let correlation_id = match correlation_id {
            Some(given) => given.to_owned(),
            None => format!("{:016x}", random::number()),
        };
        Self(Rc::new(Recording {
            call,
            correlation_id,
            started: Instant::now(),
            steps: RefCell::default(),
        }))
    }

    pub(crate) fn record(&self, step: Step) {
        let ms = self.0.started.elapsed().as_millis();
        let mut steps = self.0.steps.borrow_mut();
        if steps.kept.len() == MAX_STEPS {
            steps.kept.remove(KEPT_FIRST);
            steps.omitted += 1;
        }
        steps.kept.push(TimedStep { ms, step });
    }

    pub(crate) fn record_attempt(&self) {
        let attempt = {
            let mut steps = self.0.steps.borrow_mut();
            steps.attempts += 1;
            steps.attempts
        };
        self.record(Step::Attempt { attempt });
    }

    /// Ends the trace, and adds it to the result of its call.
    pub(crate) fn end<T: Traced>(&self, result: Result<T>, token: &Token) -> Result<T> {
        match result {
            Ok(mut value) => {
                self.record(Step::End {
                    result: "OK",
                    outcome: None,
                });
                value.set_trace(self.to_json(token));
                Ok(value)
            }
            Err(error) => {
                self.record(Step::End {
                    result: error.code().name(),
                    outcome: Some(error.outcome().name()),
                });
                Err(error.with_trace(self.to_json(token)))
            }
        }
    }

    fn to_json(&self, token: &Token) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            call: &'static str,
            correlation_id: &'a str,
            /// Steps that were left out after the first ones.
            #[serde(skip_serializing_if = "is_zero")]
            omitted: usize,
            steps: &'a [TimedStep],
        }
        let steps = self.0.steps.borrow();
        let document = Document {
            call: self.0.call,
            correlation_id: &self.0.correlation_id,
            omitted: steps.omitted,
            steps: &steps.kept,
        };
        // Strings and numbers always serialize. The correlation id is the caller's: it may be anything.
        token.masked(serde_json::to_string(&document).unwrap_or_default())
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Why a lookup or a connection failed, in one word.
pub(crate) fn error_word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "reset",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "timed_out",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "unreachable"
        }
        ErrorKind::PermissionDenied => "not_permitted",
        _ => "failed",
    }
}

/// The media type of a `Content-Type` header: `application/json`. A gateway may repeat a part of
/// the request in a header, so nothing else of it is recorded.
pub(crate) fn media_type(header: &str) -> Option<String> {
    let is_name = |part: &str| {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-+.".contains(&b);
        !part.is_empty() && part.len() <= 40 && part.bytes().all(is_allowed)
    };
    let essence = header.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    (is_name(kind) && is_name(subtype)).then(|| essence.to_owned())
}

/// Checks a caller's correlation id: it must be safe in any log.
pub(crate) fn validate_correlation_id(id: Option<&str>) -> Result<()> {
    let problem = match id {
        None => return Ok(()),
        Some("") => "is empty; leave it out instead",
        Some(id) if id.len() > MAX_CORRELATION_ID => "is longer than 64 characters",
        Some(id) if !id.bytes().all(|b| b.is_ascii_graphic()) => {
            "has a character that is not printable ASCII, or a space"
        }
        Some(_) => return Ok(()),
    };
    Err(Error::invalid("correlation_id", problem))
}

/// The result of a call, which carries its trace.
pub(crate) trait Traced {
    fn set_trace(&mut self, trace: String);
}

impl Traced for Payment {
    fn set_trace(&mut self, trace: String) {
        self.trace = Some(trace);
    }
}

impl Traced for Probe {
    fn set_trace(&mut self, trace: String) {
        self.trace = Some(trace);
    }
}

impl Traced for Transaction {
    fn set_trace(&mut self, trace: String) {
        self.trace = Some(trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn json(trace: &Trace) -> Value {
        let token = Token::accept("a-secret-token").expect("a token");
        serde_json::from_str(&trace.to_json(&token)).expect("JSON")
    }

    #[test]
    fn a_long_trace_keeps_the_first_and_the_last_steps() {
        let trace = Trace::start("wait", None);
        for pause_ms in 0..2_000 {
            trace.record(Step::Pause { pause_ms });
        }
        let json = json(&trace);
        let steps = json["steps"].as_array().expect("a list");
        assert_eq!(steps.len(), MAX_STEPS);
        assert_eq!(json["omitted"], 1_000);
        assert_eq!(steps[KEPT_FIRST - 1]["pause_ms"], 99);
        assert_eq!(steps[KEPT_FIRST]["pause_ms"], 1_100);
        assert_eq!(steps[MAX_STEPS - 1]["pause_ms"], 1_999);
    }

    #[test]
    fn a_correlation_id_is_the_callers_or_random() {
        let given = json(&Trace::start("pay", Some("panier-7")));
        assert_eq!(given["correlation_id"], "panier-7");
        let random = || json(&Trace::start("pay", None))["correlation_id"].clone();
        assert_ne!(random(), random());
        assert_eq!(random().as_str().map(str::len), Some(16));
    }

    #[test]
    fn a_correlation_id_is_short_printable_text() {
        for good in [
            "7",
            "panier-7",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            &"x".repeat(64),
        ] {
            assert!(validate_correlation_id(Some(good)).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\nb", "caf\u{e9}", &"x".repeat(65)] {
            let error = validate_correlation_id(Some(bad)).unwrap_err();
            assert_eq!(error.field(), Some("correlation_id"), "{bad}");
        }
    }

    #[test]
    fn only_a_media_type_is_recorded_of_a_content_type() {
        for (header, recorded) in [
            ("application/json", Some("application/json")),
            ("text/html; charset=ISO-8859-1", Some("text/html")),
            (
                "application/problem+json;x=243812345678",
                Some("application/problem+json"),
            ),
            ("", None),
            ("json", None),
            ("text/", None),
            ("Bearer a/b", None),
            ("a/{\"phone\":\"243812345678\"}", None),
            (&format!("a/{}", "x".repeat(41)), None),
        ] {
            assert_eq!(media_type(header).as_deref(), recorded, "{header}");
        }
    }

    #[test]
    fn a_token_as_correlation_id_is_masked() {
        let json = json(&Trace::start("pay", Some("a-secret-token")));
        assert_eq!(json["correlation_id"], "[token]");
    }
}
