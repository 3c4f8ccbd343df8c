//! What is under way, for when something never ends, or ends everything.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No call of the run has a deadline near this, however many others wait for a processor.
const HANGS: Duration = Duration::from_secs(45);

/// The runs under way: in memory for the watchdog, in a file for whoever outlives a crash.
pub struct Watch {
    under_way: Mutex<BTreeMap<usize, Instant>>,
    file: Option<File>,
}

/// A run is under way for as long as this lives.
pub struct Watched<'w>(&'w Watch, usize);

impl Watch {
    pub fn new(file: Option<File>) -> Self {
        Self {
            under_way: Mutex::default(),
            file,
        }
    }

    pub fn enter(&self, index: usize) -> Watched<'_> {
        self.lock().insert(index, Instant::now());
        self.note(index, 1);
        Watched(self, index)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Instant>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One byte a run: it is under way, or not.
    fn note(&self, index: usize, byte: u8) {
        if let Some(file) = &self.file {
            let _ = file.write_at(&[byte], index as u64);
        }
    }

    /// The runs that ought to be over long since.
    pub fn hanging(&self) -> Vec<usize> {
        let hangs =
            |(&index, began): (&usize, &Instant)| (began.elapsed() > HANGS).then_some(index);
        self.lock().iter().filter_map(hangs).collect()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
        self.0.note(self.1, 0);
    }
}

/// The runs that were under way according to a file.
pub fn under_way(bytes: &[u8]) -> Vec<usize> {
    let on = |(index, byte): (usize, &u8)| (*byte == 1).then_some(index);
    bytes.iter().enumerate().filter_map(on).collect()
}

/// How many of something `/proc/self` lists.
pub fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).map_or(0, Iterator::count)
}
