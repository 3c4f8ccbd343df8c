//! A payment as the gateway keeps it, and what may be decided about it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A payment the gateway has recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Payment {
    /// The gateway's transaction number.
    pub order_number: String,
    /// The last part of the checkout address.
    pub checkout_id: String,
    /// The checkout address as it was handed out.
    pub checkout_url: String,
    /// The merchant's code.
    pub merchant: String,
    /// The merchant's own reference.
    pub reference: String,
    /// The amount as it was received.
    pub amount: String,
    /// What the customer pays, fees included, as Check spells it.
    pub amount_customer: String,
    /// `CDF` or `USD`.
    pub currency: String,
    /// What the payment is for; empty when none was given, as are the addresses below.
    pub description: String,
    /// Where the callback goes.
    pub callback_url: String,
    /// Where the browser goes after an approval.
    pub approve_url: String,
    /// Where the browser goes after the customer gave up.
    pub cancel_url: String,
    /// Where the browser goes after a refusal by the card's bank.
    pub decline_url: String,
    /// The shop's front page.
    pub home_url: String,
    /// The status as Check spells it: `2` while pending.
    pub status: String,
    /// `visa` or `mastercard` once a card was used, else empty.
    pub channel: String,
    /// When the payment request came.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "created_at_ms")]
    pub created_at: SystemTime,
    /// The operator's reference; empty unless the payment succeeded.
    pub provider_reference: String,
    /// `v1`, `v1.1` or `v2`.
    pub api: String,
    /// Whether decisions about this payment post its callback by themselves.
    pub deliver_callbacks: bool,
    /// How many times the order was checked.
    pub checks: u32,
    /// How many of those checks found it.
    pub checks_found: u32,
}

/// The status on the wire while nothing is decided.
pub const PENDING: &str = "2";

/// What becomes of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Paid: status `0`.
    Approve,
    /// Refused by the bank: status `1`.
    Decline,
    /// Given up by the customer: status `5`.
    Cancel,
    /// Nothing decided (any more): status `2`.
    Pending,
    /// Refund under way: status `3`.
    Refunding,
    /// Refunded: status `4`.
    Refunded,
    /// Any text at all as the status.
    Status(String),
}

impl Decision {
    /// The status on the wire.
    pub fn status(&self) -> &str {
        match self {
            Self::Approve => "0",
            Self::Decline => "1",
            Self::Pending => PENDING,
            Self::Refunding => "3",
            Self::Refunded => "4",
            Self::Cancel => "5",
            Self::Status(text) => text,
        }
    }

    /// Whether the gateway calls back about it: only the three ends of a card page are told.
    pub fn is_called_back(&self) -> bool {
        matches!(self, Self::Approve | Self::Decline | Self::Cancel)
    }
}

impl Payment {
    /// Whether nothing has been decided yet.
    pub fn is_pending(&self) -> bool {
        self.status == PENDING
    }

    /// The shop's address for the state the payment is in, if one was given.
    pub(crate) fn return_url(&self) -> Option<&str> {
        let url = match self.status.as_str() {
            "0" | "3" | "4" => &self.approve_url,
            "5" => &self.cancel_url,
            PENDING => return None,
            _ => &self.decline_url,
        };
        (!url.is_empty()).then_some(url.as_str())
    }
}
