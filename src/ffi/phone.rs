//! Phone numbers.

use libc::{c_char, size_t};

use super::error::{flexpay_error, flexpay_result};
use super::guard::{Buffer, fill_buffer};
use super::input::text;
use crate::phone::normalize_phone;

/// The size of a normalized phone number, with its NUL.
pub const FLEXPAY_PHONE_SIZE: i32 = 13;

/// Converts a phone number of the DR Congo, as people write it, to "243" and nine digits, as
/// flexpay_pay_mobile and flexpay_payout send it. They do it themselves: call this to check what
/// somebody typed, or to compare numbers.
///
/// Accepted are "+243...", "00243..." and "243..." with nine more digits, and "0" with nine more
/// digits. Blanks, dots, dashes, brackets and invisible characters are removed. Anything else is
/// INVALID, field "phone". Only the gateway knows which operator a number belongs to.
///
/// phone:      the number; borrowed for this call; not in the buffer of normalized. NULL is INVALID.
/// normalized: receives the number and its NUL; not NULL. Empty on failure.
/// size:       the size of that buffer in bytes; at least FLEXPAY_PHONE_SIZE.
/// error:      receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID, INTERNAL. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_normalize_phone(
    phone: *const c_char,
    normalized: *mut c_char,
    size: size_t,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: `phone` is NULL or NUL-terminated, and `normalized` has room for `size` bytes or is NULL,
    // as the header requires.
    unsafe {
        let buffer = Buffer {
            name: "normalized",
            start: normalized,
            size,
        };
        fill_buffer(buffer, error, || {
            normalize_phone(text(phone, "phone")?.unwrap_or_default())
        })
    }
}
