//! A merchant: a folder with the journal and a log of what was delivered, and the programs that use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flexpay::journal::Journal;
use flexpay::{Client, Config};
use tempfile::TempDir;

use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::judge::{Broken, Seen, Violation};
use crate::mutant::Mutant;
use crate::strace::{self, Ended};
use crate::table;
use crate::worker::{Call, Heard, Way};

/// The exit status of a Rust program that panicked.
const PANICKED: i32 = 101;
/// That of a worker whose call was refused.
const REFUSED: i32 = 1;

pub struct Shop<'a> {
    pub gateway: &'a Gateway,
    pub folder: TempDir,
    /// This program, which is also the worker.
    program: PathBuf,
    mutant: Option<Mutant>,
    /// What the next program takes for the time.
    pub clock: Clock,
    /// All that its programs printed, in order.
    pub heard: Vec<Heard>,
}

impl<'a> Shop<'a> {
    pub fn new(gateway: &'a Gateway, mutant: Option<Mutant>) -> Result<Self, String> {
        Ok(Self {
            gateway,
            folder: new_folder()?,
            program: std::env::current_exe().map_err(|error| error.to_string())?,
            mutant,
            clock: Clock::Right,
            heard: Vec::new(),
        })
    }

    /// Goes on in an empty folder.
    pub fn replace_folder(&mut self) -> Result<(), String> {
        self.folder = new_folder()?;
        Ok(())
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("delivered.log")
    }

    /// A client in this process.
    pub fn client(&self, way: Way) -> flexpay::Result<Client> {
        Client::new(self.config(way))
    }

    /// The same, without a journal.
    pub fn client_without_journal(&self, way: Way) -> flexpay::Result<Client> {
        Client::new(Config {
            journal: None,
            ..self.config(way)
        })
    }

    /// With its own connections, which end with the client.
    fn config(&self, way: Way) -> Config {
        let settings = self.gateway.settings(&self.journal());
        let value = |name: &str| {
            let found = settings.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| value.clone())
        };
        let sandbox = &self.gateway.sandbox;
        Config {
            api: way.api(),
            pay_url: value("FLEXPAY_PAY_URL").map(|url| way.pay_url(&url)),
            mobile_url: value("FLEXPAY_MOBILE_URL"),
            payout_url: value("FLEXPAY_PAYOUT_URL"),
            check_url: value("FLEXPAY_CHECK_URL"),
            journal: value("FLEXPAY_JOURNAL"),
            allow_payout: true,
            private_connections: true,
            ..Config::new(sandbox.merchant(), sandbox.token())
        }
    }

    /// The command that makes the call in a process of its own.
    pub fn command(&self, call: &Call) -> Result<Command, String> {
        let mut command = Command::new(&self.program);
        command.arg("worker");
        if let Some(mutant) = self.mutant {
            command.args(["--mutant", mutant.name()]);
        }
        command.args(call.arguments()).env_clear();
        command.envs(self.gateway.settings(&self.journal()));
        self.clock.set(&mut command)?;
        Ok(command)
    }

    /// Makes the call in a process of its own, which nothing happens to.
    pub fn call(&mut self, call: &Call) -> Result<Vec<Heard>, Violation> {
        let stuck = |problem: String| Broken::Stuck.because(problem);
        let ended = self.command(call).and_then(strace::run_untraced);
        let ended = ended.map_err(stuck)?;
        self.hear(&ended)
    }

    /// Reads what a program printed, and whether it crashed.
    pub fn hear(&mut self, ended: &Ended) -> Result<Vec<Heard>, Violation> {
        let parsed = ended.stdout.lines().map(serde_json::from_str);
        let heard: Vec<Heard> = parsed
            .collect::<Result<_, _>>()
            .map_err(|error| Broken::Crashed.because(format!("{error}: {}", ended.stdout)))?;
        self.heard.extend(heard.iter().cloned());
        let crashed = || Broken::Crashed.because(ended.stderr.clone());
        match ended.status {
            Some(0 | REFUSED) => Ok(heard),
            Some(PANICKED) => Err(crashed()),
            None if ended.was_killed => Ok(heard),
            _ => Err(crashed()),
        }
    }

    /// What is there now. It reads copies, so that the next program finds the files as they were left.
    pub fn look(&self, reference: &str, other: Option<&str>) -> Result<Seen, String> {
        let mut seen = Seen {
            other_is_there: other.is_none(),
            ledger: self.gateway.ledger(reference)?,
            deliveries: self.deliveries(reference)?,
            ..Seen::default()
        };
        if self.journal().exists() {
            let copy = scratch_folder()?;
            copy_journal(self.folder.path(), copy.path())?;
            let path = copy.path().join("journal.db");
            if let Err(error) = read(&path, reference, other, &mut seen) {
                seen.problems.push(error.message().to_owned());
            } else {
                seen.is_pruned = table::is_pruned(&path, reference)?;
            }
        }
        Ok(seen)
    }

    fn deliveries(&self, reference: &str) -> Result<usize, String> {
        let text = match fs::read_to_string(self.log()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            result => result.map_err(|error| error.to_string())?,
        };
        let line = format!("DELIVERED {reference}");
        Ok(text.lines().filter(|one| *one == line).count())
    }

    /// How many files are left in the folder that no program uses any more.
    pub fn leftovers(&self) -> Result<usize, String> {
        let names = |folder: &Path| -> Result<Vec<String>, String> {
            match fs::read_dir(folder) {
                Ok(all) => Ok(all
                    .flatten()
                    .map(|one| one.file_name().to_string_lossy().into_owned())
                    .collect()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error.to_string()),
            }
        };
        let senders = names(&self.folder.path().join("journal.db-senders"))?;
        let here = names(self.folder.path())?;
        let unfinished = here.iter().filter(|name| name.contains("-new-")).count();
        Ok(senders.len() + unfinished)
    }
}

fn new_folder() -> Result<TempDir, String> {
    let folder = tempfile::Builder::new().prefix("flexpay-crash-").tempdir();
    folder.map_err(|error| error.to_string())
}

/// A folder in memory, if there is such a place: a copy need not survive anything.
fn scratch_folder() -> Result<TempDir, String> {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.map_err(|error| error.to_string())
}

fn read(path: &Path, reference: &str, other: Option<&str>, seen: &mut Seen) -> flexpay::Result<()> {
    let journal = Journal::new(path);
    seen.problems = journal.problems()?;
    seen.entry = journal.get(reference)?.map(|stored| stored.entry);
    if let Some(other) = other {
        seen.other_is_there = journal.get(other)?.is_some();
    }
    Ok(())
}

/// Copies the files of a journal.
pub fn copy_journal(from: &Path, to: &Path) -> Result<(), String> {
    for suffix in ["", "-journal"] {
        let name = format!("journal.db{suffix}");
        match fs::copy(from.join(&name), to.join(&name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            result => drop(result.map_err(|error| format!("{name}: {error}"))?),
        }
    }
    Ok(())
}
