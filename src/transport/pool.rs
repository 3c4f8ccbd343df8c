//! Connections and TLS sessions, shared by all clients of the process with the same gateway, proxy and
//! certificates. They outlive a client: each PHP page creates a client, in a worker process that stays.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, Proxy, ProxyProtocol};

use super::per_process::PerProcess;
use super::tls::{self, Roots};
use super::{first_byte, resolver, tcp};
use crate::address;
use crate::config::Config;
use crate::error::{Error, Result};

/// How many pools are cached for later clients. A pool that is dropped from the cache lives until
/// its last client is freed. One is usual: a second is created only for another gateway or proxy,
/// or other certificates.
const MAX_CACHED_POOLS: usize = 16;
/// How long a connection may be idle. After that, a check opens a new one.
const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many connections may be idle. If more threads check at once, the additional connections are
/// closed after use.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// Clients with an equal key share a pool. It does not contain the token: that is sent with each
/// request.
#[derive(PartialEq, Eq)]
struct Key {
    /// Host and port of the check service. (The payment service does not matter: payments reuse no
    /// connection.)
    gateway: String,
    proxy: Option<String>,
    roots: Roots,
}

/// The connections of clients with the same [`Key`].
pub(super) struct Pool {
    key: Key,
    proxy: Option<Proxy>,
    tls: rustls::ClientConfig,
    agents: PerProcess<Agents>,
    omits_order_number: AtomicBool,
}

pub(super) struct Agents {
    /// Has no idle connections: a payment never uses one, because the gateway may have closed it
    /// meanwhile.
    pub(super) unpooled: Agent,
    /// Keeps idle connections: a check may be repeated.
    pub(super) pooled: Agent,
}

impl Pool {
    /// The pool for a client with these settings.
    pub(super) fn for_client(config: &Config) -> Result<Arc<Self>> {
        let key = Key {
            gateway: address::host_and_port(config.check_url()).to_ascii_lowercase(),
            proxy: config.proxy.clone(),
            roots: Roots::read(config)?,
        };
        if config.private_connections {
            return Self::new(key).map(Arc::new);
        }
        let mut pools = pools().lock().unwrap_or_else(PoisonError::into_inner);
        let index = pools.iter().position(|pool| pool.key == key);
        let pool = match index {
            Some(index) => pools.remove(index),
            None => Arc::new(Self::new(key)?),
        };
        // The least recently used pool is first.
        pools.push(Arc::clone(&pool));
        if pools.len() > MAX_CACHED_POOLS {
            pools.remove(0);
        }
        Ok(pool)
    }

    fn new(key: Key) -> Result<Self> {
        let proxy = key.proxy.as_deref().map(proxy_at).transpose()?;
        let pool = Self {
            tls: tls::settings(&key.roots)?,
            key,
            proxy,
            agents: PerProcess::new(),
            omits_order_number: AtomicBool::new(false),
        };
        // Created now, and not in the first call, whose deadline is already running.
        pool.agents();
        Ok(pool)
    }

    /// The agents of this process.
    pub(super) fn agents(&self) -> &Agents {
        self.agents.get_or_init(|| {
            let proxied = self.proxy.is_some();
            let tls = tls::TlsConnector {
                settings: tls::with_own_sessions(&self.tls),
            };
            let agent = |idle_connections| {
                let connector =
                    ().chain(ConnectProxyConnector::default())
                        .chain(tcp::TcpConnector { proxied })
                        .chain(tls.clone())
                        .chain(first_byte::FirstByteConnector { proxied });
                Agent::with_parts(
                    self.settings(idle_connections),
                    connector,
                    resolver::DeferredResolver,
                )
            };
            Agents {
                unpooled: agent(0),
                pooled: agent(MAX_IDLE_CONNECTIONS),
            }
        })
    }

    fn settings(&self, idle_connections: usize) -> ureq::config::Config {
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(self.proxy.clone())
            .accept("application/json, text/html;q=0.9")
            .accept_encoding("identity")
            .max_response_header_size(super::INPUT_BUFFER)
            .input_buffer_size(super::INPUT_BUFFER)
            .output_buffer_size(super::OUTPUT_BUFFER)
            .max_idle_connections(idle_connections)
            .max_idle_connections_per_host(idle_connections)
            .max_idle_age(MAX_IDLE)
            .build()
    }

    /// Whether this gateway has sent a transaction without its order number. Then a reply cannot be
    /// distinguished from the reply to another request.
    pub(super) fn omits_order_number(&self) -> bool {
        self.omits_order_number.load(Ordering::Relaxed)
    }

    pub(super) fn set_omits_order_number(&self) {
        self.omits_order_number.store(true, Ordering::Relaxed);
    }
}

/// Makes a first request, which sends nothing, so that ureq creates its constant now. ureq does
/// this under a lock, and after a fork at that moment the lock is never released in the child: its
/// calls would never end.
#[cfg(unix)]
pub(crate) fn initialize_ureq() {
    let connector = ().chain(tcp::TcpConnector { proxied: false });
    let agent = Agent::with_parts(
        ureq::config::Config::default(),
        connector,
        resolver::DeferredResolver,
    );
    let _ = agent.get("http://localhost/").call();
}

/// The pools of this process.
fn pools() -> &'static Mutex<Vec<Arc<Pool>>> {
    static POOLS: PerProcess<Mutex<Vec<Arc<Pool>>>> = PerProcess::new();
    POOLS.get_or_init(Mutex::default)
}

/// The proxy at an address. The error does not contain the address: it may contain a password.
fn proxy_at(address: &str) -> Result<Proxy> {
    let proxy = Proxy::new(address).ok().filter(|proxy| {
        // ureq would ignore any other proxy and connect directly.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_with_the_same_settings_share_a_pool_and_the_least_recently_used_pool_is_dropped() {
        let config = |port: usize| {
            let config = Config {
                proxy: Some(format!("http://127.0.0.1:{port}")),
                ..Config::new("ZANDO", "canary-token")
            };
            config.complete().expect("good settings")
        };
        let pool = |port| Pool::for_client(&config(port)).expect("a pool");
        assert!(Arc::ptr_eq(&pool(1), &pool(1)));
        assert!(!Arc::ptr_eq(&pool(1), &pool(2)));
        let first = Arc::downgrade(&pool(1));
        for port in 1000..1000 + MAX_CACHED_POOLS {
            pool(port);
        }
        assert!(
            first.upgrade().is_none(),
            "the least recently used pool is dropped"
        );
    }
}
