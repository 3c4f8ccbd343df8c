//! A local FlexPay, the payment gateway of the DR Congo, to develop and test against.
//!
//! [`Sandbox::start`] listens on loopback over HTTP and HTTPS and implements the whole protocol: card
//! payments with the hosted card page, mobile money with a phone to confirm on, payouts, callbacks,
//! Check. A test can also decide payments
//! ([`Sandbox::decide`]), post true or forged callbacks ([`Sandbox::deliver`]), switch on behaviour
//! observed on the live gateway ([`Quirks`]) and inject network failures ([`Fault`]). The sandbox
//! records every byte it receives ([`Sandbox::requests`]).
//!
//! ```
//! use flexpay_sandbox::{Action, Endpoint, Fault, Sandbox};
//!
//! # fn main() -> Result<(), flexpay_sandbox::Error> {
//! let sandbox = Sandbox::start()?;
//! let pay_url = format!("{}/v1.1/pay", sandbox.http_url());
//! sandbox.inject(Fault::on(Endpoint::Pay, Action::ResetAfterReading))?;
//! // … the client under test sends a payment request to `pay_url`, with `sandbox.token()` …
//! # let _ = pay_url;
//! assert!(sandbox.requests().is_empty());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod amount;
mod balance;
mod callbacks;
mod card;
mod certificate;
mod check;
mod checkout;
mod clock;
mod control;
pub mod customer;
mod dashboard;
mod decide;
mod deliver;
mod error;
pub mod fault_server;
mod faults;
mod faulty_stream;
mod fields;
mod form_page;
mod gateway;
mod hex_or_text;
mod hosts;
mod journal;
mod json;
mod kind;
mod mobile;
mod options;
mod pages;
mod pay;
mod payment;
mod payout;
mod phone;
mod phone_page;
mod quirks;
mod random;
mod refusal;
pub mod relay;
mod routes;
mod rules;
mod sandbox;
mod serve;
mod urls;
mod vectors;
pub mod web;

pub use balance::Balance;
pub use callbacks::{CallbackRecord, Delivery, RawBody};
pub use certificate::Certificate;
pub use dashboard::settings::shell_quoted;
pub use error::Error;
pub use faults::{Action, Endpoint, Fault};
pub use journal::{ConnectionRecord, Outcome, RequestRecord};
pub use kind::Kind;
pub use options::{DEFAULT_MERCHANT, DEFAULT_TOKEN, Options};
pub use payment::{Decision, PENDING, Payment};
pub use quirks::{
    AmountStyle, CallbackCode, CodeStyle, CreatedAtStyle, KeyStyle, MissingValue, Quirks,
    ReplyStyle, UnauthorizedStyle, UrlKey,
};
pub use sandbox::Sandbox;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
