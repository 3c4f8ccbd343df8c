//! One interruption: a journal is prepared, a call is interrupted, and the merchant goes on.

use crate::gateway::Gateway;
use crate::judge::{Broken, Seen, Violation};
use crate::mutant::Mutant;
use crate::sale::{self, Sale, Stop};
use crate::scenario::{Found, Operation, Restart, Scenario};
use crate::shop::{self, Shop};
use crate::strace::{self, Ended, Injection, Point};
use crate::table;
use crate::worker::{self, Call, Heard, Way};

pub struct Trial<'a> {
    pub shop: Shop<'a>,
    pub sale: Sale,
    scenario: Scenario,
    /// What the failed system call returned.
    errno: Option<&'static str>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What the journal said right after the interruption.
    pub after: String,
    /// The error that the caller heard: its code and outcome.
    pub error: Option<String>,
    pub violations: Vec<Violation>,
    /// It was acknowledged, and the merchant did not come to deliver it.
    pub acknowledged_only: bool,
    /// Files that nobody uses any more, at the end.
    pub leftovers: usize,
}

impl<'a> Trial<'a> {
    /// Prepares the journal that the call will find.
    pub fn prepare(
        gateway: &'a Gateway,
        scenario: Scenario,
        mutant: Option<Mutant>,
    ) -> Result<Self, String> {
        gateway.sandbox.clear();
        let way = match scenario.operation {
            Operation::PayForm => Way::Form,
            Operation::PayMobile => Way::Mobile,
            Operation::Payout => Way::Payout,
            _ => Way::Card,
        };
        let mut trial = Self {
            shop: Shop::new(gateway, mutant)?,
            sale: Sale::new(way),
            scenario,
            errno: None,
        };
        if scenario.found != Found::Nothing {
            trial
                .fill()
                .map_err(|problem| format!("preparing {scenario}: {problem}"))?;
        }
        Ok(trial)
    }

    fn fill(&mut self) -> Result<(), String> {
        let gateway = self.shop.gateway;
        let source = Shop::new(gateway, None)?;
        let way = self.sale.way;
        let text = |error: flexpay::Error| error.to_string();
        let client = source.client(way).map_err(text)?;
        let other = sale::new_reference();
        way.pay(&client, &other).map_err(text)?;
        self.sale.other = Some(other);

        let reference = self.sale.reference.as_str();
        let journal = client.journal().map_err(text)?;
        let pay = || -> Result<String, String> {
            let payment = way.pay(&client, reference).map_err(text)?;
            let number = payment.order_number;
            number.ok_or_else(|| "no order number".to_owned())
        };
        match self.scenario.operation {
            Operation::FalseNotice => drop(pay()?),
            Operation::Settle | Operation::Callback | Operation::Reconcile => {
                gateway.approve(&pay()?)?;
            }
            Operation::Deliver => {
                gateway.approve(&pay()?)?;
                client.settle(reference).map_err(text)?;
            }
            Operation::Prune => {
                gateway.approve(&pay()?)?;
                client.settle(reference).map_err(text)?;
                journal.acknowledge(reference).map_err(text)?;
                let delivered = worker::hand_over(&self.shop.log(), reference);
                delivered.map_err(|error| error.to_string())?;
                table::age(&source.journal())?;
            }
            Operation::Resolve => {
                gateway.lose_next_payment()?;
                way.pay(&client, reference).expect_err("the reply was lost");
                self.sale.allowed_requests = 2;
            }
            Operation::PayForm | Operation::PayCard | Operation::PayMobile | Operation::Payout => {}
        }
        if self.scenario.found == Found::Closed {
            drop(client);
        }
        // With a client still open, the copy is what a process leaves that is killed.
        shop::copy_journal(source.folder.path(), self.shop.folder.path())
    }

    /// The call that is interrupted.
    pub fn call(&self) -> Call {
        match self.scenario.operation {
            Operation::PayForm | Operation::PayCard | Operation::PayMobile | Operation::Payout => {
                self.sale.pay()
            }
            Operation::Settle => self.sale.settle(),
            Operation::Callback | Operation::FalseNotice => self.sale.callback(&self.shop),
            Operation::Reconcile => Call::Reconcile,
            Operation::Deliver => self.sale.deliver(&self.shop),
            Operation::Resolve => self.sale.resolve(None),
            Operation::Prune => Call::Prune,
        }
    }

    /// Makes the call, and does this to it.
    pub fn interrupt(&mut self, injection: &Injection, point: &Point) -> Result<Ended, String> {
        if let Injection::Error { errno, .. } = injection {
            self.errno = Some(errno);
        }
        let command = self.shop.command(&self.call())?;
        strace::run(&command, injection, point)
    }

    /// The merchant goes on after the interruption, until the payment is paid and delivered.
    pub fn go_on(&mut self, ended: &Ended) -> Result<Verdict, String> {
        let mut verdict = Verdict::default();
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
        let seen = self.sale.look(&self.shop, "after the interruption", true)?;
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
            self.sale.note_resolved(&seen);
        }
        let (shop, sale) = (&mut self.shop, &mut self.sale);
        match self.scenario.restart {
            Restart::Reconcile => {
                sale::reconcile(shop)?;
                sale.look(shop, "after reconciling", false)?;
                sale.pay_again(shop)?;
            }
            Restart::PayAgain => {
                sale.pay_again(shop)?;
                sale::reconcile(shop)?;
                sale.look(shop, "after reconciling", false)?;
            }
        }
        sale.complete(shop, verdict.acknowledged_only)?;
        Ok(())
    }

    /// An error that the interrupted call returned is true, and says what to do.
    fn check_error(&self, heard: &[Heard], seen: &Seen) -> Result<(), Stop> {
        let Some(error) = heard.iter().find_map(|one| one.error.as_ref()) else {
            return Ok(());
        };
        let is_payment = self.scenario.operation.pays();
        if is_payment && error.outcome == "NOT_SENT" && seen.ledger.requests > 0 {
            let problem = format!("NOT_SENT, and the gateway has it: {}", error.message);
            return Err(Broken::FalseState.because(problem).into());
        }
        if error.code == "JOURNAL" {
            let folder = self.shop.folder.path().display().to_string();
            let is_named = error.message.contains(&folder);
            let mut advice = advice(self.errno).iter();
            if !is_named || !advice.any(|part| error.message.contains(part)) {
                let problem = format!("after {:?}: {}", self.errno, error.message);
                return Err(Broken::NoAdvice.because(problem).into());
            }
        }
        Ok(())
    }
}

/// What an error of the journal may advise, each by a part of it.
fn advice(errno: Option<&str>) -> &'static [&'static str] {
    match errno {
        Some("ENOSPC") => &["full", "Free space"],
        Some("EROFS" | "EACCES") => &["this user may write in it", "read-only"],
        _ => &[
            "The disk ",
            "find and end that program",
            "The file is damaged",
            "this user may write in it",
        ],
    }
}
