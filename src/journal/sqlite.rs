//! The journal in an SQLite file.

use rusqlite::types::Type;
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};
use std::path::PathBuf;
use std::time::Duration;

use super::entry::Entry;
use super::file::{self, Account, OpenJournal, Trouble};
use super::in_use::InUse;
use super::rule::{Action, Event, Step, step};
use super::sender::{Sender, Senders};
use super::{Filter, Stored};
use crate::error::{Error, Result};
use crate::wire::printable;

/// How long a call waits for a program that is writing.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the reply of the gateway waits: it exists nowhere else.
const REPLY_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// How many entries are pruned in one transaction: other programs wait meanwhile.
const PRUNED_AT_ONCE: u32 = 10_000;

/// The longest time for which SQLite sleeps before it tries again to get the lock. Without this pause between two
/// parts, a program that waits would never find the lock free.
const PRUNING_PAUSE: Duration = Duration::from_millis(100);

/// The file. Each call opens it and closes it again: so a file that was moved or replaced is noticed, threads do
/// not wait for each other in here, and a forked child inherits nothing.
pub(super) struct Store {
    path: PathBuf,
    account: Option<Account>,
}

/// What [`Store::apply`] did.
pub(super) struct Applied {
    /// The entry as it is now.
    pub(super) stored: Option<Stored>,
    /// What to do.
    pub(super) action: Action,
    /// With [`Action::Send`]. Keep it until the reply is recorded.
    pub(super) sender: Option<Sender>,
}

/// What [`Store::list`] found.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) entries: Vec<Stored>,
    /// Why one entry is not among them.
    pub(super) unreadable: Option<Error>,
}

impl Store {
    pub(super) fn new(path: PathBuf, account: Option<Account>) -> Self {
        Self {
            // The program may change its working directory.
            path: std::path::absolute(&path).unwrap_or(path),
            account,
        }
    }

    /// Gives the event to the entry of this reference, in one durable transaction.
    pub(super) fn apply(&self, reference: &str, event: &Event) -> Result<Applied> {
        let lock_timeout = match event {
            Event::Reply { .. } => REPLY_LOCK_TIMEOUT,
            _ => LOCK_TIMEOUT,
        };
        self.write(lock_timeout, |transaction, senders| {
            let before = load(transaction, reference)?;
            if before.is_none() && is_pruned(transaction, reference)? {
                return Ok(Applied {
                    stored: None,
                    action: Action::Refuse(pruned()),
                    sender: None,
                });
            }
            let sender_name = before.as_ref().and_then(|one| one.entry.sender.clone());
            let is_alive = match &sender_name {
                Some(name) => senders.is_alive(name),
                None => false,
            };
            let Step { entry, action } =
                step(before.as_ref().map(|one| &one.entry), is_alive, event);
            let mut sender = None;
            if let (Action::Send { .. }, Some(entry)) = (&action, &entry) {
                let name = entry.sender.as_deref().unwrap_or_default();
                sender = Some(senders.start(name).map_err(Trouble::Lock)?);
            }
            if let Some(entry) = &entry {
                save(transaction, entry)?;
            }
            let stored = match entry.is_some() {
                true => load(transaction, reference)?,
                false => before,
            };
            if let (Some(name), false) = (sender_name, is_alive) {
                senders.forget(&name);
            }
            Ok(Applied {
                stored,
                action,
                sender,
            })
        })
    }

    /// The entry of this reference.
    pub(super) fn get(&self, reference: &str) -> Result<Option<Stored>> {
        self.read(|connection| load(connection, reference))
    }

    /// The entry that has this order number.
    pub(super) fn by_order_number(&self, order_number: &str) -> Result<Option<Stored>> {
        self.read(|connection| {
            let mut statement = connection.prepare(&by_order_number_sql())?;
            Ok(statement.query_row([order_number], stored).optional()?)
        })
    }

    /// At most `limit` entries, in the order of their references, after this one.
    pub(super) fn list(&self, filter: Filter, after: &str, limit: u32) -> Result<Listing> {
        self.read(|connection| {
            let mut statement = connection.prepare(&list_sql(filter))?;
            let mut listing = Listing::default();
            for row in statement.query_map(params![after, limit], stored)? {
                match row {
                    Ok(stored) => listing.entries.push(stored),
                    // The others are good.
                    Err(error @ rusqlite::Error::FromSqlConversionFailure(..)) => {
                        let error = Trouble::from(error).about(&self.path);
                        listing.unreadable.get_or_insert(error);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(listing)
        })
    }

    /// How many entries there are.
    pub(super) fn count(&self, filter: Filter) -> Result<u64> {
        self.read(|connection| {
            Ok(connection
                .query_row(&count_sql(filter), [], |row| row.get::<_, i64>(0))?
                .unsigned_abs())
        })
    }

    /// The version of the file.
    pub(super) fn version(&self) -> Result<u32> {
        self.read(|connection| {
            Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
        })
    }

    /// Removes the entries that are closed and delivered and have not changed for this long, by this
    /// machine's clock. Their references stay used.
    pub(super) fn prune(&self, days: u32) -> Result<u64> {
        let age = format!("-{days} days");
        let mut removed = 0;
        let mut last = String::new();
        loop {
            let batch = self.write(LOCK_TIMEOUT, |transaction, _| {
                let batch = prunable(transaction, &age, &last)?;
                // Nothing was taken under the references of these two states.
                let mut keep = transaction.prepare(
                    "INSERT OR IGNORE INTO pruned SELECT reference FROM entries
                     WHERE reference = ?1 AND state NOT IN ('NOT_SENT', 'REFUSED')",
                )?;
                let mut delete = transaction.prepare("DELETE FROM entries WHERE reference = ?1")?;
                for reference in &batch {
                    keep.execute([reference])?;
                    delete.execute([reference])?;
                }
                Ok(batch)
            })?;
            removed += batch.len() as u64;
            match batch.last() {
                Some(reference) => last.clone_from(reference),
                None => return Ok(removed),
            }
            if batch.len() == PRUNED_AT_ONCE as usize {
                std::thread::sleep(PRUNING_PAUSE);
            }
        }
    }

    /// What is wrong with the file, a line each.
    pub(super) fn problems(&self) -> Result<Vec<String>> {
        self.read(|connection| {
            let mut problems = integrity_problems(connection)?;
            let mut all = connection.prepare("SELECT reference FROM entries")?;
            let mut one = connection.prepare(
                "SELECT state, is_open, to_deliver, order_number, entry FROM entries WHERE reference = ?1",
            )?;
            for reference in all.query_map([], |row| row.get::<_, String>(0))? {
                let reference = match reference {
                    Ok(reference) => reference,
                    Err(error) => {
                        let damage = damage(error)?;
                        problems.push(format!("the other references cannot be read: {damage}"));
                        break;
                    }
                };
                // Each entry is read by itself: one that cannot be read is named, and the others are read too.
                let problem = match one.query_row([&reference], |row| entry_problem(&reference, row)) {
                    Ok(problem) => problem,
                    Err(error) => Some(format!("the entry cannot be read: {}", damage(error)?)),
                };
                problems.extend(problem.map(|problem| format!("{reference}: {problem}")));
            }
            Ok(problems)
        })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T> {
        self.with_file(LOCK_TIMEOUT, |file| work(&file.connection))
    }

    /// All of it is written, or nothing.
    fn write<T>(
        &self,
        lock_timeout: Duration,
        work: impl FnOnce(&Transaction<'_>, &Senders) -> Result<T, Trouble>,
    ) -> Result<T> {
        self.with_file(lock_timeout, |file| {
            // Takes the lock for writing at once: what is read cannot change before it is written.
            let transaction = file
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction, &file.senders)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    fn with_file<T>(
        &self,
        lock_timeout: Duration,
        work: impl FnOnce(&mut OpenJournal) -> Result<T, Trouble>,
    ) -> Result<T> {
        let run = || {
            let _in_use = InUse::begin()?;
            let mut file = file::open(&self.path, self.account.as_ref(), lock_timeout)?;
            work(&mut file)
        };
        run().map_err(|trouble: Trouble| trouble.about(&self.path))
    }
}

/// The next references whose entries can be pruned.
fn prunable(connection: &Connection, age: &str, after: &str) -> Result<Vec<String>, Trouble> {
    let mut statement = connection.prepare(
        "SELECT reference FROM entries
         WHERE reference > ?1 AND NOT is_open AND NOT to_deliver
             AND changed_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?2)
         ORDER BY reference LIMIT ?3",
    )?;
    let references = statement.query_map(params![after, age, PRUNED_AT_ONCE], |row| row.get(0))?;
    Ok(references.collect::<rusqlite::Result<_>>()?)
}

/// The index that serves it has the same condition.
fn condition(filter: Filter) -> &'static str {
    match filter {
        Filter::All => "1",
        Filter::Open => "is_open",
        Filter::InDoubt => "state = 'IN_DOUBT'",
        Filter::ToDeliver => "to_deliver",
    }
}

const SELECT: &str = "SELECT entry, created_at, changed_at, reference FROM entries";

fn by_order_number_sql() -> String {
    format!("{SELECT} WHERE order_number = ?1 LIMIT 1")
}

fn list_sql(filter: Filter) -> String {
    let condition = condition(filter);
    format!("{SELECT} WHERE {condition} AND reference > ?1 ORDER BY reference LIMIT ?2")
}

fn count_sql(filter: Filter) -> String {
    format!("SELECT count(*) FROM entries WHERE {}", condition(filter))
}

fn load(connection: &Connection, reference: &str) -> Result<Option<Stored>, Trouble> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE reference = ?1"))?;
    Ok(statement.query_row([reference], stored).optional()?)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let text: String = row.get(0)?;
    let reference: String = row.get(3)?;
    let entry = serde_json::from_str(&text).map_err(|error| {
        let problem = format!("{reference}: {error}");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, problem.into())
    })?;
    Ok(Stored {
        entry,
        created_at: row.get(1)?,
        changed_at: row.get(2)?,
    })
}

fn save(connection: &Connection, entry: &Entry) -> Result<(), Trouble> {
    let mut statement = connection.prepare(
        "INSERT INTO entries
             (reference, state, is_open, to_deliver, order_number, entry, created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                 strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
         ON CONFLICT (reference) DO UPDATE SET
             state = excluded.state, is_open = excluded.is_open, to_deliver = excluded.to_deliver,
             order_number = excluded.order_number, entry = excluded.entry,
             changed_at = excluded.changed_at",
    )?;
    statement.execute(params![
        entry.reference,
        entry.state.name(),
        entry.is_open(),
        entry.is_to_deliver(),
        entry.order_number,
        serde_json::to_string(entry).map_err(Trouble::Entry)?,
    ])?;
    Ok(())
}

fn is_pruned(connection: &Connection, reference: &str) -> Result<bool, Trouble> {
    let mut statement = connection.prepare("SELECT 1 FROM pruned WHERE reference = ?1")?;
    Ok(statement.exists([reference])?)
}

fn pruned() -> Error {
    Error::invalid(
        "reference",
        "was used before, and its entry was pruned from the journal: use a new reference for another payment",
    )
}

/// What SQLite says of the file.
fn integrity_problems(connection: &Connection) -> Result<Vec<String>, Trouble> {
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let reports = check.query_map([], |row| row.get::<_, String>(0))?;
    let mut problems = Vec::new();
    for report in reports {
        match report {
            // A report can have several lines.
            Ok(report) => problems.extend(report.lines().map(str::to_owned)),
            Err(error) => problems.push(damage(error)?),
        }
    }
    problems.retain(|line| line != "ok");
    Ok(problems)
}

/// The text of an error that means damage. Any other error, such as a lock, is returned.
fn damage(error: rusqlite::Error) -> rusqlite::Result<String> {
    match error.sqlite_error_code() {
        // None: a value is not of its type.
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(error.to_string()),
        Some(_) => Err(error),
    }
}

/// Whether the columns are those of the entry.
fn entry_problem(reference: &str, row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let text: String = row.get(4)?;
    let entry: Entry = match serde_json::from_str(&text) {
        Ok(entry) => entry,
        Err(error) => {
            let problem = printable(&error.to_string(), 200);
            return Ok(Some(format!("the entry cannot be read: {problem}")));
        }
    };
    let agrees = entry.reference == reference
        && row.get::<_, String>(0)? == entry.state.name()
        && row.get::<_, bool>(1)? == entry.is_open()
        && row.get::<_, bool>(2)? == entry.is_to_deliver()
        && row.get::<_, Option<String>>(3)? == entry.order_number;
    Ok((!agrees).then(|| "the columns differ from the entry".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite will find the rows.
    fn plan(sql: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let journal = file::open(&folder.path().join("journal.db"), None, LOCK_TIMEOUT);
        let journal = journal.unwrap_or_else(|_| panic!("a new journal can be opened"));
        let mut statement = journal
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        // Its parameters need no values.
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get::<_, String>("detail").unwrap());
        }
        steps.join("; ")
    }

    /// The index has only the wanted rows, in the wanted order: a million closed entries are not touched.
    #[test]
    fn a_list_reads_only_the_entries_that_it_returns() {
        for (filter, index) in [
            (Filter::Open, "entries_open"),
            (Filter::InDoubt, "entries_in_doubt"),
            (Filter::ToDeliver, "entries_to_deliver"),
        ] {
            let expected = format!("SEARCH entries USING INDEX {index} (reference>?)");
            assert_eq!(plan(&list_sql(filter)), expected, "{filter:?}");
            let count = plan(&count_sql(filter));
            assert!(count.ends_with(&format!("INDEX {index}")), "{count}");
        }
        let all = plan(&list_sql(Filter::All));
        assert!(all.starts_with("SEARCH entries USING INDEX"), "{all}");
    }

    #[test]
    fn an_entry_is_found_by_its_order_number_without_reading_others() {
        let expected = "SEARCH entries USING INDEX entries_order (order_number=?)";
        assert_eq!(plan(&by_order_number_sql()), expected);
    }
}
