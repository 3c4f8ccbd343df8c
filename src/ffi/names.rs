//! Names for numbers, for messages and logs.

use libc::c_char;
use std::ffi::CStr;

use super::error::FLEXPAY_OK;
use crate::{ErrorCode, Outcome, State};

/// The name of a result code, "OK" or "TIMEOUT"; "UNRECOGNIZED" for a number this library does not
/// have. Static: do not free it. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_result_name(result: i32) -> *const c_char {
    if result == FLEXPAY_OK {
        return c"OK".as_ptr();
    }
    text(ErrorCode::from_number(result).map(ErrorCode::c_name))
}

/// The name of an outcome, "NOT_SENT". Static. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_outcome_name(outcome: i32) -> *const c_char {
    text(Outcome::from_number(outcome).map(Outcome::c_name))
}

/// The name of a state, "PAID". Static. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_state_name(state: i32) -> *const c_char {
    text(State::from_number(state).map(State::c_name))
}

fn text(name: Option<&'static CStr>) -> *const c_char {
    name.unwrap_or(c"UNRECOGNIZED").as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants of the C ABI, as build.rs wrote them.
    const CONSTANTS: &str = include_str!(concat!(env!("OUT_DIR"), "/numbers.rs"));

    fn text(name: *const c_char) -> &'static str {
        // SAFETY: a static string of this file.
        unsafe { CStr::from_ptr(name) }.to_str().unwrap()
    }

    #[test]
    fn each_number_has_the_name_of_its_constant() {
        type Name = extern "C" fn(i32) -> *const c_char;
        for (prefix, name_of, count) in [
            ("ERROR", flexpay_result_name as Name, 16),
            ("OUTCOME", flexpay_outcome_name, 3),
            ("STATE", flexpay_state_name, 7),
        ] {
            let constants = CONSTANTS.lines().filter_map(|line| {
                let line = line.strip_prefix("pub const FLEXPAY_")?;
                let (name, number) = line.strip_suffix(';')?.split_once(": i32 = ")?;
                let name = name.strip_prefix(prefix)?.strip_prefix('_')?;
                Some((name, number.parse().unwrap()))
            });
            let constants: Vec<(&str, i32)> = constants.collect();
            assert_eq!(constants.len(), count, "{prefix}");
            for (name, number) in constants {
                assert_eq!(text(name_of(number)), name);
            }
            for number in [-1, 17, i32::MAX, i32::MIN] {
                assert_eq!(text(name_of(number)), "UNRECOGNIZED");
            }
        }
        assert_eq!(text(flexpay_result_name(0)), "OK");
    }
}
