//! The whole journal, for other programs. It is read and written page by page, however large it is.
//!
//! Nothing is changed in it, neither a text that begins with "=", which a spreadsheet may run: what is exported
//! must be what is recorded. The texts are the merchant's own and the gateway's addresses; a customer chooses
//! none of them but a phone number, which has only digits.

use flexpay::journal::{Filter, Journal, Stored};
use serde_json::Value;
use std::io::{self, BufWriter, Write, stdout};

use super::{open, pages};
use crate::arguments::{ExportFormat, Format, JournalExport, SETTLEMENT_FIELDS};
use crate::call::{Failure, guarded};
use crate::{exit_status, json, output};

/// Why an export is not complete.
enum Problem {
    Read(Failure),
    Write(io::Error),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Read(failure)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<csv::Error> for Problem {
    fn from(error: csv::Error) -> Self {
        Self::Write(error.into())
    }
}

pub fn run(given: &JournalExport) -> u8 {
    let result = guarded(|| {
        let journal = open(given.journal.as_deref(), given.env_file.as_deref())?;
        let output = BufWriter::new(stdout().lock());
        let written = match given.format {
            ExportFormat::Csv => write_csv(&journal, output),
            ExportFormat::Jsonl => write_json_lines(&journal, output),
        };
        match written {
            Ok(()) => Ok(None),
            Err(Problem::Write(error)) => Ok(Some(error)),
            Err(Problem::Read(failure)) => Err(failure),
        }
    });
    match result {
        Ok(None) => exit_status::OK,
        Ok(Some(error)) => output::not_written(&error, ""),
        Err(failure) => output::print(Err(failure), "", &Format::Person),
    }
}

fn write_csv(journal: &Journal, output: impl Write) -> Result<(), Problem> {
    let mut lines = csv::Writer::from_writer(output);
    lines.write_record(fields())?;
    for page in pages(journal, Filter::All) {
        for stored in page? {
            let entry = entry(stored);
            lines.write_record(fields().map(|field| output::value_text(&entry[field])))?;
        }
    }
    Ok(lines.flush()?)
}

fn write_json_lines(journal: &Journal, mut output: impl Write) -> Result<(), Problem> {
    for page in pages(journal, Filter::All) {
        for stored in page? {
            writeln!(output, "{}", entry(stored))?;
        }
    }
    Ok(output.flush()?)
}

/// The fields of an entry. The others are about a call.
fn fields() -> impl Iterator<Item = &'static str> {
    let is_of_entry = |field: &&str| !["changed", "problem"].contains(field);
    SETTLEMENT_FIELDS.iter().copied().filter(is_of_entry)
}

fn entry(stored: Stored) -> Value {
    let mut all = json::settlement(&stored.into());
    fields()
        .map(|field| (field.to_owned(), all[field].take()))
        .collect()
}
