//! The C ABI as a C program sees it: its own declarations of the structs in `include/flexpay.h`, and
//! the functions, loaded from the shared library by name.

mod client;
mod raw;

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use libloading::Library;

use crate::canary::{self, Canary, Search};
use crate::clock;
pub use client::Client;
use raw::{Functions, RawConfig, RawError};

/// Constants of `include/flexpay.h`.
pub mod consts {
    pub const OK: i32 = 0;
    pub const INVALID: i32 = 1;
    pub const RESOLVE: i32 = 3;
    pub const CONNECT: i32 = 4;
    pub const PROXY: i32 = 5;
    pub const TLS: i32 = 6;
    pub const TIMEOUT: i32 = 7;
    pub const CONNECTION: i32 = 9;
    pub const REPLY: i32 = 10;
    pub const GATEWAY: i32 = 11;
    pub const UNAUTHORIZED: i32 = 12;
    pub const REFUSED: i32 = 13;
    pub const NOT_FOUND: i32 = 14;
    pub const CALLBACK: i32 = 15;
    pub const MISMATCH: i32 = 16;

    pub const OUTCOME_UNKNOWN: i32 = 0;
    pub const OUTCOME_NOT_SENT: i32 = 1;
    pub const OUTCOME_REFUSED: i32 = 2;

    pub const STATE_UNKNOWN: i32 = 0;
    pub const STATE_PAID: i32 = 1;
    pub const STATE_FAILED: i32 = 2;
    pub const STATE_PENDING: i32 = 3;
    pub const STATE_REFUNDING: i32 = 4;
    pub const STATE_REFUNDED: i32 = 5;
    pub const STATE_CANCELLED: i32 = 6;

    pub const API_V1: i32 = 0;
    pub const API_V1_1: i32 = 1;
    pub const FLAG_ALLOW_PLAIN_HTTP: u64 = 1;
    pub const FLAG_CHECK_ONCE: u64 = 2;
    pub const FLAG_PRIVATE_CONNECTIONS: u64 = 8;
    pub const FLAG_ALLOW_PAYOUT: u64 = 16;
    pub const FLAG_TRACE: u64 = 32;

    pub const KIND_CARD: i32 = 0;
    pub const KIND_MOBILE: i32 = 1;
    pub const KIND_PAYOUT: i32 = 2;

    pub const ABI_VERSION: i32 = 1;
}

/// The loaded library.
pub struct Flexpay {
    functions: Functions,
    /// Searches every string that the library returns for the tokens.
    pub search: Search,
    /// Keeps the functions loaded.
    _library: Library,
}

/// A client's settings; see the header.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub canary: Canary,
    pub api: i32,
    pub pay_url: String,
    pub mobile_url: String,
    pub payout_url: String,
    pub check_url: String,
    pub timeout_ms: u32,
    pub connect_timeout_ms: u32,
    pub ca_file: Option<String>,
    pub proxy: Option<String>,
    pub flags: u64,
    pub callback_secret: Option<String>,
}

impl Config {
    /// A valid configuration with unreachable addresses.
    pub fn unreachable() -> Self {
        Self {
            pay_url: "https://127.0.0.1:1/pay".to_owned(),
            mobile_url: "https://127.0.0.1:1/mobile".to_owned(),
            payout_url: "https://127.0.0.1:1/payout".to_owned(),
            check_url: "https://127.0.0.1:1/check".to_owned(),
            timeout_ms: 1_000,
            ..Self::default()
        }
    }
}

/// A request for a payment or a payout. Fields that are not here have the same value in every run.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    pub reference: &'a str,
    /// Makes the request large: in the description or, for a payout, which has none, in the query of
    /// the callback address.
    pub padding: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
}

/// The payment that `flexpay_wait` and `flexpay_verify_callback` compare an order with.
#[derive(Clone, Debug, Default)]
pub struct Expected<'a> {
    pub reference: &'a str,
    /// The recorded order number, if any.
    pub order_number: Option<&'a str>,
    /// The query string of the callback request.
    pub query: Option<&'a str>,
    pub kind: i32,
}

/// The amount of every payment.
pub const AMOUNT: &str = "25.50";
/// The currency of every payment.
pub const CURRENCY: &str = "USD";
/// The phone number of every mobile payment and payout, as a customer writes it.
pub const PHONE: &str = "+243 81 234 56 78";
/// The callback address of every payment, without its query.
pub const CALLBACK_URL: &str = "https://zando.example/callback";

/// The options of `flexpay_wait`.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitOptions {
    pub timeout_ms: u32,
    pub interval_ms: u32,
    pub failed_grace_ms: u32,
}

/// The result of a call, with the moments just before and just after it.
#[derive(Clone, Debug)]
pub struct TimedResult {
    pub result: CallResult,
    pub began: Instant,
    pub ended: Instant,
    /// How long the calling thread waited for a processor during the call.
    pub cpu_wait: Duration,
    /// The number of returned strings that contain the token.
    pub leaks: usize,
    /// The trace of the call.
    pub trace: Option<String>,
}

/// The strings of a result, as they were checked and read.
struct Returned {
    result: CallResult,
    leaks: usize,
    trace: Option<String>,
}

/// The clocks before a call.
struct CallStart {
    began: Instant,
    cpu_wait: Duration,
}

impl CallStart {
    fn now() -> Self {
        let cpu_wait = clock::cpu_wait();
        let began = Instant::now();
        Self { began, cpu_wait }
    }

    fn finish(&self, ended: Instant, returned: Returned) -> TimedResult {
        TimedResult {
            result: returned.result,
            began: self.began,
            ended,
            cpu_wait: clock::cpu_wait().saturating_sub(self.cpu_wait),
            leaks: returned.leaks,
            trace: returned.trace,
        }
    }
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// A payment or a payout was accepted.
    Payment {
        redirect_url: Option<String>,
        page: Option<String>,
        order_number: Option<String>,
    },
    /// A transaction was found.
    State { state: i32, order_number: String },
    /// An error. `text` joins all its strings.
    Error {
        code: i32,
        outcome: i32,
        text: String,
    },
}

impl Flexpay {
    /// Loads `libflexpay.so` from a directory.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let path = directory.join("libflexpay.so");
        let message = |error| format!("{}: {error}", path.display());
        // SAFETY: the types match the header, and the library confirms the ABI version.
        unsafe {
            let library = Library::new(&path).map_err(message)?;
            let version: unsafe extern "C" fn() -> i32 =
                *library.get(b"flexpay_abi_version").map_err(message)?;
            if version() != consts::ABI_VERSION {
                return Err(format!("{} has ABI version {}", path.display(), version()));
            }
            let functions = Functions {
                client_new: *library.get(b"flexpay_client_new").map_err(message)?,
                client_free: *library.get(b"flexpay_client_free").map_err(message)?,
                pay: *library.get(b"flexpay_pay").map_err(message)?,
                pay_mobile: *library.get(b"flexpay_pay_mobile").map_err(message)?,
                payout: *library.get(b"flexpay_payout").map_err(message)?,
                check: *library.get(b"flexpay_check").map_err(message)?,
                wait: *library.get(b"flexpay_wait").map_err(message)?,
                verify: *library.get(b"flexpay_verify_callback").map_err(message)?,
                error_free: *library.get(b"flexpay_error_free").map_err(message)?,
                payment_free: *library.get(b"flexpay_payment_free").map_err(message)?,
                transaction_free: *library.get(b"flexpay_transaction_free").map_err(message)?,
            };
            Ok(Self {
                functions,
                search: Search::new(),
                _library: library,
            })
        }
    }

    pub fn client(&self, config: &Config) -> Result<Client<'_>, String> {
        let mut strings = CStrings::default();
        let mut raw_config = RawConfig {
            size: size_of::<RawConfig>(),
            merchant: strings.text("ZANDO"),
            token: null(),
            environment: 0,
            api: config.api,
            pay_url: strings.text(&config.pay_url),
            check_url: strings.text(&config.check_url),
            timeout_ms: config.timeout_ms,
            connect_timeout_ms: config.connect_timeout_ms,
            ca_file: strings.optional(config.ca_file.as_deref()),
            proxy: strings.optional(config.proxy.as_deref()),
            app_name: null(),
            flags: config.flags,
            callback_secret: strings.optional(config.callback_secret.as_deref()),
            callback_secret_previous: null(),
            mobile_url: strings.text(&config.mobile_url),
            payout_url: strings.text(&config.payout_url),
        };
        let mut client = null_mut();
        let mut error = null_mut();
        // SAFETY: `strings` owns the strings; the out-pointers point to local variables.
        let code = canary::with_token(config.canary, |token| {
            raw_config.token = token;
            unsafe { (self.functions.client_new)(&raw_config, &mut client, &mut error) }
        });
        if code != consts::OK {
            let returned = self.error(code, error);
            return Err(format!(
                "{:?}; {} of its strings contain the token",
                returned.result, returned.leaks
            ));
        }
        Ok(Client {
            flexpay: self,
            raw: client,
        })
    }

    /// Reads an error and frees it.
    fn error(&self, code: i32, error: *mut RawError) -> Returned {
        if error.is_null() {
            let text = "the library returned no error object".to_owned();
            let result = CallResult::Error {
                code,
                outcome: -1,
                text,
            };
            return Returned {
                result,
                leaks: 0,
                trace: None,
            };
        }
        // SAFETY: the library created the error, and its strings are NULL or NUL-terminated.
        let returned = unsafe {
            let raw = &*error;
            let strings = [
                raw.message,
                raw.field,
                raw.gateway_code,
                raw.gateway_message,
                raw.order_number,
            ];
            let leaks = self.leaks(&strings) + self.leaks(&[raw.trace]);
            let texts: Vec<String> = strings.into_iter().filter_map(|text| read(text)).collect();
            let mut text = texts.join(" | ");
            if raw.code != code {
                text = format!(
                    "[returned {code}, but the error has code {}] {text}",
                    raw.code
                );
            }
            let result = CallResult::Error {
                code: if raw.code == code { code } else { -1 },
                outcome: raw.outcome,
                text,
            };
            Returned {
                result,
                leaks,
                trace: read(raw.trace),
            }
        };
        // SAFETY: the library created the error; it is freed once.
        unsafe { (self.functions.error_free)(error) };
        returned
    }

    /// The number of these strings that contain the token.
    ///
    /// # Safety
    /// Each string is NULL or NUL-terminated.
    unsafe fn leaks(&self, texts: &[*const c_char]) -> usize {
        let leaks = |text: &&*const c_char| {
            // SAFETY: guaranteed by the caller.
            !text.is_null()
                && self
                    .search
                    .look_through(unsafe { CStr::from_ptr(**text) }.to_bytes())
        };
        texts.iter().filter(leaks).count()
    }
}

/// Owns the C strings that a call borrows.
#[derive(Default)]
struct CStrings(Vec<CString>);

impl CStrings {
    fn text(&mut self, text: &str) -> *const c_char {
        let text = CString::new(text).expect("a string without NUL");
        let pointer = text.as_ptr();
        self.0.push(text);
        pointer
    }

    fn optional(&mut self, text: Option<&str>) -> *const c_char {
        text.map_or(null(), |text| self.text(text))
    }
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn read(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}
