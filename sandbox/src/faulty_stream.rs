//! A stream wrapper that records the bytes above TLS, and cuts, stalls, slows or resets a reply when a
//! fault requires it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

use crate::journal::Journal;

/// A stream with access to its TCP socket.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Makes closing `tcp` send RST instead of FIN. Unsent data is discarded.
pub(crate) fn reset_on_close(tcp: &TcpStream) {
    // Fails only if the socket is already closed.
    let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

/// How the reply to one request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Unchanged.
    Whole,
    /// `left` more bytes, then `end`.
    StopAfter { left: usize, end: End },
    /// Byte by byte, with a pause after each byte.
    Drip { pause: Duration },
}

/// How a reply is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
    Stall,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Receiving,
    Processing,
    Replying,
    /// The `Host` or `Origin` was refused: nothing more of this connection is recorded.
    Refused,
}

struct Exchange {
    request: u64,
    phase: Phase,
    plan: Plan,
}

/// The current exchange of one connection, shared by the stream and the HTTP service.
pub(crate) struct ExchangeTracker {
    connection: u64,
    journal: Arc<Journal>,
    exchange: Mutex<Option<Exchange>>,
}

impl ExchangeTracker {
    pub(crate) fn new(connection: u64, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self {
            connection,
            journal,
            exchange: Mutex::new(None),
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut Option<Exchange>) -> T) -> T {
        f(&mut self.exchange.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The whole request was received. Returns its id.
    pub(crate) fn request_received(&self) -> Option<u64> {
        self.with(|exchange| {
            let exchange = exchange.as_mut()?;
            exchange.phase = Phase::Processing;
            Some(exchange.request)
        })
    }

    /// Starts the reply, sent according to `plan`.
    pub(crate) fn start_reply(&self, plan: Plan) {
        self.with(|exchange| {
            if let Some(exchange) = exchange {
                exchange.phase = Phase::Replying;
                exchange.plan = plan;
            }
        });
    }

    /// Deletes the record of the current request and stops recording this connection.
    pub(crate) fn refuse(&self) {
        self.with(|exchange| {
            if let Some(exchange) = exchange {
                // A request received together with the previous one has no record of its own.
                if exchange.phase != Phase::Replying {
                    self.journal.delete(exchange.request);
                }
                exchange.phase = Phase::Refused;
                exchange.plan = Plan::Whole;
            }
        });
    }

    pub(crate) fn connection_closed(&self) {
        if let Some(exchange) = self.with(Option::take) {
            self.journal.abandoned(exchange.request);
        }
    }

    /// Records received bytes. The first bytes after a reply start the next request.
    fn received(&self, bytes: &[u8]) {
        let request = self.with(|exchange| match exchange {
            Some(current) if current.phase == Phase::Refused => None,
            Some(current) if current.phase != Phase::Replying => Some(current.request),
            _ => {
                let request = self.journal.begin(self.connection);
                *exchange = Some(Exchange {
                    request,
                    phase: Phase::Receiving,
                    plan: Plan::Whole,
                });
                Some(request)
            }
        });
        if let Some(request) = request {
            self.journal.received(self.connection, request, bytes);
        }
    }

    fn plan(&self) -> Plan {
        self.with(|exchange| exchange.as_ref().map_or(Plan::Whole, |e| e.plan))
    }

    fn request(&self) -> Option<u64> {
        self.with(|exchange| exchange.as_ref().map(|e| e.request))
    }

    fn sent(&self, bytes: usize) {
        self.with(|exchange| {
            if let Some(Exchange {
                plan: Plan::StopAfter { left, .. },
                ..
            }) = exchange
            {
                *left -= bytes;
            }
        });
    }
}

/// The stream hyper reads and writes.
pub(crate) struct FaultyStream<S> {
    stream: S,
    tracker: Arc<ExchangeTracker>,
    pause: Option<Pin<Box<Sleep>>>,
    was_reset: bool,
}

impl<S: Socket> FaultyStream<S> {
    pub(crate) fn new(stream: S, tracker: Arc<ExchangeTracker>) -> Self {
        Self {
            stream,
            tracker,
            pause: None,
            was_reset: false,
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let request = self.tracker.request();
        let written = self.tracker.journal.sending(
            request,
            || stream.poll_write(cx, bytes),
            |written| match written {
                Poll::Ready(Ok(n)) => *n,
                _ => 0,
            },
        );
        if let Poll::Ready(Ok(n)) = written {
            self.tracker.sent(n);
        }
        written
    }

    /// Ends the reply as a fault requires. Always an error.
    fn end(&mut self, cx: &mut Context<'_>, end: End) -> Poll<io::Error> {
        let error = |kind: io::ErrorKind| Poll::Ready(io::Error::from(kind));
        match end {
            End::Reset => {
                reset_on_close(self.stream.tcp());
                self.was_reset = true;
                error(io::ErrorKind::ConnectionReset)
            }
            End::Close => {
                let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
                error(io::ErrorKind::BrokenPipe)
            }
            End::Stall => {
                let _ = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                let mut discarded = [0; 256];
                loop {
                    let mut discarded = ReadBuf::new(&mut discarded);
                    match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut discarded)) {
                        Ok(()) if !discarded.filled().is_empty() => {}
                        _ => return error(io::ErrorKind::BrokenPipe),
                    }
                }
            }
        }
    }
}

impl<S: Socket> AsyncRead for FaultyStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let bytes = &buf.filled()[before..];
        if !bytes.is_empty() {
            this.tracker.received(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for FaultyStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.tracker.plan() {
            Plan::Whole => this.write(cx, buf),
            Plan::StopAfter { left: 0, end } => this.end(cx, end).map(Err),
            Plan::StopAfter { left, .. } => {
                let cut = buf.len().min(left);
                this.write(cx, &buf[..cut])
            }
            Plan::Drip { pause } => {
                if let Some(sleep) = &mut this.pause {
                    // TLS buffers a record until it is flushed.
                    ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
                    ready!(sleep.as_mut().poll(cx));
                }
                let written = ready!(this.write(cx, &buf[..buf.len().min(1)]));
                this.pause = Some(Box::pin(sleep(pause)));
                Poll::Ready(written)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.tracker.plan() {
            Plan::StopAfter { left: 0, end } => this.end(cx, end).map(Err),
            _ => Pin::new(&mut this.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.was_reset {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
