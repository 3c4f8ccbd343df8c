//! The C ABI, as a program written in C sees it: the structs of `include/flexpay.h`, declared anew,
//! and the functions, found in the shared library by name.

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

/// Numbers of the header.
pub mod n {
    pub const OK: i32 = 0;
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
    pub const ABI_VERSION: i32 = 1;
}

/// The library, loaded.
pub struct Flexpay {
    functions: Functions,
    /// Looks through every text that the library hands out.
    pub search: Search,
    /// What the functions live in.
    _library: Library,
}

/// A client's settings; see the header.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub canary: Canary,
    pub api: i32,
    pub pay_url: String,
    pub check_url: String,
    pub timeout_ms: u32,
    pub connect_timeout_ms: u32,
    pub ca_file: Option<String>,
    pub proxy: Option<String>,
    pub flags: u64,
    pub callback_secret: Option<String>,
}

impl Config {
    /// One that is good, and leads nowhere.
    pub fn anywhere() -> Self {
        Self {
            pay_url: "https://127.0.0.1:1/pay".to_owned(),
            check_url: "https://127.0.0.1:1/check".to_owned(),
            timeout_ms: 1_000,
            ..Self::default()
        }
    }
}

/// A payment request; what is not here is the same in every run.
#[derive(Clone, Debug, Default)]
pub struct Payment<'a> {
    pub reference: &'a str,
    pub description: Option<&'a str>,
}

/// The amount of every payment of the run.
pub const AMOUNT: &str = "25.50";
/// Its currency.
pub const CURRENCY: &str = "USD";

/// How to wait, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitOptions {
    pub timeout: u32,
    pub interval: u32,
    pub failed_grace: u32,
}

/// A call, with the moments just before and just after it.
#[derive(Clone, Debug)]
pub struct Called {
    pub got: Got,
    pub began: Instant,
    pub ended: Instant,
    /// How long the calling thread stood in line for a processor meanwhile.
    pub queued: Duration,
    /// In how many of its texts the token was found.
    pub leaks: usize,
}

/// What is noted before a call.
struct Mark(Instant, Duration);

impl Mark {
    fn set() -> Self {
        let queued = clock::queued();
        Self(Instant::now(), queued)
    }

    fn called(&self, ended: Instant, got: Got, leaks: usize) -> Called {
        Called {
            got,
            began: self.0,
            ended,
            queued: clock::queued().saturating_sub(self.1),
            leaks,
        }
    }
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A payment was taken in.
    Payment {
        redirect_url: Option<String>,
        page: Option<String>,
    },
    /// A transaction was found.
    State { state: i32, order_number: String },
    /// An error, with all its words.
    Error {
        code: i32,
        outcome: i32,
        words: String,
    },
}

impl Flexpay {
    /// Opens the library of a directory.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let path = directory.join("libflexpay.so");
        let words = |error| format!("{}: {error}", path.display());
        // SAFETY: the types are those of the header, whose version the library confirms.
        unsafe {
            let library = Library::new(&path).map_err(words)?;
            let version: unsafe extern "C" fn() -> i32 =
                *library.get(b"flexpay_abi_version").map_err(words)?;
            if version() != n::ABI_VERSION {
                return Err(format!("{} has ABI {}", path.display(), version()));
            }
            let functions = Functions {
                client_new: *library.get(b"flexpay_client_new").map_err(words)?,
                client_free: *library.get(b"flexpay_client_free").map_err(words)?,
                pay: *library.get(b"flexpay_pay").map_err(words)?,
                check: *library.get(b"flexpay_check").map_err(words)?,
                wait: *library.get(b"flexpay_wait").map_err(words)?,
                verify: *library.get(b"flexpay_verify_callback").map_err(words)?,
                error_free: *library.get(b"flexpay_error_free").map_err(words)?,
                payment_free: *library.get(b"flexpay_payment_free").map_err(words)?,
                transaction_free: *library.get(b"flexpay_transaction_free").map_err(words)?,
            };
            Ok(Self {
                functions,
                search: Search::new(),
                _library: library,
            })
        }
    }

    pub fn client(&self, config: &Config) -> Result<Client<'_>, String> {
        let mut keep = Keep::default();
        let mut raw_config = RawConfig {
            size: size_of::<RawConfig>(),
            merchant: keep.text("ZANDO"),
            token: null(),
            environment: 0,
            api: config.api,
            pay_url: keep.text(&config.pay_url),
            check_url: keep.text(&config.check_url),
            timeout_ms: config.timeout_ms,
            connect_timeout_ms: config.connect_timeout_ms,
            ca_file: keep.optional(config.ca_file.as_deref()),
            proxy: keep.optional(config.proxy.as_deref()),
            app_name: null(),
            flags: config.flags,
            callback_secret: keep.optional(config.callback_secret.as_deref()),
            callback_secret_previous: null(),
        };
        let mut client = null_mut();
        let mut error = null_mut();
        // SAFETY: strings live in `keep`, out-pointers are our own.
        let code = canary::with_token(config.canary, |token| {
            raw_config.token = token;
            unsafe { (self.functions.client_new)(&raw_config, &mut client, &mut error) }
        });
        if code != n::OK {
            let (error, leaks) = self.error(code, error);
            return Err(format!("{error:?}, the token {leaks} times in it"));
        }
        Ok(Client {
            flexpay: self,
            raw: client,
        })
    }

    /// Reads an error and frees it. Also given is in how many of its texts the token was found.
    fn error(&self, code: i32, error: *mut RawError) -> (Got, usize) {
        if error.is_null() {
            let words = "the library gave no error object".to_owned();
            let got = Got::Error {
                code,
                outcome: -1,
                words,
            };
            return (got, 0);
        }
        // SAFETY: the library made it and says what is in it.
        let got = unsafe {
            let raw = &*error;
            let words = [
                raw.message,
                raw.field,
                raw.gateway_code,
                raw.gateway_message,
            ];
            let leaks = self.leaks(&words);
            let words: Vec<String> = words.into_iter().filter_map(|text| read(text)).collect();
            let mut words = words.join(" | ");
            if raw.code != code {
                words = format!("[returned {code}, the error says {}] {words}", raw.code);
            }
            let got = Got::Error {
                code: if raw.code == code { code } else { -1 },
                outcome: raw.outcome,
                words,
            };
            (got, leaks)
        };
        // SAFETY: made by the library, freed once.
        unsafe { (self.functions.error_free)(error) };
        got
    }

    /// In how many of these texts the token is.
    ///
    /// # Safety
    /// Each is NULL, or a C string.
    unsafe fn leaks(&self, texts: &[*const c_char]) -> usize {
        let leaks = |text: &&*const c_char| {
            // SAFETY: as promised.
            !text.is_null()
                && self
                    .search
                    .look_through(unsafe { CStr::from_ptr(**text) }.to_bytes())
        };
        texts.iter().filter(leaks).count()
    }
}

/// C strings, kept for as long as a call needs them.
#[derive(Default)]
struct Keep(Vec<CString>);

impl Keep {
    fn text(&mut self, text: &str) -> *const c_char {
        let text = CString::new(text).expect("no text of the run has a NUL");
        let pointer = text.as_ptr();
        self.0.push(text);
        pointer
    }

    fn optional(&mut self, text: Option<&str>) -> *const c_char {
        text.map_or(null(), |text| self.text(text))
    }
}

/// # Safety
/// NULL, or a C string.
unsafe fn read(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as promised.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}
