//! The journal against the sandbox: what is sent, what is recorded, and what a second call does.

mod common;

use common::*;
use flexpay::journal::{EntryState, Filter, Journal, ReconcileOptions, Resolution, Settlement};
use flexpay::{Api, Client, Config, ErrorCode, Outcome, Payment};
use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};
use std::path::PathBuf;
use tempfile::TempDir;

struct Shop {
    sandbox: Sandbox,
    client: Client,
    folder: TempDir,
}

impl Shop {
    fn open() -> Self {
        let sandbox = sandbox();
        let folder = tempfile::tempdir().expect("a folder");
        let client = client_with(&sandbox, &folder);
        Self {
            sandbox,
            client,
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    /// What a program sees that is started after a crash.
    fn restarted(&self) -> Client {
        client_with(&self.sandbox, &self.folder)
    }

    fn state(&self, reference: &str) -> EntryState {
        let journal = self.client.journal().expect("it is set");
        let stored = journal.get(reference).expect("readable");
        stored.expect("an entry").entry.state
    }

    fn pay(&self, reference: &str) -> flexpay::Result<Payment> {
        self.client.pay(&request(reference))
    }

    fn paid(&self, reference: &str) -> Settlement {
        let payment = self.pay(reference).expect("accepted");
        let number = payment.order_number.expect("v1.1");
        self.sandbox
            .decide_silently(&number, Decision::Approve)
            .expect("known");
        self.client.settle(reference).expect("settled")
    }

    fn fail_next_payment(&self, action: Action) {
        self.sandbox
            .inject(Fault::on(Endpoint::Pay, action))
            .expect("a valid fault");
    }

    fn sent(&self) -> usize {
        let requests = self.sandbox.requests();
        requests
            .iter()
            .filter(|one| one.path.ends_with("/pay"))
            .count()
    }
}

fn client_with(sandbox: &Sandbox, folder: &TempDir) -> Client {
    let path = folder.path().join("journal.db");
    Client::new(Config {
        journal: Some(path.to_str().expect("UTF-8").to_owned()),
        ..config(sandbox, Api::V1_1)
    })
    .expect("the settings are valid")
}

#[test]
fn a_client_that_does_not_pay_makes_no_file() {
    let shop = Shop::open();
    let _ = shop.client.check("unknown");
    assert!(!shop.path().exists());
}

#[test]
fn a_payment_is_recorded_before_it_is_sent_and_after() {
    let shop = Shop::open();
    let payment = shop.pay("Z-1").unwrap();
    assert!(!payment.is_recorded);
    let stored = shop.client.journal().unwrap().get("Z-1").unwrap().unwrap();
    assert_eq!(stored.entry.state, EntryState::Accepted);
    assert_eq!(stored.entry.order_number, payment.order_number);
    assert_eq!(stored.entry.redirect_url, payment.redirect_url);
    let text = std::fs::read(shop.path()).unwrap();
    assert!(!String::from_utf8_lossy(&text).contains(shop.sandbox.token()));
}

#[test]
fn the_same_payment_comes_back_as_it_was_recorded() {
    let shop = Shop::open();
    let first = shop.pay("Z-1").unwrap();
    let second = shop.restarted().pay(&request("Z-1")).unwrap();
    assert_eq!(second.redirect_url, first.redirect_url);
    assert_eq!(second.order_number, first.order_number);
    assert!(second.is_recorded);
    assert_eq!(shop.sent(), 1);
}

#[test]
fn other_terms_are_refused_by_name() {
    let shop = Shop::open();
    shop.pay("Z-1").unwrap();
    let mut other = request("Z-1");
    other.amount = "26".into();
    let error = shop.client.pay(&other).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);
    assert_eq!(error.field(), Some("amount"));
    let error = shop.client.pay_mobile(&mobile_request("Z-1")).unwrap_err();
    assert_eq!(error.field(), Some("kind"));
    // The same amount, written in another way.
    other.amount = "25.5".into();
    assert!(shop.client.pay(&other).unwrap().is_recorded);
    assert_eq!(shop.sent(), 1);
}

#[test]
fn after_a_lost_reply_nothing_is_sent_again() {
    let shop = Shop::open();
    shop.fail_next_payment(Action::ResetAfterReading);
    let error = shop.pay("Z-1").unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let error = shop.pay("Z-1").unwrap_err();
    assert_eq!(error.code(), ErrorCode::InDoubt);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(shop.state("Z-1"), EntryState::InDoubt);
    assert_eq!(shop.sent(), 1);
}

#[test]
fn what_was_not_sent_may_be_sent_again() {
    let shop = Shop::open();
    let unreachable = Client::new(Config {
        pay_url: Some(unused_url()),
        journal: Some(shop.path().to_str().unwrap().to_owned()),
        ..config(&shop.sandbox, Api::V1_1)
    });
    let error = unreachable.unwrap().pay(&request("Z-1")).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(shop.state("Z-1"), EntryState::NotSent);
    assert!(!shop.pay("Z-1").unwrap().is_recorded);
    assert_eq!(shop.state("Z-1"), EntryState::Accepted);
}

#[test]
fn a_callback_resolves_what_is_in_doubt() {
    let shop = Shop::open();
    shop.fail_next_payment(Action::ResetAfterReading);
    shop.pay("Z-1").unwrap_err();
    let order = shop
        .sandbox
        .payments()
        .pop()
        .expect("the gateway has it")
        .order_number;
    shop.sandbox
        .decide_silently(&order, Decision::Approve)
        .unwrap();
    let body = format!(r#"{{"code":"0","reference":"Z-1","orderNumber":"{order}"}}"#);
    let settlement = shop.client.settle_callback(body.as_bytes(), None).unwrap();
    assert!(settlement.changed);
    assert_eq!(settlement.stored.entry.state, EntryState::Paid);
    let again = shop.client.settle_callback(body.as_bytes(), None).unwrap();
    assert!(!again.changed);
    assert!(again.stored.entry.is_to_deliver());
}

#[test]
fn a_forged_callback_changes_nothing() {
    let shop = Shop::open();
    shop.pay("Z-1").unwrap();
    let other = shop.paid("Z-2").stored.entry.order_number.unwrap();
    let before = shop.client.journal().unwrap().get("Z-1").unwrap();
    let body = format!(r#"{{"code":"0","reference":"Z-1","orderNumber":"{other}"}}"#);
    let error = shop
        .client
        .settle_callback(body.as_bytes(), None)
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Mismatch);
    assert_eq!(shop.client.journal().unwrap().get("Z-1").unwrap(), before);
}

#[test]
fn a_callback_may_have_the_order_number_in_place_of_the_reference() {
    let shop = Shop::open();
    let order = shop.paid("Z-1").stored.entry.order_number.unwrap();
    let body = format!(r#"{{"code":"0","reference":"{order}"}}"#);
    let settlement = shop.client.settle_callback(body.as_bytes(), None).unwrap();
    assert_eq!(settlement.stored.entry.reference, "Z-1");
}

#[test]
fn a_callback_of_an_unknown_payment_is_refused_by_name() {
    let shop = Shop::open();
    let body = br#"{"code":"0","reference":"Z-9","orderNumber":"A1"}"#;
    let error = shop.client.settle_callback(body, None).unwrap_err();
    assert_eq!(error.field(), Some("reference"));
}

#[test]
fn a_paid_entry_is_to_deliver_until_it_is_acknowledged() {
    let shop = Shop::open();
    let settlement = shop.paid("Z-1");
    assert!(settlement.changed && settlement.stored.entry.is_to_deliver());
    let journal = shop.client.journal().unwrap();
    assert_eq!(journal.list(Filter::ToDeliver, "", 10).unwrap().len(), 1);
    assert!(journal.acknowledge("Z-1").unwrap().changed);
    assert!(!journal.acknowledge("Z-1").unwrap().changed);
    assert!(journal.list(Filter::ToDeliver, "", 10).unwrap().is_empty());
}

#[test]
fn an_unpaid_entry_cannot_be_acknowledged() {
    let shop = Shop::open();
    shop.pay("Z-1").unwrap();
    let error = shop
        .client
        .journal()
        .unwrap()
        .acknowledge("Z-1")
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);
    assert!(error.message().contains("ACCEPTED"), "{error}");
}

#[test]
fn reconciling_finds_what_was_paid_meanwhile() {
    let shop = Shop::open();
    for (reference, decision) in [("Z-1", Decision::Approve), ("Z-2", Decision::Decline)] {
        let number = shop.pay(reference).unwrap().order_number.unwrap();
        shop.sandbox.decide_silently(&number, decision).unwrap();
    }
    shop.pay("Z-3").unwrap();
    let found = shop
        .restarted()
        .reconcile(&ReconcileOptions::default())
        .unwrap();
    assert!(found.stopped.is_none());
    let mut states: Vec<_> = found
        .settlements
        .iter()
        .map(|one| {
            (
                one.stored.entry.reference.as_str(),
                one.stored.entry.state,
                one.changed,
            )
        })
        .collect();
    states.sort();
    assert_eq!(
        states,
        [
            ("Z-1", EntryState::Paid, true),
            ("Z-2", EntryState::Failed, true),
            ("Z-3", EntryState::Accepted, false)
        ]
    );
}

#[test]
fn a_late_paid_replaces_failed() {
    let shop = Shop::open();
    let number = shop.pay("Z-1").unwrap().order_number.unwrap();
    shop.sandbox
        .decide_silently(&number, Decision::Decline)
        .unwrap();
    assert_eq!(
        shop.client.settle("Z-1").unwrap().stored.entry.state,
        EntryState::Failed
    );
    shop.sandbox
        .decide_silently(&number, Decision::Approve)
        .unwrap();
    let found = shop.client.reconcile(&ReconcileOptions::default()).unwrap();
    assert_eq!(found.settlements[0].stored.entry.state, EntryState::Paid);
    assert!(found.settlements[0].changed);
}

#[test]
fn a_person_resolves_what_nobody_can_know() {
    let shop = Shop::open();
    shop.fail_next_payment(Action::Reply {
        status: 502,
        headers: Vec::new(),
        body: Vec::new(),
        record: false,
    });
    shop.pay("Z-1").unwrap_err();
    let journal = shop.client.journal().unwrap();
    let nobody = journal
        .resolve("Z-1", Resolution::NotSent, " ", "console")
        .unwrap_err();
    assert_eq!(nobody.field(), Some("who"));
    let resolved = journal
        .resolve("Z-1", Resolution::NotSent, "Awa", "not in the console")
        .unwrap();
    assert!(resolved.changed);
    assert_eq!(resolved.stored.entry.resolved_by.as_deref(), Some("Awa"));
    assert!(!shop.pay("Z-1").unwrap().is_recorded);
}

/// A card payment that the gateway has already, from before there was a journal.
#[test]
fn a_reference_that_the_gateway_knows_is_in_doubt() {
    let shop = Shop::open();
    client(&shop.sandbox).pay(&request("Z-1")).unwrap();
    let error = shop.pay("Z-1").unwrap_err();
    assert_eq!(error.gateway_message(), Some("Transaction déjà traitée"));
    assert_eq!(shop.state("Z-1"), EntryState::InDoubt);
    assert_eq!(shop.pay("Z-1").unwrap_err().code(), ErrorCode::InDoubt);
    assert_eq!(shop.sent(), 2);
}

#[test]
fn an_order_number_of_a_person_is_asked_about() {
    let shop = Shop::open();
    shop.fail_next_payment(Action::ResetAfterReading);
    shop.pay("Z-1").unwrap_err();
    let order = shop.sandbox.payments().pop().unwrap().order_number;
    shop.sandbox
        .decide_silently(&order, Decision::Approve)
        .unwrap();
    let resolution = Resolution::Order {
        order_number: order,
    };
    let journal = shop.client.journal().unwrap();
    journal
        .resolve("Z-1", resolution, "Awa", "console")
        .unwrap();
    assert_eq!(shop.state("Z-1"), EntryState::InDoubt);
    assert_eq!(
        shop.client.settle("Z-1").unwrap().stored.entry.state,
        EntryState::Paid
    );
}

#[test]
fn a_journal_that_cannot_be_written_sends_nothing() {
    let shop = Shop::open();
    let broken = Client::new(Config {
        journal: Some("/nowhere/journal.db".to_owned()),
        ..config(&shop.sandbox, Api::V1_1)
    });
    let error = broken.unwrap().pay(&request("Z-1")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Journal);
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.message().contains("/nowhere/journal.db"), "{error}");
    assert_eq!(shop.sent(), 0);
}

#[test]
fn a_file_that_is_no_journal_is_an_error_that_names_it() {
    let shop = Shop::open();
    for contents in [&b""[..], b"not a database", &[0; 4096]] {
        std::fs::write(shop.path(), contents).unwrap();
        let error = shop.restarted().pay(&request("Z-1")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Journal);
        assert!(error.message().contains("journal.db"), "{error}");
        assert_eq!(std::fs::read(shop.path()).unwrap(), contents);
    }
    assert_eq!(shop.sent(), 0);
}

#[test]
fn pruned_references_stay_used() {
    let shop = Shop::open();
    shop.paid("Z-1");
    let journal = Journal::new(shop.path());
    assert_eq!(journal.prune(0).unwrap(), 0, "it is not delivered");
    journal.acknowledge("Z-1").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(journal.prune(0).unwrap(), 1);
    assert_eq!(shop.pay("Z-1").unwrap_err().field(), Some("reference"));
    assert_eq!(shop.sent(), 1);
}

/// A till that shares its journal with a program for payouts must not hand over goods for a refund.
#[test]
fn a_payout_is_not_to_deliver() {
    let shop = Shop::open();
    let payer = Client::new(Config {
        journal: Some(shop.path().to_str().unwrap().to_owned()),
        allow_payout: true,
        ..config(&shop.sandbox, Api::V1_1)
    })
    .unwrap();
    payer.payout(&payout_request("P-1")).unwrap();
    let settlement = payer.settle("P-1").unwrap();
    assert_eq!(settlement.stored.entry.state, EntryState::Paid);
    assert!(settlement.changed && !settlement.stored.entry.is_to_deliver());
    let journal = payer.journal().unwrap();
    assert!(journal.list(Filter::ToDeliver, "", 10).unwrap().is_empty());
    let error = journal.acknowledge("P-1").unwrap_err();
    assert_eq!(error.field(), Some("reference"));
    assert!(error.message().contains("is a payout"), "{error}");
}

#[test]
fn a_sound_journal_has_no_problems() {
    let shop = Shop::open();
    shop.paid("Z-1");
    assert_eq!(
        Journal::new(shop.path()).problems().unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn entries_are_counted() {
    let shop = Shop::open();
    shop.paid("Z-1");
    shop.pay("Z-2").unwrap();
    shop.fail_next_payment(Action::ResetAfterReading);
    shop.pay("Z-3").unwrap_err();
    let journal = shop.client.journal().unwrap();
    let count = |filter| journal.count(filter).unwrap();
    assert_eq!(
        [
            Filter::All,
            Filter::Open,
            Filter::InDoubt,
            Filter::ToDeliver
        ]
        .map(count),
        [3, 2, 1, 1]
    );
    assert_eq!(journal.version().unwrap(), 1);
}
