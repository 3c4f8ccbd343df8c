//! Signed callback addresses. The gateway does not sign its callbacks. So the callback address given
//! to it contains a signature of the payment, made with a secret that only the merchant has.
//!
//! A callback to an address without that signature, or with the signature of another payment, was sent
//! by someone who does not know the address. It is refused before any request is sent to the gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

use crate::amount::Amount;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::kind::Kind;
use crate::wire::form;

/// The name of the parameter in the address.
const PARAMETER: &str = "flexpay";
/// The version of the signature, so that its format can change later.
const VERSION: &str = "1.";
/// In bytes. A shorter secret can be guessed from one signature.
const MIN_SECRET_LENGTH: usize = 16;

/// The values that a signature covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedPayment<'a> {
    pub(crate) reference: &'a str,
    pub(crate) amount: Amount,
    pub(crate) currency: &'a str,
    pub(crate) kind: Kind,
}

/// The merchant's secrets: the current one, used to sign, and the previous one, still accepted.
#[derive(Default)]
pub(crate) struct Secrets {
    current: Option<Zeroizing<String>>,
    previous: Option<Zeroizing<String>>,
}

impl Secrets {
    /// Validates the secrets of a configuration. An error never contains the secret.
    pub(crate) fn accept(
        current: Option<Zeroizing<String>>,
        previous: Option<Zeroizing<String>>,
    ) -> Result<Self> {
        let current = trimmed("callback_secret", current)?;
        let previous = trimmed("callback_secret_previous", previous)?;
        let is_long_enough = |secret: &Option<Zeroizing<String>>| {
            secret
                .as_ref()
                .is_none_or(|secret| secret.len() >= MIN_SECRET_LENGTH)
        };
        let too_short = format!("is shorter than {MIN_SECRET_LENGTH} characters");
        if !is_long_enough(&current) {
            return Err(Error::invalid("callback_secret", too_short));
        }
        if !is_long_enough(&previous) {
            return Err(Error::invalid("callback_secret_previous", too_short));
        }
        if current.is_none() && previous.is_some() {
            return Err(Error::invalid(
                "callback_secret",
                "is missing, but callback_secret_previous is set",
            ));
        }
        Ok(Self { current, previous })
    }

    /// Whether callback addresses are signed.
    pub(crate) fn signs_addresses(&self) -> bool {
        self.current.is_some()
    }

    /// The callback address with a signature in its query; unchanged if there is no secret.
    pub(crate) fn sign(&self, callback_url: &str, payment: SignedPayment<'_>) -> Result<String> {
        let Some(secret) = &self.current else {
            return Ok(callback_url.to_owned());
        };
        let (address, fragment) = match callback_url.split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (callback_url, None),
        };
        let query = address.split_once('?').map(|(_, query)| query);
        if query.is_some_and(|query| signatures(query).next().is_some()) {
            return Err(Error::invalid(
                "callback_url",
                format!("has a parameter {PARAMETER} already, which is used for the signature"),
            ));
        }
        let separator = match query {
            None => "?",
            Some("") => "",
            Some(_) => "&",
        };
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key(secret), &payment.bytes()));
        let mut url = format!("{address}{separator}{PARAMETER}={VERSION}{tag}");
        if let Some(fragment) = fragment {
            url.push('#');
            url.push_str(fragment);
        }
        Ok(url)
    }

    /// Checks the query string of a callback's HTTP request. Without a secret, accepts any.
    pub(crate) fn check(&self, query: Option<&str>, payment: SignedPayment<'_>) -> Result<()> {
        if self.current.is_none() {
            return Ok(());
        }
        let Some(query) = query else {
            return Err(Error::invalid(
                "query",
                "is missing: the client has a callback secret, so pass the query string of the \
                 callback's request",
            ));
        };
        let refused = |problem: &str| {
            let message = format!("query: {problem}");
            Err(Error::new(ErrorCode::Mismatch, Outcome::NotSent, message).about("query"))
        };
        let mut found = signatures(query.trim_start_matches('?'));
        let (Some(value), None) = (found.next(), found.next()) else {
            return refused(
                "it does not have exactly one signature: the callback was not sent to an address \
                 of this client",
            );
        };
        let tag = form::decode(value)
            .ok()
            .and_then(|value| URL_SAFE_NO_PAD.decode(value.strip_prefix(VERSION)?).ok());
        let Some(tag) = tag else {
            return refused("its signature has a version that this library does not know");
        };
        // ring compares in constant time, and both secrets are always tried.
        let secrets = self.current.iter().chain(&self.previous);
        let mut is_valid = false;
        for secret in secrets {
            is_valid |= hmac::verify(&key(secret), &payment.bytes(), &tag).is_ok();
        }
        if is_valid {
            return Ok(());
        }
        refused(
            "its signature is for another reference, amount, currency or kind, or was made with another \
             secret",
        )
    }
}

impl SignedPayment<'_> {
    /// The bytes to sign. Different payments always give different bytes.
    fn bytes(&self) -> Vec<u8> {
        let Self {
            reference,
            amount,
            currency,
            kind,
        } = self;
        let length = reference.len();
        format!(
            "flexpay callback {VERSION}\n{length}:{reference}\n{}\n{currency}\n{}",
            amount.minor(),
            kind.name()
        )
        .into_bytes()
    }
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// The values of the signature parameter in a query.
fn signatures(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = form::decode(name).ok()?;
        (name == PARAMETER).then_some(value)
    })
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(secret)")
    }
}

/// A secret without the whitespace and line endings that come with a copied setting or a file.
fn trimmed(
    field: &'static str,
    secret: Option<Zeroizing<String>>,
) -> Result<Option<Zeroizing<String>>> {
    let Some(secret) = secret else {
        return Ok(None);
    };
    let trimmed = secret.trim();
    if trimmed.is_empty() {
        return Err(Error::invalid(
            field,
            "is empty or whitespace; leave it out instead",
        ));
    }
    if trimmed.contains(char::is_control) {
        return Err(Error::invalid(field, "contains a control character"));
    }
    Ok(Some(Zeroizing::new(trimmed.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(current: &str, previous: Option<&str>) -> Secrets {
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        Secrets::accept(Some(secret(current)), previous.map(secret)).unwrap()
    }

    fn signed_payment<'a>(
        reference: &'a str,
        amount: &str,
        currency: &'a str,
    ) -> SignedPayment<'a> {
        SignedPayment {
            reference,
            amount: amount.parse().unwrap(),
            currency,
            kind: Kind::Card,
        }
    }

    const NEW: &str = "a-secret-of-the-merchant";
    const OLD: &str = "the-secret-before-this-one";

    #[test]
    fn whitespace_around_a_secret_is_removed() {
        let secret = |text: &str| Some(Zeroizing::new(text.to_owned()));
        let payment = signed_payment("R1", "25.50", "USD");
        let plain = secrets(NEW, None).sign("https://a.example/cb", payment);
        for given in [
            format!("{NEW}\n"),
            format!(" {NEW}\r\n"),
            format!("\t{NEW}"),
        ] {
            let trimmed = Secrets::accept(secret(&given), None).unwrap();
            let address =
                trimmed.sign("https://a.example/cb", signed_payment("R1", "25.50", "USD"));
            assert_eq!(address.unwrap(), *plain.as_ref().unwrap());
        }
        for (current, previous, field) in [
            (" ".repeat(20), None, "callback_secret"),
            ("\r\n".repeat(20), None, "callback_secret"),
            (String::new(), None, "callback_secret"),
            // Fifteen characters without the whitespace.
            (format!("  {}  ", "x".repeat(15)), None, "callback_secret"),
            (format!("{NEW}\n{NEW}"), None, "callback_secret"),
            (
                NEW.to_owned(),
                secret("     \n              "),
                "callback_secret_previous",
            ),
        ] {
            let Err(error) = Secrets::accept(secret(&current), previous) else {
                panic!("{field} was accepted");
            };
            assert_eq!(error.field(), Some(field));
            assert!(!error.message().contains(NEW));
        }
    }

    #[test]
    fn a_signature_can_be_added_to_any_address() {
        let secrets = secrets(NEW, None);
        let payment = signed_payment("R1", "25.50", "USD");
        for (given, before, after) in [
            (
                "https://a.example/cb",
                "https://a.example/cb?flexpay=1.",
                "",
            ),
            (
                "https://a.example/cb?x=1",
                "https://a.example/cb?x=1&flexpay=1.",
                "",
            ),
            ("https://a.example?", "https://a.example?flexpay=1.", ""),
            (
                "https://a.example/cb?x=1#top",
                "https://a.example/cb?x=1&flexpay=1.",
                "#top",
            ),
        ] {
            let url = secrets.sign(given, payment).unwrap();
            assert!(url.starts_with(before) && url.ends_with(after), "{url}");
            let query = url.split_once('?').unwrap().1.split('#').next().unwrap();
            secrets.check(Some(query), payment).unwrap();
            secrets
                .check(
                    Some(&format!("?{query}")),
                    signed_payment("R1", "25.5", "USD"),
                )
                .unwrap();
        }
        let error = secrets
            .sign("https://a.example/cb?flexpay=x", payment)
            .unwrap_err();
        assert_eq!(error.field(), Some("callback_url"));
    }

    #[test]
    fn a_signature_is_valid_for_one_payment_with_either_secret() {
        let payment = signed_payment("R1", "25.50", "USD");
        let url = secrets(OLD, None)
            .sign("https://a.example/", payment)
            .unwrap();
        let query = url.split_once('?').unwrap().1;
        secrets(NEW, Some(OLD)).check(Some(query), payment).unwrap();
        let of_kind = |kind| SignedPayment { kind, ..payment };
        for (checker, other) in [
            (secrets(OLD, None), of_kind(Kind::Mobile)),
            (secrets(OLD, None), of_kind(Kind::Payout)),
            (secrets(NEW, None), payment),
            (secrets(OLD, None), signed_payment("R2", "25.50", "USD")),
            (secrets(OLD, None), signed_payment("R1", "25.51", "USD")),
            (secrets(OLD, None), signed_payment("R1", "25.50", "CDF")),
        ] {
            let error = checker.check(Some(query), other).unwrap_err();
            assert_eq!(
                (error.code(), error.outcome()),
                (ErrorCode::Mismatch, Outcome::NotSent)
            );
            assert_eq!(error.field(), Some("query"));
        }
    }

    #[test]
    fn a_query_without_exactly_one_valid_signature_is_refused() {
        let secrets = secrets(NEW, None);
        let payment = signed_payment("R1", "25.50", "USD");
        let url = secrets.sign("https://a.example/", payment).unwrap();
        let valid = url.split_once('?').unwrap().1;
        let shorter = &valid[..valid.len() - 1];
        let twice = format!("{valid}&{valid}");
        let smuggled = format!("{valid}&%66lexpay=1.AAAA");
        let other_version = valid.replace("=1.", "=2.");
        for query in [
            "",
            "x=1",
            "flexpay",
            "flexpay=",
            "flexpay=1.",
            "flexpay=1.%zz",
            shorter,
            &twice,
            &smuggled,
            &other_version,
        ] {
            let error = secrets.check(Some(query), payment).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Mismatch, "{query}");
        }
        assert_eq!(
            secrets.check(None, payment).unwrap_err().code(),
            ErrorCode::Invalid
        );
        let encoded = valid
            .replace('.', "%2E")
            .replace('-', "%2D")
            .replace('_', "%5f");
        secrets
            .check(Some(&encoded), payment)
            .expect("some servers encode characters unnecessarily");
    }

    #[test]
    fn without_a_secret_nothing_is_signed_or_checked() {
        let none = Secrets::default();
        let payment = signed_payment("R1", "25.50", "USD");
        assert_eq!(
            none.sign("https://a.example/", payment).unwrap(),
            "https://a.example/"
        );
        none.check(None, payment).unwrap();
    }

    #[test]
    fn a_short_secret_is_refused_and_no_secret_is_shown() {
        let short = || Some(Zeroizing::new("s3cr3t".to_owned()));
        let long = || Some(Zeroizing::new(NEW.to_owned()));
        for (current, previous, field) in [
            (short(), None, "callback_secret"),
            (long(), short(), "callback_secret_previous"),
            (None, long(), "callback_secret"),
        ] {
            let error = Secrets::accept(current, previous).unwrap_err();
            assert_eq!(error.field(), Some(field));
            assert!(!error.message().contains("s3cr3t"));
        }
        assert_eq!(format!("{:?}", secrets(NEW, Some(OLD))), "Secrets(secret)");
    }
}
