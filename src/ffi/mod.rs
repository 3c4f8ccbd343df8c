//! The C ABI. cbindgen generates `include/flexpay.h` from the files in this folder.
//!
//! There is one file for each C object. Each function reads its pointers, makes one call of the
//! safe crate, and writes its results. There is no business logic here, and no `unsafe` elsewhere.

#![allow(non_camel_case_types)]

mod c_struct;
mod guard;
mod input;
#[cfg(any(unix, windows))]
mod load;

pub mod callback;
pub mod cancel;
pub mod client;
pub mod config;
pub mod error;
#[cfg(feature = "journal")]
pub mod journal;
pub mod mobile;
pub mod names;
pub mod numbers;
mod panics;
pub mod payment;
pub mod payout;
pub mod phone;
#[cfg(feature = "journal")]
pub mod settlement;
pub mod transaction;
pub mod version;
pub mod wait;
