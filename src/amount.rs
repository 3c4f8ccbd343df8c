//! Exact amounts of money: read from decimal text, written as decimal text or minor units. No floats.

use std::fmt;

/// An amount of money in hundredths, for both currencies of the gateway.
///
/// Amounts are text on the wire and in every binding. The library uses this type to read and
/// compare them. `Display` always writes two decimals: `50.00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    minor: i64,
}

/// Why a text is not an amount. The message completes the sentence "amount: …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// `-5` or `+5`.
    #[error("has a sign; write a plain decimal such as 12.50")]
    Sign,
    /// `12,50` or `1,000`.
    #[error("has a comma; write a plain decimal such as 12.50")]
    Comma,
    /// `1e2`.
    #[error("has an exponent; write a plain decimal such as 12.50")]
    Exponent,
    /// `007`, `1 000`, `.5`, `5.`, `abc`.
    #[error("is not a plain decimal such as 12.50")]
    NotDecimal,
    /// `1.005`: there are only hundredths.
    #[error("has more than two decimals")]
    TooPrecise,
    /// More than 92,233,720,368,547,758.07.
    #[error("is too large")]
    TooLarge,
}

impl Amount {
    /// Creates an amount from hundredths (centimes, cents). `None` if it is negative.
    pub fn from_minor(minor: i64) -> Option<Self> {
        (minor >= 0).then_some(Self { minor })
    }

    /// The amount in hundredths.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The amount without decimals that are zero: `575`, `0.5`. [`Display`](fmt::Display) always
    /// writes two decimals.
    pub(crate) fn to_plain_string(self) -> String {
        let text = self.to_string();
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Reads a plain decimal: digits, optionally followed by a point and one or two decimals. No
    /// sign, exponent, comma, whitespace or leading zeros.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return Err(likely_mistake(text));
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(AmountError::NotDecimal);
        }
        let digit = |byte: &u8| i64::from(byte - b'0');
        let hundredths = match fraction.unwrap_or("").as_bytes() {
            [] => 0,
            [first] => 10 * digit(first),
            [first, second] => 10 * digit(first) + digit(second),
            _ => return Err(AmountError::TooPrecise),
        };
        let minor = whole
            .parse::<i64>()
            .ok()
            .and_then(|whole| whole.checked_mul(100)?.checked_add(hundredths));
        minor
            .map(|minor| Self { minor })
            .ok_or(AmountError::TooLarge)
    }

    /// Reads an amount as the gateway writes it: a decimal with any number of trailing zeros
    /// (`50.000`), or with an exponent, as Java and others write large doubles (`1.0E7`). `None` if
    /// it is not a whole number of hundredths, or has a sign.
    pub(crate) fn from_wire(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let digits = format!("{whole}{fraction}");
        let is_number = digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number || whole.is_empty() || whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { minor: 0 });
        }
        // The power of ten to multiply the significant digits with, to get hundredths.
        let zeros_dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let decimals = i64::try_from(fraction.len()).ok()?;
        let power = i64::from(exponent) - decimals + zeros_dropped + 2;
        let scale = 10i64.checked_pow(u32::try_from(power).ok()?)?;
        let minor = significant.parse::<i64>().ok()?.checked_mul(scale)?;
        Some(Self { minor })
    }
}

/// The most likely mistake in a text that is not a plain decimal.
fn likely_mistake(text: &str) -> AmountError {
    match text {
        "" => AmountError::Empty,
        _ if text.starts_with(['-', '+']) => AmountError::Sign,
        _ if text.contains(',') => AmountError::Comma,
        _ if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['e', 'E']) => {
            AmountError::Exponent
        }
        _ => AmountError::NotDecimal,
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.minor / 100, self.minor % 100)
    }
}

impl std::str::FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_decimals_are_read_exactly() {
        for (text, minor, shown) in [
            ("100", 10_000, "100.00"),
            ("25.5", 2_550, "25.50"),
            ("25.05", 2_505, "25.05"),
            ("0.01", 1, "0.01"),
            ("0", 0, "0.00"),
            ("92233720368547758.07", i64::MAX, "92233720368547758.07"),
        ] {
            let amount = Amount::parse(text).expect(text);
            assert_eq!(amount.minor(), minor, "{text}");
            assert_eq!(amount.to_string(), shown);
        }
    }

    #[test]
    fn decimals_that_are_zero_can_be_left_out() {
        for (text, plain) in [
            ("575", "575"),
            ("575.00", "575"),
            ("0.50", "0.5"),
            ("25.05", "25.05"),
            ("10", "10"),
            ("1000.10", "1000.1"),
            ("0.01", "0.01"),
        ] {
            let amount = Amount::parse(text).expect(text);
            assert_eq!(amount.to_plain_string(), plain);
            assert_eq!(Amount::parse(plain), Ok(amount), "the same sum");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, why) in [
            ("", AmountError::Empty),
            ("-5", AmountError::Sign),
            ("+5", AmountError::Sign),
            ("12,50", AmountError::Comma),
            ("1,000.00", AmountError::Comma),
            ("1e2", AmountError::Exponent),
            ("1E2", AmountError::Exponent),
            ("007", AmountError::NotDecimal),
            ("00", AmountError::NotDecimal),
            (".5", AmountError::NotDecimal),
            ("5.", AmountError::NotDecimal),
            (" 5", AmountError::NotDecimal),
            ("5 ", AmountError::NotDecimal),
            ("1 000", AmountError::NotDecimal),
            ("1.2.3", AmountError::NotDecimal),
            ("0x10", AmountError::NotDecimal),
            ("NaN", AmountError::NotDecimal),
            ("٥", AmountError::NotDecimal),
            ("1.005", AmountError::TooPrecise),
            ("1.000", AmountError::TooPrecise),
            ("92233720368547758.08", AmountError::TooLarge),
            ("99999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(Amount::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn the_gateway_may_write_an_amount_as_any_serializer_writes_it() {
        for (text, minor) in [
            ("50.000", 5_000),
            ("50.0", 5_000),
            ("0", 0),
            ("0E0", 0),
            ("0.0000E-9", 0),
            ("1.0E7", 1_000_000_000),
            ("1.23456789E7", 1_234_567_890),
            ("1E+07", 1_000_000_000),
            ("1e7", 1_000_000_000),
            ("5E-1", 50),
            ("1.0E-2", 1),
            ("2550e-2", 2_550),
            ("9.2233720368547758E16", 9_223_372_036_854_775_800),
            ("92233720368547758.07", i64::MAX),
            ("92233720368547758.0700", i64::MAX),
        ] {
            assert_eq!(
                Amount::from_wire(text).map(Amount::minor),
                Some(minor),
                "{text}"
            );
        }
    }

    #[test]
    fn an_amount_of_the_gateway_is_a_whole_number_of_hundredths() {
        for text in [
            "",
            "50.001",
            "050.0",
            "1.0E-3",
            "1.005E0",
            "1.23456789E5",
            "-1.0E7",
            "-0.0",
            "-0.01",
            "1E",
            "1E+",
            "1E7.0",
            "1E 7",
            "E7",
            ".5E1",
            "5.E1",
            "1.0E7E1",
            "1,0E7",
            "+1E7",
            "1E17",
            "1E99999",
            "1E-99999",
            "92233720368547758.08",
            "NaN",
            "Infinity",
            "٥E1",
            " 1E7",
            "1E7 ",
            "0x1E7",
        ] {
            assert_eq!(Amount::from_wire(text), None, "{text}");
        }
    }
}
