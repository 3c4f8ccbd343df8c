//! HTTP to the gateway: one request, one reply, within one deadline.
//!
//! A client's [`Transport`] sends over the connections of a [`pool`]. The layers of a connection are,
//! from the inside out: [`tcp`] ([`lookup`] resolves the name, [`race`] connects to one of its
//! addresses), ureq's proxy layer, [`tls`] and [`first_byte`]. [`call`] holds the state of the current
//! call. [`failure`] writes the error messages.

pub(crate) mod call;
mod failure;
pub(crate) mod first_byte;
mod lookup;
mod per_process;
mod pool;
mod provider;
mod race;
mod resolver;
mod tcp;
mod tls;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::http::{HeaderValue, Response};

use self::call::Call;
use self::first_byte::ConnectionHandle;
#[cfg(unix)]
pub(crate) use self::pool::initialize_ureq;
use self::pool::{Agents, Pool};
use crate::cancel::CancelToken;
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::token::{Place, Token};
use crate::trace::{Step, Trace, media_type};
use crate::wire::reply::Reply;
use crate::wire::{date, printable};

/// The largest reply body that is read, in bytes. Card pages may be large; the limit protects
/// against an endless reply.
const MAX_BODY: u64 = 1024 * 1024;
/// The buffers of a connection, in bytes. The head of a reply must fit into the input buffer:
/// `first_byte` refuses a larger one.
const INPUT_BUFFER: usize = 64 * 1024;
const OUTPUT_BUFFER: usize = 16 * 1024;

/// A request body.
#[derive(Debug)]
pub(crate) struct Body {
    /// If the token is in the body, this has a placeholder for it.
    pub(crate) text: String,
    pub(crate) content_type: &'static str,
    /// Where the token is: in the body, or in the Authorization header. `None`: the request has none.
    pub(crate) token: Option<Place>,
}

/// Which connection a check uses.
#[derive(Clone, Copy)]
pub(crate) enum Connection {
    /// An idle connection, or a new one if there is none. It returns to the pool afterwards.
    Any,
    /// A new connection: it cannot carry a reply to an earlier request.
    New,
}

/// The deadline of a call, the token that may cancel it earlier, and the trace to record its steps
/// in.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'c> {
    pub(crate) deadline: Instant,
    pub(crate) cancel: Option<&'c CancelToken>,
    pub(crate) trace: Option<&'c Trace>,
}

/// Sends the requests of one client.
pub(crate) struct Transport {
    pool: Arc<Pool>,
    token: Arc<Token>,
    /// The Authorization header, with a placeholder for the token.
    authorization: HeaderValue,
    user_agent: HeaderValue,
    connect_timeout: Duration,
}

/// Why there is no reply.
struct Failure {
    error: Error,
    /// A reused connection failed before the first byte of a reply was received.
    reused_connection_failed: bool,
}

impl Transport {
    pub(crate) fn new(config: &Config, token: Arc<Token>) -> Result<Self> {
        let authorization = HeaderValue::try_from(token.placeholder(Place::Header))
            .map_err(|_| Error::invalid("token", "cannot be sent in a header"))?;
        let mut user_agent = concat!("flexpay/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(name) = &config.app_name {
            user_agent = format!("{name} {user_agent}");
        }
        Ok(Self {
            pool: Pool::for_client(config)?,
            token,
            authorization,
            user_agent: HeaderValue::try_from(user_agent)
                .map_err(|_| Error::invalid("app_name", "cannot be sent in a header"))?,
            connect_timeout: config.connect_timeout,
        })
    }

    /// Whether this gateway has sent a transaction without its order number, to any client of this
    /// process. Then a reply cannot be distinguished from the reply to another request.
    pub(crate) fn gateway_omits_order_number(&self) -> bool {
        self.pool.omits_order_number()
    }

    pub(crate) fn set_gateway_omits_order_number(&self) {
        self.pool.set_omits_order_number();
    }

    /// Sends a POST request once, over a new connection that is not used again.
    pub(crate) fn post(&self, url: &str, body: &Body, limits: Limits<'_>) -> Result<Reply> {
        let sent = self.exchange(url, body.token, limits, |agents| {
            let request = agents
                .unpooled
                .post(url)
                .header("user-agent", &self.user_agent)
                .header("content-type", body.content_type);
            let request = match body.token {
                Some(Place::Header) => request.header("authorization", &self.authorization),
                Some(Place::Form | Place::Json) | None => request,
            };
            request.send(body.text.as_str())
        });
        sent.map(|(reply, _)| reply)
            .map_err(|failure| failure.error)
    }

    /// Sends a GET request, with the token in the Authorization header. Returns the reply, and its
    /// connection if that was reused: if it had carried an earlier reply.
    ///
    /// If the gateway closes an idle connection at the moment it is reused, the request is sent
    /// once more, over a new connection. HTTP allows this for a request that changes nothing (RFC
    /// 9110, section 9.2.2).
    pub(crate) fn get(
        &self,
        url: &str,
        connection: Connection,
        limits: Limits<'_>,
    ) -> Result<(Reply, Option<ConnectionHandle>)> {
        let send = |connection| {
            self.exchange(url, Some(Place::Header), limits, |agents| {
                let agent = match connection {
                    Connection::Any => &agents.pooled,
                    Connection::New => &agents.unpooled,
                };
                agent
                    .get(url)
                    .header("user-agent", &self.user_agent)
                    .header("authorization", &self.authorization)
                    .call()
            })
        };
        match send(connection) {
            Ok(received) => Ok(received),
            Err(failure) if failure.reused_connection_failed => {
                send(Connection::New).map_err(|failure| failure.error.after_sending())
            }
            Err(failure) => Err(failure.error),
        }
    }

    fn exchange(
        &self,
        url: &str,
        place: Option<Place>,
        limits: Limits<'_>,
        send: impl FnOnce(&Agents) -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<(Reply, Option<ConnectionHandle>), Failure> {
        let token = place.map(|place| (Arc::clone(&self.token), place));
        if let Some(trace) = limits.trace {
            trace.record_attempt();
        }
        let call = Call::new(limits, self.connect_timeout, token);
        call.run(|call| match send(self.pool.agents()) {
            Ok(response) => {
                let reply = self.read_reply(response, call, url);
                let is_reused = !call.uses_new_connection();
                Ok((reply, is_reused.then(|| call.connection())))
            }
            Err(error) => {
                let error = failure::explain(error, call, url);
                call.record(|| Step::AttemptFailed {
                    error: error.code().name(),
                });
                let connection_failed = match error.code() {
                    ErrorCode::Connection => true,
                    ErrorCode::Timeout => call.has_time_left(),
                    _ => false,
                };
                Err(Failure {
                    reused_connection_failed: connection_failed
                        && call.awaits_first_byte_on_reused_connection(),
                    error,
                })
            }
        })
    }

    /// Reads the reply after its head. This does not fail: if the body cannot be read, the error is
    /// in [`Reply::body`].
    fn read_reply(&self, mut response: Response<ureq::Body>, call: &Call, url: &str) -> Reply {
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(MAX_BODY + 1);
        let received = reader.read_to_end(&mut body);
        let bytes = body.len();
        let mut body = match received {
            Err(error) => Err(failure::explain(error.into(), call, url)),
            Ok(_) if body.len() as u64 > MAX_BODY => Err(failure::too_large(call)),
            Ok(_) if call.is_broken() && !looks_complete(&body) => Err(failure::cut_short(call)),
            Ok(_) => Ok(body),
        };
        let token = &self.token;
        let mut echoed_token = body.as_mut().is_ok_and(|body| token.mask_in(body));
        let mut header = |name: &str| {
            let mut values = response.headers().get_all(name).iter();
            let first = values.next()?;
            // Two headers with different values count as an empty one.
            let mut value = if values.all(|other| other == first) {
                first.as_bytes().to_vec()
            } else {
                Vec::new()
            };
            echoed_token |= token.mask_in(&mut value);
            Some(String::from_utf8_lossy(&value).into_owned())
        };
        call.record(|| Step::Reply {
            status: response.status().as_u16(),
            bytes,
            complete: body.is_ok(),
            content_type: header("content-type").and_then(|value| media_type(&value)),
            date: header("date").filter(|value| date::is_http(value)),
        });
        Reply {
            status: response.status().as_u16(),
            location: header("location"),
            content_type: header("content-type"),
            content_encoding: header("content-encoding").map(|name| printable(&name, 20)),
            retry_after: header("retry-after").and_then(|value| retry_after(value.trim())),
            token: Arc::clone(&self.token),
            echoed_token,
            body,
        }
    }
}

/// The value of a `Retry-After` header: a number of seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = u64::try_from(date::from_http(value)?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(until.saturating_sub(now.as_secs())))
}

/// Whether a body is complete although the connection broke at its end: many servers end TLS by
/// closing the TCP connection.
fn looks_complete(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let tail = &body[body.len().saturating_sub(7)..];
    let json = body.trim_ascii_start().starts_with(b"{") && tail.ends_with(b"}");
    json || tail.eq_ignore_ascii_case(b"</html>")
}
