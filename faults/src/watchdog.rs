//! Records which runs are in progress, to report them after a hang or a crash.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Far longer than the deadline of any call, even when many other threads compete for the processors.
const HANG_LIMIT: Duration = Duration::from_secs(45);

/// The worker's exit status after a hang.
pub const HANG_EXIT_STATUS: i32 = 3;

/// The runs in progress: in memory for the watchdog, and in a file that the supervisor reads after a
/// crash.
pub struct RunningRuns {
    started: Mutex<BTreeMap<usize, Instant>>,
    file: Option<File>,
}

/// Marks a run as in progress until it is dropped.
pub struct RunningGuard<'r>(&'r RunningRuns, usize);

impl RunningRuns {
    pub fn new(file: Option<File>) -> Self {
        Self {
            started: Mutex::default(),
            file,
        }
    }

    pub fn enter(&self, index: usize) -> RunningGuard<'_> {
        self.lock().insert(index, Instant::now());
        self.write_flag(index, 1);
        RunningGuard(self, index)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Instant>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file has one byte for each run: 1 while it is in progress, else 0.
    fn write_flag(&self, index: usize, flag: u8) {
        if let Some(file) = &self.file {
            let _ = file.write_at(&[flag], index as u64);
        }
    }

    /// The runs that have been in progress for longer than [`HANG_LIMIT`].
    pub fn hanging(&self) -> Vec<usize> {
        let hangs =
            |(&index, began): (&usize, &Instant)| (began.elapsed() > HANG_LIMIT).then_some(index);
        self.lock().iter().filter_map(hangs).collect()
    }
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
        self.0.write_flag(self.1, 0);
    }
}

/// The runs that were in progress, according to the contents of the file.
pub fn running_in_file(bytes: &[u8]) -> Vec<usize> {
    let is_running = |(index, byte): (usize, &u8)| (*byte == 1).then_some(index);
    bytes.iter().enumerate().filter_map(is_running).collect()
}

/// The number of entries in a directory of `/proc/self`.
pub fn proc_self_count(directory: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{directory}")).map_or(0, Iterator::count)
}
