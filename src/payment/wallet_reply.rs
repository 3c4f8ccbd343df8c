//! Reads the gateway's reply to a request for a mobile payment or a payout: JSON in every case. There
//! is no page.

use std::borrow::Cow;

use super::Payment;
use super::refusal::{
    is_duplicate_reference, not_a_payment_page, refused, refused_by_status, with_named_order,
};
use crate::address;
use crate::config::Service;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::token::Token;
use crate::wire::fields::{Field, Fields, ParseError};
use crate::wire::gateway_message::GatewayMessage;
use crate::wire::reply::{Reply, reply_error, unreadable_reply};
use crate::wire::{is_success, json, page, printable, whole_number};

impl Payment {
    /// Reads the gateway's reply to a request for a mobile payment or a payout.
    pub(crate) fn read_wallet(reply: &Reply, service: Service<'_>) -> Result<Self> {
        Self::from_wallet_reply(reply, service)
            // Without a page, an address in the reply says nothing.
            .map_err(|error| with_named_order(error, reply, |_| false))
            .map_err(|error| match is_duplicate_reference(&error) {
                // Money may be on its way, from an earlier request with this reference.
                true => error.with_unknown_outcome(),
                false => error,
            })
    }

    fn from_wallet_reply(reply: &Reply, service: Service<'_>) -> Result<Self> {
        if reply.is_success() {
            let body = reply.body()?;
            return Self::from_wallet_body(body, reply, service).map_err(|error| {
                error
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message())
            });
        }
        match reply.location.as_deref().map(str::trim) {
            Some(location) if matches!(reply.status, 301 | 302 | 303 | 307 | 308) => {
                Err(redirect_error(location, service)
                    .with_status(reply.status)
                    .or_gateway_message(|| reply.gateway_message()))
            }
            _ => Err(refused_by_status(service.request, reply)),
        }
    }

    fn from_wallet_body(body: &[u8], reply: &Reply, service: Service<'_>) -> Result<Self> {
        let text = reply.decode(body);
        let start = json::trim_start(&text);
        match start.chars().next() {
            Some('{') => Self::from_wallet_json(start, &reply.token, service)
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
        service: Service<'_>,
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
            let is_refusal = whole_number(&code) == "1";
            let gateway_message = GatewayMessage {
                code: Some(code),
                message,
            };
            return Ok(Err(match is_refusal {
                true => refused(service.request, gateway_message),
                false => unknown_failure(gateway_message),
            }));
        }
        let Some(order_number) = order_number else {
            // The money may be on its way, and without the number nobody can check it.
            return Err(ParseError::field(Field::OrderNumber, "is missing"));
        };
        Ok(Ok(Self {
            order_number: Some(order_number),
            code: Some(code),
            message,
            ..Self::default()
        }))
    }
}

/// The error for a code that is neither success nor the refusal observed, 1. The money may be on
/// its way.
fn unknown_failure(gateway_message: GatewayMessage) -> Error {
    let message = format!("the gateway failed{}", gateway_message.as_suffix());
    Error::new(ErrorCode::Gateway, Outcome::Unknown, message).with_gateway_message(gateway_message)
}

fn redirect_error(location: &str, service: Service<'_>) -> Error {
    reply_error(format!(
        "the gateway redirects to {:?}, which is not followed: its address may have moved there (see {})",
        printable(&address::resolve(service.url, location), 200),
        service.url_setting
    ))
}
