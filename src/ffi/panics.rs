//! No panic crosses into C.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(not(panic = "unwind"))]
compile_error!(
    "flexpay must be built with panic = \"unwind\": a panic stops at the C border, or it takes the host down"
);

/// Runs what returns nothing, or something plain: `None` after a panic.
pub(super) fn stop_panics<T>(body: impl FnOnce() -> T) -> Option<T> {
    // What the body may have left half done is either its own, or reached through `&self` of types
    // that are safe to share after a panic.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its drop may panic in turn.
            std::mem::forget(payload);
            None
        }
    }
}
