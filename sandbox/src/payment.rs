//! A payment as the gateway stores it, and the decisions about it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A payment the gateway has recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Payment {
    /// The gateway's transaction number.
    pub order_number: String,
    /// The last path segment of the checkout URL.
    pub checkout_id: String,
    /// The checkout URL sent to the merchant.
    pub checkout_url: String,
    /// The merchant's code.
    pub merchant: String,
    /// The merchant's own reference.
    pub reference: String,
    /// The amount as received.
    pub amount: String,
    /// What the customer pays, including fees, in the format of Check.
    pub amount_customer: String,
    /// `CDF` or `USD`.
    pub currency: String,
    /// What the payment is for. Empty if not given; so are the URLs below.
    pub description: String,
    /// The URL for the callback.
    pub callback_url: String,
    /// Where the browser is redirected after an approval.
    pub approve_url: String,
    /// Where the browser is redirected after a cancellation.
    pub cancel_url: String,
    /// Where the browser is redirected after the bank declines.
    pub decline_url: String,
    /// The shop's home page.
    pub home_url: String,
    /// The status that Check returns: `2` while pending.
    pub status: String,
    /// `visa` or `mastercard` after a card was used, else empty.
    pub channel: String,
    /// When the payment request was received.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "created_at_ms")]
    pub created_at: SystemTime,
    /// The provider's reference. Empty unless the payment succeeded.
    pub provider_reference: String,
    /// `v1`, `v1.1` or `v2`.
    pub api: String,
    /// Whether decisions about this payment post its callback automatically.
    pub deliver_callbacks: bool,
    /// How many times the order was checked.
    pub checks: u32,
    /// How many of those checks found it.
    pub checks_found: u32,
}

/// The status of a payment that is not decided.
pub const PENDING: &str = "2";

/// A decision about a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Paid: status `0`.
    Approve,
    /// Declined by the bank: status `1`.
    Decline,
    /// Cancelled by the customer: status `5`.
    Cancel,
    /// Not decided (any more): status `2`.
    Pending,
    /// Refund in progress: status `3`.
    Refunding,
    /// Refunded: status `4`.
    Refunded,
    /// Any other status text.
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

    /// Whether the gateway posts a callback: only for the three outcomes of the card page.
    pub fn is_called_back(&self) -> bool {
        matches!(self, Self::Approve | Self::Decline | Self::Cancel)
    }
}

impl Payment {
    /// Whether the payment is not decided.
    pub fn is_pending(&self) -> bool {
        self.status == PENDING
    }

    /// The shop's URL for the payment's status, if the merchant gave one.
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
