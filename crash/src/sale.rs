//! One payment, and what a merchant does with it. The judge looks after every step.

use std::sync::atomic::{AtomicUsize, Ordering};

use flexpay::journal::{Entry, EntryState};

use crate::judge::{self, Broken, Seen, Violation};
use crate::shop::Shop;
use crate::worker::{Call, Heard, Way};

/// How often the merchant tries to settle the payment at the end.
const ROUNDS: usize = 4;

pub struct Sale {
    pub way: Way,
    pub reference: String,
    /// An older payment in the same journal.
    pub other: Option<String>,
    /// See [`judge::violations`].
    pub allowed_requests: usize,
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

impl From<Vec<Violation>> for Stop {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Violations(violations)
    }
}

impl Sale {
    pub fn new(way: Way) -> Self {
        Self {
            way,
            reference: new_reference(),
            other: None,
            allowed_requests: 1,
        }
    }

    pub fn pay(&self) -> Call {
        Call::Pay {
            way: self.way,
            reference: self.reference.clone(),
        }
    }

    pub fn settle(&self) -> Call {
        Call::Settle {
            reference: self.reference.clone(),
        }
    }

    pub fn callback(&self, shop: &Shop<'_>) -> Call {
        let ledger = shop.gateway.ledger_now(&self.reference);
        let order_number = ledger.payments.first().map(|one| one.order_number.clone());
        Call::Callback {
            reference: self.reference.clone(),
            order_number: order_number.unwrap_or_default(),
        }
    }

    pub fn deliver(&self, shop: &Shop<'_>) -> Call {
        Call::Deliver {
            reference: self.reference.clone(),
            log: shop.log(),
        }
    }

    pub fn resolve(&self, order_number: Option<String>) -> Call {
        Call::Resolve {
            reference: self.reference.clone(),
            order_number,
        }
    }

    /// Looks, and judges. `sender_may_live`: the entry may still say SENDING, because nobody has looked since.
    pub fn look(&self, shop: &Shop<'_>, when: &str, sender_may_live: bool) -> Result<Seen, Stop> {
        let seen = shop.look(&self.reference, self.other.as_deref())?;
        let is_about_this = |one: &&Heard| one.reference == self.reference;
        let heard: Vec<Heard> = shop.heard.iter().filter(is_about_this).cloned().collect();
        let mut violations = judge::violations(&seen, &heard, self.allowed_requests);
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
        Err(violations.into())
    }

    /// The cashier tries the payment again: it is sent only if the journal knows that nothing was taken.
    pub fn pay_again(&self, shop: &mut Shop<'_>) -> Result<(), Stop> {
        let before = self.look(shop, "before the second try", true)?;
        let heard = shop.call(&self.pay())?;
        let after = self.look(shop, "after the second try", false)?;
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

    /// The customer pays, and the shop hears of it and delivers. `may_be_undelivered`: see
    /// [`judge::end_violations`].
    pub fn complete(
        &mut self,
        shop: &mut Shop<'_>,
        may_be_undelivered: bool,
    ) -> Result<Seen, Stop> {
        self.get_paid(shop)?;
        let seen = self.look(shop, "before delivering", false)?;
        // Nothing is delivered for a payout.
        if seen.entry.is_some() && self.way != Way::Payout {
            // The second time, nothing is delivered.
            for _ in 0..2 {
                let heard = shop.call(&self.deliver(shop))?;
                expect_no_error(&heard)?;
            }
        }
        let end = self.look(shop, "at the end", false)?;
        let may_be_undelivered = may_be_undelivered || self.way == Way::Payout;
        let violations = judge::end_violations(&end, may_be_undelivered);
        match violations.is_empty() {
            true => Ok(end),
            false => Err(violations.into()),
        }
    }

    /// The customer pays, and the shop hears of it: by a check, by the callback, or from a person.
    fn get_paid(&mut self, shop: &mut Shop<'_>) -> Result<(), Stop> {
        for _ in 0..ROUNDS {
            let seen = self.look(shop, "while settling", false)?;
            let Some(entry) = &seen.entry else {
                return Ok(());
            };
            let taken = seen.ledger.payments.first();
            if let Some(taken) = taken {
                shop.gateway.approve(&taken.order_number)?;
            }
            let call = match (entry.state, taken) {
                (EntryState::Paid, _) => return Ok(()),
                (EntryState::NotSent, _) => self.pay(),
                _ if entry.order_number.is_some() => self.settle(),
                // A person finds nothing in the merchant's console.
                (EntryState::InDoubt, None) => self.resolve(None),
                // Anyone can write a callback, and nothing proves that one is about a payout: a person finds
                // the order in the console.
                (EntryState::InDoubt, Some(taken)) if self.way == Way::Payout => {
                    self.resolve(Some(taken.order_number.clone()))
                }
                _ => self.callback(shop),
            };
            let heard = shop.call(&call)?;
            expect_no_error(&heard)?;
            self.note_resolved(&shop.look(&self.reference, None)?);
        }
        Ok(())
    }

    /// A person said NOT_SENT of a request that the gateway may have received and lost: one more may be sent.
    pub fn note_resolved(&mut self, seen: &Seen) {
        let is_not_sent = |entry: &Entry| entry.state == EntryState::NotSent;
        if seen.entry.as_ref().is_some_and(is_not_sent) {
            self.allowed_requests = seen.ledger.requests + 1;
        }
    }
}

pub fn reconcile(shop: &mut Shop<'_>) -> Result<(), Stop> {
    let heard = shop.call(&Call::Reconcile)?;
    expect_no_error(&heard)
}

fn expect_no_error(heard: &[Heard]) -> Result<(), Stop> {
    match heard.iter().find(|one| one.error.is_some()) {
        None => Ok(()),
        Some(one) => Err(Broken::Stuck.because(format!("an error: {one:?}")).into()),
    }
}

/// A reference that no other payment has, and that is not part of another.
pub fn new_reference() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("ZANDO-{:07}-X", COUNT.fetch_add(1, Ordering::Relaxed))
}
