//! Amounts: parsing and formatting as the gateway does.

use crate::quirks::AmountStyle;

/// A positive amount in hundredths of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(u64);

/// The gateway's fee, added to what the customer pays.
const FEE_PERCENT: u64 = 2;

impl Amount {
    /// Parses `25`, `25.0` or `25.00`. `None` for anything else, for zero and for more than twelve
    /// digits before the point.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 12 || fraction.len() > 2 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let hundredths: u64 = format!("{fraction:0<2}").parse().ok()?;
        let amount = whole * 100 + hundredths;
        (amount > 0).then_some(Self(amount))
    }

    /// In hundredths.
    pub(crate) fn minor(self) -> u64 {
        self.0
    }

    /// Whether `text`, which was parsed into this amount, has no superfluous zeros: `575` and `0.5`,
    /// not `575.0`, `0.50` or `0575`.
    pub(crate) fn is_written_plainly(self, text: &str) -> bool {
        self.format(AmountStyle::Whole) == text
    }

    /// As in a reply of the gateway: `50.0`.
    pub(crate) fn decimal(self) -> String {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        let fraction = format!("{hundredths:02}");
        match fraction.trim_end_matches('0') {
            "" => format!("{whole}.0"),
            rest => format!("{whole}.{rest}"),
        }
    }

    /// Whether the amount has no hundredths.
    pub(crate) fn is_whole(self) -> bool {
        self.0.is_multiple_of(100)
    }

    /// Adds the gateway's fee. CDF is rounded up to whole francs.
    pub(crate) fn with_fee(self, currency: &str) -> Self {
        let total = self.0 + (self.0 * FEE_PERCENT).div_ceil(100);
        match currency {
            "CDF" => Self(total.div_ceil(100) * 100),
            _ => Self(total),
        }
    }

    /// As a JSON value, in the format of Check.
    pub(crate) fn format(self, style: AmountStyle) -> serde_json::Value {
        let decimal = self.decimal();
        let short = decimal.strip_suffix(".0").unwrap_or(&decimal);
        match style {
            AmountStyle::Decimal => decimal.into(),
            AmountStyle::Whole => short.into(),
            AmountStyle::Number if self.is_whole() => (self.0 / 100).into(),
            AmountStyle::Number => short
                .parse::<f64>()
                .map_or(serde_json::Value::Null, Into::into),
        }
    }

    /// In French format, for pages: `1 250 000 CDF`, `12,50 USD`.
    pub(crate) fn display(self, currency: &str) -> String {
        display_minor(self.0, currency)
    }
}

/// Hundredths in French format.
fn display_minor(minor: u64, currency: &str) -> String {
    const NARROW_SPACE: char = '\u{202f}';
    let digits = (minor / 100).to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(NARROW_SPACE);
        }
        out.push(digit);
    }
    if currency != "CDF" || !minor.is_multiple_of(100) {
        out.push_str(&format!(",{:02}", minor % 100));
    }
    out.push('\u{a0}');
    out.push_str(currency);
    out
}

/// Hundredths of any sign in French format.
pub(crate) fn display_signed(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", display_minor(minor.unsigned_abs(), currency))
}

#[cfg(test)]
mod tests {
    use super::Amount;
    use crate::quirks::AmountStyle;
    use serde_json::json;

    #[test]
    fn only_positive_decimals_are_amounts() {
        for good in ["1", "25", "25.0", "25.00", "0.01", "007", "999999999999.99"] {
            assert!(Amount::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "0",
            "0.00",
            "-1",
            "+1",
            "1,5",
            "1.",
            ".5",
            "1.234",
            "1e3",
            " 1",
            "NaN",
            "1000000000000",
        ] {
            assert!(Amount::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_amount_style() {
        let amount = |text| Amount::parse(text).expect("an amount");
        assert_eq!(amount("50").format(AmountStyle::Decimal), json!("50.0"));
        assert_eq!(amount("50.00").format(AmountStyle::Whole), json!("50"));
        assert_eq!(amount("50").format(AmountStyle::Number), json!(50));
        assert_eq!(amount("50.50").format(AmountStyle::Decimal), json!("50.5"));
        assert_eq!(amount("50.05").format(AmountStyle::Number), json!(50.05));
    }

    #[test]
    fn superfluous_zeros_are_recognized() {
        let plain = |text| Amount::parse(text).is_some_and(|a| a.is_written_plainly(text));
        for good in ["575", "0.5", "0.05", "12.25", "100"] {
            assert!(plain(good), "{good}");
        }
        for bad in ["1.00", "575.0", "0.50", "0575", "00.5"] {
            assert!(!plain(bad), "{bad}");
        }
    }

    #[test]
    fn the_fee_is_added() {
        let amount = |text| Amount::parse(text).expect("an amount");
        assert_eq!(amount("50").with_fee("CDF"), amount("51"));
        assert_eq!(amount("60").with_fee("CDF"), amount("62"));
        assert_eq!(amount("12.50").with_fee("USD"), amount("12.75"));
    }

    #[test]
    fn pages_show_amounts_in_french_format() {
        let display = |text, currency| Amount::parse(text).expect("an amount").display(currency);
        assert_eq!(
            display("1250000", "CDF"),
            "1\u{202f}250\u{202f}000\u{a0}CDF"
        );
        assert_eq!(display("12.5", "USD"), "12,50\u{a0}USD");
        assert_eq!(super::display_signed(-5, "USD"), "\u{2212}0,05\u{a0}USD");
        assert_eq!(super::display_signed(0, "CDF"), "0\u{a0}CDF");
    }
}
