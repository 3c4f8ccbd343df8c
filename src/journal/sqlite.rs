//! The journal in an SQLite file.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::entry::{Entry, EntryState};
use super::file::{self, Trouble};
use super::rule::{Action, Event, Step, step};
use super::sender::{Sender, Senders};
use super::{Filter, Stored};
use crate::error::{Error, Result};

/// The file, opened when it is first used.
pub(super) struct Store {
    path: PathBuf,
    senders: Senders,
    connection: Mutex<Option<Connection>>,
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

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            senders: Senders::beside(&path),
            path,
            connection: Mutex::new(None),
        }
    }

    /// Gives the event to the entry of this reference, in one durable transaction.
    pub(super) fn apply(&self, reference: &str, event: &Event) -> Result<Applied> {
        self.write(|transaction| {
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
                Some(name) => self.senders.is_alive(name),
                None => false,
            };
            let Step { entry, action } =
                step(before.as_ref().map(|one| &one.entry), is_alive, event);
            let mut sender = None;
            if let (Action::Send { .. }, Some(entry)) = (&action, &entry) {
                let name = entry.sender.as_deref().unwrap_or_default();
                sender = Some(self.senders.start(name).map_err(Trouble::Lock)?);
            }
            if let Some(entry) = &entry {
                save(transaction, entry)?;
            }
            let stored = match entry.is_some() {
                true => load(transaction, reference)?,
                false => before,
            };
            if let (Some(name), false) = (sender_name, is_alive) {
                self.senders.forget(&name);
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
    pub(super) fn list(&self, filter: Filter, after: &str, limit: u32) -> Result<Vec<Stored>> {
        self.read(|connection| {
            let mut statement = connection.prepare(&list_sql(filter))?;
            let rows = statement.query_map(params![after, limit], stored)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
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
        let mut all = 0;
        loop {
            let removed = self.write(|transaction| prune_some(transaction, days))?;
            all += removed;
            if removed < PRUNED_AT_ONCE {
                return Ok(all);
            }
            std::thread::sleep(PRUNING_PAUSE);
        }
    }

    /// What is wrong with the file, a line each.
    pub(super) fn problems(&self) -> Result<Vec<String>> {
        self.read(|connection| {
            let mut problems = Vec::new();
            let mut check = connection.prepare("PRAGMA integrity_check")?;
            let lines = check.query_map([], |row| row.get::<_, String>(0))?;
            for line in lines {
                let line = line?;
                if line != "ok" {
                    problems.push(line);
                }
            }
            let mut all = connection.prepare(
                "SELECT reference, state, is_open, to_deliver, order_number, entry FROM entries",
            )?;
            let mut rows = all.query([])?;
            while let Some(row) = rows.next()? {
                let reference: String = row.get(0)?;
                if let Some(problem) = entry_problem(&reference, row)? {
                    problems.push(format!("{reference}: {problem}"));
                }
            }
            Ok(problems)
        })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T> {
        self.with_connection(|connection| work(connection))
    }

    /// All of it is written, or nothing.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>) -> Result<T> {
        self.with_connection(|connection| {
            // Takes the lock for writing at once: what is read cannot change before it is written.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    fn with_connection<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Trouble>,
    ) -> Result<T> {
        let run = || {
            file::refuse_after_fork()?;
            let mut slot = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let connection = match &mut *slot {
                Some(connection) => connection,
                closed => closed.insert(file::open(&self.path)?),
            };
            work(connection)
        };
        run().map_err(|trouble: Trouble| trouble.about(&self.path))
    }
}

impl Drop for Store {
    /// SQLite must not close, in a forked child, what the parent opened: it could change the file while the
    /// parent uses it.
    fn drop(&mut self) {
        if file::refuse_after_fork().is_err() {
            let slot = self.connection.get_mut();
            std::mem::forget(slot.unwrap_or_else(PoisonError::into_inner).take());
        }
    }
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

/// How many entries are pruned in one transaction, so that others can write before long.
const PRUNED_AT_ONCE: u64 = 10_000;

/// SQLite's longest pause before it tries again to get the lock.
const PRUNING_PAUSE: Duration = Duration::from_millis(100);

const SELECT: &str = "SELECT entry, created_at, changed_at FROM entries";

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
    let entry = serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
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

fn prune_some(transaction: &Transaction<'_>, days: u32) -> Result<u64, Trouble> {
    // One statement, so that the clock is read once.
    let mut delete = transaction.prepare(
        "DELETE FROM entries WHERE rowid IN (
             SELECT rowid FROM entries WHERE NOT is_open AND NOT to_deliver
                 AND changed_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?1) LIMIT ?2)
         RETURNING reference, state",
    )?;
    let age = format!("-{days} days");
    let rows = delete.query_map(params![age, PRUNED_AT_ONCE as i64], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let removed: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut keep = transaction.prepare("INSERT OR IGNORE INTO pruned VALUES (?1)")?;
    for (reference, state) in &removed {
        // Nothing was taken under the references of these two states.
        let is_free = [EntryState::NotSent, EntryState::Refused]
            .iter()
            .any(|free| free.name() == state);
        if !is_free {
            keep.execute([reference])?;
        }
    }
    Ok(removed.len() as u64)
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

/// Whether the columns are those of the entry.
fn entry_problem(reference: &str, row: &Row<'_>) -> Result<Option<String>, Trouble> {
    let text: String = row.get(5)?;
    let entry: Entry = match serde_json::from_str(&text) {
        Ok(entry) => entry,
        Err(error) => return Ok(Some(format!("the entry cannot be read: {error}"))),
    };
    let agrees = entry.reference == reference
        && row.get::<_, String>(1)? == entry.state.name()
        && row.get::<_, bool>(2)? == entry.is_open()
        && row.get::<_, bool>(3)? == entry.is_to_deliver()
        && row.get::<_, Option<String>>(4)? == entry.order_number;
    Ok((!agrees).then(|| "the columns differ from the entry".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite will find the rows.
    fn plan(sql: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let journal = file::open(&folder.path().join("journal.db"));
        let connection = journal.unwrap_or_else(|_| panic!("a new journal can be opened"));
        let mut statement = connection
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

    #[test]
    fn more_entries_than_one_transaction_prunes_are_all_pruned() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("journal.db"));
        let count = PRUNED_AT_ONCE + 1;
        let made = store.write(|transaction| {
            transaction.execute(
                "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
                 INSERT INTO entries (reference, state, is_open, to_deliver, created_at, changed_at, entry)
                 SELECT n, 'PAID', 0, 0, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', '' FROM numbers",
                [count as i64],
            )?;
            Ok(())
        });
        made.unwrap();
        assert_eq!(store.prune(1).unwrap(), count);
        assert_eq!(store.count(Filter::All).unwrap(), 0);
        let kept = store.read(|connection| {
            let sql = "SELECT count(*) FROM pruned";
            Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(kept.unwrap(), count as i64);
    }
}
