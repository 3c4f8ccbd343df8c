//! Asks the gateway about the entries of a journal, and records its word.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::rule::{Action, Event};
use super::sqlite::{Applied, Listing};
use super::{Entry, EntryState, Filter, Journal, Settlement, Stored};
use crate::callback::{Callback, Expected, parse_callback};
use crate::cancel::CancelToken;
use crate::client::Client;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::kind::Kind;
use crate::random;
use crate::transaction::{State, Transaction};
use crate::wait::WaitOptions;

/// The options of [`Client::reconcile`].
#[derive(Clone, Debug, Default)]
pub struct ReconcileOptions {
    /// No further order is asked about after this time. Zero: 5 minutes.
    pub timeout: Duration,
    /// Ends it early, from another thread or a signal handler.
    pub cancel: Option<CancelToken>,
}

/// What [`Client::reconcile`] found.
#[derive(Clone, Debug, Default)]
pub struct Reconciliation {
    /// Each entry that was open, or is to be delivered.
    pub settlements: Vec<Settlement>,
    /// Why some entries were not asked about: the gateway cannot be reached, the time is over, an entry cannot be
    /// read.
    pub stopped: Option<Error>,
}

impl Reconciliation {
    /// Why some entries were not asked about, as text: `CONNECT: …`.
    pub fn stopped_text(&self) -> Option<String> {
        self.stopped.as_ref().map(problem_text)
    }
}

const RECONCILE_TIMEOUT: Duration = Duration::from_secs(300);
const PAGE: u32 = 200;

/// After so many failures one after the other that are not about an order, no other order is asked about.
const FAILURES_TO_STOP: u32 = 3;

impl Client {
    /// The client's journal: [`Config::journal`](crate::Config::journal).
    pub fn journal(&self) -> Result<&Journal> {
        self.journal_or_none().ok_or_else(|| {
            Error::invalid(
                "journal",
                "is not set: set it, or FLEXPAY_JOURNAL, to the path of a file",
            )
        })
    }

    /// Asks the gateway about a payment of the journal, compares the reply with the entry, and records the
    /// state. If the order number is not known, nothing can be asked, and the entry is returned as it is.
    pub fn settle(&self, reference: &str) -> Result<Settlement> {
        self.settle_with(reference, |client, expected| client.verify_order(expected))
    }

    /// Waits until the customer has paid or not, as [`Client::wait`], and records the state. The `expected`
    /// of the options is replaced by the entry.
    pub fn settle_wait(&self, reference: &str, options: &WaitOptions) -> Result<Settlement> {
        self.settle_with(reference, |client, expected| {
            let order_number = expected.order_number.as_deref().unwrap_or_default();
            let options = WaitOptions {
                expected: Some(expected.clone()),
                ..options.clone()
            };
            client.wait(order_number, &options)
        })
    }

    fn settle_with(
        &self,
        reference: &str,
        ask: impl FnOnce(&Self, &Expected) -> Result<Transaction>,
    ) -> Result<Settlement> {
        let journal = self.journal()?;
        let applied = journal.store.apply(reference, &Event::Settle)?;
        let Applied { stored, action, .. } = applied;
        let order_number = match action {
            Action::Ask { order_number } => order_number,
            Action::Refuse(error) => return Err(error),
            Action::Report { changed } => {
                return Ok(Settlement {
                    stored: stored.ok_or_else(super::rule::not_found)?,
                    changed,
                    problem: None,
                });
            }
            Action::Send { .. } | Action::Repeat => unreachable!("no answer to this event"),
        };
        let stored = stored.ok_or_else(super::rule::not_found)?;
        let expected = expected(&stored.entry, Some(order_number.clone()), None);
        match ask(self, &expected) {
            Ok(transaction) => journal.record_verdict(&expected, &order_number, transaction.state),
            Err(error) => {
                let answer = error.code().name().to_owned();
                journal.settled(reference, &Event::NoVerdict { answer })?;
                Err(error)
            }
        }
    }

    /// Reads a callback, finds its entry in the journal, asks the gateway, compares, and records the state.
    /// `query` is the query string of the callback's HTTP request: required with a callback secret.
    ///
    /// A callback of a payment that is not in the journal is [`ErrorCode::Invalid`], field `reference`.
    pub fn settle_callback(&self, body: &[u8], query: Option<&str>) -> Result<Settlement> {
        let journal = self.journal()?;
        let callback = parse_callback(body)?;
        let stored = journal.entry_of(&callback)?;
        let entry = &stored.entry;
        let order_number = expected_order(entry, &callback, self.signs_addresses());
        let expected = expected(entry, order_number, query);
        // A failure is not recorded: anyone can send a callback.
        let transaction = self.verify_callback(body, &expected)?;
        let asked = expected
            .order_number
            .as_deref()
            .or(callback.order_number.as_deref());
        journal.record_verdict(&expected, asked.unwrap_or_default(), transaction.state)
    }

    /// Asks about every open entry of the journal. Call it when the program starts, and every few minutes. If the
    /// gateway cannot be reached, it asks no further, and says so in [`Reconciliation::stopped`].
    ///
    /// It begins at a random entry, so that every entry gets its turn.
    pub fn reconcile(&self, options: &ReconcileOptions) -> Result<Reconciliation> {
        let journal = self.journal()?;
        let timeout = match options.timeout {
            Duration::ZERO => RECONCILE_TIMEOUT,
            timeout => timeout,
        };
        let deadline = Instant::now() + timeout;
        let mut open = journal.all(Filter::Open)?;
        if !open.entries.is_empty() {
            let first = random::number() as usize % open.entries.len();
            open.entries.rotate_left(first);
        }
        let mut done = Reconciliation::default();
        let mut failures = 0;
        for stored in open.entries {
            if done.stopped.is_none() {
                done.stopped = stop_reason(options, deadline);
            }
            done.settlements.push(match done.stopped {
                None => self.settle_one(stored, &mut failures, &mut done.stopped),
                Some(_) => journal.without_the_gateway(stored),
            });
        }
        let settled = done
            .settlements
            .iter()
            .map(|one| one.stored.entry.reference.clone());
        let settled: HashSet<String> = settled.collect();
        let to_deliver = match journal.all(Filter::ToDeliver) {
            Ok(to_deliver) => to_deliver,
            Err(error) => {
                done.stopped.get_or_insert(error);
                Listing::default()
            }
        };
        let others = to_deliver.entries.into_iter();
        let others = others.filter(|stored| !settled.contains(&stored.entry.reference));
        done.settlements.extend(others.map(Settlement::from));
        let unreadable = open.unreadable.or(to_deliver.unreadable);
        done.stopped = done.stopped.or(unreadable);
        Ok(done)
    }

    /// Settles an entry while reconciling. `stopped` becomes why no other can be asked about.
    fn settle_one(
        &self,
        stored: Stored,
        failures: &mut u32,
        stopped: &mut Option<Error>,
    ) -> Settlement {
        let error = match self.settle(&stored.entry.reference) {
            Ok(settlement) => {
                *failures = 0;
                return settlement;
            }
            Err(error) => error,
        };
        let problem = problem_text(&error);
        // The entry has the answer.
        let now = self
            .journal()
            .and_then(|journal| journal.get(&stored.entry.reference));
        let stored = now.ok().flatten().unwrap_or(stored);
        *failures = match is_about_the_order(&error) {
            true => 0,
            false => *failures + 1,
        };
        if concerns_all_orders(&error) || *failures == FAILURES_TO_STOP {
            *stopped = Some(error);
        }
        Settlement {
            problem: Some(problem),
            ..Settlement::from(stored)
        }
    }
}

impl Journal {
    /// Records the gateway's word on an order, after it was compared with what is expected.
    fn record_verdict(
        &self,
        expected: &Expected,
        order_number: &str,
        state: State,
    ) -> Result<Settlement> {
        // A clock that is before 1970 is only wrong.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let event = Event::Verdict {
            order_number: order_number.to_owned(),
            state,
            amount: expected.amount.clone(),
            currency: expected.currency.clone(),
            at: now.unwrap_or_default().as_secs(),
        };
        self.settled(&expected.reference, &event)
    }

    /// The entry that a callback is about.
    fn entry_of(&self, callback: &Callback<'_>) -> Result<Stored> {
        if let Some(reference) = &callback.reference
            && let Some(found) = self.store.get(reference)?
        {
            return Ok(found);
        }
        // The gateway has been seen to send the order number in place of the reference.
        for number in [&callback.order_number, &callback.reference] {
            if let Some(number) = number
                && let Some(found) = self.store.by_order_number(number)?
            {
                return Ok(found);
            }
        }
        Err(super::rule::not_found())
    }

    fn all(&self, filter: Filter) -> Result<Listing> {
        let mut all = Listing::default();
        loop {
            let after = all.entries.last().map_or("", |last| &last.entry.reference);
            let page = self.store.list(filter, after, PAGE)?;
            all.unreadable = all.unreadable.or(page.unreadable);
            if page.entries.is_empty() {
                return Ok(all);
            }
            all.entries.extend(page.entries);
        }
    }

    /// What can be learnt about an entry without the gateway: that its sender died.
    fn without_the_gateway(&self, stored: Stored) -> Settlement {
        if stored.entry.state != EntryState::Sending {
            return stored.into();
        }
        match self.settled(&stored.entry.reference, &Event::Settle) {
            Ok(settlement) => settlement,
            Err(error) => Settlement {
                problem: Some(problem_text(&error)),
                ..stored.into()
            },
        }
    }
}

/// `TIMEOUT: …`
fn problem_text(error: &Error) -> String {
    format!("{}: {}", error.code().name(), error.message())
}

fn expected(entry: &Entry, order_number: Option<String>, query: Option<&str>) -> Expected {
    Expected {
        reference: entry.reference.clone(),
        amount: entry.amount.clone(),
        currency: entry.currency.clone(),
        order_number,
        query: query.map(str::to_owned),
        kind: entry.kind,
        correlation_id: None,
    }
}

/// The order number to expect of a callback. `None`: the callback's own is asked about, because the gateway
/// may have another order under the reference. For a payout without signed addresses it is always the recorded
/// one: anyone can write a callback, and the gateway does not say of an order that it is a payout.
fn expected_order(entry: &Entry, callback: &Callback<'_>, is_signed: bool) -> Option<String> {
    let recorded = entry.order_number.as_deref();
    let is_other = callback
        .order_number
        .as_deref()
        .is_some_and(|one| Some(one) != recorded);
    let may_ask_other = is_signed || entry.kind != Kind::Payout;
    recorded
        .filter(|_| !(is_other && may_ask_other))
        .map(str::to_owned)
}

fn stop_reason(options: &ReconcileOptions, deadline: Instant) -> Option<Error> {
    if options
        .cancel
        .as_ref()
        .is_some_and(CancelToken::is_cancelled)
    {
        return Some(Error::new(
            ErrorCode::Cancelled,
            Outcome::NotSent,
            "reconciling was cancelled",
        ));
    }
    (Instant::now() >= deadline).then(|| {
        Error::new(
            ErrorCode::Timeout,
            Outcome::NotSent,
            "reconciling took longer than its time limit",
        )
    })
}

/// Whether the gateway answered, and the next order is as likely to have an answer.
fn is_about_the_order(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::NotFound | ErrorCode::Mismatch | ErrorCode::Invalid | ErrorCode::Refused
    )
}

/// Whether asking about another order would fail too.
fn concerns_all_orders(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::Resolve
            | ErrorCode::Connect
            | ErrorCode::Tls
            | ErrorCode::Proxy
            | ErrorCode::Unauthorized
            | ErrorCode::Cancelled
            | ErrorCode::Journal
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::journal::Reply;
    use crate::payment::Terms;

    fn terms() -> Terms {
        Terms {
            kind: Kind::Mobile,
            amount: "575".to_owned(),
            currency: "CDF".to_owned(),
            phone: Some("243820000001".to_owned()),
        }
    }

    /// Begins a request, and returns before the reply is recorded, as a process that is killed.
    fn begin(journal: &Journal, reference: &str) {
        let event = Event::Pay {
            reference: reference.to_owned(),
            terms: terms(),
            sender: format!("sender of {reference}"),
        };
        journal
            .store
            .apply(reference, &event)
            .expect("it is written");
    }

    /// After a power cut, the network is often gone too.
    #[test]
    fn without_a_network_a_dead_sender_is_still_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.db");
        let client = Client::new(Config {
            // Nothing listens there.
            check_url: Some("http://127.0.0.1:9/check".to_owned()),
            journal: path.to_str().map(str::to_owned),
            ..Config::new("ZANDO", "a-token")
        })
        .expect("the settings are valid");
        let journal = client.journal().expect("it is set");
        // This one is asked about, wherever reconciling begins, before most of the others.
        begin(journal, "Z-00");
        let order_number = Some("N1".to_owned());
        let reply = Reply::Accepted {
            order_number,
            redirect_url: None,
            page: None,
            code: None,
            message: None,
        };
        let event = Event::Reply { attempt: 1, reply };
        journal.store.apply("Z-00", &event).expect("it is written");
        let killed: Vec<String> = (1..20).map(|number| format!("Z-{number:02}")).collect();
        for reference in &killed {
            begin(journal, reference);
        }
        let found = client
            .reconcile(&ReconcileOptions::default())
            .expect("a list");
        let stopped = found.stopped_text().expect("an error");
        assert!(stopped.starts_with("CONNECT: "), "{stopped}");
        let noticed = found
            .settlements
            .iter()
            .filter(|one| one.changed && one.stored.entry.state == EntryState::InDoubt);
        assert_eq!(noticed.count(), killed.len());
        let in_doubt = journal.count(Filter::InDoubt).expect("a number");
        assert_eq!(in_doubt, killed.len() as u64);
    }
}
