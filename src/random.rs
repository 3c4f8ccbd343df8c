//! Random numbers that need not be secret.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// A random number. Not for secrets.
pub(crate) fn number() -> u64 {
    // RandomState has random keys. A forked child inherits them, so the process id is hashed too.
    RandomState::new().hash_one((std::process::id(), Instant::now()))
}
