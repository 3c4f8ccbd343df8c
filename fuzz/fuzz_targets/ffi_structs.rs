//! The structs with a `size` field, with any size and any bytes in them. The library must not read beyond
//! that size, which AddressSanitizer checks, and must name the parameter when it refuses a struct.
//!
//! Each struct is in a block of exactly the size it states, if that size is possible. Strings end in a
//! NUL.
#![no_main]

use flexpay::ffi::callback::{flexpay_expected, flexpay_verify_callback};
use flexpay::ffi::cancel::{
    flexpay_cancel_token, flexpay_cancel_token_cancel, flexpay_cancel_token_new,
};
use flexpay::ffi::client::{flexpay_client, flexpay_client_free, flexpay_client_new};
use flexpay::ffi::config::flexpay_config;
use flexpay::ffi::error::{FLEXPAY_OK, flexpay_error, flexpay_error_free};
use flexpay::ffi::journal::{
    flexpay_journal_list, flexpay_journal_query, flexpay_journal_resolve, flexpay_resolution,
};
use flexpay::ffi::mobile::{flexpay_mobile_request, flexpay_pay_mobile};
use flexpay::ffi::numbers::{
    FLEXPAY_ENTRY_NOT_SENT, FLEXPAY_ERROR_CANCELLED, FLEXPAY_ERROR_CONNECT, FLEXPAY_ERROR_IN_DOUBT,
    FLEXPAY_ERROR_INTERNAL, FLEXPAY_ERROR_INVALID, FLEXPAY_FLAG_ALLOW_PAYOUT,
    FLEXPAY_FLAG_CHECK_ONCE, FLEXPAY_FLAG_TRACE, FLEXPAY_OUTCOME_NOT_SENT,
};
use flexpay::ffi::payment::{flexpay_pay, flexpay_payment, flexpay_payment_request};
use flexpay::ffi::payout::{flexpay_payout, flexpay_payout_request};
use flexpay::ffi::phone::{FLEXPAY_PHONE_SIZE, flexpay_normalize_phone};
use flexpay::ffi::settlement::{
    flexpay_reconcile, flexpay_reconcile_options, flexpay_settlement_free, flexpay_settlements,
    flexpay_settlements_free,
};
use flexpay::ffi::transaction::flexpay_transaction;
use flexpay::ffi::wait::{flexpay_wait, flexpay_wait_options};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CStr, CString, c_char};
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

/// No version of any struct is larger. The library refuses a larger size without reading that far.
const MAX_SIZE: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let mut input = Input {
        bytes: input,
        texts: Vec::new(),
    };
    match input.byte() % 10 {
        0 => config(&mut input),
        1 => request(&mut input),
        2 => options(&mut input),
        3 => expected(&mut input),
        4 => mobile(&mut input),
        5 => payout(&mut input),
        6 => phone(&mut input),
        7 => reconcile_options(&mut input),
        8 => journal_query(&mut input),
        _ => resolution(&mut input),
    }
});

/// The fuzzer's bytes, and the strings created from them.
struct Input<'i> {
    bytes: &'i [u8],
    texts: Vec<CString>,
}

impl Input<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.bytes.split_at(count.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let taken = self.take(8);
        bytes[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(bytes)
    }

    /// NULL, or a string: `prefix`, then bytes up to the first NUL. The first byte is the length.
    fn text(&mut self, prefix: &str) -> *const c_char {
        let length = usize::from(self.byte());
        if length == 0 {
            return null();
        }
        let bytes = self.take(length - 1);
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = [prefix.as_bytes(), text].concat();
        self.texts.push(CString::new(text).expect("no NUL"));
        self.texts[self.texts.len() - 1].as_ptr()
    }

    /// Copies a struct to a block of exactly the size that the input chooses for it. If that size is
    /// impossible, the block holds only the size field.
    fn sized<T: Copy>(&mut self, value: T) -> SizedBlock {
        let whole = size_of::<T>();
        let size = match self.byte() % 8 {
            0..=3 => whole,
            4 => usize::from(self.byte()) * 8,
            5 => whole + usize::from(self.byte()) * 8,
            6 => usize::from(self.byte()),
            _ => self.number() as usize,
        };
        let possible = (size_of::<usize>()..=MAX_SIZE).contains(&size) && size.is_multiple_of(8);
        let readable = if possible { size } else { size_of::<usize>() };
        let mut block = vec![0u64; readable / 8].into_boxed_slice();
        let known = readable.min(whole);
        let mut fits = possible;
        // SAFETY: the structs are integers and pointers, and the block has at least as many bytes as are
        // copied.
        unsafe {
            let from = std::ptr::from_ref(&value).cast::<u8>();
            std::ptr::copy_nonoverlapping(from, block.as_mut_ptr().cast(), known);
        }
        block[0] = size as u64;
        if readable > whole && self.byte() < 64 {
            for word in &mut block[whole / 8..] {
                *word = self.number();
                fits &= *word == 0;
            }
        }
        SizedBlock { block, fits }
    }
}

/// A struct in a block of exactly the size it states, and whether the library may accept that size.
struct SizedBlock {
    block: Box<[u64]>,
    fits: bool,
}

impl SizedBlock {
    fn as_ptr<T>(&self) -> *const T {
        self.block.as_ptr().cast()
    }
}

/// Checks a call against the header: a known code, and either an object or an error.
///
/// # Safety
/// `error` is NULL or a live error. It is freed here.
unsafe fn check_result(
    code: i32,
    is_null: bool,
    error: *mut flexpay_error,
    sized: &SizedBlock,
    name: &CStr,
) {
    assert!((FLEXPAY_OK..=FLEXPAY_ERROR_IN_DOUBT).contains(&code));
    assert_ne!(code, FLEXPAY_ERROR_INTERNAL, "a panic inside");
    assert_eq!(is_null, code != FLEXPAY_OK);
    assert_eq!(error.is_null(), code == FLEXPAY_OK);
    if !sized.fits {
        assert_eq!(code, FLEXPAY_ERROR_INVALID);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(object) = unsafe { error.as_ref() } {
        assert_eq!(object.code, code);
        // SAFETY: a live error's message is NUL-terminated and not NULL.
        let message = unsafe { CStr::from_ptr(object.message) };
        assert!(message.to_str().is_ok_and(|message| !message.is_empty()));
        if code == FLEXPAY_ERROR_INVALID {
            assert_eq!(object.outcome, FLEXPAY_OUTCOME_NOT_SENT);
            assert!(!object.field.is_null(), "{message:?}");
        }
        if !sized.fits {
            // SAFETY: the field was just checked not to be NULL.
            assert_eq!(unsafe { CStr::from_ptr(object.field) }, name);
        }
    }
    // SAFETY: guaranteed by the caller.
    unsafe { flexpay_error_free(error) };
}

/// A client of a gateway that does not exist: the port refuses the connection of every valid call. It
/// records traces.
fn client() -> *const flexpay_client {
    static CLIENT: OnceLock<usize> = OnceLock::new();
    let flags = FLEXPAY_FLAG_CHECK_ONCE | FLEXPAY_FLAG_ALLOW_PAYOUT | FLEXPAY_FLAG_TRACE;
    *CLIENT.get_or_init(|| new_client(flags)) as *const flexpay_client
}

/// The same without payouts and traces.
fn plain_client() -> *const flexpay_client {
    static CLIENT: OnceLock<usize> = OnceLock::new();
    *CLIENT.get_or_init(|| new_client(FLEXPAY_FLAG_CHECK_ONCE)) as *const flexpay_client
}

/// The reference of the only entry in the journal of `till`.
const RECORDED: &CStr = c"R1";

/// The same as `plain_client`, with a journal that has one entry: a payment that was not sent.
fn till() -> *const flexpay_client {
    static CLIENT: OnceLock<usize> = OnceLock::new();
    *CLIENT.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("flexpay-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the journal");
        let journal = CString::new(
            folder
                .join("journal.db")
                .into_os_string()
                .into_encoded_bytes(),
        );
        let journal = journal.expect("no NUL");
        let till = new_client_with(FLEXPAY_FLAG_CHECK_ONCE, journal.as_ptr());
        let request = flexpay_mobile_request {
            size: size_of::<flexpay_mobile_request>(),
            reference: RECORDED.as_ptr(),
            amount: c"25.50".as_ptr(),
            currency: c"USD".as_ptr(),
            phone: c"0812345678".as_ptr(),
            callback_url: c"https://a.example/cb".as_ptr(),
            description: null(),
            approve_url: null(),
            cancel_url: null(),
            decline_url: null(),
            return_url: null(),
            correlation_id: null(),
        };
        // SAFETY: the strings are valid. Nothing is returned.
        let code = unsafe {
            flexpay_pay_mobile(
                till as *const flexpay_client,
                &request,
                null_mut(),
                null_mut(),
            )
        };
        assert_eq!(code, FLEXPAY_ERROR_CONNECT);
        till
    }) as *const flexpay_client
}

/// The address of a new client.
fn new_client(flags: u64) -> usize {
    new_client_with(flags, null())
}

fn new_client_with(flags: u64, journal: *const c_char) -> usize {
    let config = flexpay_config {
        journal,
        pay_url: c"http://127.0.0.1:1/pay".as_ptr(),
        check_url: c"http://127.0.0.1:1/check".as_ptr(),
        mobile_url: c"http://127.0.0.1:1/mobile".as_ptr(),
        payout_url: c"http://127.0.0.1:1/payout".as_ptr(),
        flags,
        timeout_ms: 500,
        ..default_config()
    };
    let mut client = null_mut();
    // SAFETY: the strings and the out-pointer are valid.
    let code = unsafe { flexpay_client_new(&config, &mut client, null_mut()) };
    assert_eq!(code, FLEXPAY_OK);
    client as usize
}

/// Checks the trace of an error: JSON if there is one.
///
/// # Safety
/// `error` is NULL or a live error.
unsafe fn check_trace(error: *const flexpay_error, is_traced: bool) {
    // SAFETY: guaranteed by the caller.
    let Some(error) = (unsafe { error.as_ref() }) else {
        return;
    };
    if error.trace.is_null() {
        return;
    }
    assert!(is_traced, "a trace without the flag");
    // SAFETY: the trace of a live error is NUL-terminated.
    let trace = unsafe { CStr::from_ptr(error.trace) };
    let trace: serde_json::Value = serde_json::from_slice(trace.to_bytes()).expect("JSON");
    let steps = trace["steps"].as_array().expect("steps");
    assert_eq!(steps[steps.len() - 1]["step"], "end");
    assert!(!steps.iter().any(|step| step["step"] == "sent"));
}

fn default_config() -> flexpay_config {
    flexpay_config {
        size: size_of::<flexpay_config>(),
        merchant: c"ZANDO".as_ptr(),
        token: c"token".as_ptr(),
        environment: 0,
        api: 0,
        pay_url: null(),
        check_url: null(),
        timeout_ms: 0,
        connect_timeout_ms: 0,
        ca_file: null(),
        proxy: null(),
        app_name: null(),
        flags: 0,
        callback_secret: null(),
        callback_secret_previous: null(),
        mobile_url: null(),
        payout_url: null(),
        journal: null(),
    }
}

fn config(input: &mut Input<'_>) {
    let value = flexpay_config {
        size: 0,
        merchant: input.text(""),
        token: input.text(""),
        environment: i32::from(input.byte()) - 1,
        api: i32::from(input.byte()) - 1,
        pay_url: input.text(""),
        check_url: input.text(""),
        timeout_ms: input.number() as u32,
        connect_timeout_ms: input.number() as u32,
        // A path that does not exist, because the library would read a real file.
        ca_file: input.text("/nowhere/"),
        proxy: input.text(""),
        app_name: input.text(""),
        flags: input.number(),
        callback_secret: input.text(""),
        callback_secret_previous: input.text(""),
        mobile_url: input.text(""),
        payout_url: input.text(""),
        journal: input.text("/nowhere/"),
    };
    let sized = input.sized(value);
    let (mut client, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and each object is freed once.
    unsafe {
        let code = flexpay_client_new(sized.as_ptr(), &mut client, &mut error);
        check_result(code, client.is_null(), error, &sized, c"config");
        flexpay_client_free(client);
    }
}

fn request(input: &mut Input<'_>) {
    let value = flexpay_payment_request {
        size: 0,
        reference: input.text(""),
        amount: input.text(""),
        currency: input.text(""),
        description: input.text(""),
        callback_url: input.text(""),
        approve_url: input.text(""),
        cancel_url: input.text(""),
        decline_url: input.text(""),
        home_url: input.text(""),
        correlation_id: input.text(""),
    };
    let sized = input.sized(value);
    let (mut payment, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and the objects are freed once, in `check_payment`.
    unsafe {
        let code = flexpay_pay(client(), sized.as_ptr(), &mut payment, &mut error);
        check_payment(code, payment, error, &sized);
    }
}

fn mobile(input: &mut Input<'_>) {
    let value = flexpay_mobile_request {
        size: 0,
        reference: input.text(""),
        amount: input.text(""),
        currency: input.text(""),
        phone: input.text(""),
        callback_url: input.text(""),
        description: input.text(""),
        approve_url: input.text(""),
        cancel_url: input.text(""),
        decline_url: input.text(""),
        return_url: input.text(""),
        correlation_id: input.text(""),
    };
    let sized = input.sized(value);
    let (mut payment, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and the objects are freed once, in `check_payment`.
    unsafe {
        let code = flexpay_pay_mobile(client(), sized.as_ptr(), &mut payment, &mut error);
        check_payment(code, payment, error, &sized);
    }
}

fn payout(input: &mut Input<'_>) {
    let value = flexpay_payout_request {
        size: 0,
        reference: input.text(""),
        amount: input.text(""),
        currency: input.text(""),
        phone: input.text(""),
        callback_url: input.text(""),
        correlation_id: input.text(""),
    };
    let sized = input.sized(value);
    // SAFETY: the block has the size it states, and the objects are freed once, in `check_payment`.
    unsafe {
        let (mut payment, mut error) = (null_mut(), null_mut());
        let code = flexpay_payout(client(), sized.as_ptr(), &mut payment, &mut error);
        check_payment(code, payment, error, &sized);
        // Without the flag, whatever the request is.
        let (mut payment, mut error) = (null_mut(), null_mut());
        let code = flexpay_payout(plain_client(), sized.as_ptr(), &mut payment, &mut error);
        assert_eq!(code, FLEXPAY_ERROR_INVALID);
        check_trace(error, false);
        check_payment(code, payment, error, &sized);
    }
}

/// Checks a call that cannot have sent anything.
///
/// # Safety
/// `payment` and `error` are NULL or live. The error is freed here.
unsafe fn check_payment(
    code: i32,
    payment: *mut flexpay_payment,
    error: *mut flexpay_error,
    sized: &SizedBlock,
) {
    assert_ne!(code, FLEXPAY_OK, "a payment without a gateway");
    // SAFETY: guaranteed by the caller.
    unsafe {
        if let Some(error) = error.as_ref() {
            assert_eq!(error.outcome, FLEXPAY_OUTCOME_NOT_SENT);
        }
        check_trace(error, true);
        check_result(code, payment.is_null(), error, sized, c"request");
    }
}

/// A phone number, and a buffer of any size for the result.
fn phone(input: &mut Input<'_>) {
    let phone = input.text("");
    let size = usize::from(input.byte()) % 20;
    let mut buffer = vec![b'?' as c_char; size].into_boxed_slice();
    let mut error = null_mut();
    // SAFETY: the buffer has the given size, and the error is freed once.
    unsafe {
        let code = flexpay_normalize_phone(phone, buffer.as_mut_ptr(), size, &mut error);
        assert_eq!(error.is_null(), code == FLEXPAY_OK);
        if code == FLEXPAY_OK {
            assert!(size >= FLEXPAY_PHONE_SIZE as usize);
            let normalized = CStr::from_ptr(buffer.as_ptr()).to_bytes();
            assert!(normalized.len() == 12 && normalized.starts_with(b"243"));
        } else {
            assert_eq!(code, FLEXPAY_ERROR_INVALID);
            assert!(buffer.first().is_none_or(|&first| first == 0), "not empty");
            let field = CStr::from_ptr((*error).field);
            let is_short = size < FLEXPAY_PHONE_SIZE as usize;
            assert!(field == c"phone" || is_short && field == c"size");
        }
        flexpay_error_free(error);
    }
}

fn cancelled() -> *const flexpay_cancel_token {
    static CANCELLED: OnceLock<usize> = OnceLock::new();
    *CANCELLED.get_or_init(|| {
        let mut token = null_mut();
        // SAFETY: the out-pointer is valid, and the token was just created.
        unsafe {
            flexpay_cancel_token_new(&mut token, null_mut());
            flexpay_cancel_token_cancel(token);
        }
        token as usize
    }) as *const flexpay_cancel_token
}

fn options(input: &mut Input<'_>) {
    let mut number = || input.number() as u32;
    let times = [number(), number(), number(), number()];
    let expected = (input.byte() % 2 == 1).then(|| sized_expected(input));
    let [timeout_ms, interval_ms, max_interval_ms, failed_grace_ms] = times;
    let value = flexpay_wait_options {
        size: 0,
        timeout_ms,
        interval_ms,
        max_interval_ms,
        failed_grace_ms,
        cancel: cancelled(),
        expected: expected.as_ref().map_or(null(), SizedBlock::as_ptr),
        correlation_id: input.text(""),
    };
    let sized = input.sized(value);
    let (mut transaction, mut error) = (null_mut::<flexpay_transaction>(), null_mut());
    // SAFETY: the block has the size it states, and each object is freed once.
    unsafe {
        // If the size excludes the cancel token, the empty order number ends the wait.
        let options = sized.as_ptr();
        let code = flexpay_wait(
            client(),
            c"".as_ptr(),
            options,
            &mut transaction,
            &mut error,
        );
        assert!(
            [FLEXPAY_ERROR_INVALID, FLEXPAY_ERROR_CANCELLED].contains(&code),
            "{code}"
        );
        check_result(code, transaction.is_null(), error, &sized, c"options");
    }
}

fn sized_expected(input: &mut Input<'_>) -> SizedBlock {
    let value = flexpay_expected {
        size: 0,
        reference: input.text(""),
        amount: input.text(""),
        currency: input.text(""),
        order_number: input.text(""),
        query: input.text(""),
        kind: i32::from(input.byte()) - 1,
        correlation_id: input.text(""),
    };
    input.sized(value)
}

fn expected(input: &mut Input<'_>) {
    let sized = sized_expected(input);
    let body = input.bytes;
    let (mut transaction, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, the body has the given length, and each object is freed
    // once.
    unsafe {
        let code = flexpay_verify_callback(
            client(),
            body.as_ptr(),
            body.len(),
            sized.as_ptr(),
            &mut transaction,
            &mut error,
        );
        assert_ne!(code, FLEXPAY_OK, "confirmed without a check");
        check_trace(error, true);
        check_result(code, transaction.is_null(), error, &sized, c"expected");
    }
}

fn reconcile_options(input: &mut Input<'_>) {
    let value = flexpay_reconcile_options {
        size: 0,
        cancel: if input.byte() % 2 == 1 {
            cancelled()
        } else {
            null()
        },
        timeout_ms: input.number() as u32,
        reserved: u32::from(input.byte() / 128),
    };
    let sized = input.sized(value);
    let (mut list, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and each object is freed once.
    unsafe {
        let code = flexpay_reconcile(till(), sized.as_ptr(), &mut list, &mut error);
        check_list(list, 0); // nothing is open
        check_result(code, list.is_null(), error, &sized, c"options");
        flexpay_settlements_free(list);
    }
}

fn journal_query(input: &mut Input<'_>) {
    let value = flexpay_journal_query {
        size: 0,
        after: input.text(""),
        filter: i32::from(input.byte()) - 1,
        limit: input.number() as u32,
    };
    let sized = input.sized(value);
    let (mut list, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and each object is freed once.
    unsafe {
        let code = flexpay_journal_list(till(), sized.as_ptr(), &mut list, &mut error);
        check_list(list, 1);
        check_result(code, list.is_null(), error, &sized, c"query");
        flexpay_settlements_free(list);
    }
}

/// Checks a list of the entries of `till`.
///
/// # Safety
/// `list` is NULL or a live list.
unsafe fn check_list(list: *const flexpay_settlements, longest: usize) {
    // SAFETY: guaranteed by the caller.
    if let Some(list) = unsafe { list.as_ref() } {
        assert!(list.count <= longest && !list.items.is_null() && list.stopped.is_null());
        // SAFETY: a live list has as many entries as it says.
        for entry in unsafe { std::slice::from_raw_parts(list.items, list.count) } {
            // SAFETY: the reference of a live entry is NUL-terminated.
            assert_eq!(unsafe { CStr::from_ptr(entry.reference) }, RECORDED);
            assert_eq!(entry.state, FLEXPAY_ENTRY_NOT_SENT);
        }
    }
}

/// What a person says never makes a payment paid, and changes nothing that is known to be not sent.
fn resolution(input: &mut Input<'_>) {
    let value = flexpay_resolution {
        size: 0,
        reference: input.text(""),
        order_number: input.text(""),
        who: input.text(""),
        why: input.text(""),
        state: i32::from(input.byte()) - 1,
        reserved: u32::from(input.byte() / 128),
    };
    let sized = input.sized(value);
    let (mut entry, mut error) = (null_mut(), null_mut());
    // SAFETY: the block has the size it states, and each object is freed once.
    unsafe {
        let code = flexpay_journal_resolve(till(), sized.as_ptr(), &mut entry, &mut error);
        assert_eq!(code, FLEXPAY_ERROR_INVALID);
        check_result(code, entry.is_null(), error, &sized, c"resolution");
        flexpay_settlement_free(entry);
    }
}
