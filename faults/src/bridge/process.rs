//! A process that runs the bridge.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::message;
use crate::interruption::{Interrupted, Interruption};

/// How long a process may live on after its input has ended: no call is in flight then.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A process that many threads use. See `docs/bridge.md`.
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
    /// Where the requests go. `None` once it was closed, or a write has failed.
    stdin: Mutex<Option<ChildStdin>>,
    calls: Arc<Calls>,
    reader: JoinHandle<Rest>,
    /// Disconnected when the reader has seen the end of the replies.
    ended: Mutex<Receiver<()>>,
    interrupted: Mutex<Option<Interrupted>>,
}

/// The calls in flight, by id.
#[derive(Default)]
struct Calls {
    state: Mutex<CallsState>,
}

#[derive(Default)]
struct CallsState {
    in_flight: HashMap<u64, Sender<Reply>>,
    has_ended: bool,
}

/// A reply, and when it arrived.
pub struct Reply {
    pub line: Vec<u8>,
    pub arrived: Instant,
}

/// What a process wrote besides its replies.
#[derive(Default)]
pub struct Rest {
    /// Lines that are no reply to a call in flight.
    pub strays: Vec<Vec<u8>>,
    pub stderr: Vec<u8>,
}

/// How a process ended.
pub struct End {
    pub rest: Rest,
    /// What was wrong about it.
    pub problems: Vec<String>,
    pub interrupted: Option<Interrupted>,
}

impl Process {
    pub fn start(program: &Path) -> Result<Self, String> {
        let mut child = Command::new(program)
            .arg("bridge")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("a pipe is missing".to_owned());
        };
        let calls = Arc::new(Calls::default());
        let (ends, ended) = mpsc::channel();
        let of_reader = Arc::clone(&calls);
        let reader = std::thread::spawn(move || {
            let rest = of_reader.read_replies(stdout, stderr);
            drop(ends);
            rest
        });
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(child),
            stdin: Mutex::new(stdin),
            calls,
            reader,
            ended: Mutex::new(ended),
            interrupted: Mutex::new(None),
        })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How the process was interrupted by a call.
    pub fn interrupted(&self) -> Option<Interrupted> {
        *lock(&self.interrupted)
    }

    /// Whether it can take requests, as far as is known.
    pub fn takes_requests(&self) -> bool {
        lock(&self.stdin).is_some() && !self.calls.lock().has_ended
    }

    pub fn kill(&self) {
        *lock(&self.interrupted) = Some(Interrupted::Killed);
        // An error means that it has ended already.
        let _ = lock(&self.child).kill();
    }

    /// Waits until the process has ended. Returns false when it does not.
    pub fn wait_for_end(&self) -> bool {
        lock(&self.ended).recv_timeout(END_TIMEOUT) == Err(RecvTimeoutError::Disconnected)
    }

    /// Hands a request over and waits for its reply. An error says what is known when there is none.
    pub fn exchange(
        &self,
        id: u64,
        line: &[u8],
        interruption: Option<Interruption>,
    ) -> Result<Reply, NoReply> {
        let reply = self.calls.begin(id).ok_or(NoReply::NotHandedOver)?;
        if !self.hand_over(line, interruption) {
            self.calls.forget(id);
            return Err(NoReply::NotHandedOver);
        }
        if let Some(Interruption::KilledAfter(moment)) = interruption {
            match reply.recv_timeout(moment) {
                Err(RecvTimeoutError::Timeout) => self.kill(),
                received => return received.map_err(|_| NoReply::HandedOver),
            }
        }
        reply.recv().map_err(|_| NoReply::HandedOver)
    }

    /// Returns false if the line was not written completely: then the bridge does not carry it out.
    fn hand_over(&self, line: &[u8], interruption: Option<Interruption>) -> bool {
        let mut stdin = lock(&self.stdin);
        let Some(pipe) = stdin.as_mut() else {
            return false;
        };
        match interruption {
            Some(Interruption::KilledInLine { part, pause }) => {
                let _ = pipe.write_all(&line[..part.length(line)]);
                std::thread::sleep(pause);
                self.kill();
            }
            Some(Interruption::ClosedInLine { part }) => {
                *lock(&self.interrupted) = Some(Interrupted::InputEnded);
                let _ = pipe.write_all(&line[..part.length(line)]);
            }
            _ if pipe.write_all(line).is_ok() => return true,
            _ => {}
        }
        *stdin = None;
        false
    }

    /// Closes the input, and waits for the end.
    pub fn end(self) -> End {
        drop(lock(&self.stdin).take());
        let mut problems = Vec::new();
        if !self.wait_for_end() {
            problems.push("the bridge does not end after its input".to_owned());
            self.kill();
        }
        let status = lock(&self.child).wait();
        let rest = self.reader.join().unwrap_or_default();
        match status {
            Ok(status) if is_expected(status, *lock(&self.interrupted)) => {}
            status => problems.push(format!("the bridge ended with {status:?}")),
        }
        End {
            rest,
            problems,
            interrupted: *lock(&self.interrupted),
        }
    }
}

/// What is known about a request without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// Its line was not written completely.
    NotHandedOver,
    HandedOver,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, CallsState> {
        lock(&self.state)
    }

    /// `None` when the process has ended.
    fn begin(&self, id: u64) -> Option<Receiver<Reply>> {
        let (to, from) = mpsc::channel();
        let mut state = self.lock();
        if state.has_ended {
            return None;
        }
        state.in_flight.insert(id, to);
        Some(from)
    }

    fn forget(&self, id: u64) {
        self.lock().in_flight.remove(&id);
    }

    /// Gives each line to the call that waits for it, until the process ends.
    fn read_replies(&self, stdout: ChildStdout, mut stderr: ChildStderr) -> Rest {
        let mut rest = Rest::default();
        let mut stdout = BufReader::new(stdout);
        loop {
            let mut line = Vec::new();
            if stdout.read_until(b'\n', &mut line).is_err() || line.is_empty() {
                break;
            }
            let arrived = Instant::now();
            let is_whole = line.ends_with(b"\n");
            let call = match message::id(&line) {
                Some(id) if is_whole => self.lock().in_flight.remove(&id),
                _ => None,
            };
            match call {
                // Its caller waits, unless it could not write its line.
                Some(call) => drop(call.send(Reply { line, arrived })),
                None => rest.strays.push(line),
            }
        }
        let mut state = self.lock();
        state.has_ended = true;
        // Nobody replies any more.
        state.in_flight.clear();
        drop(state);
        let _ = stderr.read_to_end(&mut rest.stderr);
        rest
    }
}

fn is_expected(status: ExitStatus, interrupted: Option<Interrupted>) -> bool {
    let was_killed = interrupted == Some(Interrupted::Killed);
    status.success() || was_killed && status.signal() == Some(libc::SIGKILL)
}

/// The child processes of this one, also those that have ended but are still listed.
pub fn children() -> std::io::Result<Vec<String>> {
    let own = std::process::id();
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        // "PID (NAME) STATE PARENT …"; a name may contain spaces.
        let text = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = text.rsplit_once(") ").map(|(_, rest)| rest);
        let parent = after_name.and_then(|rest| rest.split(' ').nth(1));
        if parent.and_then(|parent| parent.parse().ok()) == Some(own) {
            children.push(text.trim().chars().take(60).collect());
        }
    }
    Ok(children)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
