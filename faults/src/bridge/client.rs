//! A client: one process after another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::process::{NoReply, Process};
use super::{Bridge, message};
use crate::clock::ProcessWaits;
use crate::interface::{
    CallResult, CallStart, Client, Config, Request, Returned, TimedResult, consts,
};
use crate::interruption::{Interrupted, Interruption};

pub struct BridgeClient<'b> {
    bridge: &'b Bridge,
    config: Config,
    /// The last one takes the calls.
    processes: Mutex<Vec<Arc<Process>>>,
    next_id: AtomicU64,
}

impl<'b> BridgeClient<'b> {
    pub fn new(bridge: &'b Bridge, config: &Config) -> Result<Self, String> {
        let first = bridge.start(config)?;
        Ok(Self {
            bridge,
            config: config.clone(),
            processes: Mutex::new(vec![Arc::new(first)]),
            next_id: AtomicU64::new(message::HELLO_ID + 1),
        })
    }

    /// The process in use; a new one when that has ended.
    fn process(&self) -> Result<Arc<Process>, String> {
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = processes.last()
            && last.takes_requests()
        {
            return Ok(Arc::clone(last));
        }
        let new = Arc::new(self.bridge.start(&self.config)?);
        processes.push(Arc::clone(&new));
        Ok(new)
    }

    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Shows that the process in use works, by a call that sends nothing.
    fn local_call(&self) -> Result<(), String> {
        let id = self.next_id();
        let reply = self
            .process()?
            .exchange(id, &message::normalize_phone(id), None)
            .map_err(|problem| format!("{problem:?}"))?;
        message::check_normalized_phone(&reply.line)
    }

    /// Ends all processes. Returns what was wrong about them, and whether any was interrupted.
    fn end_processes(&self) -> (Vec<String>, bool) {
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut problems = Vec::new();
        let mut was_interrupted = false;
        for process in processes.drain(..) {
            let Some(process) = Arc::into_inner(process) else {
                problems.push("a call is still in flight".to_owned());
                continue;
            };
            let end = process.end();
            problems.extend(end.problems);
            was_interrupted |= end.interrupted.is_some();
            if !end.rest.stderr.is_empty() {
                let text = String::from_utf8_lossy(&end.rest.stderr);
                problems.push(format!("stderr: {text}"));
            }
            for line in end.rest.strays {
                let leaks = self.bridge.search.look_through(&line);
                // A process that was killed may have written a part of its last line.
                let is_cut = end.interrupted == Some(Interrupted::Killed) && !line.ends_with(b"\n");
                if leaks {
                    problems.push("the token in a line that is no reply".to_owned());
                } else if !is_cut {
                    let text = String::from_utf8_lossy(&line);
                    problems.push(format!("a line that is no reply: {text}"));
                }
            }
        }
        (problems, was_interrupted)
    }
}

impl Client for BridgeClient<'_> {
    fn call(&self, request: &Request<'_>, interruption: Option<Interruption>) -> TimedResult {
        let id = self.next_id();
        let line = message::request(id, request);
        let process = self.process().expect("a bridge starts");
        let process = match interruption {
            Some(Interruption::KilledBefore) => {
                process.kill();
                process.wait_for_end();
                self.process().expect("a bridge starts again")
            }
            _ => process,
        };
        let waits = ProcessWaits::now(process.pid());
        let start = CallStart::now();
        let exchanged = process.exchange(id, &line, interruption);
        let now = Instant::now();
        let (ended, returned) = match exchanged {
            Ok(reply) => {
                let leaks = usize::from(self.bridge.search.look_through(&reply.line));
                (
                    reply.arrived,
                    message::returned(&reply.line, request, leaks),
                )
            }
            Err(no_reply) => (now, without_reply(no_reply)),
        };
        let timed = start.finish(ended, returned);
        TimedResult {
            cpu_wait: timed.cpu_wait + waits.of_one_call(),
            interrupted: process.interrupted(),
            ..timed
        }
    }

    fn entry_state(&self, reference: &str) -> Result<Option<i32>, String> {
        let id = self.next_id();
        let reply = self
            .process()?
            .exchange(id, &message::journal_get(id, reference), None)
            .map_err(|problem| format!("{problem:?}"))?;
        if self.bridge.search.look_through(&reply.line) {
            return Err("an entry with the token".to_owned());
        }
        message::entry_state(&reply.line)
    }

    fn close(self: Box<Self>) -> Vec<String> {
        let (mut problems, was_interrupted) = self.end_processes();
        if was_interrupted {
            if let Err(problem) = self.local_call() {
                problems.push(format!("the call after an interruption: {problem}"));
            }
            problems.extend(self.end_processes().0);
        }
        problems
    }
}

fn without_reply(no_reply: NoReply) -> Returned {
    let outcome = match no_reply {
        NoReply::NotHandedOver => consts::OUTCOME_NOT_SENT,
        NoReply::HandedOver => consts::OUTCOME_UNKNOWN,
    };
    Returned {
        result: CallResult::NoReply { outcome },
        leaks: 0,
        trace: None,
    }
}
