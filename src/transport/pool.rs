//! Connections and TLS sessions, shared by all clients of the process that reach the same gateway in
//! the same way. They outlive a client: a PHP page makes one each time, in a worker that stays.

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

/// How many pools are kept for clients to come; those of living clients live with them. One is usual: it
/// takes another proxy or other certificates to need a second.
const POOLS_KEPT: usize = 16;
/// How long a connection may lie idle before a check prefers a new one.
const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many may lie idle. More threads than that may check at once; the rest open and close.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// What clients must have in common to share a pool. Never the token: that goes with each request.
#[derive(PartialEq, Eq)]
struct Key {
    /// Host and port of the check service.
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
    names_no_order: AtomicBool,
}

pub(super) struct Agents {
    /// Keeps no connection: a payment never goes over one that has lain idle, on which the
    /// gateway may have hung up meanwhile.
    pub(super) unpooled: Agent,
    /// Keeps connections for a while: a check may be repeated.
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
        let known = pools.iter().position(|pool| pool.key == key);
        let pool = match known {
            Some(at) => pools.remove(at),
            None => Arc::new(Self::new(key)?),
        };
        // The one for which no client was made for the longest time is first.
        pools.push(Arc::clone(&pool));
        if pools.len() > POOLS_KEPT {
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
            names_no_order: AtomicBool::new(false),
        };
        pool.agents();
        Ok(pool)
    }

    /// The agents of this process.
    pub(super) fn agents(&self) -> &Agents {
        self.agents.get_or_init(|| {
            let proxied = self.proxy.is_some();
            let tls = tls::Tls {
                settings: tls::with_own_sessions(&self.tls),
            };
            let agent = |idle_connections| {
                let connector =
                    ().chain(ConnectProxyConnector::default())
                        .chain(tcp::Connect { proxied })
                        .chain(tls.clone())
                        .chain(first_byte::FirstByte { proxied });
                Agent::with_parts(
                    self.settings(idle_connections),
                    connector,
                    resolver::Deferred,
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

    /// Whether this gateway has given a transaction without its order number. Then no reply of its can be
    /// told from one that was meant for another question.
    pub(super) fn names_no_order(&self) -> bool {
        self.names_no_order.load(Ordering::Relaxed)
    }

    pub(super) fn remember_that_it_names_no_order(&self) {
        self.names_no_order.store(true, Ordering::Relaxed);
    }
}

/// ureq makes a constant at its first request, under a lock. A fork at that moment leaves the lock held
/// for ever in the child, whose calls then never end. So this makes a first request, which is sent
/// nowhere, as there is no call under way.
#[cfg(unix)]
pub(crate) fn make_constants() {
    let connector = ().chain(tcp::Connect { proxied: false });
    let agent = Agent::with_parts(
        ureq::config::Config::default(),
        connector,
        resolver::Deferred,
    );
    let _ = agent.get("http://localhost/").call();
}

/// The pools of this process.
fn pools() -> &'static Mutex<Vec<Arc<Pool>>> {
    static POOLS: PerProcess<Mutex<Vec<Arc<Pool>>>> = PerProcess::new();
    POOLS.get_or_init(Mutex::default)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_with_the_same_settings_share_a_pool_and_few_are_kept() {
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
        for port in 1000..1000 + POOLS_KEPT {
            pool(port);
        }
        assert!(first.upgrade().is_none(), "it made room");
    }
}
