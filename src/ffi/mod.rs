//! The C ABI: `include/flexpay.h`, which cbindgen writes from the files in this folder.
//!
//! One file an object, thin as paper: pointers in, one call of the safe crate, pointers out. No rule
//! of the business lives here, and no `unsafe` lives anywhere else.

#![allow(non_camel_case_types)]

mod c_struct;
mod guard;
mod input;
#[cfg(unix)]
mod load;

pub mod callback;
pub mod cancel;
pub mod client;
pub mod config;
pub mod error;
pub mod names;
pub mod numbers;
mod panics;
pub mod payment;
pub mod transaction;
pub mod version;
pub mod wait;
