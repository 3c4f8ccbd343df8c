//! What came in: every connection and every request, whole or not.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use crate::faults::Endpoint;

/// How many requests and connections are kept; the oldest are forgotten first.
const KEPT: usize = 20_000;

/// How much of a request that did not arrive whole is kept.
const RAW_KEPT: usize = 1 << 20;

/// A request as it was received.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// Counts up over all connections.
    pub id: u64,
    /// The connection it came on.
    pub connection: u64,
    /// The how-manieth request on that connection, from 1.
    pub sequence: u32,
    /// When its first byte came.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// Whether it came over TLS.
    pub tls: bool,
    /// What it was for.
    pub endpoint: Endpoint,
    /// `POST`; empty if not even that much arrived.
    pub method: String,
    /// The path and query as on the wire.
    pub path: String,
    /// The headers in order, `Authorization` included; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; of an incomplete request as much as arrived.
    #[serde(with = "crate::hex_or_text")]
    pub body: Vec<u8>,
    /// Whether all of it arrived.
    pub complete: bool,
    /// Head and body as on the wire, above TLS.
    pub bytes_received: u64,
    /// The answer as on the wire, above TLS.
    pub bytes_sent: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why the gateway refused it, in its own words, if it did.
    pub refusal: Option<String>,
}

impl RequestRecord {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is still coming in.
    Receiving,
    /// It is here, its answer is not ready.
    Processing,
    /// It was answered with this HTTP status. `bytes_sent` says how much of that got out.
    Answered(u16),
    /// A fault closed the connection in good order after this many bytes of answer.
    ClosedAfter(usize),
    /// A fault reset the connection after this many bytes of answer.
    ResetAfter(usize),
    /// A fault fell silent after this many bytes of answer.
    StalledAfter(usize),
    /// The client left before the request was whole, or before it was answered.
    ClientLeft,
}

/// A connection as it was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionRecord {
    /// Counts up from 1.
    pub id: u64,
    /// When it was accepted.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// Whether it came to the HTTPS listener.
    pub tls: bool,
    /// Why there was no TLS session, if there was none.
    pub tls_error: Option<String>,
    /// Whether its TLS session took up an earlier one.
    pub resumed: bool,
    /// Bytes that came in, above TLS. 0: the client said nothing at all.
    pub bytes_received: u64,
    /// Requests begun on it.
    pub requests: u32,
    /// Whether it is over.
    pub closed: bool,
}

#[derive(Default)]
struct Books {
    requests: VecDeque<Entry>,
    connections: VecDeque<ConnectionRecord>,
    last_request: u64,
    last_connection: u64,
}

struct Entry {
    record: RequestRecord,
    raw: Vec<u8>,
    forgotten: bool,
}

/// The journal of a sandbox.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Books>);

impl Journal {
    fn with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn opened(&self, tls: bool) -> u64 {
        self.with(|books| {
            books.last_connection += 1;
            books.connections.push_back(ConnectionRecord {
                id: books.last_connection,
                at: SystemTime::now(),
                tls,
                tls_error: None,
                resumed: false,
                bytes_received: 0,
                requests: 0,
                closed: false,
            });
            if books.connections.len() > KEPT {
                books.connections.pop_front();
            }
            books.last_connection
        })
    }

    pub(crate) fn resumed(&self, connection: u64) {
        self.with(|books| {
            if let Some(record) = books.connection(connection) {
                record.resumed = true;
            }
        });
    }

    pub(crate) fn closed(&self, connection: u64, tls_error: Option<String>) {
        self.with(|books| {
            if let Some(record) = books.connection(connection) {
                record.closed = true;
                record.tls_error = tls_error;
            }
        });
    }

    /// A request begins on `connection`.
    pub(crate) fn begin(&self, connection: u64) -> u64 {
        self.with(|books| {
            books.last_request += 1;
            let id = books.last_request;
            let (sequence, tls) = books.connection(connection).map_or((0, false), |record| {
                record.requests += 1;
                (record.requests, record.tls)
            });
            let record = RequestRecord {
                id,
                connection,
                sequence,
                at: SystemTime::now(),
                tls,
                endpoint: Endpoint::Other,
                method: String::new(),
                path: String::new(),
                headers: Vec::new(),
                body: Vec::new(),
                complete: false,
                bytes_received: 0,
                bytes_sent: 0,
                outcome: Outcome::Receiving,
                refusal: None,
            };
            books.requests.push_back(Entry {
                record,
                raw: Vec::new(),
                forgotten: false,
            });
            if books.requests.len() > KEPT {
                books.requests.pop_front();
            }
            id
        })
    }

    pub(crate) fn received(&self, connection: u64, request: u64, bytes: &[u8]) {
        self.with(|books| {
            if let Some(record) = books.connection(connection) {
                record.bytes_received += bytes.len() as u64;
            }
            if let Some(entry) = books.request(request) {
                entry.record.bytes_received += bytes.len() as u64;
                if !entry.record.complete {
                    let room = RAW_KEPT.saturating_sub(entry.raw.len());
                    entry.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
        });
    }

    /// The request is here, whole. `fill` writes down what it says.
    pub(crate) fn complete(&self, request: u64, fill: impl FnOnce(&mut RequestRecord)) {
        self.with(|books| {
            if let Some(entry) = books.request(request) {
                fill(&mut entry.record);
                entry.record.complete = true;
                entry.record.outcome = Outcome::Processing;
                entry.raw = Vec::new();
            }
        });
    }

    /// As if nothing had come. The entry keeps its place, by which the others are found.
    pub(crate) fn forget(&self, request: u64) {
        self.with(|books| {
            let Some(entry) = books.request(request) else {
                return;
            };
            entry.forgotten = true;
            entry.raw = Vec::new();
            let (connection, bytes) = (entry.record.connection, entry.record.bytes_received);
            if let Some(record) = books.connection(connection) {
                record.requests = record.requests.saturating_sub(1);
                record.bytes_received = record.bytes_received.saturating_sub(bytes);
            }
        });
    }

    pub(crate) fn outcome(&self, request: u64, outcome: Outcome) {
        self.with(|books| {
            if let Some(entry) = books.request(request) {
                entry.record.outcome = outcome;
            }
        });
    }

    pub(crate) fn refuse(&self, request: u64, words: String) {
        self.with(|books| {
            if let Some(entry) = books.request(request) {
                entry.record.refusal = Some(words);
            }
        });
    }

    /// The newest requests that were refused, newest first.
    pub(crate) fn refused(&self, most: usize) -> Vec<RequestRecord> {
        self.with(|books| {
            let newest = books.requests.iter().rev();
            newest
                .filter(|entry| !entry.forgotten && entry.record.refusal.is_some())
                .filter(|entry| !is_own_page(&entry.record.path))
                .take(most)
                .map(Entry::snapshot)
                .collect()
        })
    }

    /// Runs `write`, which sends bytes of the answer to `request` and says how many. The journal is
    /// held meanwhile, so that whoever has seen the bytes also finds them counted.
    pub(crate) fn sending<T>(
        &self,
        request: Option<u64>,
        write: impl FnOnce() -> T,
        count: impl FnOnce(&T) -> usize,
    ) -> T {
        self.with(|books| {
            let written = write();
            if let Some(entry) = request.and_then(|id| books.request(id)) {
                entry.record.bytes_sent += count(&written) as u64;
            }
            written
        })
    }

    /// The connection is over; a request that was not answered never will be.
    pub(crate) fn abandoned(&self, request: u64) {
        self.with(|books| {
            if let Some(entry) = books.request(request)
                && matches!(
                    entry.record.outcome,
                    Outcome::Receiving | Outcome::Processing
                )
            {
                entry.record.outcome = Outcome::ClientLeft;
            }
        });
    }

    /// The requests to the gateway; those to the sandbox's own pages are not among them.
    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.with(|books| {
            let all = books.requests.iter().filter(|entry| !entry.forgotten);
            all.map(Entry::snapshot)
                .filter(|record| !is_own_page(&record.path))
                .collect()
        })
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionRecord> {
        self.with(|books| books.connections.iter().cloned().collect())
    }

    pub(crate) fn clear(&self) {
        self.with(|books| {
            books.requests.clear();
            books.connections.retain(|record| !record.closed);
        });
    }
}

impl Books {
    fn request(&mut self, id: u64) -> Option<&mut Entry> {
        let first = self.requests.front()?.record.id;
        let at = usize::try_from(id.checked_sub(first)?).ok()?;
        self.requests.get_mut(at)
    }

    fn connection(&mut self, id: u64) -> Option<&mut ConnectionRecord> {
        self.connections.iter_mut().rev().find(|c| c.id == id)
    }
}

impl Entry {
    /// The record; of a request that is not whole, with what can be read of it.
    fn snapshot(&self) -> RequestRecord {
        let mut record = self.record.clone();
        if record.complete {
            return record;
        }
        let mut slots = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut slots);
        if let Ok(httparse::Status::Complete(head)) = request.parse(&self.raw) {
            record.body = self.raw[head..].to_vec();
        }
        record.method = request.method.unwrap_or_default().to_owned();
        record.path = request.path.unwrap_or_default().to_owned();
        record.endpoint = Endpoint::of(record.path.split('?').next().unwrap_or_default());
        record.headers = request
            .headers
            .iter()
            .filter(|header| !header.name.is_empty())
            .map(|header| {
                let value = String::from_utf8_lossy(header.value).into_owned();
                (header.name.to_ascii_lowercase(), value)
            })
            .collect();
        record
    }
}

fn is_own_page(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    path == "/" || path.starts_with("/sandbox/") || path == "/favicon.ico"
}
