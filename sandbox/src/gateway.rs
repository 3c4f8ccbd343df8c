//! The state of the gateway: payments, balances, callbacks, faults, quirks. The listeners, the control API and
//! [`Sandbox`](crate::Sandbox) share it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::balance::{Balance, Balances, Effect};
use crate::callbacks::Callbacks;
use crate::error::Error;
use crate::faults::Faults;
use crate::hosts::Hosts;
use crate::journal::Journal;
use crate::kind::Kind;
use crate::options::{DEFAULT_TOKEN, Options};
use crate::payment::{Decision, INSUFFICIENT_FUNDS, Payment};
use crate::phone::Phone;
use crate::quirks::Quirks;
use crate::random;
use crate::refusal::Refusal;

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
    first_balance: Balance,
    books: Mutex<Books>,
}

/// The payments and the balances that they change.
struct Books {
    payments: Payments,
    balances: Balances,
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
            first_balance: options.balance,
            books: Mutex::new(Books::new(options.balance)),
        })
    }

    /// The token, if it may be shown. A token given by the user could be valid on the live gateway.
    pub(crate) fn public_token(&self) -> Option<&str> {
        Some(self.token.as_str()).filter(|token| *token == DEFAULT_TOKEN)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Books) -> T) -> T {
        f(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_payments<T>(&self, f: impl FnOnce(&mut Payments) -> T) -> T {
        self.with(|books| f(&mut books.payments))
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

    /// Records a payment. Refuses it if its reference was used before, and a payout that the merchant
    /// has not enough money for.
    pub(crate) fn record(&self, payment: Payment) -> Result<Payment, Refusal> {
        self.with(|books| {
            let payments = &mut books.payments;
            if payments.by_reference.contains_key(&payment.reference) {
                return Err(Refusal::message("Transaction déjà traitée"));
            }
            if payment.kind == Kind::Payout && !books.balances.can_pay_out(&payment) {
                return Err(Refusal::message("Solde marchand insuffisant"));
            }
            books.balances.settle(&payment, Effect::default());
            let at = payments.list.len();
            let order = payment.order_number.clone();
            payments.by_order.insert(order, at);
            if payment.kind == Kind::Card {
                payments.by_checkout.insert(payment.checkout_id.clone(), at);
            }
            payments.by_reference.insert(payment.reference.clone(), at);
            payments.list.push(payment.clone());
            Ok(payment)
        })
    }

    pub(crate) fn payments(&self) -> Vec<Payment> {
        self.with_payments(|payments| payments.list.clone())
    }

    /// The `n` newest payments of a kind, newest first, and how many there are of it.
    pub(crate) fn newest_payments(&self, kind: Kind, n: usize) -> (Vec<Payment>, usize) {
        self.with_payments(|payments| {
            let newest = payments.list.iter().rev();
            let newest = newest.filter(|payment| payment.kind == kind);
            (newest.clone().take(n).cloned().collect(), newest.count())
        })
    }

    pub(crate) fn payment(&self, order: &str) -> Option<Payment> {
        self.with_payments(|payments| payments.get_mut(order).map(|payment| payment.clone()))
    }

    pub(crate) fn payment_by_checkout(&self, id: &str) -> Option<Payment> {
        self.with_payments(|payments| {
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
        self.with_payments(|payments| {
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
        let decided = self.with(|books| books.decide(order, |_, _| Some(decision), "visa"));
        let (payment, _) = decided.ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
        Ok(payment)
    }

    /// Decides a payment only if it is pending. The `bool` is true if this call
    /// decided it.
    pub(crate) fn decide_once(
        &self,
        order: &str,
        decision: &Decision,
        channel: &str,
    ) -> Option<(Payment, bool)> {
        let if_pending = |payment: &Payment, _: &Balances| payment.is_pending().then_some(decision);
        self.with(|books| books.decide(order, if_pending, channel))
    }

    /// The customer confirms on the phone, if the payment is pending. It fails if the wallet has not
    /// enough money. The `bool` is true if this call decided it.
    pub(crate) fn confirm_once(&self, order: &str) -> Option<(Payment, bool)> {
        self.with(|books| {
            let mut can_pay = true;
            let decision = |payment: &Payment, balances: &Balances| {
                can_pay = balances.can_pay(payment);
                let decision = if can_pay {
                    &Decision::Approve
                } else {
                    &Decision::Decline
                };
                payment.is_pending().then_some(decision)
            };
            let (mut payment, decided_now) = books.decide(order, decision, "")?;
            if decided_now && !can_pay {
                let stored = books.payments.get_mut(order)?;
                INSUFFICIENT_FUNDS.clone_into(&mut stored.failure);
                payment = stored.clone();
            }
            Some((payment, decided_now))
        })
    }

    pub(crate) fn balance(&self) -> Balance {
        self.with(|books| books.balances.merchant)
    }

    pub(crate) fn set_balance(&self, balance: Balance) {
        self.with(|books| books.balances.merchant = balance);
    }

    pub(crate) fn wallet(&self, phone: Phone<'_>) -> Balance {
        self.with(|books| books.balances.wallet(phone))
    }

    pub(crate) fn set_wallet(&self, phone: Phone<'_>, balance: Balance) {
        self.with(|books| books.balances.set_wallet(phone, balance));
    }

    /// The wallets that were used or set, by phone number.
    pub(crate) fn wallets(&self) -> BTreeMap<String, Balance> {
        self.with(|books| books.balances.wallets().clone())
    }

    /// The payments of a phone, newest first.
    pub(crate) fn payments_of_phone(&self, phone: Phone<'_>) -> Vec<Payment> {
        self.with_payments(|payments| {
            let newest = payments.list.iter().rev();
            newest
                .filter(|payment| payment.phone == phone.number)
                .cloned()
                .collect()
        })
    }

    pub(crate) fn set_deliver_callbacks(&self, order: &str, deliver: bool) -> Result<(), Error> {
        self.with_payments(|payments| {
            let payment = payments
                .get_mut(order)
                .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
            payment.deliver_callbacks = deliver;
            Ok(())
        })
    }

    /// Deletes payments, callbacks, requests and faults, and resets the balances. Quirks are kept.
    pub(crate) fn clear(&self) {
        self.with(|books| *books = Books::new(self.first_balance));
        self.callbacks.clear();
        self.faults.clear();
        self.journal.clear();
    }
}

impl Books {
    fn new(balance: Balance) -> Self {
        Self {
            payments: Payments::default(),
            balances: Balances::new(balance),
        }
    }

    /// Applies the decision that `choose` returns, if any, and moves the money. The `bool` is true if
    /// there was one.
    fn decide<'d>(
        &mut self,
        order: &str,
        choose: impl FnOnce(&Payment, &Balances) -> Option<&'d Decision>,
        channel: &str,
    ) -> Option<(Payment, bool)> {
        let payment = self.payments.get_mut(order)?;
        let Some(decision) = choose(payment, &self.balances) else {
            return Some((payment.clone(), false));
        };
        let before = Effect::of(payment);
        payment.apply_decision(decision, channel);
        self.balances.settle(payment, before);
        Some((payment.clone(), true))
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
        decision.failure(self.kind).clone_into(&mut self.failure);
        if *decision == Decision::Approve && self.provider_reference.is_empty() {
            self.provider_reference = random::provider_reference();
        }
        if !matches!(decision, Decision::Pending | Decision::Cancel) && self.channel.is_empty() {
            channel.clone_into(&mut self.channel);
        }
    }
}
