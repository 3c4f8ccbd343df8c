//! What became of the payments of the journal.

use libc::{c_char, size_t};
use std::mem::offset_of;
use std::time::Duration;

use super::c_struct;
use super::cancel::flexpay_cancel_token;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{SizedStruct, body as borrow_body, read_struct_or_none, text};
use super::panics::stop_panics;
use super::wait::flexpay_wait_options;
use crate::error::Result;
use crate::journal::{ReconcileOptions, Reconciliation, Settlement};

/// An entry of the journal: one payment or payout. Strings are UTF-8, NULL if absent, and valid
/// until the object is freed with flexpay_settlement_free. If it is in a list, free only the list,
/// with flexpay_settlements_free.
#[repr(C)]
pub struct flexpay_settlement {
    /// Your reference.
    pub reference: *const c_char,
    /// FLEXPAY_KIND_*.
    pub kind: i32,
    /// FLEXPAY_ENTRY_*. Only FLEXPAY_ENTRY_PAID means that the customer has paid or, for a payout,
    /// that the beneficiary has the money.
    pub state: i32,
    /// 1 if this call changed the state or, for flexpay_journal_acknowledge, recorded that you
    /// deliver. Of several calls, only one gets 1 for each change.
    pub changed: i32,
    /// 1 if it is paid and not acknowledged yet: call flexpay_journal_acknowledge, then deliver.
    /// Always 0 for a payout.
    pub to_deliver: i32,
    /// 1 if its state may still change: flexpay_reconcile asks about it.
    pub is_open: i32,
    /// The amount of the request.
    pub amount: *const c_char,
    /// The currency of the request.
    pub currency: *const c_char,
    /// The phone number of the request, as the gateway receives it.
    pub phone: *const c_char,
    /// The gateway's order number.
    pub order_number: *const c_char,
    /// Another order that the gateway has under the same reference. If both were paid, give the
    /// money of one back.
    pub other_order_number: *const c_char,
    /// Where to send the customer.
    pub redirect_url: *const c_char,
    /// HTML to send to the customer's browser instead.
    pub page: *const c_char,
    /// What was learnt last: a state ("PENDING"), or the name of an error ("NOT_FOUND").
    pub last_answer: *const c_char,
    /// Who resolved it with flexpay_journal_resolve.
    pub resolved_by: *const c_char,
    /// Why.
    pub resolved_why: *const c_char,
    /// When it was made, in UTC, by this machine's clock: "2026-11-27T18:36:21Z".
    pub created_at: *const c_char,
    /// When it was changed last. Only flexpay_journal_prune decides by it.
    pub changed_at: *const c_char,
    /// In a list of flexpay_reconcile: why nothing was learnt about this one now, "TIMEOUT: ...".
    pub problem: *const c_char,
}

/// A list of entries. It is one object: free it with flexpay_settlements_free.
#[repr(C)]
pub struct flexpay_settlements {
    /// How many there are.
    pub count: size_t,
    /// The entries: count pointers. Not NULL, even if there are none.
    pub items: *const *const flexpay_settlement,
    /// After flexpay_reconcile: why it did not ask about every open entry, "CONNECT: ...". NULL if
    /// it did.
    pub stopped: *const c_char,
}

/// How to reconcile. Initialize with FLEXPAY_RECONCILE_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_reconcile_options {
    /// sizeof(flexpay_reconcile_options), set by FLEXPAY_RECONCILE_OPTIONS_INIT.
    pub size: size_t,
    /// Ends it from another thread or from a signal handler. May be NULL.
    pub cancel: *const flexpay_cancel_token,
    /// The time limit, in milliseconds: no further order is asked about after it. 0 means 300000.
    pub timeout_ms: u32,
    /// Must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_reconcile_options {
    const END: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl flexpay_reconcile_options {
    unsafe fn read(given: *const Self) -> Result<ReconcileOptions> {
        // SAFETY: as the caller promises, for the struct and for its cancel token.
        unsafe {
            let Some(fields) = read_struct_or_none(given, "options")? else {
                return Ok(ReconcileOptions::default());
            };
            if fields.reserved != 0 {
                return Err(crate::Error::invalid("reserved", "is not 0"));
            }
            Ok(ReconcileOptions {
                timeout: Duration::from_millis(fields.timeout_ms.into()),
                cancel: flexpay_cancel_token::share(fields.cancel),
            })
        }
    }
}

const TEXTS: usize = 14;

impl flexpay_settlement {
    pub(super) fn make(settlement: &mut Settlement) -> *mut Self {
        c_struct::make(texts(settlement), |texts| Self::new(settlement, texts))
    }

    fn new(settlement: &Settlement, texts: [*const c_char; TEXTS]) -> Self {
        let entry = &settlement.stored.entry;
        let [
            reference,
            amount,
            currency,
            phone,
            order_number,
            other_order_number,
            redirect_url,
            page,
            last_answer,
            resolved_by,
            resolved_why,
            created_at,
            changed_at,
            problem,
        ] = texts;
        Self {
            reference,
            kind: entry.kind as i32,
            state: entry.state as i32,
            changed: settlement.changed.into(),
            to_deliver: entry.is_to_deliver().into(),
            is_open: entry.is_open().into(),
            amount,
            currency,
            phone,
            order_number,
            other_order_number,
            redirect_url,
            page,
            last_answer,
            resolved_by,
            resolved_why,
            created_at,
            changed_at,
            problem,
        }
    }
}

fn texts(settlement: &Settlement) -> [Option<&str>; TEXTS] {
    let Settlement {
        stored, problem, ..
    } = settlement;
    let entry = &stored.entry;
    [
        Some(&entry.reference),
        Some(&entry.amount),
        Some(&entry.currency),
        entry.phone.as_deref(),
        entry.order_number.as_deref(),
        entry.other_order_number.as_deref(),
        entry.redirect_url.as_deref(),
        entry.page.as_deref(),
        entry.last_answer.as_deref(),
        entry.resolved_by.as_deref(),
        entry.resolved_why.as_deref(),
        Some(&stored.created_at),
        Some(&stored.changed_at),
        problem.as_deref(),
    ]
}

impl flexpay_settlements {
    pub(super) fn make(found: &mut Reconciliation) -> *mut Self {
        let stopped = found.stopped_text();
        c_struct::make_with_list(
            [stopped.as_deref()],
            &found.settlements,
            texts,
            flexpay_settlement::new,
            |[stopped], items| Self {
                count: items.len(),
                items: items.as_ptr(),
                stopped,
            },
        )
    }
}

/// Finds out what became of a payment or payout of the journal: asks the gateway about its order,
/// compares reference, amount, currency and kind with the entry, and records the state.
///
/// If the order number is not known, the gateway cannot be asked: the entry is returned as it is.
///
/// client:     not NULL, with a journal; may be in use by other threads.
/// reference:  your reference; borrowed for this call. If the journal does not have it: INVALID.
/// wait:       NULL asks once. Otherwise the call waits as flexpay_wait does, but compares with the
///             entry, and not with wait.expected. Borrowed for this call.
/// settlement: receives the entry; free it with flexpay_settlement_free. NULL on failure. May be
///             NULL.
/// error:      receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, and those of flexpay_verify_order or, with wait, of flexpay_wait. Blocks up to
/// the client's timeout_ms or to wait.timeout_ms, and up to 10 s if another program is writing to
/// the journal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_settle(
    client: *const flexpay_client,
    reference: *const c_char,
    wait: *const flexpay_wait_options,
    settlement: *mut *mut flexpay_settlement,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlement, error, flexpay_settlement::make, || {
            let client = flexpay_client::borrow(client)?;
            let reference = text(reference, "reference")?.unwrap_or_default();
            match wait.is_null() {
                true => client.settle(reference),
                false => client.settle_wait(reference, &flexpay_wait_options::read(wait)?),
            }
        })
    }
}

/// Finds out what became of the payment or payout that a callback is about: finds its entry in the
/// journal, asks the gateway, compares as flexpay_verify_callback does, and records the state. The
/// entry takes the place of expected.
///
/// Reply to the callback with HTTP 200 after success. After INVALID with field "reference" the
/// payment is not in this journal: reply with 404 and log it. A callback is lost there if the path
/// of the journal is wrong, or the journal is an old copy.
///
/// client:       not NULL, with a journal; may be in use by other threads.
/// body, length: the body as received, 64 KiB at most; borrowed for this call. body may be NULL if
///               length is 0.
/// query:        the query string of the HTTP request that carried the callback; borrowed for this
///               call. Required if the client has a callback_secret; otherwise it may be NULL.
/// settlement:   receives the entry; free it with flexpay_settlement_free. NULL on failure. May be
///               NULL.
/// error:        receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, and those of flexpay_verify_callback. Blocks as flexpay_settle without wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_settle_callback(
    client: *const flexpay_client,
    body: *const u8,
    length: size_t,
    query: *const c_char,
    settlement: *mut *mut flexpay_settlement,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlement, error, flexpay_settlement::make, || {
            let client = flexpay_client::borrow(client)?;
            client.settle_callback(borrow_body(body, length)?, text(query, "query")?)
        })
    }
}

/// Finds out what became of every open entry of the journal, as flexpay_settle does for one. Call it
/// when the program starts, and every few minutes.
///
/// The list has every entry that was open, and every entry that is to be delivered, as they are
/// now. If the gateway cannot be reached, the time is over or the call was cancelled, the call
/// succeeds, and stopped says why.
///
/// client:      not NULL, with a journal; may be in use by other threads.
/// options:     NULL for the defaults; borrowed for this call.
/// settlements: receives the list; free it with flexpay_settlements_free. NULL on failure. May be
///              NULL.
/// error:       receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID, INTERNAL. Blocks up to options.timeout_ms and the client's timeout_ms
/// together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_reconcile(
    client: *const flexpay_client,
    options: *const flexpay_reconcile_options,
    settlements: *mut *mut flexpay_settlements,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlements, error, flexpay_settlements::make, || {
            let client = flexpay_client::borrow(client)?;
            client.reconcile(&flexpay_reconcile_options::read(options)?)
        })
    }
}

/// Frees a settlement that is not in a list. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_settlement_free(settlement: *mut flexpay_settlement) {
    // SAFETY: NULL or a settlement of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(settlement) });
}

/// Frees a list and the settlements in it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_settlements_free(settlements: *mut flexpay_settlements) {
    // SAFETY: NULL or a list of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(settlements) });
}
