//! HTTP to the gateway: one request, one reply, within one deadline.
//!
//! From the inside out: [`dial`] (TCP: the name by [`lookup`], its addresses
//! by [`race`]), ureq's proxy layer, [`tls`], [`border`] (first byte,
//! token). What belongs to the call under way is in [`call`]; what went wrong is put into words by
//! [`failure`].

mod border;
pub(crate) mod call;
mod dial;
mod failure;
mod lookup;
mod provider;
mod race;
mod tls;

use once_cell::race::OnceBox;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::http::{HeaderValue, Response};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, Proxy, ProxyProtocol};

use self::call::Call;
use crate::cancel::CancelToken;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::token::{Spelling, Token};
use crate::wire::reply::Reply;
use crate::wire::{date, printable};

/// The largest reply body that is read: a card page may be large, a bomb is larger.
const MAX_BODY: u64 = 1024 * 1024;
/// The buffers of a connection. A reply's head must fit into the first, as it comes: `border`
/// refuses one that does not.
const INPUT_BUFFER: usize = 64 * 1024;
const OUTPUT_BUFFER: usize = 16 * 1024;
/// How long a connection may lie idle before a check prefers a new one.
const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many may lie idle. More threads than that may check at once; the rest open and close.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// A request body, with a stand-in where the token goes.
#[derive(Debug)]
pub(crate) enum Body {
    Form(String),
    Json(String),
}

/// Which connection a check goes over.
#[derive(Clone, Copy)]
pub(crate) enum Connection {
    /// One that lies ready, or else a new one.
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

/// The way to the gateway, shared by all calls of a client.
pub(crate) struct Transport {
    setup: Setup,
    agents: Generation,
}

/// What agents are made of.
struct Setup {
    token: Arc<Token>,
    /// A check's header, with the token's stand-in.
    authorization: HeaderValue,
    pay: ureq::config::Config,
    check: ureq::config::Config,
    tls: rustls::ClientConfig,
    proxied: bool,
    connect_timeout: Duration,
}

/// The agents of one process, and those of a process forked from it.
///
/// A child must never speak on a connection its parent opened, nor close it politely. So it makes
/// agents of its own and leaves the inherited ones untouched. Nothing here locks: a lock that some
/// other thread held at the moment of the fork would stay locked in the child for ever.
struct Generation {
    process: u32,
    agents: Agents,
    forked: OnceBox<Generation>,
}

struct Agents {
    /// Keeps no connection: a payment never goes over one that has lain idle, on which the
    /// gateway may have hung up meanwhile.
    pay: Agent,
    /// Keeps connections for a while: a check may be repeated.
    check: Agent,
}

impl Transport {
    pub(crate) fn new(config: &Config, token: Arc<Token>) -> Result<Self> {
        let proxy = config.proxy.as_deref().map(proxy_at).transpose()?;
        let mut user_agent = concat!("flexpay/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(name) = &config.app_name {
            user_agent = format!("{name} {user_agent}");
        }
        let idle_connections = |most: usize| {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .proxy(proxy.clone())
                .user_agent(user_agent.as_str())
                .accept("application/json, text/html;q=0.9")
                .accept_encoding("identity")
                .max_response_header_size(INPUT_BUFFER)
                .input_buffer_size(INPUT_BUFFER)
                .output_buffer_size(OUTPUT_BUFFER)
                .max_idle_connections(most)
                .max_idle_connections_per_host(most)
                .max_idle_age(MAX_IDLE)
                .build()
        };
        let authorization = HeaderValue::try_from(token.stand_in(Spelling::Header))
            .map_err(|_| Error::invalid("token", "cannot stand in a header"))?;
        let setup = Setup {
            token,
            authorization,
            pay: idle_connections(0),
            check: idle_connections(MAX_IDLE_CONNECTIONS),
            tls: tls::settings(config)?,
            proxied: proxy.is_some(),
            connect_timeout: config.connect_timeout,
        };
        let agents = Generation::new(&setup);
        // ureq sets something up at its first request, under a lock. A fork in that moment would leave
        // it locked in the child for ever; so it happens here, with a request that, outside of any
        // call, comes to nothing.
        let _ = agents.agents.pay.get("http://localhost/").call();
        Ok(Self { setup, agents })
    }

    /// Posts a body, once, over a connection of its own.
    pub(crate) fn post(&self, url: &str, body: &Body, limits: Limits<'_>) -> Result<Reply> {
        let (spelling, kind, text) = match body {
            Body::Form(text) => (Spelling::Form, "application/x-www-form-urlencoded", text),
            Body::Json(text) => (Spelling::Json, "application/json", text),
        };
        self.exchange(url, spelling, limits, |agents| {
            let request = agents.pay.post(url);
            request.header("content-type", kind).send(text.as_str())
        })
    }

    /// Gets an address, with the token in the Authorization header; over a connection of its own,
    /// or over any that is open.
    pub(crate) fn get(
        &self,
        url: &str,
        connection: Connection,
        limits: Limits<'_>,
    ) -> Result<Reply> {
        self.exchange(url, Spelling::Header, limits, |agents| {
            let agent = match connection {
                Connection::Any => &agents.check,
                Connection::New => &agents.pay,
            };
            agent
                .get(url)
                .header("authorization", &self.setup.authorization)
                .call()
        })
    }

    fn exchange(
        &self,
        url: &str,
        spelling: Spelling,
        limits: Limits<'_>,
        send: impl FnOnce(&Agents) -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply> {
        let agents = self.agents.of_this_process(&self.setup);
        let timeout = self.setup.connect_timeout;
        let call = Call::new(limits.deadline, timeout, limits.cancel.cloned(), spelling);
        call.run(|call| {
            let response = send(agents).map_err(|error| failure::explain(error, call, url))?;
            Ok(self.read(response, call, url))
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
        let token = &self.setup.token;
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
            reused: !call.is_fresh(),
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

/// The proxy at an address, which is not shown when it is wrong: it may hold a password.
fn proxy_at(address: &str) -> Result<Proxy> {
    let proxy = Proxy::new(address).ok().filter(|proxy| {
        // Others would be passed by without a word.
        let connects = matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        let host = proxy.uri().host().unwrap_or_default();
        connects && !host.is_empty() && proxy.uri().port_u16().is_some()
    });
    proxy.ok_or_else(|| {
        Error::invalid(
            "proxy",
            "is not an address such as http://proxy.example:3128",
        )
    })
}

impl Generation {
    fn new(setup: &Setup) -> Self {
        Self {
            process: std::process::id(),
            agents: Agents::new(setup),
            forked: OnceBox::new(),
        }
    }

    fn of_this_process(&self, setup: &Setup) -> &Agents {
        let process = std::process::id();
        let mut generation = self;
        while generation.process != process {
            let forked = &generation.forked;
            generation = forked.get_or_init(|| Box::new(Self::new(setup)));
        }
        &generation.agents
    }
}

impl Agents {
    fn new(setup: &Setup) -> Self {
        let settings = tls::afresh(&setup.tls);
        let agent = |config: &ureq::config::Config| {
            let border = border::Border {
                token: Arc::clone(&setup.token),
                proxied: setup.proxied,
            };
            let connector = ()
                .chain(ConnectProxyConnector::default())
                .chain(dial::Dial {
                    proxied: setup.proxied,
                })
                .chain(tls::Tls {
                    settings: Arc::clone(&settings),
                })
                .chain(border);
            Agent::with_parts(config.clone(), connector, dial::NotYet)
        };
        Self {
            pay: agent(&setup.pay),
            check: agent(&setup.check),
        }
    }
}
