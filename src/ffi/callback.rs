//! Callbacks: parsing and verification.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::{Buffer, deliver, fill_buffer};
use super::input::{
    SizedStruct, body as borrow_body, copied_text, read_struct, required_text, text, unknown_number,
};
use super::panics::stop_panics;
use super::transaction::flexpay_transaction;
use crate::callback::{CallbackView, Expected, callback_key, with_parsed_callback};
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::wire::fields::Field;

/// The content of a callback. ANYONE who knows the URL can send one: trust nothing in it before
/// flexpay_verify_callback. Strings are UTF-8 as received, NULL if absent, empty or null, and valid
/// until the object is freed with flexpay_callback_free.
#[repr(C)]
pub struct flexpay_callback {
    /// 1 if the callback claims success, else 0. This is not verified.
    pub claims_success: i32,
    /// "0": processed with success; anything else: not. If the callback has no code, its status;
    /// empty if it has neither. Never NULL.
    pub code: *const c_char,
    /// Your reference.
    pub reference: *const c_char,
    /// The operator's reference, on success.
    pub provider_reference: *const c_char,
    /// The gateway's order number.
    pub order_number: *const c_char,
    /// The amount, as written. This field and those up to message are observed, not documented.
    pub amount: *const c_char,
    /// What the customer paid, fees included, as written.
    pub amount_customer: *const c_char,
    /// The currency.
    pub currency: *const c_char,
    /// The customer's telephone number.
    pub phone: *const c_char,
    /// The date, as written.
    pub created_at: *const c_char,
    /// "visa", "mpesa", ...
    pub channel: *const c_char,
    /// The gateway's message.
    pub message: *const c_char,
    /// The body as received. Never NULL.
    pub raw: *const c_char,
}

/// Your payment or payout, from your own records: an order or a callback is compared with it.
/// Initialize with FLEXPAY_EXPECTED_INIT. Strings are UTF-8, NULL if absent, and borrowed for the
/// call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_expected {
    /// sizeof(flexpay_expected), set by FLEXPAY_EXPECTED_INIT.
    pub size: size_t,
    /// The reference of the request. Required.
    pub reference: *const c_char,
    /// Its amount. Required.
    pub amount: *const c_char,
    /// Its currency. Required.
    pub currency: *const c_char,
    /// The order number that the gateway gave. Set it if you recorded one: that order is then
    /// checked, whatever the callback says. NULL: the order number of the callback is checked.
    /// Required for flexpay_verify_order.
    pub order_number: *const c_char,
    /// The query string of the HTTP request that carried the callback ("flexpay=1.abc"), with or
    /// without the "?". Required if the client has a callback_secret: the signature is verified
    /// before a check is sent.
    pub query: *const c_char,
    /// FLEXPAY_KIND_CARD (default), FLEXPAY_KIND_MOBILE or FLEXPAY_KIND_PAYOUT. A callback URL is
    /// signed for one kind. A transaction that was paid by card is neither a mobile payment nor a
    /// payout. Beyond that, the gateway does not report the kind: to verify the callback of a
    /// payout, give order_number, or use a callback_secret.
    pub kind: i32,
    /// An id of your own for the verification, for its trace: 1 to 64 printable ASCII characters.
    /// flexpay_wait uses the one in its options.
    pub correlation_id: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_expected {
    const END: usize = offset_of!(Self, correlation_id) + size_of::<*const c_char>();
}

impl flexpay_callback {
    fn make(view: &CallbackView<'_>) -> *mut Self {
        c_struct::make(
            [
                Some(view.text(Field::Code).unwrap_or_default()),
                view.text(Field::Reference),
                view.text(Field::ProviderReference),
                view.text(Field::OrderNumber),
                view.text(Field::Amount),
                view.text(Field::AmountCustomer),
                view.text(Field::Currency),
                view.text(Field::Phone),
                view.text(Field::CreatedAt),
                view.text(Field::Channel),
                view.text(Field::Message),
                Some(view.raw),
            ],
            |[
                code,
                reference,
                provider_reference,
                order_number,
                amount,
                amount_customer,
                currency,
                phone,
                created_at,
                channel,
                message,
                raw,
            ]| Self {
                claims_success: view.claims_success.into(),
                code,
                reference,
                provider_reference,
                order_number,
                amount,
                amount_customer,
                currency,
                phone,
                created_at,
                channel,
                message,
                raw,
            },
        )
    }
}

impl flexpay_expected {
    pub(super) unsafe fn read(given: *const Self) -> Result<Expected> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "expected")?;
            Ok(Expected {
                reference: required_text(fields.reference, "reference")?,
                amount: required_text(fields.amount, "amount")?,
                currency: required_text(fields.currency, "currency")?,
                order_number: copied_text(fields.order_number, "order_number")?,
                query: copied_text(fields.query, "query")?,
                kind: Kind::from_number(fields.kind)
                    .ok_or_else(|| unknown_number("kind", fields.kind))?,
                correlation_id: copied_text(fields.correlation_id, "correlation_id")?,
            })
        }
    }
}

/// Parses a callback body, JSON or form. Verifies nothing, and does not use the network.
///
/// body, length: the body as received, 64 KiB at most; borrowed for this call. body may be NULL if
///               length is 0.
/// callback:     receives the callback; free it with flexpay_callback_free. NULL on failure.
/// error:        receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: CALLBACK, INVALID (a NULL body with a length), INTERNAL. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_parse_callback(
    body: *const u8,
    length: size_t,
    callback: *mut *mut flexpay_callback,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(
            callback,
            error,
            |&mut object| object,
            || {
                with_parsed_callback(borrow_body(body, length)?, |view| {
                    // The C object is made here because `view` is valid only inside this closure.
                    match callback.is_null() {
                        true => std::ptr::null_mut(),
                        false => flexpay_callback::make(view),
                    }
                })
            },
        )
    }
}

/// The size of a callback key, with its NUL.
pub const FLEXPAY_CALLBACK_KEY_SIZE: i32 = 65;

/// Writes a key that identifies a callback, to recognize a second delivery of it: 64 hexadecimal
/// digits, a hash of the order number, the reference and the claimed result. All encoded forms of a
/// callback have the same key.
///
/// Record the key only AFTER the callback was verified, together with the order's state, and only
/// if that state is PAID, REFUNDING or REFUNDED: in every other state verify a repeated callback
/// again. A key that is recorded earlier would let a forged callback make the real one look like a
/// repeat. With flexpay_state_may_replace you do not need the key.
///
/// callback: not NULL; borrowed for this call.
/// key:      receives the key and its NUL; not NULL. Empty on failure.
/// size:     the size of the key buffer in bytes; at least FLEXPAY_CALLBACK_KEY_SIZE.
/// error:    receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID, INTERNAL. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_callback_key(
    callback: *const flexpay_callback,
    key: *mut c_char,
    size: size_t,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the callback and its strings are those of a live object, and `key` has room for
    // `size` bytes, or either is NULL, as the header requires.
    unsafe {
        fill_buffer(
            Buffer {
                name: "key",
                start: key,
                size,
            },
            error,
            || {
                let Some(callback) = callback.as_ref() else {
                    return Err(Error::invalid("callback", "is NULL"));
                };
                Ok(callback_key(
                    text(callback.order_number, "order_number")?,
                    text(callback.reference, "reference")?,
                    text(callback.code, "code")?.unwrap_or_default(),
                    callback.claims_success != 0,
                ))
            },
        )
    }
}

/// Verifies a callback: parses it, checks its order with the gateway, and compares reference,
/// amount, currency and kind with your payment or payout. If the client has a callback_secret,
/// expected.query must contain its signature. If query is NULL, that is INVALID; if the signature
/// is missing or wrong, MISMATCH (field "query"). In both cases no check is sent.
///
/// FLEXPAY_OK means: this transaction is that of your payment or payout. Its state says whether it
/// is paid: mark an order as paid only on FLEXPAY_STATE_PAID. MISMATCH means that the callback is
/// not about the expected payment.
///
/// client:       not NULL; may be in use by other threads.
/// body, length: the body as received, 64 KiB at most; borrowed for this call. body may be NULL if
///               length is 0.
/// expected:     your payment or payout, from your records; not NULL; borrowed for this call.
/// transaction:  receives the gateway's transaction; free it with flexpay_transaction_free. NULL on
///               failure.
/// error:        receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: CALLBACK, MISMATCH, INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY,
/// GATEWAY, UNAUTHORIZED, REFUSED, NOT_FOUND, INTERNAL. Blocks up to the client's timeout_ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_verify_callback(
    client: *const flexpay_client,
    body: *const u8,
    length: size_t,
    expected: *const flexpay_expected,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            let expected = flexpay_expected::read(expected)?;
            client.verify_callback(borrow_body(body, length)?, &expected)
        })
    }
}

/// Verifies an order without a callback: checks expected.order_number, from your records, with the
/// gateway, and compares reference, amount, currency and kind with your payment or payout. Use it
/// at a till, after a payout, or to check all open orders. expected.query and the client's
/// callback_secret are not used.
///
/// FLEXPAY_OK means: this transaction is that of your payment or payout. Its state says whether it
/// is paid: mark an order as paid only on FLEXPAY_STATE_PAID. MISMATCH means that it is another
/// payment; the message names each field that differs.
///
/// client:      not NULL; may be in use by other threads.
/// expected:    your payment or payout, from your records, with its order_number; not NULL; borrowed
///              for this call.
/// transaction: receives the gateway's transaction; free it with flexpay_transaction_free. NULL on
///              failure.
/// error:       receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: MISMATCH, INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY, GATEWAY,
/// UNAUTHORIZED, REFUSED, NOT_FOUND, INTERNAL. Blocks up to the client's timeout_ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_verify_order(
    client: *const flexpay_client,
    expected: *const flexpay_expected,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            client.verify_order(&flexpay_expected::read(expected)?)
        })
    }
}

/// Frees a callback. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_callback_free(callback: *mut flexpay_callback) {
    // SAFETY: NULL or a callback of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(callback) });
}
