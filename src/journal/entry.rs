//! One payment or payout in the journal.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::kind::Kind;
use crate::numbered::numbered;
use crate::payment::{Payment, Terms};
use crate::transaction::State;

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
#[repr(i32)]
pub enum EntryState {
    /// A process is sending the request, or was sending it when it ended.
    Sending = 1,
    /// Nothing of the request left the machine. It may be sent again.
    NotSent = 2,
    /// The gateway refused the request. It may be sent again when the cause is fixed.
    Refused = 3,
    /// Nobody knows whether the gateway has the request. A callback, a check or a person resolves it.
    InDoubt = 4,
    /// The gateway accepted the request. Nobody has paid yet.
    Accepted = 5,
    /// The gateway says that it is paid. For a payout: the beneficiary has the money.
    Paid = 6,
    /// The gateway says that it failed. A late PAID still replaces this.
    Failed = 7,
    /// The gateway says that the customer cancelled. A late PAID still replaces this.
    Cancelled = 8,
    /// The gateway says that the money is being returned. If it was never PAID, a late PAID still replaces this.
    Refunding = 9,
    /// The gateway says that the money was returned. If it was never PAID, a late PAID still replaces this.
    Refunded = 10,
}

numbered!(
    EntryState,
    Sending => c"SENDING",
    NotSent => c"NOT_SENT",
    Refused => c"REFUSED",
    InDoubt => c"IN_DOUBT",
    Accepted => c"ACCEPTED",
    Paid => c"PAID",
    Failed => c"FAILED",
    Cancelled => c"CANCELLED",
    Refunding => c"REFUNDING",
    Refunded => c"REFUNDED",
);

impl EntryState {
    /// The order's state at the gateway. UNKNOWN if the gateway has not told it yet.
    pub(super) fn order_state(self) -> State {
        match self {
            Self::Sending | Self::NotSent | Self::Refused | Self::InDoubt => State::Unknown,
            Self::Accepted => State::Pending,
            Self::Paid => State::Paid,
            Self::Failed => State::Failed,
            Self::Cancelled => State::Cancelled,
            Self::Refunding => State::Refunding,
            Self::Refunded => State::Refunded,
        }
    }

    /// The entry's state after the gateway told the order's state. `None` for UNKNOWN.
    pub(super) fn from_order_state(state: State) -> Option<Self> {
        match state {
            State::Unknown => None,
            State::Pending => Some(Self::Accepted),
            State::Paid => Some(Self::Paid),
            State::Failed => Some(Self::Failed),
            State::Cancelled => Some(Self::Cancelled),
            State::Refunding => Some(Self::Refunding),
            State::Refunded => Some(Self::Refunded),
        }
    }
}

/// How often the gateway must say that a payment failed or was cancelled, or was returned without ever being
/// PAID, before it is no longer asked. It was seen to say so while the customer was still typing, and PAID
/// afterwards. This is a number of answers and not a time, because the clock of a till may be wrong. Answers
/// within a minute count once.
pub const FAILURES_TO_CLOSE: u32 = 10;

/// A program that asks ten times in a second must not close a payment.
const SECONDS_BETWEEN_FAILURES: u64 = 60;

/// What the journal knows of one payment or payout. It is kept under the merchant's reference. The token is
/// never in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The merchant's reference.
    pub reference: String,
    /// The way the money goes.
    pub kind: Kind,
    /// The amount of the request.
    pub amount: String,
    /// The currency of the request.
    pub currency: String,
    /// The phone number of the request, as the gateway receives it.
    pub phone: Option<String>,
    /// What is known.
    pub state: EntryState,
    /// How many times a request was begun under this reference.
    pub attempt: u32,
    /// While SENDING: who sends. The store knows from it whether the sender is alive.
    pub sender: Option<String>,
    /// The gateway's order number.
    pub order_number: Option<String>,
    /// Where to send the customer.
    pub redirect_url: Option<String>,
    /// The page to send to the customer instead.
    pub page: Option<String>,
    /// The gateway's code in its reply.
    pub code: Option<String>,
    /// The gateway's message in its reply.
    pub message: Option<String>,
    /// What was learnt last: a state of the order, an error, or what a person said.
    pub last_answer: Option<String>,
    /// Whether the gateway has ever said PAID. Until then REFUNDING and REFUNDED are no surer than FAILED: they
    /// were seen before a PAID.
    pub was_paid: bool,
    /// How often the gateway has said FAILED, CANCELLED, REFUNDING or REFUNDED in a row, and never PAID before.
    /// Answers within a minute count once.
    pub failures: u32,
    /// When it was counted last, in seconds since 1970 on the store's clock. A wrong clock makes one count too
    /// many or too few.
    pub failure_at: Option<u64>,
    /// Whether the merchant acknowledged that it delivers what was paid.
    pub is_delivered: bool,
    /// Another order that the gateway has under the same reference. If both were paid, return one.
    pub other_order_number: Option<String>,
    /// Who resolved the entry by hand.
    pub resolved_by: Option<String>,
    /// Why.
    pub resolved_why: Option<String>,
}

impl Entry {
    pub(super) fn new(reference: &str, terms: &Terms) -> Self {
        let terms = terms.clone();
        Self {
            reference: reference.to_owned(),
            kind: terms.kind,
            amount: terms.amount,
            currency: terms.currency,
            phone: terms.phone,
            state: EntryState::Sending,
            attempt: 0,
            sender: None,
            order_number: None,
            redirect_url: None,
            page: None,
            code: None,
            message: None,
            last_answer: None,
            was_paid: false,
            failures: 0,
            failure_at: None,
            is_delivered: false,
            other_order_number: None,
            resolved_by: None,
            resolved_why: None,
        }
    }

    /// This order is the entry's. Another one that was known is kept.
    pub(super) fn set_order_number(&mut self, number: &Option<String>) {
        if number.is_none() || *number == self.order_number {
            return;
        }
        if self.order_number.is_some() {
            self.other_order_number = self.order_number.take();
        } else if self.other_order_number == *number {
            self.other_order_number = None;
        }
        self.order_number.clone_from(number);
    }

    /// The gateway has this order. If the entry has one, this is another.
    pub(super) fn note_order_number(&mut self, number: &Option<String>) {
        if self.order_number.is_none() {
            self.set_order_number(number);
        } else if number.is_some() && *number != self.order_number {
            self.other_order_number.clone_from(number);
        }
    }

    /// The gateway says that it failed. The clock may have been set back since the last time.
    pub(super) fn count_failure(&mut self, at: u64) {
        let is_soon = self
            .failure_at
            .is_some_and(|last| last.abs_diff(at) < SECONDS_BETWEEN_FAILURES);
        if !is_soon {
            self.failures = FAILURES_TO_CLOSE.min(self.failures.saturating_add(1));
            self.failure_at = Some(at);
        }
    }

    pub(super) fn forget_failures(&mut self) {
        self.failures = 0;
        self.failure_at = None;
    }

    /// The field of a request that differs from this entry's.
    pub(super) fn differs(&self, terms: &Terms) -> Option<&'static str> {
        let same = [
            ("kind", self.kind == terms.kind),
            ("amount", self.has_amount(&terms.amount)),
            ("currency", self.currency == terms.currency),
            ("phone", self.phone == terms.phone),
        ];
        let different = same.into_iter().find(|(_, same)| !same);
        different.map(|(field, _)| field)
    }

    /// Whether the amount and the currency are the entry's.
    pub(super) fn has_price(&self, amount: &str, currency: &str) -> bool {
        self.has_amount(amount) && self.currency == currency
    }

    /// "25.5" is "25.50".
    fn has_amount(&self, amount: &str) -> bool {
        match (Amount::parse(&self.amount), Amount::parse(amount)) {
            (Ok(one), Ok(other)) => one == other,
            _ => self.amount == amount,
        }
    }

    /// Whether nothing was accepted under the reference.
    pub(super) fn may_be_sent_again(&self) -> bool {
        matches!(self.state, EntryState::NotSent | EntryState::Refused)
    }

    /// Whether the state and `was_paid` agree. The rule makes no entry in which they do not.
    pub(super) fn agrees_on_paid(&self) -> bool {
        match self.state {
            EntryState::Paid => self.was_paid,
            EntryState::Refunding | EntryState::Refunded => true,
            _ => !self.was_paid,
        }
    }

    /// Whether something may still be learnt by asking the gateway or a person.
    pub fn is_open(&self) -> bool {
        match self.state {
            EntryState::Sending | EntryState::InDoubt | EntryState::Accepted => true,
            EntryState::Refunding if self.was_paid => true,
            EntryState::Refunded if self.was_paid => false,
            EntryState::Failed
            | EntryState::Cancelled
            | EntryState::Refunding
            | EntryState::Refunded => self.failures < FAILURES_TO_CLOSE,
            EntryState::NotSent | EntryState::Refused | EntryState::Paid => false,
        }
    }

    /// Whether it is paid, and the merchant has not acknowledged it yet. Never for a payout: the merchant
    /// delivers nothing for it.
    pub fn is_to_deliver(&self) -> bool {
        self.state == EntryState::Paid && !self.is_delivered && self.kind != Kind::Payout
    }

    /// The payment of an accepted request, as it was recorded.
    pub(super) fn payment(&self) -> Payment {
        Payment {
            redirect_url: self.redirect_url.clone(),
            order_number: self.order_number.clone(),
            code: self.code.clone(),
            message: self.message.clone(),
            page: self.page.clone(),
            is_recorded: true,
            trace: None,
        }
    }
}
