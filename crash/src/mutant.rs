//! Workers with a planted fault, to show that the judge notices.

use std::fs;
use std::path::Path;

use clap::ValueEnum;
use flexpay::journal::{EntryState, Resolution};
use flexpay::{Client, Config, ErrorCode, Expected};

use crate::table;
use crate::worker::{self, Call, Heard, Way};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// Pays without the journal.
    IgnoresJournal,
    /// Sends, and then records.
    SendsFirst,
    /// Takes a lost reply for a failure: pays again.
    ForgetsDoubt,
    /// Takes the gateway's notice for the gateway's word.
    BelievesNotice,
    /// Reports the gateway's word, and then records it.
    ReportsFirst,
    /// Delivers, and then acknowledges.
    DeliversFirst,
    /// Begins with a new journal each time.
    StartsAnew,
}

impl Mutant {
    pub fn name(self) -> &'static str {
        match self {
            Self::IgnoresJournal => "ignores-journal",
            Self::SendsFirst => "sends-first",
            Self::ForgetsDoubt => "forgets-doubt",
            Self::BelievesNotice => "believes-notice",
            Self::ReportsFirst => "reports-first",
            Self::DeliversFirst => "delivers-first",
            Self::StartsAnew => "starts-anew",
        }
    }

    /// Makes the call in the wrong way. `None`: there is nothing wrong about this call.
    pub fn make(self, client: &Client, call: &Call) -> Option<flexpay::Result<Heard>> {
        let journal = std::env::var("FLEXPAY_JOURNAL").expect("the worker has a journal");
        let journal = Path::new(&journal);
        match (self, call) {
            (Self::IgnoresJournal, Call::Pay { way, reference }) => {
                Some(pay_plainly(*way, reference))
            }
            (Self::SendsFirst, Call::Pay { way, reference }) => {
                Some(send_first(client, journal, *way, reference))
            }
            (Self::ForgetsDoubt, Call::Pay { way, reference }) => {
                Some(forget_doubt(client, *way, reference))
            }
            (
                Self::BelievesNotice,
                Call::Callback {
                    reference,
                    order_number,
                },
            ) => {
                let order_number = Some(order_number.clone());
                let paid = table::entry(reference, EntryState::Paid, order_number);
                table::write(journal, [paid].into_iter()).expect("the journal exists");
                Some(stored(client, reference))
            }
            (Self::ReportsFirst, Call::Settle { reference }) => {
                Some(report_first(client, reference))
            }
            (Self::DeliversFirst, Call::Deliver { reference, log }) => {
                Some(deliver_first(client, reference, log))
            }
            (Self::StartsAnew, _) => {
                let _ = fs::remove_file(journal);
                // With these there, the library would not make a new one.
                let _ = fs::remove_dir_all(format!("{}-senders", journal.display()));
                None
            }
            _ => None,
        }
    }
}

fn pay_plainly(way: Way, reference: &str) -> flexpay::Result<Heard> {
    let mut config = Config::from_env()?;
    config.journal = None;
    config.allow_payout = true;
    config.api = way.api();
    config.pay_url = config.pay_url.map(|url| way.pay_url(&url));
    let payment = way.pay(&Client::new(config)?, reference)?;
    Ok(Heard::payment(reference, &payment))
}

fn send_first(
    client: &Client,
    journal: &Path,
    way: Way,
    reference: &str,
) -> flexpay::Result<Heard> {
    if client.journal()?.get(reference)?.is_some() {
        let payment = way.pay(client, reference)?;
        return Ok(Heard::payment(reference, &payment));
    }
    let heard = pay_plainly(way, reference)?;
    let accepted = table::entry(reference, EntryState::Accepted, heard.order_number.clone());
    table::write(journal, [accepted].into_iter()).expect("the journal exists");
    Ok(heard)
}

fn forget_doubt(client: &Client, way: Way, reference: &str) -> flexpay::Result<Heard> {
    let payment = match way.pay(client, reference) {
        Err(error) if error.code() == ErrorCode::InDoubt => {
            let journal = client.journal()?;
            journal.resolve(reference, Resolution::NotSent, "till", "no reply")?;
            way.pay(client, reference)?
        }
        result => result?,
    };
    Ok(Heard::payment(reference, &payment))
}

fn report_first(client: &Client, reference: &str) -> flexpay::Result<Heard> {
    let entry = client
        .journal()?
        .get(reference)?
        .expect("it was paid")
        .entry;
    let transaction = client.verify_order(&Expected {
        reference: entry.reference,
        amount: entry.amount,
        currency: entry.currency,
        order_number: entry.order_number.clone(),
        ..Expected::default()
    })?;
    worker::say(&Heard {
        reference: reference.to_owned(),
        state: transaction.state.name().to_owned(),
        order_number: entry.order_number,
        ..Heard::default()
    });
    Ok(client.settle(reference)?.into())
}

fn deliver_first(client: &Client, reference: &str, log: &Path) -> flexpay::Result<Heard> {
    let journal = client.journal()?;
    let entry = journal.get(reference)?.map(|stored| stored.entry);
    if entry.is_some_and(|entry| entry.is_to_deliver()) {
        worker::hand_over(log, reference).expect("the log can be written");
    }
    Ok(journal.acknowledge(reference)?.into())
}

fn stored(client: &Client, reference: &str) -> flexpay::Result<Heard> {
    let stored = client.journal()?.get(reference)?.expect("it was written");
    Ok(stored.into())
}
