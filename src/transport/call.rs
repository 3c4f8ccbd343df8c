//! The current call of a thread: its deadline, its stage, and its cancel token.
//!
//! A blocking call runs on its caller's thread from start to end. The connections it uses are pooled
//! and outlive it. So the state of the call belongs to the thread, not to the connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Limits;
use super::first_byte::ConnectionHandle;
use crate::cancel::CancelToken;
use crate::error::Outcome;
use crate::token::{Place, Token};
use crate::trace::{Step, Trace};

/// The stage of a call. The variants are in the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nothing was sent to the network. With a reused connection, the next stage is `Sent`.
    Start,
    /// If there is a proxy: from resolving its name until its tunnel is open.
    Proxy,
    Resolving,
    Connecting,
    TlsHandshake,
    /// Connected, including TLS if the URL is https. No byte of the request was sent.
    Ready,
    /// The first byte of the request was written to the connection.
    Sent,
}

/// One request and its reply.
#[derive(Debug)]
pub(crate) struct Call {
    deadline: Instant,
    connect_deadline: Instant,
    reused_connection_deadline: Instant,
    cancel: Option<CancelToken>,
    trace: Option<Trace>,
    stage: Cell<Stage>,
    /// The token, and its place in this request. `None` after it was written.
    token: RefCell<Option<(Arc<Token>, Place)>>,
    /// The first byte of a reply was received.
    reply_started: Cell<bool>,
    /// The connection that carries the request.
    connection: RefCell<ConnectionHandle>,
    /// The connection broke while the reply was read.
    broken: Cell<bool>,
    /// A new connection was opened for this call; no idle connection is reused.
    is_new_connection: Cell<bool>,
}

/// The longest time a blocking operation runs without checking whether the call was cancelled.
const CANCEL_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// If a reused connection brings nothing for this time, it is dead without having been closed, for
/// example because a router dropped its state.
const REUSED_CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static CURRENT: RefCell<Option<Rc<Call>>> = const { RefCell::new(None) };
}

impl Call {
    pub(crate) fn new(
        limits: Limits<'_>,
        connect_timeout: Duration,
        token: Option<(Arc<Token>, Place)>,
    ) -> Self {
        Self {
            deadline: limits.deadline,
            connect_deadline: deadline_after(connect_timeout).min(limits.deadline),
            reused_connection_deadline: deadline_after(REUSED_CONNECTION_TIMEOUT)
                .min(limits.deadline),
            cancel: limits.cancel.cloned(),
            trace: limits.trace.cloned(),
            stage: Cell::new(Stage::Start),
            token: RefCell::new(token),
            reply_started: Cell::new(false),
            connection: RefCell::default(),
            broken: Cell::new(false),
            is_new_connection: Cell::new(false),
        }
    }

    /// A call without a token.
    #[cfg(test)]
    pub(crate) fn with_timeout(time: Duration, cancel: Option<&CancelToken>) -> Self {
        let deadline = deadline_after(time);
        let limits = Limits {
            deadline,
            cancel,
            trace: None,
        };
        Self::new(limits, time, None)
    }

    /// Runs `work` with this as the current call of the thread.
    pub(crate) fn run<T>(self, work: impl FnOnce(&Self) -> T) -> T {
        struct Restore(Option<Rc<Call>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.with(|current| current.replace(self.0.take()));
            }
        }
        let call = Rc::new(self);
        let _restore = Restore(CURRENT.with(|current| current.replace(Some(Rc::clone(&call)))));
        work(&call)
    }

    /// The current call of this thread. Connections are used only inside a call.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Sets the stage. After [`Stage::Sent`] it does not change any more.
    pub(crate) fn enter(&self, stage: Stage) {
        if self.stage.get() == Stage::Sent {
            return;
        }
        self.stage.set(stage);
        if stage == Stage::Ready {
            self.is_new_connection.set(true);
        }
    }

    /// Records a step, if the call is traced.
    pub(crate) fn record(&self, step: impl FnOnce() -> Step) {
        if let Some(trace) = &self.trace {
            trace.record(step());
        }
    }

    /// Whether the request may be repeated: it depends on whether a byte of it was sent.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.stage.get() {
            Stage::Sent => Outcome::Unknown,
            _ => Outcome::NotSent,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// The deadline of the current stage.
    pub(crate) fn stage_deadline(&self) -> Instant {
        if self.stage.get() < Stage::Ready {
            self.connect_deadline
        } else if self.awaits_first_byte_on_reused_connection() {
            self.reused_connection_deadline
        } else {
            self.deadline
        }
    }

    /// Whether the request was sent over a reused connection and no byte of a reply was received.
    pub(crate) fn awaits_first_byte_on_reused_connection(&self) -> bool {
        self.stage.get() == Stage::Sent
            && !self.is_new_connection.get()
            && !self.reply_started.get()
    }

    pub(crate) fn has_time_left(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// The timeout of the next blocking operation: the time left, or less if the call can be
    /// cancelled. `None` if the deadline has passed or the call was cancelled.
    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        let left = self
            .stage_deadline()
            .checked_duration_since(Instant::now())?;
        if left.is_zero() || self.is_cancelled() {
            return None;
        }
        Some(match self.cancel {
            Some(_) => left.min(CANCEL_CHECK_INTERVAL),
            None => left,
        })
    }

    pub(crate) fn uses_new_connection(&self) -> bool {
        self.is_new_connection.get()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    pub(crate) fn set_broken(&self) {
        self.broken.set(true);
    }

    pub(crate) fn set_connection(&self, connection: &ConnectionHandle) {
        self.connection.replace(connection.clone());
    }

    pub(crate) fn connection(&self) -> ConnectionHandle {
        self.connection.borrow().clone()
    }

    pub(crate) fn set_reply_started(&self) {
        self.reply_started.set(true);
    }

    /// Writes the token over its placeholder in a request, once. Returns whether `output` contains
    /// it now.
    pub(crate) fn write_token(&self, output: &mut [u8]) -> bool {
        let mut token = self.token.borrow_mut();
        let written = token
            .as_ref()
            .is_some_and(|(token, place)| token.fill_placeholder(*place, output));
        if written {
            *token = None;
        }
        written
    }
}

/// The instant after this time. If the clock cannot represent it, one year from now.
pub(crate) fn deadline_after(time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + YEAR)
}

/// Sleeps until `until`. Returns false if it was cancelled earlier.
pub(crate) fn sleep_until(until: Instant, cancel: Option<&CancelToken>) -> bool {
    loop {
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(match cancel {
            Some(_) => left.min(CANCEL_CHECK_INTERVAL),
            None => left,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_connection_without_a_reply_has_an_earlier_deadline() {
        let call = || Call::with_timeout(Duration::from_secs(600), None);
        let is_earlier = |call: &Call| call.stage_deadline() < call.deadline;
        let reused = call();
        reused.enter(Stage::Sent);
        assert!(is_earlier(&reused));
        reused.set_reply_started();
        assert!(!is_earlier(&reused));
        let new = call();
        new.enter(Stage::Ready);
        new.enter(Stage::Sent);
        assert!(!is_earlier(&new));
    }

    #[test]
    fn after_the_first_byte_was_sent_the_outcome_stays_unknown() {
        let call = Call::with_timeout(Duration::from_secs(1), None);
        call.enter(Stage::Connecting);
        assert_eq!(call.outcome(), Outcome::NotSent);
        call.enter(Stage::Sent);
        for stage in [
            Stage::Start,
            Stage::Resolving,
            Stage::Connecting,
            Stage::Ready,
        ] {
            call.enter(stage);
            assert_eq!(call.outcome(), Outcome::Unknown, "{stage:?}");
        }
    }
}
