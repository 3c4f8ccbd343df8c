//! The kinds of payment.

use crate::numbered::numbered;

/// The way the money goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "deserialize", derive(serde::Deserialize))]
#[cfg_attr(feature = "journal", derive(serde::Serialize))]
#[cfg_attr(feature = "deserialize", serde(rename_all = "UPPERCASE"))]
#[non_exhaustive]
#[repr(i32)]
pub enum Kind {
    /// A customer pays with a card.
    #[default]
    Card = 0,
    /// A customer pays with mobile money.
    Mobile = 1,
    /// The merchant sends money to a mobile money account.
    Payout = 2,
}

numbered!(
    Kind,
    Card => c"CARD",
    Mobile => c"MOBILE",
    Payout => c"PAYOUT",
);
