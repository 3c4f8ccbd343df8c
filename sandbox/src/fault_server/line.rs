//! A connection, plain or TLS, that is read and written byte by byte as a script says.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// How long one system call may block before it is looked whether the lease is over.
const SLICE: Duration = Duration::from_millis(20);
/// How long the peer's last bytes are waited for.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulled {
    /// Something came.
    Some,
    /// Nothing came for a while.
    Nothing,
    /// Nothing will come any more.
    End,
}

pub(super) struct Line {
    /// None once it was reset or cut.
    stream: Option<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    /// What came, above TLS.
    pub(super) received: Vec<u8>,
    /// How many bytes went out, above TLS.
    pub(super) sent: u64,
    ended: bool,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SLICE))?;
        stream.set_write_timeout(Some(SLICE))?;
        Ok(Self {
            stream: Some(stream),
            tls: None,
            received: Vec::new(),
            sent: 0,
            ended: false,
        })
    }

    /// Reads what comes next, `most` bytes at most (inside TLS, about as many).
    pub(super) fn pull(&mut self, most: usize) -> Pulled {
        let (false, Some(stream)) = (self.ended, &mut self.stream) else {
            return Pulled::End;
        };
        let mut piece = [0; 16 * 1024];
        // In small pieces inside TLS, so that no more records are opened than are asked for.
        let most = match self.tls {
            Some(_) => most.clamp(64, 1024),
            None => most.clamp(1, piece.len()),
        };
        let pulled = match stream.read(&mut piece[..most]) {
            Ok(0) => Pulled::End,
            Ok(length) => self.take_in(&piece[..length]),
            Err(error) if is_passing(&error) => Pulled::Nothing,
            Err(_) => Pulled::End,
        };
        self.ended = pulled == Pulled::End;
        pulled
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Pulled {
        let Some(tls) = &mut self.tls else {
            self.received.extend_from_slice(bytes);
            return Pulled::Some;
        };
        while !bytes.is_empty() {
            match tls.read_tls(&mut bytes) {
                Ok(0) | Err(_) => return Pulled::End,
                Ok(_) => {}
            }
            let Ok(state) = tls.process_new_packets() else {
                return Pulled::End;
            };
            let came = state.plaintext_bytes_to_read();
            let before = self.received.len();
            self.received.resize(before + came, 0);
            if tls
                .reader()
                .read_exact(&mut self.received[before..])
                .is_err()
            {
                return Pulled::End;
            }
        }
        Pulled::Some
    }

    /// Sends, inside TLS where there is TLS. False when the peer is gone or `stop` says so.
    pub(super) fn send(&mut self, bytes: &[u8], stop: impl Fn() -> bool) -> bool {
        for piece in bytes.chunks(16 * 1024) {
            let sealed = match &mut self.tls {
                Some(tls) => {
                    if tls.writer().write_all(piece).is_err() {
                        return false;
                    }
                    pending(tls)
                }
                None => piece.to_vec(),
            };
            if !self.send_raw(&sealed, &stop) {
                return false;
            }
            self.sent += piece.len() as u64;
        }
        true
    }

    /// Sends beneath TLS.
    pub(super) fn send_raw(&mut self, mut bytes: &[u8], stop: impl Fn() -> bool) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(0) => return false,
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_passing(&error) && !stop() => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Begins TLS: reads the client's hello and gives the flight that answers it, unsent. `None` when
    /// there is none.
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
                return Some(pending(tls));
            }
            match self.pull(1024) {
                Pulled::End => return None,
                Pulled::Nothing if stop() => return None,
                _ => {}
            }
        }
    }

    /// Ends a handshake that was begun. False when it fails.
    pub(super) fn end_tls(&mut self, stop: impl Fn() -> bool) -> bool {
        loop {
            let Some(tls) = &mut self.tls else {
                return false;
            };
            let done = !tls.is_handshaking();
            let last = pending(tls);
            if !self.send_raw(&last, &stop) {
                return false;
            }
            if done {
                return true;
            }
            match self.pull(1024) {
                Pulled::End => return false,
                Pulled::Nothing if stop() => return false,
                _ => {}
            }
        }
    }

    /// Forgets what came, which was for the proxy.
    pub(super) fn forget(&mut self) {
        self.received.clear();
        self.sent = 0;
    }

    /// Reads what has come by now.
    fn take_what_came(&mut self) {
        let nonblocking = |line: &Self, on| {
            let stream = line.stream.as_ref();
            stream.is_some_and(|stream| stream.set_nonblocking(on).is_ok())
        };
        if nonblocking(self, true) {
            while self.pull(16 * 1024) == Pulled::Some {}
            nonblocking(self, false);
        }
    }

    /// Reads until the peer closes: what it handed over counts, read by anybody or not.
    pub(super) fn drain(&mut self) {
        let until = Instant::now() + LAST_BYTES;
        while self.pull(16 * 1024) != Pulled::End && Instant::now() < until {}
    }

    /// Resets, at once. What came until now counts.
    pub(super) fn reset(&mut self) {
        self.take_what_came();
        if let Some(stream) = &self.stream {
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.stream = None;
    }

    /// Closes for writing in an orderly way, and reads on to the end.
    pub(super) fn close(&mut self) {
        self.take_what_came();
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let goodbye = pending(tls);
            self.send_raw(&goodbye, || true);
        }
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.drain();
    }

    /// Leaves the close to the system, at once and without a word: what comes later is answered with
    /// a reset.
    pub(super) fn cut(&mut self) {
        self.take_what_came();
        self.stream = None;
    }
}

/// What TLS has to say.
fn pending(tls: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() && tls.write_tls(&mut bytes).is_ok() {}
    bytes
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
