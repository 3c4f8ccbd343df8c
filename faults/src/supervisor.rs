//! The supervisor process, which survives crashes of the other two.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::canary::Search;
use crate::log::{self, Log};
use crate::{Options, watchdog};

/// Runs the worker and the fault server. Returns true when nothing was wrong.
pub fn run(options: &Options) -> Result<bool, String> {
    // Without a requested seed, any number will do.
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one("seed") % 1_000_000_000);
    let log = Log::create(options, seed)?;
    log.print(&format!("seed {seed}, {} runs", options.runs));
    log.print(&format!(
        "repeat with: {}",
        log::repeat_command(options, seed)
    ));
    let result = run_processes(options, seed, &log);
    // An early end is a failure; it must be in the log too.
    if let Err(problem) = &result {
        log.append(format!("flexpay-faults: {problem}\n").as_bytes());
    }
    if matches!(result, Ok(true)) && options.log.is_none() {
        let _ = std::fs::remove_file(log.path());
    } else {
        log.print(&format!("\nlog: {}", log.path().display()));
        log.print(&format!("seed: {seed}"));
        log.print(&format!(
            "repeat with: {}",
            log::repeat_command(options, seed)
        ));
    }
    result
}

/// Starts both processes, waits for them and prints the summary.
fn run_processes(options: &Options, seed: u64, log: &Log) -> Result<bool, String> {
    let message = |error: std::io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(message)?;
    let running_file = directory.path().join("running");
    std::fs::write(&running_file, "").map_err(message)?;
    let socket = directory.path().join("socket");
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
            .arg("--program")
            .arg(&options.program)
            .arg("--lookup")
            .arg(&lookup)
            .arg("--socket")
            .arg(&socket);
        for (name, path) in more {
            command.arg(name).arg(path);
        }
        Ok(command)
    };
    let mut server = command(&[])
        .and_then(|mut command| command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn())
        .map_err(message)?;
    let mut worker = command(&[("--worker", &running_file)]).map_err(message)?;
    worker
        .env("LD_PRELOAD", &lookup)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(only) = options.only {
        worker.args(["--only", &only.to_string()]);
    }
    if options.bridge {
        worker.arg("--bridge");
    }
    let mut worker = worker.spawn().map_err(message)?;

    let stdout = worker
        .stdout
        .take()
        .map(|from| copy_output(from, std::io::stdout(), log.clone()));
    let stderr = worker
        .stderr
        .take()
        .map(|from| copy_output(from, std::io::stderr(), log.clone()));
    let server_stderr = server
        .stderr
        .take()
        .map(|from| copy_output(from, std::io::stderr(), log.clone()));
    let status = worker.wait().map_err(message)?;
    // The server ends when its standard input is closed.
    drop(server.stdin.take());
    let server_status = server.wait().map_err(message)?;
    let output = |thread: Option<std::thread::JoinHandle<Vec<u8>>>| {
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    };
    let worker_output = [output(stdout), output(stderr)].concat();
    let panics: usize = [worker_output.clone(), output(server_stderr)]
        .iter()
        .map(|text| String::from_utf8_lossy(text).matches("panicked at").count())
        .sum();

    let crashed = |status: ExitStatus| status.code().is_none();
    if crashed(status) {
        let bytes = std::fs::read(&running_file).map_err(message)?;
        log.print(&format!(
            "\nWRONG: {status}; runs in progress: {:?}",
            watchdog::running_in_file(&bytes)
        ));
    }
    if !server_status.success() {
        log.print(&format!("\nWRONG: the fault server: {server_status}"));
    }
    let tokens = Search::new().places(&worker_output).len();
    log.print(&format!("{:40}{:>7}", "token in the output", tokens));
    log.print(&format!("{:40}{:>7}", "panics", panics));
    log.print(&format!("{:40}{:>7}", "crashes", u8::from(crashed(status))));
    log.print(&format!(
        "{:40}{:>7}",
        "hangs",
        u8::from(status.code() == Some(watchdog::HANG_EXIT_STATUS))
    ));
    log.print(&format!(
        "\nseed {seed}, {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    let clean = status.success() && server_status.success() && tokens == 0 && panics == 0;
    log.print(if clean { "clean" } else { "NOT clean" });
    Ok(clean)
}

/// Copies a process's output to `to` and to the log, and returns all of it.
fn copy_output(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    log: Log,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            log.append(&piece[..length]);
            let _ = to.write_all(&piece[..length]).and_then(|()| to.flush());
            all.extend_from_slice(&piece[..length]);
        }
        all
    })
}
