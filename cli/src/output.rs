//! What the commands print.

use anstyle::{AnsiColor, Style};
use flexpay::journal::Reconciliation;
use flexpay::{Callback, ErrorCode, Outcome, Payment, State, Transaction};
use serde_json::{Value, json};
use std::io::Write as _;

use crate::arguments::Format;
use crate::call::{Failure, Reply};
use crate::texts::texts;
use crate::{exit_status, journal, json};

pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const OPEN: Style = AnsiColor::Yellow.on_default().bold();
pub const LABEL: Style = Style::new().dimmed();

/// Prints the result of a command, and returns its exit status. `headline` is for an accepted request.
pub fn print(result: Result<Reply, Failure>, headline: &str, format: &Format<'_>) -> u8 {
    match result {
        Ok(reply) => {
            if let (Format::Field(_), Reply::Payment(payment)) = (format, &reply) {
                // Nothing of an accepted request may be lost.
                write_to_stderr(&payment_text(payment, headline));
            }
            let text = match (format, &reply) {
                (Format::Json, Reply::Settlements(found) | Reply::Reconciled(found)) => {
                    format!("{{\"ok\":{}}}\n", json::settlements_text(found))
                }
                (Format::Json, _) => format!("{}\n", json!({ "ok": reply.to_json() })),
                (Format::Field(name), Reply::Settlements(found) | Reply::Reconciled(found)) => {
                    column(found, name)
                }
                (Format::Field(name), _) => format!("{}\n", value_text(&reply.to_json()[*name])),
                (Format::Person, Reply::Payment(payment)) => payment_text(payment, headline),
                (Format::Person, Reply::Transaction(transaction)) => transaction_text(transaction),
                (Format::Person, Reply::Callback(callback)) => callback_text(callback),
                (Format::Person, Reply::Settlement(settlement)) => journal::settlement(settlement),
                (Format::Person, Reply::Acknowledged(settlement)) => {
                    journal::acknowledged(settlement)
                }
                (Format::Person, Reply::Resolved(settlement)) => journal::resolved(settlement),
                (Format::Person, Reply::Settlements(found) | Reply::Reconciled(found)) => {
                    journal::settlements(found)
                }
                (Format::Person, Reply::Removed(count)) => journal::removed(*count),
                (Format::Person, Reply::Verified { entries, problems }) => {
                    journal::verified(*entries, problems)
                }
                (Format::Person, Reply::Other(value)) => format!("{value}\n"),
            };
            write(&text, status(&reply))
        }
        Err(failure) => {
            let status = failure.exit_status();
            if matches!(format, Format::Json) {
                let text = format!("{}\n", json!({ "error": failure.to_json() }));
                write(&text, status);
            } else {
                write_to_stderr(&failure_text(&failure));
            }
            status
        }
    }
}

/// The field of each payment, a line each.
fn column(found: &Reconciliation, name: &str) -> String {
    let all = found.settlements.iter().map(json::settlement);
    all.map(|one| format!("{}\n", value_text(&one[name])))
        .collect()
}

/// A value as text; empty if there is none.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes a result to stdout, and returns its exit status. If stdout cannot be written (a full disk, a
/// reader that has ended), the result goes to stderr: the order number of a payment must not be lost. The
/// status is then that of an unknown outcome, since the caller did not get the result.
pub fn write(text: &str, status: u8) -> u8 {
    let mut stdout = anstream::stdout();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => status,
        Err(error) => not_written(&error, text),
    }
}

/// Says so, and returns the exit status.
pub fn not_written(error: &std::io::Error, text: &str) -> u8 {
    write_to_stderr(&format!("{}: {error}\n{text}", texts().not_written));
    exit_status::UNKNOWN
}

/// An error is ignored: there is no other place to report it.
fn write_to_stderr(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

fn status(reply: &Reply) -> u8 {
    match reply {
        Reply::Transaction(transaction) => exit_status::of_state(transaction.state),
        Reply::Settlement(settlement) => exit_status::of_entry(&settlement.stored.entry),
        Reply::Acknowledged(settlement) if !settlement.changed => exit_status::DELIVERED,
        Reply::Verified { problems, .. } if !problems.is_empty() => exit_status::INVALID,
        Reply::Reconciled(found) => exit_status::of_reconciliation(found),
        _ => exit_status::OK,
    }
}

fn payment_text(payment: &Payment, headline: &str) -> String {
    let texts = texts();
    let headline = match payment.is_recorded {
        true => texts.recorded,
        false => headline,
    };
    let headline = format!("{OPEN}{headline}{OPEN:#}");
    with_fields(
        headline,
        &[
            (texts.address, payment.redirect_url.as_deref()),
            (
                texts.page,
                payment.page.as_deref().map(saved_page).as_deref(),
            ),
            (texts.order_number, payment.order_number.as_deref()),
            (texts.message, payment.message.as_deref()),
            (texts.trace, payment.trace.as_deref()),
        ],
    )
}

/// The file that a page was saved to. If it cannot be saved, the page itself: it is all that leads to the
/// payment.
fn saved_page(page: &str) -> String {
    let save = || -> std::io::Result<String> {
        // In a container, the id of the process is often the same.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_us = now.unwrap_or_default().as_micros();
        let name = format!("flexpay-{}-{now_us}.html", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = std::fs::OpenOptions::new();
        // Never an existing file: another user may have put a link there.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        std::io::Write::write_all(&mut file, page.as_bytes())?;
        Ok(path.display().to_string())
    };
    save().unwrap_or_else(|error| format!("{}: {error}\n{page}", texts().page_not_saved))
}

fn transaction_text(transaction: &Transaction) -> String {
    let texts = texts();
    let style = match transaction.state {
        State::Paid => GOOD,
        State::Failed | State::Cancelled => BAD,
        _ => OPEN,
    };
    let headline = format!("{style}{}{style:#}", texts.state(transaction.state));
    let currency = transaction.currency.as_deref().unwrap_or_default();
    let amount = |amount: Option<flexpay::Amount>| {
        amount.map(|amount| {
            format!("{amount} {}", printable(currency))
                .trim_end()
                .to_owned()
        })
    };
    with_fields(
        headline,
        &[
            (texts.amount, amount(transaction.amount).as_deref()),
            (
                texts.amount_customer,
                amount(transaction.amount_customer).as_deref(),
            ),
            (texts.reference, transaction.reference.as_deref()),
            (texts.order_number, Some(&transaction.order_number)),
            (texts.channel, transaction.channel.as_deref()),
            (texts.date, transaction.created_at.as_deref()),
            (texts.message, transaction.message.as_deref()),
            (texts.trace, transaction.trace.as_deref()),
        ],
    )
}

fn callback_text(callback: &Callback<'_>) -> String {
    let texts = texts();
    let headline = format!("{OPEN}{}{OPEN:#}", texts.callback);
    let claim = match callback.claims_success {
        true => texts.claims_success,
        false => texts.claims_no_success,
    };
    let amount = |amount: Option<&str>| {
        let currency = callback.currency.as_deref().unwrap_or_default();
        amount.map(|amount| format!("{amount} {currency}").trim_end().to_owned())
    };
    with_fields(
        headline,
        &[
            ("code", Some(&format!("{} ({claim})", callback.code))),
            (texts.amount, amount(callback.amount.as_deref()).as_deref()),
            (
                texts.amount_customer,
                amount(callback.amount_customer.as_deref()).as_deref(),
            ),
            (texts.reference, callback.reference.as_deref()),
            (texts.order_number, callback.order_number.as_deref()),
            (
                texts.provider_reference,
                callback.provider_reference.as_deref(),
            ),
            (texts.phone, callback.phone.as_deref()),
            (texts.channel, callback.channel.as_deref()),
            (texts.date, callback.created_at.as_deref()),
            (texts.message, callback.message.as_deref()),
        ],
    )
}

fn failure_text(failure: &Failure) -> String {
    let texts = texts();
    let (style, headline, advice) = match (failure.outcome(), failure.code()) {
        (_, ErrorCode::NotFound) => (BAD, texts.error_not_found, None),
        (Outcome::NotSent, ErrorCode::Journal) => (BAD, texts.error_journal, None),
        (Outcome::NotSent, _) => (BAD, texts.error_not_sent, None),
        (Outcome::Refused, _) => (BAD, texts.error_refused, texts.advice_refused),
        (_, ErrorCode::InDoubt) => (OPEN, texts.error_unknown, Some(texts.advice_in_doubt)),
        _ => (OPEN, texts.error_unknown, texts.advice_unknown),
    };
    let mut text = format!(
        "{style}{headline}{style:#} ({}): {}\n",
        failure.code().name(),
        printable(failure.message())
    );
    if let Some(advice) = advice {
        text += &format!("  {advice}\n");
    }
    let Failure::Library(error) = failure else {
        return text;
    };
    let status = error.http_status().map(|status| status.to_string());
    for (label, value) in [
        (texts.gateway_message, error.gateway_message()),
        (texts.http_status, status.as_deref()),
        (texts.order_number, error.order_number()),
        (texts.trace, error.trace()),
    ] {
        if let Some(value) = value {
            text += &format!("  {LABEL}{label}{LABEL:#}  {}\n", printable(value));
        }
    }
    text
}

/// A headline, and below it the fields that have a value, aligned.
pub fn with_fields(headline: String, fields: &[(&str, Option<&str>)]) -> String {
    let present = || {
        fields
            .iter()
            .filter_map(|(label, value)| Some((label, (*value)?)))
    };
    let width = present()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = headline + "\n";
    for (label, value) in present() {
        text += &format!("  {LABEL}{label:<width$}{LABEL:#}  {}\n", printable(value));
    }
    text
}

/// Text without characters that a terminal would interpret: the gateway, or anyone who sends a callback,
/// chose it.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => format!("\\u{{{:x}}}", u32::from(c)),
            // Invisible, or changes the direction of the text.
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                format!("\\u{{{:x}}}", u32::from(c))
            }
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_interprets_is_printed() {
        assert_eq!(
            printable("payé\u{1b}[2J\n\u{202e}\u{9b}\u{61c}"),
            "payé\\u{1b}[2J\\u{a}\\u{202e}\\u{9b}\\u{61c}"
        );
    }
}
