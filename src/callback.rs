//! The gateway's callback to the merchant. It is not signed, so it is only a hint: check it with the
//! gateway.

use ring::digest;
use std::borrow::Cow;
use std::fmt::Write as _;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::kind::Kind;
use crate::order_number;
use crate::payment::{validate_amount, validate_currency, validate_reference};
use crate::signature::SignedPayment;
use crate::transaction::Transaction;
use crate::wire::fields::{Field, Fields, ParseError};
use crate::wire::{charset, form, is_success, json, printable, whole_number};

/// The size of the largest callback body that is accepted, in bytes.
pub const MAX_CALLBACK_BYTES: usize = 64 * 1024;

/// The contents of a callback. **Anyone who knows the callback address can send one**: trust
/// nothing in it before [`Client::verify_callback`](crate::Client::verify_callback).
///
/// All fields are text as received, `None` if absent, empty or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback<'a> {
    /// Whether it *claims* success: `code` (or `status`, if there is no `code`) is 0, and no
    /// `status` contradicts it.
    pub claims_success: bool,
    /// `0`: processed successfully; any other value: not. `0.0` was also observed. If the callback
    /// has no `code`, this is its `status`; if it has neither, this is empty and it claims nothing.
    pub code: Cow<'a, str>,
    /// The merchant's reference.
    pub reference: Option<Cow<'a, str>>,
    /// The operator's reference, on success.
    pub provider_reference: Option<Cow<'a, str>>,
    /// The gateway's number for the transaction.
    pub order_number: Option<Cow<'a, str>>,
    /// Observed, not documented: the amount.
    pub amount: Option<Cow<'a, str>>,
    /// Observed: what the customer paid, fees included.
    pub amount_customer: Option<Cow<'a, str>>,
    /// Observed: the currency.
    pub currency: Option<Cow<'a, str>>,
    /// Observed: the customer's telephone number.
    pub phone: Option<Cow<'a, str>>,
    /// Observed: the date, as written.
    pub created_at: Option<Cow<'a, str>>,
    /// Observed: `visa`, `mpesa`, …
    pub channel: Option<Cow<'a, str>>,
    /// Observed: the gateway's message.
    pub message: Option<Cow<'a, str>>,
    /// The body as received.
    pub raw: Cow<'a, str>,
}

/// [`Callback::key`], from the fields it covers.
pub(crate) fn callback_key(
    order_number: Option<&str>,
    reference: Option<&str>,
    code: &str,
    claims_success: bool,
) -> String {
    // All forms of success (`0`, `"0"`, `0.0`) give the same key. Other codes give different keys,
    // except that `1` and `1.0` are the same.
    let claim = match claims_success {
        true => "success",
        false => whole_number(code),
    };
    let parts = [order_number.unwrap_or(""), reference.unwrap_or(""), claim];
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // With its length, so that different callbacks never give the same bytes.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut key = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// The payment that the merchant expects, from the merchant's own records. An order or a callback
/// is compared with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "deserialize", derive(serde::Deserialize))]
#[cfg_attr(feature = "deserialize", serde(default, deny_unknown_fields))]
pub struct Expected {
    /// The reference of the payment request.
    pub reference: String,
    /// Its amount.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// The order number that the gateway gave for it, if the merchant recorded one. Always give it
    /// if there is one: then that order is checked, whatever the callback contains. Required by
    /// [`Client::verify_order`](crate::Client::verify_order).
    pub order_number: Option<String>,
    /// The query string of the callback's HTTP request, with or without its `?`. Required if the
    /// client has a [`callback_secret`](crate::Config::callback_secret).
    pub query: Option<String>,
    /// The kind of payment. A callback address is signed for one kind. A transaction that was paid
    /// by card is neither a mobile payment nor a payout. Beyond that, the gateway does not report
    /// the kind: for [`Kind::Payout`], an `order_number` or a callback secret is required.
    pub kind: Kind,
    /// An id of your own for the verification, for its [trace](crate::Config::trace): 1 to 64
    /// printable ASCII characters.
    pub correlation_id: Option<String>,
}

/// Reads a callback body, JSON or form, in every variant observed. Verifies nothing, and does not
/// use the network.
///
/// Text that is not UTF-8 is read as Windows-1252, the Latin-1 of older servers. Refused: a body
/// over 64 KiB, very deep nesting, a NUL, a field given twice with different values, and a callback
/// with neither a reference nor an order number.
pub fn parse_callback(body: &[u8]) -> Result<Callback<'_>> {
    match decode_body(body)? {
        Cow::Borrowed(text) => parse_text(text),
        Cow::Owned(text) => parse_text(&text).map(Callback::into_owned),
    }
}

fn parse_text(raw: &str) -> Result<Callback<'_>> {
    let mut fields = Fields::default();
    read_fields(raw, &mut fields).map_err(callback_error)?;
    let claims_success = check_fields(|field| fields.get_text(field))?;
    let mut text = |field| fields.take_text(field).map_err(callback_error);
    Ok(Callback {
        claims_success,
        code: text(Field::Code)?.unwrap_or_default(),
        reference: text(Field::Reference)?,
        provider_reference: text(Field::ProviderReference)?,
        order_number: text(Field::OrderNumber)?,
        amount: text(Field::Amount)?,
        amount_customer: text(Field::AmountCustomer)?,
        currency: text(Field::Currency)?,
        phone: text(Field::Phone)?,
        created_at: text(Field::CreatedAt)?,
        channel: text(Field::Channel)?,
        message: text(Field::Message)?,
        raw: Cow::Borrowed(raw),
    })
}

/// A callback with borrowed fields, for a caller that copies every text anyway.
pub(crate) struct CallbackView<'s> {
    /// As in [`Callback`].
    pub(crate) claims_success: bool,
    /// The body as received.
    pub(crate) raw: &'s str,
    texts: &'s [Option<&'s str>; Field::COUNT],
}

impl<'s> CallbackView<'s> {
    /// The text of a field. Only the fields of [`Callback`] are available.
    #[inline(always)]
    pub(crate) fn text(&self, field: Field) -> Option<&'s str> {
        self.texts[field as usize]
    }
}

/// Does the same as [`parse_callback`], but passes a [`CallbackView`] to `f`, to avoid the copies
/// in a [`Callback`].
#[inline]
pub(crate) fn with_parsed_callback<T>(
    body: &[u8],
    f: impl FnOnce(&CallbackView<'_>) -> T,
) -> Result<T> {
    let raw = &*decode_body(body)?;
    let mut fields = Fields::default();
    read_fields(raw, &mut fields).map_err(callback_error)?;
    let mut borrowed;
    let (claims_success, texts) = match fields.all_plain() {
        Some(plain) => (check_fields(|field| Ok(plain[field as usize]))?, plain),
        None => {
            borrowed = [None; Field::COUNT];
            let claims_success = check_fields(|field| {
                borrowed[field as usize] = fields.get_text(field)?;
                Ok(borrowed[field as usize])
            })?;
            (claims_success, &borrowed)
        }
    };
    Ok(f(&CallbackView {
        claims_success,
        raw,
        texts,
    }))
}

/// Checks that a callback names a payment and that each field is text. Returns whether it claims
/// success.
#[inline(always)]
fn check_fields<'a>(
    mut text: impl FnMut(Field) -> Result<Option<&'a str>, ParseError>,
) -> Result<bool> {
    let mut text = |field| text(field).map_err(callback_error);
    let code = text(Field::Code)?;
    let status_contradicts = text(Field::Status)?.is_some_and(|status| !is_success(status));
    let (reference, order_number) = (text(Field::Reference)?, text(Field::OrderNumber)?);
    if reference.is_none() && order_number.is_none() {
        let problem = "is missing, and so is the order number: the callback names no payment";
        return Err(callback_error(ParseError::field(Field::Reference, problem)));
    }
    for field in [
        Field::ProviderReference,
        Field::Amount,
        Field::AmountCustomer,
        Field::Currency,
        Field::Phone,
        Field::CreatedAt,
        Field::Channel,
        Field::Message,
    ] {
        text(field)?;
    }
    Ok(code.is_some_and(is_success) && !status_contradicts)
}

#[cold]
fn callback_error(ParseError { field, problem }: ParseError) -> Error {
    let field = field.unwrap_or("body");
    let message = format!("callback: {field} {problem}");
    Error::new(ErrorCode::Callback, Outcome::NotSent, message).about(field)
}

fn decode_body(body: &[u8]) -> Result<Cow<'_, str>> {
    if body.len() > MAX_CALLBACK_BYTES {
        return Err(callback_error(ParseError::body("is larger than 64 KiB")));
    }
    Ok(charset::decode(body, None))
}

/// Reads the fields of a body, under every name they have in callbacks.
#[inline(always)]
fn read_fields<'a>(raw: &'a str, fields: &mut Fields<'a>) -> Result<(), ParseError> {
    let text = json::trim_start(raw);
    match text.as_bytes().first() {
        None => return Err(ParseError::body("is empty")),
        Some(b'{') => {
            fields.add(text)?;
            if fields.is_object(Field::Data) {
                fields.merge_nested(Field::Data)?;
            }
            fields.merge_nested(Field::Transaction)?;
        }
        Some(b'[' | b'<' | b'"') => {
            return Err(ParseError::body("is neither a JSON object nor a form"));
        }
        Some(_) => *fields = form::read(text)?,
    }
    for field in [
        Field::Message,
        Field::Phone,
        Field::Channel,
        Field::CreatedAt,
        Field::ProviderReference,
    ] {
        fields.drop_unless_text(field);
    }
    fields.merge_alias(Field::Reference, Field::MerchantReference)?;
    fields.merge_alias(Field::Status, Field::TransactionStatus)?;
    fields.copy_if_absent(Field::Code, Field::Status)
}

impl Callback<'_> {
    /// A key to recognize a callback that is delivered again: 64 hexadecimal digits, a hash of the
    /// order number, the reference and the claim. It is the same for every variant, JSON or form.
    ///
    /// Record it only **after** the callback was verified, in one transaction with the order's
    /// state, and only if that state is PAID, REFUNDING or REFUNDED: in every other state verify a
    /// repeated callback again. If it was recorded earlier, a forged callback could make the real
    /// one look like a repeat. With [`State::may_replace`](crate::State::may_replace) you do not
    /// need the key.
    pub fn key(&self) -> String {
        callback_key(
            self.order_number.as_deref(),
            self.reference.as_deref(),
            &self.code,
            self.claims_success,
        )
    }

    /// Copies the borrowed texts, so that the callback no longer borrows the body.
    pub fn into_owned(self) -> Callback<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Callback {
            claims_success: self.claims_success,
            code: Cow::Owned(self.code.into_owned()),
            reference: owned(self.reference),
            provider_reference: owned(self.provider_reference),
            order_number: owned(self.order_number),
            amount: owned(self.amount),
            amount_customer: owned(self.amount_customer),
            currency: owned(self.currency),
            phone: owned(self.phone),
            created_at: owned(self.created_at),
            channel: owned(self.channel),
            message: owned(self.message),
            raw: Cow::Owned(self.raw.into_owned()),
        }
    }
}

impl Expected {
    /// The values that the signature in the callback address covers.
    pub(crate) fn signed_payment(&self, amount: Amount) -> SignedPayment<'_> {
        SignedPayment {
            reference: &self.reference,
            amount,
            currency: &self.currency,
            kind: self.kind,
        }
    }

    pub(crate) fn validate(&self) -> Result<Amount> {
        validate_reference(&self.reference)?;
        validate_currency(&self.currency)?;
        if self.order_number.as_deref().is_some_and(str::is_empty) {
            return Err(Error::invalid(
                "order_number",
                "is empty; leave it out instead",
            ));
        }
        validate_amount(&self.amount)
    }

    /// Nothing in a callback or a check tells a payout from a payment by a customer. So for a
    /// payout the order number must be the merchant's own.
    pub(crate) fn require_order_number_of_payout(&self) -> Result<()> {
        if self.kind == Kind::Payout && self.order_number.is_none() {
            return Err(Error::invalid(
                "order_number",
                "is missing: for a payout, give the order number that you recorded, or use a callback \
                 secret",
            ));
        }
        Ok(())
    }

    /// Validates, for a check of this order number.
    pub(crate) fn validate_for(&self, order_number: &str) -> Result<Amount> {
        order_number::validate(order_number)
            .map_err(|problem| Error::invalid("order_number", problem))?;
        let amount = self.validate()?;
        match self.order_number.as_deref() {
            Some(recorded) if recorded != order_number => Err(Error::invalid(
                "order_number",
                "is not the order number that is expected",
            )),
            _ => Ok(amount),
        }
    }

    /// The order number to check: the merchant's own, else the callback's. A callback that names
    /// another order or reference is refused before any check is sent.
    pub(crate) fn order_to_check<'c>(&'c self, callback: &'c Callback<'_>) -> Result<&'c str> {
        let mut differences = Differences::default();
        if let (Some(recorded), Some(received)) = (&self.order_number, &callback.order_number) {
            differences.compare("order_number", recorded, Some(received));
        }
        if let Some(reference) = &callback.reference
            && !self.matches_reference(reference)
        {
            differences.compare("reference", &self.reference, Some(reference));
        }
        differences.into_result(Outcome::NotSent)?;
        match (&self.order_number, &callback.order_number) {
            (Some(recorded), _) => Ok(recorded),
            (None, Some(received)) => match order_number::validate_from_callback(received) {
                Ok(()) => Ok(received),
                Err(problem) => {
                    let message = format!("order_number: the callback's {problem}");
                    Err(Error::new(ErrorCode::Mismatch, Outcome::NotSent, message)
                        .about("order_number"))
                }
            },
            (None, None) => Err(Error::new(
                ErrorCode::Mismatch,
                Outcome::NotSent,
                "order_number: the callback gives none, and none was recorded: there is nothing \
                 to check",
            )
            .about("order_number")),
        }
    }

    /// Compares the gateway's transaction with the expected payment.
    pub(crate) fn confirm(&self, amount: Amount, found: &Transaction) -> Result<()> {
        let mut differences = Differences::default();
        match &found.reference {
            Some(reference) if self.matches_reference(reference) => {}
            reference => differences.compare("reference", &self.reference, reference.as_deref()),
        }
        if found.amount != Some(amount) {
            let found = found.amount.map(|amount| amount.to_string());
            differences.compare("amount", &amount.to_string(), found.as_deref());
        }
        differences.compare("currency", &self.currency, found.currency.as_deref());
        if self.kind != Kind::Card && found.is_by_card() {
            differences.compare("kind", self.kind.name(), Some(Kind::Card.name()));
        }
        differences.into_result(Outcome::Refused)
    }

    /// Whether `found` is the reference or, as observed live, the order number in its place. Only
    /// the order number that the merchant recorded counts: with the callback's, a paid order could
    /// be used to confirm any other order of the same amount.
    fn matches_reference(&self, found: &str) -> bool {
        found == self.reference || self.order_number.as_deref() == Some(found)
    }
}

/// Collects the fields that differ, for an error message.
#[derive(Default)]
struct Differences {
    first: Option<&'static str>,
    message: String,
}

impl Differences {
    fn compare(&mut self, field: &'static str, expected: &str, found: Option<&str>) {
        if found == Some(expected) {
            return;
        }
        let found = match found {
            Some(found) => format!("{:?}", printable(found, 60)),
            None => "nothing readable".to_owned(),
        };
        if self.first.is_some() {
            self.message.push_str("; ");
        }
        self.first.get_or_insert(field);
        self.message.push_str(&format!(
            "{field}: expected {:?}, got {found}",
            printable(expected, 60)
        ));
    }

    fn into_result(self, outcome: Outcome) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(field) => Err(Error::new(ErrorCode::Mismatch, outcome, self.message).about(field)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(body: &str) -> String {
        parse_callback(body.as_bytes()).expect(body).key()
    }

    #[test]
    fn one_callback_has_one_key_in_every_variant() {
        let documented = key(r#"{"code":"0","reference":"R1","orderNumber":"N1"}"#);
        assert_eq!(documented.len(), 64);
        for same in [
            r#"{"Code":0,"Reference":"R1","order_number":"N1"}"#,
            r#"{"code":"0.0","transaction":{"reference":"R1","orderNumber":"N1"}}"#,
            r#"{"code":"0","reference":"R1","orderNumber":"N1","provider_reference":"P","phone":"1"}"#,
            "reference=R1&code=0&orderNumber=N1",
        ] {
            assert_eq!(key(same), documented, "{same}");
        }
        for other in [
            r#"{"code":"1","reference":"R1","orderNumber":"N1"}"#,
            r#"{"code":"0","reference":"R2","orderNumber":"N1"}"#,
            r#"{"code":"0","reference":"R1","orderNumber":"N2"}"#,
            r#"{"code":"0","reference":"R1N1"}"#,
            r#"{"code":"0","reference":"R1"}"#,
            r#"{"code":"0","orderNumber":"R1"}"#,
            r#"{"code":"0","status":"1","reference":"R1","orderNumber":"N1"}"#,
        ] {
            assert_ne!(key(other), documented, "{other}");
        }
    }

    /// Generates callbacks, valid and invalid.
    fn bodies() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "code",
            "status",
            "reference",
            "orderNumber",
            "order_number",
            "provider_reference",
            "amount",
            "amountCustomer",
            "currency",
            "phone",
            "createdAt",
            "channel",
            "message",
            "transaction",
            "other",
        ]);
        let value = prop::sample::select(vec![
            "\"0\"",
            "0",
            "0.0",
            "\"1\"",
            "\"\"",
            "null",
            "true",
            "\"R1\"",
            "\"Zo\\u00e9\"",
            "\"a\\nb\"",
            "\"\\ud800\"",
            "25.50",
            "[]",
            "{}",
            "{\"reference\":\"R1\",\"orderNumber\":\"N1\"}",
            "{\"code\":\"0\",\"channel\":\"vi\\u0073a\"}",
            "R1",
            "a%20b",
            "x+y",
        ]);
        let fields = || prop::collection::vec((name.clone(), value.clone()), 0..6);
        let json = fields().prop_map(|fields| {
            let field = |(name, value)| format!("\"{name}\":{value}");
            let fields: Vec<_> = fields.into_iter().map(field).collect();
            format!(
                "{{\"code\":\"0\",\"reference\":\"R1\"{}{}}}",
                if fields.is_empty() { "" } else { "," },
                fields.join(",")
            )
        });
        let form = fields().prop_map(|fields| {
            let field =
                |(name, value): (&str, &str)| format!("&{name}={}", value.trim_matches('"'));
            let fields: String = fields.into_iter().map(field).collect();
            format!("code=0&orderNumber=N1{fields}")
        });
        prop_oneof![json, form]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn a_callback_view_equals_the_parsed_callback(body in bodies()) {
            let viewed = with_parsed_callback(body.as_bytes(), |view| {
                let text = |field| view.text(field).map(|text| Cow::Owned(text.to_owned()));
                Callback {
                    claims_success: view.claims_success,
                    code: text(Field::Code).unwrap_or_default(),
                    reference: text(Field::Reference),
                    provider_reference: text(Field::ProviderReference),
                    order_number: text(Field::OrderNumber),
                    amount: text(Field::Amount),
                    amount_customer: text(Field::AmountCustomer),
                    currency: text(Field::Currency),
                    phone: text(Field::Phone),
                    created_at: text(Field::CreatedAt),
                    channel: text(Field::Channel),
                    message: text(Field::Message),
                    raw: Cow::Owned(view.raw.to_owned()),
                }
            });
            match (parse_callback(body.as_bytes()), viewed) {
                (Ok(parsed), Ok(viewed)) => prop_assert_eq!(parsed, viewed),
                (Err(parsed), Err(viewed)) => {
                    prop_assert_eq!(parsed.to_string(), viewed.to_string());
                }
                (parsed, viewed) => prop_assert!(false, "{:?}, but {:?}", parsed, viewed),
            }
        }
    }
}
