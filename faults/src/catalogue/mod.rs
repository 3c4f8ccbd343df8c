//! All faults, each with the acceptable results of a call that meets it.
//!
//! The tables are in [`before`] (before the request is read), [`sending`] (while it is read) and
//! [`head`], [`body`], [`content`] (in the reply). A row has a name, what the server does, and the
//! acceptable results. In addition, every call may return TIMEOUT once its time is up: [`crate::judge`]
//! compares that with the clock and the ledger.

mod before;
mod body;
mod content;
mod head;
mod sending;

use std::sync::Arc;
use std::time::Duration;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{Script, Step, Take};

use crate::expectation::Expectation;
use crate::replies::Operation;
use crate::rng::Rng;

/// The properties of a call that decide which faults are possible.
#[derive(Clone, Debug)]
pub struct Context {
    pub operation: Operation,
    pub secure: bool,
    pub only_tls12: bool,
    pub proxy: bool,
    /// Whether the call uses a connection that has been used before.
    pub reused: bool,
    /// Whether the TLS session may be resumed: then the client may send its request right after the
    /// server's flight with TLS 1.2, too.
    pub resumable: bool,
}

/// Where a call is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The slot, which uses this certificate if it uses TLS.
    Slot(Certificate),
    /// A port on which nothing listens.
    ClosedPort,
    /// A port that does not reply.
    SilentPort,
    /// The slot, by a name that the preloaded lookup resolves.
    Name(String),
}

/// A fault, with the acceptable results.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The stage of the call, for the final table.
    pub class: Class,
    pub name: String,
    pub destination: Destination,
    pub script: Arc<Script>,
    pub expectations: Vec<Expectation>,
    /// Whether the reply has a Retry-After header.
    pub retry_after: bool,
}

/// The stages of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Lookup,
    LookupHangs,
    FirstAddressSilent,
    Connect,
    Proxy,
    TlsHello,
    TlsCertificate,
    TlsFinish,
    Idle,
    /// An idle connection fails when it is reused.
    ReusedConnection,
    Unread,
    RequestHead,
    RequestBody,
    RequestWhole,
    StatusLine,
    Head,
    InterimReplies,
    Redirect,
    BodyInPart,
    Length,
    Chunks,
    Oversize,
    Gzip,
    Status,
    Content,
    NoOrderNumber,
    Echo,
    Trailing,
    /// A difference that only a comparison with the expected payment detects.
    OtherPayment,
    Good,
    /// Refused by the library itself, whatever the server does.
    RefusedLocally,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::LookupHangs => "lookup hangs",
            Self::FirstAddressSilent => "first address silent",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::TlsHello => "TLS hello",
            Self::TlsCertificate => "TLS certificate",
            Self::TlsFinish => "TLS finish",
            Self::Idle => "idle connection",
            Self::ReusedConnection => "reused connection fails",
            Self::Unread => "request unread",
            Self::RequestHead => "request head in part",
            Self::RequestBody => "request body in part",
            Self::RequestWhole => "request read, no reply",
            Self::StatusLine => "status line",
            Self::Head => "reply head",
            Self::InterimReplies => "1xx replies",
            Self::Redirect => "redirects",
            Self::BodyInPart => "reply body in part",
            Self::Length => "wrong length",
            Self::Chunks => "chunking",
            Self::Oversize => "oversize, endless",
            Self::Gzip => "gzip bombs",
            Self::Status => "status classes",
            Self::Content => "HTML, JSON, nesting",
            Self::NoOrderNumber => "reply without order number",
            Self::Echo => "the request echoed",
            Self::Trailing => "trailing bytes",
            Self::OtherPayment => "another payment",
            Self::Good => "nothing wrong",
            Self::RefusedLocally => "refused by the library",
        }
    }

    /// Whether the fault comes before the complete request is read. On a shared client, it then affects
    /// all runs in the same way.
    pub fn is_early(self) -> bool {
        self <= Self::RequestBody
    }

    /// The classes that are possible in this context. Repeated ones are drawn more often.
    pub fn possible(context: &Context) -> Vec<Self> {
        use Class::*;
        if context.reused {
            let mut classes = vec![
                Idle,
                RequestHead,
                RequestWhole,
                StatusLine,
                Head,
                InterimReplies,
            ];
            classes.extend([Redirect, BodyInPart, Length, Chunks, Oversize, Gzip, Status]);
            classes.extend([Content, Echo, Trailing, Good]);
            classes.extend([ReusedConnection; 3]);
            classes.extend([NoOrderNumber; 2]);
            return classes;
        }
        let mut classes = vec![
            Unread,
            RequestHead,
            RequestWhole,
            StatusLine,
            Head,
            InterimReplies,
        ];
        classes.extend([
            Redirect, BodyInPart, Length, Chunks, Oversize, Gzip, Status, Status,
        ]);
        classes.extend([Content, Content, Echo, Trailing, Good]);
        if context.secure {
            classes.extend([TlsHello, TlsHello, TlsFinish, TlsFinish]);
        }
        if context.proxy {
            classes.extend([Proxy; 6]);
        }
        classes.push(match context.operation.service.moves_money() {
            true => RequestBody,
            false => NoOrderNumber,
        });
        classes
    }

    /// The further classes that decide the destination, and so exclude all other faults.
    pub fn exclusive(context: &Context) -> Vec<Self> {
        match (context.proxy, context.secure) {
            (true, _) => vec![Self::Connect],
            (false, true) => vec![
                Self::Connect,
                Self::Lookup,
                Self::LookupHangs,
                Self::TlsCertificate,
            ],
            // Only without TLS: no name in the certificate has two addresses.
            (false, false) => vec![
                Self::Connect,
                Self::Lookup,
                Self::LookupHangs,
                Self::FirstAddressSilent,
            ],
        }
    }

    /// Draws one of the class's faults.
    pub fn draw(self, context: &Context, rng: &mut Rng) -> Fault {
        let row = match self {
            Self::Lookup => before::lookup(context, rng),
            Self::LookupHangs => before::lookup_hangs(context),
            Self::FirstAddressSilent => before::first_address_silent(context, rng),
            Self::Connect => before::connect(context, rng),
            Self::Proxy => before::proxy(context, rng),
            Self::TlsHello => before::tls_hello(rng),
            Self::TlsCertificate => before::certificate(rng),
            Self::TlsFinish => before::tls_finish(context, rng),
            Self::Idle => sending::idle(context, rng),
            Self::ReusedConnection => sending::reused_connection(context, rng),
            Self::Unread => sending::unread(context, rng),
            Self::RequestHead => sending::in_part(context, rng, false),
            Self::RequestBody => sending::in_part(context, rng, true),
            Self::RequestWhole => sending::whole(rng),
            Self::StatusLine => head::status_line(context, rng),
            Self::Head => head::headers(context, rng),
            Self::InterimReplies => head::interim_replies(context, rng),
            Self::Redirect => head::redirect(context, rng),
            Self::BodyInPart => body::in_part(context, rng),
            Self::Length => body::length(context, rng),
            Self::Chunks => body::chunks(context, rng),
            Self::Oversize => body::oversize(context, rng),
            Self::Gzip => body::gzip(context, rng),
            Self::Trailing => body::trailing(context, rng),
            Self::Status => content::status(context, rng),
            Self::Content => content::content(context, rng),
            Self::NoOrderNumber => content::no_order_number(context, rng),
            Self::Echo => content::echo(context, rng),
            Self::OtherPayment => content::other_payment(context, rng),
            Self::Good | Self::RefusedLocally => content::good(context, rng),
        };
        let mut script = row.script;
        if context.reused && script.warm_up.is_none() {
            script.warm_up = Some(Vec::new());
        }
        Fault {
            class: self,
            name: row.name,
            destination: row.destination,
            script: Arc::new(script),
            expectations: row.expectations,
            retry_after: row.retry_after,
        }
    }
}

/// A row of a table.
struct Row {
    name: String,
    destination: Destination,
    script: Script,
    expectations: Vec<Expectation>,
    retry_after: bool,
}

fn row(name: impl Into<String>, script: Script, expectations: &[Expectation]) -> Row {
    Row {
        name: name.into(),
        destination: Destination::Slot(Certificate::Valid),
        script,
        expectations: expectations.to_vec(),
        retry_after: false,
    }
}

/// A row in which the server acts after it has read the complete request.
fn after_request(name: impl Into<String>, then: Vec<Step>, expectations: &[Expectation]) -> Row {
    row(name, script(Take::Whole, then), expectations)
}

fn script(take: Take, then: Vec<Step>) -> Script {
    Script {
        take,
        then,
        ..Script::default()
    }
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

/// Sends one byte at a time, too slowly to finish before any deadline.
fn drip(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Drip {
        bytes: bytes.into(),
        pause: Duration::from_millis(25),
    }
}

fn flood(bytes: impl Into<Vec<u8>>, pause_ms: u64) -> Step {
    Step::Flood {
        bytes: bytes.into(),
        pause: Duration::from_millis(pause_ms),
    }
}
