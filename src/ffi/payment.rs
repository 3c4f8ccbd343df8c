//! Asking for a payment.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, needed, owned, sized};
use super::panics::stop_panics;
use crate::error::Result;
use crate::payment::{Payment, PaymentRequest};

/// What a customer is asked to pay. Begin with FLEXPAY_PAYMENT_REQUEST_INIT. Strings are UTF-8,
/// borrowed for the call alone; NULL means absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_payment_request {
    /// sizeof(flexpay_payment_request), set by FLEXPAY_PAYMENT_REQUEST_INIT.
    pub size: size_t,
    /// Your own reference. Needed. Never use one twice: a used reference is the gateway's only guard
    /// against a repeat.
    pub reference: *const c_char,
    /// A plain decimal greater than zero with at most two decimals: "100", "25.50". Needed.
    pub amount: *const c_char,
    /// "CDF" or "USD". Needed.
    pub currency: *const c_char,
    /// What is being paid for, shown to the customer.
    pub description: *const c_char,
    /// Where the gateway posts its notice. It refuses addresses on localhost or private networks.
    pub callback_url: *const c_char,
    /// Where the customer's browser goes after paying: http or https, or a link into your app
    /// ("monapp://paiement?status=ok"). So the three that follow.
    pub approve_url: *const c_char,
    /// Where it goes after "cancel".
    pub cancel_url: *const c_char,
    /// Where it goes when the card was declined.
    pub decline_url: *const c_char,
    /// Your front page. Sent with FLEXPAY_API_V1_1 only: the other form knows no such field.
    pub home_url: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_payment_request {
    const END: usize = offset_of!(Self, home_url) + size_of::<*const c_char>();
}

/// A payment that the gateway took in; the customer has yet to pay. Strings are UTF-8, NULL where
/// absent, and live as long as the object. Freed with flexpay_payment_free.
#[repr(C)]
pub struct flexpay_payment {
    /// Where to send the customer: an absolute https address (http on this machine only), checked.
    /// NULL when there is a page instead.
    pub redirect_url: *const c_char,
    /// The gateway's number, which flexpay_check and flexpay_wait need. FLEXPAY_API_V1 gives none.
    pub order_number: *const c_char,
    /// The gateway's code, as it came.
    pub code: *const c_char,
    /// The gateway's words.
    pub message: *const c_char,
    /// Where the gateway's page cannot be told as an address (a form that submits itself): the HTML
    /// to hand to the customer's browser.
    pub page: *const c_char,
}

impl flexpay_payment_request {
    unsafe fn read(given: *const Self) -> Result<PaymentRequest> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let own = sized(given, "request")?;
            Ok(PaymentRequest {
                reference: needed(own.reference, "reference")?,
                amount: needed(own.amount, "amount")?,
                currency: needed(own.currency, "currency")?,
                description: owned(own.description, "description")?,
                callback_url: owned(own.callback_url, "callback_url")?,
                approve_url: owned(own.approve_url, "approve_url")?,
                cancel_url: owned(own.cancel_url, "cancel_url")?,
                decline_url: owned(own.decline_url, "decline_url")?,
                home_url: owned(own.home_url, "home_url")?,
            })
        }
    }
}

impl flexpay_payment {
    fn make(payment: &mut Payment) -> *mut Self {
        c_struct::make(
            [
                payment.redirect_url.as_deref(),
                payment.order_number.as_deref(),
                payment.code.as_deref(),
                payment.message.as_deref(),
                payment.page.as_deref(),
            ],
            |[redirect_url, order_number, code, message, page]| Self {
                redirect_url,
                order_number,
                code,
                message,
                page,
            },
        )
    }
}

/// Asks the gateway to take in a payment. The request is sent AT MOST ONCE, whatever happens; when
/// the call fails, the error's outcome says whether it may be repeated.
///
/// client:  not NULL; may be in use by other threads.
/// request: not NULL; borrowed for this call.
/// payment: receives the payment, to be freed with flexpay_payment_free; NULL on failure.
/// error:   receives why it failed, to be freed with flexpay_error_free; NULL on success. May be
///          NULL, but then nobody learns whether the request may be repeated.
/// Errors: INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY, GATEWAY,
/// UNAUTHORIZED, REFUSED, INTERNAL. Blocks up to the client's timeout_ms. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_pay(
    client: *const flexpay_client,
    request: *const flexpay_payment_request,
    payment: *mut *mut flexpay_payment,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(payment, error, flexpay_payment::make, || {
            let client = flexpay_client::borrow(client)?;
            client.pay(&flexpay_payment_request::read(request)?)
        })
    }
}

/// Frees a payment. NULL is fine. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_payment_free(payment: *mut flexpay_payment) {
    // SAFETY: NULL or a payment of this library that was not freed, as the header asks.
    stop_panics(|| unsafe { c_struct::free(payment) });
}
