//! A transaction as the gateway's Check service tells it.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::payment::refused;
use crate::wire::fields::{Field, Fields, Unreadable};
use crate::wire::json::Value;
use crate::wire::reply::Reply;
use crate::wire::words::Words;
use crate::wire::{date, is_success, json, page, printable};

/// Where a transaction stands. The numbers are those of the C ABI, where zero is never good news;
/// the gateway's own numbers are others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum State {
    /// A status outside the gateway's table. Neither paid nor failed.
    #[default]
    Unknown = 0,
    /// The customer has paid (status 0, documented).
    Paid = 1,
    /// It did not succeed (status 1, documented). Provisional for a while: 1 was seen while the
    /// customer was still typing, with 0 after it.
    Failed = 2,
    /// The customer has yet to act (status 2, observed).
    Pending = 3,
    /// A refund is under way (status 3, observed).
    Refunding = 4,
    /// The money went back (status 4, observed).
    Refunded = 5,
    /// The customer cancelled (status 5, observed).
    Cancelled = 6,
}

impl State {
    /// The state's name: `PAID`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Paid => "PAID",
            Self::Failed => "FAILED",
            Self::Pending => "PENDING",
            Self::Refunding => "REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether this state may replace `recorded` in a shop's books, where notices and checks come
    /// late, twice and out of order. Late PAID beats FAILED and CANCELLED; after PAID only a refund
    /// follows; nothing is replaced by itself, by UNKNOWN, or by what came before it.
    ///
    /// ```
    /// use flexpay::State;
    /// assert!(State::Paid.may_replace(State::Failed));
    /// assert!(!State::Failed.may_replace(State::Paid));
    /// ```
    pub fn may_replace(self, recorded: Self) -> bool {
        let rank = |state| match state {
            Self::Unknown => 0,
            Self::Pending => 1,
            Self::Failed | Self::Cancelled => 2,
            Self::Paid => 3,
            Self::Refunding => 4,
            Self::Refunded => 5,
        };
        rank(self) > rank(recorded)
    }

    /// Exactly the table's texts: what is almost a 0 is not paid.
    fn from_wire(status: &str) -> Self {
        match status {
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

/// A transaction, from a Check reply. `None` where the gateway gave nothing, or nothing readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Where it stands.
    pub state: State,
    /// The status as the gateway wrote it.
    pub status: Option<String>,
    /// The gateway's number: as given, or the one asked for.
    pub order_number: String,
    /// The merchant's reference. One live integration got the order number here instead.
    pub reference: Option<String>,
    /// The amount asked for. This is the one to compare.
    pub amount: Option<Amount>,
    /// What the customer pays, fees included.
    pub amount_customer: Option<Amount>,
    /// `CDF` or `USD`, as the gateway wrote it.
    pub currency: Option<String>,
    /// When it was made, ISO 8601 without a zone: the gateway states none.
    pub created_at: Option<String>,
    /// How it was paid (undocumented): `visa`, `mastercard`, `mpesa`, …
    pub channel: Option<String>,
    /// The reply's code: only that the question was understood, never that anything was paid.
    pub code: String,
    /// The gateway's words.
    pub message: Option<String>,
    /// The reply as received.
    pub raw: String,
}

/// What a Check reply says.
pub(crate) struct Answer {
    pub(crate) transaction: Transaction,
    /// Whether the reply itself named the order.
    pub(crate) names_order: bool,
}

impl Answer {
    /// Reads a Check reply about the order that was asked for.
    pub(crate) fn read(reply: &Reply, order_number: &str) -> Result<Self> {
        if reply.is_success() {
            let body = reply.body()?;
            return Self::from_body(body, order_number).map_err(|error| {
                error
                    .with_status(reply.status)
                    .or_words(|| Words::of_body(body))
            });
        }
        if reply.status == 404 {
            // The documented "no such order", under the status that other gateways give it.
            let answer = reply.body.as_deref().ok();
            match answer.map(|body| Self::from_body(body, order_number)) {
                Some(Err(error)) if error.code() == ErrorCode::NotFound => {
                    return Err(error.with_status(reply.status));
                }
                _ => {}
            }
        }
        Err(reply.refusal("the question"))
    }

    fn from_body(body: &[u8], order_number: &str) -> Result<Self> {
        let text = std::str::from_utf8(body)
            .map_err(|_| unusable(format!("the reply is not UTF-8: {}", first_bytes(body))))?;
        let start = json::trim_start(text);
        if !start.starts_with('{') {
            let what = match start {
                "" => "is empty",
                page if page.starts_with('<') => "is a page (HTML) and not JSON",
                _ => "is not a JSON object",
            };
            return Err(unusable(format!("the reply {what}: {}", first_bytes(body))));
        }
        let read = Self::from_json(start, order_number, text);
        read.unwrap_or_else(|Unreadable { field, problem }| {
            let error = unusable(format!("the reply: {} {problem}", field.unwrap_or("it")));
            Err(match field {
                Some(field) => error.about(field),
                None => error,
            })
        })
    }

    /// The outer error: what cannot be read. The inner: what was read, and is no transaction.
    fn from_json(text: &str, asked: &str, raw: &str) -> Result<Result<Self>, Unreadable> {
        let mut fields = Fields::read(text)?;
        let says_null = fields.is_null(Field::Transaction);
        let transaction = fields.nested(Field::Transaction)?;
        let message = fields.text(Field::Message)?;
        let code = fields.text(Field::Code)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let Some(code) = owned(code) else {
            return Err(Unreadable::field(Field::Code, "is missing"));
        };
        let understood = is_success(&code);
        let Some(mut inner) = transaction else {
            if understood {
                return Err(Unreadable::field(Field::Transaction, "is missing"));
            }
            let words = Words {
                code: Some(code),
                message: owned(message.or(fields.text(Field::Error)?)),
            };
            return Ok(Err(if says_null {
                Error::new(
                    ErrorCode::NotFound,
                    Outcome::Refused,
                    format!("the gateway knows no order {asked:?}{}", words.quoted()),
                )
                .with_words(words)
            } else {
                refused("the question", words)
            }));
        };
        if !understood {
            let problem = format!("is {code:?}, a problem, beside a transaction");
            return Err(Unreadable::field(Field::Code, problem));
        }
        let order_number = owned(inner.text(Field::OrderNumber)?);
        let names_order = order_number.is_some();
        let order_number = order_number.unwrap_or_else(|| asked.to_owned());
        if order_number != asked {
            return Err(Unreadable::field(
                Field::OrderNumber,
                format!(
                    "is {:?}, and {asked:?} was asked for",
                    printable(&order_number, 60)
                ),
            ));
        }
        let status = inner.take(Field::Status)?.map(|status| match status {
            Value::Text(text) => text.into_owned(),
            Value::Object(raw) | Value::Other(raw) => raw.to_owned(),
        });
        let transaction = Transaction {
            state: status.as_deref().map_or(State::Unknown, State::from_wire),
            status,
            order_number,
            reference: owned(inner.text(Field::Reference)?),
            amount: readable(inner.take(Field::Amount)?).and_then(|text| Amount::from_wire(&text)),
            amount_customer: readable(inner.take(Field::AmountCustomer)?)
                .and_then(|text| Amount::from_wire(&text)),
            currency: owned(inner.text(Field::Currency)?),
            created_at: readable(inner.take(Field::CreatedAt)?).and_then(|text| date::read(&text)),
            channel: owned(inner.text(Field::Channel)?),
            code,
            message: owned(message),
            raw: raw.to_owned(),
        };
        Ok(Ok(Self {
            transaction,
            names_order,
        }))
    }
}

/// Text, for a field that may be anything without spoiling the rest.
fn readable(value: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Reply, Outcome::Unknown, message)
}

fn first_bytes(body: &[u8]) -> String {
    format!("{:?}", printable(&page::decode(body), 80))
}

#[cfg(test)]
mod tests {
    use super::State::{self, *};

    #[test]
    fn a_state_replaces_only_what_came_before_it() {
        // Recorded, and what may replace it.
        let table: [(State, &[State]); 7] = [
            (
                Unknown,
                &[Pending, Failed, Cancelled, Paid, Refunding, Refunded],
            ),
            (Pending, &[Failed, Cancelled, Paid, Refunding, Refunded]),
            (Failed, &[Paid, Refunding, Refunded]),
            (Cancelled, &[Paid, Refunding, Refunded]),
            (Paid, &[Refunding, Refunded]),
            (Refunding, &[Refunded]),
            (Refunded, &[]),
        ];
        let all = table.map(|(state, _)| state);
        for (recorded, may) in table {
            for now in all {
                assert_eq!(
                    now.may_replace(recorded),
                    may.contains(&now),
                    "{now:?} on {recorded:?}"
                );
            }
        }
    }
}
