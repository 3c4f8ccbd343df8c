//! The ways the live gateway has been seen to differ from its document, each one a switch.

use serde::{Deserialize, Serialize};

/// How the gateway words its replies. The default is the documented gateway; every other value has
/// been met in a public integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The shape of the `/v1/pay` and `/v2/pay` reply.
    pub reply_style: ReplyStyle,
    /// Where `/v1.1/pay` puts the checkout address.
    pub url_key: UrlKey,
    /// How `/v1.1/pay` and Check spell `code`.
    pub code_style: CodeStyle,
    /// The body of a 401.
    pub unauthorized_style: UnauthorizedStyle,
    /// Refuse a callback address on localhost or on a private network, as the live gateway does.
    pub refuse_private_callbacks: bool,

    /// The first n checks of an order find nothing.
    pub not_found_checks: u32,
    /// Checks of an order younger than this many milliseconds find nothing.
    pub not_found_ms: u64,
    /// While a payment is pending, the first n checks that find it say status `1`.
    pub early_failure_checks: u32,
    /// Check puts the order number where `reference` belongs.
    pub order_number_as_reference: bool,
    /// Check leaves `orderNumber` out.
    pub omit_order_number: bool,
    /// How Check spells an amount.
    pub amount_style: AmountStyle,
    /// How Check spells `createdAt`.
    pub created_at_style: CreatedAtStyle,
    /// The comma before the closing brace of `transaction` that the gateway's document prints.
    pub stray_comma: bool,
    /// How Check spells its three outer keys.
    pub check_keys: KeyStyle,

    /// Callbacks also carry amount, amountCustomer, phone, currency, createdAt, channel, message.
    pub callback_extra_fields: bool,
    /// How callbacks spell their keys.
    pub callback_keys: KeyStyle,
    /// How callbacks spell `code`.
    pub callback_code: CallbackCode,
    /// What stands for `provider_reference` in the callback of a payment that did not succeed.
    pub missing_provider_reference: MissingValue,
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

/// The key under which `/v1.1/pay` hands out the checkout address.
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

/// How a `code` is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeStyle {
    /// As the documents print it: a number from `/v1.1/pay`, text from Check.
    #[default]
    Usual,
    /// `0`
    Number,
    /// `"0"`
    Text,
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

/// How an amount is spelled.
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

/// How `createdAt` is spelled. None of them but the last names a time zone; it is Kinshasa's.
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

/// How keys are spelled.
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
    /// The documented `key` in this spelling.
    pub(crate) fn spell(self, key: &str) -> String {
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
                words.fold(first, |out, word| out + &Self::Capital.spell(word))
            }
        }
    }
}

/// How a callback spells `code`.
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

/// What stands for a value that there is none of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValue {
    /// The key is left out.
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
    fn keys_are_spelled_as_met() {
        assert_eq!(KeyStyle::Capital.spell("orderNumber"), "OrderNumber");
        assert_eq!(
            KeyStyle::Capital.spell("provider_reference"),
            "Provider_reference"
        );
        assert_eq!(KeyStyle::Underscore.spell("orderNumber"), "order_number");
        assert_eq!(
            KeyStyle::Camel.spell("provider_reference"),
            "providerReference"
        );
        assert_eq!(KeyStyle::Documented.spell("orderNumber"), "orderNumber");
    }
}
