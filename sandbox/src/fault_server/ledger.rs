//! What the fault server saw.

use std::collections::HashMap;
use std::time::Instant;

use super::request::{Kind, Request};

/// One connection, as the server saw it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Which of the lease's connections it was, from 0.
    pub number: usize,
    /// Whether the TLS handshake was seen to its end.
    pub secured: bool,
    /// Whether a CONNECT was read on it.
    pub proxied: bool,
    /// Whether a script was begun on it. When not, the server was still at the handshake, or waiting
    /// for a request.
    pub begun: bool,
    /// What came of HTTP requests: above TLS, and after a CONNECT.
    pub received: Vec<u8>,
    /// How many bytes were sent back, above TLS.
    pub sent: u64,
    /// What `received` holds.
    pub requests: Vec<Request>,
}

/// Everything seen during one lease.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The connections, in the order in which they ended.
    pub connections: Vec<Connection>,
    /// How many connections were accepted.
    pub accepted: usize,
    /// Which of the scripts was played last, where connections choose the script.
    pub last_script: Option<usize>,
    /// How many times a script was begun for a request or, where connections choose it, for a
    /// connection's first one.
    pub plays: usize,
    /// For each id, how many times its scripts were played, where ids choose the script.
    pub plays_by_id: HashMap<String, usize>,
    /// When a script last came to its end, and when each id's did: from then on it was the client's
    /// turn. A script that hangs or floods has no end.
    pub acted: Option<Instant>,
    /// The same for each id, where ids choose the script.
    pub acted_by_id: HashMap<String, Instant>,
    /// Whether the server's own threads came to an end in time. When not, the rest is not whole.
    pub settled: bool,
}

impl Ledger {
    /// All requests but the warm-ups.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.connections
            .iter()
            .flat_map(|connection| &connection.requests)
            .filter(|request| !is_warm_up(request.id.as_deref()))
    }

    /// The payment requests of which anything came.
    pub fn payments(&self) -> impl Iterator<Item = &Request> {
        self.requests().filter(|request| request.kind == Kind::Pay)
    }

    /// Whether a payment came over a connection that had carried something before.
    pub fn paid_on_used_connection(&self) -> bool {
        self.connections.iter().any(|connection| {
            let later = connection.requests.iter().skip(1);
            later.into_iter().any(|request| request.kind == Kind::Pay)
        })
    }
}

/// Whether an id is that of a warm-up.
pub(super) fn is_warm_up(id: Option<&str>) -> bool {
    id.is_some_and(|id| id.starts_with(super::WARM_UP))
}
