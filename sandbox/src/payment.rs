//! A payment as the gateway stores it, and the decisions about it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// A payment the gateway has recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Payment {
    /// By card, by mobile money, or a payout.
    pub kind: Kind,
    /// The gateway's transaction number.
    pub order_number: String,
    /// The last path segment of the checkout URL. Empty unless it is a card payment.
    pub checkout_id: String,
    /// The checkout URL sent to the merchant. Empty unless it is a card payment.
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
    /// The customer's phone, or the beneficiary's: `243` and nine digits. Empty for a card payment.
    pub phone: String,
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
    /// `return_url` of a mobile payment.
    pub return_url: String,
    /// The status that Check returns: `2` while pending.
    pub status: String,
    /// `visa` or `mastercard` after a card was used. For a phone its operator: `mpesa`, `orange` (or
    /// `om`), `airtel`, `afrimoney`. Else empty.
    pub channel: String,
    /// Why a mobile payment or a payout failed. Empty if it did not.
    pub failure: String,
    /// When the payment request was received.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "created_at_ms")]
    pub created_at: SystemTime,
    /// The provider's reference. Empty unless the payment succeeded.
    pub provider_reference: String,
    /// `v1`, `v1.1` or `v2` for a card payment, else empty.
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

/// The refusal or failure of a payment from a wallet with too little money.
pub(crate) const INSUFFICIENT_FUNDS: &str = "Insufficient funds";

/// The failure of a payment that was not confirmed in time.
pub(crate) const EXPIRED: &str = "Délai de confirmation dépassé";

/// A decision about a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Paid: status `0`.
    Approve,
    /// Declined by the bank, refused on the phone, or not paid out: status `1`.
    Decline,
    /// Cancelled by the customer: status `5`.
    Cancel,
    /// Not confirmed on the phone in time: status `1`.
    Expire,
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
            Self::Decline | Self::Expire => "1",
            Self::Pending => PENDING,
            Self::Refunding => "3",
            Self::Refunded => "4",
            Self::Cancel => "5",
            Self::Status(text) => text,
        }
    }

    /// Whether the gateway posts a callback: only for the outcomes that a customer or an operator can
    /// decide.
    pub fn is_called_back(&self) -> bool {
        matches!(
            self,
            Self::Approve | Self::Decline | Self::Cancel | Self::Expire
        )
    }

    /// Why a payment of this kind failed. Empty if it did not, and for cards.
    pub(crate) fn failure(&self, kind: Kind) -> &'static str {
        match (self, kind) {
            (_, Kind::Card) => "",
            (Self::Expire, _) => EXPIRED,
            (Self::Decline | Self::Cancel, Kind::Mobile) => "Transaction refusée par le client",
            (Self::Decline | Self::Cancel, Kind::Payout) => "Le transfert n'a pas abouti",
            _ => "",
        }
    }
}

impl Payment {
    /// A pending payment that was requested now, with all other fields empty.
    pub(crate) fn pending(kind: Kind, order_number: String) -> Self {
        Self {
            kind,
            order_number,
            checkout_id: String::new(),
            checkout_url: String::new(),
            merchant: String::new(),
            reference: String::new(),
            amount: String::new(),
            amount_customer: String::new(),
            currency: String::new(),
            phone: String::new(),
            description: String::new(),
            callback_url: String::new(),
            approve_url: String::new(),
            cancel_url: String::new(),
            decline_url: String::new(),
            home_url: String::new(),
            return_url: String::new(),
            status: PENDING.to_owned(),
            channel: String::new(),
            failure: String::new(),
            created_at: SystemTime::now(),
            provider_reference: String::new(),
            api: String::new(),
            deliver_callbacks: false,
            checks: 0,
            checks_found: 0,
        }
    }

    /// Whether the payment is not decided.
    pub fn is_pending(&self) -> bool {
        self.status == PENDING
    }

    /// The shop's URL for the payment's status, if the merchant gave one.
    pub(crate) fn shop_url(&self) -> Option<&str> {
        let url = match self.status.as_str() {
            "0" | "3" | "4" => &self.approve_url,
            "5" => &self.cancel_url,
            PENDING => return None,
            _ => &self.decline_url,
        };
        (!url.is_empty()).then_some(url.as_str())
    }
}
