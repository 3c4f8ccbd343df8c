//! Payments by mobile money.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, copied_text, read_struct, required_text};
use super::payment::flexpay_payment;
use crate::error::Result;
use crate::payment::MobileRequest;

/// What a customer is asked to pay by mobile money. Initialize with FLEXPAY_MOBILE_REQUEST_INIT.
/// Strings are UTF-8, NULL if absent, and borrowed for the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_mobile_request {
    /// sizeof(flexpay_mobile_request), set by FLEXPAY_MOBILE_REQUEST_INIT.
    pub size: size_t,
    /// Your own reference, as in flexpay_payment_request. Required. If it was used before, the
    /// outcome is UNKNOWN: the customer may be paying an earlier request.
    pub reference: *const c_char,
    /// A plain decimal greater than zero with at most two decimals: "575", "0.50". Required.
    pub amount: *const c_char,
    /// "CDF" or "USD". Required.
    pub currency: *const c_char,
    /// The customer's number, as people write it: "0812345678", "+243 81 234 56 78". Required. See
    /// flexpay_normalize_phone.
    pub phone: *const c_char,
    /// Where the gateway sends its callback: an absolute http or https URL. Required. The gateway
    /// refuses one on localhost or a private network.
    pub callback_url: *const c_char,
    /// What the payment is for.
    pub description: *const c_char,
    /// The URL after the payment: http or https, or a link into your app. The next three fields
    /// accept the same.
    pub approve_url: *const c_char,
    /// The URL after "cancel".
    pub cancel_url: *const c_char,
    /// The URL after a refusal.
    pub decline_url: *const c_char,
    /// The URL to return to. One guide of the gateway calls it mandatory; live requests without it
    /// are accepted.
    pub return_url: *const c_char,
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is
    /// not sent to the gateway.
    pub correlation_id: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_mobile_request {
    const END: usize = offset_of!(Self, correlation_id) + size_of::<*const c_char>();
}

impl flexpay_mobile_request {
    unsafe fn read(given: *const Self) -> Result<MobileRequest> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "request")?;
            Ok(MobileRequest {
                reference: required_text(fields.reference, "reference")?,
                amount: required_text(fields.amount, "amount")?,
                currency: required_text(fields.currency, "currency")?,
                phone: required_text(fields.phone, "phone")?,
                callback_url: required_text(fields.callback_url, "callback_url")?,
                description: copied_text(fields.description, "description")?,
                approve_url: copied_text(fields.approve_url, "approve_url")?,
                cancel_url: copied_text(fields.cancel_url, "cancel_url")?,
                decline_url: copied_text(fields.decline_url, "decline_url")?,
                return_url: copied_text(fields.return_url, "return_url")?,
                correlation_id: copied_text(fields.correlation_id, "correlation_id")?,
            })
        }
    }
}

/// Sends a request for a payment by mobile money (M-Pesa, Orange Money, Airtel Money, Afrimoney),
/// AT MOST ONCE in every case. If the call fails, the error's outcome says whether you may repeat
/// it.
///
/// The customer receives a message on the phone, and confirms with a PIN: there is no page. Then
/// call flexpay_wait, with an expected of FLEXPAY_KIND_MOBILE.
///
/// A journal does the following for you. Without one, write the reference to disk before the call,
/// and the order number after it. If the program ends during the call, the outcome is UNKNOWN.
///
/// client:  not NULL; may be in use by other threads.
/// request: not NULL; borrowed for this call.
/// payment: receives the payment; free it with flexpay_payment_free. NULL on failure. May be NULL,
///          but then you do not learn the order number.
/// error:   receives the error; free it with flexpay_error_free. NULL on success. May be NULL, but
///          then you do not learn whether you may repeat the request.
/// Errors: as for flexpay_pay. Blocks as flexpay_pay does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_pay_mobile(
    client: *const flexpay_client,
    request: *const flexpay_mobile_request,
    payment: *mut *mut flexpay_payment,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(payment, error, flexpay_payment::make, || {
            let client = flexpay_client::borrow(client)?;
            client.pay_mobile(&flexpay_mobile_request::read(request)?)
        })
    }
}
