//! The journal: every connection and every request, complete or not.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use crate::faults::Endpoint;

/// How many requests and connections are kept. The oldest are deleted first.
const RECORDS_MAX: usize = 20_000;

/// How many bytes of an incomplete request are kept.
const RAW_MAX: usize = 1 << 20;

/// A request as it was received.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// Numbered over all connections.
    pub id: u64,
    /// The id of its connection.
    pub connection: u64,
    /// The number of the request on that connection, from 1.
    pub sequence: u32,
    /// When its first byte was received.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// Whether it was received over TLS.
    pub tls: bool,
    /// The endpoint it was sent to.
    pub endpoint: Endpoint,
    /// The method, such as `POST`. Empty if it was not received.
    pub method: String,
    /// The path and query as received.
    pub path: String,
    /// The headers in order, including `Authorization`. Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or the received part of it.
    #[serde(with = "crate::hex_or_text")]
    pub body: Vec<u8>,
    /// Whether the whole request was received.
    pub complete: bool,
    /// The length of head and body as received, above TLS.
    pub bytes_received: u64,
    /// The length of the reply as sent, above TLS.
    pub bytes_sent: u64,
    /// The outcome.
    pub outcome: Outcome,
    /// The gateway's message if it refused the request.
    pub refusal: Option<String>,
}

impl RequestRecord {
    /// The first header with this name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is being received.
    Receiving,
    /// It was received; the reply is not ready.
    Processing,
    /// The gateway replied with this HTTP status. `bytes_sent` tells how much was sent.
    Answered(u16),
    /// A fault closed the connection with FIN after this many bytes of the reply.
    ClosedAfter(usize),
    /// A fault reset the connection after this many bytes of the reply.
    ResetAfter(usize),
    /// A fault stopped sending after this many bytes of the reply.
    StalledAfter(usize),
    /// The client disconnected before the request was complete, or before the reply.
    ClientLeft,
}

/// An accepted connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionRecord {
    /// Numbered from 1.
    pub id: u64,
    /// When it was accepted.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// Whether it was accepted by the HTTPS listener.
    pub tls: bool,
    /// The error if the TLS handshake failed.
    pub tls_error: Option<String>,
    /// Whether TLS resumed an earlier session.
    pub resumed: bool,
    /// Bytes received, above TLS. 0 if the client sent nothing.
    pub bytes_received: u64,
    /// How many requests were started on it.
    pub requests: u32,
    /// Whether it is closed.
    pub closed: bool,
}

#[derive(Default)]
struct Records {
    requests: VecDeque<Entry>,
    connections: VecDeque<ConnectionRecord>,
    last_request: u64,
    last_connection: u64,
}

struct Entry {
    record: RequestRecord,
    raw: Vec<u8>,
    deleted: bool,
}

/// The journal of a sandbox.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Records>);

impl Journal {
    fn with<T>(&self, f: impl FnOnce(&mut Records) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn opened(&self, tls: bool) -> u64 {
        self.with(|records| {
            records.last_connection += 1;
            records.connections.push_back(ConnectionRecord {
                id: records.last_connection,
                at: SystemTime::now(),
                tls,
                tls_error: None,
                resumed: false,
                bytes_received: 0,
                requests: 0,
                closed: false,
            });
            if records.connections.len() > RECORDS_MAX {
                records.connections.pop_front();
            }
            records.last_connection
        })
    }

    pub(crate) fn resumed(&self, connection: u64) {
        self.with(|records| {
            if let Some(record) = records.connection(connection) {
                record.resumed = true;
            }
        });
    }

    pub(crate) fn closed(&self, connection: u64, tls_error: Option<String>) {
        self.with(|records| {
            if let Some(record) = records.connection(connection) {
                record.closed = true;
                record.tls_error = tls_error;
            }
        });
    }

    /// Adds a request that has started on `connection`. Returns its id.
    pub(crate) fn begin(&self, connection: u64) -> u64 {
        self.with(|records| {
            records.last_request += 1;
            let id = records.last_request;
            let (sequence, tls) = records.connection(connection).map_or((0, false), |record| {
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
            records.requests.push_back(Entry {
                record,
                raw: Vec::new(),
                deleted: false,
            });
            if records.requests.len() > RECORDS_MAX {
                records.requests.pop_front();
            }
            id
        })
    }

    pub(crate) fn received(&self, connection: u64, request: u64, bytes: &[u8]) {
        self.with(|records| {
            if let Some(record) = records.connection(connection) {
                record.bytes_received += bytes.len() as u64;
            }
            if let Some(entry) = records.request(request) {
                entry.record.bytes_received += bytes.len() as u64;
                if !entry.record.complete {
                    let room = RAW_MAX.saturating_sub(entry.raw.len());
                    entry.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
        });
    }

    /// Marks the request as complete. `fill` fills in its record.
    pub(crate) fn complete(&self, request: u64, fill: impl FnOnce(&mut RequestRecord)) {
        self.with(|records| {
            if let Some(entry) = records.request(request) {
                fill(&mut entry.record);
                entry.record.complete = true;
                entry.record.outcome = Outcome::Processing;
                entry.raw = Vec::new();
            }
        });
    }

    /// Deletes a request. The entry stays in the list, since entries are found by position.
    pub(crate) fn delete(&self, request: u64) {
        self.with(|records| {
            let Some(entry) = records.request(request) else {
                return;
            };
            entry.deleted = true;
            entry.raw = Vec::new();
            let (connection, bytes) = (entry.record.connection, entry.record.bytes_received);
            if let Some(record) = records.connection(connection) {
                record.requests = record.requests.saturating_sub(1);
                record.bytes_received = record.bytes_received.saturating_sub(bytes);
            }
        });
    }

    pub(crate) fn set_outcome(&self, request: u64, outcome: Outcome) {
        self.with(|records| {
            if let Some(entry) = records.request(request) {
                entry.record.outcome = outcome;
            }
        });
    }

    pub(crate) fn set_refusal(&self, request: u64, message: String) {
        self.with(|records| {
            if let Some(entry) = records.request(request) {
                entry.record.refusal = Some(message);
            }
        });
    }

    /// The newest refused requests, newest first, at most `max`.
    pub(crate) fn refused(&self, max: usize) -> Vec<RequestRecord> {
        self.with(|records| {
            let newest = records.requests.iter().rev();
            newest
                .filter(|entry| !entry.deleted && entry.record.refusal.is_some())
                .filter(|entry| !is_sandbox_page(&entry.record.path))
                .take(max)
                .map(Entry::snapshot)
                .collect()
        })
    }

    /// Runs `write`, which sends bytes of the reply to `request`, and adds their `count`. The journal
    /// is locked meanwhile, so that a client that has received the bytes also sees them counted.
    pub(crate) fn sending<T>(
        &self,
        request: Option<u64>,
        write: impl FnOnce() -> T,
        count: impl FnOnce(&T) -> usize,
    ) -> T {
        self.with(|records| {
            let written = write();
            if let Some(entry) = request.and_then(|id| records.request(id)) {
                entry.record.bytes_sent += count(&written) as u64;
            }
            written
        })
    }

    /// The connection was closed: a request without a reply ends as [`Outcome::ClientLeft`].
    pub(crate) fn abandoned(&self, request: u64) {
        self.with(|records| {
            if let Some(entry) = records.request(request)
                && matches!(
                    entry.record.outcome,
                    Outcome::Receiving | Outcome::Processing
                )
            {
                entry.record.outcome = Outcome::ClientLeft;
            }
        });
    }

    /// The requests to the gateway, without those to the sandbox's own pages.
    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.with(|records| {
            let all = records.requests.iter().filter(|entry| !entry.deleted);
            all.map(Entry::snapshot)
                .filter(|record| !is_sandbox_page(&record.path))
                .collect()
        })
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionRecord> {
        self.with(|records| records.connections.iter().cloned().collect())
    }

    pub(crate) fn clear(&self) {
        self.with(|records| {
            records.requests.clear();
            records.connections.retain(|record| !record.closed);
        });
    }
}

impl Records {
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
    /// The record. For an incomplete request, with the parts that can be parsed.
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

fn is_sandbox_page(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    matches!(path, "/" | "/phone" | "/favicon.ico")
        || path.starts_with("/sandbox/")
        || path.starts_with("/phone/")
}
