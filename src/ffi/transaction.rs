//! Asking where an order stands.

use libc::c_char;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::text;
use super::panics::stop_panics;
use crate::amount::Amount;
use crate::transaction::{State, Transaction};

/// A transaction as the gateway tells it. Strings are UTF-8, NULL where absent or unreadable, and
/// live as long as the object. Freed with flexpay_transaction_free.
#[repr(C)]
pub struct flexpay_transaction {
    /// One of FLEXPAY_STATE_*. Only FLEXPAY_STATE_PAID means that the customer has paid.
    pub state: i32,
    /// The status as the gateway wrote it.
    pub status: *const c_char,
    /// The gateway's number, as given, or else the one asked for. Never NULL.
    pub order_number: *const c_char,
    /// Your reference. One live integration got the order number here instead.
    pub reference: *const c_char,
    /// The amount asked for, with two decimals: "50.00". This is the one to compare.
    pub amount: *const c_char,
    /// What the customer pays, fees included: "51.00".
    pub amount_customer: *const c_char,
    /// The amount in hundredths, 5000; -1 where it is absent.
    pub amount_minor: i64,
    /// The customer's amount in hundredths; -1 where it is absent.
    pub amount_customer_minor: i64,
    /// "CDF" or "USD", as the gateway wrote it.
    pub currency: *const c_char,
    /// "2021-02-06T17:32:46", without a zone: the gateway states none.
    pub created_at: *const c_char,
    /// How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    pub channel: *const c_char,
    /// The reply's code: that the question was understood, never that anything was paid.
    pub code: *const c_char,
    /// The gateway's words.
    pub message: *const c_char,
    /// The reply as received.
    pub raw: *const c_char,
}

impl flexpay_transaction {
    pub(super) fn make(transaction: &mut Transaction) -> *mut Self {
        let shown = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let minor = |amount: Option<Amount>| amount.map_or(-1, Amount::minor);
        c_struct::make(
            [
                transaction.status.as_deref(),
                Some(&transaction.order_number),
                transaction.reference.as_deref(),
                shown(transaction.amount).as_deref(),
                shown(transaction.amount_customer).as_deref(),
                transaction.currency.as_deref(),
                transaction.created_at.as_deref(),
                transaction.channel.as_deref(),
                Some(&transaction.code),
                transaction.message.as_deref(),
                Some(&transaction.raw),
            ],
            |[
                status,
                order_number,
                reference,
                amount,
                amount_customer,
                currency,
                created_at,
                channel,
                code,
                message,
                raw,
            ]| Self {
                state: transaction.state as i32,
                status,
                order_number,
                reference,
                amount,
                amount_customer,
                amount_minor: minor(transaction.amount),
                amount_customer_minor: minor(transaction.amount_customer),
                currency,
                created_at,
                channel,
                code,
                message,
                raw,
            },
        )
    }
}

/// Whether a state may replace the one that a shop has recorded, where notices and checks come late,
/// twice and out of order: 1 or 0. Late PAID beats FAILED and CANCELLED; a refund follows PAID
/// alone; nothing is replaced by itself, by UNKNOWN, or by what came before it. A number that is
/// no state counts as UNKNOWN.
///
/// The compare-and-set that goes with it: "UPDATE orders SET state = :now WHERE reference =
/// :reference AND state = :recorded". Whoever changes no row was not the first.
/// Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_state_may_replace(recorded: i32, now: i32) -> i32 {
    state(now).may_replace(state(recorded)).into()
}

fn state(number: i32) -> State {
    State::from_number(number).unwrap_or(State::Unknown)
}

/// Asks the gateway where an order stands. Asking changes nothing, so what a broken connection or a
/// failing gateway left unanswered is asked again, within the deadline.
///
/// client:       not NULL; may be in use by other threads.
/// order_number: the gateway's number; borrowed for this call. NULL, which a payment by the form
///               (FLEXPAY_API_V1) has, is INVALID: FLEXPAY_API_V1_1 gives one.
/// transaction:  receives the transaction, to be freed with flexpay_transaction_free; NULL on
///               failure. FLEXPAY_OK says that it was found, its state whether it is paid.
/// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
/// Errors: as flexpay_pay, and NOT_FOUND. Blocks up to the client's timeout_ms. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_check(
    client: *const flexpay_client,
    order_number: *const c_char,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            // NULL is what a payment without an order number has: the client says why.
            client.check(text(order_number, "order_number")?.unwrap_or_default())
        })
    }
}

/// Frees a transaction. NULL is fine. Since ABI 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_transaction_free(transaction: *mut flexpay_transaction) {
    // SAFETY: NULL or a transaction of this library that was not freed, as the header asks.
    stop_panics(|| unsafe { c_struct::free(transaction) });
}
