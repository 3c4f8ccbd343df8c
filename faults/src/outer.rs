//! The outer process, which outlives the inner one.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::drive::CANARY;
use crate::{Options, watch};

/// Runs the inner process. True when nothing was wrong with it.
pub fn run(options: &Options) -> Result<bool, String> {
    // Any number will do where none was asked for.
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one("seed") % 1_000_000_000);
    println!("seed {seed}");
    let words = |error: std::io::Error| error.to_string();
    let notes = tempfile::NamedTempFile::new().map_err(words)?;
    let lookup = options
        .lookup
        .canonicalize()
        .map_err(|error| format!("{}: {error}", options.lookup.display()))?;
    let began = Instant::now();
    let mut command = Command::new(std::env::current_exe().map_err(words)?);
    command
        .args(["--runs", &options.runs.to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--threads", &options.threads.to_string()])
        .arg("--lib-dir")
        .arg(&options.lib_dir)
        .arg("--lookup")
        .arg(&lookup)
        .arg("--inner")
        .arg(notes.path())
        .env("LD_PRELOAD", &lookup)
        .stderr(Stdio::piped());
    if let Some(only) = options.only {
        command.args(["--only", &only.to_string()]);
    }
    let mut child = command.spawn().map_err(words)?;
    let mut said = Vec::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_end(&mut said).map_err(words)?;
    }
    let status = child.wait().map_err(words)?;
    std::io::stderr().write_all(&said).map_err(words)?;

    let crashed = status.code().is_none();
    if crashed {
        let bytes = std::fs::read(notes.path()).map_err(words)?;
        println!(
            "\nWRONG: {status}; under way were {:?}",
            watch::under_way(&bytes)
        );
    }
    let token = CANARY.as_bytes();
    let found = said
        .windows(token.len())
        .filter(|part| *part == token)
        .count();
    let panics = String::from_utf8_lossy(&said)
        .matches("panicked at")
        .count();
    println!("{:40}{:>7}", "token on the error stream", found);
    println!("{:40}{:>7}", "panics", panics);
    println!("{:40}{:>7}", "crashes", u8::from(crashed));
    println!("{:40}{:>7}", "hangs", u8::from(status.code() == Some(3)));
    println!("\nseed {seed}, {:.1} s", began.elapsed().as_secs_f64());
    let clean = status.success() && found == 0 && panics == 0;
    println!("{}", if clean { "clean" } else { "NOT clean" });
    Ok(clean)
}
