//! What a slot is armed with, and the state of the lease.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ledger::{Connection, Ledger};
use super::script::Script;
use crate::certificate::Certificate;

/// What a slot does during a lease.
#[derive(Clone, Debug, Default)]
pub struct Armed {
    /// The TLS options. `None`: plain TCP.
    pub tls: Option<Tls>,
    /// Whether the slot is a proxy. Its tunnels lead to the slot itself.
    pub proxy: bool,
    /// Which script is played when.
    pub plays: Plays,
}

/// The TLS of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server certificate.
    pub certificate: Certificate,
    /// Offers only TLS 1.2 instead of 1.2 and 1.3.
    pub only_tls12: bool,
}

/// Which script is played when.
#[derive(Clone, Debug)]
pub enum Plays {
    /// The nth connection gets the nth script. The last script is used for all later connections.
    Connections(Vec<Arc<Script>>),
    /// By the id in the request, which is read whole: the nth request with that id gets the nth
    /// script of the id.
    Ids(HashMap<String, Vec<Arc<Script>>>),
}

impl Default for Plays {
    fn default() -> Self {
        Self::Connections(vec![Arc::default()])
    }
}

/// The state of one lease, shared with its connections.
pub(super) struct LeaseState {
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

impl LeaseState {
    pub(super) fn new(armed: Armed) -> Self {
        Self {
            armed,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Counts an accepted connection. Returns its number, from 0.
    pub(super) fn connection_accepted(&self) -> usize {
        let mut state = self.state();
        state.open += 1;
        state.ledger.accepted += 1;
        state.ledger.accepted - 1
    }

    /// Waits until `warm_ups` warm-ups are done, at most `timeout`. Returns whether they are.
    pub(super) fn wait_for_idle(&self, warm_ups: usize, timeout: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| state.idle < warm_ups)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle >= warm_ups
    }

    /// Ends the lease, waits at most `timeout` for its connections to end, and returns the ledger.
    pub(super) fn end(&self, timeout: Duration) -> Ledger {
        self.state().over = true;
        self.changed.notify_all();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| state.open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let mut ledger = std::mem::take(&mut state.ledger);
        ledger.settled = state.open == 0;
        ledger
    }

    /// Waits for the end of the lease, at most `timeout`. Returns whether it has ended.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| !state.over)
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

    /// Records that a script is started on this connection.
    pub(super) fn script_started(&self, connection: usize) {
        let mut state = self.state();
        state.ledger.plays += 1;
        if let Plays::Connections(scripts) = &self.armed.plays {
            state.ledger.last_script = Some(connection.min(scripts.len().saturating_sub(1)));
        }
    }

    /// Records that a script is at its last step: the server now waits for the client.
    pub(super) fn script_ended(&self, id: Option<&str>) {
        let now = Instant::now();
        let mut state = self.state();
        state.ledger.acted = Some(now);
        if let Some(id) = id {
            state.ledger.acted_by_id.insert(id.to_owned(), now);
        }
    }

    /// Records that a warm-up has its reply and the steps after it are done.
    pub(super) fn warm_up_done(&self) {
        self.state().idle += 1;
        self.changed.notify_all();
    }

    pub(super) fn connection_ended(&self, connection: Connection) {
        let mut state = self.state();
        state.ledger.connections.push(connection);
        state.open -= 1;
        self.changed.notify_all();
    }
}
