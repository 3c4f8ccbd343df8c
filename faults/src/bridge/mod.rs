//! The bridge as another program sees it: its own client of the protocol in `docs/bridge.md`. Each client
//! has its own process. When that ends, the next call starts another.

mod client;
mod message;
mod process;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::canary::Search;
use crate::interface::{self, Config, Interface};
use client::BridgeClient;
use process::Process;

/// The program with the bridge.
pub struct Bridge {
    program: PathBuf,
    /// Searches every line that a bridge writes for the tokens.
    search: Search,
    started: AtomicUsize,
}

impl Bridge {
    /// Shows that the program can be started, and speaks the protocol.
    pub fn new(program: &Path) -> Result<Self, String> {
        let bridge = Self {
            program: program.to_owned(),
            search: Search::new(),
            started: AtomicUsize::new(0),
        };
        let problems = bridge.client(&Config::unreachable())?.close();
        match problems.is_empty() {
            true => Ok(bridge),
            false => Err(problems.join("; ")),
        }
    }

    /// Starts a process and greets it.
    fn start(&self, config: &Config) -> Result<Process, String> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let process = Process::start(&self.program)?;
        let reply = process
            .exchange(message::HELLO_ID, &message::hello(config), None)
            .map_err(|_| "the bridge did not reply to hello")?;
        if self.search.look_through(&reply.line) {
            return Err("the reply to hello contains the token".to_owned());
        }
        message::check_hello(&reply.line)?;
        Ok(process)
    }
}

impl Interface for Bridge {
    fn client(&self, config: &Config) -> Result<Box<dyn interface::Client + '_>, String> {
        Ok(Box::new(BridgeClient::new(self, config)?))
    }

    /// A large request is smaller than over the C ABI: the bridge refuses a longer line.
    fn longest_text(&self) -> usize {
        message::MAX_LINE - message::REST_OF_LINE
    }

    fn release(&self) -> Result<(), String> {
        Ok(())
    }

    /// Looks for processes that are still there.
    fn last_checks(&self) -> Result<bool, String> {
        let leaked = process::children().map_err(|error| error.to_string())?;
        println!(
            "{:40}{:>7}    of {}",
            "leaked processes",
            leaked.len(),
            self.started.load(Ordering::Relaxed)
        );
        for child in &leaked {
            println!("WRONG: {child}");
        }
        println!(
            "{} lines from the bridges were searched",
            self.search.searched()
        );
        Ok(leaked.is_empty())
    }
}
