//! A slot: one port of the fault server. A lease: the use of a slot by one test.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::TlsConfigs;
use super::lease_state::{Armed, LeaseState};
use super::ledger::Ledger;
use super::play;

/// Another address of this machine.
const SECOND_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the server's own threads may take to end after a lease.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A port.
pub(super) struct Slot {
    address: SocketAddr,
    /// The same port on 127.0.0.2, where connections get no reply.
    _silent: super::FullListener,
    current: Mutex<Current>,
    changed: Condvar,
}

#[derive(Default)]
struct Current {
    lease: Option<Arc<LeaseState>>,
    /// The server's own connection. When it is accepted, all earlier ones were accepted too.
    sentinel: Option<SocketAddr>,
    stop: bool,
}

impl Slot {
    pub(super) fn listen() -> io::Result<(Arc<Self>, TcpListener)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let slot = Self {
            address,
            _silent: super::full_listener((SECOND_ADDRESS, address.port()).into())?,
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

    /// Accepts connections until [`stop`](Self::stop).
    pub(super) fn run(self: &Arc<Self>, listener: &TcpListener, tls_configs: &Arc<TlsConfigs>) {
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
            let Some(lease) = current.lease.clone() else {
                continue;
            };
            drop(current);
            let number = lease.connection_accepted();
            let tls_configs = Arc::clone(tls_configs);
            std::thread::spawn(move || {
                let record = play::connection(stream, number, &lease, &tls_configs);
                lease.connection_ended(record);
            });
        }
    }

    pub(super) fn stop(&self) {
        self.current().stop = true;
        let _ = TcpStream::connect(self.address);
    }

    /// Returns when all connections made before this call were accepted.
    fn wait_for_accepts(&self) -> io::Result<()> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        self.current().sentinel = socket.local_addr()?.as_socket();
        socket.connect(&self.address.into())?;
        let (current, _) = self
            .changed
            .wait_timeout_while(self.current(), SETTLE_TIMEOUT, |current| {
                current.sentinel.is_some()
            })
            .unwrap_or_else(PoisonError::into_inner);
        match current.sentinel {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// An armed slot. A slot can have only one lease at a time.
pub struct Lease {
    slot: Arc<Slot>,
    state: Arc<LeaseState>,
}

impl Lease {
    pub(super) fn new(slot: &Arc<Slot>, armed: Armed) -> Self {
        let state = Arc::new(LeaseState::new(armed));
        slot.current().lease = Some(Arc::clone(&state));
        Self {
            slot: Arc::clone(slot),
            state,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.slot.port()
    }

    /// Waits until this many warm-ups have their reply and the steps after them are done.
    pub fn wait_for_idle(&self, warm_ups: usize) -> bool {
        self.state.wait_for_idle(warm_ups, SETTLE_TIMEOUT)
    }

    /// Ends the lease, waits for the server's threads, and returns the ledger. Before this call, all
    /// calls must be finished and their client freed, so that its connections are closed.
    pub fn finish(self) -> Ledger {
        let began = Instant::now();
        let all_accepted = self.slot.wait_for_accepts().is_ok();
        self.slot.current().lease = None;
        let mut ledger = self
            .state
            .end(SETTLE_TIMEOUT.saturating_sub(began.elapsed()));
        ledger.settled &= all_accepted;
        ledger
    }
}
