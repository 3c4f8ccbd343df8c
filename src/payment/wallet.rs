//! The body of a request to the services for mobile money, `paymentService` and
//! `merchantPayOutService`. (Not documented: observed.)

use serde::Serialize;

use crate::token::Place;
use crate::transport::Body;

/// The keys of both services. Those of a payout are a part of those of a payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WalletFields<'a> {
    pub(super) merchant: &'a str,
    #[serde(rename = "type")]
    pub(super) service_type: &'static str,
    pub(super) phone: &'a str,
    pub(super) reference: &'a str,
    /// Without decorative decimals: the gateway refused `1.00`.
    pub(super) amount: String,
    pub(super) currency: &'a str,
    pub(super) callback_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approve_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cancel_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decline_url: Option<&'a str>,
    #[serde(rename = "return_url", skip_serializing_if = "Option::is_none")]
    pub(super) return_url: Option<&'a str>,
}

/// The `type` of both services.
pub(super) const MOBILE_MONEY: &str = "1";

impl WalletFields<'_> {
    /// The request body. The token is in the Authorization header.
    pub(super) fn into_body(self) -> Body {
        Body {
            // Strings always serialize.
            text: serde_json::to_string(&self).unwrap_or_default(),
            content_type: "application/json",
            token: Some(Place::Header),
        }
    }
}
