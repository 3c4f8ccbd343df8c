//! The call under way on this thread: its deadline, how far it got, and who may end it.
//!
//! A blocking call runs on its caller's thread from end to end, while the connections it uses are
//! pooled and outlive it. So what belongs to the call is found through the thread, not through the
//! connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Limits;
use super::first_byte::Kept;
use crate::cancel::CancelToken;
use crate::error::Outcome;
use crate::token::{Place, Token};

/// How far a call got. The order is the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nothing was asked of the network. A kept connection leads from here to `Sent`.
    Start,
    /// From looking up the proxy to its tunnel, where there is a proxy.
    Proxy,
    Resolving,
    Connecting,
    Securing,
    /// Connected, with TLS where there is to be TLS; nothing of the request handed over.
    Ready,
    /// The first byte of the request was handed to the connection.
    Sent,
}

/// One request and its reply.
#[derive(Debug)]
pub(crate) struct Call {
    deadline: Instant,
    connect_by: Instant,
    kept_connection_answers_by: Instant,
    cancel: Option<CancelToken>,
    stage: Cell<Stage>,
    /// The token, and its spelling in this request. `None` once it has been put in place.
    token: RefCell<Option<(Arc<Token>, Place)>>,
    /// Something of a reply has come.
    heard: Cell<bool>,
    /// The connection that carries the request.
    kept: RefCell<Kept>,
    /// The connection broke while the reply was read.
    broken: Cell<bool>,
    /// A connection was made for it; no kept one was used.
    fresh: Cell<bool>,
}

/// How long a blocking operation may go without looking whether it was cancelled.
const LOOK_UP_EVERY: Duration = Duration::from_millis(50);

/// A kept connection that brings nothing for so long has died without a word, as behind a router that
/// forgot it.
const DEAD_AFTER: Duration = Duration::from_secs(10);

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
            connect_by: after(connect_timeout).min(limits.deadline),
            kept_connection_answers_by: after(DEAD_AFTER).min(limits.deadline),
            cancel: limits.cancel.cloned(),
            stage: Cell::new(Stage::Start),
            token: RefCell::new(token),
            heard: Cell::new(false),
            kept: RefCell::default(),
            broken: Cell::new(false),
            fresh: Cell::new(false),
        }
    }

    /// A call without a request.
    #[cfg(test)]
    pub(crate) fn lasting(time: Duration, cancel: Option<&CancelToken>) -> Self {
        let deadline = after(time);
        Self::new(Limits { deadline, cancel }, time, None)
    }

    /// Runs `work` with this as the thread's call.
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

    /// The call of this thread. Connections are only ever driven from within one.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Once a byte was handed over, nothing takes that back.
    pub(crate) fn reach(&self, stage: Stage) {
        if self.stage.get() == Stage::Sent {
            return;
        }
        self.stage.set(stage);
        if stage == Stage::Ready {
            self.fresh.set(true);
        }
    }

    /// Whether the request may be repeated, from what was handed over.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.stage.get() {
            Stage::Sent => Outcome::Unknown,
            _ => Outcome::NotSent,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// Until when the present stage may last.
    pub(crate) fn until(&self) -> Instant {
        if self.stage.get() < Stage::Ready {
            self.connect_by
        } else if self.awaits_first_byte_of_kept_connection() {
            self.kept_connection_answers_by
        } else {
            self.deadline
        }
    }

    /// Whether the request was handed to a kept connection, and nothing of a reply has come.
    pub(crate) fn awaits_first_byte_of_kept_connection(&self) -> bool {
        self.stage.get() == Stage::Sent && !self.fresh.get() && !self.heard.get()
    }

    pub(crate) fn has_time_left(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// How long the next blocking operation may take: the time left, or less where somebody may
    /// cancel meanwhile. `None` when time is up or the call was cancelled.
    pub(crate) fn slice(&self) -> Option<Duration> {
        let left = self.until().checked_duration_since(Instant::now())?;
        if left.is_zero() || self.is_cancelled() {
            return None;
        }
        Some(match self.cancel {
            Some(_) => left.min(LOOK_UP_EVERY),
            None => left,
        })
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.get()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    pub(crate) fn breaks(&self) {
        self.broken.set(true);
    }

    pub(crate) fn uses(&self, connection: &Kept) {
        self.kept.replace(connection.clone());
    }

    pub(crate) fn connection(&self) -> Kept {
        self.kept.borrow().clone()
    }

    pub(crate) fn hears(&self) {
        self.heard.set(true);
    }

    /// Puts the token into its place in a request, once. Whether it is in `output` now.
    pub(crate) fn put_token_in(&self, output: &mut [u8]) -> bool {
        let mut token = self.token.borrow_mut();
        let placed = token
            .as_ref()
            .is_some_and(|(token, place)| token.put_in_place(*place, output));
        if placed {
            *token = None;
        }
        placed
    }
}

/// The moment so long from now. What the clock cannot count to is a year away: nobody waits longer.
pub(crate) fn after(time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + YEAR)
}

/// Sleeps until `until`, or less when cancelled: false then.
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
            Some(_) => left.min(LOOK_UP_EVERY),
            None => left,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_connection_that_says_nothing_has_less_time() {
        let call = || Call::lasting(Duration::from_secs(600), None);
        let has_less = |call: &Call| call.until() < call.deadline;
        let kept = call();
        kept.reach(Stage::Sent);
        assert!(has_less(&kept));
        kept.hears();
        assert!(!has_less(&kept));
        let fresh = call();
        fresh.reach(Stage::Ready);
        fresh.reach(Stage::Sent);
        assert!(!has_less(&fresh));
    }

    #[test]
    fn what_was_sent_stays_sent() {
        let call = Call::lasting(Duration::from_secs(1), None);
        call.reach(Stage::Connecting);
        assert_eq!(call.outcome(), Outcome::NotSent);
        call.reach(Stage::Sent);
        for stage in [
            Stage::Start,
            Stage::Resolving,
            Stage::Connecting,
            Stage::Ready,
        ] {
            call.reach(stage);
            assert_eq!(call.outcome(), Outcome::Unknown, "{stage:?}");
        }
    }
}
