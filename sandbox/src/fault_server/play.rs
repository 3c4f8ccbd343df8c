//! Playing a script on a connection.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::Authorities;
use super::ledger::{Connection, is_warm_up};
use super::life::{Life, Plays};
use super::line::{Line, Pulled};
use super::request::{Request, head_length};
use super::script::{Dress, ProxyFault, Script, Step, Take, TlsFault};

/// Serves one connection to its end, and says what was seen.
pub(super) fn connection(
    stream: TcpStream,
    number: usize,
    life: &Life,
    authorities: &Authorities,
) -> Connection {
    let mut seen = Connection {
        number,
        secured: false,
        proxied: false,
        begun: false,
        received: Vec::new(),
        sent: 0,
        requests: Vec::new(),
    };
    let Ok(line) = Line::new(stream) else {
        return seen;
    };
    let mut stage = Stage {
        line,
        life,
        number,
        in_the_clear: false,
        begun: false,
    };
    stage.play(&mut seen, authorities);
    seen.begun = stage.begun;
    if !seen.proxied || seen.sent == 0 {
        seen.sent = stage.line.sent;
    }
    // What came on a connection that never got past the proxy, or past the hello, is none of a
    // request.
    if (!life.armed.proxy || seen.proxied) && !stage.in_the_clear {
        seen.received = std::mem::take(&mut stage.line.received);
    }
    seen.requests = Request::all(&seen.received);
    seen
}

/// A connection was ended, or the lease is over.
struct Ended;

struct Stage<'l> {
    line: Line,
    life: &'l Life,
    number: usize,
    /// Where there is to be TLS, and is none yet.
    in_the_clear: bool,
    begun: bool,
}

impl Stage<'_> {
    fn play(&mut self, seen: &mut Connection, authorities: &Authorities) {
        // Where ids choose, nothing goes wrong before one was read.
        let script = match self.life.armed.plays {
            Plays::Connections(_) => self.life.script(self.number, None).unwrap_or_default(),
            Plays::Ids(_) => Arc::default(),
        };
        let fault_is_early = script.proxy.is_some() || script.tls.is_some();
        if fault_is_early {
            self.begin();
        }
        let through = self
            .through_proxy(&script, seen)
            .and_then(|()| self.through_tls(&script, seen, authorities))
            .and_then(|()| self.requests(&script));
        if through.is_err() {
            self.line.drain();
        }
    }

    /// The CONNECT, where this is a proxy.
    fn through_proxy(&mut self, script: &Script, seen: &mut Connection) -> Result<(), Ended> {
        if !self.life.armed.proxy {
            return Ok(());
        }
        if let Some(ProxyFault { read: false, then }) = &script.proxy {
            return self.last_steps(then);
        }
        while head_length(&self.line.received).is_none() {
            self.pull(16 * 1024)?;
        }
        self.line.forget();
        if let Some(fault) = &script.proxy {
            let ended = self.last_steps(&fault.then);
            self.line.drain();
            self.line.forget();
            return ended;
        }
        let made = b"HTTP/1.1 200 Connection established\r\n\r\n";
        self.step(&Step::Send(made.to_vec()))?;
        self.line.forget();
        seen.proxied = true;
        Ok(())
    }

    /// The handshake, where there is TLS.
    fn through_tls(
        &mut self,
        script: &Script,
        seen: &mut Connection,
        authorities: &Authorities,
    ) -> Result<(), Ended> {
        let Some(tls) = self.life.armed.tls else {
            return Ok(());
        };
        let life = self.life;
        let stop = || life.is_over();
        self.in_the_clear = true;
        match &script.tls {
            Some(TlsFault::BeforeHello(steps)) => return self.last_steps(steps),
            Some(TlsFault::AfterHello(steps)) => {
                self.pull(16 * 1024)?;
                return self.last_steps(steps);
            }
            _ => {}
        }
        self.in_the_clear = false;
        let config = authorities.config(tls);
        let flight = self.line.begin_tls(&config, stop).ok_or(Ended)?;
        match &script.tls {
            Some(TlsFault::InFlight {
                percent,
                await_answer,
                then,
            }) => {
                let part = flight.len() * percent.min(&100) / 100;
                if !self.line.send_raw(&flight[..part], stop) {
                    return Err(Ended);
                }
                if *await_answer {
                    self.pull(1024)?;
                }
                self.last_steps(then)
            }
            Some(TlsFault::DripFlight(pause)) => {
                for byte in &flight {
                    if !self.line.send_raw(&[*byte], stop) || life.wait(*pause) {
                        return Err(Ended);
                    }
                }
                self.line.end_tls(stop).then_some(()).ok_or(Ended)
            }
            _ => {
                let done = self.line.send_raw(&flight, stop) && self.line.end_tls(stop);
                seen.secured = done;
                done.then_some(()).ok_or(Ended)
            }
        }
    }

    /// One request after the other.
    fn requests(&mut self, script: &Arc<Script>) -> Result<(), Ended> {
        let mut start = 0;
        let mut warm_up = script.warm_up.as_deref();
        loop {
            let take = match warm_up {
                Some(_) => Take::Whole,
                None => script.take,
            };
            if take == Take::Nothing && start == 0 {
                self.begin();
            }
            let request = self.take(start, take)?;
            let id = request.as_ref().and_then(|request| request.id.clone());
            let end = start + request.as_ref().map_or(0, |request| request.bytes);
            if is_warm_up(id.as_deref()) {
                self.begun = true;
                let steps = warm_up.take().unwrap_or_default();
                self.answer_warm_up(id.as_deref().unwrap_or_default(), steps)?;
                let with_reply = usize::from(matches!(steps.first(), Some(Step::Send(_))));
                let done = self.steps(&steps[with_reply..], start, end, None);
                self.life.is_idle();
                done?;
            } else {
                warm_up = None;
                if take != Take::Nothing || start > 0 {
                    self.begin();
                }
                let chosen = match self.by_id() {
                    true => self.life.script(self.number, id.as_deref()).ok_or(Ended)?,
                    false => Arc::clone(script),
                };
                self.steps(&chosen.then, start, end, id.as_deref())?;
            }
            start = end;
        }
    }

    fn begin(&mut self) {
        self.begun = true;
        self.life.begins(self.number);
    }

    fn by_id(&self) -> bool {
        matches!(self.life.armed.plays, Plays::Ids(_))
    }

    /// Reads of the request that begins at `start` as much as is to be read.
    fn take(&mut self, start: usize, take: Take) -> Result<Option<Request>, Ended> {
        loop {
            let bytes = &self.line.received[start..];
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
            // No more than is wanted: a head's end is found byte by byte.
            let most = match take {
                Take::Body(_) if wanted == usize::MAX => 1,
                _ => wanted - bytes.len(),
            };
            self.pull(most)?;
        }
    }

    /// What the first of the steps sends goes out in one piece with the answer.
    fn answer_warm_up(&mut self, id: &str, steps: &[Step]) -> Result<(), Ended> {
        let body = format!(
            r#"{{"code":"0","message":"ok","transaction":{{"orderNumber":"{id}","status":"2"}}}}"#
        );
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let tail = match steps.first() {
            Some(Step::Send(tail)) => tail.as_slice(),
            _ => &[],
        };
        self.step(&Step::Send(
            [head.as_bytes(), body.as_bytes(), tail].concat(),
        ))
    }

    fn pull(&mut self, most: usize) -> Result<(), Ended> {
        loop {
            match self.line.pull(most) {
                Pulled::Some => return Ok(()),
                Pulled::End => return Err(Ended),
                Pulled::Nothing if self.life.is_over() => return Err(Ended),
                Pulled::Nothing => {}
            }
        }
    }

    /// Steps after which nothing comes.
    fn last_steps(&mut self, steps: &[Step]) -> Result<(), Ended> {
        self.steps(steps, 0, 0, None)?;
        self.step(&Step::Close)
    }

    /// Steps about the request that lies between `start` and `end`.
    fn steps(
        &mut self,
        steps: &[Step],
        start: usize,
        end: usize,
        id: Option<&str>,
    ) -> Result<(), Ended> {
        for (index, step) in steps.iter().enumerate() {
            // Told before, not after: the client may be done before this thread runs again.
            if index + 1 == steps.len() && !step.has_no_end() {
                self.life.acted(id);
            }
            match step {
                // A client may share its connections: one on which the last call is left without an
                // answer, or had it before, may carry the next one's request.
                Step::Hang if self.by_id() => return Ok(()),
                Step::Echo { status, dress } => {
                    let reply = echo(&self.line.received[start..end], *status, *dress);
                    self.step(&Step::Send(reply))?;
                }
                step => self.step(step)?,
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Ended> {
        let life = self.life;
        let stop = || life.is_over();
        let goes_on = match step {
            Step::Send(bytes) => self.line.send(bytes, stop),
            Step::SendRaw(bytes) => self.line.send_raw(bytes, stop),
            Step::Drip { bytes, pause } => bytes
                .iter()
                .all(|byte| self.line.send(&[*byte], stop) && !life.wait(*pause)),
            Step::Flood { bytes, pause } => {
                while self.line.send(bytes, stop) && !life.wait(*pause) {}
                false
            }
            Step::Pause(time) => !life.wait(*time),
            Step::Hang => {
                life.wait(Duration::from_secs(60));
                false
            }
            Step::Close => {
                self.line.close();
                false
            }
            Step::Cut => {
                self.line.cut();
                false
            }
            Step::Reset => {
                self.line.reset();
                false
            }
            Step::Echo { .. } => true,
        };
        goes_on.then_some(()).ok_or(Ended)
    }
}

/// An answer that shows the request it answers.
fn echo(request: &[u8], status: u16, dress: Dress) -> Vec<u8> {
    let shown = String::from_utf8_lossy(request);
    let every = |spelled: fn(char) -> String| shown.chars().map(spelled).collect::<String>();
    let quoted = || serde_json::Value::from(shown.as_ref()).to_string();
    let text = match dress {
        Dress::Json => quoted(),
        Dress::SlashedJson => quoted().replace('/', r"\/"),
        Dress::UnicodeJson => format!("\"{}\"", every(|c| format!("\\u{:04x}", u32::from(c)))),
        Dress::Page => shown.replace('&', "&amp;").replace('<', "&lt;"),
        Dress::EntityPage => every(|c| format!("&#{};", u32::from(c))),
    };
    let body = match dress.is_page() {
        true => format!("<html><body><h1>Error</h1><p>{text}</p></body></html>"),
        false => format!(r#"{{"code":"1","message":{text}}}"#),
    };
    let length = body.len();
    format!("HTTP/1.1 {status} Echo\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}
