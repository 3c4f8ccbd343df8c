//! What the dashboard shows of the gateway's memory.

use axum::http::Uri;

use super::masked;
use super::words::Words;
use crate::callbacks::CallbackRecord;
use crate::clock;
use crate::gateway::Gateway;
use crate::journal::RequestRecord;
use crate::pages::amount_for_people;
use crate::payment::Payment;
use crate::refusal::MALFORMED;
use crate::urls;

/// How many payments are shown, and how many refused requests.
const MOST_PAYMENTS: usize = 50;
const MOST_REFUSED: usize = 20;

/// The part of the dashboard that changes.
pub(crate) struct Shown {
    pub(crate) payments: Vec<PaymentRow>,
    /// How many payments there are in all.
    pub(crate) total: usize,
    pub(crate) refused: Vec<RefusedRow>,
}

/// A payment.
pub(crate) struct PaymentRow {
    pub(crate) payment: Payment,
    pub(crate) total: String,
    pub(crate) time: String,
    pub(crate) state: &'static str,
    /// Its colour, and a sign for those who do not see colours.
    pub(crate) kind: &'static str,
    pub(crate) sign: &'static str,
    /// What the live gateway would not have taken.
    pub(crate) warning: Option<&'static str>,
    pub(crate) callbacks: Vec<CallbackRow>,
}

/// A callback about it.
pub(crate) struct CallbackRow {
    pub(crate) time: String,
    pub(crate) attempt: u32,
    pub(crate) body: String,
    pub(crate) url: String,
    pub(crate) good: bool,
    pub(crate) answer: String,
    pub(crate) reply: String,
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
    pub(crate) fn of(gateway: &Gateway, w: &Words) -> Self {
        let (newest, total) = gateway.newest(MOST_PAYMENTS);
        let callbacks = gateway.callbacks.all();
        let payments = newest
            .into_iter()
            .map(|payment| PaymentRow::new(payment, &callbacks, w))
            .collect();
        let refused = gateway
            .journal
            .refused(MOST_REFUSED)
            .iter()
            .map(|record| RefusedRow::new(record, &gateway.token, w))
            .collect();
        Self {
            payments,
            total,
            refused,
        }
    }
}

impl PaymentRow {
    fn new(payment: Payment, callbacks: &[CallbackRecord], w: &Words) -> Self {
        let about = callbacks
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
            total: amount_for_people(&payment.amount, &payment.currency),
            time: clock::time_of_day(payment.created_at),
            callbacks: about.map(|record| CallbackRow::new(record, w)).collect(),
            state: w.state(&payment.status),
            kind,
            sign,
            warning: callback
                .is_some_and(|uri| urls::is_private(&uri))
                .then_some(w.private_callback),
            payment,
        }
    }
}

impl CallbackRow {
    fn new(record: &CallbackRecord, w: &Words) -> Self {
        let answer = match (record.reply_status, &record.error) {
            (Some(status), _) => format!("{} {status}", w.answered),
            (None, Some(error)) => format!("{} {error}", w.failed),
            (None, None) => w.under_way.to_owned(),
        };
        Self {
            time: clock::time_of_day(record.at),
            attempt: record.attempt,
            body: record.body_text(),
            url: record.url.clone(),
            good: record.reply_status.is_some_and(|s| (200..300).contains(&s)),
            answer,
            reply: record.reply_body.clone().unwrap_or_default(),
        }
    }
}

impl RefusedRow {
    fn new(record: &RequestRecord, token: &str, w: &Words) -> Self {
        let path = record.path.split('?').next().unwrap_or_default();
        let reason = record.refusal.clone().unwrap_or_default();
        let hint = match path {
            _ if reason != MALFORMED => "",
            "/v1.1/pay" => w.takes_json,
            _ => w.takes_form,
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
