//! Balances: the merchant's, and those of the wallets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::kind::Kind;
use crate::payment::Payment;
use crate::phone::{Behaviour, Phone};

/// The money of the merchant or of a wallet, in each currency. In JSON: `{"cdf":"25000","usd":"12.50"}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Congolese francs, in hundredths.
    #[serde(rename = "cdf", with = "decimal")]
    pub cdf_minor: i64,
    /// US dollars, in cents.
    #[serde(rename = "usd", with = "decimal")]
    pub usd_minor: i64,
}

/// What the merchant has at first: 10 million francs and 5000 dollars.
pub(crate) const MERCHANT: Balance = Balance {
    cdf_minor: 1_000_000_000,
    usd_minor: 500_000,
};

/// What every wallet has at first: one million francs and 500 dollars.
const WALLET: Balance = Balance {
    cdf_minor: 100_000_000,
    usd_minor: 50_000,
};

impl Balance {
    /// Parses a decimal such as `25000` or `12.50`, with at most twelve digits before the point and two
    /// after it, into hundredths. `None` for anything else.
    pub fn parse_minor(text: &str) -> Option<i64> {
        match text.strip_prefix('-') {
            Some(positive) => Some(-Self::parse_minor(positive).filter(|minor| *minor > 0)?),
            None if is_zero(text) => Some(0),
            None => i64::try_from(Amount::parse(text)?.minor()).ok(),
        }
    }

    /// The balance in `CDF` or `USD`, in hundredths.
    pub(crate) fn minor(&self, currency: &str) -> i64 {
        match currency {
            "CDF" => self.cdf_minor,
            _ => self.usd_minor,
        }
    }

    fn minor_mut(&mut self, currency: &str) -> &mut i64 {
        match currency {
            "CDF" => &mut self.cdf_minor,
            _ => &mut self.usd_minor,
        }
    }
}

fn is_zero(text: &str) -> bool {
    matches!(text, "0" | "0.0" | "0.00")
}

/// Hundredths as a decimal: `25000`, `12.50`.
fn decimal_text(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, hundredths) = (minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    match hundredths {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{hundredths:02}"),
    }
}

/// Hundredths as a decimal in JSON: written as text, read from text or a number.
mod decimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(minor: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::decimal_text(*minor))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = match Value::deserialize(from)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        super::Balance::parse_minor(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not an amount such as \"12.50\"")))
    }
}

/// The balances of the gateway.
pub(crate) struct Balances {
    pub(crate) merchant: Balance,
    /// The wallets that differ from what they had at first, by phone number.
    wallets: BTreeMap<String, Balance>,
}

impl Balances {
    pub(crate) fn new(merchant: Balance) -> Self {
        Self {
            merchant,
            wallets: BTreeMap::new(),
        }
    }

    pub(crate) fn wallet(&self, phone: Phone<'_>) -> Balance {
        let known = self.wallets.get(phone.number).copied();
        known.unwrap_or_else(|| match phone.behaviour() {
            Behaviour::NoMoney | Behaviour::NoCredit => Balance::default(),
            _ => WALLET,
        })
    }

    pub(crate) fn set_wallet(&mut self, phone: Phone<'_>, balance: Balance) {
        self.wallets.insert(phone.number.to_owned(), balance);
    }

    /// The wallets that were used or set.
    pub(crate) fn wallets(&self) -> &BTreeMap<String, Balance> {
        &self.wallets
    }

    /// Whether the customer's wallet has what the payment costs.
    pub(crate) fn can_pay(&self, payment: &Payment) -> bool {
        let cost = minor(&payment.amount_customer);
        Phone::parse(&payment.phone)
            .is_none_or(|phone| self.wallet(phone).minor(&payment.currency) >= cost)
    }

    /// Whether the merchant has what the payout costs.
    pub(crate) fn can_pay_out(&self, payout: &Payment) -> bool {
        self.merchant.minor(&payout.currency) >= minor(&payout.amount)
    }

    /// Moves the money of a payment whose effect was `before`.
    pub(crate) fn settle(&mut self, payment: &Payment, before: Effect) {
        let after = Effect::of(payment);
        *self.merchant.minor_mut(&payment.currency) += after.merchant_minor - before.merchant_minor;
        let moved = after.wallet_minor - before.wallet_minor;
        if let Some(phone) = Phone::parse(&payment.phone)
            && moved != 0
        {
            let mut wallet = self.wallet(phone);
            *wallet.minor_mut(&payment.currency) += moved;
            self.set_wallet(phone, wallet);
        }
    }
}

/// What a payment in its current state has added to the balances, in hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    merchant_minor: i64,
    wallet_minor: i64,
}

impl Effect {
    pub(crate) fn of(payment: &Payment) -> Self {
        let (amount, cost) = (minor(&payment.amount), minor(&payment.amount_customer));
        // A refund that is in progress has not moved the money yet.
        let is_paid = matches!(payment.status.as_str(), "0" | "3");
        let has_failed = matches!(payment.status.as_str(), "1" | "4" | "5");
        let (merchant_minor, wallet_minor) = match payment.kind {
            Kind::Card if is_paid => (amount, 0),
            Kind::Mobile if is_paid => (amount, -cost),
            Kind::Payout if is_paid => (-amount, amount),
            Kind::Payout if !has_failed => (-amount, 0),
            _ => (0, 0),
        };
        Self {
            merchant_minor,
            wallet_minor,
        }
    }
}

fn minor(amount: &str) -> i64 {
    Balance::parse_minor(amount).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Balance, decimal_text};
    use serde_json::json;

    #[test]
    fn decimals_are_read_and_written() {
        for (text, minor) in [
            ("0", 0),
            ("25000", 2_500_000),
            ("12.50", 1250),
            ("0.05", 5),
            ("-500", -50_000),
            ("-0.05", -5),
        ] {
            assert_eq!(Balance::parse_minor(text), Some(minor), "{text}");
            assert_eq!(decimal_text(minor), text);
        }
        for bad in ["", "-", "--1", "-0", "1.234", "1,5", "1e3", "+1"] {
            assert_eq!(Balance::parse_minor(bad), None, "{bad}");
        }
    }

    #[test]
    fn json_has_decimals() {
        let balance = Balance {
            cdf_minor: 2_500_000,
            usd_minor: 1250,
        };
        let written = serde_json::to_value(balance).expect("JSON");
        assert_eq!(written, json!({"cdf": "25000", "usd": "12.50"}));
        let read = serde_json::from_value(json!({"cdf": 25000, "usd": "12.5"}));
        assert_eq!(read.ok(), Some(balance));
        let wrong: Result<Balance, _> = serde_json::from_value(json!({"cdf": "x", "usd": "1"}));
        assert!(wrong.is_err());
    }
}
