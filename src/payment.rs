//! A payment request, and the payment that comes of it.

use serde::Serialize;
use std::fmt::Write as _;

use crate::address;
use crate::amount::{Amount, AmountError};
use crate::config::{Api, Config};
use crate::error::{Error, Result};
use crate::signature::Signed;
use crate::token::{Place, Token};
use crate::transport::Body;
use crate::wire::{form, printable};

mod reply;

pub(crate) use reply::{Asked, refused};

/// What a merchant asks a customer to pay. Field names are those of the gateway's document.
///
/// `authorization` and `merchant`, the other two of its ten fields, come from the [`Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentRequest {
    /// The merchant's own reference. Never use one twice: a used reference is the gateway's only
    /// guard against a repeat.
    pub reference: String,
    /// A plain decimal greater than zero with at most two decimals: `"100"`, `"25.50"`. Sent as
    /// it is.
    pub amount: String,
    /// `"CDF"` or `"USD"`.
    pub currency: String,
    /// What is being paid for, shown to the customer.
    pub description: Option<String>,
    /// Where the gateway posts its notice. It refuses addresses on localhost or a private network.
    pub callback_url: Option<String>,
    /// Where the customer's browser goes after paying: http or https, or a link into the merchant's
    /// app (`monapp://paiement?status=ok`). So the three that follow.
    pub approve_url: Option<String>,
    /// Where it goes after the customer pressed "cancel".
    pub cancel_url: Option<String>,
    /// Where it goes when the card was declined.
    pub decline_url: Option<String>,
    /// The shop's front page. Only `/v1.1/pay` knows this field; elsewhere it is not sent.
    pub home_url: Option<String>,
}

/// A payment the gateway has taken in: the customer has yet to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Where to send the customer: an absolute https address (http on this machine only), checked.
    /// `None` when there is a [`page`](Self::page) instead.
    pub redirect_url: Option<String>,
    /// The gateway's number for the transaction, which `check` and `wait` need. `/v1/pay` gives
    /// none; `/v1.1/pay` does.
    pub order_number: Option<String>,
    /// The gateway's code, as it came.
    pub code: Option<String>,
    /// The gateway's words.
    pub message: Option<String>,
    /// Where the gateway's page cannot be told as an address (a form that submits itself): the
    /// page, whole, to hand to the customer's browser.
    pub page: Option<String>,
}

impl PaymentRequest {
    /// Refuses what no gateway could accept. A length or a whole-franc rule is the gateway's to
    /// judge.
    pub(crate) fn validate(&self) -> Result<Amount> {
        validate_reference(&self.reference)?;
        let amount = validate_amount(&self.amount)?;
        validate_currency(&self.currency)?;
        for (name, url) in self.addresses() {
            if let Some(url) = url {
                // The gateway itself posts to the callback address; a browser opens the others.
                let check = match name {
                    "callback_url" => address::check_absolute,
                    _ => address::check_return,
                };
                check(url).map_err(|problem| {
                    Error::invalid(name, format!("{:?} {problem}", printable(url, 100)))
                })?;
            }
        }
        Ok(amount)
    }

    /// What the callback address is signed for.
    pub(crate) fn signed(&self, amount: Amount) -> Signed<'_> {
        Signed {
            reference: &self.reference,
            amount,
            currency: &self.currency,
        }
    }

    fn addresses(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("callback_url", self.callback_url.as_deref()),
            ("approve_url", self.approve_url.as_deref()),
            ("cancel_url", self.cancel_url.as_deref()),
            ("decline_url", self.decline_url.as_deref()),
            ("home_url", self.home_url.as_deref()),
        ]
    }

    /// The request as it goes out, but for the token: a stand-in holds its place until the
    /// transport puts it there, at the last moment. It comes first, so that it is sent whole.
    /// `callback_url` is the request's, signed.
    pub(crate) fn encode(
        &self,
        config: &Config,
        token: &Token,
        callback_url: Option<&str>,
    ) -> Body {
        match config.api {
            Api::V1 => {
                let authorization = token.placeholder(Place::Form);
                Body::Form(self.encode_form(&config.merchant, &authorization, callback_url))
            }
            Api::V1_1 => {
                let authorization = token.placeholder(Place::Json);
                Body::Json(self.encode_json(&config.merchant, &authorization, callback_url))
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
            let _ = write!(body, "&{name}={}", form::encode(value));
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

    /// Whether an address leads back to the shop itself, as a "back" link on a page does.
    fn is_own(&self, url: &str) -> bool {
        let mut own = self.addresses().into_iter().filter_map(|(_, own)| own);
        own.any(|own| address::same_site(own, url))
    }
}

/// A merchant's reference. A gateway that trims it, or that shows it without what cannot be seen,
/// would make every paid order a mismatch.
pub(crate) fn validate_reference(reference: &str) -> Result<()> {
    if reference.trim().is_empty() {
        return Err(Error::invalid("reference", "is missing"));
    }
    if let Some(c) = reference.chars().find(|&c| is_unseen(c)) {
        let code = u32::from(c);
        return Err(Error::invalid(
            "reference",
            format!(
                "has the character U+{code:04X} in it, which nobody sees and a gateway may drop"
            ),
        ));
    }
    if reference.trim() != reference {
        return Err(Error::invalid(
            "reference",
            "has blanks at its ends, which a gateway may cut off",
        ));
    }
    Ok(())
}

/// Control characters and line ends, and the characters of Unicode that have no width or that turn
/// the direction of what follows.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// An amount that a merchant asks for: a plain decimal greater than zero.
pub(crate) fn validate_amount(text: &str) -> Result<Amount> {
    match Amount::parse(text) {
        Ok(amount) if amount.minor() > 0 => Ok(amount),
        Ok(_) => Err(Error::invalid("amount", "must be greater than zero")),
        Err(AmountError::Empty) => Err(Error::invalid("amount", "is missing")),
        Err(problem) => Err(Error::invalid(
            "amount",
            format!("{:?} {problem}", printable(text, 40)),
        )),
    }
}

/// A currency the gateway takes.
pub(crate) fn validate_currency(text: &str) -> Result<()> {
    match text {
        "CDF" | "USD" => Ok(()),
        "" => Err(Error::invalid("currency", "is missing")),
        other => Err(Error::invalid(
            "currency",
            format!("{:?} is neither CDF nor USD", printable(other, 20)),
        )),
    }
}
