//! A blocking client for FlexPay, the payment gateway of the DR Congo: cards, mobile money and payouts.
//!
//! ```no_run
//! use flexpay::{Client, Config, PaymentRequest, State, WaitOptions};
//!
//! # fn main() -> flexpay::Result<()> {
//! let client = Client::new(Config::new("ZANDO", std::env::var("FLEXPAY_TOKEN").unwrap()))?;
//! let payment = client.pay(&PaymentRequest {
//!     reference: "ZANDO-1047".into(),
//!     amount: "25.50".into(),
//!     currency: "USD".into(),
//!     ..PaymentRequest::default()
//! })?;
//! println!("send the customer to {:?}", payment.redirect_url);
//! # Ok(())
//! # }
//! ```
//!
//! It keeps three rules:
//!
//! - a request for a payment or a payout is sent at most once; [`Error::outcome`] reports whether it may be repeated;
//! - a callback is only a hint: [`Client::verify_callback`] checks the order with the gateway and
//!   compares the result;
//! - the token is never printed, and it is wiped when the client is dropped.
//!
//! `include/flexpay.h` is the same API for C, and for every language that can call C.

#![deny(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod advice;
mod amount;
mod callback;
mod cancel;
mod client;
mod config;
mod error;
#[allow(unsafe_code)]
#[allow(clippy::missing_safety_doc)]
pub mod ffi;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "journal")]
pub mod journal;
mod kind;
mod numbered;
mod order_number;
mod payment;
mod phone;
mod probe;
mod random;
mod signature;
mod token;
mod trace;
mod transaction;
mod transport;
mod wait;
mod wire;

pub use amount::{Amount, AmountError};
pub use callback::{Callback, Expected, MAX_CALLBACK_BYTES, parse_callback};
pub use cancel::CancelToken;
pub use client::Client;
pub use config::{Api, Config, Environment};
pub use error::{Error, ErrorCode, Outcome, Result};
pub use kind::Kind;
pub use payment::{MobileRequest, Payment, PaymentRequest, PayoutRequest};
pub use phone::normalize_phone;
pub use probe::Probe;
pub use transaction::{State, Transaction};
pub use wait::WaitOptions;
