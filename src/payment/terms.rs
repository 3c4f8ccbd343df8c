//! What a request asks for, whatever its kind.

use crate::kind::Kind;

/// What a request asks for. Under one reference it must stay the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "journal", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "journal", serde(deny_unknown_fields))]
pub struct Terms {
    /// The way the money goes.
    pub kind: Kind,
    /// The amount.
    pub amount: String,
    /// The currency.
    pub currency: String,
    /// The phone number, as the gateway receives it.
    pub phone: Option<String>,
}
