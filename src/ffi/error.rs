//! Result codes, outcomes, and the error object.

use libc::c_char;

use super::c_struct;
use super::panics::stop_panics;
use crate::error::Error;

/// What a function came to: FLEXPAY_OK, or one of FLEXPAY_ERROR_*. New codes may come in later
/// versions: treat one you do not know as a failure, and look at the outcome.
pub type flexpay_result = i32;

/// The call succeeded.
pub const FLEXPAY_OK: i32 = 0;

/// Why a call failed. Strings are UTF-8, NULL where absent, and live as long as the object. The
/// token is never in it.
#[repr(C)]
pub struct flexpay_error {
    /// One of FLEXPAY_ERROR_*.
    pub code: i32,
    /// One of FLEXPAY_OUTCOME_*: may the request of the call that failed be repeated? Only
    /// flexpay_pay sends a payment: that a check was not sent says nothing of the payment.
    pub outcome: i32,
    /// The HTTP status of the gateway's answer, 0 when there was none.
    pub http_status: i32,
    /// For a person, in English: what went wrong and, where that is known, what to do next. After
    /// FLEXPAY_OUTCOME_UNKNOWN it says which order number or reference to look up. Never NULL.
    pub message: *const c_char,
    /// The name of the field at fault ("amount"), where one was.
    pub field: *const c_char,
    /// The gateway's own code.
    pub gateway_code: *const c_char,
    /// The gateway's own words, in French mostly.
    pub gateway_message: *const c_char,
    /// The order number that the reply to a failed payment request gave all the same: ask about it
    /// with flexpay_check before anything is repeated. NULL where it named none.
    pub order_number: *const c_char,
}

impl flexpay_error {
    pub(super) fn make(error: &Error) -> *mut Self {
        c_struct::make(
            [
                Some(error.message()),
                error.field(),
                error.gateway_code(),
                error.gateway_message(),
                error.order_number(),
            ],
            |[message, field, gateway_code, gateway_message, order_number]| Self {
                code: error.code() as i32,
                outcome: error.outcome() as i32,
                http_status: error.http_status().map_or(0, i32::from),
                message,
                field,
                gateway_code,
                gateway_message,
                order_number,
            },
        )
    }
}

/// Frees an error. NULL is fine. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_error_free(error: *mut flexpay_error) {
    // SAFETY: NULL or an error of this library that was not freed, as the header asks.
    stop_panics(|| unsafe { c_struct::free(error) });
}
