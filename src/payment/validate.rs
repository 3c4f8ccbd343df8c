//! Checks the fields of requests. Refused is what no gateway could accept. Limits on lengths, or on
//! fractions of a franc, are left to the gateway.

use crate::address;
use crate::amount::{Amount, AmountError};
use crate::error::{Error, Result};
use crate::wire::printable;

/// Checks a merchant's reference. If the gateway trimmed it, or removed invisible characters, every
/// paid order would be a mismatch.
pub(crate) fn validate_reference(reference: &str) -> Result<()> {
    if reference.trim().is_empty() {
        return Err(Error::invalid("reference", "is missing"));
    }
    if let Some(c) = reference.chars().find(|&c| is_invisible(c)) {
        let code = u32::from(c);
        return Err(Error::invalid(
            "reference",
            format!(
                "contains the character U+{code:04X}, which is invisible and which a gateway may remove"
            ),
        ));
    }
    if reference.trim() != reference {
        return Err(Error::invalid(
            "reference",
            "begins or ends with whitespace, which a gateway may remove",
        ));
    }
    Ok(())
}

/// Control characters, line endings, and the Unicode characters that have no width or change the
/// text direction.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// Parses the amount of a payment request: a plain decimal greater than zero.
pub(crate) fn validate_amount(text: &str) -> Result<Amount> {
    match Amount::parse(text) {
        Ok(amount) if amount.minor() > 0 => Ok(amount),
        Ok(_) => Err(Error::invalid("amount", "must be greater than zero")),
        Err(AmountError::Empty) => Err(Error::invalid("amount", "is missing")),
        Err(problem) => Err(Error::invalid(
            "amount",
            format!("{:?} {problem}", printable(text, 40)),
        )),
    }
}

/// Checks that the gateway accepts a currency.
pub(crate) fn validate_currency(text: &str) -> Result<()> {
    match text {
        "CDF" | "USD" => Ok(()),
        "" => Err(Error::invalid("currency", "is missing")),
        other => Err(Error::invalid(
            "currency",
            format!("{:?} is neither CDF nor USD", printable(other, 20)),
        )),
    }
}

/// Checks the address that the gateway posts the callback to.
pub(crate) fn validate_callback_url(url: Option<&str>) -> Result<()> {
    validate_url("callback_url", url, address::check_absolute)
}

/// The same, where the gateway requires one.
pub(crate) fn require_callback_url(url: &str) -> Result<()> {
    match url {
        "" => Err(Error::invalid("callback_url", "is missing")),
        url => validate_callback_url(Some(url)),
    }
}

/// Checks an address that a browser opens after the payment.
pub(crate) fn validate_return_url(field: &'static str, url: Option<&str>) -> Result<()> {
    validate_url(field, url, address::check_return)
}

fn validate_url(
    field: &'static str,
    url: Option<&str>,
    check: fn(&str) -> Result<(), &'static str>,
) -> Result<()> {
    let Some(url) = url else {
        return Ok(());
    };
    check(url)
        .map_err(|problem| Error::invalid(field, format!("{:?} {problem}", printable(url, 100))))
}
