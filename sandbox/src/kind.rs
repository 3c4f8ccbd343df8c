//! The kinds of payment.

use serde::{Deserialize, Serialize};

/// The kind of a payment: by card, by mobile money, or a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The customer pays by card, on the card page.
    Card,
    /// The customer pays from a wallet, and confirms on the phone.
    Mobile,
    /// The merchant pays into a wallet.
    Payout,
}
