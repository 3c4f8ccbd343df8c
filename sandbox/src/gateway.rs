//! The state of the gateway: payments, callbacks, faults, quirks. The listeners, the control API and
//! [`Sandbox`](crate::Sandbox) share it.

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

/// The state shared by both listeners and the control operations.
pub(crate) struct Gateway {
    pub(crate) merchant: String,
    pub(crate) token: String,
    /// The CA certificate (PEM) that signed the HTTPS certificate.
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
    payments: Mutex<Payments>,
}

#[derive(Default)]
struct Payments {
    list: Vec<Payment>,
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
            payments: Mutex::default(),
        })
    }

    /// The token, if it may be shown. A token given by the user could be valid on the live gateway.
    pub(crate) fn public_token(&self) -> Option<&str> {
        Some(self.token.as_str()).filter(|token| *token == DEFAULT_TOKEN)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Payments) -> T) -> T {
        f(&mut self.payments.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// Records a payment. `None` if its reference was used before.
    pub(crate) fn record(&self, payment: Payment) -> Option<Payment> {
        self.with(|payments| {
            if payments.by_reference.contains_key(&payment.reference) {
                return None;
            }
            let at = payments.list.len();
            let order = payment.order_number.clone();
            payments.by_order.insert(order, at);
            payments.by_checkout.insert(payment.checkout_id.clone(), at);
            payments.by_reference.insert(payment.reference.clone(), at);
            payments.list.push(payment.clone());
            Some(payment)
        })
    }

    pub(crate) fn payments(&self) -> Vec<Payment> {
        self.with(|payments| payments.list.clone())
    }

    /// The `n` newest payments, newest first, and the total number of payments.
    pub(crate) fn newest_payments(&self, n: usize) -> (Vec<Payment>, usize) {
        self.with(|payments| {
            let newest = payments.list.iter().rev().take(n).cloned().collect();
            (newest, payments.list.len())
        })
    }

    pub(crate) fn payment(&self, order: &str) -> Option<Payment> {
        self.with(|payments| payments.get_mut(order).map(|payment| payment.clone()))
    }

    pub(crate) fn payment_by_checkout(&self, id: &str) -> Option<Payment> {
        self.with(|payments| {
            let at = *payments.by_checkout.get(id)?;
            payments.list.get(at).cloned()
        })
    }

    /// Counts a check and returns the payment. `None` if there is none, or if `is_hidden` is true.
    pub(crate) fn count_check(
        &self,
        order: &str,
        is_hidden: impl FnOnce(&Payment) -> bool,
    ) -> Option<Payment> {
        self.with(|payments| {
            let payment = payments.get_mut(order)?;
            payment.checks += 1;
            if is_hidden(payment) {
                return None;
            }
            payment.checks_found += 1;
            Some(payment.clone())
        })
    }

    /// Decides a payment in any state.
    pub(crate) fn decide(&self, order: &str, decision: &Decision) -> Result<Payment, Error> {
        self.with(|payments| {
            let payment = payments
                .get_mut(order)
                .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
            payment.apply_decision(decision, "visa");
            Ok(payment.clone())
        })
    }

    /// Decides a payment on the card page, only if it is pending. The `bool` is true if this call
    /// decided it.
    pub(crate) fn decide_once(
        &self,
        order: &str,
        decision: &Decision,
        channel: &str,
    ) -> Option<(Payment, bool)> {
        self.with(|payments| {
            let payment = payments.get_mut(order)?;
            let pending = payment.is_pending();
            if pending {
                payment.apply_decision(decision, channel);
            }
            Some((payment.clone(), pending))
        })
    }

    pub(crate) fn set_deliver_callbacks(&self, order: &str, deliver: bool) -> Result<(), Error> {
        self.with(|payments| {
            let payment = payments
                .get_mut(order)
                .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
            payment.deliver_callbacks = deliver;
            Ok(())
        })
    }

    /// Deletes payments, callbacks, requests and faults. Quirks are kept.
    pub(crate) fn clear(&self) {
        self.with(|payments| *payments = Payments::default());
        self.callbacks.clear();
        self.faults.clear();
        self.journal.clear();
    }
}

impl Payments {
    fn get_mut(&mut self, order: &str) -> Option<&mut Payment> {
        let at = *self.by_order.get(order)?;
        self.list.get_mut(at)
    }
}

impl Payment {
    fn apply_decision(&mut self, decision: &Decision, channel: &str) {
        decision.status().clone_into(&mut self.status);
        if *decision == Decision::Approve && self.provider_reference.is_empty() {
            self.provider_reference = random::provider_reference();
        }
        if !matches!(decision, Decision::Pending | Decision::Cancel) && self.channel.is_empty() {
            channel.clone_into(&mut self.channel);
        }
    }
}
