//! `FLEXPAY_ERROR_*`, `FLEXPAY_OUTCOME_*`, `FLEXPAY_STATE_*`, `FLEXPAY_ENV_*`, `FLEXPAY_API_*`,
//! `FLEXPAY_KIND_*`, `FLEXPAY_ENTRY_*`, `FLEXPAY_JOURNAL_*` and `FLEXPAY_FLAG_*`.
//!
//! build.rs generates these constants from the enums [`ErrorCode`](crate::ErrorCode),
//! [`Outcome`](crate::Outcome), [`State`](crate::State), [`Environment`](crate::Environment),
//! [`Api`](crate::Api), [`Kind`](crate::Kind), `EntryState` and `Filter`, and from the `bool` fields
//! of [`Config`](crate::Config), with their documentation. It generates the lists of the other
//! languages from them, too.

include!(concat!(env!("OUT_DIR"), "/numbers.rs"));
