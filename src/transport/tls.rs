//! TLS on top of a connection: rustls, trusting whom the merchant chose to trust.

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, CipherSuite, ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::provider::provider;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::wire::printable;

/// How many sessions are remembered, so that the next handshake with the same host is a short one.
const SESSIONS: usize = 16;

/// The certificates to trust, as they are stored. Clients with the same ones trust the same servers.
#[derive(PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of Mozilla, in the form the verifier uses: there is nothing to read or to parse.
    BuiltIn,
    File {
        path: String,
        pem: Vec<u8>,
    },
    System(Vec<CertificateDer<'static>>),
}

impl Roots {
    pub(super) fn read(config: &Config) -> Result<Self> {
        match &config.ca_file {
            Some(path) => match std::fs::read(path) {
                Ok(pem) => Ok(Self::File {
                    path: path.clone(),
                    pem,
                }),
                Err(error) => Err(in_file(path, &format!("cannot be read: {error}"))),
            },
            None if config.system_roots => {
                let found = rustls_native_certs::load_native_certs();
                match found.errors.first() {
                    Some(error) if found.certs.is_empty() => {
                        Err(in_system(&format!("cannot be read: {error}")))
                    }
                    // One that cannot be read does not keep the others from use.
                    _ => Ok(Self::System(found.certs)),
                }
            }
            None => Ok(Self::BuiltIn),
        }
    }

    fn parse(&self) -> Result<RootCertStore> {
        let mut usable = RootCertStore::empty();
        match self {
            Self::BuiltIn => usable.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::File { path, pem } => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate =
                        certificate.map_err(|_| in_file(path, "is not well-formed PEM"))?;
                    // What is no certificate authority this can use is skipped, as other programs
                    // do: a bundle has all sorts.
                    let _ = usable.add(certificate);
                }
                if usable.is_empty() {
                    return Err(in_file(path, "holds no certificate"));
                }
            }
            Self::System(certificates) => {
                usable.add_parsable_certificates(certificates.iter().cloned());
                if usable.is_empty() {
                    return Err(in_system(
                        "are none: is a package such as ca-certificates installed?",
                    ));
                }
            }
        }
        Ok(usable)
    }
}

fn in_file(path: &str, problem: &str) -> Error {
    Error::invalid("ca_file", format!("{:?} {problem}", printable(path, 200)))
}

fn in_system(problem: &str) -> Error {
    Error::invalid("system_roots", problem)
}

/// The settings of every TLS connection of a pool.
pub(super) fn settings(roots: &Roots) -> Result<ClientConfig> {
    let mut provider = provider();
    // AES-128 is as safe, and its handshake hashes with SHA-256, which is the faster on most tills.
    let preferred = CipherSuite::TLS13_AES_128_GCM_SHA256;
    let suites = &mut provider.cipher_suites;
    suites.sort_by_key(|suite| suite.suite() != preferred);
    let settings = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|problem| Error::invalid("tls", problem.to_string()))?
        .with_root_certificates(roots.parse()?)
        .with_no_client_auth();
    Ok(settings)
}

/// The same settings with a store of its own for sessions. Each process has one: the store is under a
/// lock, and one that was held at the moment of a fork would be held for ever.
pub(super) fn with_own_sessions(settings: &ClientConfig) -> Arc<ClientConfig> {
    let mut own = settings.clone();
    own.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(own)
}

/// Puts TLS on top of connections that are to have it.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) settings: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, Secured<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let Some(inner) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || inner.is_tls() {
            return Ok(Some(Either::A(inner)));
        }
        let host = details.uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| broken(CertificateError::NotValidForName.into()))?;
        let session = ClientConnection::new(Arc::clone(&self.settings), name).map_err(broken)?;
        let mut secured = Secured {
            session,
            inner,
            buffers: LazyBuffers::new(super::INPUT_BUFFER, super::OUTPUT_BUFFER),
        };
        secured.shake_hands(details.timeout)?;
        Ok(Some(Either::B(secured)))
    }
}

/// A connection under TLS.
pub(super) struct Secured<T> {
    session: ClientConnection,
    inner: T,
    /// What is said and heard, in the clear.
    buffers: LazyBuffers,
}

impl<T: Transport> Secured<T> {
    fn shake_hands(&mut self, timeout: NextTimeout) -> std::result::Result<(), ureq::Error> {
        while self.session.is_handshaking() {
            self.send(timeout)?;
            if self.receive(timeout)? == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
        }
        self.send(timeout)
    }

    /// Hands over whatever the session has to say.
    fn send(&mut self, timeout: NextTimeout) -> std::result::Result<(), ureq::Error> {
        while self.session.wants_write() {
            let mut below = Below {
                inner: &mut self.inner,
                timeout,
            };
            self.session.write_tls(&mut below).map_err(back)?;
        }
        Ok(())
    }

    /// Takes in some of what the other side says: how many bytes, 0 at the end.
    fn receive(&mut self, timeout: NextTimeout) -> std::result::Result<usize, ureq::Error> {
        let mut below = Below {
            inner: &mut self.inner,
            timeout,
        };
        let amount = self.session.read_tls(&mut below).map_err(back)?;
        if let Err(problem) = self.session.process_new_packets() {
            // The other side is told what was wrong with it, where it still listens.
            let _ = self.send(timeout);
            return Err(broken(problem));
        }
        Ok(amount)
    }
}

impl<T: Transport> Transport for Secured<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        timeout: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        let mut sent = 0;
        while sent < amount {
            let output = &self.buffers.output()[sent..amount];
            sent += self.session.writer().write(output)?;
            self.send(timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        loop {
            match self.session.reader().read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(nothing_yet) if nothing_yet.kind() == ErrorKind::WouldBlock => {}
                Err(cut_off) => return Err(cut_off.into()),
            }
            self.receive(timeout)?;
            // An answer that TLS itself asks for, such as a change of keys.
            self.send(timeout)?;
        }
    }

    /// What was decrypted already, and nobody asked for, would be taken for the next reply.
    fn is_open(&mut self) -> bool {
        let state = self.session.process_new_packets();
        let quiet = state
            .is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed());
        quiet && self.buffers.input().is_empty() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// The connection below, as the session reads from and writes to it.
struct Below<'t, T> {
    inner: &'t mut T,
    timeout: NextTimeout,
}

impl<T: Transport> Read for Below<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let more = self.inner.maybe_await_input(self.timeout);
        more.map_err(ureq::Error::into_io)?;
        let input = self.inner.buffers().input();
        let amount = into.len().min(input.len());
        into[..amount].copy_from_slice(&input[..amount]);
        self.inner.buffers().input_consume(amount);
        Ok(amount)
    }
}

impl<T: Transport> Write for Below<'_, T> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(from)])
    }

    /// All at once, as far as there is room: each piece on its own would wake the other side.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let output = self.inner.buffers().output();
        let mut amount = 0;
        for piece in pieces {
            let room = &mut output[amount..];
            let fits = room.len().min(piece.len());
            room[..fits].copy_from_slice(&piece[..fits]);
            amount += fits;
        }
        let sent = self.inner.transmit_output(amount, self.timeout);
        sent.map(|()| amount).map_err(ureq::Error::into_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(problem: rustls::Error) -> ureq::Error {
    io::Error::new(ErrorKind::InvalidData, problem).into()
}

/// An error of the connection below, which went through rustls as an [`io::Error`].
fn back(error: io::Error) -> ureq::Error {
    ureq::Error::from(error)
}

impl<T> std::fmt::Debug for Secured<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secured")
    }
}
