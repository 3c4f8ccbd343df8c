//! A transaction as the gateway's Check service tells it.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::numbered::numbered;
use crate::payment::refused;
use crate::token::Token;
use crate::wire::fields::{Field, Fields, Unreadable};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::json::Value;
use crate::wire::reply::Reply;
use crate::wire::{date, is_success, json, printable, whole_number};

/// Where a transaction stands. The numbers are those of the C ABI, where zero is never good news;
/// the gateway's own numbers are others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum State {
    /// The status is not in the gateway's table: neither paid nor failed.
    #[default]
    Unknown = 0,
    /// The customer has paid.
    Paid = 1,
    /// The payment failed. It may still become PAID for a while: the gateway reports a failure while
    /// the customer is still typing.
    Failed = 2,
    /// The customer has not acted yet.
    Pending = 3,
    /// A refund has begun.
    Refunding = 4,
    /// The money was returned.
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
    /// Whether this state may replace `recorded` in a shop's books, where notices and checks come
    /// late, twice and out of order. Late PAID beats FAILED and CANCELLED; a refund follows PAID
    /// alone, for nothing is refunded that was never paid; nothing is replaced by itself, by UNKNOWN,
    /// or by what came before it.
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

    /// The gateway's statuses: 0 and 1 are documented, the others were observed. A status may also be
    /// written as a double (`0.0`). What is only almost a 0 is not paid.
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
            return Self::from_body(body, reply, order_number).map_err(|error| {
                error
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message())
            });
        }
        if matches!(reply.status, 400 | 404 | 405 | 422) {
            // The documented "no such order", under an HTTP status that says the same.
            let answer = reply.body.as_deref().ok();
            match answer.map(|body| Self::from_body(body, reply, order_number)) {
                Some(Err(error)) if error.code() == ErrorCode::NotFound => {
                    return Err(error.with_status(reply.status));
                }
                _ => {}
            }
        }
        Err(reply.refusal("the question"))
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
            return Err(unusable(format!(
                "the reply {what}: {}",
                first_words(&text)
            )));
        }
        let read = Self::from_json(start, &reply.token, order_number, &text);
        read.unwrap_or_else(|Unreadable { field, problem }| {
            let error = unusable(format!("the reply: {} {problem}", field.unwrap_or("it")));
            Err(match field {
                Some(field) => error.about(field),
                None => error,
            })
        })
    }

    /// The outer error: what cannot be read. The inner: what was read, and is no transaction.
    fn from_json(
        text: &str,
        token: &Token,
        asked: &str,
        raw: &str,
    ) -> Result<Result<Self>, Unreadable> {
        let mut fields = Fields::read(text, token)?;
        let message = fields.text_if_any(Field::Message)?;
        let code = fields.text(Field::Code)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let Some(code) = owned(code) else {
            return Err(Unreadable::field(Field::Code, "is missing"));
        };
        let understood = is_success(&code);
        // A problem comes without a transaction: null, absent, or empty in any other way.
        let says_none = !understood && fields.is_nothing(Field::Transaction);
        let transaction = match says_none {
            true => None,
            false => fields.nested(Field::Transaction)?,
        };
        let Some(mut inner) = transaction else {
            if understood {
                return Err(Unreadable::field(Field::Transaction, "is missing"));
            }
            let is_problem = whole_number(&code) == "1";
            let words = GatewayMessage {
                code: Some(code),
                message: owned(match message {
                    Some(message) => Some(message),
                    None => fields.text_if_any(Field::Error)?,
                }),
            };
            let text = words.message.as_deref();
            return Ok(Err(if !is_problem {
                let message = format!("the gateway failed{}", words.quoted());
                Error::new(ErrorCode::Gateway, Outcome::Unknown, message)
                    .with_gateway_message(words)
                    .retryable()
            } else if says_none || text.is_none_or(speaks_of_no_order) {
                Error::new(
                    ErrorCode::NotFound,
                    Outcome::Refused,
                    format!("the gateway knows no order {asked:?}{}", words.quoted()),
                )
                .with_gateway_message(words)
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
        let status = inner.take_sound(Field::Status)?.map(|status| match status {
            Value::Text(text) => text.into_owned(),
            Value::Mended(text) => text,
            Value::Object(raw) | Value::Other(raw) => raw.to_owned(),
        });
        let transaction = Transaction {
            state: status.as_deref().map_or(State::Unknown, State::from_wire),
            status,
            order_number,
            reference: owned(inner.text(Field::Reference)?),
            amount: readable(inner.take_sound(Field::Amount)?)
                .and_then(|text| Amount::from_wire(&text)),
            amount_customer: readable(inner.take_sound(Field::AmountCustomer)?)
                .and_then(|text| Amount::from_wire(&text)),
            currency: owned(inner.text(Field::Currency)?),
            created_at: readable(inner.take(Field::CreatedAt)?).and_then(|text| date::read(&text)),
            channel: owned(inner.text_if_any(Field::Channel)?),
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

/// Whether a problem's message says that there is no such order ("Aucune transaction trouvée").
fn speaks_of_no_order(message: &str) -> bool {
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
    .any(|words| message.contains(words))
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

fn first_words(text: &str) -> String {
    format!("{:?}", printable(text, 80))
}

#[cfg(test)]
mod tests {
    use super::State::{self, *};

    #[test]
    fn a_state_replaces_only_what_came_before_it() {
        // Recorded, and what may replace it.
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
