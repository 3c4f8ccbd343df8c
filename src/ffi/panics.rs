//! Stops panics before they reach C.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(not(panic = "unwind"))]
compile_error!(
    "flexpay must be built with panic = \"unwind\": otherwise a panic would end the host process"
);

/// Runs `body`. Returns `None` if it panics.
pub(super) fn stop_panics<T>(body: impl FnOnce() -> T) -> Option<T> {
    // Unwind safe: what a panic leaves half done belongs to the body, or is reached through `&self`
    // of types that are safe to share after a panic.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its drop may panic too.
            std::mem::forget(payload);
            None
        }
    }
}
