//! Scripts: what the server does on a connection.

use std::time::Duration;

/// What the server does on one connection. The default: no fault, the request is read whole and gets
/// no reply.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What the proxy does instead of making a tunnel. Used only on a slot armed as a proxy.
    pub proxy: Option<ProxyFault>,
    /// The fault in the TLS handshake. Used only on a slot armed with TLS.
    pub tls: Option<TlsFault>,
    /// If set, the first request of the connection may be a warm-up (its id starts with
    /// [`WARM_UP`](super::WARM_UP)): it gets a normal reply, these steps follow, and then the
    /// connection is idle until the next request.
    pub warm_up: Option<Vec<Step>>,
    /// How much of the request is read before the steps of `then`.
    pub take: Take,
    /// The steps after reading. If they do not end the connection, the server waits for the next
    /// request and plays the script again.
    pub then: Vec<Step>,
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Take {
    /// Nothing: the steps start when the connection is ready to read.
    Nothing,
    /// This many bytes from its start, or the whole request if it is shorter.
    Bytes(usize),
    /// The head, and this many bytes of the body.
    Body(usize),
    /// All of it.
    #[default]
    Whole,
}

/// One action on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes, through TLS if the connection has it.
    Send(Vec<u8>),
    /// Sends these bytes below TLS, unencrypted.
    SendRaw(Vec<u8>),
    /// Sends these bytes one by one.
    Drip {
        /// The bytes.
        bytes: Vec<u8>,
        /// The pause after each byte.
        pause: Duration,
    },
    /// Sends these bytes repeatedly, until the peer is gone or the lease is over.
    Flood {
        /// The bytes of one repetition.
        bytes: Vec<u8>,
        /// The pause between repetitions.
        pause: Duration,
    },
    /// Replies with the request in the body, as an error page that shows the request does.
    Echo {
        /// The status of the reply.
        status: u16,
        /// The format of the body.
        format: EchoFormat,
    },
    /// Waits.
    Pause(Duration),
    /// Holds the connection, neither reading nor writing, until the lease is over.
    Hang,
    /// Closes normally: close_notify if there is TLS, then FIN.
    Close,
    /// Closes with FIN only. With TLS this truncates the stream.
    Cut,
    /// Sends RST. Unsent data is discarded.
    Reset,
}

/// The format of the reply of [`Step::Echo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoFormat {
    /// In the message of a JSON refusal.
    Json,
    /// The same, with `/` escaped as `\/`, as PHP does by default.
    SlashedJson,
    /// The same, with every character escaped as `\u…`.
    UnicodeJson,
    /// In the headers `Content-Type` and `Date` of a JSON refusal.
    Headers,
    /// In an HTML page.
    Page,
    /// The same, with every character escaped as `&#…;`.
    EntityPage,
}

impl EchoFormat {
    /// Whether it is an HTML page.
    pub fn is_page(self) -> bool {
        matches!(self, Self::Page | Self::EntityPage)
    }
}

impl Step {
    /// Whether the step can last until the peer is gone.
    pub(super) fn has_no_end(&self) -> bool {
        matches!(self, Self::Hang | Self::Flood { .. } | Self::Drip { .. })
    }
}

/// A fault in the TLS handshake. The steps are played below TLS, unencrypted. If they do not end the
/// connection, it is closed.
#[derive(Clone, Debug)]
pub enum TlsFault {
    /// Before any byte of the client's hello is read.
    BeforeHello(Vec<Step>),
    /// After a part of the client's hello was read.
    AfterHello(Vec<Step>),
    /// After a part of the server's first flight.
    DuringServerFlight {
        /// How much of the flight is sent, in percent.
        percent: usize,
        /// Whether to wait for the client's reply before the steps.
        await_answer: bool,
        /// The steps.
        then: Vec<Step>,
    },
    /// The server's first flight is sent byte by byte, with this pause.
    DripServerFlight(Duration),
}

/// What a proxy does instead of making a tunnel.
#[derive(Clone, Debug)]
pub struct ProxyFault {
    /// Whether the CONNECT is read first.
    pub read: bool,
    /// The steps, unencrypted. If they do not end the connection, it is closed.
    pub then: Vec<Step>,
}
