//! A request for a payment by card.

use serde::Serialize;
use std::fmt::Write as _;

use super::validate::{
    validate_amount, validate_callback_url, validate_currency, validate_reference,
    validate_return_url,
};
use crate::address;
use crate::amount::Amount;
use crate::config::{Api, Config};
use crate::error::Result;
use crate::kind::Kind;
use crate::signature::SignedPayment;
use crate::token::{Place, Token};
use crate::transport::Body;
use crate::wire::percent;

/// A request for a payment by a customer with a card. The fields are named as in the gateway's
/// document.
///
/// The two other fields of that document, `authorization` and `merchant`, come from the [`Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "deserialize", derive(serde::Deserialize))]
#[cfg_attr(feature = "deserialize", serde(default, deny_unknown_fields))]
pub struct PaymentRequest {
    /// The merchant's own reference. Never use one twice: the gateway recognizes a repeated payment
    /// only by its reference.
    pub reference: String,
    /// A plain decimal greater than zero with at most two decimals: `"100"`, `"25.50"`. Sent
    /// unchanged.
    pub amount: String,
    /// `"CDF"` or `"USD"`.
    pub currency: String,
    /// What is being paid for, shown to the customer.
    pub description: Option<String>,
    /// The address to which the gateway posts the callback. The gateway refuses addresses on
    /// localhost or a private network.
    pub callback_url: Option<String>,
    /// Where the gateway sends the customer's browser after the payment: http or https, or a link
    /// into the merchant's app (`monapp://paiement?status=ok`). The next three fields accept the
    /// same.
    pub approve_url: Option<String>,
    /// Where the browser is sent after the customer cancelled.
    pub cancel_url: Option<String>,
    /// Where the browser is sent after the card was declined.
    pub decline_url: Option<String>,
    /// The shop's front page. Only `/v1.1/pay` has this field; it is not sent to `/v1/pay`.
    pub home_url: Option<String>,
    /// An id of your own for this call, for its [trace](crate::Config::trace): 1 to 64 printable
    /// ASCII characters. It is not sent to the gateway.
    pub correlation_id: Option<String>,
}

impl PaymentRequest {
    /// Refuses what no gateway could accept. Limits on lengths, or on fractions of a franc, are
    /// left to the gateway.
    pub(crate) fn validate(&self) -> Result<Amount> {
        validate_reference(&self.reference)?;
        let amount = validate_amount(&self.amount)?;
        validate_currency(&self.currency)?;
        validate_callback_url(self.callback_url.as_deref())?;
        validate_return_url("approve_url", self.approve_url.as_deref())?;
        validate_return_url("cancel_url", self.cancel_url.as_deref())?;
        validate_return_url("decline_url", self.decline_url.as_deref())?;
        validate_return_url("home_url", self.home_url.as_deref())?;
        Ok(amount)
    }

    /// The values that the signature in the callback address covers.
    pub(crate) fn signed_payment(&self, amount: Amount) -> SignedPayment<'_> {
        SignedPayment {
            reference: &self.reference,
            amount,
            currency: &self.currency,
            kind: Kind::Card,
        }
    }

    /// Encodes the request, with a placeholder for the token: the transport inserts the token just
    /// before sending. It is the first field, so that it is sent in one piece. `callback_url` is
    /// the signed callback address.
    pub(crate) fn encode(
        &self,
        config: &Config,
        token: &Token,
        callback_url: Option<&str>,
    ) -> Body {
        match config.api {
            Api::V1 => {
                let authorization = token.placeholder(Place::Form);
                Body {
                    text: self.encode_form(&config.merchant, &authorization, callback_url),
                    content_type: "application/x-www-form-urlencoded",
                    token: Some(Place::Form),
                }
            }
            Api::V1_1 => {
                let authorization = token.placeholder(Place::Json);
                Body {
                    text: self.encode_json(&config.merchant, &authorization, callback_url),
                    content_type: "application/json",
                    token: Some(Place::Json),
                }
            }
        }
    }

    fn encode_form(
        &self,
        merchant: &str,
        authorization: &str,
        callback_url: Option<&str>,
    ) -> String {
        let mut body = format!("authorization={authorization}");
        let mut field = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = write!(body, "&{name}={}", percent::encode(value));
        };
        field("merchant", merchant);
        field("reference", &self.reference);
        field("amount", &self.amount);
        field("currency", &self.currency);
        let optional = [
            ("description", self.description.as_deref()),
            ("callback_url", callback_url),
            ("approve_url", self.approve_url.as_deref()),
            ("cancel_url", self.cancel_url.as_deref()),
            ("decline_url", self.decline_url.as_deref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                field(name, value);
            }
        }
        body
    }

    fn encode_json(
        &self,
        merchant: &str,
        authorization: &str,
        callback_url: Option<&str>,
    ) -> String {
        #[derive(Serialize)]
        struct Fields<'a> {
            merchant: &'a str,
            reference: &'a str,
            amount: &'a str,
            currency: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            callback_url: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            approve_url: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cancel_url: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            decline_url: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            home_url: Option<&'a str>,
        }
        let fields = serde_json::to_string(&Fields {
            merchant,
            reference: &self.reference,
            amount: &self.amount,
            currency: &self.currency,
            description: self.description.as_deref(),
            callback_url,
            approve_url: self.approve_url.as_deref(),
            cancel_url: self.cancel_url.as_deref(),
            decline_url: self.decline_url.as_deref(),
            home_url: self.home_url.as_deref(),
        });
        // Strings always serialize.
        let fields = fields.unwrap_or_default();
        format!("{{\"authorization\":\"{authorization}\",{}", &fields[1..])
    }

    /// Whether an address is on one of the shop's own sites, as a "back" link on a page is.
    pub(super) fn is_on_shop_site(&self, url: &str) -> bool {
        let shop_urls = [
            &self.callback_url,
            &self.approve_url,
            &self.cancel_url,
            &self.decline_url,
            &self.home_url,
        ];
        let mut shop_urls = shop_urls.into_iter().flatten();
        shop_urls.any(|shop_url| address::same_site(shop_url, url))
    }
}
