//! Entry points for the fuzzers in `fuzz/`: they parse the gateway's replies, without a network. Built
//! only with `cfg(fuzzing)`, and not part of the library.

use std::sync::Arc;

use crate::callback::{Expected, parse_callback};
use crate::config::Api;
use crate::error::Result;
use crate::payment::{Asked, Payment, PaymentRequest};
use crate::token::Token;
use crate::transaction::{Answer, Transaction};
use crate::wire::reply::Reply;

/// The result of `check` for this order and reply.
pub fn check_reply(status: u16, body: &[u8], order_number: &str) -> Result<Transaction> {
    Answer::read(&reply(status, None, body), order_number).map(|read| read.transaction)
}

/// The result of `pay` for this request and reply.
pub fn pay_reply(
    status: u16,
    location: Option<&str>,
    body: &[u8],
    request: &PaymentRequest,
) -> Result<Payment> {
    let asked = Asked {
        request,
        api: Api::V1,
        pay_url: "https://cardpayment.flexpay.cd/v1/pay",
    };
    Payment::read(&reply(status, location, body), &asked)
}

/// The result of `verify_callback` for a callback and a reply, without a callback secret. The steps are
/// those of `Client::verify_callback`.
pub fn verdict(
    callback_body: &[u8],
    expected: &Expected,
    status: u16,
    body: &[u8],
) -> Result<Transaction> {
    let amount = expected.validate()?;
    let callback = parse_callback(callback_body)?;
    let order_number = expected.order_to_check(&callback)?;
    let transaction = check_reply(status, body, order_number)?;
    expected.confirm(amount, &transaction)?;
    Ok(transaction)
}

fn reply(status: u16, location: Option<&str>, body: &[u8]) -> Reply {
    Reply {
        status,
        location: location.map(str::to_owned),
        content_type: None,
        content_encoding: None,
        retry_after: None,
        reused: None,
        token: Arc::new(Token::accept("no-gateway-repeats-this").expect("it is one")),
        echoed_token: false,
        body: Ok(body.to_vec()),
    }
}
