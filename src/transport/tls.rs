//! TLS on top of a connection: rustls, with the certificates that the merchant chose to trust.

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, ClientConnection, HandshakeKind, RootCertStore,
};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::call::Call;
use super::provider::provider;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::trace::Step;
use crate::wire::printable;

/// How many sessions are stored, so that the next handshake with the same host is shorter.
const SESSIONS: usize = 16;

/// The certificates to trust, before parsing. Clients with equal ones trust the same servers.
#[derive(PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of Mozilla, already in the verifier's form: nothing is read or parsed.
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
                    // If some cannot be read, the others are used.
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
                    // A certificate that cannot be used as an authority is skipped, as in other
                    // programs: bundles contain various certificates.
                    let _ = usable.add(certificate);
                }
                if usable.is_empty() {
                    return Err(in_file(path, "contains no certificate"));
                }
            }
            Self::System(certificates) => {
                usable.add_parsable_certificates(certificates.iter().cloned());
                if usable.is_empty() {
                    return Err(in_system(
                        "were not found: is a package such as ca-certificates installed?",
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
    // AES-128 is as secure, and its handshake uses SHA-256, which is faster on most machines.
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

/// The same settings with their own session store. Each process has one: the store has a lock, and
/// if it is held at the moment of a fork, it is never released in the child.
pub(super) fn with_own_sessions(settings: &ClientConfig) -> Arc<ClientConfig> {
    let mut own = settings.clone();
    own.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(own)
}

/// Adds TLS to the connections of https URLs.
#[derive(Clone, Debug)]
pub(super) struct TlsConnector {
    pub(super) settings: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(inner) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || inner.is_tls() {
            return Ok(Some(Either::A(inner)));
        }
        let host = details.uri.host().unwrap_or_default();
        let without_brackets = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(without_brackets.to_owned())
            .map_err(|_| tls_failure(CertificateError::NotValidForName.into()))?;
        let session =
            ClientConnection::new(Arc::clone(&self.settings), name).map_err(tls_failure)?;
        let mut transport = TlsTransport {
            session,
            inner,
            buffers: LazyBuffers::new(super::INPUT_BUFFER, super::OUTPUT_BUFFER),
        };
        transport.handshake(details.timeout)?;
        if let Some(call) = Call::current() {
            call.record(|| transport.trace_step());
        }
        Ok(Some(Either::B(transport)))
    }
}

/// A TLS connection.
pub(super) struct TlsTransport<T> {
    session: ClientConnection,
    inner: T,
    /// The decrypted data.
    buffers: LazyBuffers,
}

impl<T: Transport> TlsTransport<T> {
    fn handshake(&mut self, timeout: NextTimeout) -> Result<(), ureq::Error> {
        while self.session.is_handshaking() {
            self.send(timeout)?;
            if self.receive(timeout)? == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
        }
        self.send(timeout)
    }

    /// What was negotiated: `TLSv1.3`, `TLS13_AES_128_GCM_SHA256`.
    fn trace_step(&self) -> Step {
        let version = self.session.protocol_version();
        let version = version.and_then(|version| version.as_str());
        let suite = self.session.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str());
        Step::Tls {
            version: version.unwrap_or_default().replace('_', "."),
            cipher: suite.unwrap_or_default().to_owned(),
            resumed: self.session.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Sends all records that the session has ready.
    fn send(&mut self, timeout: NextTimeout) -> Result<(), ureq::Error> {
        while self.session.wants_write() {
            let mut stream = InnerStream {
                inner: &mut self.inner,
                timeout,
            };
            // This conversion restores the ureq error that `InnerStream` wrapped for rustls.
            self.session.write_tls(&mut stream)?;
        }
        Ok(())
    }

    /// Receives some records. Returns the number of bytes; 0 at the end of the connection.
    fn receive(&mut self, timeout: NextTimeout) -> Result<usize, ureq::Error> {
        let mut stream = InnerStream {
            inner: &mut self.inner,
            timeout,
        };
        let amount = self.session.read_tls(&mut stream)?;
        if let Err(problem) = self.session.process_new_packets() {
            // Send the alert, if the peer still reads.
            let _ = self.send(timeout);
            return Err(tls_failure(problem));
        }
        Ok(amount)
    }
}

impl<T: Transport> Transport for TlsTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut sent = 0;
        while sent < amount {
            let output = &self.buffers.output()[sent..amount];
            sent += self.session.writer().write(output)?;
            self.send(timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            match self.session.reader().read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            self.receive(timeout)?;
            // Records that TLS itself requires, such as a key update.
            self.send(timeout)?;
        }
    }

    /// Data that was already decrypted and does not belong to a reply would be taken for the next
    /// reply.
    fn is_open(&mut self) -> bool {
        let state = self.session.process_new_packets();
        let is_idle = state
            .is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed());
        is_idle && self.buffers.input().is_empty() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Lets the TLS session read from and write to the inner connection.
struct InnerStream<'t, T> {
    inner: &'t mut T,
    timeout: NextTimeout,
}

impl<T: Transport> Read for InnerStream<'_, T> {
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

impl<T: Transport> Write for InnerStream<'_, T> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(from)])
    }

    /// Copies as many pieces as fit and sends them at once: separate packets would wake the peer
    /// each time.
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

fn tls_failure(problem: rustls::Error) -> ureq::Error {
    io::Error::new(ErrorKind::InvalidData, problem).into()
}

impl<T> std::fmt::Debug for TlsTransport<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTransport")
    }
}
