//! Result codes, outcomes, and the error object.

use libc::c_char;

use super::c_struct;
use super::panics::stop_panics;
use crate::error::Error;

/// What a function came to: FLEXPAY_OK, or one of FLEXPAY_ERROR_*. New codes may come in later
/// versions: treat one you do not know as a failure, and look at the outcome.
pub type flexpay_result = i32;

/// Done. The only place where zero is good news.
pub const FLEXPAY_OK: i32 = 0;
/// An argument or a setting was refused before anything was sent; the error names the field.
pub const FLEXPAY_ERROR_INVALID: i32 = 1;
/// A fault inside this library.
pub const FLEXPAY_ERROR_INTERNAL: i32 = 2;
/// The host name could not be looked up.
pub const FLEXPAY_ERROR_RESOLVE: i32 = 3;
/// No connection could be made.
pub const FLEXPAY_ERROR_CONNECT: i32 = 4;
/// The proxy refused or failed.
pub const FLEXPAY_ERROR_PROXY: i32 = 5;
/// The TLS handshake failed: certificate not trusted, out of its dates, or for another name.
pub const FLEXPAY_ERROR_TLS: i32 = 6;
/// The deadline passed.
pub const FLEXPAY_ERROR_TIMEOUT: i32 = 7;
/// The call was cancelled.
pub const FLEXPAY_ERROR_CANCELLED: i32 = 8;
/// The connection broke after the request had begun.
pub const FLEXPAY_ERROR_CONNECTION: i32 = 9;
/// A reply came that cannot be read, or that contradicts itself.
pub const FLEXPAY_ERROR_REPLY: i32 = 10;
/// The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
pub const FLEXPAY_ERROR_GATEWAY: i32 = 11;
/// The gateway did not accept the token (HTTP 401 or 403).
pub const FLEXPAY_ERROR_UNAUTHORIZED: i32 = 12;
/// The gateway said no; gateway_message has its words.
pub const FLEXPAY_ERROR_REFUSED: i32 = 13;
/// The gateway knows no such order (for a moment after a payment request, that is normal).
pub const FLEXPAY_ERROR_NOT_FOUND: i32 = 14;
/// A callback body that cannot be read.
pub const FLEXPAY_ERROR_CALLBACK: i32 = 15;
/// A callback whose transaction is not the one that was expected; the message names each field
/// that differs.
pub const FLEXPAY_ERROR_MISMATCH: i32 = 16;

/// At least one byte of the request was handed to the connection, and no usable answer came. Do NOT
/// repeat a payment: find out first (callback, flexpay_check, the merchant's console).
pub const FLEXPAY_OUTCOME_UNKNOWN: i32 = 0;
/// Nothing of the request left this machine. It may be repeated.
pub const FLEXPAY_OUTCOME_NOT_SENT: i32 = 1;
/// The gateway answered, and said no. Repeat it only after mending the cause.
pub const FLEXPAY_OUTCOME_REFUSED: i32 = 2;

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
