//! Opens a TCP connection and transfers bytes over it, never past the call's deadline.
//!
//! ureq's own socket has a timeout for each operation. A peer that sends single bytes slowly, or many
//! signals, can extend the total time. This one gets the remaining time from the call before every
//! system call.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::call::{Call, Stage};
use super::{lookup, race};
use crate::trace::{Step, error_word};

/// Opens TCP connections.
#[derive(Debug)]
pub(super) struct TcpConnector {
    /// Whether calls use a proxy.
    pub(super) proxied: bool,
}

/// Whether this is the connection to the proxy itself: ureq removes the proxy from its settings.
pub(super) fn is_to_proxy(proxied: bool, details: &ConnectionDetails) -> bool {
    proxied && details.config.proxy().is_none()
}

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, TcpTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let call = current_call()?;
        let to_proxy = is_to_proxy(self.proxied, details);
        let enter = |stage| {
            call.enter(if to_proxy { Stage::Proxy } else { stage });
        };
        let out = match chained {
            // A tunnel through the proxy.
            Some(tunnel) => {
                call.record(|| Step::Tunnel);
                Either::A(tunnel)
            }
            None => {
                if to_proxy {
                    call.record(|| Step::Proxy {
                        host: details.uri.host().unwrap_or_default().to_owned(),
                    });
                }
                let stream = connect(&call, details.uri, enter)?;
                Either::B(TcpTransport::new(stream, details.needs_tls()))
            }
        };
        if details.needs_tls() {
            enter(Stage::TlsHandshake);
        }
        Ok(Some(out))
    }
}

fn connect(call: &Call, uri: &Uri, enter: impl Fn(Stage)) -> Result<TcpStream, ureq::Error> {
    let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
    let default_port = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let port = uri.port_u16().unwrap_or(default_port);
    let without_brackets = host.trim_start_matches('[').trim_end_matches(']');
    enter(Stage::Resolving);
    let stream = match addresses_without_lookup(without_brackets) {
        Some(ips) => {
            enter(Stage::Connecting);
            let addresses = with_port(&ips, port);
            race::connect_first(call, &addresses, call.stage_deadline())?.0
        }
        None => connect_to_name(call, without_brackets, port, enter)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn addresses_without_lookup(host: &str) -> Option<Vec<IpAddr>> {
    // Always this machine, whatever a resolver returns: plain http is allowed there.
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    host.parse().ok().map(|ip| vec![ip])
}

fn with_port(ips: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    ips.iter().map(|&ip| SocketAddr::new(ip, port)).collect()
}

fn connect_to_name(
    call: &Call,
    host: &str,
    port: u16,
    enter: impl Fn(Stage),
) -> Result<TcpStream, ureq::Error> {
    let found = resolve(call, host)?;
    enter(Stage::Connecting);
    // The host may have moved since it was resolved, and its old address may not respond.
    let now = Instant::now();
    let left = call.stage_deadline().saturating_duration_since(now);
    let deadline = if found.is_cached {
        now + (left / 2).max(MIN_TIME_FOR_CACHED)
    } else {
        call.stage_deadline()
    };
    let addresses = with_port(&found.ips, port);
    let mut connected = race::connect_first(call, &addresses, deadline);
    if connected.is_err() && found.is_cached && call.next_timeout().is_some() {
        lookup::forget(host);
        enter(Stage::Resolving);
        let refreshed = resolve(call, host);
        enter(Stage::Connecting);
        let is_new = |ip: &IpAddr| !found.ips.contains(ip);
        let has_timed_out = matches!(connected, Err(ureq::Error::Timeout(_)));
        if let Ok(refreshed) = refreshed
            && (has_timed_out || refreshed.ips.iter().any(is_new))
        {
            let addresses = with_port(&refreshed.ips, port);
            connected = race::connect_first(call, &addresses, call.stage_deadline());
        }
    }
    match connected {
        Ok((stream, tried_before)) => {
            let failed: Vec<_> = tried_before.iter().map(SocketAddr::ip).collect();
            lookup::put_last(host, &failed);
            Ok(stream)
        }
        Err(error) => {
            lookup::forget(host);
            Err(error)
        }
    }
}

fn resolve(call: &Call, host: &str) -> Result<lookup::Addresses, ureq::Error> {
    call.record(|| Step::Lookup {
        host: host.to_owned(),
    });
    let found = lookup::resolve(call, host);
    call.record(|| match &found {
        Ok(found) => Step::Addresses {
            addresses: found.ips.iter().map(IpAddr::to_string).collect(),
            cached: found.is_cached,
        },
        Err(ureq::Error::Io(error)) => Step::LookupFailed {
            error: error_word(error.kind()),
        },
        // The only other error is that the time was up.
        Err(_) => Step::LookupFailed {
            error: error_word(ErrorKind::TimedOut),
        },
    });
    found
}

/// The minimum time for cached addresses before the host is resolved again, so that each is tried.
const MIN_TIME_FOR_CACHED: Duration = Duration::from_secs(2);

/// In bytes; a little more than the largest TLS record.
const TLS_RECORD_BUFFER: usize = 17 * 1024;

/// A TCP connection.
pub(super) struct TcpTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// The timeouts set on the socket; zero if none was set.
    read_timeout: Duration,
    write_timeout: Duration,
}

impl TcpTransport {
    fn new(stream: TcpStream, under_tls: bool) -> Self {
        // The TLS layer has its own buffers; this layer passes on one record at a time.
        let (input, output) = if under_tls {
            (TLS_RECORD_BUFFER, TLS_RECORD_BUFFER)
        } else {
            (super::INPUT_BUFFER, super::OUTPUT_BUFFER)
        };
        Self {
            stream,
            buffers: LazyBuffers::new(input, output),
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
        }
    }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let call = current_call()?;
        let mut sent = 0;
        while sent < amount {
            let timeout = call.next_timeout().ok_or_else(timed_out)?;
            if let Some(timeout) = changed_timeout(self.write_timeout, timeout) {
                self.stream.set_write_timeout(Some(timeout))?;
                self.write_timeout = timeout;
            }
            match self.stream.write(&self.buffers.output()[sent..amount]) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(more) => sent += more,
                Err(error) if is_interrupted(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let call = current_call()?;
        loop {
            let timeout = call.next_timeout().ok_or_else(timed_out)?;
            if let Some(timeout) = changed_timeout(self.read_timeout, timeout) {
                self.stream.set_read_timeout(Some(timeout))?;
                self.read_timeout = timeout;
            }
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if is_interrupted(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether an idle connection may be reused. Nothing must be readable on it: neither the peer's
    /// close nor data. Data that was already read and does not belong to a reply would be taken for
    /// the next reply; under TLS only this layer can see it.
    fn is_open(&mut self) -> bool {
        if !self.buffers.input().is_empty() {
            return false;
        }
        let mut one = [0];
        let probe = self
            .stream
            .set_nonblocking(true)
            .and_then(|()| self.stream.peek(&mut one));
        let idle = matches!(probe, Err(error) if error.kind() == ErrorKind::WouldBlock);
        idle && self.stream.set_nonblocking(false).is_ok()
    }
}

impl std::fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TcpTransport")
    }
}

/// The socket timeout to set, or `None` if the one already set can stay. An operation must not last
/// longer than `timeout`; one that ends earlier is repeated. So a shorter timeout is set, which
/// stays valid while the remaining time decreases. This saves a system call for each operation.
fn changed_timeout(set: Duration, timeout: Duration) -> Option<Duration> {
    const EXACT: Duration = Duration::from_millis(20);
    if set <= timeout && set > timeout / 4 {
        return None;
    }
    Some(match timeout {
        short if short <= EXACT => short,
        long => long / 4 * 3,
    })
}

/// Whether an operation was ended by its timeout or a signal: the connection is still usable.
/// (Windows reports the timeout as "timed out". On other systems that means a peer that no longer
/// responds.)
fn is_interrupted(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
        || kind == ErrorKind::TimedOut && cfg!(windows)
}

pub(super) fn timed_out() -> ureq::Error {
    ureq::Error::Timeout(ureq::Timeout::Global)
}

fn current_call() -> Result<std::rc::Rc<Call>, ureq::Error> {
    Call::current().ok_or_else(|| io::Error::other("a connection used outside a call").into())
}
