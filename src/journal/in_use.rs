//! SQLite in a forked child.
//!
//! A child that is forked while another thread of its parent uses SQLite inherits SQLite's memory in the middle
//! of that use, with locks that the child does not have. Such a child must not use SQLite at all
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.6). Between two calls nothing is open, so that a child
//! that was forked then can use the journal.

use std::sync::atomic::{AtomicU64, Ordering};

use super::file::Trouble;

/// The process whose calls use SQLite, and how many do: the upper and the lower half.
static IN_USE: AtomicU64 = AtomicU64::new(0);

/// A call that uses SQLite.
pub(super) struct InUse;

impl InUse {
    /// Refuses in a child that was forked during a call.
    pub(super) fn begin() -> Result<Self, Trouble> {
        let own = u64::from(std::process::id()) << 32;
        let one_more = |value: u64| match calls(value) {
            0 => Some(own + 1),
            _ if process(value) == own => Some(value + 1),
            _ => None,
        };
        match IN_USE.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
            Ok(_) => Ok(Self),
            Err(_) => Err(Trouble::Other(
                "was in use by another thread when this process was forked, which SQLite does not support: \
                 start the child as a new program, or fork before the journal is used"
                    .to_owned(),
            )),
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let own = u64::from(std::process::id()) << 32;
        // Not in a child that was forked by this call's own thread, from a signal handler.
        let one_less = |value: u64| (process(value) == own).then(|| value - 1);
        let _ = IN_USE.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }
}

fn process(value: u64) -> u64 {
    value & !u64::from(u32::MAX)
}

fn calls(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}
