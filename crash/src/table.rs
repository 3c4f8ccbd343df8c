//! Writes entries into a journal without the library: many at once, or falsely.

use std::path::Path;

use flexpay::Kind;
use flexpay::journal::{Entry, EntryState};
use rusqlite::{Connection, params};

use crate::worker::{AMOUNT, CURRENCY};

/// An entry as the library makes it.
pub fn entry(reference: &str, state: EntryState, order_number: Option<String>) -> Entry {
    Entry {
        reference: reference.to_owned(),
        kind: Kind::Card,
        amount: AMOUNT.to_owned(),
        currency: CURRENCY.to_owned(),
        phone: None,
        state,
        attempt: 1,
        sender: None,
        order_number,
        redirect_url: Some("https://cardpayment.flexpay.cd/vpos/pay/6a1f0b7c2d3e4f50".to_owned()),
        page: None,
        code: Some("0".to_owned()),
        message: Some("Redirection en cours".to_owned()),
        last_answer: Some(state.name().to_owned()),
        failures: 0,
        is_delivered: false,
        other_order_number: None,
        resolved_by: None,
        resolved_why: None,
    }
}

/// Writes the entries, in one transaction. The journal exists already.
pub fn write(journal: &Path, entries: impl Iterator<Item = Entry>) -> Result<(), String> {
    let run = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(journal)?;
        let transaction = connection.transaction()?;
        let mut statement = transaction.prepare(
            "INSERT OR REPLACE INTO entries
                 (reference, state, is_open, to_deliver, order_number, created_at, changed_at, entry)
             VALUES (?1, ?2, ?3, ?4, ?5, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', ?6)",
        )?;
        for entry in entries {
            statement.execute(params![
                entry.reference,
                entry.state.name(),
                entry.is_open(),
                entry.is_to_deliver(),
                entry.order_number,
                serde_json::to_string(&entry).expect("plain fields"),
            ])?;
        }
        drop(statement);
        transaction.commit()
    };
    run().map_err(|error| format!("{}: {error}", journal.display()))
}

/// Makes every entry look old.
pub fn age(journal: &Path) -> Result<(), String> {
    let run = || {
        Connection::open(journal)?
            .execute("UPDATE entries SET changed_at = '2020-01-01T00:00:00Z'", [])
    };
    let aged = run().map_err(|error: rusqlite::Error| format!("{}: {error}", journal.display()));
    aged.map(drop)
}

/// Gives free space back to the file system.
pub fn vacuum(journal: &Path) -> Result<(), String> {
    let run = || Connection::open(journal)?.execute_batch("VACUUM");
    run().map_err(|error: rusqlite::Error| format!("{}: {error}", journal.display()))
}

/// Whether the reference is in the list of pruned ones.
pub fn is_pruned(journal: &Path, reference: &str) -> Result<bool, String> {
    let run = || {
        let connection = Connection::open(journal)?;
        let mut statement = connection.prepare("SELECT 1 FROM pruned WHERE reference = ?1")?;
        statement.exists([reference])
    };
    run().map_err(|error: rusqlite::Error| format!("{}: {error}", journal.display()))
}
