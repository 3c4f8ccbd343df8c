//! What happens when the library is loaded.

/// Makes what is made once, before any thread can fork.
// SAFETY: it uses nothing that a program sets up in `main`: it allocates, takes a lock of its own, and
// returns.
#[ctor::ctor(unsafe)]
fn make_constants() {
    crate::transport::make_constants();
}
