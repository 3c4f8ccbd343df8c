//! Initialization when the library is loaded.

/// Creates the constants of the process before any thread can fork.
// SAFETY: it needs nothing that a program sets up in `main`: it allocates, takes its own lock, and
// returns.
#[ctor::ctor(unsafe)]
fn initialize() {
    crate::transport::initialize_ureq();
}
