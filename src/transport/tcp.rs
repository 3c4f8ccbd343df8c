//! Getting a TCP connection, and moving bytes over it, never past the call's deadline.
//!
//! ureq's own socket measures its time per operation; a peer that drips bytes, or a storm of
//! signals, can stretch that. This one asks the call what time is left before every system call.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::call::{Call, Stage};
use super::{lookup, race};

/// Opens TCP connections.
#[derive(Debug)]
pub(super) struct Connect {
    /// Whether calls go through a proxy.
    pub(super) proxied: bool,
}

/// Whether a connection is the one to the proxy: ureq forgets the proxy for that.
pub(super) fn is_to_proxy(proxied: bool, details: &ConnectionDetails) -> bool {
    proxied && details.config.proxy().is_none()
}

impl<In: Transport> Connector<In> for Connect {
    type Out = Either<In, Tcp>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let call = current()?;
        let to_proxy = is_to_proxy(self.proxied, details);
        let reach = |stage| {
            call.reach(if to_proxy { Stage::Proxy } else { stage });
        };
        let out = match chained {
            // A tunnel through a proxy.
            Some(tunnel) => Either::A(tunnel),
            None => {
                let stream = connect(&call, details.uri, reach)?;
                Either::B(Tcp::new(stream, details.needs_tls()))
            }
        };
        if details.needs_tls() {
            reach(Stage::Securing);
        }
        Ok(Some(out))
    }
}

fn connect(call: &Call, uri: &Uri, reach: impl Fn(Stage)) -> Result<TcpStream, ureq::Error> {
    let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
    let default_port = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let port = uri.port_u16().unwrap_or(default_port);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    reach(Stage::Resolving);
    let stream = match addresses_without_lookup(bare) {
        Some(ips) => {
            reach(Stage::Connecting);
            race::connect_first(call, &with_port(&ips, port), call.until(), &mut Vec::new())?
        }
        None => connect_to_name(call, bare, port, reach)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn addresses_without_lookup(host: &str) -> Option<Vec<IpAddr>> {
    // This machine, whatever a resolver says: plain http is allowed there.
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
    reach: impl Fn(Stage),
) -> Result<TcpStream, ureq::Error> {
    let found = lookup::look_up(call, host)?;
    reach(Stage::Connecting);
    let mut losers = Vec::new();
    // A host may have moved since it was looked up, and its old address be silent.
    let now = Instant::now();
    let left = call.until().saturating_duration_since(now);
    let give_up = match found.is_remembered {
        true => now + (left / 2).max(REMEMBERED_AT_LEAST),
        false => call.until(),
    };
    let addresses = with_port(&found.ips, port);
    let mut connected = race::connect_first(call, &addresses, give_up, &mut losers);
    if connected.is_err() && found.is_remembered && call.slice().is_some() {
        lookup::forget(host);
        reach(Stage::Resolving);
        let now = lookup::look_up(call, host);
        reach(Stage::Connecting);
        let is_new = |ip: &IpAddr| !found.ips.contains(ip);
        let gave_up = matches!(connected, Err(ureq::Error::Timeout(_)));
        if let Some(now) = now.ok().filter(|now| gave_up || now.ips.iter().any(is_new)) {
            losers.clear();
            let addresses = with_port(&now.ips, port);
            connected = race::connect_first(call, &addresses, call.until(), &mut losers);
        }
    }
    match &connected {
        Ok(_) => {
            let losers: Vec<_> = losers.iter().map(SocketAddr::ip).collect();
            lookup::put_last(host, &losers);
        }
        Err(_) => lookup::forget(host),
    }
    connected
}

/// How long remembered addresses are tried, before the host is looked up again: all of them have their turn.
const REMEMBERED_AT_LEAST: Duration = Duration::from_secs(2);

/// A little more than the largest TLS record.
const RECORD: usize = 17 * 1024;

/// A TCP connection.
pub(super) struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// What the system was told; zero for nothing yet.
    read_timeout: Duration,
    write_timeout: Duration,
}

impl Tcp {
    fn new(stream: TcpStream, below_tls: bool) -> Self {
        // TLS has buffers of its own above; here passes a record at a time.
        let (input, output) = match below_tls {
            true => (RECORD, RECORD),
            false => (super::INPUT_BUFFER, super::OUTPUT_BUFFER),
        };
        Self {
            stream,
            buffers: LazyBuffers::new(input, output),
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
        }
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let call = current()?;
        let mut sent = 0;
        while sent < amount {
            let slice = call.slice().ok_or_else(timed_out)?;
            if let Some(timeout) = renewed(self.write_timeout, slice) {
                self.stream.set_write_timeout(Some(timeout))?;
                self.write_timeout = timeout;
            }
            match self.stream.write(&self.buffers.output()[sent..amount]) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(more) => sent += more,
                Err(error) if says_nothing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let call = current()?;
        loop {
            let slice = call.slice().ok_or_else(timed_out)?;
            if let Some(timeout) = renewed(self.read_timeout, slice) {
                self.stream.set_read_timeout(Some(timeout))?;
                self.read_timeout = timeout;
            }
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if says_nothing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// An idle connection has nothing to say: anything readable on it, the peer's goodbye
    /// included, means that it is of no more use. So does what was read already and nobody asked
    /// for, which under TLS nobody but this layer can see: it would be taken for the next reply.
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

impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tcp")
    }
}

/// What the system is to be told, where it does not do as it is: no operation may last longer than
/// `slice`, while one that ends sooner is begun again. So the timeout is set well below, and stays as
/// time goes by; otherwise every operation would cost a system call more.
fn renewed(set: Duration, slice: Duration) -> Option<Duration> {
    const EXACT: Duration = Duration::from_millis(20);
    if set <= slice && set > slice / 4 {
        return None;
    }
    Some(match slice {
        short if short <= EXACT => short,
        long => long / 4 * 3,
    })
}

/// A slice of time over, or a signal: neither says anything about the connection. (What Windows
/// calls "timed out" then is, elsewhere, a peer that no longer answers at all.)
fn says_nothing(error: &io::Error) -> bool {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => true,
        ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

pub(super) fn timed_out() -> ureq::Error {
    ureq::Error::Timeout(ureq::Timeout::Global)
}

fn current() -> Result<std::rc::Rc<Call>, ureq::Error> {
    Call::current().ok_or_else(|| io::Error::other("a connection used outside a call").into())
}
