//! Ctrl-C: ends a wait, but never a payment request, whose result would be lost.

use flexpay::CancelToken;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit_status;
use crate::texts::texts;

/// Lets a request that moves money end. A second Ctrl-C ends the program at once.
pub fn protect_request() {
    let was_pressed = AtomicBool::new(false);
    set_handler(move || {
        if was_pressed.swap(true, Ordering::Relaxed) {
            anstream::eprintln!("{}", texts().interrupted);
            std::process::exit(exit_status::UNKNOWN.into());
        }
        anstream::eprintln!("{}", texts().finishing);
    });
}

/// Returns a token that Ctrl-C cancels.
pub fn cancel_token() -> CancelToken {
    let token = CancelToken::new();
    let cancelled = token.clone();
    set_handler(move || cancelled.cancel());
    token
}

fn set_handler(handler: impl FnMut() + Send + 'static) {
    // This fails only if there is a handler already. Without one, Ctrl-C ends the program.
    let _ = ctrlc::set_handler(handler);
}
