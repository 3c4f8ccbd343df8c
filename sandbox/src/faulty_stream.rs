//! A tap on a stream: it counts what flows above TLS, and it cuts, stalls, slows or resets an answer
//! where a fault says so.

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

/// A stream that still knows its TCP socket.
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

/// Makes the coming close of `tcp` a reset: RST instead of FIN, whatever is still unsent thrown away.
pub(crate) fn reset_on_close(tcp: &TcpStream) {
    // Fails only on a socket that is gone already.
    let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

/// How the answer to one request goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// As it is.
    Whole,
    /// `left` bytes more, then the end.
    Until { left: usize, end: End },
    /// One byte, a pause, one byte.
    Drip { pause: Duration },
}

/// How an answer ends before its time.
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
    Answering,
    /// It was not for the sandbox: nothing of this connection is noted any more.
    Refused,
}

struct Exchange {
    request: u64,
    phase: Phase,
    plan: Plan,
}

/// What the tap and the service of one connection share.
pub(crate) struct Wire {
    connection: u64,
    journal: Arc<Journal>,
    exchange: Mutex<Option<Exchange>>,
}

impl Wire {
    pub(crate) fn new(connection: u64, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self {
            connection,
            journal,
            exchange: Mutex::new(None),
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Exchange>) -> T) -> T {
        act(&mut self.exchange.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The request that has arrived whole.
    pub(crate) fn arrived(&self) -> Option<u64> {
        self.with(|exchange| {
            let exchange = exchange.as_mut()?;
            exchange.phase = Phase::Processing;
            Some(exchange.request)
        })
    }

    /// From here on the answer goes out, by this plan.
    pub(crate) fn answer(&self, plan: Plan) {
        self.with(|exchange| {
            if let Some(exchange) = exchange {
                exchange.phase = Phase::Answering;
                exchange.plan = plan;
            }
        });
    }

    /// The request that has begun to arrive is to be forgotten, and so is all that follows it.
    pub(crate) fn refuse(&self) {
        self.with(|exchange| {
            if let Some(exchange) = exchange {
                // One that came along with its predecessor has no record of its own.
                if exchange.phase != Phase::Answering {
                    self.journal.forget(exchange.request);
                }
                exchange.phase = Phase::Refused;
                exchange.plan = Plan::Whole;
            }
        });
    }

    pub(crate) fn over(&self) {
        if let Some(exchange) = self.with(Option::take) {
            self.journal.abandoned(exchange.request);
        }
    }

    /// Bytes came in. The first ones after an answer begin the next request.
    fn received(&self, bytes: &[u8]) {
        let request = self.with(|exchange| match exchange {
            Some(known) if known.phase == Phase::Refused => None,
            Some(known) if known.phase != Phase::Answering => Some(known.request),
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
                plan: Plan::Until { left, .. },
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
    wire: Arc<Wire>,
    pause: Option<Pin<Box<Sleep>>>,
    was_reset: bool,
}

impl<S: Socket> FaultyStream<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        Self {
            stream,
            wire,
            pause: None,
            was_reset: false,
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let request = self.wire.request();
        let written = self.wire.journal.sending(
            request,
            || stream.poll_write(cx, bytes),
            |written| match written {
                Poll::Ready(Ok(n)) => *n,
                _ => 0,
            },
        );
        if let Poll::Ready(Ok(n)) = written {
            self.wire.sent(n);
        }
        written
    }

    /// The end that a fault ordered. It never returns well.
    fn end(&mut self, cx: &mut Context<'_>, end: End) -> Poll<io::Error> {
        let over = |kind: io::ErrorKind| Poll::Ready(io::Error::from(kind));
        match end {
            End::Reset => {
                reset_on_close(self.stream.tcp());
                self.was_reset = true;
                over(io::ErrorKind::ConnectionReset)
            }
            End::Close => {
                let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
                over(io::ErrorKind::BrokenPipe)
            }
            End::Stall => {
                let _ = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                let mut waste = [0; 256];
                loop {
                    let mut waste = ReadBuf::new(&mut waste);
                    match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut waste)) {
                        Ok(()) if !waste.filled().is_empty() => {}
                        _ => return over(io::ErrorKind::BrokenPipe),
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
            this.wire.received(bytes);
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
        match this.wire.plan() {
            Plan::Whole => this.write(cx, buf),
            Plan::Until { left: 0, end } => this.end(cx, end).map(Err),
            Plan::Until { left, .. } => {
                let cut = buf.len().min(left);
                this.write(cx, &buf[..cut])
            }
            Plan::Drip { pause } => {
                if let Some(waiting) = &mut this.pause {
                    // TLS keeps a record back until it is told to let go.
                    ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
                    ready!(waiting.as_mut().poll(cx));
                }
                let written = ready!(this.write(cx, &buf[..buf.len().min(1)]));
                this.pause = Some(Box::pin(sleep(pause)));
                Poll::Ready(written)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.wire.plan() {
            Plan::Until { left: 0, end } => this.end(cx, end).map(Err),
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
