//! Names for numbers, for messages and logs.

use libc::c_char;
use std::ffi::CStr;

/// The name of a result code, "OK" or "TIMEOUT"; "UNRECOGNIZED" for a number this library does not
/// have. Static: do not free it. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_result_name(result: i32) -> *const c_char {
    const NAMES: [&CStr; 17] = [
        c"OK",
        c"INVALID",
        c"INTERNAL",
        c"RESOLVE",
        c"CONNECT",
        c"PROXY",
        c"TLS",
        c"TIMEOUT",
        c"CANCELLED",
        c"CONNECTION",
        c"REPLY",
        c"GATEWAY",
        c"UNAUTHORIZED",
        c"REFUSED",
        c"NOT_FOUND",
        c"CALLBACK",
        c"MISMATCH",
    ];
    name(&NAMES, result)
}

/// The name of an outcome, "NOT_SENT". Static. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_outcome_name(outcome: i32) -> *const c_char {
    name(&[c"UNKNOWN", c"NOT_SENT", c"REFUSED"], outcome)
}

/// The name of a state, "PAID". Static. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_state_name(state: i32) -> *const c_char {
    const NAMES: [&CStr; 7] = [
        c"UNKNOWN",
        c"PAID",
        c"FAILED",
        c"PENDING",
        c"REFUNDING",
        c"REFUNDED",
        c"CANCELLED",
    ];
    name(&NAMES, state)
}

fn name(names: &[&'static CStr], number: i32) -> *const c_char {
    let found = usize::try_from(number)
        .ok()
        .and_then(|index| names.get(index));
    found.unwrap_or(&c"UNRECOGNIZED").as_ptr()
}

#[cfg(test)]
mod tests {
    use super::super::{error, transaction};
    use super::*;
    use crate::{ErrorCode, Outcome, State};

    fn text(name: *const c_char) -> &'static str {
        // SAFETY: a static string of this file.
        unsafe { CStr::from_ptr(name) }.to_str().unwrap()
    }

    #[test]
    fn numbers_and_names_are_those_of_the_crate() {
        use ErrorCode::*;
        for (number, code) in [
            (error::FLEXPAY_ERROR_INVALID, Invalid),
            (error::FLEXPAY_ERROR_INTERNAL, Internal),
            (error::FLEXPAY_ERROR_RESOLVE, Resolve),
            (error::FLEXPAY_ERROR_CONNECT, Connect),
            (error::FLEXPAY_ERROR_PROXY, Proxy),
            (error::FLEXPAY_ERROR_TLS, Tls),
            (error::FLEXPAY_ERROR_TIMEOUT, Timeout),
            (error::FLEXPAY_ERROR_CANCELLED, Cancelled),
            (error::FLEXPAY_ERROR_CONNECTION, Connection),
            (error::FLEXPAY_ERROR_REPLY, Reply),
            (error::FLEXPAY_ERROR_GATEWAY, Gateway),
            (error::FLEXPAY_ERROR_UNAUTHORIZED, Unauthorized),
            (error::FLEXPAY_ERROR_REFUSED, Refused),
            (error::FLEXPAY_ERROR_NOT_FOUND, NotFound),
            (error::FLEXPAY_ERROR_CALLBACK, Callback),
            (error::FLEXPAY_ERROR_MISMATCH, Mismatch),
        ] {
            assert_eq!(code as i32, number);
            assert_eq!(text(flexpay_result_name(number)), code.name());
        }
        for (number, outcome) in [
            (error::FLEXPAY_OUTCOME_UNKNOWN, Outcome::Unknown),
            (error::FLEXPAY_OUTCOME_NOT_SENT, Outcome::NotSent),
            (error::FLEXPAY_OUTCOME_REFUSED, Outcome::Refused),
        ] {
            assert_eq!(outcome as i32, number);
            assert_eq!(text(flexpay_outcome_name(number)), outcome.name());
        }
        for (number, state) in [
            (transaction::FLEXPAY_STATE_UNKNOWN, State::Unknown),
            (transaction::FLEXPAY_STATE_PAID, State::Paid),
            (transaction::FLEXPAY_STATE_FAILED, State::Failed),
            (transaction::FLEXPAY_STATE_PENDING, State::Pending),
            (transaction::FLEXPAY_STATE_REFUNDING, State::Refunding),
            (transaction::FLEXPAY_STATE_REFUNDED, State::Refunded),
            (transaction::FLEXPAY_STATE_CANCELLED, State::Cancelled),
        ] {
            assert_eq!(state as i32, number);
            assert_eq!(text(flexpay_state_name(number)), state.name());
        }
        for number in [-1, 17, i32::MAX, i32::MIN] {
            assert_eq!(text(flexpay_result_name(number)), "UNRECOGNIZED");
            assert_eq!(text(flexpay_state_name(number)), "UNRECOGNIZED");
        }
    }
}
