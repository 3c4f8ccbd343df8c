//! What is on the screen of a phone.

use crate::amount;
use crate::balance::Balance;
use crate::clock;
use crate::gateway::Gateway;
use crate::kind::Kind;
use crate::pages::display_amount;
use crate::payment::Payment;
use crate::phone::{Phone, TEST_PHONES};

use super::texts::Texts;

/// How many messages are shown.
const MESSAGES_MAX: usize = 20;

/// The part of the page that changes.
pub(super) struct Screen {
    pub(super) francs: String,
    pub(super) dollars: String,
    /// Newest first.
    pub(super) pushes: Vec<Push>,
    /// Newest first.
    pub(super) messages: Vec<Message>,
}

/// A payment to confirm.
pub(super) struct Push {
    pub(super) order_number: String,
    pub(super) text: String,
    pub(super) reference: String,
    pub(super) description: String,
    pub(super) amount: String,
    pub(super) fee: String,
    pub(super) total: String,
    pub(super) has_wrong_pin: bool,
}

/// What the operator writes about a payment that is decided.
pub(super) struct Message {
    pub(super) order_number: String,
    pub(super) text: String,
    pub(super) details: String,
    pub(super) time: String,
    /// The CSS class for its colour, and a sign for readers who cannot distinguish colours.
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
}

impl Screen {
    pub(super) fn of(gateway: &Gateway, phone: Phone<'_>, t: &Texts, wrong_pin: &str) -> Self {
        let wallet = gateway.wallet(phone);
        let payments = gateway.payments_of_phone(phone);
        Self {
            francs: amount::display_signed(wallet.cdf_minor, "CDF"),
            dollars: amount::display_signed(wallet.usd_minor, "USD"),
            pushes: payments
                .iter()
                .filter(|payment| payment.kind == Kind::Mobile && payment.is_pending())
                .map(|payment| Push::new(payment, t, wrong_pin))
                .collect(),
            messages: payments
                .iter()
                .filter_map(|payment| Message::about(payment, t))
                .take(MESSAGES_MAX)
                .collect(),
        }
    }
}

impl Push {
    fn new(payment: &Payment, t: &Texts, wrong_pin: &str) -> Self {
        let amount = display_amount(&payment.amount, &payment.currency);
        let fee = minor(&payment.amount_customer) - minor(&payment.amount);
        Self {
            order_number: payment.order_number.clone(),
            text: t.push(&payment.merchant, &amount),
            reference: payment.reference.clone(),
            description: payment.description.clone(),
            amount,
            fee: amount::display_signed(fee, &payment.currency),
            total: display_amount(&payment.amount_customer, &payment.currency),
            has_wrong_pin: payment.order_number == wrong_pin,
        }
    }
}

impl Message {
    /// `None` if the operator writes nothing: the payment is pending, or a payout did not arrive.
    fn about(payment: &Payment, t: &Texts) -> Option<Self> {
        let amount = display_amount(&payment.amount, &payment.currency);
        let (class, sign) = match (payment.kind, payment.status.as_str()) {
            _ if payment.is_pending() => return None,
            (Kind::Payout, "0") => ("good", "↓"),
            (Kind::Payout, _) => return None,
            (_, "0") => ("good", "✓"),
            (_, "3" | "4") => ("open", "↩"),
            (_, "5") => ("gone", "⊘"),
            _ => ("bad", "✕"),
        };
        let mut details = t.reference_of(&payment.reference);
        if !payment.provider_reference.is_empty() {
            details.push_str(&format!(
                ", {}\u{a0}{}",
                t.receipt, payment.provider_reference
            ));
        }
        Some(Self {
            order_number: payment.order_number.clone(),
            text: t.message(payment, &amount),
            details,
            time: clock::time_of_day(payment.created_at),
            class,
            sign,
        })
    }
}

/// A test phone in a list.
pub(crate) struct TestPhone {
    pub(crate) number: String,
    /// The number as people read it.
    pub(crate) displayed: String,
    /// What happens on it.
    pub(crate) behaviour: &'static str,
}

/// The test phones with the prefix of `phone`.
pub(super) fn test_phones(phone: Phone<'_>, t: &Texts) -> Vec<TestPhone> {
    let prefix = &phone.number[..5];
    TEST_PHONES
        .iter()
        .filter_map(|(end, behaviour)| {
            let number = format!("{prefix}{end}");
            let displayed = Phone::parse(&number)?.display();
            Some(TestPhone {
                number,
                displayed,
                behaviour: t.behaviour(*behaviour),
            })
        })
        .collect()
}

fn minor(amount: &str) -> i64 {
    Balance::parse_minor(amount).unwrap_or_default()
}
