//! The gateway's notice to the merchant. It is a hint, never a verdict: nobody signed it.

use ring::digest;
use std::borrow::Cow;
use std::fmt::Write as _;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::order_number;
use crate::payment::{validate_amount, validate_currency, validate_reference};
use crate::signature::Signed;
use crate::transaction::Transaction;
use crate::wire::fields::{Field, Fields, Unreadable};
use crate::wire::{charset, form, is_success, json, printable, whole_number};

/// The largest callback body that is read.
pub const MAX_CALLBACK_BYTES: usize = 64 * 1024;

/// What a callback says. **Anyone who knows the callback address can post one**: believe nothing
/// of it before [`Client::verify_callback`](crate::Client::verify_callback).
///
/// All fields are text as received, `None` where absent, empty or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback<'a> {
    /// Whether it *claims* success: `code` (or, where there is none, `status`) is 0, and no `status`
    /// says otherwise.
    pub claims_success: bool,
    /// `0`: processed with success; anything else: not. Also met as `0.0`. Where the notice has no
    /// `code`, its `status`; empty where it has neither, and then it claims nothing.
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
    /// Observed: the gateway's words.
    pub message: Option<Cow<'a, str>>,
    /// The body as received.
    pub raw: Cow<'a, str>,
}

pub(crate) fn callback_key(
    order_number: Option<&str>,
    reference: Option<&str>,
    code: &str,
    claims_success: bool,
) -> String {
    // A success is spelled `0`, `"0"` or `0.0`; other codes are told apart, `1` and `1.0` are one.
    let claim = match claims_success {
        true => "success",
        false => whole_number(code),
    };
    let parts = [order_number.unwrap_or(""), reference.unwrap_or(""), claim];
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // With its length, so that no two notices give the same bytes.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .fold(String::with_capacity(64), |mut key, byte| {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
            key
        })
}

/// What the merchant asked for, from the merchant's own records, to hold an order or a callback
/// against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The reference of the payment request.
    pub reference: String,
    /// Its amount.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// The order number the gateway gave for it, where one was recorded. Give it whenever there is
    /// one: then that order is checked, whatever the callback says.
    /// [`Client::verify_order`](crate::Client::verify_order) needs it.
    pub order_number: Option<String>,
    /// The query string of the request that brought the callback, with or without its `?`. Needed
    /// where the client has a [`callback_secret`](crate::Config::callback_secret).
    pub query: Option<String>,
}

/// Reads a callback body, JSON or form, in every spelling met. Believes nothing; no network.
///
/// Text that is not UTF-8 is read as Windows-1252: the Latin-1 of old servers. Refused, rather than
/// guessed at: more than 64 KiB, nesting bombs, NULs, a field given twice with different values, and
/// a notice that names neither a reference nor an order number.
pub fn parse_callback(body: &[u8]) -> Result<Callback<'_>> {
    match text_of(body)? {
        Cow::Borrowed(text) => parse_text(text),
        Cow::Owned(text) => parse_text(&text).map(Callback::into_owned),
    }
}

fn parse_text(raw: &str) -> Result<Callback<'_>> {
    let mut fields = Fields::default();
    read(raw, &mut fields).map_err(refused)?;
    let claims_success = check(|field| fields.lend(field))?;
    let mut text = |field| fields.text(field).map_err(refused);
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

/// What a callback says, for those who copy every text of it in any case.
pub(crate) struct Said<'s> {
    /// As in [`Callback`].
    pub(crate) claims_success: bool,
    /// The body as received.
    pub(crate) raw: &'s str,
    texts: &'s [Option<&'s str>; Field::COUNT],
}

impl<'s> Said<'s> {
    /// A field of [`Callback`]; others are not looked at.
    #[inline(always)]
    pub(crate) fn text(&self, field: Field) -> Option<&'s str> {
        self.texts[field as usize]
    }
}

/// The same as [`parse_callback`], lent to `hear` and not made into a [`Callback`].
#[inline]
pub(crate) fn hear_callback<T>(body: &[u8], hear: impl FnOnce(&Said<'_>) -> T) -> Result<T> {
    let raw = &*text_of(body)?;
    let mut fields = Fields::default();
    read(raw, &mut fields).map_err(refused)?;
    let mut lent;
    let (claims_success, texts) = match fields.all_plain() {
        Some(plain) => (check(|field| Ok(plain[field as usize]))?, plain),
        None => {
            lent = [None; Field::COUNT];
            let claims_success = check(|field| {
                lent[field as usize] = fields.lend(field)?;
                Ok(lent[field as usize])
            })?;
            (claims_success, &lent)
        }
    };
    Ok(hear(&Said {
        claims_success,
        raw,
        texts,
    }))
}

/// Whether a callback claims success; an error where it is not complete, or a field no text.
#[inline(always)]
fn check<'a>(mut text: impl FnMut(Field) -> Result<Option<&'a str>, Unreadable>) -> Result<bool> {
    let mut text = |field| text(field).map_err(refused);
    let code = text(Field::Code)?;
    let said_otherwise = text(Field::Status)?.is_some_and(|status| !is_success(status));
    let (reference, order_number) = (text(Field::Reference)?, text(Field::OrderNumber)?);
    if reference.is_none() && order_number.is_none() {
        let problem = "is missing, and so is the order number: it is about no payment";
        return Err(refused(Unreadable::field(Field::Reference, problem)));
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
    Ok(code.is_some_and(is_success) && !said_otherwise)
}

#[cold]
fn refused(Unreadable { field, problem }: Unreadable) -> Error {
    let field = field.unwrap_or("body");
    let message = format!("callback: {field} {problem}");
    Error::new(ErrorCode::Callback, Outcome::NotSent, message).about(field)
}

fn text_of(body: &[u8]) -> Result<Cow<'_, str>> {
    if body.len() > MAX_CALLBACK_BYTES {
        return Err(refused(Unreadable::body("is larger than 64 KiB")));
    }
    Ok(charset::decode(body, None))
}

/// Reads the fields of a body, under every name they have in a notice.
#[inline(always)]
fn read<'a>(raw: &'a str, fields: &mut Fields<'a>) -> Result<(), Unreadable> {
    let text = json::trim_start(raw);
    match text.as_bytes().first() {
        None => return Err(Unreadable::body("is empty")),
        Some(b'{') => {
            fields.add(text)?;
            if fields.is_object(Field::Data) {
                fields.open(Field::Data)?;
            }
            fields.open(Field::Transaction)?;
        }
        Some(b'[' | b'<' | b'"') => {
            return Err(Unreadable::body("is neither a JSON object nor a form"));
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
        fields.forget_unless_text(field);
    }
    fields.adopt(Field::Reference, Field::MerchantReference)?;
    fields.adopt(Field::Status, Field::TransactionStatus)?;
    fields.fall_back(Field::Code, Field::Status)
}

impl Callback<'_> {
    /// A key by which the same notice, delivered again, is known: 64 hexadecimal digits over the
    /// order number, the reference, and what is claimed of them, the same for every spelling, JSON or
    /// form.
    ///
    /// Record it only **after** the notice was verified, in one step with the order's state. A key
    /// recorded before would let a forged notice make the true one look like a repeat.
    pub fn key(&self) -> String {
        callback_key(
            self.order_number.as_deref(),
            self.reference.as_deref(),
            &self.code,
            self.claims_success,
        )
    }

    /// The same, independent of the body it was read from.
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
    /// What the callback address of the expected payment was signed for.
    pub(crate) fn signed(&self, amount: Amount) -> Signed<'_> {
        Signed {
            reference: &self.reference,
            amount,
            currency: &self.currency,
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

    /// The same, where the gateway is to be asked about this order number.
    pub(crate) fn validate_for(&self, order_number: &str) -> Result<Amount> {
        order_number::validate(order_number)
            .map_err(|problem| Error::invalid("order_number", problem))?;
        let amount = self.validate()?;
        match self.order_number.as_deref() {
            Some(own) if own != order_number => Err(Error::invalid(
                "order_number",
                "is not the order number that is expected",
            )),
            _ => Ok(amount),
        }
    }

    /// The order number to ask the gateway about: the merchant's own, else the callback's. A
    /// callback that speaks of another order or reference is refused before anything is asked.
    pub(crate) fn order_to_check<'c>(&'c self, callback: &'c Callback<'_>) -> Result<&'c str> {
        let mut differences = Differences::default();
        if let (Some(own), Some(theirs)) = (&self.order_number, &callback.order_number) {
            differences.compare("order_number", own, Some(theirs));
        }
        if let Some(reference) = &callback.reference
            && !self.stands_for_reference(reference)
        {
            differences.compare("reference", &self.reference, Some(reference));
        }
        differences.into_result(Outcome::NotSent)?;
        match (&self.order_number, &callback.order_number) {
            (Some(own), _) => Ok(own),
            (None, Some(theirs)) => match order_number::validate_of_notice(theirs) {
                Ok(()) => Ok(theirs),
                Err(problem) => {
                    let message = format!("order_number: the callback's {problem}");
                    Err(Error::new(ErrorCode::Mismatch, Outcome::NotSent, message)
                        .about("order_number"))
                }
            },
            (None, None) => Err(Error::new(
                ErrorCode::Mismatch,
                Outcome::NotSent,
                "order_number: the callback gives none, and none was recorded: there is nothing to check",
            )
            .about("order_number")),
        }
    }

    /// Compares what the gateway says with what was asked for.
    pub(crate) fn confirm(&self, amount: Amount, found: &Transaction) -> Result<()> {
        let mut differences = Differences::default();
        match &found.reference {
            Some(reference) if self.stands_for_reference(reference) => {}
            reference => differences.compare("reference", &self.reference, reference.as_deref()),
        }
        if found.amount != Some(amount) {
            let found = found.amount.map(|amount| amount.to_string());
            differences.compare("amount", &amount.to_string(), found.as_deref());
        }
        differences.compare("currency", &self.currency, found.currency.as_deref());
        differences.into_result(Outcome::Refused)
    }

    /// The reference itself or, as seen live, the order number in its place: but only the order
    /// number that the merchant recorded. One that came with the callback would let a paid order
    /// vouch for any other of the same amount.
    fn stands_for_reference(&self, found: &str) -> bool {
        found == self.reference || self.order_number.as_deref() == Some(found)
    }
}

/// Every field in which two things differ, in words.
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
    fn the_same_notice_has_one_key_in_every_spelling() {
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

    /// What callbacks are made of, and what breaks them.
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
        fn what_is_heard_is_what_is_read(body in bodies()) {
            let heard = hear_callback(body.as_bytes(), |said| {
                let text = |field| said.text(field).map(|text| Cow::Owned(text.to_owned()));
                Callback {
                    claims_success: said.claims_success,
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
                    raw: Cow::Owned(said.raw.to_owned()),
                }
            });
            match (parse_callback(body.as_bytes()), heard) {
                (Ok(read), Ok(heard)) => prop_assert_eq!(read, heard),
                (Err(read), Err(heard)) => prop_assert_eq!(read.to_string(), heard.to_string()),
                (read, heard) => prop_assert!(false, "{:?}, but {:?}", read, heard),
            }
        }
    }
}
