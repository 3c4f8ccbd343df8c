//! The commands of the journal. Those that send nothing use the file alone: neither the merchant nor the token
//! must be set.

mod export;
mod text;

use flexpay::journal::{
    Filter, Journal, ReconcileOptions, Reconciliation, Resolution, Settlement, Stored,
};
use flexpay::{Client, Expected, WaitOptions};
use std::path::Path;

pub use text::{acknowledged, removed, resolved, settlement, settlements, verified};

use crate::arguments::{self, JournalOptions, JournalResolve, ResolvedState, SETTLEMENT_FIELDS};
use crate::call::{Failure, Reply};
use crate::commands::{print_result, seconds};
use crate::input::read_body;
use crate::spinner::Spinner;
use crate::{interrupt, settings};

/// How many entries are read at once.
const PAGE: u32 = 200;

/// Runs a command of the journal. Returns the exit status.
pub fn run(command: arguments::Journal) -> u8 {
    match command {
        arguments::Journal::List(given) => list(&given),
        arguments::Journal::Show(given) => {
            with_journal(&given.options, SETTLEMENT_FIELDS, |journal| {
                let settlement = journal.settlement(&given.reference)?;
                Ok(Reply::Settlement(Box::new(settlement)))
            })
        }
        arguments::Journal::Reconcile(given) => with_client(&given.options, |client| {
            let options = ReconcileOptions {
                timeout: seconds(given.timeout),
                cancel: Some(interrupt::cancel_token()),
            };
            Ok(Reply::Reconciled(client.reconcile(&options)?))
        }),
        arguments::Journal::Acknowledge(given) => {
            with_journal(&given.options, SETTLEMENT_FIELDS, |journal| {
                let settlement = journal.acknowledge(&given.reference)?;
                Ok(Reply::Acknowledged(Box::new(settlement)))
            })
        }
        arguments::Journal::Resolve(given) => {
            with_journal(&given.options, SETTLEMENT_FIELDS, |journal| {
                let resolution = resolution(&given)?;
                let settlement =
                    journal.resolve(&given.reference, resolution, &given.by, &given.why)?;
                Ok(Reply::Resolved(Box::new(settlement)))
            })
        }
        arguments::Journal::Export(given) => export::run(&given),
        arguments::Journal::Verify(options) => {
            with_journal(&options, &["healthy", "entries", "problems"], |journal| {
                let problems = journal.problems()?;
                let entries = match journal.count(Filter::All) {
                    Ok(entries) => Some(entries),
                    // A damaged file: its problems are more useful than this error.
                    Err(_) if !problems.is_empty() => None,
                    Err(error) => return Err(error.into()),
                };
                Ok(Reply::Verified { entries, problems })
            })
        }
        arguments::Journal::Prune(given) => with_journal(&given.options, &["removed"], |journal| {
            Ok(Reply::Removed(journal.prune(given.older_than)?))
        }),
    }
}

pub fn settle(given: &arguments::Settle) -> u8 {
    with_client(&given.options, |client| {
        let settlement = match given.wait {
            false => client.settle(&given.reference)?,
            true => settle_wait(client, given)?,
        };
        Ok(Reply::Settlement(Box::new(settlement)))
    })
}

fn settle_wait(client: &Client, given: &arguments::Settle) -> Result<Settlement, Failure> {
    // The pace of a wait depends on the kind. The library takes the rest of the entry itself.
    let stored = client.journal()?.get(&given.reference)?;
    let expected = stored.map(|stored| Expected {
        kind: stored.entry.kind,
        ..Expected::default()
    });
    let options = WaitOptions {
        timeout: seconds(given.timeout),
        failed_grace: seconds(given.failed_grace),
        expected,
        cancel: Some(interrupt::cancel_token()),
        ..WaitOptions::default()
    };
    let _spinner = Spinner::start(&given.options.common, options.time_limit());
    Ok(client.settle_wait(&given.reference, &options)?)
}

pub fn settle_callback(given: &arguments::SettleCallback) -> u8 {
    with_client(&given.options, |client| {
        let body = read_body(&given.file)?;
        let settlement = client.settle_callback(&body, given.query.as_deref())?;
        Ok(Reply::Settlement(Box::new(settlement)))
    })
}

fn list(given: &arguments::JournalList) -> u8 {
    let filter = match (given.open, given.in_doubt, given.to_deliver) {
        (true, _, _) => Filter::Open,
        (_, true, _) => Filter::InDoubt,
        (_, _, true) => Filter::ToDeliver,
        _ => Filter::All,
    };
    with_journal(&given.options, SETTLEMENT_FIELDS, |journal| {
        let mut found = Reconciliation::default();
        for page in pages(journal, filter) {
            found
                .settlements
                .extend(page?.into_iter().map(Settlement::from));
        }
        Ok(Reply::Settlements(found))
    })
}

/// The entries in the order of their references, page by page: only one page is in memory.
fn pages(
    journal: &Journal,
    filter: Filter,
) -> impl Iterator<Item = Result<Vec<Stored>, Failure>> + '_ {
    // None after the last page, and after an error.
    let mut after = Some(String::new());
    std::iter::from_fn(move || {
        let page = match journal.list(filter, &after.take()?, PAGE) {
            Ok(page) => page,
            Err(error) => return Some(Err(error.into())),
        };
        after = Some(page.last()?.entry.reference.clone());
        Some(Ok(page))
    })
}

fn resolution(given: &JournalResolve) -> Result<Resolution, Failure> {
    match (given.state, &given.order_number) {
        (Some(ResolvedState::NotSent), _) => Ok(Resolution::NotSent),
        (Some(ResolvedState::Failed), _) => Ok(Resolution::Failed),
        (Some(ResolvedState::Cancelled), _) => Ok(Resolution::Cancelled),
        (None, Some(order_number)) => Ok(Resolution::Order {
            order_number: order_number.clone(),
        }),
        // clap requires one of them.
        (None, None) => Err(Failure::invalid("state", "is missing")),
    }
}

fn with_client(
    options: &JournalOptions,
    call: impl FnOnce(&Client) -> Result<Reply, Failure>,
) -> u8 {
    print_result(&options.common, SETTLEMENT_FIELDS, "", || {
        call(&settings::client_with_journal(options)?)
    })
}

fn with_journal(
    options: &JournalOptions,
    fields: &[&str],
    call: impl FnOnce(&Journal) -> Result<Reply, Failure>,
) -> u8 {
    print_result(&options.common, fields, "", || {
        let file = options.common.env_file.as_deref();
        call(&open(options.journal.as_deref(), file)?)
    })
}

/// The journal of the option, or else of the settings. It must exist: a path that is mistyped must not look
/// like a journal without payments.
fn open(path: Option<&str>, env_file: Option<&Path>) -> Result<Journal, Failure> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => settings::journal_path(env_file)?.ok_or_else(|| {
            Failure::invalid(
                "journal",
                "is not set: set FLEXPAY_JOURNAL, or give --journal PATH",
            )
        })?,
    };
    let problem = match Path::new(&path).try_exists() {
        Ok(true) => return Ok(Journal::new(path)),
        // The library refuses it, and says why.
        Ok(false) if Path::new(&format!("{path}-senders")).exists() => {
            return Ok(Journal::new(path));
        }
        Ok(false) => "does not exist. The first payment makes it".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::invalid("journal", format!("{path:?} {problem}")))
}
