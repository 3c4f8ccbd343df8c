//! What a connection is to suffer, in data.

use std::time::Duration;

/// One connection's fate. As it stands by default: an honest connection whose request is read whole
/// and never answered.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What the proxy does instead of making a tunnel. Only on a slot armed as a proxy.
    pub proxy: Option<ProxyFault>,
    /// How the TLS handshake goes wrong. Only on a slot armed with TLS.
    pub tls: Option<TlsFault>,
    /// When set, the first request of the connection may be a warm-up (its id begins with
    /// [`WARM_UP`](super::WARM_UP)): it is answered well, these steps follow, and then the connection
    /// lies idle until the next request.
    pub warm_up: Option<Vec<Step>>,
    /// How much of the request is read before anything is done about it.
    pub take: Take,
    /// What is done then. When it does not end the connection, the next request is awaited and the
    /// script played again.
    pub then: Vec<Step>,
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Take {
    /// Nothing: the server acts as soon as it could read.
    Nothing,
    /// So many bytes from its start, or the whole request where that is shorter.
    Bytes(usize),
    /// The head, and so many bytes of the body.
    Body(usize),
    /// All of it.
    #[default]
    Whole,
}

/// One thing done to a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes, inside TLS where there is TLS.
    Send(Vec<u8>),
    /// Sends these bytes beneath TLS.
    SendRaw(Vec<u8>),
    /// Sends these bytes one by one.
    Drip {
        /// What is sent.
        bytes: Vec<u8>,
        /// The pause after each byte.
        pause: Duration,
    },
    /// Sends these bytes over and over, until the peer is gone or the lease over.
    Flood {
        /// What is sent each time.
        bytes: Vec<u8>,
        /// The pause between two times.
        pause: Duration,
    },
    /// Answers with the request itself as the body, as a page that shows what it was sent does.
    Echo {
        /// The status of the answer.
        status: u16,
        /// In what it is shown.
        dress: Dress,
    },
    /// Waits.
    Pause(Duration),
    /// Holds the connection, neither reading nor writing, until the lease is over.
    Hang,
    /// Closes in an orderly way: close_notify inside TLS, then FIN.
    Close,
    /// Closes with FIN alone, which inside TLS cuts the stream.
    Cut,
    /// Resets: RST, whatever was still unsent thrown away.
    Reset,
}

/// In what a request is shown to who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// The message of a JSON refusal.
    Json,
    /// The same, with `/` written `\/`, as PHP does by default.
    SlashedJson,
    /// The same, with every character written `\u….`
    UnicodeJson,
    /// A page.
    Page,
    /// A page, with every character written `&#…;`
    EntityPage,
}

impl Dress {
    /// Whether it is a page.
    pub fn is_page(self) -> bool {
        matches!(self, Self::Page | Self::EntityPage)
    }
}

impl Step {
    /// Whether it goes on until the peer is gone.
    pub(super) fn has_no_end(&self) -> bool {
        matches!(self, Self::Hang | Self::Flood { .. } | Self::Drip { .. })
    }
}

/// How a TLS handshake goes wrong. The steps are played beneath TLS, in the clear; when they do not
/// end the connection, it is closed.
#[derive(Clone, Debug)]
pub enum TlsFault {
    /// Before anything of the client's hello is read.
    BeforeHello(Vec<Step>),
    /// After some of the client's hello has come.
    AfterHello(Vec<Step>),
    /// After a part of the server's first flight.
    InFlight {
        /// How much of the flight is sent, in hundredths of it.
        percent: usize,
        /// Whether the client's answer to it is awaited first.
        await_answer: bool,
        /// What is done then.
        then: Vec<Step>,
    },
    /// The server's first flight goes out one byte at a time.
    DripFlight(Duration),
}

/// What a proxy does instead of making a tunnel.
#[derive(Clone, Debug)]
pub struct ProxyFault {
    /// Whether the CONNECT is read before.
    pub read: bool,
    /// What is done, in the clear. When it does not end the connection, it is closed.
    pub then: Vec<Step>,
}
