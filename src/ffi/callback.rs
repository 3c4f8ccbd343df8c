//! The gateway's notice, and the verdict on it.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, body as borrow_body, needed, owned, sized, text};
use super::panics::stop_panics;
use super::transaction::flexpay_transaction;
use crate::callback::{CallbackView, Expected, callback_key, with_parsed_callback};
use crate::error::{Error, Result};
use crate::wire::fields::Field;

/// What a callback says. ANYONE who knows the address can post one: believe nothing of it before
/// flexpay_verify_callback. Strings are UTF-8 as received, NULL where absent, empty or null, and
/// live as long as the object. Freed with flexpay_callback_free.
#[repr(C)]
pub struct flexpay_callback {
    /// 1 where it claims success, 0 where not. A claim.
    pub claims_success: i32,
    /// "0": processed with success; anything else: not. Where the notice has no code, its status;
    /// empty where it has neither. Never NULL.
    pub code: *const c_char,
    /// Your reference.
    pub reference: *const c_char,
    /// The operator's reference, on success.
    pub provider_reference: *const c_char,
    /// The gateway's number.
    pub order_number: *const c_char,
    /// This and the following are observed, not documented: the amount, as written.
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
    /// The gateway's words.
    pub message: *const c_char,
    /// The body as received. Never NULL.
    pub raw: *const c_char,
}

/// What you asked for, from your own records, to hold an order or a callback against. Begin with
/// FLEXPAY_EXPECTED_INIT. Strings are borrowed for the call alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_expected {
    /// sizeof(flexpay_expected), set by FLEXPAY_EXPECTED_INIT.
    pub size: size_t,
    /// The reference of the payment request. Needed.
    pub reference: *const c_char,
    /// Its amount. Needed.
    pub amount: *const c_char,
    /// Its currency. Needed.
    pub currency: *const c_char,
    /// The order number the gateway gave for it. Set it whenever you recorded one: then that order
    /// is checked, whatever the callback says. NULL: the callback's is. flexpay_verify_order needs it.
    pub order_number: *const c_char,
    /// The query string of the request that brought the callback ("flexpay=1.abc"), with or without
    /// its "?". Needed where the client has a callback_secret: its signature is checked before
    /// anything is asked.
    pub query: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_expected {
    const END: usize = offset_of!(Self, query) + size_of::<*const c_char>();
}

impl flexpay_callback {
    fn make(said: &CallbackView<'_>) -> *mut Self {
        c_struct::make(
            [
                Some(said.text(Field::Code).unwrap_or_default()),
                said.text(Field::Reference),
                said.text(Field::ProviderReference),
                said.text(Field::OrderNumber),
                said.text(Field::Amount),
                said.text(Field::AmountCustomer),
                said.text(Field::Currency),
                said.text(Field::Phone),
                said.text(Field::CreatedAt),
                said.text(Field::Channel),
                said.text(Field::Message),
                Some(said.raw),
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
                claims_success: said.claims_success.into(),
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
            let own = sized(given, "expected")?;
            Ok(Expected {
                reference: needed(own.reference, "reference")?,
                amount: needed(own.amount, "amount")?,
                currency: needed(own.currency, "currency")?,
                order_number: owned(own.order_number, "order_number")?,
                query: owned(own.query, "query")?,
            })
        }
    }
}

/// Reads a callback body, JSON or form. Believes nothing; no network.
///
/// body, length: the body as it came; borrowed for this call. Over 64 KiB it is refused.
/// callback:     receives what it says, to be freed with flexpay_callback_free; NULL on failure.
/// error:        receives why it cannot be read, to be freed with flexpay_error_free. May be NULL.
/// Errors: CALLBACK, INVALID (a NULL body with a length), INTERNAL. Does not block. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_parse_callback(
    body: *const u8,
    length: size_t,
    callback: *mut *mut flexpay_callback,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(
            callback,
            error,
            |&mut object| object,
            || {
                with_parsed_callback(borrow_body(body, length)?, |said| {
                    // Made here already, since what was said is only lent.
                    match callback.is_null() {
                        true => std::ptr::null_mut(),
                        false => flexpay_callback::make(said),
                    }
                })
            },
        )
    }
}

/// The size of a callback's key, its NUL included.
pub const FLEXPAY_CALLBACK_KEY_SIZE: i32 = 65;

/// Writes the key by which the same notice, delivered again, is known: 64 hexadecimal digits over the
/// order number, the reference and what is claimed of them, the same for every spelling.
///
/// Record it only AFTER the notice was verified, in one step with the order's state. A key recorded
/// before would let a forged notice make the true one look like a repeat.
///
/// callback: not NULL.
/// key:      receives the key and its NUL; not NULL. Empty on failure.
/// size:     how many bytes key has room for; FLEXPAY_CALLBACK_KEY_SIZE or more.
/// error:    receives why it failed, to be freed with flexpay_error_free. May be NULL.
/// Errors: INVALID, INTERNAL. Does not block. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_callback_key(
    callback: *const flexpay_callback,
    key: *mut c_char,
    size: size_t,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the callback and its strings are those of a live object, and `key` has room for `size`
    // bytes, or either is NULL, as the header asks.
    unsafe {
        if !key.is_null() && size > 0 {
            key.write(0);
        }
        let unwanted: *mut *mut c_char = std::ptr::null_mut();
        deliver(
            unwanted,
            error,
            |&mut ()| std::ptr::null_mut(),
            || {
                let Some(callback) = callback.as_ref() else {
                    return Err(Error::invalid("callback", "is NULL"));
                };
                if key.is_null() {
                    return Err(Error::invalid("key", "is NULL"));
                }
                if size < FLEXPAY_CALLBACK_KEY_SIZE as size_t {
                    return Err(Error::invalid(
                        "size",
                        "is less than FLEXPAY_CALLBACK_KEY_SIZE",
                    ));
                }
                let digits = callback_key(
                    text(callback.order_number, "order_number")?,
                    text(callback.reference, "reference")?,
                    text(callback.code, "code")?.unwrap_or_default(),
                    callback.claims_success != 0,
                );
                std::ptr::copy_nonoverlapping(digits.as_ptr().cast(), key, digits.len());
                key.add(digits.len()).write(0);
                Ok(())
            },
        )
    }
}

/// Gives the verdict on a callback: reads it, asks the gateway about its order, and compares
/// reference, amount and currency with what you asked for. Where the client has a callback_secret,
/// the address the callback came to must carry its signature; otherwise nothing is asked.
///
/// FLEXPAY_OK means: this transaction IS the one you asked for. Whether it is paid, its state says:
/// mark an order paid only on FLEXPAY_STATE_PAID. A callback that is not about the expected payment
/// comes back as MISMATCH.
///
/// client:       not NULL; may be in use by other threads.
/// body, length: the body as it came; borrowed for this call.
/// expected:     what you asked for, from your records; not NULL; borrowed for this call.
/// transaction:  receives the gateway's word, to be freed with flexpay_transaction_free; NULL on
///               failure.
/// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
/// Errors: CALLBACK, MISMATCH, and those of flexpay_check. Blocks up to the client's timeout_ms.
/// Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_verify_callback(
    client: *const flexpay_client,
    body: *const u8,
    length: size_t,
    expected: *const flexpay_expected,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            let expected = flexpay_expected::read(expected)?;
            client.verify_callback(borrow_body(body, length)?, &expected)
        })
    }
}

/// Gives the verdict on an order: asks the gateway about expected.order_number, from your records,
/// and compares reference, amount and currency with what you asked for. For a till, or a sweep over
/// open orders: no callback is needed. expected.query and the client's callback_secret are not used.
///
/// FLEXPAY_OK means: this transaction IS the one you asked for. Whether it is paid, its state says:
/// mark an order paid only on FLEXPAY_STATE_PAID. Another payment comes back as MISMATCH; the message
/// names each field that differs.
///
/// client:      not NULL; may be in use by other threads.
/// expected:    what you asked for, from your records, with its order_number; not NULL; borrowed for
///              this call.
/// transaction: receives the gateway's word, to be freed with flexpay_transaction_free; NULL on
///              failure.
/// error:       receives why it failed, to be freed with flexpay_error_free. May be NULL.
/// Errors: MISMATCH, and those of flexpay_check. Blocks up to the client's timeout_ms. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_verify_order(
    client: *const flexpay_client,
    expected: *const flexpay_expected,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            client.verify_order(&flexpay_expected::read(expected)?)
        })
    }
}

/// Frees a callback. NULL is fine. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_callback_free(callback: *mut flexpay_callback) {
    // SAFETY: NULL or a callback of this library that was not freed, as the header asks.
    stop_panics(|| unsafe { c_struct::free(callback) });
}
