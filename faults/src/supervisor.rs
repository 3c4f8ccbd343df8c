//! The outer process, which outlives the others.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::canary::Search;
use crate::log::{self, Log};
use crate::{Options, watchdog};

/// Runs the others. True when nothing was wrong.
pub fn run(options: &Options) -> Result<bool, String> {
    // Any number will do where none was asked for.
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one("seed") % 1_000_000_000);
    let log = Log::begin(options, seed)?;
    log.say(&format!("seed {seed}, {} runs", options.runs));
    log.say(&format!("repeat with: {}", log::repeat(options, seed)));
    let done = watched(options, seed, &log);
    // An end before its time is a failure to be found in the log too.
    if let Err(problem) = &done {
        log.keep(format!("flexpay-faults: {problem}\n").as_bytes());
    }
    if matches!(done, Ok(true)) && options.log.is_none() {
        let _ = std::fs::remove_file(log.path());
    } else {
        log.say(&format!("\nlog: {}", log.path().display()));
        log.say(&format!("seed: {seed}"));
        log.say(&format!("repeat with: {}", log::repeat(options, seed)));
    }
    done
}

/// The runs, and all that is said of them.
fn watched(options: &Options, seed: u64, log: &Log) -> Result<bool, String> {
    let words = |error: std::io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(words)?;
    let notes = directory.path().join("notes");
    std::fs::write(&notes, "").map_err(words)?;
    let wire = directory.path().join("wire");
    let lookup = options
        .lookup
        .canonicalize()
        .map_err(|error| format!("{}: {error}", options.lookup.display()))?;
    let began = Instant::now();
    let command = |more: &[(&str, &Path)]| {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--runs", &options.runs.to_string()])
            .args(["--seed", &seed.to_string()])
            .args(["--threads", &options.threads.to_string()])
            .arg("--lib-dir")
            .arg(&options.lib_dir)
            .arg("--lookup")
            .arg(&lookup)
            .arg("--wire")
            .arg(&wire);
        for (name, path) in more {
            command.arg(name).arg(path);
        }
        Ok(command)
    };
    let mut server = command(&[])
        .and_then(|mut command| command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn())
        .map_err(words)?;
    let mut inner = command(&[("--inner", &notes)]).map_err(words)?;
    inner
        .env("LD_PRELOAD", &lookup)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(only) = options.only {
        inner.args(["--only", &only.to_string()]);
    }
    let mut inner = inner.spawn().map_err(words)?;

    let said = inner
        .stdout
        .take()
        .map(|from| overhear(from, std::io::stdout(), log.clone()));
    let complained = inner
        .stderr
        .take()
        .map(|from| overhear(from, std::io::stderr(), log.clone()));
    let server_complained = server
        .stderr
        .take()
        .map(|from| overhear(from, std::io::stderr(), log.clone()));
    let status = inner.wait().map_err(words)?;
    // The server ends when nobody can speak to it any more.
    drop(server.stdin.take());
    let server_status = server.wait().map_err(words)?;
    let heard = |thread: Option<std::thread::JoinHandle<Vec<u8>>>| {
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    };
    let written = [heard(said), heard(complained)].concat();
    let panics: usize = [written.clone(), heard(server_complained)]
        .iter()
        .map(|text| String::from_utf8_lossy(text).matches("panicked at").count())
        .sum();

    let crashed = |status: ExitStatus| status.code().is_none();
    if crashed(status) {
        let bytes = std::fs::read(&notes).map_err(words)?;
        log.say(&format!(
            "\nWRONG: {status}; under way were {:?}",
            watchdog::under_way(&bytes)
        ));
    }
    if !server_status.success() {
        log.say(&format!("\nWRONG: the fault server: {server_status}"));
    }
    let found = Search::new().places(&written).len();
    log.say(&format!("{:40}{:>7}", "token in what was written", found));
    log.say(&format!("{:40}{:>7}", "panics", panics));
    log.say(&format!("{:40}{:>7}", "crashes", u8::from(crashed(status))));
    log.say(&format!(
        "{:40}{:>7}",
        "hangs",
        u8::from(status.code() == Some(3))
    ));
    log.say(&format!(
        "\nseed {seed}, {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    let clean = status.success() && server_status.success() && found == 0 && panics == 0;
    log.say(if clean { "clean" } else { "NOT clean" });
    Ok(clean)
}

/// Passes on what comes, and keeps it, in the log too.
fn overhear(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    log: Log,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            log.keep(&piece[..length]);
            let _ = to.write_all(&piece[..length]).and_then(|()| to.flush());
            all.extend_from_slice(&piece[..length]);
        }
        all
    })
}
