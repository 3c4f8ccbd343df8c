//! Ctrl-C: ends a wait, but never a payment request, whose result would be lost.

use flexpay::CancelToken;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit_status;
use crate::texts::texts;

/// Returns the token that Ctrl-C cancels. A second Ctrl-C ends the program at once.
pub fn cancel_token() -> CancelToken {
    let token = CancelToken::new();
    let cancelled = token.clone();
    let was_pressed = AtomicBool::new(false);
    // Without a handler, Ctrl-C ends the program: that is all that is lost.
    let _ = ctrlc::set_handler(move || {
        cancelled.cancel();
        if was_pressed.swap(true, Ordering::Relaxed) {
            anstream::eprintln!("{}", texts().interrupted);
            std::process::exit(exit_status::UNKNOWN.into());
        }
        anstream::eprintln!("{}", texts().finishing);
    });
    token
}
