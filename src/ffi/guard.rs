//! The common wrapper of the exported functions: it sets the outputs to NULL, stops panics, and
//! returns a result code.

use libc::{c_char, size_t};

use super::error::{flexpay_error, flexpay_result};
use super::panics::stop_panics;
use crate::error::{Error, ErrorCode, Outcome, Result};

/// Runs `body` and writes its result: an object through `out`, or an error through `error`. Either
/// may be NULL.
///
/// `make` turns the result of `body` into the object for C. It does not run if `out` is NULL. It
/// gets a reference, to avoid moving a large result.
///
/// # Safety
/// `out` and `error` are NULL or point to a pointer that may be written.
pub(super) unsafe fn deliver<T, C>(
    out: *mut *mut C,
    error: *mut *mut flexpay_error,
    make: impl FnOnce(&mut T) -> *mut C,
    body: impl FnOnce() -> Result<T>,
) -> flexpay_result {
    // SAFETY: as the caller promises.
    unsafe {
        set(out, std::ptr::null_mut());
        set(error, std::ptr::null_mut());
    }
    let outcome = stop_panics(|| {
        tests_may_panic();
        match body() {
            Ok(_) if out.is_null() => Ok(std::ptr::null_mut()),
            Ok(ref mut value) => Ok(make(value)),
            Err(problem) => Err(problem),
        }
    });
    let problem = match outcome {
        Some(Ok(object)) => {
            // SAFETY: as the caller promises.
            unsafe { set(out, object) };
            return super::error::FLEXPAY_OK;
        }
        Some(Err(problem)) => problem,
        // It is not known whether anything was sent, so the outcome must not allow a repeat.
        None => Error::new(
            ErrorCode::Internal,
            Outcome::Unknown,
            "a bug in the flexpay library (a panic); please report it; after a payment \
             request, do not pay again: look for its reference in FlexPay's merchant console first",
        ),
    };
    let code = problem.code() as flexpay_result;
    if !error.is_null() {
        let object = stop_panics(|| flexpay_error::make(&problem));
        // SAFETY: as the caller promises.
        unsafe { set(error, object.unwrap_or(std::ptr::null_mut())) };
    }
    code
}

/// A buffer of the caller for a text.
pub(super) struct Buffer {
    /// Its name in the header.
    pub(super) name: &'static str,
    pub(super) start: *mut c_char,
    /// In bytes, with the NUL.
    pub(super) size: size_t,
}

/// Runs `body` and writes its text and a NUL into the buffer, or an error through `error`. After a
/// failure the buffer has an empty text.
///
/// # Safety
/// The buffer is NULL, or may be written. `error` is as for [`deliver`].
pub(super) unsafe fn fill_buffer(
    buffer: Buffer,
    error: *mut *mut flexpay_error,
    body: impl FnOnce() -> Result<String>,
) -> flexpay_result {
    let Buffer { name, start, size } = buffer;
    if !start.is_null() && size > 0 {
        // SAFETY: as the caller promises.
        unsafe { start.write(0) };
    }
    let no_object: *mut *mut c_char = std::ptr::null_mut();
    let write = || {
        if start.is_null() {
            return Err(Error::invalid(name, "is NULL"));
        }
        let text = body()?;
        if text.len() >= size {
            let needed = text.len() + 1;
            return Err(Error::invalid(
                "size",
                format!("is {size}, but {needed} bytes are required"),
            ));
        }
        // SAFETY: not NULL, and the text and its NUL fit into `size` bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), start, text.len());
            start.add(text.len()).write(0);
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { deliver(no_object, error, |&mut ()| std::ptr::null_mut(), write) }
}

unsafe fn set<T>(place: *mut *mut T, value: *mut T) {
    if !place.is_null() {
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { *place = value };
    }
}

#[cfg(not(any(test, flexpay_panics)))]
fn tests_may_panic() {}

// Makes every function panic: for scripts/unwind.sh, which tests such a library from outside.
#[cfg(all(flexpay_panics, not(test)))]
fn tests_may_panic() {
    panic!("forced by a test");
}

#[cfg(test)]
fn tests_may_panic() {
    assert!(!tests::PANIC.get(), "forced by a test");
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use std::cell::Cell;
    use std::ptr::{null, null_mut};

    thread_local! {
        pub(super) static PANIC: Cell<bool> = const { Cell::new(false) };
    }

    /// Forces a panic inside the call, and expects INTERNAL and an error object.
    fn panics_are_stopped(
        name: &str,
        call: impl FnOnce(*mut *mut error::flexpay_error) -> error::flexpay_result,
    ) {
        let mut error = null_mut();
        PANIC.set(true);
        let code = call(&mut error);
        PANIC.set(false);
        assert_eq!(code, numbers::FLEXPAY_ERROR_INTERNAL, "{name}");
        assert!(!error.is_null(), "{name}");
        // SAFETY: an error object of this library, not yet freed.
        unsafe {
            assert_eq!((*error).outcome, numbers::FLEXPAY_OUTCOME_UNKNOWN, "{name}");
            error::flexpay_error_free(error);
        }
    }

    fn settings() -> config::flexpay_config {
        config::flexpay_config::for_tests(c"ZANDO", c"token")
    }

    fn new_client() -> *mut client::flexpay_client {
        let mut client = null_mut();
        // SAFETY: every pointer is NULL or that of a live object.
        let result = unsafe { client::flexpay_client_new(&settings(), &mut client, null_mut()) };
        assert_eq!(result, 0);
        client
    }

    #[test]
    fn a_panic_in_any_function_comes_back_as_internal() {
        let client = new_client();
        // SAFETY: every pointer is NULL or that of a live object.
        unsafe {
            panics_are_stopped("client_new", |error| {
                client::flexpay_client_new(&settings(), null_mut(), error)
            });
            panics_are_stopped("client_from_env", |error| {
                client::flexpay_client_from_env(null_mut(), error)
            });
            panics_are_stopped("pay", |error| {
                payment::flexpay_pay(client, null(), null_mut(), error)
            });
            panics_are_stopped("pay_mobile", |error| {
                mobile::flexpay_pay_mobile(client, null(), null_mut(), error)
            });
            panics_are_stopped("payout", |error| {
                payout::flexpay_payout(client, null(), null_mut(), error)
            });
            panics_are_stopped("normalize_phone", |error| {
                let mut normalized = [0; 13];
                phone::flexpay_normalize_phone(null(), normalized.as_mut_ptr(), 13, error)
            });
            panics_are_stopped("check", |error| {
                transaction::flexpay_check(client, c"1".as_ptr(), null_mut(), error)
            });
            panics_are_stopped("wait", |error| {
                wait::flexpay_wait(client, c"1".as_ptr(), null(), null_mut(), error)
            });
            panics_are_stopped("parse_callback", |error| {
                callback::flexpay_parse_callback(null(), 0, null_mut(), error)
            });
            panics_are_stopped("verify_callback", |error| {
                callback::flexpay_verify_callback(client, null(), 0, null(), null_mut(), error)
            });
            panics_are_stopped("verify_order", |error| {
                callback::flexpay_verify_order(client, null(), null_mut(), error)
            });
            panics_are_stopped("cancel_token_new", |error| {
                cancel::flexpay_cancel_token_new(null_mut(), error)
            });
            client::flexpay_client_free(client);
        }
    }

    #[test]
    #[cfg(feature = "journal")]
    fn so_does_one_in_a_function_of_the_journal() {
        let client = new_client();
        // SAFETY: every pointer is NULL or that of a live object.
        unsafe {
            panics_are_stopped("settle", |error| {
                settlement::flexpay_settle(client, c"1".as_ptr(), null(), null_mut(), error)
            });
            panics_are_stopped("settle_callback", |error| {
                settlement::flexpay_settle_callback(client, null(), 0, null(), null_mut(), error)
            });
            panics_are_stopped("reconcile", |error| {
                settlement::flexpay_reconcile(client, null(), null_mut(), error)
            });
            panics_are_stopped("journal_get", |error| {
                journal::flexpay_journal_get(client, c"1".as_ptr(), null_mut(), error)
            });
            panics_are_stopped("journal_list", |error| {
                journal::flexpay_journal_list(client, null(), null_mut(), error)
            });
            panics_are_stopped("journal_acknowledge", |error| {
                journal::flexpay_journal_acknowledge(client, c"1".as_ptr(), null_mut(), error)
            });
            panics_are_stopped("journal_resolve", |error| {
                journal::flexpay_journal_resolve(client, null(), null_mut(), error)
            });
            panics_are_stopped("journal_prune", |error| {
                journal::flexpay_journal_prune(client, 1, null_mut(), error)
            });
            panics_are_stopped("journal_step", |error| {
                journal::flexpay_journal_step(null(), null_mut(), error)
            });
            client::flexpay_client_free(client);
        }
    }
}
