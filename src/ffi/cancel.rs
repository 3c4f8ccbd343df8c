//! Cancel tokens, which end a wait early.

use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::panics::stop_panics;
use crate::cancel::CancelToken;

/// Ends a flexpay_wait from another thread or from a signal handler. Opaque, thread-safe.
pub struct flexpay_cancel_token(CancelToken);

impl flexpay_cancel_token {
    /// # Safety
    /// `token` is NULL or a live cancel token.
    pub(super) unsafe fn share(token: *const Self) -> Option<CancelToken> {
        // SAFETY: as the caller promises.
        unsafe { token.as_ref() }.map(|token| token.0.clone())
    }
}

/// Creates a cancel token.
///
/// token: receives the token; free it with flexpay_cancel_token_free. NULL on failure.
/// error: receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INTERNAL. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_new(
    token: *mut *mut flexpay_cancel_token,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    let make =
        |token: &mut CancelToken| Box::into_raw(Box::new(flexpay_cancel_token(token.clone())));
    // SAFETY: the pointers are as the header requires.
    unsafe { deliver(token, error, make, || Ok(CancelToken::new())) }
}

/// Cancels every wait that uses this token: it ends with CANCELLED within 50 ms, and so does a wait
/// that starts with the token later. NULL is allowed. Any thread and any signal handler may call
/// it: it is one atomic store, and never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_cancel(token: *const flexpay_cancel_token) {
    // SAFETY: NULL or a live cancel token, as the header requires. Nothing here can panic.
    if let Some(token) = unsafe { token.as_ref() } {
        token.0.cancel();
    }
}

/// Frees a cancel token. NULL is allowed. You may free it during a wait that uses it: that wait
/// continues, and can no longer be cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_free(token: *mut flexpay_cancel_token) {
    if token.is_null() {
        return;
    }
    // SAFETY: from flexpay_cancel_token_new, and not freed yet, as the header requires.
    stop_panics(|| drop(unsafe { Box::from_raw(token) }));
}
