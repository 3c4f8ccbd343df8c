//! The journal as a file: where it is, whose it is, what is wrong with it, and what one bad entry does to the
//! others.

mod common;

use common::*;
use flexpay::journal::{EntryState, Filter, Journal, ReconcileOptions};
use flexpay::{Api, Client, Config, Environment, ErrorCode, Outcome};
use flexpay_sandbox::{Action, Endpoint, Fault, Sandbox};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn settings(sandbox: &Sandbox, journal: &Path) -> Config {
    Config {
        journal: Some(journal.to_str().expect("UTF-8").to_owned()),
        ..config(sandbox, Api::V1_1)
    }
}

fn client(sandbox: &Sandbox, journal: &Path) -> Client {
    Client::new(settings(sandbox, journal)).expect("the settings are valid")
}

/// The message of the error that a payment gets.
fn refused(client: &Client) -> String {
    let error = client.pay(&request("Z-9")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Journal);
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.field(), Some("journal"));
    error.message().to_owned()
}

fn replace_in_file(path: &Path, old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(old.len()).position(|part| part == old);
    let at = at.expect("the file has it");
    bytes[at..at + new.len()].copy_from_slice(new);
    fs::write(path, bytes).unwrap();
}

/// The client names its merchant in every request, so another merchant is another client.
fn sent(sandbox: &Sandbox) -> usize {
    let requests = sandbox.requests();
    requests
        .iter()
        .filter(|one| one.path.ends_with("/pay"))
        .count()
}

/// A backup by copying, between two calls, has every payment.
#[test]
fn a_copy_of_the_file_alone_has_every_entry() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    let client = client(&sandbox, &path);
    client.pay(&request("Z-1")).unwrap();
    client.pay(&request("Z-2")).unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    let entries = Journal::new(&copy).list(Filter::All, "", 10).unwrap();
    assert_eq!(entries.len(), 2);
}

/// Two ways to lose what was recorded: this program reads the file by other means, which takes away its locks, while
/// it has the file open; and another program removes a write-ahead log into which this one still writes.
#[test]
#[cfg(target_os = "linux")]
fn between_two_calls_nothing_is_open_and_no_log_is_left() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    let client = client(&sandbox, &path);
    client.pay(&request("Z-1")).unwrap();
    client.journal().unwrap().get("Z-1").unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let open = open.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    let of_journal: Vec<_> = open
        .filter(|file| file.starts_with(folder.path()))
        .collect();
    assert!(of_journal.is_empty(), "{of_journal:?}");
    assert_eq!(
        fs::metadata(folder.path().join("journal.db-journal"))
            .unwrap()
            .len(),
        0
    );
    assert!(!folder.path().join("journal.db-wal").exists());
}

#[test]
#[cfg(unix)]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    client(&sandbox, &path).pay(&request("Z-1")).unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("journal.db"), 0o600);
    assert_eq!(mode("journal.db-senders"), 0o700);
}

#[test]
#[cfg(unix)]
fn a_symbolic_link_leads_to_the_same_journal_and_the_same_senders() {
    let (sandbox, folder) = (sandbox(), folder());
    let real = folder.path().join("journal.db");
    let link = folder.path().join("link.db");
    client(&sandbox, &real).pay(&request("Z-1")).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let other = client(&sandbox, &link);
    assert!(other.pay(&request("Z-1")).unwrap().is_recorded);
    other.pay(&request("Z-2")).unwrap();
    assert!(!folder.path().join("link.db-senders").exists());
    assert_eq!(Journal::new(&real).count(Filter::All).unwrap(), 2);
}

#[test]
#[cfg(unix)]
fn a_symbolic_link_to_nothing_is_refused() {
    let (sandbox, folder) = (sandbox(), folder());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("nothing.db"), &link).unwrap();
    let message = refused(&client(&sandbox, &link));
    assert!(message.contains("symbolic link"), "{message}");
    assert_eq!(sent(&sandbox), 0);
}

/// A new, empty journal in its place would forget what is open.
#[test]
fn a_journal_that_disappeared_is_not_made_again() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    let client = client(&sandbox, &path);
    client.pay(&request("Z-1")).unwrap();
    fs::remove_file(&path).unwrap();
    let message = refused(&client);
    assert!(message.contains("is missing"), "{message}");
    assert!(message.contains("journal.db-senders"), "{message}");
    assert!(!path.exists());
    assert_eq!(sent(&sandbox), 1);
}

/// A program that was killed while it made the journal.
#[test]
fn what_a_killed_program_left_is_replaced() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    for left in [
        "journal.db-lock",
        "journal.db-new",
        "journal.db-new-journal",
    ] {
        fs::write(folder.path().join(left), "half written").unwrap();
    }
    client(&sandbox, &path).pay(&request("Z-1")).unwrap();
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["journal.db", "journal.db-journal", "journal.db-senders"]
    );
}

#[test]
fn a_journal_belongs_to_one_merchant_and_one_environment() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    client(&sandbox, &path).pay(&request("Z-1")).unwrap();
    let other_merchant = Client::new(Config {
        merchant: "BANGO".to_owned(),
        ..settings(&sandbox, &path)
    });
    let message = refused(&other_merchant.unwrap());
    assert!(message.contains("merchant BANGO"), "{message}");
    let test = Client::new(Config {
        environment: Environment::Test,
        ..settings(&sandbox, &path)
    });
    let message = refused(&test.unwrap());
    assert!(message.contains("environment live"), "{message}");
    assert!(message.contains("environment test"), "{message}");
    assert_eq!(sent(&sandbox), 1);
}

#[test]
fn an_entry_that_cannot_be_read_is_named_and_the_others_are_settled() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    let client = client(&sandbox, &path);
    for reference in ["Z-1", "Z-2", "Z-3"] {
        client.pay(&request(reference)).unwrap();
    }
    replace_in_file(&path, b"{\"reference\":\"Z-2\"", b"{\"rEference\":\"Z-2\"");
    let journal = client.journal().unwrap();
    let error = journal.list(Filter::All, "", 10).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Journal);
    assert!(error.message().contains("Z-2"), "{error}");
    let found = client.reconcile(&ReconcileOptions::default()).unwrap();
    assert_eq!(found.settlements.len(), 2);
    let asked = |one: &flexpay::journal::Settlement| one.stored.entry.last_answer.clone();
    let answers: Vec<_> = found.settlements.iter().map(asked).collect();
    assert_eq!(
        answers,
        [Some("PENDING".to_owned()), Some("PENDING".to_owned())]
    );
    let stopped = found.stopped_text().expect("an error");
    assert!(
        stopped.starts_with("JOURNAL: ") && stopped.contains("Z-2"),
        "{stopped}"
    );
    // Under its reference, nothing is sent.
    assert_eq!(
        client.pay(&request("Z-2")).unwrap_err().code(),
        ErrorCode::Journal
    );
    assert_eq!(sent(&sandbox), 3);
}

fn bad_reply(times: u32) -> Fault {
    Fault {
        times: Some(times),
        ..Fault::on(
            Endpoint::Check,
            Action::Reply {
                status: 200,
                headers: Vec::new(),
                body: b"<p>sleeping</p>".to_vec(),
                record: false,
            },
        )
    }
}

#[test]
fn one_bad_reply_does_not_end_reconciling_and_three_do() {
    for (bad_replies, asked) in [(1, 4), (3, 2)] {
        let (sandbox, folder) = (sandbox(), folder());
        let client = Client::new(Config {
            check_once: true,
            ..settings(&sandbox, &folder.path().join("journal.db"))
        })
        .unwrap();
        for reference in ["Z-1", "Z-2", "Z-3", "Z-4", "Z-5"] {
            client.pay(&request(reference)).unwrap();
        }
        sandbox.inject(bad_reply(bad_replies)).unwrap();
        let found = client.reconcile(&ReconcileOptions::default()).unwrap();
        let problems = found
            .settlements
            .iter()
            .filter(|one| one.problem.is_some())
            .count();
        assert_eq!(problems, bad_replies as usize);
        let answered = found.settlements.iter().filter(|one| {
            one.stored.entry.last_answer.as_deref() == Some("PENDING") && one.problem.is_none()
        });
        let expected = if found.stopped.is_some() { 0 } else { asked };
        assert_eq!(answered.count(), expected);
        assert_eq!(found.stopped.is_some(), bad_replies == 3);
    }
}

/// After a power cut, the network is often gone too.
#[test]
fn without_a_network_every_entry_is_listed_as_it_is() {
    let (sandbox, folder) = (sandbox(), folder());
    let path = folder.path().join("journal.db");
    let client = client(&sandbox, &path);
    for reference in ["Z-1", "Z-2", "Z-3"] {
        client.pay(&request(reference)).unwrap();
    }
    drop(sandbox);
    let found = client.reconcile(&ReconcileOptions::default()).unwrap();
    assert!(
        found
            .stopped_text()
            .expect("an error")
            .starts_with("CONNECT: ")
    );
    let states = found.settlements.iter().map(|one| one.stored.entry.state);
    assert_eq!(states.collect::<Vec<_>>(), [EntryState::Accepted; 3]);
}
