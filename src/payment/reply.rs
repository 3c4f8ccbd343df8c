//! What the gateway answers to a payment request.

use std::borrow::Cow;

use super::{Payment, PaymentRequest};
use crate::address;
use crate::config::Api;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::token::Token;
use crate::wire::fields::{Field, Fields, Unreadable};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::named_order::NamedOrder;
use crate::wire::page::{self, Page};
use crate::wire::reply::Reply;
use crate::wire::{is_success, json, printable};

/// What was asked, where, and of which form of the service.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a PaymentRequest,
    pub(crate) api: Api,
    pub(crate) pay_url: &'a str,
}

impl Payment {
    /// Reads the gateway's answer to a payment request. It is not documented: this is what was seen.
    pub(crate) fn read(reply: &Reply, asked: &Asked<'_>) -> Result<Self> {
        Self::from_reply(reply, asked).map_err(|error| beside_an_order(error, reply, asked))
    }

    fn from_reply(reply: &Reply, asked: &Asked<'_>) -> Result<Self> {
        match reply.status {
            301 | 302 | 303 | 307 | 308 => Self::from_location(reply, asked),
            status if reply.is_success() => {
                let body = reply.body()?;
                Self::from_body(body, reply, asked).map_err(|error| {
                    error
                        .with_status(status)
                        .or_gateway_message(|| reply.gateway_message())
                })
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
    fn at(redirect_url: &str, asked: &Asked<'_>) -> Result<Self> {
        let redirect_url = redirect_url.trim();
        address::check_card_page(redirect_url)
            .map_err(|problem| bad_address(redirect_url, problem))?;
        if asked.request.is_own(redirect_url) {
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

    fn from_location(reply: &Reply, asked: &Asked<'_>) -> Result<Self> {
        let location = reply.location.as_deref().map(str::trim);
        let payment = match location.map(|location| address::resolve(asked.pay_url, location)) {
            Some(moved) if address::is_moved(asked.pay_url, &moved) => Err(unusable(format!(
                "the gateway redirects to {:?}, which is no card page: its address seems to have \
                 moved there (see pay_url)",
                printable(&moved, 200)
            ))
            .about("redirect_url")),
            Some(address) => Self::at(&address, asked),
            None => Err(unusable("a redirect came that says nowhere to go")),
        };
        payment.map_err(|error| error.with_status(reply.status))
    }

    fn from_body(body: &[u8], reply: &Reply, asked: &Asked<'_>) -> Result<Self> {
        let text = reply.decode(body);
        let start = json::trim_start(&text);
        if start.starts_with('<') {
            return match asked.api {
                Api::V1 => Self::from_page(&text, reply, asked),
                // A JSON service: a firewall, a login or maintenance is what a page comes from.
                Api::V1_1 => Err(no_payment_page(
                    "a web page came in the place of JSON",
                    &page::read(start, &reply.token),
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
        Self::from_json(start, &reply.token, asked).unwrap_or_else(
            |Unreadable { field, problem }| {
                let error = unusable(format!("the reply: {} {problem}", field.unwrap_or("it")));
                Err(match field {
                    Some(field) => error.about(field),
                    None => error,
                })
            },
        )
    }

    /// The outer error: what cannot be read. The inner: what was read, and is no payment.
    fn from_json(text: &str, token: &Token, asked: &Asked<'_>) -> Result<Result<Self>, Unreadable> {
        let mut fields = Fields::read(text, token)?;
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
            return Ok(Self::at(&redirect_url, asked).map(|payment| Self {
                order_number: owned(order_number),
                code: owned(code),
                message: owned(message),
                ..payment
            }));
        }
        let words = GatewayMessage {
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
            unusable(format!("{problem}{order}{}", words.quoted())).with_gateway_message(words)
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
    fn from_page(html: &str, reply: &Reply, asked: &Asked<'_>) -> Result<Self> {
        let page = page::read(html, &reply.token);
        let has_token = reply.echoed_token || page.has_token;
        if page.asks_password {
            return Err(no_payment_page(
                "a page that asks for a password came",
                &page,
            ));
        }
        let foreign = |action: &String| {
            !posts_to_gateway(action, asked.pay_url) && !asked.request.is_own(action)
        };
        if page.form_actions.iter().any(foreign) {
            return Err(no_payment_page(
                "a page with a form to a foreign host came",
                &page,
            ));
        }
        // A form may submit itself, or wait for the customer: only a browser can tell.
        if page.has_form {
            return Self::whole(html, has_token);
        }
        if let Some(address) = &page.refresh {
            return Self::at(address, asked);
        }
        let mut card_page: Option<&str> = None;
        let mut others = page.has_script;
        let mut refused: Option<(&str, &str)> = None;
        if page.links.len() > MOST_LINKS {
            return Self::whole(html, has_token);
        }
        for link in page.links.iter().map(|link| link.trim()) {
            if leads_nowhere(link) || asked.request.is_own(link) {
                continue;
            }
            match address::check_card_page(link) {
                Ok(()) if !address::is_checkout(link) => others |= address::leads_somewhere(link),
                Ok(()) if card_page.is_none_or(|before| before == link) => card_page = Some(link),
                // Two of them: the customer may choose.
                Ok(()) => return Self::whole(html, has_token),
                Err(problem) => refused = refused.or(Some((link, problem))),
            }
        }
        match (card_page, refused) {
            (Some(link), _) => Self::at(link, asked),
            (None, _) if others => Self::whole(html, has_token),
            (None, Some((link, problem))) => Err(bad_address(link, problem)),
            (None, None) => {
                let words = GatewayMessage {
                    code: None,
                    message: Some(page.text).filter(|text| !text.is_empty()),
                };
                let message = format!("the gateway's page leads nowhere{}", words.quoted());
                Err(unusable(message).with_gateway_message(words))
            }
        }
    }

    fn whole(html: &str, has_token: bool) -> Result<Self> {
        // With the token in it anybody could use it; without, it is of no use to the customer.
        if has_token {
            return Err(unusable(
                "the gateway put the token into the page for the customer",
            ));
        }
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
fn beside_an_order(error: Error, reply: &Reply, asked: &Asked<'_>) -> Error {
    let Ok(body) = &reply.body else {
        return error;
    };
    let NamedOrder {
        order_number,
        addresses,
    } = NamedOrder::in_text(&reply.decode(body), &reply.token);
    let error = match error.outcome() {
        Outcome::Refused if order_number.is_some() => contradicted(&error, "names an order"),
        Outcome::Refused
            if addresses
                .iter()
                .any(|address| !asked.request.is_own(address)) =>
        {
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
    let error = unusable(message).with_gateway_message(GatewayMessage {
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
fn no_payment_page(what: &str, page: &Page) -> Error {
    let name = match page.title.as_str() {
        "" => &page.text,
        title => title,
    };
    unusable(format!(
        "{what}, and no payment: {:?} (a firewall, a login or maintenance?)",
        printable(name, 80)
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
pub(crate) fn refused(what: &str, words: GatewayMessage) -> Error {
    Error::new(
        ErrorCode::Refused,
        Outcome::Refused,
        format!("the gateway refused {what}{}", words.quoted()),
    )
    .with_gateway_message(words)
}
