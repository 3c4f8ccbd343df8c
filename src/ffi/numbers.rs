//! `FLEXPAY_ERROR_*`, `FLEXPAY_OUTCOME_*`, `FLEXPAY_STATE_*`, `FLEXPAY_ENV_*`, `FLEXPAY_API_*` and
//! `FLEXPAY_FLAG_*`.
//!
//! build.rs writes these constants from the enums [`ErrorCode`](crate::ErrorCode),
//! [`Outcome`](crate::Outcome), [`State`](crate::State), [`Environment`](crate::Environment) and
//! [`Api`](crate::Api), and from the switches of [`Config`](crate::Config), with their
//! documentation. The lists of the other languages come from there, too.

include!(concat!(env!("OUT_DIR"), "/numbers.rs"));
