//! A port of the fault server, and its leases: who armed it, for which call, and what was seen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Authorities;
use super::ledger::Ledger;
use super::life::{Armed, Life};
use super::play;

/// Another address of this machine.
const SECOND_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the server's own threads may take to come to an end when a lease is over.
const SETTLE: Duration = Duration::from_secs(10);

/// A port.
pub(super) struct Slot {
    address: SocketAddr,
    /// The same port of 127.0.0.2, which does not answer.
    _silent: super::Silent,
    current: Mutex<Current>,
    changed: Condvar,
}

#[derive(Default)]
struct Current {
    life: Option<Arc<Life>>,
    /// A connection of the server's own, made to learn that all before it were accepted.
    sentinel: Option<SocketAddr>,
    stop: bool,
}

impl Slot {
    pub(super) fn listen() -> io::Result<(Arc<Self>, TcpListener)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let slot = Self {
            address,
            _silent: super::silent((SECOND_ADDRESS, address.port()).into())?,
            current: Mutex::default(),
            changed: Condvar::new(),
        };
        Ok((Arc::new(slot), listener))
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts until told to stop.
    pub(super) fn run(self: &Arc<Self>, listener: &TcpListener, authorities: &Arc<Authorities>) {
        loop {
            let Ok((stream, peer)) = listener.accept() else {
                continue;
            };
            let mut current = self.current();
            if current.stop {
                return;
            }
            if current.sentinel == Some(peer) {
                current.sentinel = None;
                self.changed.notify_all();
                continue;
            }
            let Some(life) = current.life.clone() else {
                continue;
            };
            drop(current);
            let number = life.accepts();
            let authorities = Arc::clone(authorities);
            std::thread::spawn(move || {
                let seen = play::connection(stream, number, &life, &authorities);
                life.ends(seen);
            });
        }
    }

    pub(super) fn stop(&self) {
        self.current().stop = true;
        let _ = TcpStream::connect(self.address);
    }

    /// Returns when everything that had connected before was accepted.
    fn catch_up(&self) -> io::Result<()> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        self.current().sentinel = socket.local_addr()?.as_socket();
        socket.connect(&self.address.into())?;
        let (current, _) = self
            .changed
            .wait_timeout_while(self.current(), SETTLE, |current| current.sentinel.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        match current.sentinel {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// A slot, armed. Only one lease of a slot may be alive at a time.
pub struct Lease {
    slot: Arc<Slot>,
    life: Arc<Life>,
}

impl Lease {
    pub(super) fn new(slot: &Arc<Slot>, armed: Armed) -> Self {
        let life = Arc::new(Life::new(armed));
        slot.current().life = Some(Arc::clone(&life));
        Self {
            slot: Arc::clone(slot),
            life,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.slot.port()
    }

    /// Waits until so many warm-ups were answered, and what was to follow them is done.
    pub fn wait_for_idle(&self, warm_ups: usize) -> bool {
        self.life.wait_for_idle(warm_ups, SETTLE)
    }

    /// Ends the lease, lets the server's threads come to an end, and gives what was seen. The calls
    /// are over and their client is freed by then, so that its connections are closed.
    pub fn finish(self) -> Ledger {
        let began = Instant::now();
        let caught_up = self.slot.catch_up().is_ok();
        self.slot.current().life = None;
        let mut ledger = self.life.end(SETTLE.saturating_sub(began.elapsed()));
        ledger.settled &= caught_up;
        ledger
    }
}
