//! Connecting to one of several addresses: the first connection wins (RFC 8305, "Happy Eyeballs").
//!
//! One address that never answers, a broken IPv6 mostly, must not cost the time of the call. So the
//! next is tried a moment later, beside it. All of it happens on the caller's thread.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::call::Call;
use super::tcp::timed_out;

/// How long an attempt is alone before the next begins: the "Connection Attempt Delay" that RFC 8305
/// recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// The first connection that comes about, before `give_up`; the other attempts are given up. The error is
/// that of the last attempt which failed. `losers` gets the addresses that were tried before the one that
/// won.
pub(super) fn connect_first(
    call: &Call,
    addresses: &[SocketAddr],
    give_up: Instant,
    losers: &mut Vec<SocketAddr>,
) -> Result<std::net::TcpStream, ureq::Error> {
    let mut race = Race {
        poll: Poll::new()?,
        attempts: Vec::new(),
        failure: ureq::Error::HostNotFound,
    };
    let mut events = Events::with_capacity(addresses.len().max(1));
    let mut waiting = alternating(addresses).into_iter().peekable();
    let mut next_begins = Instant::now();
    loop {
        if waiting.peek().is_none() && !race.is_on() {
            return Err(race.failure);
        }
        let left = give_up.saturating_duration_since(Instant::now());
        let slice = call.slice().filter(|_| !left.is_zero());
        let slice = slice.ok_or_else(timed_out)?.min(left);
        let until_next = next_begins.saturating_duration_since(Instant::now());
        if let Some(address) = waiting.next_if(|_| !race.is_on() || until_next.is_zero()) {
            losers.push(address);
            next_begins = Instant::now();
            if race.begin(address) {
                next_begins += HEAD_START;
            }
            continue;
        }
        let pause = match waiting.peek() {
            Some(_) => slice.min(until_next),
            None => slice,
        };
        match race.poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let attempt = event.token().0;
            match race.settle(attempt) {
                Settled::Connected(connected) => {
                    losers.truncate(attempt);
                    return Ok(connected?);
                }
                // Nobody waits any longer for one that has failed.
                Settled::Failed => next_begins = Instant::now(),
                Settled::NotYet => {}
            }
        }
    }
}

/// The attempts of one race.
struct Race {
    poll: Poll,
    /// By their token. `None` where one has failed.
    attempts: Vec<Option<TcpStream>>,
    failure: ureq::Error,
}

enum Settled {
    NotYet,
    Failed,
    Connected(io::Result<std::net::TcpStream>),
}

impl Race {
    fn is_on(&self) -> bool {
        self.attempts.iter().any(Option::is_some)
    }

    /// Whether the attempt is on; it may fail at once.
    fn begin(&mut self, address: SocketAddr) -> bool {
        let token = Token(self.attempts.len());
        let begun = TcpStream::connect(address).and_then(|mut stream| {
            let registry = self.poll.registry();
            registry.register(&mut stream, token, Interest::WRITABLE)?;
            Ok(stream)
        });
        self.attempts.push(match begun {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.failure = error.into();
                None
            }
        });
        self.attempts.last().is_some_and(Option::is_some)
    }

    /// What has become of an attempt about which the system has something to say.
    fn settle(&mut self, attempt: usize) -> Settled {
        let Some(Some(stream)) = self.attempts.get(attempt) else {
            return Settled::NotYet;
        };
        // An event may come before the connection: then there is neither an error nor a peer.
        let error = match (stream.take_error(), stream.peer_addr()) {
            (Ok(None), Ok(_)) => {
                return match self.attempts[attempt].take() {
                    Some(won) => Settled::Connected(self.hand_over(won)),
                    None => Settled::NotYet,
                };
            }
            (Ok(Some(error)) | Err(error), _) => error,
            (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => {
                return Settled::NotYet;
            }
            (Ok(None), Err(error)) => error,
        };
        self.failure = error.into();
        self.attempts[attempt] = None;
        Settled::Failed
    }

    /// A connection that blocks, as the rest of this library has it.
    fn hand_over(&self, mut won: TcpStream) -> io::Result<std::net::TcpStream> {
        self.poll.registry().deregister(&mut won)?;
        let stream = std::net::TcpStream::from(won);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }
}

/// The addresses in the system's order, but the two families by turns: it is one family, as a whole,
/// that does not work.
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let of_first = |address: &&SocketAddr| address.is_ipv4() == first.is_ipv4();
    let mut ones = addresses.iter().filter(of_first);
    let mut others = addresses.iter().filter(|address| !of_first(address));
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        let turn = [ones.next(), others.next()];
        if turn == [None, None] {
            return ordered;
        }
        ordered.extend(turn.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    /// Which address won, and which lost.
    fn race(
        addresses: &[SocketAddr],
        cancel: Option<CancelToken>,
    ) -> Result<(SocketAddr, Vec<SocketAddr>), String> {
        let long = Duration::from_secs(20);
        Call::lasting(long, cancel.as_ref()).run(|call| {
            let mut losers = Vec::new();
            let won = connect_first(call, addresses, call.until(), &mut losers);
            let won = won.and_then(|won| Ok(won.peer_addr()?));
            Ok((won.map_err(|error| error.to_string())?, losers))
        })
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    /// An address that takes no connection and refuses none: its backlog is full.
    struct Silent {
        address: SocketAddr,
        _listener: TcpListener,
        _waiting: Vec<TcpStream>,
    }

    impl Silent {
        fn new() -> Self {
            let (listener, address) = listener();
            // More than the backlog holds: the rest wait, as ours will.
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

    /// How many connections have come.
    fn accepted(listener: &TcpListener) -> usize {
        listener.set_nonblocking(true).expect("a listener");
        std::iter::from_fn(|| listener.accept().ok()).count()
    }

    #[test]
    fn one_that_never_answers_keeps_nobody_from_the_next() {
        let silent = Silent::new();
        let (good, address) = listener();
        let won = race(&[silent.address, address], None);
        assert_eq!(won, Ok((address, vec![silent.address])));
        assert_eq!(accepted(&good), 1);
    }

    #[test]
    fn the_first_that_answers_is_asked_alone() {
        let ((first, address), (second, other)) = (listener(), listener());
        assert_eq!(race(&[address, other], None), Ok((address, vec![])));
        assert_eq!((accepted(&first), accepted(&second)), (1, 0));
    }

    #[test]
    fn one_that_refuses_is_followed_by_the_next_and_the_last_says_why() {
        let (good, address) = listener();
        let refusing = [refusing(), refusing()];
        let won = race(&[refusing[0], refusing[1], address], None);
        assert_eq!(won, Ok((address, refusing.to_vec())));
        assert_eq!(accepted(&good), 1);
        let error = race(&refusing, None).expect_err("nobody");
        assert!(error.contains("refused"), "{error}");
        assert!(race(&[], None).is_err());
    }

    #[test]
    fn one_that_fails_beside_a_silent_one_is_followed_at_once() {
        let silent = Silent::new();
        let (good, address) = listener();
        // The third would begin half a second after the first, and the race is given up before.
        let addresses = [silent.address, refusing(), address];
        let long = Duration::from_secs(20);
        let mut losers = Vec::new();
        let won = Call::lasting(long, None).run(|call| {
            let give_up = Instant::now() + HEAD_START + HEAD_START * 9 / 10;
            connect_first(call, &addresses, give_up, &mut losers)
        });
        assert!(won.is_ok(), "{:?}", won.err());
        assert_eq!(losers, addresses[..2]);
        assert_eq!(accepted(&good), 1);
    }

    #[test]
    fn the_connection_blocks() {
        let (good, address) = listener();
        let long = Duration::from_secs(20);
        let call = Call::lasting(long, None);
        let mut won = call
            .run(|call| connect_first(call, &[address], call.until(), &mut Vec::new()))
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
    fn a_cancelled_race_ends() {
        let silent = Silent::new();
        let cancel = CancelToken::new();
        let from_elsewhere = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            from_elsewhere.cancel();
        });
        assert!(race(&[silent.address], Some(cancel)).is_err());
    }

    #[test]
    fn the_families_take_turns() {
        let four = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 443));
        let six = |last| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last), 443));
        let ordered = alternating(&[six(1), six(2), six(3), four(1), four(2)]);
        assert_eq!(ordered, [six(1), four(1), six(2), four(2), six(3)]);
        assert_eq!(alternating(&[four(1), four(2)]), [four(1), four(2)]);
        assert_eq!(alternating(&[]), []);
    }
}
