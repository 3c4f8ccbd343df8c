//! A payment request, and the payment that results from it.

use serde::Serialize;
use std::fmt::Write as _;

use crate::address;
use crate::amount::{Amount, AmountError};
use crate::config::{Api, Config};
use crate::error::{Error, Result};
use crate::signature::SignedPayment;
use crate::token::{Place, Token};
use crate::transport::Body;
use crate::wire::{percent, printable};

mod reply;

pub(crate) use reply::{PaymentContext, refused};

/// A request for a payment by a customer. The fields are named as in the gateway's document.
///
/// The two other fields of that document, `authorization` and `merchant`, come from the [`Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// into the merchant's app (`monapp://paiement?status=ok`). The next three fields accept the same.
    pub approve_url: Option<String>,
    /// Where the browser is sent after the customer cancelled.
    pub cancel_url: Option<String>,
    /// Where the browser is sent after the card was declined.
    pub decline_url: Option<String>,
    /// The shop's front page. Only `/v1.1/pay` has this field; it is not sent to `/v1/pay`.
    pub home_url: Option<String>,
}

/// A payment that the gateway accepted. The customer has not paid yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Where to send the customer: an absolute https address (http on this machine only), already
    /// checked. `None` if there is a [`page`](Self::page) instead.
    pub redirect_url: Option<String>,
    /// The gateway's number for the transaction, which `check` and `wait` need. `/v1.1/pay` returns
    /// one, `/v1/pay` does not.
    pub order_number: Option<String>,
    /// The gateway's code, as received.
    pub code: Option<String>,
    /// The gateway's message.
    pub message: Option<String>,
    /// The complete HTML page to send to the customer's browser, if the gateway's page cannot be
    /// replaced by an address (for example, a form that submits itself).
    pub page: Option<String>,
}

impl PaymentRequest {
    /// Refuses what no gateway could accept. Limits on lengths, or on fractions of a franc, are left
    /// to the gateway.
    pub(crate) fn validate(&self) -> Result<Amount> {
        validate_reference(&self.reference)?;
        let amount = validate_amount(&self.amount)?;
        validate_currency(&self.currency)?;
        for (name, url) in self.addresses() {
            if let Some(url) = url {
                // The gateway posts to the callback address; a browser opens the others.
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

    /// The values that the signature in the callback address covers.
    pub(crate) fn signed_payment(&self, amount: Amount) -> SignedPayment<'_> {
        SignedPayment {
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

    /// Encodes the request, with a placeholder for the token: the transport inserts the token just
    /// before sending. It is the first field, so that it is sent in one piece. `callback_url` is the
    /// signed callback address.
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
    fn is_on_shop_site(&self, url: &str) -> bool {
        let mut shop_urls = self.addresses().into_iter().filter_map(|(_, url)| url);
        shop_urls.any(|shop_url| address::same_site(shop_url, url))
    }
}

/// Checks a merchant's reference. If the gateway trimmed it, or removed invisible characters, every
/// paid order would be a mismatch.
pub(crate) fn validate_reference(reference: &str) -> Result<()> {
    if reference.trim().is_empty() {
        return Err(Error::invalid("reference", "is missing"));
    }
    if let Some(c) = reference.chars().find(|&c| is_invisible(c)) {
        let code = u32::from(c);
        return Err(Error::invalid(
            "reference",
            format!(
                "contains the character U+{code:04X}, which is invisible and which a gateway may remove"
            ),
        ));
    }
    if reference.trim() != reference {
        return Err(Error::invalid(
            "reference",
            "begins or ends with whitespace, which a gateway may remove",
        ));
    }
    Ok(())
}

/// Control characters, line endings, and the Unicode characters that have no width or change the
/// text direction.
fn is_invisible(c: char) -> bool {
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

/// Parses the amount of a payment request: a plain decimal greater than zero.
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

/// Checks that the gateway accepts a currency.
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
