//! The fields of callbacks and replies, under every name that was observed.

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

    /// The name of each field in errors and results.
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

    /// The field of a key: `orderNumber`, `order_number`, `OrderNumber` and `order-number` are the
    /// same field.
    #[inline]
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let key = key.as_bytes();
        // Most keys are written as documented.
        Self::from_known_key(key).or_else(|| Self::from_key_variant(key))
    }

    #[cold]
    fn from_key_variant(key: &[u8]) -> Option<Self> {
        let mut normalized = [0u8; 24];
        let mut len = 0;
        for byte in key.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
            *normalized.get_mut(len)? = byte.to_ascii_lowercase();
            len += 1;
        }
        Self::from_known_key(&normalized[..len])
    }

    /// The field of a key as documented, or in lower case without separators.
    #[inline(always)]
    fn from_known_key(key: &[u8]) -> Option<Self> {
        // Compares the length, then the whole key: patterns would be compared byte by byte.
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

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Why a body cannot be read as fields: the field, if one is at fault, and the problem.
#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) field: Option<&'static str>,
    pub(crate) problem: String,
}

impl ParseError {
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

/// The known fields of one object (or form). A field given twice with different values is an error
/// when it is read: neither value can be trusted.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    /// Texts borrowed from the body, which most values are. An array that owns nothing is fast to
    /// create and needs no drop: with one `Vec` of values, reading a callback takes 2.6 times as long as
    /// with simdjson, instead of 1.5 times.
    plain: [Option<&'a str>; Field::COUNT],
    /// All other values, one per field.
    others: Vec<(Field, Value<'a>)>,
    /// One bit per field: set if it was given with different values.
    conflicting: u32,
    /// One bit per field: set if it was given as null or as empty text.
    empty: u32,
    /// The token to mask in decoded texts, if these are the fields of a reply.
    token: Option<&'a Token>,
}

impl<'a> Fields<'a> {
    /// Reads a JSON object of a reply.
    pub(crate) fn read(text: &'a str, token: &'a Token) -> Result<Self, ParseError> {
        let mut fields = Self {
            token: Some(token),
            ..Self::default()
        };
        fields.add(text)?;
        Ok(fields)
    }

    /// Adds the fields of another JSON object.
    pub(crate) fn add(&mut self, text: &'a str) -> Result<(), ParseError> {
        json::for_each_entry(text, Field::from_key, |field, value| self.put(field, value))
            .map_err(ParseError::body)
    }

    /// Adds one value. Null and empty text count as no value, so they conflict with no other value.
    /// An empty `status` is kept: it is an unknown status.
    #[inline]
    pub(crate) fn put(&mut self, field: Field, value: Option<Value<'a>>) {
        match (value, self.plain[field as usize]) {
            (Some(Value::Text(Cow::Borrowed(text))), None)
                if !text.is_empty() && self.others.is_empty() =>
            {
                self.plain[field as usize] = Some(text);
            }
            (Some(value), _) => self.put_other(field, value),
            (None, _) => self.empty |= 1 << field as u32,
        }
    }

    #[cold]
    fn put_other(&mut self, field: Field, value: Value<'a>) {
        let value = self.mask_token(value);
        if written_form(&value).is_empty() && field != Field::Status {
            self.empty |= 1 << field as u32;
            return;
        }
        match (self.written(field), value) {
            (None, Value::Text(Cow::Borrowed(text))) => self.plain[field as usize] = Some(text),
            (None, value) => self.others.push((field, value)),
            (Some(before), now)
                if before == written_form(&now)
                    && matches!(now, Value::Repaired(_)) == self.is_repaired(field) => {}
            _ => self.conflicting |= 1 << field as u32,
        }
    }

    /// Masks the token in a text that had escapes. Other texts were masked with the raw reply.
    fn mask_token(&self, value: Value<'a>) -> Value<'a> {
        match (self.token, value) {
            (Some(token), Value::Text(Cow::Owned(text))) => {
                Value::Text(Cow::Owned(token.masked(text)))
            }
            (Some(token), Value::Repaired(text)) => Value::Repaired(token.masked(text)),
            (_, value) => value,
        }
    }

    /// The first value of a field, as it was written.
    fn written(&self, field: Field) -> Option<&str> {
        self.plain[field as usize].or_else(|| self.other(field).map(written_form))
    }

    fn is_repaired(&self, field: Field) -> bool {
        matches!(self.other(field), Some(Value::Repaired(_)))
    }

    fn other(&self, field: Field) -> Option<&Value<'a>> {
        let mut others = self.others.iter();
        others
            .find(|(other, _)| *other == field)
            .map(|(_, value)| value)
    }

    /// Whether a field was given, and only with values that serializers write for "no value": null,
    /// empty text, an empty array (PHP's empty object) or an empty object.
    pub(crate) fn is_given_empty(&self, field: Field) -> bool {
        let bit = 1 << field as u32;
        if self.conflicting & bit != 0 {
            return false;
        }
        match self.other(field) {
            Some(Value::Object(raw) | Value::Other(raw)) => is_empty_container(raw),
            Some(Value::Text(_) | Value::Repaired(_)) => false,
            None => self.plain[field as usize].is_none() && self.empty & bit != 0,
        }
    }

    /// Whether a field is an object. Also true if it has conflicting values:
    /// [`merge_nested`](Self::merge_nested) refuses those.
    pub(crate) fn is_object(&self, field: Field) -> bool {
        if self.conflicting & (1 << field as u32) != 0 {
            return true;
        }
        matches!(self.other(field), Some(Value::Object(_)))
    }

    /// Whether there is an `error`, or a `status` like an HTTP status of failure.
    pub(crate) fn reports_error(&self) -> bool {
        let failing = |status: &str| status.starts_with(['4', '5']);
        self.written(Field::Error).is_some() || self.written(Field::Status).is_some_and(failing)
    }

    /// Takes a value of any type, but refuses repaired text.
    pub(crate) fn take_unless_repaired(
        &mut self,
        field: Field,
    ) -> Result<Option<Value<'a>>, ParseError> {
        match self.take(field)? {
            Some(value @ Value::Repaired(_)) => Err(not_text(field, &value)),
            value => Ok(value),
        }
    }

    /// Takes a value of any type, as received.
    pub(crate) fn take(&mut self, field: Field) -> Result<Option<Value<'a>>, ParseError> {
        self.check_consistent(field)?;
        if let Some(text) = self.plain[field as usize].take() {
            return Ok(Some(Value::Text(Cow::Borrowed(text))));
        }
        let mut others = self.others.iter();
        let at = others.position(|(other, _)| *other == field);
        Ok(at.map(|at| self.others.swap_remove(at).1))
    }

    fn check_consistent(&self, field: Field) -> Result<(), ParseError> {
        if self.conflicting & (1 << field as u32) != 0 {
            let problem = "is given more than once, with different values";
            return Err(ParseError::field(field, problem));
        }
        Ok(())
    }

    /// All fields, if every value is in `plain` and none conflicts, as in most bodies. Without it, reading
    /// a callback takes a tenth longer.
    #[inline]
    pub(crate) fn all_plain(&self) -> Option<&[Option<&'a str>; Field::COUNT]> {
        (self.conflicting == 0 && self.others.is_empty()).then_some(&self.plain)
    }

    /// Takes the text of a field: `None` if absent, an error if it is neither text nor a number.
    pub(crate) fn take_text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, ParseError> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(not_text(field, &other)),
        }
    }

    /// Takes the text of a field that is only for information: `None` if it has any other type.
    pub(crate) fn take_text_lenient(
        &mut self,
        field: Field,
    ) -> Result<Option<Cow<'a, str>>, ParseError> {
        self.drop_unless_text(field);
        self.take_text(field)
    }

    /// The first text of a field, even if it was given with several values; `None` if the first
    /// value is not text.
    pub(crate) fn first_text(&self, field: Field) -> Option<String> {
        self.written(field)
            .filter(|_| !matches!(self.other(field), Some(Value::Object(_) | Value::Other(_))))
            .map(str::to_owned)
    }

    /// For a field that is only for information: accepts repaired text, drops a value that is not
    /// text.
    pub(crate) fn drop_unless_text(&mut self, field: Field) {
        self.others.retain_mut(|(other, value)| {
            if *other != field {
                return true;
            }
            if let Value::Repaired(text) = value {
                *value = Value::Text(Cow::Owned(std::mem::take(text)));
            }
            matches!(value, Value::Text(_))
        });
    }

    /// Adds the text of `alias` to `field`: if both are given, they must be equal. A value that is
    /// not text is refused.
    #[inline]
    pub(crate) fn merge_alias(&mut self, field: Field, alias: Field) -> Result<(), ParseError> {
        if self.others.is_empty() && self.plain[alias as usize].is_none() {
            return Ok(());
        }
        if let Some(text) = self.take_text(alias)? {
            self.put(field, Some(Value::Text(text)));
        }
        Ok(())
    }

    /// Copies the text of `from` to `field`, if `field` is absent.
    #[inline]
    pub(crate) fn copy_if_absent(&mut self, field: Field, from: Field) -> Result<(), ParseError> {
        if self.get_text(field)?.is_none()
            && let Some(text) = self.get_text(from)?
        {
            let text = Value::Text(Cow::Owned(text.to_owned()));
            self.put(field, Some(text));
        }
        Ok(())
    }

    /// Borrows the text of a field: `None` if absent, an error if it is neither text nor a number.
    pub(crate) fn get_text(&self, field: Field) -> Result<Option<&str>, ParseError> {
        self.check_consistent(field)?;
        match self.other(field) {
            None => Ok(self.plain[field as usize]),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(not_text(field, other)),
        }
    }

    /// Takes the fields of a nested object; `None` if the field is absent.
    pub(crate) fn take_nested(&mut self, field: Field) -> Result<Option<Fields<'a>>, ParseError> {
        let Some(text) = self.take_object(field)? else {
            return Ok(None);
        };
        let mut fields = Fields {
            token: self.token,
            ..Fields::default()
        };
        fields.add(text)?;
        Ok(Some(fields))
    }

    /// Moves the fields of a nested object into this one; does nothing if the field is absent.
    #[inline]
    pub(crate) fn merge_nested(&mut self, field: Field) -> Result<(), ParseError> {
        if self.others.is_empty() && self.plain[field as usize].is_none() {
            return Ok(());
        }
        match self.take_object(field)? {
            Some(text) => self.add(text),
            None => Ok(()),
        }
    }

    fn take_object(&mut self, field: Field) -> Result<Option<&'a str>, ParseError> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Object(text)) => Ok(Some(text)),
            Some(other) => Err(ParseError::field(
                field,
                format!("is {}, not an object", type_name(&other)),
            )),
        }
    }
}

/// `{}` or `[]`, possibly with whitespace inside.
fn is_empty_container(raw: &str) -> bool {
    let inside = raw
        .strip_prefix(['{', '['])
        .and_then(|raw| raw.strip_suffix(['}', ']']));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn not_text(field: Field, value: &Value<'_>) -> ParseError {
    if let Value::Repaired(_) = value {
        let problem = "contains a raw control character or a lone surrogate";
        return ParseError::field(field, problem);
    }
    ParseError::field(field, format!("is {}, not text", type_name(value)))
}

fn written_form<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::Text(text) => text,
        Value::Repaired(text) => text,
        Value::Object(raw) | Value::Other(raw) => raw,
    }
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Text(_) | Value::Repaired(_) => "text",
        Value::Object(_) => "an object",
        Value::Other(raw) if raw.starts_with('[') => "an array",
        Value::Other(_) => "true or false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_enum() {
        for name in Field::NAMES {
            let field = Field::from_key(name).expect(name);
            assert_eq!(field.name(), name);
        }
        assert_eq!(Field::Link.name(), "redirect_url");
    }

    #[test]
    fn a_key_is_recognized_in_every_variant() {
        for key in [
            "orderNumber",
            "OrderNumber",
            "order_number",
            "ORDER-NUMBER",
            "ordernumber",
        ] {
            assert_eq!(Field::from_key(key), Some(Field::OrderNumber), "{key}");
        }
        for key in [
            "",
            "order",
            "orderNumber2",
            "οrderNumber",
            "a-key-longer-than-any-we-know-of",
        ] {
            assert_eq!(Field::from_key(key), None, "{key}");
        }
    }

    #[test]
    fn the_token_is_masked_in_decoded_texts() {
        let token = Token::accept("canary-token").unwrap();
        for value in [
            r#""a \u0063anary-token b""#,
            r#""a canary\u002dtoken b""#,
            // Repaired: it has a raw line ending.
            "\"a \\u0063anary-token\nb\"",
        ] {
            let json = format!(r#"{{"code":"1","message":{value}}}"#);
            let mut fields = Fields::read(&json, &token).unwrap();
            let message = fields.take_text_lenient(Field::Message).unwrap().unwrap();
            assert_eq!(message, "a [token] b", "{json}");
        }
        let json = r#"{"transaction":{"channel":"\u0063anary-token"}}"#;
        let mut fields = Fields::read(json, &token).unwrap();
        let mut nested = fields.take_nested(Field::Transaction).unwrap().unwrap();
        let channel = nested.take_text(Field::Channel).unwrap();
        assert_eq!(channel.as_deref(), Some("[token]"));
    }
}
