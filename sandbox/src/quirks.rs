//! Differences between the live gateway and its document, each one an option.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::phone::Operator;

/// How the gateway behaves. The default is the documented behaviour; every other value was observed
/// in a public integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The shape of the `/v1/pay` and `/v2/pay` reply.
    pub reply_style: ReplyStyle,
    /// The key of the checkout URL in the `/v1.1/pay` reply.
    pub url_key: UrlKey,
    /// The JSON type of `code` in the replies of `/v1.1/pay`, mobile money, payouts and Check.
    pub code_style: CodeStyle,
    /// The body of a 401.
    pub unauthorized_style: UnauthorizedStyle,
    /// Refuse a callback URL on localhost or on a private network, as the live gateway does.
    pub refuse_private_callbacks: bool,

    /// A push that is not confirmed within this many milliseconds expires. 0: never.
    pub push_expires_ms: u64,
    /// Payouts stay pending until they are decided with the control API.
    pub hold_payouts: bool,
    /// The channel of Orange Money is `om`, not `orange`.
    pub orange_is_om: bool,

    /// The first n checks of an order reply "not found".
    pub not_found_checks: u32,
    /// Checks of an order younger than this many milliseconds reply "not found".
    pub not_found_ms: u64,
    /// While a payment is pending, the first n checks that find it reply with status `1`.
    pub early_failure_checks: u32,
    /// Check returns the order number in `reference`.
    pub order_number_as_reference: bool,
    /// Check omits `orderNumber`.
    pub omit_order_number: bool,
    /// The format of amounts in Check replies.
    pub amount_style: AmountStyle,
    /// The format of `createdAt` in Check replies.
    pub created_at_style: CreatedAtStyle,
    /// Adds a comma before the closing brace of `transaction`, as in the gateway's document.
    pub stray_comma: bool,
    /// The case of the three top-level keys of Check.
    pub check_keys: KeyStyle,

    /// The callback of a decision is posted this many milliseconds later.
    pub callback_delay_ms: u64,
    /// Callbacks also contain amount, amountCustomer, phone, currency, createdAt, channel, message.
    pub callback_extra_fields: bool,
    /// The case of the keys of callbacks.
    pub callback_keys: KeyStyle,
    /// The JSON type of `code` in callbacks.
    pub callback_code: CallbackCode,
    /// The value of `provider_reference` in the callback of a payment that did not succeed.
    pub missing_provider_reference: MissingValue,
}

impl Quirks {
    /// The channel of an operator.
    pub(crate) fn channel(&self, operator: &Operator) -> &'static str {
        match operator.channel {
            "orange" if self.orange_is_om => "om",
            channel => channel,
        }
    }
}

/// The shape of the `/v1/pay` reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyStyle {
    /// A page with a link to the card page.
    #[default]
    Html,
    /// A page with a meta refresh.
    MetaRefresh,
    /// A page with a form that submits itself.
    SelfSubmit,
    /// A 302 with a `Location`.
    Redirect,
}

/// The key of the checkout URL in the `/v1.1/pay` reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlKey {
    /// `url`
    #[default]
    Url,
    /// `paymentUrl`
    PaymentUrl,
    /// `redirectUrl`
    RedirectUrl,
    /// `link`
    Link,
    /// `data.link`
    DataLink,
}

/// The JSON type of a `code`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeStyle {
    /// As documented or observed: a number from `/v1.1/pay`, a string from the others.
    #[default]
    Usual,
    /// `0`
    Number,
    /// `"0"`
    Text,
}

impl CodeStyle {
    /// The code 0 of a reply about mobile money or a payout.
    pub(crate) fn code_of_mobile(self) -> Value {
        match self {
            Self::Usual | Self::Text => "0".into(),
            Self::Number => 0.into(),
        }
    }
}

/// The body of a 401.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnauthorizedStyle {
    /// `{"status":401,"error":"Unauthorized","message":"…"}`
    #[default]
    Status,
    /// `{"code":"1","message":"Unauthorized"}`
    Code,
}

/// The format of an amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountStyle {
    /// `"50.0"`
    #[default]
    Decimal,
    /// `"50"`
    Whole,
    /// `50`
    Number,
}

/// The format of `createdAt`: Kinshasa's time without a time zone, except [`IsoUtc`](Self::IsoUtc).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedAtStyle {
    /// `06-02-2021 17:32:46`
    #[default]
    DayFirst,
    /// `2021-02-06 17:32:46`
    YearFirst,
    /// `2021-02-06T17:32:46`
    Iso,
    /// `2021-02-06T16:32:46Z`
    IsoUtc,
    /// `06/02/2021 17:32:46`
    Slashes,
}

/// The case of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStyle {
    /// As documented: `code`, `orderNumber`, `provider_reference`.
    #[default]
    Documented,
    /// With a capital: `Code`, `OrderNumber`, `Provider_reference`.
    Capital,
    /// With underscores: `code`, `order_number`, `provider_reference`.
    Underscore,
    /// Without underscores: `code`, `orderNumber`, `providerReference`.
    Camel,
}

impl KeyStyle {
    /// Converts a documented `key` to this style.
    pub(crate) fn apply(self, key: &str) -> String {
        match self {
            Self::Documented => key.to_owned(),
            Self::Capital => {
                let mut letters = key.chars();
                letters.next().map_or_else(String::new, |first| {
                    first.to_uppercase().chain(letters).collect()
                })
            }
            Self::Underscore => key.chars().fold(String::new(), |mut out, letter| {
                if letter.is_uppercase() {
                    out.push('_');
                }
                out.extend(letter.to_lowercase());
                out
            }),
            Self::Camel => {
                let mut words = key.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |out, word| out + &Self::Capital.apply(word))
            }
        }
    }
}

/// The JSON type of `code` in a callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackCode {
    /// `"0"`
    #[default]
    Text,
    /// `0`
    Number,
    /// `"0.0"`
    Decimal,
}

/// How an absent value is represented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValue {
    /// The key is omitted.
    #[default]
    Absent,
    /// `null`
    Null,
    /// `""`
    Empty,
}

#[cfg(test)]
mod tests {
    use super::KeyStyle;

    #[test]
    fn keys_in_every_style() {
        assert_eq!(KeyStyle::Capital.apply("orderNumber"), "OrderNumber");
        assert_eq!(
            KeyStyle::Capital.apply("provider_reference"),
            "Provider_reference"
        );
        assert_eq!(KeyStyle::Underscore.apply("orderNumber"), "order_number");
        assert_eq!(
            KeyStyle::Camel.apply("provider_reference"),
            "providerReference"
        );
        assert_eq!(KeyStyle::Documented.apply("orderNumber"), "orderNumber");
    }
}
