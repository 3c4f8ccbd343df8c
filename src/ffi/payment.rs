//! Payments by card, and the result of all payment requests.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, copied_text, read_struct, required_text};
use super::panics::stop_panics;
use crate::error::Result;
use crate::payment::{Payment, PaymentRequest};

/// What a customer is asked to pay by card. Initialize with FLEXPAY_PAYMENT_REQUEST_INIT. Strings
/// are UTF-8, NULL if absent, and borrowed for the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_payment_request {
    /// sizeof(flexpay_payment_request), set by FLEXPAY_PAYMENT_REQUEST_INIT.
    pub size: size_t,
    /// Your own reference. Required. Use one reference for one payment: it is the gateway's only
    /// protection against a repeated payment. Repeat a request with the same reference only after
    /// NOT_SENT; after REFUSED use a new one. If the gateway says that the reference was used
    /// before, find out the state of the earlier request first.
    pub reference: *const c_char,
    /// A plain decimal greater than zero with at most two decimals: "100", "25.50". Required.
    pub amount: *const c_char,
    /// "CDF" or "USD". Required.
    pub currency: *const c_char,
    /// What the payment is for, shown to the customer.
    pub description: *const c_char,
    /// Where the gateway sends its callback: an absolute http or https URL. The gateway refuses one
    /// on localhost or a private network.
    pub callback_url: *const c_char,
    /// Where the customer's browser goes after the payment: http or https, or a link into your app
    /// ("monapp://paiement?status=ok"). The next three fields accept the same.
    pub approve_url: *const c_char,
    /// Where the browser goes after "cancel".
    pub cancel_url: *const c_char,
    /// Where the browser goes if the card was declined.
    pub decline_url: *const c_char,
    /// Your home page. Sent with FLEXPAY_API_V1_1 only: FLEXPAY_API_V1 has no such field.
    pub home_url: *const c_char,
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is
    /// not sent to the gateway.
    pub correlation_id: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_payment_request {
    const END: usize = offset_of!(Self, correlation_id) + size_of::<*const c_char>();
}

/// A payment or a payout that the gateway accepted; the money has not moved yet. Strings are UTF-8,
/// NULL if absent, and valid until the object is freed with flexpay_payment_free.
#[repr(C)]
pub struct flexpay_payment {
    /// Where to send the customer: an absolute https URL (http on this machine only), and not a URL
    /// of your shop: the library has checked it. NULL if there is a page instead, and always after
    /// flexpay_pay_mobile and flexpay_payout.
    pub redirect_url: *const c_char,
    /// The gateway's order number, for flexpay_check and flexpay_wait. After flexpay_pay, NULL if
    /// the reply had none: always with FLEXPAY_API_V1, rarely with FLEXPAY_API_V1_1. Then only the
    /// callback or the merchant's console can tell the state. Never NULL after flexpay_pay_mobile
    /// and flexpay_payout.
    pub order_number: *const c_char,
    /// The gateway's code, as received.
    pub code: *const c_char,
    /// The gateway's message.
    pub message: *const c_char,
    /// HTML to send to the customer's browser, if the gateway's page cannot be given as a URL (a
    /// form that submits itself).
    pub page: *const c_char,
    /// What the call did, as JSON text: see FLEXPAY_FLAG_TRACE. NULL without that flag.
    pub trace: *const c_char,
    /// 1 if it comes from the journal, where an earlier call recorded it: nothing was sent now. It
    /// may be paid already: call flexpay_settle before you send the customer to redirect_url.
    pub is_recorded: i32,
}

impl flexpay_payment_request {
    unsafe fn read(given: *const Self) -> Result<PaymentRequest> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "request")?;
            Ok(PaymentRequest {
                reference: required_text(fields.reference, "reference")?,
                amount: required_text(fields.amount, "amount")?,
                currency: required_text(fields.currency, "currency")?,
                description: copied_text(fields.description, "description")?,
                callback_url: copied_text(fields.callback_url, "callback_url")?,
                approve_url: copied_text(fields.approve_url, "approve_url")?,
                cancel_url: copied_text(fields.cancel_url, "cancel_url")?,
                decline_url: copied_text(fields.decline_url, "decline_url")?,
                home_url: copied_text(fields.home_url, "home_url")?,
                correlation_id: copied_text(fields.correlation_id, "correlation_id")?,
            })
        }
    }
}

impl flexpay_payment {
    pub(super) fn make(payment: &mut Payment) -> *mut Self {
        let is_recorded = payment.is_recorded.into();
        c_struct::make(
            [
                payment.redirect_url.as_deref(),
                payment.order_number.as_deref(),
                payment.code.as_deref(),
                payment.message.as_deref(),
                payment.page.as_deref(),
                payment.trace.as_deref(),
            ],
            |[redirect_url, order_number, code, message, page, trace]| Self {
                redirect_url,
                order_number,
                code,
                message,
                page,
                trace,
                is_recorded,
            },
        )
    }
}

/// Sends a request for a payment by card, AT MOST ONCE in every case. If the call fails, the
/// error's outcome says whether you may repeat it.
///
/// A journal does the following for you. Without one, write the reference to disk before the call,
/// and the order number before you send the customer to the page. If the program ends during the
/// call, the outcome is UNKNOWN.
///
/// client:  not NULL; may be in use by other threads.
/// request: not NULL; borrowed for this call.
/// payment: receives the payment; free it with flexpay_payment_free. NULL on failure. May be NULL,
///          but then you do not learn the URL for the customer, nor the order number.
/// error:   receives the error; free it with flexpay_error_free. NULL on success. May be NULL, but
///          then you do not learn whether you may repeat the request.
/// Errors: INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY, GATEWAY,
/// UNAUTHORIZED, REFUSED, INTERNAL; with a journal also JOURNAL, IN_PROGRESS, IN_DOUBT. Blocks up to
/// the client's timeout_ms and, if another program is writing to the journal, up to 10 s before the
/// request is sent and up to 60 s after the reply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_pay(
    client: *const flexpay_client,
    request: *const flexpay_payment_request,
    payment: *mut *mut flexpay_payment,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(payment, error, flexpay_payment::make, || {
            let client = flexpay_client::borrow(client)?;
            client.pay(&flexpay_payment_request::read(request)?)
        })
    }
}

/// Frees a payment. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_payment_free(payment: *mut flexpay_payment) {
    // SAFETY: NULL or a payment of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(payment) });
}
