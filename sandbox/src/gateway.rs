//! The gateway's memory: the payments, and everything else that is shared between its listeners and
//! the `Sandbox` in the test's hands.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::callbacks::Callbacks;
use crate::error::Error;
use crate::faults::Faults;
use crate::hosts::Hosts;
use crate::journal::Journal;
use crate::options::{DEFAULT_TOKEN, Options};
use crate::payment::{Decision, Payment};
use crate::quirks::Quirks;
use crate::random;

/// The state behind both listeners and behind the control operations.
pub(crate) struct Gateway {
    pub(crate) merchant: String,
    pub(crate) token: String,
    /// The authority that signed the certificate of HTTPS.
    pub(crate) ca_file: PathBuf,
    pub(crate) public_url: Option<String>,
    pub(crate) hosts: Hosts,
    pub(crate) vectors_dir: Option<PathBuf>,
    pub(crate) deliver_callbacks: bool,
    pub(crate) journal: Arc<Journal>,
    pub(crate) faults: Faults,
    pub(crate) callbacks: Callbacks,
    pub(crate) runtime: Handle,
    quirks: Mutex<Quirks>,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    payments: Vec<Payment>,
    by_order: HashMap<String, usize>,
    by_checkout: HashMap<String, usize>,
    by_reference: HashMap<String, usize>,
}

impl Gateway {
    pub(crate) fn new(options: &Options, ca_file: PathBuf, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            merchant: options.merchant.clone(),
            token: options.token.clone(),
            ca_file,
            public_url: options.public_url.clone(),
            hosts: Hosts::new(options),
            vectors_dir: options.vectors_dir.clone(),
            deliver_callbacks: options.deliver_callbacks,
            journal: Arc::default(),
            faults: Faults::default(),
            callbacks: Callbacks::default(),
            runtime,
            quirks: Mutex::new(options.quirks.clone()),
            ledger: Mutex::default(),
        })
    }

    /// The token, where it may be shown: one that was given could be good elsewhere.
    pub(crate) fn public_token(&self) -> Option<&str> {
        Some(self.token.as_str()).filter(|token| *token == DEFAULT_TOKEN)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_quirks(&self, quirks: Quirks) {
        *self.quirks.lock().unwrap_or_else(PoisonError::into_inner) = quirks;
    }

    /// Records a payment, unless its reference was used before: then `None`.
    pub(crate) fn record(&self, payment: Payment) -> Option<Payment> {
        self.with(|ledger| {
            if ledger.by_reference.contains_key(&payment.reference) {
                return None;
            }
            let at = ledger.payments.len();
            let order = payment.order_number.clone();
            ledger.by_order.insert(order, at);
            ledger.by_checkout.insert(payment.checkout_id.clone(), at);
            ledger.by_reference.insert(payment.reference.clone(), at);
            ledger.payments.push(payment.clone());
            Some(payment)
        })
    }

    pub(crate) fn payments(&self) -> Vec<Payment> {
        self.with(|ledger| ledger.payments.clone())
    }

    /// The newest payments, newest first, and how many there are in all.
    pub(crate) fn newest(&self, n: usize) -> (Vec<Payment>, usize) {
        self.with(|ledger| {
            let newest = ledger.payments.iter().rev().take(n).cloned().collect();
            (newest, ledger.payments.len())
        })
    }

    pub(crate) fn payment(&self, order: &str) -> Option<Payment> {
        self.with(|ledger| ledger.of_order(order).map(|payment| payment.clone()))
    }

    pub(crate) fn of_checkout(&self, id: &str) -> Option<Payment> {
        self.with(|ledger| {
            let at = *ledger.by_checkout.get(id)?;
            ledger.payments.get(at).cloned()
        })
    }

    /// The payment, which was checked once more; `None` while `is_hidden` says so of it.
    pub(crate) fn checked(
        &self,
        order: &str,
        is_hidden: impl FnOnce(&Payment) -> bool,
    ) -> Option<Payment> {
        self.with(|ledger| {
            let payment = ledger.of_order(order)?;
            payment.checks += 1;
            if is_hidden(payment) {
                return None;
            }
            payment.checks_found += 1;
            Some(payment.clone())
        })
    }

    /// Decides a payment, whatever state it is in.
    pub(crate) fn decide(&self, order: &str, decision: &Decision) -> Result<Payment, Error> {
        self.with(|ledger| {
            let payment = ledger
                .of_order(order)
                .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
            payment.become_decided(decision, "visa");
            Ok(payment.clone())
        })
    }

    /// What the customer did on the card page. `true` if it decided anything: a payment is decided
    /// once.
    pub(crate) fn decide_once(
        &self,
        order: &str,
        decision: &Decision,
        channel: &str,
    ) -> Option<(Payment, bool)> {
        self.with(|ledger| {
            let payment = ledger.of_order(order)?;
            let pending = payment.is_pending();
            if pending {
                payment.become_decided(decision, channel);
            }
            Some((payment.clone(), pending))
        })
    }

    pub(crate) fn set_deliver_callbacks(&self, order: &str, deliver: bool) -> Result<(), Error> {
        self.with(|ledger| {
            let payment = ledger
                .of_order(order)
                .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
            payment.deliver_callbacks = deliver;
            Ok(())
        })
    }

    /// Forgets payments, callbacks, requests and faults. Quirks stay.
    pub(crate) fn clear(&self) {
        self.with(|ledger| *ledger = Ledger::default());
        self.callbacks.clear();
        self.faults.clear();
        self.journal.clear();
    }
}

impl Ledger {
    fn of_order(&mut self, order: &str) -> Option<&mut Payment> {
        let at = *self.by_order.get(order)?;
        self.payments.get_mut(at)
    }
}

impl Payment {
    fn become_decided(&mut self, decision: &Decision, channel: &str) {
        decision.status().clone_into(&mut self.status);
        if *decision == Decision::Approve && self.provider_reference.is_empty() {
            self.provider_reference = random::provider_reference();
        }
        if !matches!(decision, Decision::Pending | Decision::Cancel) && self.channel.is_empty() {
            channel.clone_into(&mut self.channel);
        }
    }
}
