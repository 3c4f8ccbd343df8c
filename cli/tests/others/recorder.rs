//! Programs in place of flexpay: one that records its process id, and one that is no real bridge.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::example::in_project;

/// A file of its own for a test, removed at the end.
pub struct Recorder {
    file: PathBuf,
}

impl Recorder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("flexpay-others-{}-{number}", std::process::id());
        Self {
            file: std::env::temp_dir().join(name),
        }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The lines that were recorded.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The program flexpay, which records its process id.
    pub fn program(&self) -> PathBuf {
        in_project("cli/tests/others/recorded.sh")
    }

    pub fn variables(&self) -> [(&'static str, &OsStr); 2] {
        [
            ("PIDS", self.file.as_os_str()),
            ("PROGRAM", OsStr::new(env!("CARGO_BIN_EXE_flexpay"))),
        ]
    }

    /// Kills the program that was started last.
    pub fn kill(&self) {
        let lines = self.lines();
        let pid = lines.last().expect("the program was started");
        let status = Command::new("kill").args(["-KILL", pid]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Waits until `found` has a value.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
