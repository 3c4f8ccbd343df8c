//! Waiting for the outcome of a payment.

use libc::{c_char, size_t};
use std::mem::offset_of;
use std::time::Duration;

use super::callback::flexpay_expected;
use super::cancel::flexpay_cancel_token;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, sized_or_none, text};
use super::transaction::flexpay_transaction;
use crate::error::Result;
use crate::wait::WaitOptions;

/// How to wait. Begin with FLEXPAY_WAIT_OPTIONS_INIT. 0 is the default of each.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_wait_options {
    /// sizeof(flexpay_wait_options), set by FLEXPAY_WAIT_OPTIONS_INIT.
    pub size: size_t,
    /// How long to wait in all, in milliseconds. 0: 600 000.
    pub timeout_ms: u32,
    /// The pause before the second question; it grows by half each time. 0: 1 000.
    pub interval_ms: u32,
    /// The longest pause. 0: 10 000.
    pub max_interval_ms: u32,
    /// How long FAILED must stand to be believed: the gateway says it while the customer is still
    /// typing, and PAID afterwards. The same for CANCELLED, REFUNDING and REFUNDED. 0: 30 000.
    pub failed_grace_ms: u32,
    /// Ends the wait from elsewhere. May be NULL.
    pub cancel: *const flexpay_cancel_token,
    /// What you asked for. Then the wait returns that payment and no other: one that differs in
    /// reference, amount or currency ends it with MISMATCH. Its order_number, where set, must be the
    /// one you wait for; set it where it is from your records. Its query is not used. NULL: nothing is
    /// compared, and reference, amount and currency are yours to compare.
    pub expected: *const flexpay_expected,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_wait_options {
    const END: usize = offset_of!(Self, expected) + size_of::<*const c_char>();
}

impl flexpay_wait_options {
    unsafe fn read(given: *const Self) -> Result<WaitOptions> {
        let mut options = WaitOptions::default();
        // SAFETY: as the caller promises.
        unsafe {
            if let Some(own) = sized_or_none(given, "options")? {
                let set = |option: &mut Duration, milliseconds: u32| {
                    if milliseconds != 0 {
                        *option = Duration::from_millis(milliseconds.into());
                    }
                };
                set(&mut options.timeout, own.timeout_ms);
                set(&mut options.interval, own.interval_ms);
                set(&mut options.max_interval, own.max_interval_ms);
                set(&mut options.failed_grace, own.failed_grace_ms);
                options.cancel = flexpay_cancel_token::share(own.cancel);
                if !own.expected.is_null() {
                    options.expected = Some(flexpay_expected::read(own.expected)?);
                }
            }
        }
        Ok(options)
    }
}

/// Waits for the outcome of an order: asks again and again, less and less often, until it is final,
/// the time is up, or the wait is cancelled.
///
/// PAID is final at once; FAILED, CANCELLED, REFUNDING and REFUNDED once they have stood for
/// failed_grace_ms. The wait goes on after an order not found (yet), a question refused, a failing
/// gateway and broken connections; a refused token ends it. A wait that fails says nothing of the payment: its outcome is UNKNOWN, but for an
/// argument that was refused. Give options.expected, and what is returned IS what you asked for.
///
/// client:       not NULL; may be in use by other threads.
/// order_number: the gateway's number; borrowed for this call. NULL, which a payment by the form
///               (FLEXPAY_API_V1) has, is INVALID: FLEXPAY_API_V1_1 gives one.
/// options:      NULL for the defaults; borrowed for this call.
/// transaction:  receives the transaction, to be freed with flexpay_transaction_free; NULL on
///               failure.
/// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
/// Errors: INVALID, TIMEOUT (its message has the last thing seen), CANCELLED, MISMATCH, UNAUTHORIZED, TLS,
/// INTERNAL. Blocks up to the options' timeout_ms. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_wait(
    client: *const flexpay_client,
    order_number: *const c_char,
    options: *const flexpay_wait_options,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            let order_number = text(order_number, "order_number")?.unwrap_or_default();
            client.wait(order_number, &flexpay_wait_options::read(options)?)
        })
    }
}
