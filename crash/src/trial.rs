//! One interruption: a journal is prepared, a call is interrupted, the merchant goes on, and the judge looks
//! after every step.

use std::sync::atomic::{AtomicUsize, Ordering};

use flexpay::journal::{Entry, EntryState};

use crate::gateway::Gateway;
use crate::judge::{self, Broken, Seen, Violation};
use crate::mutant::Mutant;
use crate::scenario::{Found, Operation, Restart, Scenario};
use crate::shop::{self, Shop};
use crate::strace::{self, Ended, Injection, Point};
use crate::table;
use crate::worker::{Call, Heard, Way};

/// How often the merchant tries to settle the payment at the end.
const ROUNDS: usize = 4;

pub struct Trial<'a> {
    pub shop: Shop<'a>,
    pub scenario: Scenario,
    pub reference: String,
    /// An older payment in the same journal.
    other: Option<String>,
    /// See [`judge::violations`].
    pub allowed_requests: usize,
    /// What the failed system call returned.
    errno: Option<&'static str>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What the journal said right after the interruption.
    pub after: String,
    /// The error that the caller heard: its code and outcome.
    pub error: Option<String>,
    pub violations: Vec<Violation>,
    /// The merchant was killed between acknowledging and delivering.
    pub acknowledged_only: bool,
    /// Files that nobody uses any more, at the end.
    pub leftovers: usize,
}

/// A violation, or the test itself failed.
pub enum Stop {
    Violations(Vec<Violation>),
    Failed(String),
}

impl From<String> for Stop {
    fn from(problem: String) -> Self {
        Self::Failed(problem)
    }
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violations(vec![violation])
    }
}

impl<'a> Trial<'a> {
    /// Prepares the journal that the call will find.
    pub fn prepare(
        gateway: &'a Gateway,
        scenario: Scenario,
        mutant: Option<Mutant>,
    ) -> Result<Self, String> {
        gateway.sandbox.clear();
        let mut trial = Self {
            shop: Shop::new(gateway, mutant)?,
            scenario,
            reference: new_reference(),
            other: None,
            allowed_requests: 1,
            errno: None,
        };
        if scenario.found != Found::Nothing {
            trial.other = Some(new_reference());
            trial
                .fill()
                .map_err(|problem| format!("preparing: {problem}"))?;
        }
        Ok(trial)
    }

    fn fill(&mut self) -> Result<(), String> {
        let gateway = self.shop.gateway;
        let source = Shop::new(gateway, None)?;
        let way = self.way();
        let client = source.client(way).map_err(|error| error.to_string())?;
        let text = |error: flexpay::Error| error.to_string();
        let other = self.other.clone().unwrap_or_default();
        way.pay(&client, &other).map_err(text)?;

        let reference = self.reference.as_str();
        let journal = client.journal().map_err(text)?;
        let pay = || -> Result<String, String> {
            let payment = way.pay(&client, reference).map_err(text)?;
            payment
                .order_number
                .ok_or_else(|| "no order number".to_owned())
        };
        match self.scenario.operation {
            Operation::FalseNotice => drop(pay()?),
            Operation::Settle | Operation::Callback | Operation::Reconcile => {
                gateway.approve(&pay()?)?;
            }
            Operation::Deliver | Operation::Prune => {
                gateway.approve(&pay()?)?;
                client.settle(reference).map_err(text)?;
                if self.scenario.operation == Operation::Prune {
                    journal.acknowledge(reference).map_err(text)?;
                    crate::worker::hand_over(&self.shop.log(), reference)
                        .map_err(|error| error.to_string())?;
                    table::age(&source.journal())?;
                }
            }
            Operation::Resolve => {
                gateway.lose_next_payment()?;
                way.pay(&client, reference).expect_err("the reply was lost");
                self.allowed_requests = 2;
            }
            _ => {}
        }
        if self.scenario.found == Found::Closed {
            drop(client);
        }
        // With a client still open, the copy is what a process leaves that is killed.
        shop::copy_journal(source.folder.path(), self.shop.folder.path())
    }

    fn way(&self) -> Way {
        match self.scenario.operation {
            Operation::PayForm => Way::Form,
            Operation::PayMobile => Way::Mobile,
            Operation::Payout => Way::Payout,
            _ => Way::Card,
        }
    }

    /// The call that is interrupted.
    pub fn call(&self) -> Call {
        let reference = self.reference.clone();
        match self.scenario.operation {
            Operation::PayForm | Operation::PayCard | Operation::PayMobile | Operation::Payout => {
                self.pay()
            }
            Operation::Settle => Call::Settle { reference },
            Operation::Callback | Operation::FalseNotice => self.callback(),
            Operation::Reconcile => Call::Reconcile,
            Operation::Deliver => self.deliver(),
            Operation::Resolve => Call::Resolve {
                reference,
                order_number: None,
            },
            Operation::Prune => Call::Prune,
        }
    }

    fn pay(&self) -> Call {
        Call::Pay {
            way: self.way(),
            reference: self.reference.clone(),
        }
    }

    fn callback(&self) -> Call {
        let ledger = self.shop.gateway.ledger_now(&self.reference);
        let order_number = ledger.payments.first().map(|one| one.order_number.clone());
        Call::Callback {
            reference: self.reference.clone(),
            order_number: order_number.unwrap_or_default(),
        }
    }

    fn deliver(&self) -> Call {
        Call::Deliver {
            reference: self.reference.clone(),
            log: self.shop.log(),
        }
    }

    /// Makes the call, and does this to it.
    pub fn interrupt(&mut self, injection: &Injection, point: &Point) -> Result<Ended, String> {
        if let Injection::Error { errno, .. } = injection {
            self.errno = Some(errno);
        }
        strace::run(&self.shop.command(&self.call()), injection, point)
    }

    /// The merchant goes on after the interruption, until the payment is paid and delivered.
    pub fn go_on(&mut self, ended: &Ended) -> Result<Verdict, String> {
        let mut verdict = Verdict {
            after: String::new(),
            error: None,
            violations: Vec::new(),
            acknowledged_only: false,
            leftovers: 0,
        };
        match self.steps(ended, &mut verdict) {
            Ok(()) => {}
            Err(Stop::Violations(violations)) => verdict.violations = violations,
            Err(Stop::Failed(problem)) => return Err(problem),
        }
        verdict.leftovers = self.shop.leftovers()?;
        Ok(verdict)
    }

    fn steps(&mut self, ended: &Ended, verdict: &mut Verdict) -> Result<(), Stop> {
        let heard = self.shop.hear(ended)?;
        let error = heard.iter().find_map(|one| one.error.as_ref());
        verdict.error = error.map(|error| format!("{} {}", error.code, error.outcome));
        let seen = self.look("after the interruption", true)?;
        verdict.after = match &seen.entry {
            None if seen.is_pruned => "pruned".to_owned(),
            None => "no entry".to_owned(),
            Some(entry) => entry.state.name().to_owned(),
        };
        self.check_error(&heard, &seen)?;
        verdict.acknowledged_only = self.scenario.operation == Operation::Deliver
            && seen.entry.as_ref().is_some_and(|one| one.is_delivered)
            && seen.deliveries == 0;
        if self.scenario.operation == Operation::Resolve {
            self.note_resolved(&seen);
        }
        match self.scenario.restart {
            Restart::Reconcile => {
                self.reconcile()?;
                self.pay_again()?;
            }
            Restart::PayAgain => {
                self.pay_again()?;
                self.reconcile()?;
            }
        }
        self.settle()?;
        self.call_deliver()?;
        self.call_deliver()?;
        let end = self.look("at the end", false)?;
        let violations = judge::end_violations(&end, verdict.acknowledged_only);
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Stop::Violations(violations)),
        }
    }

    /// Looks, and judges. `sender_may_live`: the entry may still say SENDING, because nobody has looked since.
    fn look(&self, when: &str, sender_may_live: bool) -> Result<Seen, Stop> {
        let seen = self.shop.look(&self.reference, self.other.as_deref())?;
        let of_reference: Vec<Heard> = self
            .shop
            .heard
            .iter()
            .filter(|one| one.reference == self.reference)
            .cloned()
            .collect();
        // A journal that was not made yet has no older entry.
        let mut violations = judge::violations(&seen, &of_reference, self.allowed_requests);
        let state = seen.entry.as_ref().map(|entry| entry.state);
        if state == Some(EntryState::Sending) && !sender_may_live {
            violations.push(Broken::Stuck.because("SENDING, and the sender is dead"));
        }
        if violations.is_empty() {
            return Ok(seen);
        }
        for violation in &mut violations {
            violation.detail = format!("{when}: {}", violation.detail);
        }
        Err(Stop::Violations(violations))
    }

    /// An error that the interrupted call returned is true, and says what to do.
    fn check_error(&self, heard: &[Heard], seen: &Seen) -> Result<(), Stop> {
        let Some(error) = heard.iter().find_map(|one| one.error.as_ref()) else {
            return Ok(());
        };
        let is_payment = matches!(self.call(), Call::Pay { .. });
        if is_payment && error.outcome == "NOT_SENT" && seen.ledger.requests > 0 {
            let problem = format!("NOT_SENT, and the gateway has it: {}", error.message);
            return Err(Broken::FalseState.because(problem).into());
        }
        if error.code == "JOURNAL" {
            let folder = self.shop.folder.path().display().to_string();
            let names_it = error.message.contains(&folder);
            let advice = advice(self.errno);
            if !names_it || !advice.iter().any(|one| error.message.contains(one)) {
                let problem = format!("after {:?}: {}", self.errno, error.message);
                return Err(Broken::NoAdvice.because(problem).into());
            }
        }
        Ok(())
    }

    fn reconcile(&mut self) -> Result<(), Stop> {
        let heard = self.shop.call(&Call::Reconcile)?;
        expect_no_error(&heard)?;
        self.look("after reconciling", false)?;
        Ok(())
    }

    /// The cashier tries the payment again: it is sent only if the journal knows that nothing was taken.
    fn pay_again(&mut self) -> Result<(), Stop> {
        let before = self.look("before the second try", true)?;
        let heard = self.shop.call(&self.pay())?;
        let after = self.look("after the second try", false)?;
        let sent = after.ledger.requests - before.ledger.requests;
        let heard = heard.first().cloned().unwrap_or_default();
        let code = heard.error.as_ref().map_or("", |error| error.code.as_str());
        let state = before.entry.as_ref().map(|entry| entry.state);
        let is_right = match state {
            None if before.is_pruned => sent == 0 && code == "INVALID",
            None | Some(EntryState::NotSent | EntryState::Refused) => {
                sent == 1 && code.is_empty() && !heard.is_recorded
            }
            Some(EntryState::Sending | EntryState::InDoubt) => sent == 0 && code == "IN_DOUBT",
            Some(_) => sent == 0 && code.is_empty() && heard.is_recorded,
        };
        match is_right {
            true => Ok(()),
            false => {
                let problem = format!("of {state:?}, a second try sent {sent} and said {heard:?}");
                Err(Broken::SentTwice.because(problem).into())
            }
        }
    }

    /// The customer pays, and the shop hears of it, by a check or by the callback.
    fn settle(&mut self) -> Result<(), Stop> {
        for _ in 0..ROUNDS {
            let seen = self.look("while settling", false)?;
            let Some(entry) = seen.entry.clone() else {
                return Ok(());
            };
            if let Some(taken) = seen.ledger.payments.first() {
                self.shop.gateway.approve(&taken.order_number)?;
            }
            let call = match entry.state {
                EntryState::Paid => return Ok(()),
                EntryState::NotSent => self.pay(),
                _ if entry.order_number.is_some() => Call::Settle {
                    reference: self.reference.clone(),
                },
                EntryState::InDoubt => match seen.ledger.payments.first() {
                    // A person finds it in the merchant's console, or finds nothing.
                    None => self.resolve(None),
                    // Anyone can write a callback, and nothing proves that one is about a payout.
                    Some(taken) if self.way() == Way::Payout => {
                        self.resolve(Some(taken.order_number.clone()))
                    }
                    Some(_) => self.callback(),
                },
                _ => self.callback(),
            };
            let heard = self.shop.call(&call)?;
            expect_no_error(&heard)?;
            let seen = self.shop.look(&self.reference, None)?;
            self.note_resolved(&seen);
        }
        Ok(())
    }

    fn resolve(&self, order_number: Option<String>) -> Call {
        Call::Resolve {
            reference: self.reference.clone(),
            order_number,
        }
    }

    /// A person said NOT_SENT of a request that the gateway received and lost: one more may be sent.
    fn note_resolved(&mut self, seen: &Seen) {
        let is_not_sent = |one: &Entry| one.state == EntryState::NotSent;
        if seen.entry.as_ref().is_some_and(is_not_sent) {
            self.allowed_requests = seen.ledger.requests + 1;
        }
    }

    fn call_deliver(&mut self) -> Result<(), Stop> {
        let seen = self.look("before delivering", false)?;
        if seen.entry.is_none() {
            return Ok(());
        }
        let heard = self.shop.call(&self.deliver())?;
        expect_no_error(&heard)
    }
}

/// What an error of the journal may advise, each by a part of it.
fn advice(errno: Option<&str>) -> &'static [&'static str] {
    match errno {
        Some("ENOSPC") => &["full", "Free space"],
        Some("EROFS" | "EACCES") => &["this user may write in it"],
        _ => &[
            "The disk ",
            "find and end that program",
            "The file is damaged",
            "this user may write in it",
        ],
    }
}

fn expect_no_error(heard: &[Heard]) -> Result<(), Stop> {
    match heard.iter().find(|one| one.error.is_some()) {
        None => Ok(()),
        Some(one) => Err(Broken::Stuck.because(format!("an error: {one:?}")).into()),
    }
}

/// A reference that no other trial has, and that is not part of another.
fn new_reference() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("ZANDO-{:07}-X", COUNT.fetch_add(1, Ordering::Relaxed))
}
