//! Signals. The program that started the bridge, its terminal or its service manager sends them to both. A
//! payment must not lose its reply by that.

use super::session::Session;

/// SIGINT and SIGHUP are ignored: the end of stdin is the end. SIGTERM ends the bridge as the end of stdin
/// does: waits are cancelled, and all other calls get their replies.
#[cfg(unix)]
pub fn handle(session: &Session) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let ending = session.ending();
    // This fails only for signals that cannot be handled. Without handlers a signal ends the bridge.
    let Ok(mut signals) = Signals::new([SIGINT, SIGHUP, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        if signals.forever().any(|signal| signal == SIGTERM) {
            ending.end();
            std::process::exit(crate::exit_status::OK.into());
        }
    });
}

/// Ctrl-C and Ctrl-Break are ignored: the end of stdin is the end. When its console is closed, Windows ends the
/// bridge at once.
#[cfg(not(unix))]
pub fn handle(_: &Session) {
    // This fails only if there is a handler already.
    let _ = ctrlc::set_handler(|| {});
}
