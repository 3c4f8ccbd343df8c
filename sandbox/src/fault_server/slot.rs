//! A port of the fault server, and its leases: who armed it, for which call, and what was seen.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Authorities;
use super::ledger::{Connection, Ledger};
use super::play;
use super::script::Script;
use crate::certificate::Certificate;

/// Another address of this machine.
const SECOND_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the server's own threads may take to come to an end when a lease is over.
const SETTLE: Duration = Duration::from_secs(10);

/// What a slot does during a lease.
#[derive(Clone, Debug, Default)]
pub struct Armed {
    /// TLS, with this certificate; `None`: plain.
    pub tls: Option<Tls>,
    /// Whether the slot is a proxy, which makes its tunnels to itself.
    pub proxy: bool,
    /// Who suffers what.
    pub plays: Plays,
}

/// The TLS of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate shown.
    pub certificate: Certificate,
    /// Only TLS 1.2 is spoken, instead of 1.2 and 1.3.
    pub only_tls12: bool,
}

/// Who suffers what.
#[derive(Clone, Debug)]
pub enum Plays {
    /// The first connection the first script, and so on; the last script serves all that follow.
    Connections(Vec<Arc<Script>>),
    /// By the id in the request, which is read whole: the first request with it the first script, and
    /// so on.
    Ids(HashMap<String, Vec<Arc<Script>>>),
}

impl Default for Plays {
    fn default() -> Self {
        Self::Connections(vec![Arc::default()])
    }
}

/// The life of one arming, shared with the connections that came in it.
pub(super) struct Life {
    pub(super) armed: Armed,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    over: bool,
    open: usize,
    idle: usize,
    ledger: Ledger,
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Waits for the end of the lease, or so long. True at the end.
    pub(super) fn wait(&self, most: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), most, |state| !state.over)
            .unwrap_or_else(PoisonError::into_inner);
        state.over
    }

    /// The script for a connection, or for the id of a request on it.
    pub(super) fn script(&self, connection: usize, id: Option<&str>) -> Option<Arc<Script>> {
        let pick = |scripts: &[Arc<Script>], number: usize| {
            let last = scripts.len().checked_sub(1)?;
            scripts.get(number.min(last)).cloned()
        };
        match &self.armed.plays {
            Plays::Connections(scripts) => pick(scripts, connection),
            Plays::Ids(scripts) => {
                let id = id?;
                let mut state = self.state();
                let played = state.ledger.plays_by_id.entry(id.to_owned()).or_default();
                *played += 1;
                pick(scripts.get(id)?, *played - 1)
            }
        }
    }

    /// A script of this connection is begun on a request.
    pub(super) fn begins(&self, connection: usize) {
        let mut state = self.state();
        state.ledger.plays += 1;
        if let Plays::Connections(scripts) = &self.armed.plays {
            state.ledger.last_script = Some(connection.min(scripts.len().saturating_sub(1)));
        }
    }

    /// A script has come to its end: it is the client's turn.
    pub(super) fn acted(&self, id: Option<&str>) {
        let now = Instant::now();
        let mut state = self.state();
        state.ledger.acted = Some(now);
        if let Some(id) = id {
            state.ledger.acted_by_id.insert(id.to_owned(), now);
        }
    }

    /// A warm-up was answered, and what was to follow it is done.
    pub(super) fn is_idle(&self) {
        self.state().idle += 1;
        self.changed.notify_all();
    }

    pub(super) fn ends(&self, connection: Connection) {
        let mut state = self.state();
        state.ledger.connections.push(connection);
        state.open -= 1;
        self.changed.notify_all();
    }
}

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
            let number = {
                let mut state = life.state();
                state.open += 1;
                state.ledger.accepted += 1;
                state.ledger.accepted - 1
            };
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
        let life = Arc::new(Life {
            armed,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
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
        let (state, _) = self
            .life
            .changed
            .wait_timeout_while(self.life.state(), SETTLE, |state| state.idle < warm_ups)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle >= warm_ups
    }

    /// Ends the lease, lets the server's threads come to an end, and gives what was seen. The calls
    /// are over and their client is freed by then, so that its connections are closed.
    pub fn finish(self) -> Ledger {
        let began = Instant::now();
        let caught_up = self.slot.catch_up().is_ok();
        self.slot.current().life = None;
        self.life.state().over = true;
        self.life.changed.notify_all();
        let left = SETTLE.saturating_sub(began.elapsed());
        let (mut state, _) = self
            .life
            .changed
            .wait_timeout_while(self.life.state(), left, |state| state.open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let mut ledger = std::mem::take(&mut state.ledger);
        ledger.settled = caught_up && state.open == 0;
        ledger
    }
}
