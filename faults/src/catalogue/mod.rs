//! Every fault, and beside it everything a call may come to when it suffers it.
//!
//! The tables are in [`before`] (nothing of a request has been read), [`sending`] (it is being read)
//! and [`head`], [`body`], [`content`] (it is being answered). A row is a name, what the server does,
//! and what is acceptable then. Beyond its row, a call may always come to TIMEOUT once its time is
//! up: that is held against the clock and the ledger, in [`crate::judge`].

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
use crate::replies::Question;
use crate::rng::Rng;

/// What a fault is drawn for.
#[derive(Clone, Debug)]
pub struct Setting {
    pub question: Question,
    pub secure: bool,
    pub only_tls12: bool,
    pub proxy: bool,
    /// On a connection that has answered something before.
    pub reused: bool,
    /// After a handshake that may be taken up again: then TLS 1.2, too, lets the client speak as soon as
    /// the server's flight has come.
    pub resumable: bool,
}

/// Where a call is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereto {
    /// To the slot, which shows this certificate where it speaks TLS.
    Slot(Certificate),
    /// To a port where nobody listens.
    Closed,
    /// To a port that does not answer.
    Deaf,
    /// To the slot, by a name that the preloaded look-up knows.
    Named(String),
}

/// A fault, and what may come of it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The stage of the call, for the table at the end.
    pub class: Class,
    pub name: String,
    pub whereto: Whereto,
    pub script: Arc<Script>,
    pub expectations: Vec<Expectation>,
    /// How long the gateway asks to be left alone, in seconds.
    pub retry_after: bool,
}

/// The stages of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    LookUp,
    LookUpHangs,
    FirstAddressSilent,
    Connect,
    Proxy,
    TlsHello,
    TlsCertificate,
    TlsFinish,
    Idle,
    /// A kept connection goes wrong as it is used.
    WorstMoment,
    Unread,
    RequestHead,
    RequestBody,
    RequestWhole,
    StatusLine,
    Head,
    EarlyReplies,
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
    /// What only a callback's verdict finds out.
    OtherPayment,
    Good,
    Callback,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::LookUp => "look-up",
            Self::LookUpHangs => "look-up hangs",
            Self::FirstAddressSilent => "first address silent",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::TlsHello => "TLS hello",
            Self::TlsCertificate => "TLS certificate",
            Self::TlsFinish => "TLS finish",
            Self::Idle => "idle connection",
            Self::WorstMoment => "kept connection, worst moment",
            Self::Unread => "request unread",
            Self::RequestHead => "request head in part",
            Self::RequestBody => "request body in part",
            Self::RequestWhole => "request read, no reply",
            Self::StatusLine => "status line",
            Self::Head => "reply head",
            Self::EarlyReplies => "1xx replies",
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
            Self::Callback => "callback body",
        }
    }

    /// Whether the fault strikes before a request was read whole, so that on a shared client it
    /// strikes all alike.
    pub fn is_early(self) -> bool {
        self <= Self::RequestBody
    }

    /// Which can strike here.
    pub fn of(setting: &Setting) -> Vec<Self> {
        use Class::*;
        if setting.reused {
            let mut classes = vec![
                Idle,
                RequestHead,
                RequestWhole,
                StatusLine,
                Head,
                EarlyReplies,
            ];
            classes.extend([Redirect, BodyInPart, Length, Chunks, Oversize, Gzip, Status]);
            classes.extend([Content, Echo, Trailing, Good]);
            classes.extend([WorstMoment; 3]);
            classes.extend([NoOrderNumber; 2]);
            return classes;
        }
        let mut classes = vec![
            Unread,
            RequestHead,
            RequestWhole,
            StatusLine,
            Head,
            EarlyReplies,
        ];
        classes.extend([
            Redirect, BodyInPart, Length, Chunks, Oversize, Gzip, Status, Status,
        ]);
        classes.extend([Content, Content, Echo, Trailing, Good]);
        if setting.secure {
            classes.extend([TlsHello, TlsHello, TlsFinish, TlsFinish]);
        }
        if setting.proxy {
            classes.extend([Proxy; 6]);
        }
        classes.push(match setting.question.is_pay {
            true => RequestBody,
            false => NoOrderNumber,
        });
        classes
    }

    /// Those besides that decide where the call is sent, and so must come alone.
    pub fn alone(setting: &Setting) -> Vec<Self> {
        match (setting.proxy, setting.secure) {
            (true, _) => vec![Self::Connect],
            (false, true) => vec![
                Self::Connect,
                Self::LookUp,
                Self::LookUpHangs,
                Self::TlsCertificate,
            ],
            // The certificate is for this machine's own names, and none of them has two addresses.
            (false, false) => vec![
                Self::Connect,
                Self::LookUp,
                Self::LookUpHangs,
                Self::FirstAddressSilent,
            ],
        }
    }

    /// Draws one of the class's faults.
    pub fn draw(self, setting: &Setting, rng: &mut Rng) -> Fault {
        let row = match self {
            Self::LookUp => before::look_up(setting, rng),
            Self::LookUpHangs => before::look_up_hangs(setting),
            Self::FirstAddressSilent => before::first_address_silent(setting, rng),
            Self::Connect => before::connect(setting, rng),
            Self::Proxy => before::proxy(setting, rng),
            Self::TlsHello => before::tls_hello(rng),
            Self::TlsCertificate => before::certificate(rng),
            Self::TlsFinish => before::tls_finish(setting, rng),
            Self::Idle => sending::idle(setting, rng),
            Self::WorstMoment => sending::worst_moment(setting, rng),
            Self::Unread => sending::unread(setting, rng),
            Self::RequestHead => sending::in_part(setting, rng, false),
            Self::RequestBody => sending::in_part(setting, rng, true),
            Self::RequestWhole => sending::whole(rng),
            Self::StatusLine => head::status_line(setting, rng),
            Self::Head => head::headers(setting, rng),
            Self::EarlyReplies => head::early_replies(setting, rng),
            Self::Redirect => head::redirect(setting, rng),
            Self::BodyInPart => body::in_part(setting, rng),
            Self::Length => body::length(setting, rng),
            Self::Chunks => body::chunks(setting, rng),
            Self::Oversize => body::oversize(setting, rng),
            Self::Gzip => body::gzip(setting, rng),
            Self::Trailing => body::trailing(setting, rng),
            Self::Status => content::status(setting, rng),
            Self::Content => content::content(setting, rng),
            Self::NoOrderNumber => content::no_order_number(setting, rng),
            Self::Echo => content::echo(setting, rng),
            Self::OtherPayment => content::other_payment(setting, rng),
            Self::Good | Self::Callback => content::good(setting, rng),
        };
        let mut script = row.script;
        if setting.reused && script.warm_up.is_none() {
            script.warm_up = Some(Vec::new());
        }
        Fault {
            class: self,
            name: row.name,
            whereto: row.whereto,
            script: Arc::new(script),
            expectations: row.expectations,
            retry_after: row.retry_after,
        }
    }
}

/// A row of a table.
struct Row {
    name: String,
    whereto: Whereto,
    script: Script,
    expectations: Vec<Expectation>,
    retry_after: bool,
}

fn row(name: impl Into<String>, script: Script, expectations: &[Expectation]) -> Row {
    Row {
        name: name.into(),
        whereto: Whereto::Slot(Certificate::Valid),
        script,
        expectations: expectations.to_vec(),
        retry_after: false,
    }
}

/// A row in which the request is read whole.
fn answer(name: impl Into<String>, then: Vec<Step>, expectations: &[Expectation]) -> Row {
    row(name, after(Take::Whole, then), expectations)
}

fn after(take: Take, then: Vec<Step>) -> Script {
    Script {
        take,
        then,
        ..Script::default()
    }
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

/// One byte at a time, so slowly that it never comes to an end.
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
