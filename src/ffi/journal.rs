//! The journal: reading it, and what people do with it.

use libc::{c_char, size_t};
use std::mem::offset_of;

use super::c_struct;
use super::client::flexpay_client;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::input::{
    SizedStruct, copied_text, read_struct, read_struct_or_none, required_text, text, unknown_number,
};
use super::numbers::{FLEXPAY_ENTRY_CANCELLED, FLEXPAY_ENTRY_FAILED, FLEXPAY_ENTRY_NOT_SENT};
use super::panics::stop_panics;
use super::settlement::{flexpay_settlement, flexpay_settlements};
use crate::error::{Error, Result};
use crate::journal::{Filter, Reconciliation, Resolution, Settlement, step_json};

/// Which entries flexpay_journal_list returns. Initialize with FLEXPAY_JOURNAL_QUERY_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_journal_query {
    /// sizeof(flexpay_journal_query), set by FLEXPAY_JOURNAL_QUERY_INIT.
    pub size: size_t,
    /// Only entries whose reference comes after this one, in the order of bytes: for the next page,
    /// the last reference of the page before. NULL: from the first.
    pub after: *const c_char,
    /// FLEXPAY_JOURNAL_*.
    pub filter: i32,
    /// How many at most. 0 means 100.
    pub limit: u32,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_journal_query {
    const END: usize = offset_of!(Self, limit) + size_of::<u32>();
}

const DEFAULT_LIMIT: u32 = 100;

/// What the struct says.
struct Query {
    filter: Filter,
    after: String,
    limit: u32,
}

impl flexpay_journal_query {
    unsafe fn read(given: *const Self) -> Result<Query> {
        // SAFETY: as the caller promises, for the struct and for the string in it.
        unsafe {
            let Some(fields) = read_struct_or_none(given, "query")? else {
                return Ok(Query {
                    filter: Filter::All,
                    after: String::new(),
                    limit: DEFAULT_LIMIT,
                });
            };
            Ok(Query {
                filter: Filter::from_number(fields.filter)
                    .ok_or_else(|| unknown_number("filter", fields.filter))?,
                after: required_text(fields.after, "after")?,
                limit: match fields.limit {
                    0 => DEFAULT_LIMIT,
                    limit => limit,
                },
            })
        }
    }
}

/// What a person says about an entry. Initialize with FLEXPAY_RESOLUTION_INIT. Strings are UTF-8,
/// NULL if absent, and borrowed for the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_resolution {
    /// sizeof(flexpay_resolution), set by FLEXPAY_RESOLUTION_INIT.
    pub size: size_t,
    /// The reference of the entry. Required.
    pub reference: *const c_char,
    /// The order number that the merchant's console shows for it. The state stays IN_DOUBT until
    /// flexpay_settle has asked the gateway about that order. NULL if state is set.
    pub order_number: *const c_char,
    /// Who says so. Required; it is recorded.
    pub who: *const c_char,
    /// Why. Required; it is recorded.
    pub why: *const c_char,
    /// FLEXPAY_ENTRY_NOT_SENT: the console does not show the payment, and no program is sending it
    /// any more; the request may be sent again. FLEXPAY_ENTRY_FAILED or FLEXPAY_ENTRY_CANCELLED: it
    /// will not be paid. 0 if order_number is set. Any other state is INVALID: only the gateway can
    /// say PAID.
    pub state: i32,
    /// Must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_resolution {
    const END: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

/// A text. Free it with flexpay_text_free.
#[repr(C)]
pub struct flexpay_text {
    /// UTF-8, with a NUL at its end.
    pub text: *const c_char,
}

/// What the struct says.
struct Resolve {
    reference: String,
    resolution: Resolution,
    who: String,
    why: String,
}

impl flexpay_resolution {
    unsafe fn read(given: *const Self) -> Result<Resolve> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "resolution")?;
            if fields.reserved != 0 {
                return Err(Error::invalid("reserved", "is not 0"));
            }
            let order_number = copied_text(fields.order_number, "order_number")?;
            Ok(Resolve {
                reference: required_text(fields.reference, "reference")?,
                resolution: match (order_number, fields.state) {
                    (Some(order_number), 0) => Resolution::Order { order_number },
                    (None, FLEXPAY_ENTRY_NOT_SENT) => Resolution::NotSent,
                    (None, FLEXPAY_ENTRY_FAILED) => Resolution::Failed,
                    (None, FLEXPAY_ENTRY_CANCELLED) => Resolution::Cancelled,
                    (Some(_), _) => {
                        return Err(Error::invalid(
                            "state",
                            "is given together with order_number",
                        ));
                    }
                    (None, 0) => {
                        return Err(Error::invalid(
                            "state",
                            "is missing, and so is order_number",
                        ));
                    }
                    (None, other) => return Err(unknown_resolution(other)),
                },
                who: required_text(fields.who, "who")?,
                why: required_text(fields.why, "why")?,
            })
        }
    }
}

fn unknown_resolution(state: i32) -> Error {
    Error::invalid(
        "state",
        format!("is {state}: a person can say NOT_SENT, FAILED or CANCELLED"),
    )
}

/// Returns the entry of a reference, as it is recorded. Sends nothing.
///
/// client:     not NULL, with a journal; may be in use by other threads.
/// reference:  your reference; borrowed for this call. If the journal does not have it: INVALID.
/// settlement: receives the entry; free it with flexpay_settlement_free. NULL on failure. May be
///             NULL.
/// error:      receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID, INTERNAL. Blocks up to 10 s if another program is writing to the
/// journal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_get(
    client: *const flexpay_client,
    reference: *const c_char,
    settlement: *mut *mut flexpay_settlement,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlement, error, flexpay_settlement::make, || {
            let journal = flexpay_client::borrow(client)?.journal()?;
            journal.settlement(text(reference, "reference")?.unwrap_or_default())
        })
    }
}

/// Lists entries, in the order of their references.
///
/// client:      not NULL, with a journal; may be in use by other threads.
/// query:       which entries. NULL: the first 100. Borrowed for this call.
/// settlements: receives the list; free it with flexpay_settlements_free. NULL on failure. May be
///              NULL.
/// error:       receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID, INTERNAL. Blocks up to 10 s if another program is writing to the
/// journal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_list(
    client: *const flexpay_client,
    query: *const flexpay_journal_query,
    settlements: *mut *mut flexpay_settlements,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlements, error, flexpay_settlements::make, || {
            let journal = flexpay_client::borrow(client)?.journal()?;
            let query = flexpay_journal_query::read(query)?;
            let entries = journal.list(query.filter, &query.after, query.limit)?;
            Ok(Reconciliation {
                settlements: entries.into_iter().map(Settlement::from).collect(),
                stopped: None,
            })
        })
    }
}

/// Records that you deliver what was paid. Deliver if the result has changed == 1: of all calls for
/// one reference, only the first one gets that. An entry that is not PAID is INVALID (field
/// "reference"), and so is a payout: there is nothing to deliver.
///
/// Nothing is delivered twice. If the program ends after this call and before the delivery, nobody
/// is told again: after a crash, look at what was acknowledged last (changed_at).
///
/// client:     not NULL, with a journal; may be in use by other threads.
/// reference:  your reference; borrowed for this call. If the journal does not have it: INVALID.
/// settlement: receives the entry; free it with flexpay_settlement_free. NULL on failure. May be
///             NULL, but then you do not learn whether to deliver.
/// error:      receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID, INTERNAL. Blocks up to 10 s if another program is writing to the
/// journal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_acknowledge(
    client: *const flexpay_client,
    reference: *const c_char,
    settlement: *mut *mut flexpay_settlement,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlement, error, flexpay_settlement::make, || {
            let journal = flexpay_client::borrow(client)?.journal()?;
            journal.acknowledge(text(reference, "reference")?.unwrap_or_default())
        })
    }
}

/// Records what a person says about an entry, and who says it and why.
///
/// client:     not NULL, with a journal; may be in use by other threads.
/// resolution: what the person says; not NULL; borrowed for this call.
/// settlement: receives the entry; free it with flexpay_settlement_free. NULL on failure. May be
///             NULL.
/// error:      receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID (field "state": the entry's state does not allow it), IN_PROGRESS,
/// INTERNAL. Blocks up to 10 s if another program is writing to the journal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_resolve(
    client: *const flexpay_client,
    resolution: *const flexpay_resolution,
    settlement: *mut *mut flexpay_settlement,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(settlement, error, flexpay_settlement::make, || {
            let journal = flexpay_client::borrow(client)?.journal()?;
            let Resolve {
                reference,
                resolution,
                who,
                why,
            } = flexpay_resolution::read(resolution)?;
            journal.resolve(&reference, resolution, &who, &why)
        })
    }
}

/// Removes old entries, so that the file does not grow for ever: those that are neither open nor to
/// be delivered, and that were not changed for some days, by this machine's clock. Their references
/// stay used: a payment with one of them is INVALID.
///
/// client:  not NULL, with a journal; may be in use by other threads.
/// days:    for how many days an entry was not changed.
/// removed: receives how many were removed; 0 on failure. May be NULL.
/// error:   receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: JOURNAL, INVALID, INTERNAL. Blocks until they are removed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_prune(
    client: *const flexpay_client,
    days: u32,
    removed: *mut u64,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    let no_object: *mut *mut flexpay_text = std::ptr::null_mut();
    // SAFETY: the pointers are as the header requires.
    unsafe {
        let set = |count| {
            if !removed.is_null() {
                removed.write(count);
            }
        };
        set(0);
        deliver(
            no_object,
            error,
            |&mut ()| std::ptr::null_mut(),
            || {
                set(flexpay_client::borrow(client)?.journal()?.prune(days)?);
                Ok(())
            },
        )
    }
}

/// The rule of the journal, for a shop that keeps the entries in a database of its own: takes an
/// entry and an event, and returns the new entry and what to do now. Sends nothing and stores
/// nothing. docs/journal.md describes the request and the reply.
///
/// request: JSON text, with entry, sender_is_alive and event; not NULL; borrowed for this call.
/// reply:   receives JSON text, with entry, is_open, to_deliver, action and its fields; free it with
///          flexpay_text_free. NULL on failure. May be NULL.
/// error:   receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID, INTERNAL. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_journal_step(
    request: *const c_char,
    reply: *mut *mut flexpay_text,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        let make = |text: &mut String| {
            c_struct::make([Some(text.as_str())], |[text]| flexpay_text { text })
        };
        deliver(reply, error, make, || {
            step_json(text(request, "request")?.unwrap_or_default())
        })
    }
}

/// Frees a text. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_text_free(text: *mut flexpay_text) {
    // SAFETY: NULL or a text of this library, and not freed yet, as the header requires.
    stop_panics(|| unsafe { c_struct::free(text) });
}
