//! Reads the gateway's reply to a request for a mobile payment or a payout: JSON in every case. There
//! is no page.

use std::borrow::Cow;

use super::Payment;
use super::refusal::{not_a_payment_page, refused, refused_by_status, with_named_order};
use crate::address;
use crate::error::{Error, Result};
use crate::token::Token;
use crate::wire::fields::{Field, Fields, ParseError};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::reply::{Reply, reply_error, unreadable_reply};
use crate::wire::{is_success, json, page, printable};

/// The request that is replied to.
pub(crate) struct WalletContext<'a> {
    /// "the mobile payment", "the payout".
    pub(crate) what: &'static str,
    /// The address of the service, and the setting that changes it.
    pub(crate) url: &'a str,
    pub(crate) url_setting: &'static str,
}

impl Payment {
    /// Reads the gateway's reply to a request for a mobile payment or a payout.
    pub(crate) fn read_wallet(reply: &Reply, context: &WalletContext<'_>) -> Result<Self> {
        // Without a page, an address in the reply says nothing.
        Self::from_wallet_reply(reply, context)
            .map_err(|error| with_named_order(error, reply, |_| false))
    }

    fn from_wallet_reply(reply: &Reply, context: &WalletContext<'_>) -> Result<Self> {
        if reply.is_success() {
            let body = reply.body()?;
            return Self::from_wallet_body(body, reply, context).map_err(|error| {
                error
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message())
            });
        }
        match reply.location.as_deref().map(str::trim) {
            Some(location) if matches!(reply.status, 301 | 302 | 303 | 307 | 308) => {
                Err(redirect_error(location, context)
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message()))
            }
            _ => Err(refused_by_status(context.what, reply)),
        }
    }

    fn from_wallet_body(body: &[u8], reply: &Reply, context: &WalletContext<'_>) -> Result<Self> {
        let text = reply.decode(body);
        let start = json::trim_start(&text);
        match start.chars().next() {
            Some('{') => Self::from_wallet_json(start, &reply.token, context)
                .unwrap_or_else(|problem| Err(unreadable_reply(problem))),
            Some('<') => Err(not_a_payment_page(
                "a web page was received instead of JSON",
                &page::read(start, &reply.token),
            )),
            None => Err(reply_error("the reply is empty")),
            Some(_) => Err(reply_error(format!(
                "the reply is not a JSON object: {:?}",
                printable(start, 60)
            ))),
        }
    }

    /// Reads a JSON reply. The outer error means that it cannot be read; the inner one, that it was
    /// read and is not a payment.
    fn from_wallet_json(
        text: &str,
        token: &Token,
        context: &WalletContext<'_>,
    ) -> Result<Result<Self>, ParseError> {
        let mut fields = Fields::read(text, token)?;
        if fields.is_object(Field::Data) {
            fields.merge_nested(Field::Data)?;
        }
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let code = owned(fields.take_text(Field::Code)?);
        let message = owned(fields.take_text_lenient(Field::Message)?);
        let order_number = owned(fields.take_text(Field::OrderNumber)?);
        let message = match message {
            Some(message) => Some(message),
            None => owned(fields.take_text_lenient(Field::Error)?),
        };
        let Some(code) = code else {
            let gateway_message = GatewayMessage {
                code: owned(fields.take_text(Field::Status)?),
                message,
            };
            let text = format!("the reply has no code{}", gateway_message.as_suffix());
            return Ok(Err(reply_error(text)
                .about("code")
                .with_gateway_message(gateway_message)));
        };
        if !is_success(&code) {
            let gateway_message = GatewayMessage {
                code: Some(code),
                message,
            };
            return Ok(Err(refused(context.what, gateway_message)));
        }
        let Some(order_number) = order_number else {
            // The money may be on its way, and without the number nobody can check it.
            return Err(ParseError::field(Field::OrderNumber, "is missing"));
        };
        Ok(Ok(Self {
            redirect_url: None,
            order_number: Some(order_number),
            code: Some(code),
            message,
            page: None,
            trace: None,
        }))
    }
}

fn redirect_error(location: &str, context: &WalletContext<'_>) -> Error {
    reply_error(format!(
        "the gateway redirects to {:?}, which is not followed: its address may have moved there (see {})",
        printable(&address::resolve(context.url, location), 200),
        context.url_setting
    ))
}
