//! Calls on a client.

use std::ptr::{null, null_mut};
use std::time::Instant;

use super::raw::{
    ErrorOut, Functions, RawClient, RawExpected, RawRequest, RawTransaction, RawWaitOptions,
};
use super::{
    AMOUNT, CStrings, CURRENCY, CallResult, CallStart, Flexpay, Payment, TimedResult, WaitOptions,
    consts, read,
};

/// A client that is shared between threads and freed when dropped.
pub struct Client<'f> {
    pub(super) flexpay: &'f Flexpay,
    pub(super) raw: *mut RawClient,
}

// SAFETY: the header allows many threads to use a client at once.
unsafe impl Send for Client<'_> {}
unsafe impl Sync for Client<'_> {}

impl Client<'_> {
    pub fn pay(&self, request: &Payment<'_>) -> TimedResult {
        let mut strings = CStrings::default();
        let raw_request = RawRequest {
            size: size_of::<RawRequest>(),
            reference: strings.text(request.reference),
            amount: strings.text(AMOUNT),
            currency: strings.text(CURRENCY),
            description: strings.optional(request.description),
            callback_url: strings.text("https://zando.example/callback"),
            approve_url: strings.text("https://zando.example/merci"),
            cancel_url: strings.text("https://zando.example/annule"),
            decline_url: strings.text("https://zando.example/refus"),
            home_url: strings.text("https://zando.example/"),
        };
        let (mut payment, mut error) = (null_mut(), null_mut());
        let functions = &self.flexpay.functions;
        let start = CallStart::now();
        // SAFETY: the client is alive; `strings` owns the strings; the out-pointers are local variables.
        let code = unsafe { (functions.pay)(self.raw, &raw_request, &mut payment, &mut error) };
        let ended = Instant::now();
        let (result, leaks) = if code != consts::OK || payment.is_null() {
            self.flexpay.error(code, error)
        } else {
            // SAFETY: the library created the object; it is read, then freed once.
            unsafe {
                let raw = &*payment;
                let leaks = self.flexpay.leaks(&[
                    raw.redirect_url,
                    raw.order_number,
                    raw.code,
                    raw.message,
                    raw.page,
                ]);
                let result = CallResult::Payment {
                    redirect_url: read(raw.redirect_url),
                    page: read(raw.page),
                };
                (functions.payment_free)(payment);
                (result, leaks)
            }
        };
        start.finish(ended, result, leaks)
    }

    pub fn check(&self, order_number: &str) -> TimedResult {
        let mut strings = CStrings::default();
        let order_number = strings.text(order_number);
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.check)(self.raw, order_number, transaction, error) }
        })
    }

    pub fn wait(&self, order_number: &str, options: WaitOptions) -> TimedResult {
        let mut strings = CStrings::default();
        let order_number = strings.text(order_number);
        let options = RawWaitOptions {
            size: size_of::<RawWaitOptions>(),
            timeout_ms: options.timeout_ms,
            interval_ms: options.interval_ms,
            max_interval_ms: options.interval_ms * 4,
            failed_grace_ms: options.failed_grace_ms,
            cancel: null(),
        };
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.wait)(self.raw, order_number, &options, transaction, error) }
        })
    }

    /// `order_number` is the recorded one, if any. `query` is the query string of the callback request.
    pub fn verify(
        &self,
        body: &[u8],
        reference: &str,
        order_number: Option<&str>,
        query: Option<&str>,
    ) -> TimedResult {
        let mut strings = CStrings::default();
        let expected = RawExpected {
            size: size_of::<RawExpected>(),
            reference: strings.text(reference),
            amount: strings.text(AMOUNT),
            currency: strings.text(CURRENCY),
            order_number: strings.optional(order_number),
            query: strings.optional(query),
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
    ) -> TimedResult {
        let (mut transaction, mut error) = (null_mut(), null_mut());
        let start = CallStart::now();
        let code = call(&self.flexpay.functions, &mut transaction, &mut error);
        let ended = Instant::now();
        let (result, leaks) = if code != consts::OK || transaction.is_null() {
            self.flexpay.error(code, error)
        } else {
            // SAFETY: the library created the object; it is read, then freed once.
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
                let result = CallResult::State {
                    state: raw.state,
                    order_number: read(raw.order_number).unwrap_or_default(),
                };
                (self.flexpay.functions.transaction_free)(transaction);
                (result, leaks)
            }
        };
        start.finish(ended, result, leaks)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // SAFETY: the library created the client; no call is in progress, because calls borrow the client.
        unsafe { (self.flexpay.functions.client_free)(self.raw) }
    }
}
