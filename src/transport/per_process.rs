//! State of which a forked process gets a copy of its own.
//!
//! A child process must not use what it inherited: a lock may have been held by another thread at the
//! moment of the fork, and then stays locked for ever; a connection belongs to the parent. So the child
//! makes everything anew, and leaves the parent's untouched. Nothing here locks, for the same reason.

use once_cell::race::OnceBox;

/// One value for each process.
pub(super) struct PerProcess<T>(OnceBox<Entry<T>>);

struct Entry<T> {
    process: u32,
    value: T,
    /// Of the process forked from this one.
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(super) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// The value of this process. `make` may run in two threads at once: one result is dropped.
    pub(super) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        let process = std::process::id();
        let mut own = self;
        loop {
            let entry = own.0.get_or_init(|| {
                Box::new(Entry {
                    process,
                    value: make(),
                    child: Self::new(),
                })
            });
            if entry.process == process {
                return &entry.value;
            }
            own = &entry.child;
        }
    }
}
