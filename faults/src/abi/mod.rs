//! The C ABI as a C program sees it: its own declarations of the structs in `include/flexpay.h`, and
//! the functions, loaded from the shared library by name.

mod client;
mod raw;

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr::{null, null_mut};

use libloading::Library;

use crate::canary::{self, Memory, Search};
use crate::interface::{self, CallResult, Config, Interface, Returned, consts};
use client::AbiClient;
use raw::{Functions, RawConfig, RawError};

/// The loaded library.
pub struct Flexpay {
    functions: Functions,
    /// Searches every string that the library returns for the tokens.
    pub search: Search,
    /// Keeps the functions loaded.
    _library: Library,
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
                journal_get: *library.get(b"flexpay_journal_get").map_err(message)?,
                error_free: *library.get(b"flexpay_error_free").map_err(message)?,
                payment_free: *library.get(b"flexpay_payment_free").map_err(message)?,
                transaction_free: *library.get(b"flexpay_transaction_free").map_err(message)?,
                settlement_free: *library.get(b"flexpay_settlement_free").map_err(message)?,
            };
            Ok(Self {
                functions,
                search: Search::new(),
                _library: library,
            })
        }
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

impl Interface for Flexpay {
    fn client(&self, config: &Config) -> Result<Box<dyn interface::Client + '_>, String> {
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
            journal: strings.optional(config.journal.as_deref()),
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
        Ok(Box::new(AbiClient {
            flexpay: self,
            raw: client,
        }))
    }

    fn longest_text(&self) -> usize {
        usize::MAX
    }

    /// The library pools the connections of 16 configurations. 16 new ones replace them all.
    fn release(&self) -> Result<(), String> {
        for port in 1..=16 {
            self.client(&Config {
                proxy: Some(format!("http://127.0.0.1:{port}")),
                ..Config::unreachable()
            })?;
        }
        Ok(())
    }

    /// Searches the memory of this process for the token: it must be found nowhere.
    fn last_checks(&self) -> Result<bool, String> {
        let message = |error: std::io::Error| error.to_string();
        let Memory {
            bytes,
            places,
            repeated,
        } = self.search.in_memory().map_err(message)?;
        for place in places.iter().take(20) {
            println!("WRONG: the token, or a piece of it, at {place}");
        }
        // Check the search itself: it must find the token of a live client.
        let alive = {
            let _client = self.client(&Config::unreachable())?;
            self.search.in_memory().map_err(message)?.places.len()
        };
        println!(
            "{:40}{:>7}    of {} MiB; with a live client {alive}",
            "token in memory, all clients freed",
            places.len(),
            bytes >> 20
        );
        println!(
            "{:40}{repeated:>7}    not judged: see THREATS.md",
            "the same, repeated by gateways"
        );
        if alive == 0 {
            println!("WRONG: the search does not find the token of a live client");
        }
        println!(
            "{} strings from the library were searched",
            self.search.searched()
        );
        Ok(places.is_empty() && alive > 0)
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
