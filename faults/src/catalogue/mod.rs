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

use crate::dice::Dice;
use crate::replies::Question;
use crate::want::Want;

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
    pub wants: Vec<Want>,
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
    pub fn draw(self, setting: &Setting, dice: &mut Dice) -> Fault {
        let row = match self {
            Self::LookUp => before::look_up(setting, dice),
            Self::LookUpHangs => before::look_up_hangs(setting),
            Self::FirstAddressSilent => before::first_address_silent(setting, dice),
            Self::Connect => before::connect(setting, dice),
            Self::Proxy => before::proxy(setting, dice),
            Self::TlsHello => before::tls_hello(dice),
            Self::TlsCertificate => before::certificate(dice),
            Self::TlsFinish => before::tls_finish(setting, dice),
            Self::Idle => sending::idle(setting, dice),
            Self::WorstMoment => sending::worst_moment(setting, dice),
            Self::Unread => sending::unread(setting, dice),
            Self::RequestHead => sending::in_part(setting, dice, false),
            Self::RequestBody => sending::in_part(setting, dice, true),
            Self::RequestWhole => sending::whole(dice),
            Self::StatusLine => head::status_line(setting, dice),
            Self::Head => head::headers(setting, dice),
            Self::EarlyReplies => head::early_replies(setting, dice),
            Self::Redirect => head::redirect(setting, dice),
            Self::BodyInPart => body::in_part(setting, dice),
            Self::Length => body::length(setting, dice),
            Self::Chunks => body::chunks(setting, dice),
            Self::Oversize => body::oversize(setting, dice),
            Self::Gzip => body::gzip(setting, dice),
            Self::Trailing => body::trailing(setting, dice),
            Self::Status => content::status(setting, dice),
            Self::Content => content::content(setting, dice),
            Self::NoOrderNumber => content::no_order_number(setting, dice),
            Self::Echo => content::echo(setting, dice),
            Self::OtherPayment => content::other_payment(setting, dice),
            Self::Good | Self::Callback => content::good(setting, dice),
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
            wants: row.wants,
            retry_after: row.retry_after,
        }
    }
}

/// A row of a table.
struct Row {
    name: String,
    whereto: Whereto,
    script: Script,
    wants: Vec<Want>,
    retry_after: bool,
}

fn row(name: impl Into<String>, script: Script, wants: &[Want]) -> Row {
    Row {
        name: name.into(),
        whereto: Whereto::Slot(Certificate::Valid),
        script,
        wants: wants.to_vec(),
        retry_after: false,
    }
}

/// A row in which the request is read whole.
fn answer(name: impl Into<String>, then: Vec<Step>, wants: &[Want]) -> Row {
    row(name, after(Take::Whole, then), wants)
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
