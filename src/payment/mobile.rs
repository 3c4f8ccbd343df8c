//! A request for a payment by mobile money.

use super::validate::{
    require_callback_url, validate_amount, validate_currency, validate_reference,
    validate_return_url,
};
use super::wallet::{MOBILE_MONEY, WalletFields};
use crate::amount::Amount;
use crate::error::Result;
use crate::kind::Kind;
use crate::phone::normalize_phone;
use crate::signature::SignedPayment;
use crate::transport::Body;

/// A request for a payment by a customer with mobile money: M-Pesa, Orange Money, Airtel Money,
/// Afrimoney. The customer receives a message on the phone and confirms with a PIN: there is no
/// page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "deserialize", derive(serde::Deserialize))]
#[cfg_attr(feature = "deserialize", serde(default, deny_unknown_fields))]
pub struct MobileRequest {
    /// The merchant's own reference. Never use one twice: the gateway recognizes a repeated payment
    /// only by its reference.
    pub reference: String,
    /// A plain decimal greater than zero with at most two decimals: `"575"`, `"0.50"`. Zeros at the
    /// end are not sent: the gateway refuses them.
    pub amount: String,
    /// `"CDF"` or `"USD"`.
    pub currency: String,
    /// The customer's number, as people write it: see [`normalize_phone`].
    pub phone: String,
    /// The address to which the gateway posts the callback. The gateway refuses addresses on
    /// localhost or a private network.
    pub callback_url: String,
    /// What is being paid for.
    pub description: Option<String>,
    /// The address after the payment: http or https, or a link into the merchant's app. The next
    /// three fields accept the same.
    pub approve_url: Option<String>,
    /// The address after the customer cancelled.
    pub cancel_url: Option<String>,
    /// The address after the payment was refused.
    pub decline_url: Option<String>,
    /// The address to return to. One guide of the gateway calls it mandatory; live requests without
    /// it are accepted.
    pub return_url: Option<String>,
    /// An id of your own for this call, for its [trace](crate::Config::trace): 1 to 64 printable
    /// ASCII characters. It is not sent to the gateway.
    pub correlation_id: Option<String>,
}

impl MobileRequest {
    /// Refuses what no gateway could accept. Returns the amount and the normalized phone number.
    pub(crate) fn validate(&self) -> Result<(Amount, String)> {
        validate_reference(&self.reference)?;
        let amount = validate_amount(&self.amount)?;
        validate_currency(&self.currency)?;
        let phone = normalize_phone(&self.phone)?;
        require_callback_url(&self.callback_url)?;
        validate_return_url("approve_url", self.approve_url.as_deref())?;
        validate_return_url("cancel_url", self.cancel_url.as_deref())?;
        validate_return_url("decline_url", self.decline_url.as_deref())?;
        validate_return_url("return_url", self.return_url.as_deref())?;
        Ok((amount, phone))
    }

    /// The values that the signature in the callback address covers.
    pub(crate) fn signed_payment(&self, amount: Amount) -> SignedPayment<'_> {
        SignedPayment {
            reference: &self.reference,
            amount,
            currency: &self.currency,
            kind: Kind::Mobile,
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
            description: self.description.as_deref(),
            approve_url: self.approve_url.as_deref(),
            cancel_url: self.cancel_url.as_deref(),
            decline_url: self.decline_url.as_deref(),
            return_url: self.return_url.as_deref(),
        }
        .into_body()
    }
}
