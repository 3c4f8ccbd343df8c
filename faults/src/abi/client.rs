//! Calls on a client.

use std::ptr::{null, null_mut};
use std::time::Instant;

use super::raw::{
    ErrorOut, Functions, RawClient, RawExpected, RawRequest, RawTransaction, RawWaitOptions,
};
use super::{AMOUNT, CURRENCY, Called, Flexpay, Got, Keep, Mark, Payment, WaitOptions, n, read};

/// A client that is shared between threads and freed when dropped.
pub struct Client<'f> {
    pub(super) flexpay: &'f Flexpay,
    pub(super) raw: *mut RawClient,
}

// SAFETY: the header says that a client may be used by many threads at once.
unsafe impl Send for Client<'_> {}
unsafe impl Sync for Client<'_> {}

impl Client<'_> {
    pub fn pay(&self, request: &Payment<'_>) -> Called {
        let mut keep = Keep::default();
        let raw_request = RawRequest {
            size: size_of::<RawRequest>(),
            reference: keep.text(request.reference),
            amount: keep.text(AMOUNT),
            currency: keep.text(CURRENCY),
            description: keep.optional(request.description),
            callback_url: keep.text("https://zando.example/callback"),
            approve_url: keep.text("https://zando.example/merci"),
            cancel_url: keep.text("https://zando.example/annule"),
            decline_url: keep.text("https://zando.example/refus"),
            home_url: keep.text("https://zando.example/"),
        };
        let (mut payment, mut error) = (null_mut(), null_mut());
        let functions = &self.flexpay.functions;
        let mark = Mark::set();
        // SAFETY: the client is alive, strings live in `keep`, out-pointers are our own.
        let code = unsafe { (functions.pay)(self.raw, &raw_request, &mut payment, &mut error) };
        let ended = Instant::now();
        let (got, leaks) = if code != n::OK || payment.is_null() {
            self.flexpay.error(code, error)
        } else {
            // SAFETY: made by the library, read, and freed once.
            unsafe {
                let raw = &*payment;
                let leaks = self.flexpay.leaks(&[
                    raw.redirect_url,
                    raw.order_number,
                    raw.code,
                    raw.message,
                    raw.page,
                ]);
                let got = Got::Payment {
                    redirect_url: read(raw.redirect_url),
                    page: read(raw.page),
                };
                (functions.payment_free)(payment);
                (got, leaks)
            }
        };
        mark.called(ended, got, leaks)
    }

    pub fn check(&self, order_number: &str) -> Called {
        let mut keep = Keep::default();
        let order_number = keep.text(order_number);
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.check)(self.raw, order_number, transaction, error) }
        })
    }

    pub fn wait(&self, order_number: &str, options: WaitOptions) -> Called {
        let mut keep = Keep::default();
        let order_number = keep.text(order_number);
        let options = RawWaitOptions {
            size: size_of::<RawWaitOptions>(),
            timeout_ms: options.timeout,
            interval_ms: options.interval,
            max_interval_ms: options.interval * 4,
            failed_grace_ms: options.failed_grace,
            cancel: null(),
        };
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.wait)(self.raw, order_number, &options, transaction, error) }
        })
    }

    /// `order_number`: the one recorded, if one was. `query`: of the request that brought `body`.
    pub fn verify(
        &self,
        body: &[u8],
        reference: &str,
        order_number: Option<&str>,
        query: Option<&str>,
    ) -> Called {
        let mut keep = Keep::default();
        let expected = RawExpected {
            size: size_of::<RawExpected>(),
            reference: keep.text(reference),
            amount: keep.text(AMOUNT),
            currency: keep.text(CURRENCY),
            order_number: keep.optional(order_number),
            query: keep.optional(query),
        };
        self.transaction(|functions, transaction, error| {
            let (body, length) = (body.as_ptr(), body.len());
            // SAFETY: as in `pay`.
            unsafe { (functions.verify)(self.raw, body, length, &expected, transaction, error) }
        })
    }

    fn transaction(
        &self,
        call: impl FnOnce(&Functions, *mut *mut RawTransaction, ErrorOut) -> i32,
    ) -> Called {
        let (mut transaction, mut error) = (null_mut(), null_mut());
        let mark = Mark::set();
        let code = call(&self.flexpay.functions, &mut transaction, &mut error);
        let ended = Instant::now();
        let (got, leaks) = if code != n::OK || transaction.is_null() {
            self.flexpay.error(code, error)
        } else {
            // SAFETY: made by the library, read, and freed once.
            unsafe {
                let raw = &*transaction;
                let leaks = self.flexpay.leaks(&[
                    raw.status,
                    raw.order_number,
                    raw.reference,
                    raw.amount,
                    raw.amount_customer,
                    raw.currency,
                    raw.created_at,
                    raw.channel,
                    raw.code,
                    raw.message,
                    raw.raw,
                ]);
                let got = Got::State {
                    state: raw.state,
                    order_number: read(raw.order_number).unwrap_or_default(),
                };
                (self.flexpay.functions.transaction_free)(transaction);
                (got, leaks)
            }
        };
        mark.called(ended, got, leaks)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // SAFETY: made by the library; no call is under way, for calls borrow the client.
        unsafe { (self.flexpay.functions.client_free)(self.raw) }
    }
}
