//! Ending a wait from elsewhere.

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

/// Makes a cancel token.
///
/// token: receives it, to be freed with flexpay_cancel_token_free; NULL on failure.
/// error: receives why it failed (INTERNAL). May be NULL. Does not block. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_new(
    token: *mut *mut flexpay_cancel_token,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    let make =
        |token: &mut CancelToken| Box::into_raw(Box::new(flexpay_cancel_token(token.clone())));
    // SAFETY: the pointers are as the header asks.
    unsafe { deliver(token, error, make, || Ok(CancelToken::new())) }
}

/// Cancels: every wait that was given this token ends with CANCELLED within a twentieth of a second,
/// and so does one that is begun with it later. One atomic store: safe in a signal handler. NULL is
/// fine. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_cancel(token: *const flexpay_cancel_token) {
    // SAFETY: NULL or a live cancel token, as the header asks. Nothing here can panic.
    if let Some(token) = unsafe { token.as_ref() } {
        token.0.cancel();
    }
}

/// Frees a cancel token. NULL is fine. A wait that was given it goes on. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_cancel_token_free(token: *mut flexpay_cancel_token) {
    if token.is_null() {
        return;
    }
    // SAFETY: made above, and not freed yet, as the header asks.
    stop_panics(|| drop(unsafe { Box::from_raw(token) }));
}
