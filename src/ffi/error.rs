//! The result type and the error object. (The codes and outcomes are in `numbers`.)

use libc::c_char;

use super::c_struct;
use super::panics::stop_panics;
use crate::error::Error;

/// The result of a function: FLEXPAY_OK, or one of FLEXPAY_ERROR_*. Later versions may add codes:
/// treat a code you do not know as a failure, and look at the error's outcome.
pub type flexpay_result = i32;

/// The call succeeded.
pub const FLEXPAY_OK: i32 = 0;

/// Why a call failed. Strings are UTF-8, NULL if absent, and valid until the object is freed with
/// flexpay_error_free. The token is never in it.
#[repr(C)]
pub struct flexpay_error {
    /// One of FLEXPAY_ERROR_*.
    pub code: i32,
    /// One of FLEXPAY_OUTCOME_*. After flexpay_pay, flexpay_pay_mobile and flexpay_payout it says
    /// whether you may repeat the request. After any other function it is about the check, and says
    /// nothing about the payment.
    pub outcome: i32,
    /// The HTTP status of the gateway's reply; 0 if there was no reply.
    pub http_status: i32,
    /// For people, in English: what went wrong and, if known, what to do next. After
    /// FLEXPAY_OUTCOME_UNKNOWN it names the order number or reference to look for. Never NULL.
    pub message: *const c_char,
    /// The name of the wrong field ("amount"), if the error is about a field.
    pub field: *const c_char,
    /// The gateway's code.
    pub gateway_code: *const c_char,
    /// The gateway's message, mostly in French.
    pub gateway_message: *const c_char,
    /// The order number that the reply to a failed payment request contained: check it with
    /// flexpay_check before you repeat anything. NULL if there was none.
    pub order_number: *const c_char,
    /// What the call did, as JSON text: see FLEXPAY_FLAG_TRACE. NULL without that flag.
    pub trace: *const c_char,
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
                error.trace(),
            ],
            |[
                message,
                field,
                gateway_code,
                gateway_message,
                order_number,
                trace,
            ]| Self {
                code: error.code() as i32,
                outcome: error.outcome() as i32,
                http_status: error.http_status().map_or(0, i32::from),
                message,
                field,
                gateway_code,
                gateway_message,
                order_number,
                trace,
            },
        )
    }
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_error_free(error: *mut flexpay_error) {
    // SAFETY: NULL or an error of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(error) });
}
