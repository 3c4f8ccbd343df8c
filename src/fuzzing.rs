//! Entry points for the fuzzers in `fuzz/`: they parse the gateway's replies without a network. Built
//! only with `cfg(fuzzing)`; not part of the library.

use std::sync::Arc;

use crate::callback::{Expected, parse_callback};
use crate::config::Api;
use crate::error::Result;
use crate::payment::{Payment, PaymentContext, PaymentRequest};
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
    let context = PaymentContext {
        request,
        api: Api::V1,
        pay_url: "https://cardpayment.flexpay.cd/v1/pay",
    };
    Payment::read(&reply(status, location, body), &context)
}

/// Verifies a callback with this reply to the check, without a callback secret. The steps are those of
/// `Client::verify_callback`.
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
        token: Arc::new(Token::accept("no-gateway-repeats-this").expect("it is one")),
        echoed_token: false,
        body: Ok(body.to_vec()),
    }
}
