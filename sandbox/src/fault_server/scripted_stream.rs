//! A server-side connection, plain or TLS, that a script reads and writes byte by byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// How long one system call may block before the server checks whether the lease is over.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long to wait for the peer's last bytes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadResult {
    /// Bytes were read.
    Data,
    /// Nothing to read now.
    Nothing,
    /// End of stream, or an error.
    End,
}

pub(super) struct ScriptedStream {
    /// `None` after a reset or a cut.
    stream: Option<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    /// The bytes received, above TLS.
    pub(super) received: Vec<u8>,
    /// How many bytes were sent, above TLS.
    pub(super) sent: u64,
    ended: bool,
}

impl ScriptedStream {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(POLL_INTERVAL))?;
        stream.set_write_timeout(Some(POLL_INTERVAL))?;
        Ok(Self {
            stream: Some(stream),
            tls: None,
            received: Vec::new(),
            sent: 0,
            ended: false,
        })
    }

    /// Reads at max `max` bytes (with TLS, approximately).
    pub(super) fn read(&mut self, max: usize) -> ReadResult {
        let (false, Some(stream)) = (self.ended, &mut self.stream) else {
            return ReadResult::End;
        };
        let mut piece = [0; 16 * 1024];
        // With TLS, read small pieces, to decrypt no more records than required.
        let max = match self.tls {
            Some(_) => max.clamp(64, 1024),
            None => max.clamp(1, piece.len()),
        };
        let result = match stream.read(&mut piece[..max]) {
            Ok(0) => ReadResult::End,
            Ok(length) => self.decrypt(&piece[..length]),
            Err(error) if is_temporary(&error) => ReadResult::Nothing,
            Err(_) => ReadResult::End,
        };
        self.ended = result == ReadResult::End;
        result
    }

    fn decrypt(&mut self, mut bytes: &[u8]) -> ReadResult {
        let Some(tls) = &mut self.tls else {
            self.received.extend_from_slice(bytes);
            return ReadResult::Data;
        };
        while !bytes.is_empty() {
            match tls.read_tls(&mut bytes) {
                Ok(0) | Err(_) => return ReadResult::End,
                Ok(_) => {}
            }
            let Ok(state) = tls.process_new_packets() else {
                return ReadResult::End;
            };
            let length = state.plaintext_bytes_to_read();
            let before = self.received.len();
            self.received.resize(before + length, 0);
            if tls
                .reader()
                .read_exact(&mut self.received[before..])
                .is_err()
            {
                return ReadResult::End;
            }
        }
        ReadResult::Data
    }

    /// Sends through TLS if the connection has it. False if the peer is gone or `stop` returns true.
    pub(super) fn send(&mut self, bytes: &[u8], stop: impl Fn() -> bool) -> bool {
        for piece in bytes.chunks(16 * 1024) {
            let record = match &mut self.tls {
                Some(tls) => {
                    if tls.writer().write_all(piece).is_err() {
                        return false;
                    }
                    outgoing(tls)
                }
                None => piece.to_vec(),
            };
            if !self.send_raw(&record, &stop) {
                return false;
            }
            self.sent += piece.len() as u64;
        }
        true
    }

    /// Sends below TLS, unencrypted.
    pub(super) fn send_raw(&mut self, mut bytes: &[u8], stop: impl Fn() -> bool) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(0) => return false,
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_temporary(&error) && !stop() => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Starts TLS: reads the client's hello and returns the server's first flight, not yet sent. `None`
    /// if the handshake fails.
    pub(super) fn begin_tls(
        &mut self,
        config: &Arc<ServerConfig>,
        stop: impl Fn() -> bool,
    ) -> Option<Vec<u8>> {
        let mut tls = ServerConnection::new(Arc::clone(config)).ok()?;
        tls.set_buffer_limit(None);
        self.tls = Some(Box::new(tls));
        loop {
            if let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
                return Some(outgoing(tls));
            }
            match self.read(1024) {
                ReadResult::End => return None,
                ReadResult::Nothing if stop() => return None,
                _ => {}
            }
        }
    }

    /// Completes the handshake. False if it fails.
    pub(super) fn complete_tls(&mut self, stop: impl Fn() -> bool) -> bool {
        loop {
            let Some(tls) = &mut self.tls else {
                return false;
            };
            let done = !tls.is_handshaking();
            let bytes = outgoing(tls);
            if !self.send_raw(&bytes, &stop) {
                return false;
            }
            if done {
                return true;
            }
            match self.read(1024) {
                ReadResult::End => return false,
                ReadResult::Nothing if stop() => return false,
                _ => {}
            }
        }
    }

    /// Discards the bytes received and sent so far, which belong to the proxy.
    pub(super) fn discard(&mut self) {
        self.received.clear();
        self.sent = 0;
    }

    /// Reads everything that is available now.
    fn read_available(&mut self) {
        let nonblocking = |line: &Self, on| {
            let stream = line.stream.as_ref();
            stream.is_some_and(|stream| stream.set_nonblocking(on).is_ok())
        };
        if nonblocking(self, true) {
            while self.read(16 * 1024) == ReadResult::Data {}
            nonblocking(self, false);
        }
    }

    /// Reads until the peer closes, so that all its bytes are recorded, even those no script reads.
    pub(super) fn drain(&mut self) {
        let until = Instant::now() + DRAIN_TIMEOUT;
        while self.read(16 * 1024) != ReadResult::End && Instant::now() < until {}
    }

    /// Resets the connection at once. Bytes received until now are recorded.
    pub(super) fn reset(&mut self) {
        self.read_available();
        if let Some(stream) = &self.stream {
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.stream = None;
    }

    /// Closes for writing, with close_notify if there is TLS, and reads until the peer closes.
    pub(super) fn close(&mut self) {
        self.read_available();
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let close_notify = outgoing(tls);
            self.send_raw(&close_notify, || true);
        }
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.drain();
    }

    /// Closes the socket at once, without close_notify. The system replies with RST to later data.
    pub(super) fn cut(&mut self) {
        self.read_available();
        self.stream = None;
    }
}

/// The bytes that TLS has to send.
fn outgoing(tls: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() && tls.write_tls(&mut bytes).is_ok() {}
    bytes
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
