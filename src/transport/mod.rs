//! HTTP to the gateway: one request, one reply, within one deadline.
//!
//! A client's [`Transport`] sends over the connections of a [`pool`]. A connection consists, from the
//! inside out, of [`tcp`] (the name by [`lookup`], its addresses by [`race`]), ureq's proxy layer,
//! [`tls`] and [`first_byte`]. What belongs to the call under way is in [`call`]; what went wrong is put
//! into words by [`failure`].

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
#[cfg(unix)]
pub(crate) use self::pool::make_constants;
use self::pool::{Agents, Pool};
use crate::cancel::CancelToken;
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::token::{Place, Token};
use crate::wire::reply::Reply;
use crate::wire::{date, printable};

/// The largest reply body that is read: a card page may be large, a bomb is larger.
const MAX_BODY: u64 = 1024 * 1024;
/// The buffers of a connection. A reply's head must fit into the first, as it comes: `first_byte`
/// refuses one that does not.
const INPUT_BUFFER: usize = 64 * 1024;
const OUTPUT_BUFFER: usize = 16 * 1024;

/// A request body, with a stand-in where the token goes.
#[derive(Debug)]
pub(crate) enum Body {
    Form(String),
    Json(String),
}

/// Which connection a check goes over.
#[derive(Clone, Copy)]
pub(crate) enum Connection {
    /// One that was kept, or else a new one, which is kept.
    Any,
    /// A new one, so that no reply can be on it but the one that was asked for.
    New,
}

/// When a call must be over, and who may end it sooner.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'c> {
    pub(crate) deadline: Instant,
    pub(crate) cancel: Option<&'c CancelToken>,
}

/// Sends the requests of one client.
pub(crate) struct Transport {
    pool: Arc<Pool>,
    token: Arc<Token>,
    /// A check's header, with the token's stand-in.
    authorization: HeaderValue,
    user_agent: HeaderValue,
    connect_timeout: Duration,
}

/// Why there is no reply.
struct Failure {
    error: Error,
    /// A kept connection broke before anything of a reply had come over it.
    kept_connection_was_dead: bool,
}

impl Transport {
    pub(crate) fn new(config: &Config, token: Arc<Token>) -> Result<Self> {
        let authorization = HeaderValue::try_from(token.stand_in(Place::Header))
            .map_err(|_| Error::invalid("token", "cannot stand in a header"))?;
        let mut user_agent = concat!("flexpay/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(name) = &config.app_name {
            user_agent = format!("{name} {user_agent}");
        }
        Ok(Self {
            pool: Pool::for_client(config)?,
            token,
            authorization,
            user_agent: HeaderValue::try_from(user_agent)
                .map_err(|_| Error::invalid("app_name", "cannot stand in a header"))?,
            connect_timeout: config.connect_timeout,
        })
    }

    /// Whether this gateway has given a transaction without its order number, to any client of this
    /// process. Then no reply can be told from one that was meant for another question.
    pub(crate) fn gateway_names_no_order(&self) -> bool {
        self.pool.names_no_order()
    }

    pub(crate) fn remember_that_gateway_names_no_order(&self) {
        self.pool.remember_that_it_names_no_order();
    }

    /// Posts a body, once, over a connection of its own.
    pub(crate) fn post(&self, url: &str, body: &Body, limits: Limits<'_>) -> Result<Reply> {
        let (place, kind, text) = match body {
            Body::Form(text) => (Place::Form, "application/x-www-form-urlencoded", text),
            Body::Json(text) => (Place::Json, "application/json", text),
        };
        let sent = self.exchange(url, place, limits, |agents| {
            let request = agents.unpooled.post(url);
            request
                .header("user-agent", &self.user_agent)
                .header("content-type", kind)
                .send(text.as_str())
        });
        sent.map_err(|failure| failure.error)
    }

    /// Gets an address, with the token in the Authorization header.
    ///
    /// When the gateway closes a kept connection at the very moment it is used, the request is sent once
    /// more, over a new one: what HTTP allows for a request that changes nothing (RFC 9110, section
    /// 9.2.2).
    pub(crate) fn get(
        &self,
        url: &str,
        connection: Connection,
        limits: Limits<'_>,
    ) -> Result<Reply> {
        let get_over = |connection| {
            self.exchange(url, Place::Header, limits, |agents| {
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
        match get_over(connection) {
            Ok(reply) => Ok(reply),
            Err(failure) if failure.kept_connection_was_dead => {
                get_over(Connection::New).map_err(|failure| failure.error.after_sending())
            }
            Err(failure) => Err(failure.error),
        }
    }

    fn exchange(
        &self,
        url: &str,
        place: Place,
        limits: Limits<'_>,
        send: impl FnOnce(&Agents) -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply, Failure> {
        let token = Some((Arc::clone(&self.token), place));
        let call = Call::new(limits, self.connect_timeout, token);
        call.run(|call| match send(self.pool.agents()) {
            Ok(response) => Ok(self.read(response, call, url)),
            Err(error) => {
                let error = failure::explain(error, call, url);
                let is_dead = match error.code() {
                    ErrorCode::Connection => true,
                    ErrorCode::Timeout => call.has_time_left(),
                    _ => false,
                };
                Err(Failure {
                    kept_connection_was_dead: is_dead
                        && call.awaits_first_byte_of_kept_connection(),
                    error,
                })
            }
        })
    }

    /// Reads a reply whose head has come. From here on nothing fails: a body that breaks off is part
    /// of what came.
    fn read(&self, mut response: Response<ureq::Body>, call: &Call, url: &str) -> Reply {
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(MAX_BODY + 1);
        let mut body = match reader.read_to_end(&mut body) {
            Err(error) => Err(failure::explain(error.into(), call, url)),
            Ok(_) if body.len() as u64 > MAX_BODY => Err(failure::too_large(call)),
            Ok(_) if call.is_broken() && !is_whole(&body) => Err(failure::cut_short(call)),
            Ok(_) => Ok(body),
        };
        let token = &self.token;
        let mut echoed_token = body.as_mut().is_ok_and(|body| token.mask_in(body));
        let mut header = |name: &str| {
            let mut values = response.headers().get_all(name).iter();
            let first = values.next()?;
            // Two that differ say nothing.
            let mut value = match values.all(|other| other == first) {
                true => first.as_bytes().to_vec(),
                false => Vec::new(),
            };
            echoed_token |= token.mask_in(&mut value);
            Some(String::from_utf8_lossy(&value).into_owned())
        };
        Reply {
            status: response.status().as_u16(),
            location: header("location"),
            content_type: header("content-type"),
            content_encoding: header("content-encoding").map(|name| printable(&name, 20)),
            retry_after: header("retry-after").and_then(|value| pause_named(value.trim())),
            reused: (!call.is_fresh()).then(|| call.connection()),
            token: Arc::clone(&self.token),
            echoed_token,
            body,
        }
    }
}

/// `Retry-After`: so many seconds, or a date.
fn pause_named(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = u64::try_from(date::from_http(value)?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(until.saturating_sub(now.as_secs())))
}

/// Whether a body that ended with the connection, and not in an orderly way, came whole all the
/// same: many servers end TLS by hanging up.
fn is_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let tail = &body[body.len().saturating_sub(7)..];
    let json = body.trim_ascii_start().starts_with(b"{") && tail.ends_with(b"}");
    json || tail.eq_ignore_ascii_case(b"</html>")
}
