//! A server that plays one scripted fault to each connection, and keeps its own ledger of what it
//! received.
//!
//! The sandbox proper answers as a gateway does, through a decent HTTP stack. This one has none: it
//! reads and writes bytes, on blocking threads, and can end, stall or spoil a connection between any
//! two of them: before the TLS hello, between a server's flight and the client's answer to it, inside
//! a head, a body, a chunk. A test *arms* a slot (a port of its own) with [`Script`]s, makes its
//! calls, and *finishes* the lease, which gives the [`Ledger`]: every byte of a request that arrived,
//! above TLS, read by the script or not.
//!
//! Requests carry ids of letters and digits: a payment's reference, a check's order number. One that
//! begins with [`WARM_UP`] is answered well whatever the script, so that a connection can be made to
//! lie idle before its fault.

mod ledger;
mod life;
mod line;
mod play;
mod request;
mod script;
mod slot;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::version::TLS12;

use crate::certificate::{Certificate, server_config, server_config_speaking};
use crate::error::Error;

pub use ledger::{Connection, Ledger};
pub use life::{Armed, Plays, Tls};
pub use request::{Kind, Request};
pub use script::{Dress, ProxyFault, Script, Step, Take, TlsFault};
pub use slot::Lease;

/// What the id of a warm-up begins with.
pub const WARM_UP: char = 'W';

/// A fault server. It stops when dropped: then its ports are closed and its threads have ended.
pub struct FaultServer {
    slots: Vec<Arc<slot::Slot>>,
    threads: Vec<JoinHandle<()>>,
    authorities: Arc<Authorities>,
    directory: tempfile::TempDir,
    /// Bound, and nobody listens.
    closed: socket2::Socket,
    deaf: Silent,
}

impl FaultServer {
    /// Starts one with so many slots.
    pub fn start(slots: usize) -> Result<Self, Error> {
        let directory = tempfile::tempdir()?;
        let authorities = Arc::new(Authorities::make(directory.path())?);
        let mut server = Self {
            slots: Vec::new(),
            threads: Vec::new(),
            authorities,
            directory,
            closed: bound((Ipv4Addr::LOCALHOST, 0).into())?,
            deaf: silent((Ipv4Addr::LOCALHOST, 0).into())?,
        };
        for _ in 0..slots {
            let (slot, listener) = slot::Slot::listen()?;
            let (runs, authorities) = (Arc::clone(&slot), Arc::clone(&server.authorities));
            server.slots.push(slot);
            server.threads.push(std::thread::spawn(move || {
                runs.run(&listener, &authorities);
            }));
        }
        Ok(server)
    }

    /// Arms a slot. Its lease before must be finished.
    pub fn arm(&self, slot: usize, armed: Armed) -> Lease {
        Lease::new(&self.slots[slot], armed)
    }

    /// A port on which connections are refused.
    pub fn closed_port(&self) -> u16 {
        port(&self.closed)
    }

    /// A port on which connections are neither made nor refused.
    pub fn deaf_port(&self) -> u16 {
        port(&self.deaf.listener)
    }

    /// The authority to trust for a certificate; each kind has its own.
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

/// The certificates, each under an authority of its own.
struct Authorities {
    valid: Arc<ServerConfig>,
    valid_tls12: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    not_yet_valid: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
}

impl Authorities {
    fn make(directory: &Path) -> Result<Self, Error> {
        let config = |certificate| {
            server_config(certificate, &ca_file(directory, certificate)).map(Arc::new)
        };
        // Made first: the file that stays is then that of the other one, and both must be trusted.
        let valid_tls12 = server_config_speaking(
            Certificate::Valid,
            &directory.join("Valid-tls12.pem"),
            &[&TLS12],
        )?;
        let made = Self {
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
        Ok(made)
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

/// A listener whose queue is full: further connections get no answer at all.
struct Silent {
    listener: socket2::Socket,
    /// What fills its queue.
    _waiting: Vec<socket2::Socket>,
}

fn silent(address: SocketAddr) -> io::Result<Silent> {
    let listener = bound(address)?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let filler = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        filler.set_nonblocking(true)?;
        // In progress, or left without an answer: either fills the queue.
        let _ = filler.connect(&address);
        waiting.push(filler);
    }
    Ok(Silent {
        listener,
        _waiting: waiting,
    })
}
