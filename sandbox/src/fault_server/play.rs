//! Plays a script on a connection.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::TlsConfigs;
use super::lease_state::{LeaseState, Plays};
use super::ledger::{Connection, is_warm_up};
use super::request::{Kind, Request, head_length};
use super::script::{EchoFormat, ProxyFault, Script, Step, Take, TlsFault};
use super::scripted_stream::{ReadResult, ScriptedStream};

/// Serves one connection to its end. Returns the record of it.
pub(super) fn connection(
    stream: TcpStream,
    number: usize,
    lease: &LeaseState,
    tls_configs: &TlsConfigs,
) -> Connection {
    let mut record = Connection {
        number,
        secured: false,
        proxied: false,
        begun: false,
        received: Vec::new(),
        sent: 0,
        requests: Vec::new(),
    };
    let Ok(stream) = ScriptedStream::new(stream) else {
        return record;
    };
    let mut player = Player {
        stream,
        lease,
        number,
        awaits_tls: false,
        begun: false,
    };
    player.play(&mut record, tls_configs);
    record.begun = player.begun;
    record.sent = player.stream.sent;
    // Bytes received before the proxy's tunnel or before the TLS hello are not part of a request.
    if (!lease.armed.proxy || record.proxied) && !player.awaits_tls {
        record.received = std::mem::take(&mut player.stream.received);
    }
    record.requests = Request::all(&record.received);
    record
}

/// The connection has ended, or the lease is over.
struct Ended;

struct Player<'l> {
    stream: ScriptedStream,
    lease: &'l LeaseState,
    number: usize,
    /// Whether the slot uses TLS and the handshake has not started.
    awaits_tls: bool,
    begun: bool,
}

impl Player<'_> {
    fn play(&mut self, record: &mut Connection, tls_configs: &TlsConfigs) {
        // With `Plays::Ids` there is no fault before an id is read.
        let script = match self.lease.armed.plays {
            Plays::Connections(_) => self.lease.script(self.number, None).unwrap_or_default(),
            Plays::Ids(_) => Arc::default(),
        };
        let fault_is_early = script.proxy.is_some() || script.tls.is_some();
        if fault_is_early {
            self.start_script();
        }
        let result = self
            .play_proxy(&script, record)
            .and_then(|()| self.play_tls(&script, record, tls_configs))
            .and_then(|()| self.play_requests(&script));
        if result.is_err() {
            self.stream.drain();
        }
    }

    /// Handles the CONNECT if the slot is a proxy.
    fn play_proxy(&mut self, script: &Script, record: &mut Connection) -> Result<(), Ended> {
        if !self.lease.armed.proxy {
            return Ok(());
        }
        if let Some(ProxyFault { read: false, then }) = &script.proxy {
            return self.last_steps(then);
        }
        while head_length(&self.stream.received).is_none() {
            self.read(16 * 1024)?;
        }
        self.stream.discard();
        if let Some(fault) = &script.proxy {
            let ended = self.last_steps(&fault.then);
            // What the client still sends through the broken tunnel does not count as a request.
            self.stream.drain();
            self.stream.discard();
            return ended;
        }
        let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
        self.step(&Step::Send(established.to_vec()))?;
        self.stream.discard();
        record.proxied = true;
        Ok(())
    }

    /// Performs the handshake if the slot uses TLS.
    fn play_tls(
        &mut self,
        script: &Script,
        record: &mut Connection,
        tls_configs: &TlsConfigs,
    ) -> Result<(), Ended> {
        let Some(tls) = self.lease.armed.tls else {
            return Ok(());
        };
        let lease = self.lease;
        let stop = || lease.is_over();
        self.awaits_tls = true;
        match &script.tls {
            Some(TlsFault::BeforeHello(steps)) => return self.last_steps(steps),
            Some(TlsFault::AfterHello(steps)) => {
                self.read(16 * 1024)?;
                return self.last_steps(steps);
            }
            _ => {}
        }
        self.awaits_tls = false;
        let config = tls_configs.config(tls);
        let flight = self.stream.begin_tls(&config, stop).ok_or(Ended)?;
        match &script.tls {
            Some(TlsFault::DuringServerFlight {
                percent,
                await_answer,
                then,
            }) => {
                let part = flight.len() * percent.min(&100) / 100;
                if !self.stream.send_raw(&flight[..part], stop) {
                    return Err(Ended);
                }
                if *await_answer {
                    self.read(1024)?;
                }
                self.last_steps(then)
            }
            Some(TlsFault::DripServerFlight(pause)) => {
                for byte in &flight {
                    if !self.stream.send_raw(&[*byte], stop) || lease.wait(*pause) {
                        return Err(Ended);
                    }
                }
                self.stream.complete_tls(stop).then_some(()).ok_or(Ended)
            }
            _ => {
                let done = self.stream.send_raw(&flight, stop) && self.stream.complete_tls(stop);
                record.secured = done;
                done.then_some(()).ok_or(Ended)
            }
        }
    }

    /// Handles the requests one after the other.
    fn play_requests(&mut self, script: &Arc<Script>) -> Result<(), Ended> {
        let mut start = 0;
        let mut warm_up = script.warm_up.as_deref();
        loop {
            let take = match warm_up {
                Some(_) => Take::Whole,
                None => script.take,
            };
            if take == Take::Nothing && start == 0 {
                self.start_script();
            }
            let request = self.read_request(start, take)?;
            let id = request.as_ref().and_then(|request| request.id.clone());
            let end = start + request.as_ref().map_or(0, |request| request.bytes);
            if is_warm_up(id.as_deref()) {
                self.begun = true;
                // The bytes of a first `Send` are sent together with the reply.
                let (tail, rest) = match warm_up.take().unwrap_or_default() {
                    [Step::Send(tail), rest @ ..] => (tail.as_slice(), rest),
                    steps => (&[][..], steps),
                };
                let kind = request.map_or(Kind::Other, |request| request.kind);
                self.reply_to_warm_up(kind, id.as_deref().unwrap_or_default(), tail)?;
                let done = self.steps(rest, start, end, None);
                self.lease.warm_up_done();
                done?;
            } else {
                warm_up = None;
                if take != Take::Nothing || start > 0 {
                    self.start_script();
                }
                let chosen = if self.by_id() {
                    self.lease.script(self.number, id.as_deref()).ok_or(Ended)?
                } else {
                    Arc::clone(script)
                };
                self.steps(&chosen.then, start, end, id.as_deref())?;
            }
            start = end;
        }
    }

    fn start_script(&mut self) {
        self.begun = true;
        self.lease.script_started(self.number);
    }

    fn by_id(&self) -> bool {
        matches!(self.lease.armed.plays, Plays::Ids(_))
    }

    /// Reads the part `take` of the request that starts at `start`.
    fn read_request(&mut self, start: usize, take: Take) -> Result<Option<Request>, Ended> {
        loop {
            let bytes = &self.stream.received[start..];
            let request = Request::first(bytes);
            let whole = request.as_ref().is_some_and(|request| request.whole);
            let wanted = match take {
                Take::Nothing => 0,
                Take::Bytes(wanted) => wanted,
                Take::Body(wanted) => head_length(bytes).map_or(usize::MAX, |head| head + wanted),
                Take::Whole => usize::MAX,
            };
            if whole || bytes.len() >= wanted {
                return Ok(request);
            }
            // Read no more than `wanted`: the end of the head is found byte by byte.
            let max = match take {
                Take::Body(_) if wanted == usize::MAX => 1,
                _ => wanted - bytes.len(),
            };
            self.read(max)?;
        }
    }

    fn reply_to_warm_up(&mut self, kind: Kind, id: &str, tail: &[u8]) -> Result<(), Ended> {
        let body = match kind {
            Kind::Pay => format!(r#"{{"code":"0","message":"ok","orderNumber":"{id}"}}"#),
            Kind::Check | Kind::Other => format!(
                r#"{{"code":"0","message":"ok","transaction":{{"orderNumber":"{id}","status":"2"}}}}"#
            ),
        };
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        self.step(&Step::Send(
            [head.as_bytes(), body.as_bytes(), tail].concat(),
        ))
    }

    fn read(&mut self, max: usize) -> Result<(), Ended> {
        loop {
            match self.stream.read(max) {
                ReadResult::Data => return Ok(()),
                ReadResult::End => return Err(Ended),
                ReadResult::Nothing if self.lease.is_over() => return Err(Ended),
                ReadResult::Nothing => {}
            }
        }
    }

    /// Plays steps after which the connection is closed.
    fn last_steps(&mut self, steps: &[Step]) -> Result<(), Ended> {
        self.steps(steps, 0, 0, None)?;
        self.step(&Step::Close)
    }

    /// Plays steps for the request between `start` and `end`.
    fn steps(
        &mut self,
        steps: &[Step],
        start: usize,
        end: usize,
        id: Option<&str>,
    ) -> Result<(), Ended> {
        for (index, step) in steps.iter().enumerate() {
            // Recorded before the step: the client may finish before this thread runs again.
            if index + 1 == steps.len() && !step.has_no_end() {
                self.lease.script_ended(id);
            }
            match step {
                // With ids, calls share connections. So a hang must not block this connection: it reads
                // the next request, which may be another call's.
                Step::Hang if self.by_id() => return Ok(()),
                Step::Echo { status, format } => {
                    let reply = echo(&self.stream.received[start..end], *status, *format);
                    self.step(&Step::Send(reply))?;
                }
                step => self.step(step)?,
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Ended> {
        let lease = self.lease;
        let stop = || lease.is_over();
        let continues = match step {
            Step::Send(bytes) => self.stream.send(bytes, stop),
            Step::SendRaw(bytes) => self.stream.send_raw(bytes, stop),
            Step::Drip { bytes, pause } => bytes
                .iter()
                .all(|byte| self.stream.send(&[*byte], stop) && !lease.wait(*pause)),
            Step::Flood { bytes, pause } => {
                while self.stream.send(bytes, stop) && !lease.wait(*pause) {}
                false
            }
            Step::Pause(time) => !lease.wait(*time),
            Step::Hang => {
                lease.wait(Duration::from_secs(60));
                false
            }
            Step::Close => {
                self.stream.close();
                false
            }
            Step::Cut => {
                self.stream.cut();
                false
            }
            Step::Reset => {
                self.stream.reset();
                false
            }
            Step::Echo { .. } => unreachable!("steps() sends the echo"),
        };
        continues.then_some(()).ok_or(Ended)
    }
}

/// A reply that contains the request.
fn echo(request: &[u8], status: u16, format: EchoFormat) -> Vec<u8> {
    let shown = String::from_utf8_lossy(request);
    let escaped = |escape: fn(char) -> String| shown.chars().map(escape).collect::<String>();
    let quoted = || serde_json::Value::from(shown.as_ref()).to_string();
    let text = match format {
        EchoFormat::Json => quoted(),
        EchoFormat::SlashedJson => quoted().replace('/', r"\/"),
        EchoFormat::UnicodeJson => {
            format!("\"{}\"", escaped(|c| format!("\\u{:04x}", u32::from(c))))
        }
        EchoFormat::Headers => {
            // From the token on, wherever it is in the request: a log may keep only the first part.
            let start = shown.find("uthorization").unwrap_or_default();
            shown[start..].replace(['\r', '\n'], " ")
        }
        EchoFormat::Page => shown.replace('&', "&amp;").replace('<', "&lt;"),
        EchoFormat::EntityPage => escaped(|c| format!("&#{};", u32::from(c))),
    };
    let headers = match format {
        EchoFormat::Headers => format!("Content-Type: {text}\r\nDate: {text}\r\n"),
        _ => String::new(),
    };
    let body = if format == EchoFormat::Headers {
        r#"{"code":"1","message":"see the headers"}"#.to_owned()
    } else if format.is_page() {
        format!("<html><body><h1>Error</h1><p>{text}</p></body></html>")
    } else {
        format!(r#"{{"code":"1","message":{text}}}"#)
    };
    let length = body.len();
    format!("HTTP/1.1 {status} Echo\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
