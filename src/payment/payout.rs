//! A request to send money to a mobile money account.

use super::validate::{
    require_callback_url, validate_amount, validate_currency, validate_reference,
};
use super::wallet::{MOBILE_MONEY, WalletFields};
use crate::amount::Amount;
use crate::error::Result;
use crate::kind::Kind;
use crate::phone::normalize_phone;
use crate::signature::SignedPayment;
use crate::transport::Body;

/// A request to send the merchant's money to a mobile money account: a refund, a salary, a
/// commission. A repeated payout gives the money away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "deserialize", derive(serde::Deserialize))]
#[cfg_attr(feature = "deserialize", serde(default, deny_unknown_fields))]
pub struct PayoutRequest {
    /// The merchant's own reference. Never use one twice, and never that of a payment.
    pub reference: String,
    /// A plain decimal greater than zero with at most two decimals: `"575"`, `"0.50"`. Zeros at the
    /// end are not sent: the gateway refuses them.
    pub amount: String,
    /// `"CDF"` or `"USD"`.
    pub currency: String,
    /// The beneficiary's number, as people write it: see [`normalize_phone`].
    pub phone: String,
    /// The address to which the gateway posts the callback. The gateway refuses addresses on
    /// localhost or a private network.
    pub callback_url: String,
    /// An id of your own for this call, for its [trace](crate::Config::trace): 1 to 64 printable
    /// ASCII characters. It is not sent to the gateway.
    pub correlation_id: Option<String>,
}

impl PayoutRequest {
    /// Refuses what no gateway could accept. Returns the amount and the normalized phone number.
    pub(crate) fn validate(&self) -> Result<(Amount, String)> {
        validate_reference(&self.reference)?;
        let amount = validate_amount(&self.amount)?;
        validate_currency(&self.currency)?;
        let phone = normalize_phone(&self.phone)?;
        require_callback_url(&self.callback_url)?;
        Ok((amount, phone))
    }

    /// The values that the signature in the callback address covers.
    pub(crate) fn signed_payment(&self, amount: Amount) -> SignedPayment<'_> {
        SignedPayment {
            reference: &self.reference,
            amount,
            currency: &self.currency,
            kind: Kind::Payout,
        }
    }

    /// Encodes the request. `callback_url` is the signed callback address.
    pub(crate) fn encode(
        &self,
        merchant: &str,
        amount: Amount,
        phone: &str,
        callback_url: &str,
    ) -> Body {
        WalletFields {
            merchant,
            service_type: MOBILE_MONEY,
            phone,
            reference: &self.reference,
            amount: amount.to_plain_string(),
            currency: &self.currency,
            callback_url,
            description: None,
            approve_url: None,
            cancel_url: None,
            decline_url: None,
            return_url: None,
        }
        .into_body()
    }
}
