//! Calls on a client.

use std::ptr::{null, null_mut};
use std::time::Instant;

use super::raw::{
    ErrorOut, Functions, RawClient, RawExpected, RawMobileRequest, RawPayment, RawPayoutRequest,
    RawRequest, RawTransaction, RawWaitOptions,
};
use super::{CStrings, Flexpay, read};
use crate::interface::{
    AMOUNT, APPROVE_URL, CALLBACK_URL, CANCEL_URL, CURRENCY, CallResult, CallStart, Client,
    DECLINE_URL, Expected, HOME_URL, PHONE, PaymentRequest, RETURN_URL, Request, Returned,
    TimedResult, WaitOptions, consts,
};
use crate::interruption::Interruption;

/// A client that is shared between threads and freed when dropped.
pub struct AbiClient<'f> {
    pub(super) flexpay: &'f Flexpay,
    pub(super) raw: *mut RawClient,
}

// SAFETY: the header allows many threads to use a client at once.
unsafe impl Send for AbiClient<'_> {}
unsafe impl Sync for AbiClient<'_> {}

impl Client for AbiClient<'_> {
    fn call(&self, request: &Request<'_>, _: Option<Interruption>) -> TimedResult {
        match request {
            Request::Pay(request) => self.pay(request),
            Request::PayMobile(request) => self.pay_mobile(request),
            Request::Payout(request) => self.payout(request),
            Request::Check { order_number } => self.check(order_number),
            Request::Wait {
                order_number,
                options,
                expected,
                correlation_id,
            } => self.wait(order_number, *options, expected.as_ref(), *correlation_id),
            Request::Verify {
                body,
                expected,
                correlation_id,
            } => self.verify(body, expected, *correlation_id),
        }
    }

    fn entry_state(&self, reference: &str) -> Result<Option<i32>, String> {
        let mut strings = CStrings::default();
        let reference = strings.text(reference);
        let functions = &self.flexpay.functions;
        let (mut entry, mut error) = (null_mut(), null_mut());
        // SAFETY: as in `pay`.
        let code = unsafe { (functions.journal_get)(self.raw, reference, &mut entry, &mut error) };
        if code != consts::OK || entry.is_null() {
            let result = self.flexpay.error(code, error).result;
            return match code {
                consts::INVALID => Ok(None), // the journal does not have it
                _ => Err(format!("{result:?}")),
            };
        }
        // SAFETY: the library created the object; it is read, then freed once.
        unsafe {
            let state = (*entry).state;
            (functions.settlement_free)(entry);
            Ok(Some(state))
        }
    }

    fn close(self: Box<Self>) -> Vec<String> {
        Vec::new()
    }
}

impl AbiClient<'_> {
    fn pay(&self, request: &PaymentRequest<'_>) -> TimedResult {
        let mut strings = CStrings::default();
        let raw_request = RawRequest {
            size: size_of::<RawRequest>(),
            reference: strings.text(request.reference),
            amount: strings.text(AMOUNT),
            currency: strings.text(CURRENCY),
            description: strings.optional(request.padding),
            callback_url: strings.text(CALLBACK_URL),
            approve_url: strings.text(APPROVE_URL),
            cancel_url: strings.text(CANCEL_URL),
            decline_url: strings.text(DECLINE_URL),
            home_url: strings.text(HOME_URL),
            correlation_id: strings.optional(request.correlation_id),
        };
        self.payment(|functions, payment, error| {
            // SAFETY: the client is alive; `strings` owns the strings; the out-pointers are valid.
            unsafe { (functions.pay)(self.raw, &raw_request, payment, error) }
        })
    }

    fn pay_mobile(&self, request: &PaymentRequest<'_>) -> TimedResult {
        let mut strings = CStrings::default();
        let raw_request = RawMobileRequest {
            size: size_of::<RawMobileRequest>(),
            reference: strings.text(request.reference),
            amount: strings.text(AMOUNT),
            currency: strings.text(CURRENCY),
            phone: strings.text(PHONE),
            callback_url: strings.text(CALLBACK_URL),
            description: strings.optional(request.padding),
            approve_url: strings.text(APPROVE_URL),
            cancel_url: strings.text(CANCEL_URL),
            decline_url: strings.text(DECLINE_URL),
            return_url: strings.text(RETURN_URL),
            correlation_id: strings.optional(request.correlation_id),
        };
        self.payment(|functions, payment, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.pay_mobile)(self.raw, &raw_request, payment, error) }
        })
    }

    fn payout(&self, request: &PaymentRequest<'_>) -> TimedResult {
        let mut strings = CStrings::default();
        let callback_url = match request.padding {
            Some(padding) => format!("{CALLBACK_URL}?padding={padding}"),
            None => CALLBACK_URL.to_owned(),
        };
        let raw_request = RawPayoutRequest {
            size: size_of::<RawPayoutRequest>(),
            reference: strings.text(request.reference),
            amount: strings.text(AMOUNT),
            currency: strings.text(CURRENCY),
            phone: strings.text(PHONE),
            callback_url: strings.text(&callback_url),
            correlation_id: strings.optional(request.correlation_id),
        };
        self.payment(|functions, payment, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.payout)(self.raw, &raw_request, payment, error) }
        })
    }

    fn check(&self, order_number: &str) -> TimedResult {
        let mut strings = CStrings::default();
        let order_number = strings.text(order_number);
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.check)(self.raw, order_number, transaction, error) }
        })
    }

    /// `expected`: the payment to compare the order with, if any.
    fn wait(
        &self,
        order_number: &str,
        options: WaitOptions,
        expected: Option<&Expected<'_>>,
        correlation_id: Option<&str>,
    ) -> TimedResult {
        let mut strings = CStrings::default();
        let order_number = strings.text(order_number);
        // The correlation id of a wait is the one in its options.
        let expected = expected.map(|expected| raw_expected(expected, None, &mut strings));
        let options = RawWaitOptions {
            size: size_of::<RawWaitOptions>(),
            timeout_ms: options.timeout_ms,
            interval_ms: options.interval_ms,
            max_interval_ms: options.max_interval_ms(),
            failed_grace_ms: options.failed_grace_ms,
            cancel: null(),
            expected: expected.as_ref().map_or(null(), std::ptr::from_ref),
            correlation_id: strings.optional(correlation_id),
        };
        self.transaction(|functions, transaction, error| {
            // SAFETY: as in `pay`.
            unsafe { (functions.wait)(self.raw, order_number, &options, transaction, error) }
        })
    }

    fn verify(
        &self,
        body: &[u8],
        expected: &Expected<'_>,
        correlation_id: Option<&str>,
    ) -> TimedResult {
        let mut strings = CStrings::default();
        let expected = raw_expected(expected, correlation_id, &mut strings);
        self.transaction(|functions, transaction, error| {
            let (body, length) = (body.as_ptr(), body.len());
            // SAFETY: as in `pay`.
            unsafe { (functions.verify)(self.raw, body, length, &expected, transaction, error) }
        })
    }

    fn payment(
        &self,
        call: impl FnOnce(&Functions, *mut *mut RawPayment, ErrorOut) -> i32,
    ) -> TimedResult {
        let (mut payment, mut error) = (null_mut(), null_mut());
        let start = CallStart::now();
        let code = call(&self.flexpay.functions, &mut payment, &mut error);
        let ended = Instant::now();
        let returned = if code != consts::OK || payment.is_null() {
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
                    raw.trace,
                ]);
                let result = CallResult::Payment {
                    redirect_url: read(raw.redirect_url),
                    page: read(raw.page),
                    order_number: read(raw.order_number),
                };
                let trace = read(raw.trace);
                (self.flexpay.functions.payment_free)(payment);
                Returned {
                    result,
                    leaks,
                    trace,
                }
            }
        };
        start.finish(ended, returned)
    }

    fn transaction(
        &self,
        call: impl FnOnce(&Functions, *mut *mut RawTransaction, ErrorOut) -> i32,
    ) -> TimedResult {
        let (mut transaction, mut error) = (null_mut(), null_mut());
        let start = CallStart::now();
        let code = call(&self.flexpay.functions, &mut transaction, &mut error);
        let ended = Instant::now();
        let returned = if code != consts::OK || transaction.is_null() {
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
                    raw.trace,
                ]);
                let result = CallResult::State {
                    state: raw.state,
                    order_number: read(raw.order_number).unwrap_or_default(),
                };
                let trace = read(raw.trace);
                (self.flexpay.functions.transaction_free)(transaction);
                Returned {
                    result,
                    leaks,
                    trace,
                }
            }
        };
        start.finish(ended, returned)
    }
}

/// The strings are in `strings`, which must outlive the result.
fn raw_expected(
    expected: &Expected<'_>,
    correlation_id: Option<&str>,
    strings: &mut CStrings,
) -> RawExpected {
    RawExpected {
        size: size_of::<RawExpected>(),
        reference: strings.text(expected.reference),
        amount: strings.text(AMOUNT),
        currency: strings.text(CURRENCY),
        order_number: strings.optional(expected.order_number),
        query: strings.optional(expected.query),
        kind: expected.kind,
        correlation_id: strings.optional(correlation_id),
    }
}

impl Drop for AbiClient<'_> {
    fn drop(&mut self) {
        // SAFETY: the library created the client; no call is in progress, because calls borrow the client.
        unsafe { (self.flexpay.functions.client_free)(self.raw) }
    }
}
