//! The payments and refused requests on the dashboard.

use axum::http::Uri;

use super::masked;
use super::translations::Translations;
use crate::amount;
use crate::callbacks::CallbackRecord;
use crate::clock;
use crate::gateway::Gateway;
use crate::journal::RequestRecord;
use crate::kind::Kind;
use crate::mobile;
use crate::pages::display_amount;
use crate::payment::Payment;
use crate::payout;
use crate::phone::Phone;
use crate::refusal::MALFORMED;
use crate::rules;
use crate::urls;

/// How many payments of each kind are shown.
const PAYMENTS_MAX: usize = 50;
const REFUSED_MAX: usize = 20;

/// The part of the dashboard that changes.
pub(crate) struct Shown {
    /// One group for each kind.
    pub(crate) groups: Vec<Group>,
    pub(crate) refused: Vec<RefusedRow>,
    /// What the merchant has, in each currency.
    pub(crate) francs: String,
    pub(crate) dollars: String,
}

/// The payments of one kind.
pub(crate) struct Group {
    /// The CSS class and HTML id.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// The text if there are none.
    pub(crate) none: &'static str,
    pub(crate) payments: Vec<PaymentRow>,
    /// How many there are, shown or not.
    pub(crate) total: usize,
}

pub(crate) struct PaymentRow {
    pub(crate) payment: Payment,
    pub(crate) total: String,
    pub(crate) time: String,
    pub(crate) state: &'static str,
    /// The CSS class for its colour, and a sign for readers who cannot distinguish colours.
    pub(crate) kind: &'static str,
    pub(crate) sign: &'static str,
    /// The phone as people read it. Empty for a card payment.
    pub(crate) phone: String,
    /// Why the live gateway would have refused it.
    pub(crate) warning: Option<&'static str>,
    pub(crate) callbacks: Vec<CallbackRow>,
}

/// A callback about the payment.
pub(crate) struct CallbackRow {
    pub(crate) time: String,
    pub(crate) attempt: u32,
    pub(crate) body: String,
    pub(crate) url: String,
    pub(crate) good: bool,
    pub(crate) outcome: String,
    pub(crate) reply_body: String,
}

/// A request that was refused.
pub(crate) struct RefusedRow {
    pub(crate) id: u64,
    pub(crate) time: String,
    pub(crate) what: String,
    pub(crate) reason: String,
    pub(crate) hint: &'static str,
    pub(crate) request: String,
}

impl Shown {
    pub(crate) fn of(gateway: &Gateway, t: &Translations) -> Self {
        let callbacks = gateway.callbacks.all();
        let group = |kind, id, title, none| {
            let (newest, total) = gateway.newest_payments(kind, PAYMENTS_MAX);
            let rows = newest
                .into_iter()
                .map(|payment| PaymentRow::new(payment, &callbacks, t));
            Group {
                id,
                title,
                none,
                payments: rows.collect(),
                total,
            }
        };
        let groups = vec![
            group(Kind::Card, "card", t.card_payments, t.no_card_payments),
            group(Kind::Mobile, "mobile", t.collections, t.no_collections),
            group(Kind::Payout, "payout", t.payouts, t.no_payouts),
        ];
        let balance = gateway.balance();
        let refused = gateway
            .journal
            .refused(REFUSED_MAX)
            .iter()
            .map(|record| RefusedRow::new(record, &gateway.token, t))
            .collect();
        Self {
            groups,
            refused,
            francs: amount::display_signed(balance.cdf_minor, "CDF"),
            dollars: amount::display_signed(balance.usd_minor, "USD"),
        }
    }
}

impl PaymentRow {
    fn new(payment: Payment, callbacks: &[CallbackRecord], t: &Translations) -> Self {
        let own_callbacks = callbacks
            .iter()
            .filter(|callback| callback.order_number == payment.order_number);
        let (kind, sign) = match payment.status.as_str() {
            "0" => ("good", "✓"),
            "1" => ("bad", "✕"),
            "3" | "4" => ("open", "↩"),
            "5" => ("gone", "⊘"),
            _ => ("open", "…"),
        };
        let callback: Option<Uri> = payment.callback_url.parse().ok();
        Self {
            total: display_amount(&payment.amount, &payment.currency),
            time: clock::time_of_day(payment.created_at),
            callbacks: own_callbacks
                .map(|record| CallbackRow::new(record, t))
                .collect(),
            phone: Phone::parse(&payment.phone).map_or_else(String::new, Phone::display),
            state: t.state(payment.kind, &payment.status),
            kind,
            sign,
            warning: callback
                .is_some_and(|uri| urls::is_private(&uri))
                .then_some(t.private_callback),
            payment,
        }
    }
}

impl CallbackRow {
    fn new(record: &CallbackRecord, t: &Translations) -> Self {
        let outcome = match (record.reply_status, &record.error) {
            (Some(status), _) => format!("{} {status}", t.reply_status),
            (None, Some(error)) => format!("{} {error}", t.failed),
            (None, None) => t.in_progress.to_owned(),
        };
        Self {
            time: clock::time_of_day(record.at),
            attempt: record.attempt,
            body: record.body_text(),
            url: record.url.clone(),
            good: record.reply_status.is_some_and(|s| (200..300).contains(&s)),
            outcome,
            reply_body: record.reply_body.clone().unwrap_or_default(),
        }
    }
}

impl RefusedRow {
    fn new(record: &RequestRecord, token: &str, t: &Translations) -> Self {
        let path = record.path.split('?').next().unwrap_or_default();
        let reason = record.refusal.clone().unwrap_or_default();
        let hint = match path {
            mobile::PATH | payout::PATH if reason == rules::INVALID_AMOUNT => t.plain_amount,
            _ if reason != MALFORMED => "",
            "/v1.1/pay" => t.accepts_json,
            mobile::PATH | payout::PATH => t.accepts_only_json,
            _ => t.accepts_form,
        };
        Self {
            id: record.id,
            time: clock::time_of_day(record.at),
            what: format!("{} {path}", record.method),
            reason,
            hint,
            request: masked::request(record, token),
        }
    }
}
