//! A server that plays one scripted fault on each connection, and records what it received in a ledger.
//!
//! The rest of the sandbox replies through an HTTP stack, as a gateway does. This server has none: it
//! reads and writes bytes on blocking threads, and can close, stall or corrupt a connection between any
//! two bytes: before the TLS hello, between the server's flight and the client's reply, inside a head,
//! a body or a chunk. A test *arms* a slot (one port) with [`Script`]s, makes its calls, and *finishes*
//! the lease, which returns the [`Ledger`]: every byte received of a request, above TLS, whether the
//! script read it or not.
//!
//! Requests have ids of letters and digits: a payment's reference, a check's order number. A request
//! whose id starts with [`WARM_UP`] gets a normal reply whatever the script, so that the connection is
//! idle before its fault.

mod lease_state;
mod ledger;
mod play;
mod request;
mod script;
mod scripted_stream;
mod slot;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::version::TLS12;

use crate::certificate::{Certificate, server_config, server_config_with_versions};
use crate::error::Error;

pub use lease_state::{Armed, Plays, Tls};
pub use ledger::{Connection, Ledger};
pub use request::{Kind, Request};
pub use script::{EchoFormat, ProxyFault, Script, Step, Take, TlsFault};
pub use slot::Lease;

/// The first character of the id of a warm-up.
pub const WARM_UP: char = 'W';

/// A fault server. Dropping it closes its ports and waits for its threads.
pub struct FaultServer {
    slots: Vec<Arc<slot::Slot>>,
    threads: Vec<JoinHandle<()>>,
    tls_configs: Arc<TlsConfigs>,
    directory: tempfile::TempDir,
    /// Bound but not listening: connections are refused.
    closed: socket2::Socket,
    /// Listening with a full queue: connections get no reply.
    deaf: FullListener,
}

impl FaultServer {
    /// Starts a server with this many slots.
    pub fn start(slots: usize) -> Result<Self, Error> {
        let directory = tempfile::tempdir()?;
        let tls_configs = Arc::new(TlsConfigs::create(directory.path())?);
        let mut server = Self {
            slots: Vec::new(),
            threads: Vec::new(),
            tls_configs,
            directory,
            closed: bound((Ipv4Addr::LOCALHOST, 0).into())?,
            deaf: full_listener((Ipv4Addr::LOCALHOST, 0).into())?,
        };
        for _ in 0..slots {
            let (slot, listener) = slot::Slot::listen()?;
            let (running, tls_configs) = (Arc::clone(&slot), Arc::clone(&server.tls_configs));
            server.slots.push(slot);
            server.threads.push(std::thread::spawn(move || {
                running.run(&listener, &tls_configs);
            }));
        }
        Ok(server)
    }

    /// Arms a slot. Its previous lease must be finished.
    pub fn arm(&self, slot: usize, armed: Armed) -> Lease {
        Lease::new(&self.slots[slot], armed)
    }

    /// A port on which connections are refused.
    pub fn closed_port(&self) -> u16 {
        port(&self.closed)
    }

    /// A port on which connections are neither accepted nor refused.
    pub fn unresponsive_port(&self) -> u16 {
        port(&self.deaf.listener)
    }

    /// The CA file for a certificate. Each kind has its own.
    pub fn ca_file(&self, certificate: Certificate) -> PathBuf {
        ca_file(self.directory.path(), certificate)
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.stop();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One TLS configuration per certificate, each signed by its own CA.
struct TlsConfigs {
    valid: Arc<ServerConfig>,
    valid_tls12: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    not_yet_valid: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
}

impl TlsConfigs {
    fn create(directory: &Path) -> Result<Self, Error> {
        let config = |certificate| {
            server_config(certificate, &ca_file(directory, certificate)).map(Arc::new)
        };
        // It is signed by its own CA. A client must trust both CAs, so their files are merged below.
        let valid_tls12 = server_config_with_versions(
            Certificate::Valid,
            &directory.join("Valid-tls12.pem"),
            &[&TLS12],
        )?;
        let tls_configs = Self {
            valid: config(Certificate::Valid)?,
            valid_tls12: Arc::new(valid_tls12),
            expired: config(Certificate::Expired)?,
            not_yet_valid: config(Certificate::NotYetValid)?,
            wrong_name: config(Certificate::WrongName)?,
        };
        let trusted = ca_file(directory, Certificate::Valid);
        let mut both = std::fs::read(&trusted)?;
        both.extend(std::fs::read(directory.join("Valid-tls12.pem"))?);
        std::fs::write(trusted, both)?;
        Ok(tls_configs)
    }

    fn config(&self, tls: Tls) -> Arc<ServerConfig> {
        Arc::clone(match tls.certificate {
            Certificate::Valid if tls.only_tls12 => &self.valid_tls12,
            Certificate::Valid => &self.valid,
            Certificate::Expired => &self.expired,
            Certificate::NotYetValid => &self.not_yet_valid,
            Certificate::WrongName => &self.wrong_name,
        })
    }
}

fn ca_file(directory: &Path, certificate: Certificate) -> PathBuf {
    directory.join(format!("{certificate:?}.pem"))
}

fn port(socket: &socket2::Socket) -> u16 {
    let address = socket.local_addr().ok().and_then(|own| own.as_socket());
    address.map_or(0, |address| address.port())
}

fn bound(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A listener whose queue is full: further connections get no reply at all.
struct FullListener {
    listener: socket2::Socket,
    /// The connections that fill its queue.
    _waiting: Vec<socket2::Socket>,
}

fn full_listener(address: SocketAddr) -> io::Result<FullListener> {
    let listener = bound(address)?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let filler = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        filler.set_nonblocking(true)?;
        // In progress or without a reply: both fill the queue.
        let _ = filler.connect(&address);
        waiting.push(filler);
    }
    Ok(FullListener {
        listener,
        _waiting: waiting,
    })
}
