//! The fields of callbacks and replies, under every spelling met.

use std::borrow::Cow;

use super::json::{self, Value};

/// A field the library knows, in the order of [`Field::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Code,
    Message,
    Error,
    Status,
    Reference,
    OrderNumber,
    ProviderReference,
    Amount,
    AmountCustomer,
    Currency,
    Phone,
    CreatedAt,
    Channel,
    Transaction,
    Data,
    Url,
    PaymentUrl,
    RedirectUrl,
    Link,
}

const COUNT: usize = Field::Link as usize + 1;

impl Field {
    /// Spelling on the wire without case and separators, and this library's name for it.
    const NAMES: [(&'static str, &'static str, Field); COUNT] = [
        ("code", "code", Field::Code),
        ("message", "message", Field::Message),
        ("error", "error", Field::Error),
        ("status", "status", Field::Status),
        ("reference", "reference", Field::Reference),
        ("ordernumber", "order_number", Field::OrderNumber),
        (
            "providerreference",
            "provider_reference",
            Field::ProviderReference,
        ),
        ("amount", "amount", Field::Amount),
        ("amountcustomer", "amount_customer", Field::AmountCustomer),
        ("currency", "currency", Field::Currency),
        ("phone", "phone", Field::Phone),
        ("createdat", "created_at", Field::CreatedAt),
        ("channel", "channel", Field::Channel),
        ("transaction", "transaction", Field::Transaction),
        ("data", "data", Field::Data),
        ("url", "redirect_url", Field::Url),
        ("paymenturl", "redirect_url", Field::PaymentUrl),
        ("redirecturl", "redirect_url", Field::RedirectUrl),
        ("link", "redirect_url", Field::Link),
    ];

    /// `orderNumber`, `order_number`, `OrderNumber` and `order-number` are one field.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let mut plain = [0u8; 24];
        let mut len = 0;
        for byte in key.bytes().filter(|b| !matches!(b, b'_' | b'-')) {
            *plain.get_mut(len)? = byte.to_ascii_lowercase();
            len += 1;
        }
        Self::NAMES
            .iter()
            .find(|(wire, _, _)| wire.as_bytes() == &plain[..len])
            .map(|&(_, _, field)| field)
    }

    /// What the library calls it, in errors and results.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }
}

/// A body that cannot be read as fields: which one, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) field: Option<&'static str>,
    pub(crate) problem: String,
}

impl Unreadable {
    pub(crate) fn body(problem: impl Into<String>) -> Self {
        Self {
            field: None,
            problem: problem.into(),
        }
    }

    pub(crate) fn field(field: Field, problem: impl Into<String>) -> Self {
        Self {
            field: Some(field.name()),
            problem: problem.into(),
        }
    }
}

/// The known fields of one object (or form). A field given twice with different values is refused
/// when it is asked for: somebody would be asked to believe two things at once.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    values: [Option<Value<'a>>; COUNT],
    /// One bit a field: it was given with different values.
    disagree: u32,
    /// One bit a field: it was given as null.
    null: u32,
}

impl<'a> Fields<'a> {
    /// Reads a JSON object that went through [`json::prepare`].
    pub(crate) fn read(text: &'a str) -> Result<Self, Unreadable> {
        let mut fields = Self::default();
        json::each_entry(text, Field::of_key, |field, value| fields.put(field, value))
            .map_err(|problem| Unreadable::body(format!("is not valid JSON: {problem}")))?;
        Ok(fields)
    }

    /// Adds one value; null and empty text say nothing, and so contradict nothing. An empty
    /// `status` is kept: it is a status outside the table.
    pub(crate) fn put(&mut self, field: Field, value: Option<Value<'a>>) {
        let Some(value) = value else {
            self.null |= 1 << field as u32;
            return;
        };
        let slot = &mut self.values[field as usize];
        match (&slot, &value) {
            (_, Value::Text(text)) if text.is_empty() && field != Field::Status => {}
            (None, _) => *slot = Some(value),
            (Some(before), now) if as_written(before) == as_written(now) => {}
            _ => self.disagree |= 1 << field as u32,
        }
    }

    /// Takes over what `nested` says beside what is already here.
    pub(crate) fn merge(mut self, nested: Fields<'a>) -> Self {
        self.disagree |= nested.disagree;
        for (&(_, _, field), value) in Field::NAMES.iter().zip(nested.values) {
            if value.is_some() {
                self.put(field, value);
            }
        }
        self
    }

    /// Whether a field was said to be null, which is not the same as not being spoken of.
    pub(crate) fn is_null(&self, field: Field) -> bool {
        self.null & (1 << field as u32) != 0
    }

    /// Whether an `error`, or an HTTP status of failure, is spoken of.
    pub(crate) fn complains(&self) -> bool {
        let failing = |status: &Value<'_>| as_written(status).starts_with(['4', '5']);
        let has = |field: Field| self.values[field as usize].as_ref();
        has(Field::Error).is_some() || has(Field::Status).is_some_and(failing)
    }

    /// Takes the value as it came, whatever it is.
    pub(crate) fn take(&mut self, field: Field) -> Result<Option<Value<'a>>, Unreadable> {
        if self.disagree & (1 << field as u32) != 0 {
            let problem = "is given more than once, with different values";
            return Err(Unreadable::field(field, problem));
        }
        Ok(self.values[field as usize].take())
    }

    /// Takes the text of a field, `None` when absent; anything but text or a number is refused.
    pub(crate) fn text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Unreadable> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(Unreadable::field(
                field,
                format!("is {}, not text", kind(&other)),
            )),
        }
    }

    /// Takes the fields of a nested object; none when the field is absent.
    pub(crate) fn nested(&mut self, field: Field) -> Result<Option<Fields<'a>>, Unreadable> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Object(text)) => Fields::read(text).map(Some),
            Some(other) => Err(Unreadable::field(
                field,
                format!("is {}, not an object", kind(&other)),
            )),
        }
    }
}

fn as_written<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::Text(text) => text,
        Value::Object(raw) | Value::Other(raw) => raw,
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Text(_) => "text",
        Value::Object(_) => "an object",
        Value::Other(raw) if raw.starts_with('[') => "an array",
        Value::Other(_) => "true or false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_fields() {
        for (index, &(wire, _, field)) in Field::NAMES.iter().enumerate() {
            assert_eq!(field as usize, index);
            assert_eq!(Field::of_key(wire), Some(field));
        }
    }

    #[test]
    fn a_key_is_known_in_every_spelling() {
        for key in [
            "orderNumber",
            "OrderNumber",
            "order_number",
            "ORDER-NUMBER",
            "ordernumber",
        ] {
            assert_eq!(Field::of_key(key), Some(Field::OrderNumber), "{key}");
        }
        for key in [
            "",
            "order",
            "orderNumber2",
            "οrderNumber",
            "a-key-longer-than-any-we-know-of",
        ] {
            assert_eq!(Field::of_key(key), None, "{key}");
        }
    }
}
