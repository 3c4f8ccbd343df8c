//! Order checks.

use libc::c_char;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::text;
use super::panics::stop_panics;
use crate::amount::Amount;
use crate::transaction::{State, Transaction};

/// A transaction as the gateway reports it. Strings are UTF-8, NULL if absent or unreadable, and
/// valid until the object is freed with flexpay_transaction_free.
#[repr(C)]
pub struct flexpay_transaction {
    /// One of FLEXPAY_STATE_*. Only FLEXPAY_STATE_PAID means that the customer has paid or, for a
    /// payout, that the beneficiary has the money.
    pub state: i32,
    /// The status as the gateway wrote it.
    pub status: *const c_char,
    /// The order number in the gateway's reply, or else the one that was checked. Never NULL.
    pub order_number: *const c_char,
    /// Your reference; the gateway sometimes writes the order number here. The verify functions,
    /// and a wait with expected, accept that only if expected.order_number is set.
    pub reference: *const c_char,
    /// The requested amount, with two decimals: "50.00". Compare this one with your records: by
    /// amount_minor or flexpay_verify_order, not with strcmp, as you may have written "50".
    pub amount: *const c_char,
    /// What the customer pays, fees included: "51.00".
    pub amount_customer: *const c_char,
    /// The amount in hundredths, 5000; -1 if absent or unreadable.
    pub amount_minor: i64,
    /// amount_customer in hundredths; -1 if absent or unreadable.
    pub amount_customer_minor: i64,
    /// "CDF" or "USD", as the gateway wrote it.
    pub currency: *const c_char,
    /// "2021-02-06T17:32:46". The gateway gives no time zone.
    pub created_at: *const c_char,
    /// How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    pub channel: *const c_char,
    /// The code of the reply. It says that the check was understood, never that anything was paid.
    /// Never NULL.
    pub code: *const c_char,
    /// The gateway's message.
    pub message: *const c_char,
    /// The reply as received, with the token masked if the gateway repeated it. It may contain a
    /// token that the gateway escaped in another way: do not log it. Never NULL.
    pub raw: *const c_char,
    /// What the call did, as JSON text: see FLEXPAY_FLAG_TRACE. NULL without that flag.
    pub trace: *const c_char,
}

impl flexpay_transaction {
    pub(super) fn make(transaction: &mut Transaction) -> *mut Self {
        let decimal = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let minor = |amount: Option<Amount>| amount.map_or(-1, Amount::minor);
        c_struct::make(
            [
                transaction.status.as_deref(),
                Some(&transaction.order_number),
                transaction.reference.as_deref(),
                decimal(transaction.amount).as_deref(),
                decimal(transaction.amount_customer).as_deref(),
                transaction.currency.as_deref(),
                transaction.created_at.as_deref(),
                transaction.channel.as_deref(),
                Some(&transaction.code),
                transaction.message.as_deref(),
                Some(&transaction.raw),
                transaction.trace.as_deref(),
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
                trace,
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
                trace,
            },
        )
    }
}

/// Returns 1 if a new state may replace the recorded one, else 0. Callbacks and checks may arrive
/// late, twice and out of order: call this function before each write. A late PAID replaces FAILED
/// and CANCELLED. REFUNDING replaces only PAID; REFUNDED replaces PAID and REFUNDING. No state is
/// replaced by itself, by UNKNOWN, or by an earlier state.
///
/// recorded: the state in your records. now: the new state. A number that is not a state counts as
/// UNKNOWN.
///
/// Write the new state with a compare-and-set: "UPDATE orders SET state = :now WHERE reference =
/// :reference AND state = :recorded". If no row changes, another process was
/// first: read the state, and begin again. Deliver only if your update wrote PAID.
/// Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_state_may_replace(recorded: i32, now: i32) -> i32 {
    state(now).may_replace(state(recorded)).into()
}

fn state(number: i32) -> State {
    State::from_number(number).unwrap_or(State::Unknown)
}

/// Checks an order. A check changes nothing, so it retries after a broken connection or a gateway
/// failure: at most three times in all, within timeout_ms (not with FLEXPAY_FLAG_CHECK_ONCE). The
/// correlation id of its trace is random; flexpay_verify_order accepts yours.
///
/// client:       not NULL; may be in use by other threads.
/// order_number: the gateway's order number; borrowed for this call. NULL is INVALID: FLEXPAY_API_V1
///               gives no order number, FLEXPAY_API_V1_1 does.
/// transaction:  receives the transaction; free it with flexpay_transaction_free. NULL on failure.
///               FLEXPAY_OK means that the order was found; its state says whether it is paid.
/// error:        receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY, GATEWAY, UNAUTHORIZED,
/// REFUSED, NOT_FOUND, INTERNAL. Blocks up to the client's timeout_ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_check(
    client: *const flexpay_client,
    order_number: *const c_char,
    transaction: *mut *mut flexpay_transaction,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(transaction, error, flexpay_transaction::make, || {
            let client = flexpay_client::borrow(client)?;
            // NULL comes from a payment without an order number: the client's error explains it.
            client.check(text(order_number, "order_number")?.unwrap_or_default())
        })
    }
}

/// Frees a transaction. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_transaction_free(transaction: *mut flexpay_transaction) {
    // SAFETY: NULL or a transaction of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(transaction) });
}
