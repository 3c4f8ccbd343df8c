//! Payouts.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, copied_text, read_struct, required_text};
use super::payment::flexpay_payment;
use crate::error::Result;
use crate::payment::PayoutRequest;

/// Money to send to a mobile money account. Initialize with FLEXPAY_PAYOUT_REQUEST_INIT. Strings
/// are UTF-8, NULL if absent, and borrowed for the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_payout_request {
    /// sizeof(flexpay_payout_request), set by FLEXPAY_PAYOUT_REQUEST_INIT.
    pub size: size_t,
    /// Your own reference. Required. Use one reference for one payout, and never that of a payment.
    /// Repeat a request with the same reference only after NOT_SENT; after REFUSED use a new one.
    /// If it was used before, the outcome is UNKNOWN: the money may be on its way.
    pub reference: *const c_char,
    /// A plain decimal greater than zero with at most two decimals: "575", "0.50". Required.
    pub amount: *const c_char,
    /// "CDF" or "USD". Required.
    pub currency: *const c_char,
    /// The beneficiary's number, as people write it: "0812345678", "+243 81 234 56 78". Required.
    /// See flexpay_normalize_phone.
    pub phone: *const c_char,
    /// Where the gateway sends its callback: an absolute http or https URL. Required. The gateway
    /// refuses one on localhost or a private network.
    pub callback_url: *const c_char,
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is
    /// not sent to the gateway.
    pub correlation_id: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_payout_request {
    const END: usize = offset_of!(Self, correlation_id) + size_of::<*const c_char>();
}

impl flexpay_payout_request {
    unsafe fn read(given: *const Self) -> Result<PayoutRequest> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "request")?;
            Ok(PayoutRequest {
                reference: required_text(fields.reference, "reference")?,
                amount: required_text(fields.amount, "amount")?,
                currency: required_text(fields.currency, "currency")?,
                phone: required_text(fields.phone, "phone")?,
                callback_url: required_text(fields.callback_url, "callback_url")?,
                correlation_id: copied_text(fields.correlation_id, "correlation_id")?,
            })
        }
    }
}

/// Sends your money to a mobile money account, AT MOST ONCE in every case. A repeated payout gives
/// the money away: if the call fails, the error's outcome says whether you may repeat it.
///
/// Refused without FLEXPAY_FLAG_ALLOW_PAYOUT (INVALID, field "allow_payout"): set it only in the
/// program that makes payouts. FLEXPAY_OK means that the gateway accepted the payout. The
/// beneficiary has the money when flexpay_verify_order, with an expected of FLEXPAY_KIND_PAYOUT,
/// returns FLEXPAY_STATE_PAID.
///
/// A journal does the following for you. Without one, write the reference to disk before the call,
/// and the order number after it. If the program ends during the call, the outcome is UNKNOWN.
///
/// client:  not NULL; may be in use by other threads.
/// request: not NULL; borrowed for this call.
/// payment: receives the payout; free it with flexpay_payment_free. NULL on failure. May be NULL,
///          but then you do not learn the order number.
/// error:   receives the error; free it with flexpay_error_free. NULL on success. May be NULL, but
///          then you do not learn whether you may repeat the request.
/// Errors: as for flexpay_pay. Blocks as flexpay_pay does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_payout(
    client: *const flexpay_client,
    request: *const flexpay_payout_request,
    payment: *mut *mut flexpay_payment,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(payment, error, flexpay_payment::make, || {
            let client = flexpay_client::borrow(client)?;
            client.payout(&flexpay_payout_request::read(request)?)
        })
    }
}
