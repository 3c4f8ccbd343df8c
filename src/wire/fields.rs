//! The fields of callbacks and replies, under every spelling met.

use std::borrow::Cow;

use super::json::{self, Value};
use crate::token::Token;

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
    MerchantReference,
    TransactionStatus,
    Transaction,
    Data,
    Url,
    PaymentUrl,
    RedirectUrl,
    Link,
}

impl Field {
    pub(crate) const COUNT: usize = Self::Link as usize + 1;

    /// This library's name for each, in errors and results.
    const NAMES: [&'static str; Self::COUNT] = [
        "code",
        "message",
        "error",
        "status",
        "reference",
        "order_number",
        "provider_reference",
        "amount",
        "amount_customer",
        "currency",
        "phone",
        "created_at",
        "channel",
        "reference",
        "status",
        "transaction",
        "data",
        "redirect_url",
        "redirect_url",
        "redirect_url",
        "redirect_url",
    ];

    /// `orderNumber`, `order_number`, `OrderNumber` and `order-number` are one field.
    #[inline]
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let key = key.as_bytes();
        // As documented, most often.
        Self::spelled(key).or_else(|| Self::spelled_otherwise(key))
    }

    #[cold]
    fn spelled_otherwise(key: &[u8]) -> Option<Self> {
        let mut plain = [0u8; 24];
        let mut len = 0;
        for byte in key.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
            *plain.get_mut(len)? = byte.to_ascii_lowercase();
            len += 1;
        }
        Self::spelled(&plain[..len])
    }

    /// By the spelling of the document, or the one without case and separators.
    #[inline(always)]
    fn spelled(key: &[u8]) -> Option<Self> {
        // By length and then as a whole: patterns would be compared byte by byte.
        Some(match key.len() {
            3 if key == b"url" => Self::Url,
            4 if key == b"code" => Self::Code,
            4 if key == b"data" => Self::Data,
            4 if key == b"link" => Self::Link,
            5 if key == b"error" => Self::Error,
            5 if key == b"phone" => Self::Phone,
            6 if key == b"status" => Self::Status,
            6 if key == b"amount" => Self::Amount,
            7 if key == b"message" => Self::Message,
            7 if key == b"channel" => Self::Channel,
            8 if key == b"currency" => Self::Currency,
            9 if key == b"reference" => Self::Reference,
            9 if key == b"createdAt" || key == b"createdat" => Self::CreatedAt,
            10 if key == b"paymenturl" => Self::PaymentUrl,
            11 if key == b"orderNumber" || key == b"ordernumber" => Self::OrderNumber,
            11 if key == b"transaction" => Self::Transaction,
            11 if key == b"redirecturl" => Self::RedirectUrl,
            14 if key == b"amountCustomer" || key == b"amountcustomer" => Self::AmountCustomer,
            17 if key == b"providerreference" => Self::ProviderReference,
            17 if key == b"merchantreference" => Self::MerchantReference,
            17 if key == b"transactionstatus" => Self::TransactionStatus,
            18 if key == b"provider_reference" => Self::ProviderReference,
            _ => return None,
        })
    }

    /// What the library calls it, in errors and results.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
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
    /// Texts that stand in the body as they are, which is most values. What is small and owns
    /// nothing is quickly made and costs nothing to drop.
    plain: [Option<&'a str>; Field::COUNT],
    /// All other values, one a field.
    others: Vec<(Field, Value<'a>)>,
    /// One bit a field: it was given with different values.
    disagree: u32,
    /// One bit a field: it was given as null or as empty text.
    empty: u32,
    /// Masked in decoded texts, if these are the fields of a reply.
    token: Option<&'a Token>,
}

impl<'a> Fields<'a> {
    /// Reads a JSON object of a reply.
    pub(crate) fn read(text: &'a str, token: &'a Token) -> Result<Self, Unreadable> {
        let mut fields = Self {
            token: Some(token),
            ..Self::default()
        };
        fields.add(text)?;
        Ok(fields)
    }

    /// Adds what another JSON object says to what is already here.
    pub(crate) fn add(&mut self, text: &'a str) -> Result<(), Unreadable> {
        json::each_entry(text, Field::of_key, |field, value| self.put(field, value))
            .map_err(Unreadable::body)
    }

    /// Adds one value; null and empty text say nothing, and so contradict nothing. An empty
    /// `status` is kept: it is a status outside the table.
    #[inline]
    pub(crate) fn put(&mut self, field: Field, value: Option<Value<'a>>) {
        match (value, self.plain[field as usize]) {
            (Some(Value::Text(Cow::Borrowed(text))), None)
                if !text.is_empty() && self.others.is_empty() =>
            {
                self.plain[field as usize] = Some(text);
            }
            (Some(value), _) => self.put_beside(field, value),
            (None, _) => self.empty |= 1 << field as u32,
        }
    }

    #[cold]
    fn put_beside(&mut self, field: Field, value: Value<'a>) {
        let value = self.without_token(value);
        if as_written(&value).is_empty() && field != Field::Status {
            self.empty |= 1 << field as u32;
            return;
        }
        match (self.given(field), value) {
            (None, Value::Text(Cow::Borrowed(text))) => self.plain[field as usize] = Some(text),
            (None, value) => self.others.push((field, value)),
            (Some(before), now)
                if before == as_written(&now)
                    && matches!(now, Value::Mended(_)) == self.is_mended(field) => {}
            _ => self.disagree |= 1 << field as u32,
        }
    }

    /// The raw reply is masked already; what had escapes in it is masked here, after decoding.
    fn without_token(&self, value: Value<'a>) -> Value<'a> {
        match (self.token, value) {
            (Some(token), Value::Text(Cow::Owned(text))) => {
                Value::Text(Cow::Owned(token.masked(text)))
            }
            (Some(token), Value::Mended(text)) => Value::Mended(token.masked(text)),
            (_, value) => value,
        }
    }

    /// A value as it was written.
    fn given(&self, field: Field) -> Option<&str> {
        self.plain[field as usize].or_else(|| self.other(field).map(as_written))
    }

    fn is_mended(&self, field: Field) -> bool {
        matches!(self.other(field), Some(Value::Mended(_)))
    }

    fn other(&self, field: Field) -> Option<&Value<'a>> {
        let mut others = self.others.iter();
        others
            .find(|(other, _)| *other == field)
            .map(|(_, value)| value)
    }

    /// Whether a field was given, and every time as one of the ways in which serializers write
    /// "nothing": null, empty text, an empty array (PHP's empty object) or an empty object.
    pub(crate) fn is_nothing(&self, field: Field) -> bool {
        let bit = 1 << field as u32;
        if self.disagree & bit != 0 {
            return false;
        }
        match self.other(field) {
            Some(Value::Object(raw) | Value::Other(raw)) => is_empty_container(raw),
            Some(Value::Text(_) | Value::Mended(_)) => false,
            None => self.plain[field as usize].is_none() && self.empty & bit != 0,
        }
    }

    /// Whether it is an object, or an object and something else, which [`open`](Self::open) refuses.
    pub(crate) fn is_object(&self, field: Field) -> bool {
        if self.disagree & (1 << field as u32) != 0 {
            return true;
        }
        matches!(self.other(field), Some(Value::Object(_)))
    }

    /// Whether an `error`, or an HTTP status of failure, is spoken of.
    pub(crate) fn complains(&self) -> bool {
        let failing = |status: &str| status.starts_with(['4', '5']);
        self.given(Field::Error).is_some() || self.given(Field::Status).is_some_and(failing)
    }

    /// Takes the value as it came, whatever it is; a text that had to be mended is refused.
    pub(crate) fn take_sound(&mut self, field: Field) -> Result<Option<Value<'a>>, Unreadable> {
        match self.take(field)? {
            Some(value @ Value::Mended(_)) => Err(no_text(field, &value)),
            value => Ok(value),
        }
    }

    /// Takes the value as it came, whatever it is.
    pub(crate) fn take(&mut self, field: Field) -> Result<Option<Value<'a>>, Unreadable> {
        self.agrees(field)?;
        if let Some(text) = self.plain[field as usize].take() {
            return Ok(Some(Value::Text(Cow::Borrowed(text))));
        }
        let mut others = self.others.iter();
        let at = others.position(|(other, _)| *other == field);
        Ok(at.map(|at| self.others.swap_remove(at).1))
    }

    fn agrees(&self, field: Field) -> Result<(), Unreadable> {
        if self.disagree & (1 << field as u32) != 0 {
            let problem = "is given more than once, with different values";
            return Err(Unreadable::field(field, problem));
        }
        Ok(())
    }

    /// All fields, where every value is a plain text and none is given with two values: most bodies.
    #[inline]
    pub(crate) fn all_plain(&self) -> Option<&[Option<&'a str>; Field::COUNT]> {
        (self.disagree == 0 && self.others.is_empty()).then_some(&self.plain)
    }

    /// Takes the text of a field, `None` when absent; anything but text or a number is refused.
    pub(crate) fn text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Unreadable> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(no_text(field, &other)),
        }
    }

    /// Takes the text of a field that decides nothing: of any other type, it is absent.
    pub(crate) fn text_if_any(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Unreadable> {
        self.forget_unless_text(field);
        self.text(field)
    }

    /// The text of a field, the first where it was given with several values; `None` where the
    /// first is no text.
    pub(crate) fn first_text(&self, field: Field) -> Option<String> {
        self.given(field)
            .filter(|_| !matches!(self.other(field), Some(Value::Object(_) | Value::Other(_))))
            .map(str::to_owned)
    }

    /// Of a field that decides nothing, takes mended text as it is, and drops what is no text.
    pub(crate) fn forget_unless_text(&mut self, field: Field) {
        self.others.retain_mut(|(other, value)| {
            if *other != field {
                return true;
            }
            if let Value::Mended(text) = value {
                *value = Value::Text(Cow::Owned(std::mem::take(text)));
            }
            matches!(value, Value::Text(_))
        });
    }

    /// Reads the text of `alias` as `field`: where both are given they must agree. A value that is
    /// no text is refused.
    #[inline]
    pub(crate) fn adopt(&mut self, field: Field, alias: Field) -> Result<(), Unreadable> {
        if self.others.is_empty() && self.plain[alias as usize].is_none() {
            return Ok(());
        }
        if let Some(text) = self.text(alias)? {
            self.put(field, Some(Value::Text(text)));
        }
        Ok(())
    }

    /// Gives a field that is absent the text of another, which keeps it.
    #[inline]
    pub(crate) fn fall_back(&mut self, field: Field, other: Field) -> Result<(), Unreadable> {
        if self.lend(field)?.is_none()
            && let Some(text) = self.lend(other)?
        {
            let text = Value::Text(Cow::Owned(text.to_owned()));
            self.put(field, Some(text));
        }
        Ok(())
    }

    /// The text of a field, left where it is; anything but text or a number is refused.
    pub(crate) fn lend(&self, field: Field) -> Result<Option<&str>, Unreadable> {
        self.agrees(field)?;
        match self.other(field) {
            None => Ok(self.plain[field as usize]),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(no_text(field, other)),
        }
    }

    /// Takes the fields of a nested object; none when the field is absent.
    pub(crate) fn nested(&mut self, field: Field) -> Result<Option<Fields<'a>>, Unreadable> {
        let Some(text) = self.object(field)? else {
            return Ok(None);
        };
        let mut fields = Fields {
            token: self.token,
            ..Fields::default()
        };
        fields.add(text)?;
        Ok(Some(fields))
    }

    /// Adds what a nested object says to what stands beside it; nothing when the field is absent.
    #[inline]
    pub(crate) fn open(&mut self, field: Field) -> Result<(), Unreadable> {
        if self.others.is_empty() && self.plain[field as usize].is_none() {
            return Ok(());
        }
        match self.object(field)? {
            Some(text) => self.add(text),
            None => Ok(()),
        }
    }

    fn object(&mut self, field: Field) -> Result<Option<&'a str>, Unreadable> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Object(text)) => Ok(Some(text)),
            Some(other) => Err(Unreadable::field(
                field,
                format!("is {}, not an object", kind(&other)),
            )),
        }
    }
}

/// `{}` or `[]`, with blanks perhaps.
fn is_empty_container(raw: &str) -> bool {
    let inside = raw
        .strip_prefix(['{', '['])
        .and_then(|raw| raw.strip_suffix(['}', ']']));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn no_text(field: Field, value: &Value<'_>) -> Unreadable {
    if let Value::Mended(_) = value {
        let problem = "has a raw control character or half a surrogate pair in it";
        return Unreadable::field(field, problem);
    }
    Unreadable::field(field, format!("is {}, not text", kind(value)))
}

fn as_written<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::Text(text) => text,
        Value::Mended(text) => text,
        Value::Object(raw) | Value::Other(raw) => raw,
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Text(_) | Value::Mended(_) => "text",
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
        for name in Field::NAMES {
            let field = Field::of_key(name).expect(name);
            assert_eq!(field.name(), name);
        }
        assert_eq!(Field::Link.name(), "redirect_url");
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
