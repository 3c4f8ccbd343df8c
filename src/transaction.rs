//! A transaction, as the gateway's Check service reports it.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::numbered::numbered;
use crate::payment::refused;
use crate::token::Token;
use crate::wire::fields::{Field, Fields, ParseError};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::json::Value;
use crate::wire::reply::{Reply, reply_error, unreadable_reply};
use crate::wire::{date, is_success, json, printable, whole_number};

/// The state of a transaction. The numbers are those of the C ABI, where zero must never mean
/// success; the gateway uses different numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "journal", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "journal", serde(rename_all = "UPPERCASE"))]
#[non_exhaustive]
#[repr(i32)]
pub enum State {
    /// The status is not in the gateway's table: neither paid nor failed.
    #[default]
    Unknown = 0,
    /// The customer has paid. For a payout: the beneficiary has the money.
    Paid = 1,
    /// The payment or the payout failed. The gateway can still report PAID later: it reports a
    /// failure while the customer is still entering the card or the PIN. Verify the order again for
    /// a day. Do not send a payout again before.
    Failed = 2,
    /// The customer has neither paid nor cancelled yet. For a payout: the beneficiary does not have
    /// the money yet.
    Pending = 3,
    /// A refund has begun.
    Refunding = 4,
    /// The money was returned to the customer. For a payout: to you.
    Refunded = 5,
    /// The customer cancelled.
    Cancelled = 6,
}

numbered!(
    State,
    Unknown => c"UNKNOWN",
    Paid => c"PAID",
    Failed => c"FAILED",
    Pending => c"PENDING",
    Refunding => c"REFUNDING",
    Refunded => c"REFUNDED",
    Cancelled => c"CANCELLED",
);

impl State {
    /// Whether this state may replace the state `recorded` in a shop's database. Callbacks and
    /// checks can arrive late, twice and out of order. A late PAID replaces FAILED and CANCELLED.
    /// REFUNDING replaces only PAID; REFUNDED replaces PAID and REFUNDING. No state is replaced by
    /// itself, by UNKNOWN, or by an earlier state.
    ///
    /// ```
    /// use flexpay::State;
    /// assert!(State::Paid.may_replace(State::Failed));
    /// assert!(!State::Failed.may_replace(State::Paid));
    /// ```
    pub fn may_replace(self, recorded: Self) -> bool {
        let not_paid_yet = matches!(recorded, Self::Unknown | Self::Pending);
        match self {
            Self::Unknown => false,
            Self::Pending => recorded == Self::Unknown,
            Self::Failed | Self::Cancelled => not_paid_yet,
            Self::Paid => not_paid_yet || matches!(recorded, Self::Failed | Self::Cancelled),
            Self::Refunding => recorded == Self::Paid,
            Self::Refunded => matches!(recorded, Self::Paid | Self::Refunding),
        }
    }

    /// Reads the gateway's status: 0 and 1 are documented, the others were observed. A status may
    /// also be written as a double (`0.0`). Any other form of 0 is not PAID.
    fn from_wire(status: &str) -> Self {
        match whole_number(status) {
            "0" => Self::Paid,
            "1" => Self::Failed,
            "2" => Self::Pending,
            "3" => Self::Refunding,
            "4" => Self::Refunded,
            "5" => Self::Cancelled,
            _ => Self::Unknown,
        }
    }
}

/// A transaction, from a Check reply. A field is `None` if the gateway gave no value, or none that
/// can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The state.
    pub state: State,
    /// The status as the gateway wrote it.
    pub status: Option<String>,
    /// The gateway's number: from the reply, or, if the reply has none, from the request.
    pub order_number: String,
    /// The merchant's reference. One live integration received the order number here instead.
    pub reference: Option<String>,
    /// The amount of the payment request. Compare this one.
    pub amount: Option<Amount>,
    /// What the customer pays, fees included.
    pub amount_customer: Option<Amount>,
    /// `CDF` or `USD`, as the gateway wrote it.
    pub currency: Option<String>,
    /// When it was made, in ISO 8601 without a time zone: the gateway gives none.
    pub created_at: Option<String>,
    /// How it was paid (undocumented): `visa`, `mastercard`, `mpesa`, …
    pub channel: Option<String>,
    /// The reply's code. It means that the check succeeded, never that anything was paid.
    pub code: String,
    /// The gateway's message.
    pub message: Option<String>,
    /// The reply as received.
    pub raw: String,
    /// The trace of the call: see [`Config::trace`](crate::Config::trace).
    pub trace: Option<String>,
}

impl Transaction {
    /// Whether the gateway reports that a card was used.
    pub(crate) fn is_by_card(&self) -> bool {
        let channel = self.channel.as_deref().unwrap_or_default().trim();
        ["visa", "mastercard"]
            .iter()
            .any(|card| channel.eq_ignore_ascii_case(card))
    }
}

/// A Check reply.
pub(crate) struct CheckReply {
    pub(crate) transaction: Transaction,
    /// Whether the reply itself named the order.
    pub(crate) names_order: bool,
}

impl CheckReply {
    /// Reads the reply to a check of this order.
    pub(crate) fn read(reply: &Reply, order_number: &str) -> Result<Self> {
        if reply.is_success() {
            let body = reply.body()?;
            return Self::from_body(body, reply, order_number).map_err(|error| {
                error
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message())
            });
        }
        if matches!(reply.status, 400 | 404 | 405 | 422) {
            // The documented "no such order", with an HTTP status that means the same.
            let body = reply.body.as_deref().ok();
            match body.map(|body| Self::from_body(body, reply, order_number)) {
                Some(Err(error)) if error.code() == ErrorCode::NotFound => {
                    return Err(error.with_status(reply.status));
                }
                _ => {}
            }
        }
        Err(reply.refusal("the check"))
    }

    fn from_body(body: &[u8], reply: &Reply, order_number: &str) -> Result<Self> {
        let text = reply.decode(body);
        let start = json::trim_start(&text);
        if !start.starts_with('{') {
            let what = match start {
                "" => "is empty",
                page if page.starts_with('<') => "is a page (HTML) and not JSON",
                _ => "is not a JSON object",
            };
            return Err(reply_error(format!("the reply {what}: {}", excerpt(&text))));
        }
        Self::from_json(start, &reply.token, order_number, &text)
            .unwrap_or_else(|problem| Err(unreadable_reply(problem)))
    }

    /// Reads a JSON reply. The outer error means that it cannot be read; the inner one, that it was
    /// read and has no transaction.
    fn from_json(
        text: &str,
        token: &Token,
        requested: &str,
        raw: &str,
    ) -> Result<Result<Self>, ParseError> {
        let mut fields = Fields::read(text, token)?;
        let message = fields.take_text_lenient(Field::Message)?;
        let code = fields.take_text(Field::Code)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let Some(code) = owned(code) else {
            return Err(ParseError::field(Field::Code, "is missing"));
        };
        let succeeded = is_success(&code);
        // With a problem, the transaction is null, absent, or another empty value.
        let has_empty_transaction = !succeeded && fields.is_given_empty(Field::Transaction);
        let transaction = match has_empty_transaction {
            true => None,
            false => fields.take_nested(Field::Transaction)?,
        };
        let Some(mut inner) = transaction else {
            if succeeded {
                return Err(ParseError::field(Field::Transaction, "is missing"));
            }
            let is_problem = whole_number(&code) == "1";
            let gateway_message = GatewayMessage {
                code: Some(code),
                message: owned(match message {
                    Some(message) => Some(message),
                    None => fields.take_text_lenient(Field::Error)?,
                }),
            };
            let text = gateway_message.message.as_deref();
            return Ok(Err(if !is_problem {
                let message = format!("the gateway failed{}", gateway_message.as_suffix());
                Error::new(ErrorCode::Gateway, Outcome::Unknown, message)
                    .with_gateway_message(gateway_message)
                    .retryable()
            } else if has_empty_transaction || text.is_none_or(mentions_no_such_order) {
                Error::new(
                    ErrorCode::NotFound,
                    Outcome::Refused,
                    format!(
                        "the gateway has no order {requested:?}{}",
                        gateway_message.as_suffix()
                    ),
                )
                .with_gateway_message(gateway_message)
            } else {
                refused("the check", gateway_message)
            }));
        };
        if !succeeded {
            let problem = format!("is {code:?}, an error, together with a transaction");
            return Err(ParseError::field(Field::Code, problem));
        }
        let order_number = owned(inner.take_text(Field::OrderNumber)?);
        let names_order = order_number.is_some();
        let order_number = order_number.unwrap_or_else(|| requested.to_owned());
        if order_number != requested {
            return Err(ParseError::field(
                Field::OrderNumber,
                format!(
                    "is {:?}, but {requested:?} was requested",
                    printable(&order_number, 60)
                ),
            ));
        }
        let status = inner
            .take_unless_repaired(Field::Status)?
            .map(|status| match status {
                Value::Text(text) => text.into_owned(),
                Value::Repaired(text) => text,
                Value::Object(raw) | Value::Other(raw) => raw.to_owned(),
            });
        let transaction = Transaction {
            state: status.as_deref().map_or(State::Unknown, State::from_wire),
            status,
            order_number,
            reference: owned(inner.take_text(Field::Reference)?),
            amount: text_only(inner.take_unless_repaired(Field::Amount)?)
                .and_then(|text| Amount::from_wire(&text)),
            amount_customer: text_only(inner.take_unless_repaired(Field::AmountCustomer)?)
                .and_then(|text| Amount::from_wire(&text)),
            currency: owned(inner.take_text(Field::Currency)?),
            created_at: text_only(inner.take(Field::CreatedAt)?).and_then(|text| date::read(&text)),
            channel: owned(inner.take_text_lenient(Field::Channel)?),
            code,
            message: owned(message),
            raw: raw.to_owned(),
            trace: None,
        };
        Ok(Ok(Self {
            transaction,
            names_order,
        }))
    }
}

/// Whether a message means that there is no such order ("Aucune transaction trouvée").
fn mentions_no_such_order(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "aucune transaction",
        "aucune commande",
        "non trouv",
        "introuvable",
        "existe pas",
        "not found",
        "no transaction",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

/// The text of a field that may have any type without making the reply unreadable.
fn text_only(value: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn excerpt(text: &str) -> String {
    format!("{:?}", printable(text, 80))
}

#[cfg(test)]
mod tests {
    use super::State::{self, *};

    #[test]
    fn a_state_replaces_only_earlier_states() {
        // The recorded state, and the states that may replace it.
        let table: [(State, &[State]); 7] = [
            (Unknown, &[Pending, Failed, Cancelled, Paid]),
            (Pending, &[Failed, Cancelled, Paid]),
            (Failed, &[Paid]),
            (Cancelled, &[Paid]),
            (Paid, &[Refunding, Refunded]),
            (Refunding, &[Refunded]),
            (Refunded, &[]),
        ];
        let all = table.map(|(state, _)| state);
        for (recorded, may) in table {
            for new in all {
                assert_eq!(
                    new.may_replace(recorded),
                    may.contains(&new),
                    "{new:?} on {recorded:?}"
                );
            }
        }
    }
}
