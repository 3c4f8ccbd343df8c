//! Entry points for the fuzzers in `fuzz/`: they parse the gateway's replies without a network. Built
//! only with `cfg(fuzzing)`; not part of the library.

use std::sync::Arc;

use crate::callback::{Expected, parse_callback};
use crate::config::{Api, Config};
use crate::error::Result;
use crate::kind::Kind;
use crate::payment::{CardContext, Payment, PaymentRequest};
use crate::token::Token;
use crate::transaction::{CheckReply, Transaction};
use crate::wire::reply::Reply;

/// Parses a reply as `check` does.
pub fn check_reply(status: u16, body: &[u8], order_number: &str) -> Result<Transaction> {
    CheckReply::read(&reply(status, None, body), order_number).map(|answer| answer.transaction)
}

/// Parses a reply to this request as `pay` does.
pub fn pay_reply(
    status: u16,
    location: Option<&str>,
    body: &[u8],
    request: &PaymentRequest,
) -> Result<Payment> {
    let config = Config::default();
    let context = CardContext {
        request,
        api: Api::V1,
        service: config.service(Kind::Card),
    };
    Payment::read_card(&reply(status, location, body), &context)
}

/// Parses a reply as `pay_mobile` and `payout` do.
pub fn wallet_reply(status: u16, location: Option<&str>, body: &[u8]) -> Result<Payment> {
    let config = Config::default();
    Payment::read_wallet(&reply(status, location, body), config.service(Kind::Payout))
}

/// Verifies a callback with this reply to the check, without a callback secret. The steps are those
/// of `Client::verify_callback`.
pub fn verdict(
    callback_body: &[u8],
    expected: &Expected,
    status: u16,
    body: &[u8],
) -> Result<Transaction> {
    let amount = expected.validate()?;
    expected.require_order_number_of_payout()?;
    let callback = parse_callback(callback_body)?;
    let order_number = expected.order_to_check(&callback)?;
    let transaction = check_reply(status, body, order_number)?;
    expected.confirm(amount, &transaction)?;
    Ok(transaction)
}

/// The token of the request. No result may contain it.
pub const TOKEN: &str = "fuzzed-token-4711";

fn reply(status: u16, location: Option<&str>, body: &[u8]) -> Reply {
    let token = Arc::new(Token::accept(TOKEN).expect("a valid token"));
    // As the transport masks the bytes of a reply.
    let mut body = body.to_vec();
    let mut location = location.map(|location| location.as_bytes().to_vec());
    let mut echoed_token = token.mask_in(&mut body);
    if let Some(location) = &mut location {
        echoed_token |= token.mask_in(location);
    }
    Reply {
        status,
        location: location.map(|location| String::from_utf8_lossy(&location).into_owned()),
        content_type: None,
        content_encoding: None,
        retry_after: None,
        token,
        echoed_token,
        body: Ok(body),
    }
}
