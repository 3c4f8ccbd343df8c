//! Waiting for the outcome of a payment.

use libc::{c_char, size_t};
use std::mem::offset_of;
use std::time::Duration;

use super::callback::flexpay_expected;
use super::cancel::flexpay_cancel_token;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, copied_text, read_struct_or_none, text};
use super::transaction::flexpay_transaction;
use crate::error::Result;
use crate::wait::WaitOptions;

/// How to wait. Initialize with FLEXPAY_WAIT_OPTIONS_INIT. A time of 0 means the default.
///
/// The defaults depend on expected.kind; without expected they are those of a card. They are
/// decisions of this library, because the gateway documents no times:
///
///   milliseconds     card    mobile  payout
///   timeout_ms       600000  300000  600000
///   interval_ms      1000    2000    1000
///   max_interval_ms  10000   5000    10000
///   failed_grace_ms  30000   90000   300000
///
/// A customer who confirms on the phone takes about a minute, and the message on the phone expires
/// after some minutes. The gateway may report FAILED while the customer is still typing: so a
/// mobile payment's grace is longer than the typing. A payout's is longer still: if its failure is
/// believed too early, it is paid out twice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_wait_options {
    /// sizeof(flexpay_wait_options), set by FLEXPAY_WAIT_OPTIONS_INIT.
    pub size: size_t,
    /// The time limit of the whole wait, in milliseconds.
    pub timeout_ms: u32,
    /// The pause before the second check, in milliseconds. It grows by half each time.
    pub interval_ms: u32,
    /// The longest pause, in milliseconds.
    pub max_interval_ms: u32,
    /// How long the gateway must keep reporting FAILED before the wait returns it, in milliseconds:
    /// it may report FAILED while the customer is still typing, and PAID afterwards. The same for
    /// CANCELLED, REFUNDING and REFUNDED.
    pub failed_grace_ms: u32,
    /// Ends the wait from another thread or from a signal handler. May be NULL.
    pub cancel: *const flexpay_cancel_token,
    /// Your payment or payout. The wait then returns only that one: another reference, amount,
    /// currency or kind ends it with MISMATCH. If its order_number is set, it must be the one you
    /// wait for; set it if it is from your records. Its query is not used. NULL: nothing is
    /// compared, and you must compare reference, amount and currency yourself.
    pub expected: *const flexpay_expected,
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters.
    pub correlation_id: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_wait_options {
    const END: usize = offset_of!(Self, correlation_id) + size_of::<*const c_char>();
}

impl flexpay_wait_options {
    pub(super) unsafe fn read(given: *const Self) -> Result<WaitOptions> {
        // SAFETY: as the caller promises, for the struct and for what its pointers point to.
        unsafe {
            let Some(fields) = read_struct_or_none(given, "options")? else {
                return Ok(WaitOptions::default());
            };
            let time = |milliseconds: u32| Duration::from_millis(milliseconds.into());
            Ok(WaitOptions {
                timeout: time(fields.timeout_ms),
                interval: time(fields.interval_ms),
                max_interval: time(fields.max_interval_ms),
                failed_grace: time(fields.failed_grace_ms),
                cancel: flexpay_cancel_token::share(fields.cancel),
                expected: match fields.expected.is_null() {
                    true => None,
                    false => Some(flexpay_expected::read(fields.expected)?),
                },
                correlation_id: copied_text(fields.correlation_id, "correlation_id")?,
            })
        }
    }
}

/// Waits for the final state of an order: checks it repeatedly, with growing pauses, until the
/// state is final, the time is up, or the wait is cancelled.
///
/// PAID ends the wait at once. FAILED, CANCELLED, REFUNDING and REFUNDED end it after the gateway
/// has reported the same state for failed_grace_ms. That is a decision of this library, and no
/// promise of the gateway: see FLEXPAY_STATE_FAILED. PENDING and UNKNOWN never end it. The wait
/// continues if the order is not found (yet), the check is refused, the gateway fails, or there is
/// no connection. A refused token or an invalid certificate ends it. A failed wait does not say
/// whether the order was paid: its outcome is UNKNOWN, except for an INVALID argument. With
/// options.expected, the returned transaction is that of your payment or payout.
///
/// client:       not NULL; may be in use by other threads.
/// order_number: the gateway's order number; borrowed for this call. NULL is INVALID: FLEXPAY_API_V1
///               gives no order number, FLEXPAY_API_V1_1 does.
/// options:      NULL for the defaults; borrowed for this call.
/// transaction:  receives the transaction; free it with flexpay_transaction_free. NULL on failure.
/// error:        receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID, TIMEOUT (its message has the last state or error seen), CANCELLED, MISMATCH,
/// UNAUTHORIZED, TLS, INTERNAL. Blocks up to options.timeout_ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_wait(
    client: *const flexpay_client,
    order_number: *const c_char,
    options: *const flexpay_wait_options,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            let order_number = text(order_number, "order_number")?.unwrap_or_default();
            client.wait(order_number, &flexpay_wait_options::read(options)?)
        })
    }
}
