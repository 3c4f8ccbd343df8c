//! What the fault server received and did.

use std::collections::HashMap;
use std::time::Instant;

use super::request::{Kind, Request};

/// One connection, as recorded by the server.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The number of the connection within the lease, from 0.
    pub number: usize,
    /// Whether the TLS handshake was completed.
    pub secured: bool,
    /// Whether a CONNECT was read and a tunnel made.
    pub proxied: bool,
    /// Whether a script was started on it. If not, the server was still in the handshake, or waiting
    /// for a request.
    pub begun: bool,
    /// The bytes of HTTP requests received: above TLS, and after a CONNECT.
    pub received: Vec<u8>,
    /// How many bytes were sent, above TLS.
    pub sent: u64,
    /// The requests in `received`.
    pub requests: Vec<Request>,
}

/// Everything recorded during one lease.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The connections, in the order in which they ended.
    pub connections: Vec<Connection>,
    /// How many connections were accepted.
    pub accepted: usize,
    /// The index of the last script played, with [`Plays::Connections`](super::Plays::Connections).
    pub last_script: Option<usize>,
    /// How many times a script was started, counting each request. With
    /// [`Plays::Connections`](super::Plays::Connections), a script that starts before the request is
    /// read is also counted.
    pub plays: usize,
    /// How many times the scripts of each id were played, with [`Plays::Ids`](super::Plays::Ids).
    pub plays_by_id: HashMap<String, usize>,
    /// When a script last reached its last step: from then on the server waits for the client. A
    /// script that hangs or floods has no end.
    pub acted: Option<Instant>,
    /// The same for each id, with [`Plays::Ids`](super::Plays::Ids).
    pub acted_by_id: HashMap<String, Instant>,
    /// Whether the server's own threads ended in time. If not, the ledger is incomplete.
    pub settled: bool,
}

impl Ledger {
    /// All requests except warm-ups.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.connections
            .iter()
            .flat_map(|connection| &connection.requests)
            .filter(|request| !is_warm_up(request.id.as_deref()))
    }

    /// The requests that move money, including incomplete ones.
    pub fn payments(&self) -> impl Iterator<Item = &Request> {
        self.requests().filter(|request| request.kind == Kind::Pay)
    }

    /// Whether a request that moves money was sent on a connection that had carried another request before.
    pub fn paid_on_used_connection(&self) -> bool {
        self.connections.iter().any(|connection| {
            let later = connection.requests.iter().skip(1);
            later.into_iter().any(|request| request.kind == Kind::Pay)
        })
    }
}

/// Whether an id belongs to a warm-up.
pub(super) fn is_warm_up(id: Option<&str>) -> bool {
    id.is_some_and(|id| id.starts_with(super::WARM_UP))
}
