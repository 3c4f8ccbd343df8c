//! The journal: what is about to be sent is on the disk before the first byte leaves, and what came of it is
//! on the disk before the caller hears it. So no crash, kill or power cut makes a shop charge twice, forget an
//! order, or deliver twice. One crash remains: between acknowledging and delivering, a shop does not deliver.
//!
//! [`rule`] decides, [`sqlite`] stores, and `payment.rs` and `settle.rs` do what the rule says. [`step_json`] is
//! the rule for stores in other languages.

mod entry;
mod file;
mod in_use;
mod json;
mod payment;
mod rule;
mod sender;
mod settle;
mod sqlite;

use std::fmt;
use std::path::PathBuf;

pub use crate::payment::Terms;
pub use entry::{Entry, EntryState, FAILURES_TO_CLOSE};
pub use json::step_json;
pub use rule::{Action, Event, Reply, Resolution, Step, step};
pub use settle::{ReconcileOptions, Reconciliation};

use crate::config::{Config, Environment};
use crate::error::Result;
use crate::numbered::numbered;
use file::Account;
use sqlite::Store;

/// A journal in a file. Threads and processes can share it.
pub struct Journal {
    store: Store,
}

/// An entry, and when it was written, by this machine's clock, in UTC. The times are for people, and for
/// [`Journal::prune`]: nothing else is decided by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// When it was begun: `2026-11-27T18:36:21Z`.
    pub created_at: String,
    /// When it changed last.
    pub changed_at: String,
}

/// What became of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The entry, as it is now.
    pub stored: Stored,
    /// Whether this call changed its state, or delivered it. One caller alone sees each change.
    pub changed: bool,
    /// Why the gateway gave no verdict: `TIMEOUT: …`.
    pub problem: Option<String>,
}

impl From<Stored> for Settlement {
    /// An entry that nobody was asked about.
    fn from(stored: Stored) -> Self {
        Self {
            stored,
            changed: false,
            problem: None,
        }
    }
}

/// Which entries of a journal are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Filter {
    /// Every entry.
    #[default]
    All = 0,
    /// Entries whose state may still change.
    Open = 1,
    /// Entries in the state IN_DOUBT.
    InDoubt = 2,
    /// Payments that are paid and not acknowledged.
    ToDeliver = 3,
}

numbered!(
    Filter,
    All => c"ALL",
    Open => c"OPEN",
    InDoubt => c"IN_DOUBT",
    ToDeliver => c"TO_DELIVER",
);

impl Journal {
    /// The journal in this file, of any merchant. It is made when it is first used, if there is none.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            store: Store::new(path.into(), None),
        }
    }

    /// The journal of a client. One that has the payments of another merchant or environment is refused.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let account = Account {
            merchant: config.merchant.clone(),
            environment: match config.environment {
                Environment::Live => "live",
                Environment::Test => "test",
            },
        };
        let path = PathBuf::from(config.journal.as_ref()?);
        Some(Self {
            store: Store::new(path, Some(account)),
        })
    }

    /// The entry of this reference.
    pub fn get(&self, reference: &str) -> Result<Option<Stored>> {
        self.store.get(reference)
    }

    /// The entry of this reference, as a settlement. One that the journal does not have is
    /// [`ErrorCode::Invalid`](crate::ErrorCode::Invalid), field `reference`.
    pub fn settlement(&self, reference: &str) -> Result<Settlement> {
        let stored = self.get(reference)?.ok_or_else(rule::not_found)?;
        Ok(stored.into())
    }

    /// At most `limit` entries, in the order of their references, that come after the reference `after`
    /// (empty: from the first). An entry that cannot be read is an error that names it: a list without it would
    /// mislead. [`Client::reconcile`](crate::Client::reconcile) goes on with the others.
    pub fn list(&self, filter: Filter, after: &str, limit: u32) -> Result<Vec<Stored>> {
        let listing = self.store.list(filter, after, limit)?;
        match listing.unreadable {
            Some(error) => Err(error),
            None => Ok(listing.entries),
        }
    }

    /// How many entries there are.
    pub fn count(&self, filter: Filter) -> Result<u64> {
        self.store.count(filter)
    }

    /// The version of the file. One that is newer than this library is an error.
    pub fn version(&self) -> Result<u32> {
        self.store.version()
    }

    /// Records that the merchant delivers what was paid. The settlement's `changed` is true for one caller
    /// alone, ever: deliver then. A payout is refused: there is nothing to deliver.
    pub fn acknowledge(&self, reference: &str) -> Result<Settlement> {
        self.settled(reference, &Event::Acknowledge)
    }

    /// Records what a person says of an entry: see [`Resolution`]. After [`Resolution::Order`], settle it.
    pub fn resolve(
        &self,
        reference: &str,
        resolution: Resolution,
        who: &str,
        why: &str,
    ) -> Result<Settlement> {
        let event = Event::Resolve {
            resolution,
            who: who.to_owned(),
            why: why.to_owned(),
        };
        self.settled(reference, &event)
    }

    /// Removes the entries that are closed and delivered and did not change for `days` days, by this machine's
    /// clock. Returns how many. Their references stay used: a payment under one of them is refused.
    pub fn prune(&self, days: u32) -> Result<u64> {
        self.store.prune(days)
    }

    /// Reads the whole file and every entry. Returns what is wrong, a line each.
    pub fn problems(&self) -> Result<Vec<String>> {
        self.store.problems()
    }

    /// Applies an event that asks for no request.
    fn settled(&self, reference: &str, event: &Event) -> Result<Settlement> {
        let applied = self.store.apply(reference, event)?;
        let changed = match applied.action {
            Action::Refuse(error) => return Err(error),
            Action::Report { changed } => changed,
            _ => false,
        };
        let stored = applied.stored.ok_or_else(rule::not_found)?;
        Ok(Settlement {
            stored,
            changed,
            problem: None,
        })
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
