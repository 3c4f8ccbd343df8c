//! Connecting to one of several addresses: the first connection wins (RFC 8305, "Happy Eyeballs").
//!
//! An address that never responds, mostly because of broken IPv6, must not use up the time of the call.
//! So the next address is tried in parallel a moment later. All of this runs on the caller's thread.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::call::Call;
use super::tcp::timed_out;
use crate::trace::{Step, error_word};

/// The time between the starts of two attempts: the "Connection Attempt Delay" that RFC 8305
/// recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Returns the first connection that is established before `deadline`, and the addresses that were
/// tried before it. The other attempts are aborted. The error is that of the last failed attempt.
pub(super) fn connect_first(
    call: &Call,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<(std::net::TcpStream, Vec<SocketAddr>), ureq::Error> {
    let mut race = Race {
        call,
        poll: Poll::new()?,
        attempts: Vec::new(),
        last_error: ureq::Error::HostNotFound,
    };
    let mut events = Events::with_capacity(addresses.len().max(1));
    // In the order of the attempts: the index is the mio token.
    let mut tried = Vec::new();
    let mut untried = interleave_families(addresses).into_iter().peekable();
    let mut next_start = Instant::now();
    loop {
        if untried.peek().is_none() && !race.has_pending_attempts() {
            return Err(std::mem::replace(&mut race.last_error, timed_out()));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out());
        }
        let timeout = call.next_timeout().ok_or_else(timed_out)?.min(left);
        let until_next = next_start.saturating_duration_since(Instant::now());
        let may_start = !race.has_pending_attempts() || until_next.is_zero();
        if may_start && let Some(address) = untried.next() {
            tried.push(address);
            next_start = Instant::now();
            if race.start_attempt(address) {
                next_start += ATTEMPT_DELAY;
            }
            continue;
        }
        let pause = match untried.peek() {
            Some(_) => timeout.min(until_next),
            None => timeout,
        };
        match race.poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let attempt = event.token().0;
            match race.check_attempt(attempt) {
                AttemptState::Connected(connected) => {
                    tried.truncate(attempt);
                    return Ok((connected?, tried));
                }
                // The next attempt starts at once.
                AttemptState::Failed => next_start = Instant::now(),
                AttemptState::Pending => {}
            }
        }
    }
}

/// The attempts of one race.
struct Race<'c> {
    call: &'c Call,
    poll: Poll,
    /// Indexed by their mio token.
    attempts: Vec<Attempt>,
    last_error: ureq::Error,
}

struct Attempt {
    address: SocketAddr,
    /// `None` if the attempt failed, or has won.
    stream: Option<TcpStream>,
}

enum AttemptState {
    Pending,
    Failed,
    Connected(io::Result<std::net::TcpStream>),
}

impl Race<'_> {
    fn has_pending_attempts(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.stream.is_some())
    }

    /// Returns whether the attempt is pending; it may fail at once.
    fn start_attempt(&mut self, address: SocketAddr) -> bool {
        let token = Token(self.attempts.len());
        let begun = TcpStream::connect(address).and_then(|mut stream| {
            let registry = self.poll.registry();
            registry.register(&mut stream, token, Interest::WRITABLE)?;
            Ok(stream)
        });
        self.call.record(|| Step::Connecting {
            address: address.to_string(),
        });
        let stream = match begun {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.record_failure(address, error);
                None
            }
        };
        let is_pending = stream.is_some();
        self.attempts.push(Attempt { address, stream });
        is_pending
    }

    /// The state of an attempt, after an event for it.
    fn check_attempt(&mut self, attempt: usize) -> AttemptState {
        let Attempt { address, stream } = &mut self.attempts[attempt];
        let address = *address;
        let Some(stream) = stream else {
            return AttemptState::Pending;
        };
        // An event may arrive before the connection is established: then there is no error and no peer.
        let error = match (stream.take_error(), stream.peer_addr()) {
            (Ok(None), Ok(_)) => {
                self.call.record(|| Step::Connected {
                    address: address.to_string(),
                });
                return match self.attempts[attempt].stream.take() {
                    Some(won) => AttemptState::Connected(self.make_blocking(won)),
                    None => AttemptState::Pending,
                };
            }
            (Ok(Some(error)) | Err(error), _) => error,
            (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => {
                return AttemptState::Pending;
            }
            (Ok(None), Err(error)) => error,
        };
        self.record_failure(address, error);
        self.attempts[attempt].stream = None;
        AttemptState::Failed
    }

    fn record_failure(&mut self, address: SocketAddr, error: io::Error) {
        self.call.record(|| Step::ConnectFailed {
            address: address.to_string(),
            error: error_word(error.kind()),
        });
        self.last_error = error.into();
    }

    /// Makes the connection blocking, which the other layers expect.
    fn make_blocking(&self, mut won: TcpStream) -> io::Result<std::net::TcpStream> {
        self.poll.registry().deregister(&mut won)?;
        let stream = std::net::TcpStream::from(won);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }
}

impl Drop for Race<'_> {
    /// Ends the attempts that are still pending.
    fn drop(&mut self) {
        for attempt in &self.attempts {
            if attempt.stream.is_some() {
                self.call.record(|| Step::ConnectAbandoned {
                    address: attempt.address.to_string(),
                });
            }
        }
    }
}

/// The addresses in the system's order, but IPv4 and IPv6 alternate: if an address does not work,
/// usually its whole family does not.
fn interleave_families(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let is_first_family = |address: &&SocketAddr| address.is_ipv4() == first.is_ipv4();
    let mut first_family = addresses.iter().filter(is_first_family);
    let mut other_family = addresses.iter().filter(|address| !is_first_family(address));
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        let pair = [first_family.next(), other_family.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    /// The address that connected, and those that were tried before it.
    fn race(
        addresses: &[SocketAddr],
        cancel: Option<CancelToken>,
    ) -> Result<(SocketAddr, Vec<SocketAddr>), String> {
        let long = Duration::from_secs(20);
        Call::with_timeout(long, cancel.as_ref()).run(|call| {
            let (won, tried_before) = connect_first(call, addresses, call.stage_deadline())
                .map_err(|error| error.to_string())?;
            let won = won.peer_addr().map_err(|error| error.to_string())?;
            Ok((won, tried_before))
        })
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    /// An address that neither accepts nor refuses a connection: its backlog is full.
    struct UnresponsiveHost {
        address: SocketAddr,
        _listener: TcpListener,
        _waiting: Vec<TcpStream>,
    }

    impl UnresponsiveHost {
        fn new() -> Self {
            let (listener, address) = listener();
            // More than fit into the backlog: the others wait, and so will the test's connection.
            let waiting = (0..300).map_while(|_| TcpStream::connect(address).ok());
            let waiting = waiting.collect();
            Self {
                address,
                _listener: listener,
                _waiting: waiting,
            }
        }
    }

    fn refusing() -> SocketAddr {
        listener().1
    }

    /// The number of connections received.
    fn accepted(listener: &TcpListener) -> usize {
        listener.set_nonblocking(true).expect("a listener");
        std::iter::from_fn(|| listener.accept().ok()).count()
    }

    #[test]
    fn after_an_unresponsive_address_the_next_is_tried() {
        let unresponsive = UnresponsiveHost::new();
        let (good, address) = listener();
        let won = race(&[unresponsive.address, address], None);
        assert_eq!(won, Ok((address, vec![unresponsive.address])));
        assert_eq!(accepted(&good), 1);
    }

    #[test]
    fn if_the_first_address_connects_no_other_is_tried() {
        let ((first, address), (second, other)) = (listener(), listener());
        assert_eq!(race(&[address, other], None), Ok((address, vec![])));
        assert_eq!((accepted(&first), accepted(&second)), (1, 0));
    }

    #[test]
    fn after_a_refusal_the_next_is_tried_and_the_error_is_the_last() {
        let (good, address) = listener();
        let refusing = [refusing(), refusing()];
        let won = race(&[refusing[0], refusing[1], address], None);
        assert_eq!(won, Ok((address, refusing.to_vec())));
        assert_eq!(accepted(&good), 1);
        let error = race(&refusing, None).expect_err("all refuse");
        assert!(error.contains("refused"), "{error}");
        assert!(race(&[], None).is_err());
    }

    #[test]
    fn after_a_failure_the_next_is_tried_at_once() {
        let unresponsive = UnresponsiveHost::new();
        let (good, address) = listener();
        // Without that, the third would start half a second after the first: after the deadline.
        let addresses = [unresponsive.address, refusing(), address];
        let long = Duration::from_secs(20);
        let won = Call::with_timeout(long, None).run(|call| {
            let deadline = Instant::now() + ATTEMPT_DELAY + ATTEMPT_DELAY * 9 / 10;
            connect_first(call, &addresses, deadline)
        });
        let (_, tried_before) = won.expect("connected");
        assert_eq!(tried_before, addresses[..2]);
        assert_eq!(accepted(&good), 1);
    }

    #[test]
    fn the_connection_is_blocking() {
        let (good, address) = listener();
        let long = Duration::from_secs(20);
        let call = Call::with_timeout(long, None);
        let (mut won, _) = call
            .run(|call| connect_first(call, &[address], call.stage_deadline()))
            .expect("connected");
        std::thread::spawn(move || {
            let (mut stream, _) = good.accept().expect("a connection");
            std::thread::sleep(Duration::from_millis(30));
            std::io::Write::write_all(&mut stream, b"x").expect("written");
        });
        let mut byte = [0];
        std::io::Read::read_exact(&mut won, &mut byte).expect("it waits for the byte");
    }

    #[test]
    fn cancelling_ends_the_race() {
        let unresponsive = UnresponsiveHost::new();
        let cancel = CancelToken::new();
        let other_thread = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            other_thread.cancel();
        });
        assert!(race(&[unresponsive.address], Some(cancel)).is_err());
    }

    #[test]
    fn the_address_families_alternate() {
        let four = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 443));
        let six = |last| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last), 443));
        let ordered = interleave_families(&[six(1), six(2), six(3), four(1), four(2)]);
        assert_eq!(ordered, [six(1), four(1), six(2), four(2), six(3)]);
        assert_eq!(interleave_families(&[four(1), four(2)]), [four(1), four(2)]);
        assert_eq!(interleave_families(&[]), []);
    }
}
