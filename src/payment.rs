//! A payment request, and what the gateway answers to it.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

use crate::address;
use crate::amount::{Amount, AmountError};
use crate::config::{Api, Config};
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::signature::Signed;
use crate::token::{Spelling, Token};
use crate::transport::Body;
use crate::wire::fields::{Field, Fields, Unreadable};
use crate::wire::named_order::NamedOrder;
use crate::wire::reply::Reply;
use crate::wire::words::Words;
use crate::wire::{charset, form, is_success, json, page, printable};

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
                let authorization = token.stand_in(Spelling::Form);
                Body::Form(self.encode_form(&config.merchant, &authorization, callback_url))
            }
            Api::V1_1 => {
                let authorization = token.stand_in(Spelling::Json);
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

impl Payment {
    /// Reads the gateway's answer to a payment request that was sent to `pay_url`. It is not
    /// documented; see wire.md for what was seen.
    pub(crate) fn read(
        reply: &Reply,
        request: &PaymentRequest,
        api: Api,
        pay_url: &str,
    ) -> Result<Self> {
        Self::from_reply(reply, request, api, pay_url)
            .map_err(|error| beside_an_order(error, reply, request))
    }

    fn from_reply(
        reply: &Reply,
        request: &PaymentRequest,
        api: Api,
        pay_url: &str,
    ) -> Result<Self> {
        match reply.status {
            301 | 302 | 303 | 307 | 308 => Self::from_location(reply, request, pay_url),
            status if reply.is_success() => {
                let body = reply.body()?;
                Self::from_body(body, reply.content_type.as_deref(), request, api, pay_url)
                    .and_then(|payment| match payment.page {
                        // Without it the page is of no use, and with it of use to anybody.
                        Some(_) if reply.echoed_token => Err(unusable(
                            "the gateway put the token into the page for the customer",
                        )),
                        _ => Ok(payment),
                    })
                    .map_err(|error| error.with_status(status).or_words(|| reply.words()))
            }
            _ => {
                let refusal = reply.refusal("the payment request");
                // A refusal that says "success" is no refusal one could rely on.
                match refusal.gateway_code() {
                    Some(code) if refusal.outcome() == Outcome::Refused && is_success(code) => {
                        Err(reply.contradiction(&refusal))
                    }
                    _ => Err(refusal),
                }
            }
        }
    }

    /// A payment at an address, if it is one to send a customer to. The shop's own is not: being
    /// sent back there is what a refusal looks like.
    fn at(redirect_url: &str, request: &PaymentRequest) -> Result<Self> {
        let redirect_url = redirect_url.trim();
        address::check_card_page(redirect_url)
            .map_err(|problem| bad_address(redirect_url, problem))?;
        if request.is_own(redirect_url) {
            return Err(bad_address(redirect_url, "leads back to the shop"));
        }
        Ok(Self {
            redirect_url: Some(redirect_url.to_owned()),
            order_number: None,
            code: None,
            message: None,
            page: None,
        })
    }

    fn from_location(reply: &Reply, request: &PaymentRequest, pay_url: &str) -> Result<Self> {
        let location = reply.location.as_deref().map(str::trim);
        let payment = match location.map(|location| address::resolve(pay_url, location)) {
            Some(moved) if address::is_moved(pay_url, &moved) => Err(unusable(format!(
                "the gateway redirects to {:?}, which is no card page: its address seems to have \
                 moved there (see pay_url)",
                printable(&moved, 200)
            ))
            .about("redirect_url")),
            Some(address) => Self::at(&address, request),
            None => Err(unusable("a redirect came that says nowhere to go")),
        };
        payment.map_err(|error| error.with_status(reply.status))
    }

    fn from_body(
        body: &[u8],
        content_type: Option<&str>,
        request: &PaymentRequest,
        api: Api,
        pay_url: &str,
    ) -> Result<Self> {
        let text = charset::decode(body, content_type);
        let start = json::trim_start(&text);
        if start.starts_with('<') {
            return match api {
                Api::V1 => Self::from_page(&text, request, pay_url),
                // A JSON service: a firewall, a login or maintenance is what a page comes from.
                Api::V1_1 => Err(no_payment_page(
                    "a web page came in the place of JSON",
                    start,
                )),
            };
        }
        if !start.starts_with('{') {
            return Err(unusable(match start {
                "" => "the reply is empty".to_owned(),
                _ => format!(
                    "the reply is neither JSON nor a page: {:?}",
                    printable(start, 60)
                ),
            }));
        }
        Self::from_json(start, request).unwrap_or_else(|Unreadable { field, problem }| {
            let error = unusable(format!("the reply: {} {problem}", field.unwrap_or("it")));
            Err(match field {
                Some(field) => error.about(field),
                None => error,
            })
        })
    }

    /// The outer error: what cannot be read. The inner: what was read, and is no payment.
    fn from_json(text: &str, request: &PaymentRequest) -> Result<Result<Self>, Unreadable> {
        let mut fields = Fields::read(text)?;
        if fields.is_object(Field::Data) {
            fields.open(Field::Data)?;
        }
        let code = fields.text(Field::Code)?;
        let message = fields.text_if_any(Field::Message)?;
        let order_number = fields.text(Field::OrderNumber)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let refused_by_code = code.as_deref().is_some_and(|code| !is_success(code));
        // Another shape of refusal, `{"status":401,"error":…}`, has no code; an address beside it
        // is no card page.
        let complains = code.is_none() && fields.complains();
        let redirect_url = Self::one_address(&mut fields)?;
        if let (false, false, Some(redirect_url)) = (refused_by_code, complains, redirect_url) {
            return Ok(Self::at(&redirect_url, request).map(|payment| Self {
                order_number: owned(order_number),
                code: owned(code),
                message: owned(message),
                ..payment
            }));
        }
        let words = Words {
            code: owned(code.or(fields.text(Field::Status)?)),
            message: owned(match message {
                Some(message) => Some(message),
                None => fields.text_if_any(Field::Error)?,
            }),
        };
        if refused_by_code {
            return Ok(Err(refused("the payment request", words)));
        }
        let order = order_number.map_or(String::new(), |order| {
            format!(" (order number {:?})", printable(&order, 60))
        });
        let problem = "the reply gives no address for the customer";
        Ok(Err(
            unusable(format!("{problem}{order}{}", words.quoted())).with_words(words)
        ))
    }

    /// The address of the card page, under whichever of its names it came.
    fn one_address<'a>(fields: &mut Fields<'a>) -> Result<Option<Cow<'a, str>>, Unreadable> {
        let mut one: Option<Cow<'_, str>> = None;
        for key in [
            Field::Url,
            Field::PaymentUrl,
            Field::RedirectUrl,
            Field::Link,
        ] {
            match (&one, fields.text(key)?) {
                (_, None) => {}
                (None, found) => one = found,
                (Some(before), Some(found)) if *before == found => {}
                _ => {
                    let problem = "is given more than once, with different values";
                    return Err(Unreadable::field(key, problem));
                }
            }
        }
        Ok(one)
    }

    /// Where the page leads, if that can be told; else the page itself, to be shown as it is.
    fn from_page(html: &str, request: &PaymentRequest, pay_url: &str) -> Result<Self> {
        let page = page::read(html);
        if page.asks_password {
            return Err(no_payment_page(
                "a page that asks for a password came",
                html,
            ));
        }
        let foreign =
            |action: &String| !posts_to_gateway(action, pay_url) && !request.is_own(action);
        if page.form_actions.iter().any(foreign) {
            return Err(no_payment_page(
                "a page with a form to a foreign host came",
                html,
            ));
        }
        // A form may submit itself, or wait for the customer: only a browser can tell.
        if page.has_form {
            return Self::whole(html);
        }
        if let Some(address) = &page.refresh {
            return Self::at(address, request);
        }
        let mut card_page: Option<&str> = None;
        let mut others = page.has_script;
        let mut refused: Option<(&str, &str)> = None;
        if page.links.len() > MOST_LINKS {
            return Self::whole(html);
        }
        for link in page.links.iter().map(|link| link.trim()) {
            if leads_nowhere(link) || request.is_own(link) {
                continue;
            }
            match address::check_card_page(link) {
                Ok(()) if !address::is_checkout(link) => others |= address::leads_somewhere(link),
                Ok(()) if card_page.is_none_or(|before| before == link) => card_page = Some(link),
                // Two of them: the customer may choose.
                Ok(()) => return Self::whole(html),
                Err(problem) => refused = refused.or(Some((link, problem))),
            }
        }
        match (card_page, refused) {
            (Some(link), _) => Self::at(link, request),
            (None, _) if others => Self::whole(html),
            (None, Some((link, problem))) => Err(bad_address(link, problem)),
            (None, None) => {
                let words = Words {
                    code: None,
                    message: Some(page.text).filter(|text| !text.is_empty()),
                };
                let message = format!("the gateway's page leads nowhere{}", words.quoted());
                Err(unusable(message).with_words(words))
            }
        }
    }

    fn whole(html: &str) -> Result<Self> {
        if html.contains('\0') {
            return Err(unusable("the gateway's page has a NUL in it"));
        }
        Ok(Self {
            redirect_url: None,
            order_number: None,
            code: None,
            message: None,
            page: Some(html.to_owned()),
        })
    }
}

/// More links than the page before a card page has. One of very many is not looked for: the deadline
/// does not stop for it.
const MOST_LINKS: usize = 200;

/// The error that says what the merchant must know beside it: a "no" with an order, or with an
/// address at which it can be paid, is no "no". Something may exist, so nothing may be repeated.
fn beside_an_order(error: Error, reply: &Reply, request: &PaymentRequest) -> Error {
    let Ok(body) = &reply.body else {
        return error;
    };
    let NamedOrder {
        order_number,
        addresses,
    } = NamedOrder::in_body(body, reply.content_type.as_deref());
    let error = match error.outcome() {
        Outcome::Refused if order_number.is_some() => contradicted(&error, "names an order"),
        Outcome::Refused if addresses.iter().any(|address| !request.is_own(address)) => {
            contradicted(&error, "has an address for the customer")
        }
        _ => error,
    };
    error.with_order_number(order_number)
}

fn contradicted(refusal: &Error, beside: &str) -> Error {
    let message = format!(
        "the reply says no, and it {beside}: find out first whether there is a payment; {}",
        refusal.message()
    );
    let error = unusable(message).with_words(Words {
        code: refusal.gateway_code().map(str::to_owned),
        message: refusal.gateway_message().map(str::to_owned),
    });
    match refusal.http_status() {
        Some(status) if (200..300).contains(&status) => error.with_status(status).about("code"),
        Some(status) => error.with_status(status),
        None => error,
    }
}

/// A page that nobody pays on, named by its title or its first words.
fn no_payment_page(what: &str, html: &str) -> Error {
    let page = page::read(html);
    let name = match page.title.as_str() {
        "" => page.text,
        title => title.to_owned(),
    };
    unusable(format!(
        "{what}, and no payment: {:?} (a firewall, a login or maintenance?)",
        printable(&name, 80)
    ))
}

/// Whether a form posts to the gateway, under the host that was asked or a domain of its own, or to
/// a card page.
fn posts_to_gateway(action: &str, pay_url: &str) -> bool {
    let action = address::resolve(pay_url, action);
    let host = address::host(&action);
    let of = |domain: &str| {
        let name = host.strip_suffix(domain);
        name.is_some_and(|name| name.is_empty() || name.ends_with('.'))
    };
    host == address::host(pay_url)
        || of("flexpay.cd")
        || of("flexpaie.com")
        || address::is_checkout(&action) && address::check_card_page(&action).is_ok()
}

/// A link that stays on the page or opens no page.
fn leads_nowhere(link: &str) -> bool {
    let begins = |with: &str| {
        link.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    link.is_empty()
        || ["#", "mailto:", "tel:", "javascript:"]
            .into_iter()
            .any(begins)
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Reply, Outcome::Unknown, message)
}

fn bad_address(address: &str, problem: &str) -> Error {
    unusable(format!(
        "redirect_url: the gateway gave {:?}, which {problem}",
        printable(address, 200)
    ))
    .about("redirect_url")
}

/// The gateway's "no" with its own words.
pub(crate) fn refused(what: &str, words: Words) -> Error {
    Error::new(
        ErrorCode::Refused,
        Outcome::Refused,
        format!("the gateway refused {what}{}", words.quoted()),
    )
    .with_words(words)
}
