//! Reads the gateway's reply to a request for a payment by card.

use std::borrow::Cow;

use super::refusal::{not_a_payment_page, refused, refused_by_status, with_named_order};
use super::{Payment, PaymentRequest};
use crate::address;
use crate::config::{Api, Service};
use crate::error::{Error, Result};
use crate::token::Token;
use crate::wire::fields::{Field, Fields, ParseError};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::page;
use crate::wire::reply::{Reply, reply_error, unreadable_reply};
use crate::wire::{is_success, json, printable};

/// The payment request, and the API and address it was sent to.
pub(crate) struct CardContext<'a> {
    pub(crate) request: &'a PaymentRequest,
    pub(crate) api: Api,
    pub(crate) service: Service<'a>,
}

impl Payment {
    /// Reads the gateway's reply to a request for a payment by card. The replies are not
    /// documented: this accepts those that were observed.
    pub(crate) fn read_card(reply: &Reply, context: &CardContext<'_>) -> Result<Self> {
        let is_payment_address = |address: &str| !context.request.is_on_shop_site(address);
        Self::from_reply(reply, context)
            .map_err(|error| with_named_order(error, reply, is_payment_address))
    }

    fn from_reply(reply: &Reply, context: &CardContext<'_>) -> Result<Self> {
        match reply.status {
            301 | 302 | 303 | 307 | 308 => Self::from_location(reply, context),
            status if reply.is_success() => {
                let body = reply.body()?;
                Self::from_body(body, reply, context).map_err(|error| {
                    error
                        .with_status(status)
                        .or_gateway_message(|| reply.gateway_message())
                })
            }
            _ => Err(refused_by_status(context.service.request, reply)),
        }
    }

    /// A payment with this card page, if a customer may be sent there. The shop's own sites are
    /// refused: a gateway that refuses a payment sends the customer back to the shop.
    fn with_redirect_url(redirect_url: &str, context: &CardContext<'_>) -> Result<Self> {
        let redirect_url = redirect_url.trim();
        address::check_card_page(redirect_url)
            .map_err(|problem| bad_address(redirect_url, problem))?;
        if context.request.is_on_shop_site(redirect_url) {
            return Err(bad_address(redirect_url, "leads back to the shop"));
        }
        Ok(Self {
            redirect_url: Some(redirect_url.to_owned()),
            ..Self::default()
        })
    }

    fn from_location(reply: &Reply, context: &CardContext<'_>) -> Result<Self> {
        let location = reply.location.as_deref().map(str::trim);
        let payment = match location.map(|location| address::resolve(context.service.url, location))
        {
            Some(moved) if address::is_moved(context.service.url, &moved) => {
                Err(reply_error(format!(
                    "the gateway redirects to {:?}, which is not a card page: its address seems to \
                 have moved there (see pay_url)",
                    printable(&moved, 200)
                ))
                .about("redirect_url"))
            }
            Some(address) => Self::with_redirect_url(&address, context),
            None => Err(reply_error("the reply is a redirect without an address")),
        };
        payment.map_err(|error| error.with_status(reply.status))
    }

    fn from_body(body: &[u8], reply: &Reply, context: &CardContext<'_>) -> Result<Self> {
        let text = reply.decode(body);
        let start = json::trim_start(&text);
        if start.starts_with('<') {
            return match context.api {
                Api::V1 => Self::from_page(&text, reply, context),
                // This API replies with JSON: a page comes from a firewall, a login or maintenance.
                Api::V1_1 => Err(not_a_payment_page(
                    "a web page was received instead of JSON",
                    &page::read(start, &reply.token),
                )),
            };
        }
        if !start.starts_with('{') {
            return Err(reply_error(match start {
                "" => "the reply is empty".to_owned(),
                _ => format!(
                    "the reply is neither JSON nor a page: {:?}",
                    printable(start, 60)
                ),
            }));
        }
        Self::from_json(start, &reply.token, context)
            .unwrap_or_else(|problem| Err(unreadable_reply(problem)))
    }

    /// Reads a JSON reply. The outer error means that it cannot be read; the inner one, that it was
    /// read and is not a payment.
    fn from_json(
        text: &str,
        token: &Token,
        context: &CardContext<'_>,
    ) -> Result<Result<Self>, ParseError> {
        let mut fields = Fields::read(text, token)?;
        if fields.is_object(Field::Data) {
            fields.merge_nested(Field::Data)?;
        }
        let code = fields.take_text(Field::Code)?;
        let message = fields.take_text_lenient(Field::Message)?;
        let order_number = fields.take_text(Field::OrderNumber)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let refused_by_code = code.as_deref().is_some_and(|code| !is_success(code));
        // Another form of refusal, `{"status":401,"error":…}`, has no code. An address in it is not a
        // card page.
        let reports_error = code.is_none() && fields.reports_error();
        let redirect_url = Self::take_redirect_url(&mut fields)?;
        if !refused_by_code
            && !reports_error
            && let Some(redirect_url) = redirect_url
        {
            return Ok(
                Self::with_redirect_url(&redirect_url, context).map(|payment| Self {
                    order_number: owned(order_number),
                    code: owned(code),
                    message: owned(message),
                    ..payment
                }),
            );
        }
        let gateway_message = GatewayMessage {
            code: owned(code.or(fields.take_text(Field::Status)?)),
            message: owned(match message {
                Some(message) => Some(message),
                None => fields.take_text_lenient(Field::Error)?,
            }),
        };
        if refused_by_code {
            return Ok(Err(refused(context.service.request, gateway_message)));
        }
        let order = order_number.map_or(String::new(), |order| {
            format!(" (order number {:?})", printable(&order, 60))
        });
        let problem = "the reply has no address for the customer";
        Ok(Err(reply_error(format!(
            "{problem}{order}{}",
            gateway_message.as_suffix()
        ))
        .with_gateway_message(gateway_message)))
    }

    /// Takes the address of the card page, whichever of its field names was used.
    fn take_redirect_url<'a>(fields: &mut Fields<'a>) -> Result<Option<Cow<'a, str>>, ParseError> {
        let mut redirect_url: Option<Cow<'_, str>> = None;
        for key in [
            Field::Url,
            Field::PaymentUrl,
            Field::RedirectUrl,
            Field::Link,
        ] {
            match (&redirect_url, fields.take_text(key)?) {
                (_, None) => {}
                (None, found) => redirect_url = found,
                (Some(before), Some(found)) if *before == found => {}
                _ => {
                    let problem = "is given more than once, with different values";
                    return Err(ParseError::field(key, problem));
                }
            }
        }
        Ok(redirect_url)
    }

    /// A payment with the address that the page leads to, if it can be determined; else with the
    /// complete page.
    fn from_page(html: &str, reply: &Reply, context: &CardContext<'_>) -> Result<Self> {
        let page = page::read(html, &reply.token);
        let has_token = reply.echoed_token || page.has_token;
        if page.has_password_field {
            return Err(not_a_payment_page(
                "a page that asks for a password was received",
                &page,
            ));
        }
        let foreign = |action: &String| {
            !posts_to_gateway(action, context.service.url)
                && !context.request.is_on_shop_site(action)
        };
        if page.form_actions.iter().any(foreign) {
            return Err(not_a_payment_page(
                "a page with a form to a foreign host was received",
                &page,
            ));
        }
        // Only a browser can determine whether a form submits itself or waits for the customer.
        if page.has_form {
            return Self::with_page(html, has_token);
        }
        if let Some(address) = &page.refresh {
            return Self::with_redirect_url(address, context);
        }
        let mut card_page: Option<&str> = None;
        let mut others = page.has_script;
        let mut refused: Option<(&str, &str)> = None;
        if page.links.len() > MAX_LINKS {
            return Self::with_page(html, has_token);
        }
        for link in page.links.iter().map(|link| link.trim()) {
            if opens_no_page(link) || context.request.is_on_shop_site(link) {
                continue;
            }
            match address::check_card_page(link) {
                Ok(()) if !address::is_checkout(link) => others |= address::has_path_or_query(link),
                Ok(()) if card_page.is_none_or(|before| before == link) => card_page = Some(link),
                // Two different card pages: the customer may choose.
                Ok(()) => return Self::with_page(html, has_token),
                Err(problem) => refused = refused.or(Some((link, problem))),
            }
        }
        match (card_page, refused) {
            (Some(link), _) => Self::with_redirect_url(link, context),
            (None, _) if others => Self::with_page(html, has_token),
            (None, Some((link, problem))) => Err(bad_address(link, problem)),
            (None, None) => {
                let gateway_message = GatewayMessage {
                    code: None,
                    message: Some(page.text).filter(|text| !text.is_empty()),
                };
                let message = format!(
                    "the gateway's page has no link to a card page{}",
                    gateway_message.as_suffix()
                );
                Err(reply_error(message).with_gateway_message(gateway_message))
            }
        }
    }

    fn with_page(html: &str, has_token: bool) -> Result<Self> {
        // If the page was sent with the token in it, anyone could use the token. With the token
        // masked, the page may not work.
        if has_token {
            return Err(reply_error(
                "the gateway put the token into the page for the customer",
            ));
        }
        if html.contains('\0') {
            return Err(reply_error("the gateway's page contains a NUL"));
        }
        Ok(Self {
            page: Some(html.to_owned()),
            ..Self::default()
        })
    }
}

/// A page that leads to a card page has fewer links. In a page with more, no card page is searched
/// for, since the deadline would not stop the search.
const MAX_LINKS: usize = 200;

/// Whether a form posts to the gateway (the host of `pay_url`, or one of FlexPay's domains) or to a
/// card page.
fn posts_to_gateway(action: &str, pay_url: &str) -> bool {
    let action = address::resolve(pay_url, action);
    let host = address::host(&action);
    let is_in = |domain: &str| {
        let name = host.strip_suffix(domain);
        name.is_some_and(|name| name.is_empty() || name.ends_with('.'))
    };
    host == address::host(pay_url)
        || is_in("flexpay.cd")
        || is_in("flexpaie.com")
        || address::is_checkout(&action) && address::check_card_page(&action).is_ok()
}

/// Whether a link stays on the page, or opens something other than a page.
fn opens_no_page(link: &str) -> bool {
    let begins = |with: &str| {
        link.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    link.is_empty()
        || ["#", "mailto:", "tel:", "javascript:"]
            .into_iter()
            .any(begins)
}

fn bad_address(address: &str, problem: &str) -> Error {
    reply_error(format!(
        "redirect_url: the gateway sent {:?}, which {problem}",
        printable(address, 200)
    ))
    .about("redirect_url")
}
