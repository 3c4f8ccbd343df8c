//! What a slot is armed with, and what has happened since.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ledger::{Connection, Ledger};
use super::script::Script;
use crate::certificate::Certificate;

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

    /// A connection was accepted: which one, counted from 0.
    pub(super) fn accepts(&self) -> usize {
        let mut state = self.state();
        state.open += 1;
        state.ledger.accepted += 1;
        state.ledger.accepted - 1
    }

    /// Waits until so many warm-ups were answered, or so long. Whether they were.
    pub(super) fn wait_for_idle(&self, warm_ups: usize, most: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), most, |state| state.idle < warm_ups)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle >= warm_ups
    }

    /// Ends every connection, which is waited for, or so long; then gives what was seen.
    pub(super) fn end(&self, most: Duration) -> Ledger {
        self.state().over = true;
        self.changed.notify_all();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), most, |state| state.open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let mut ledger = std::mem::take(&mut state.ledger);
        ledger.settled = state.open == 0;
        ledger
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
