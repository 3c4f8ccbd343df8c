//! Runs a program under strace: records its system calls, or does something to one of them.
//!
//! strace counts the calls of each name by themselves: the third `openat`, the seventh `pwrite64`.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::str::FromStr;

const SIGKILL: i32 = 9;

/// One system call of a program: `pwrite64:7` is the seventh `pwrite64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub name: String,
    pub occurrence: usize,
}

/// A system call that was recorded.
#[derive(Clone, Debug)]
pub struct SystemCall {
    pub point: Point,
    /// As strace writes it: `fsync(4</tmp/journal.db-journal>) = 0`.
    pub text: String,
}

/// How strings are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strings {
    /// The paths as they are, the beginning of what is written.
    Readable,
    WholeInHexadecimal,
}

/// What is done to a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injection {
    /// The process is killed when it makes the call, which has no effect.
    Kill,
    /// The call fails, and has no effect.
    Error {
        /// `EIO`.
        errno: &'static str,
        /// All later calls of this name fail, too.
        lasts: bool,
    },
}

/// How a program ended.
pub struct Ended {
    pub was_killed: bool,
    /// `None` if a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.occurrence)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: expected a system call and a number, such as fsync:2");
        let (name, occurrence) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self {
            name: name.to_owned(),
            occurrence: occurrence.parse().map_err(|_| wrong())?,
        })
    }
}

impl Injection {
    /// strace's option.
    fn option(&self, point: &Point) -> String {
        let Point { name, occurrence } = point;
        match self {
            Self::Kill => format!("inject={name}:signal=KILL:when={occurrence}"),
            Self::Error {
                errno,
                lasts: false,
            } => format!("inject={name}:error={errno}:when={occurrence}"),
            Self::Error { errno, lasts: true } => {
                format!("inject={name}:error={errno}:when={occurrence}+")
            }
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            was_killed: output.status.signal() == Some(SIGKILL),
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the command without strace.
pub fn run_untraced(mut command: Command) -> Result<Ended, String> {
    let output = command.output();
    output.map(Ended::from).map_err(|error| error.to_string())
}

/// Runs the command, and does this to one of its system calls.
pub fn run(command: &Command, injection: &Injection, point: &Point) -> Result<Ended, String> {
    let mut strace = Command::new("strace");
    strace.args(["-qqq", "-o", "/dev/null", "-e", "signal=none"]);
    strace.args(["-e", &format!("trace={}", point.name)]);
    strace.args(["-e", &injection.option(point)]);
    traced(strace, command)
}

/// Runs the command and records every system call of it.
pub fn record(
    command: &Command,
    trace: &Path,
    strings: Strings,
) -> Result<(Ended, Vec<SystemCall>), String> {
    let mut strace = Command::new("strace");
    // -f: so that threads are noticed. -y: the path of each descriptor.
    strace.args(["-f", "-y", "-e", "signal=none"]);
    if strings == Strings::WholeInHexadecimal {
        strace.args(["-xx", "-s", "1000000"]);
    }
    strace.arg("-o").arg(trace);
    let ended = traced(strace, command)?;
    let text = fs::read_to_string(trace).map_err(|error| error.to_string())?;
    Ok((ended, parse(&text)?))
}

fn traced(mut strace: Command, command: &Command) -> Result<Ended, String> {
    strace.arg(command.get_program()).args(command.get_args());
    strace.env_clear();
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    let output = strace.output();
    let output = output.map_err(|error| format!("strace: {error}. scripts/setup.sh crash"))?;
    Ok(output.into())
}

/// The lines of a trace. Each begins with the number of the thread.
fn parse(text: &str) -> Result<Vec<SystemCall>, String> {
    let mut calls = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut threads: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        // The end of the process: `+++ exited with 0 +++`.
        let Some((name, _)) = call.split_once('(').filter(|_| !call.starts_with('+')) else {
            continue;
        };
        if !threads.contains(&thread) {
            threads.push(thread);
        }
        let count = counts.entry(name).or_default();
        *count += 1;
        calls.push(SystemCall {
            point: Point {
                name: name.to_owned(),
                occurrence: *count,
            },
            text: call.to_owned(),
        });
    }
    match threads.len() {
        // strace counts the calls of each thread by themselves, so some could not be named.
        2.. => {
            Err("the program has several threads: not all of its calls can be reached".to_owned())
        }
        _ => Ok(calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_name_are_counted() {
        let text = "7 openat(AT_FDCWD, \"\\x2f\") = 3\n7 close(3</a b>) = 0\n7 openat(AT_FDCWD) = 3\n\
                    7 +++ exited with 0 +++\n";
        let points: Vec<_> = parse(text)
            .unwrap()
            .iter()
            .map(|call| call.point.to_string())
            .collect();
        assert_eq!(points, ["openat:1", "close:1", "openat:2"]);
    }

    #[test]
    fn a_program_with_threads_is_refused() {
        assert!(parse("7 read(0) = 0\n8 read(0) = 0\n").is_err());
    }
}
