//! State that is created again in a forked process.
//!
//! A child process must not use the inherited state. Another thread may have held a lock at the moment
//! of the fork: then the lock is never released in the child. A connection belongs to the parent. So the
//! child creates its own state and does not touch the parent's. For the same reason this module uses no
//! lock.

use once_cell::race::OnceBox;

/// One value for each process.
pub(super) struct PerProcess<T>(OnceBox<Entry<T>>);

struct Entry<T> {
    process: u32,
    value: T,
    /// The value of a process forked from this one.
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(super) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// The value of this process. `make` may run in two threads at once; then one result is
    /// dropped.
    pub(super) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        let process = std::process::id();
        let mut slot = self;
        loop {
            let entry = slot.0.get_or_init(|| {
                Box::new(Entry {
                    process,
                    value: make(),
                    child: Self::new(),
                })
            });
            if entry.process == process {
                return &entry.value;
            }
            slot = &entry.child;
        }
    }
}
