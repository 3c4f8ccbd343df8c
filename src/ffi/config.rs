//! A client's settings.

use libc::{c_char, size_t};
use std::mem::offset_of;
use std::time::Duration;
use zeroize::Zeroizing;

use super::input::{SizedStruct, copied_text, read_struct, required_text, text, unknown_number};
use super::numbers::*;
use crate::config::{Api, Config, Environment};
use crate::error::{Error, Result};

const KNOWN_FLAGS: u64 = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP
    | FLEXPAY_FLAG_CHECK_ONCE
    | FLEXPAY_FLAG_SYSTEM_ROOTS
    | FLEXPAY_FLAG_PRIVATE_CONNECTIONS
    | FLEXPAY_FLAG_ALLOW_PAYOUT
    | FLEXPAY_FLAG_TRACE;

/// The settings of a client. Initialize with FLEXPAY_CONFIG_INIT. Strings are UTF-8, NULL if
/// absent, and borrowed for the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_config {
    /// sizeof(flexpay_config), set by FLEXPAY_CONFIG_INIT.
    pub size: size_t,
    /// The merchant code. Required.
    pub merchant: *const c_char,
    /// The token, with or without "Bearer ". Required.
    pub token: *const c_char,
    /// FLEXPAY_ENV_LIVE (default) or FLEXPAY_ENV_TEST.
    pub environment: i32,
    /// FLEXPAY_API_V1 (default) or FLEXPAY_API_V1_1. A till needs FLEXPAY_API_V1_1: without an
    /// order number it cannot wait.
    pub api: i32,
    /// The full URL of the service for payments by card, instead of the environment's. Each of the
    /// four URLs is independent: one that is not set is the environment's.
    pub pay_url: *const c_char,
    /// The URL of the check service without the order number (".../check"), instead of the
    /// environment's.
    pub check_url: *const c_char,
    /// The time limit of a whole call, from DNS lookup to last byte, in milliseconds. 0 means
    /// 30000.
    pub timeout_ms: u32,
    /// The part of timeout_ms for DNS lookup, connection, proxy and TLS together. 0 means 10000.
    pub connect_timeout_ms: u32,
    /// A PEM file of certificates to trust instead of the built-in ones.
    pub ca_file: *const c_char,
    /// An HTTP proxy, "http://user:password@host:port". Environment variables such as https_proxy
    /// are not read.
    pub proxy: *const c_char,
    /// The name of your software, for the User-Agent header: "BoutiqueZando/2.1".
    pub app_name: *const c_char,
    /// FLEXPAY_FLAG_*, combined with |.
    pub flags: u64,
    /// A secret of your own, at least 16 characters. It signs every callback URL, with a parameter
    /// "flexpay=...": flexpay_verify_callback then refuses a callback that was not sent to a URL
    /// you gave.
    pub callback_secret: *const c_char,
    /// The previous secret: URLs signed with it are still accepted.
    pub callback_secret_previous: *const c_char,
    /// The full URL of the service for payments by mobile money (".../paymentService"), instead of
    /// the environment's.
    pub mobile_url: *const c_char,
    /// The full URL of the payout service (".../merchantPayOutService"), instead of the
    /// environment's.
    pub payout_url: *const c_char,
    /// The path of the journal: see the top of this header. The file is made if there is none. Its
    /// folder must exist, on a disk of this machine.
    pub journal: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_config {
    const END: usize = offset_of!(Self, journal) + size_of::<*const c_char>();
}

impl flexpay_config {
    /// # Safety
    /// `given` is NULL or points to a config as the header requires.
    pub(super) unsafe fn read(given: *const Self) -> Result<Config> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let fields = read_struct(given, "config")?;
            if fields.flags & !KNOWN_FLAGS != 0 {
                return Err(Error::invalid(
                    "flags",
                    "has a flag this library does not know",
                ));
            }
            let token = text(fields.token, "token")?.unwrap_or_default();
            Ok(Config {
                merchant: required_text(fields.merchant, "merchant")?,
                token: Zeroizing::new(token.to_owned()),
                environment: match fields.environment {
                    FLEXPAY_ENV_LIVE => Environment::Live,
                    FLEXPAY_ENV_TEST => Environment::Test,
                    other => return Err(unknown_number("environment", other)),
                },
                api: match fields.api {
                    FLEXPAY_API_V1 => Api::V1,
                    FLEXPAY_API_V1_1 => Api::V1_1,
                    other => return Err(unknown_number("api", other)),
                },
                pay_url: copied_text(fields.pay_url, "pay_url")?,
                check_url: copied_text(fields.check_url, "check_url")?,
                mobile_url: copied_text(fields.mobile_url, "mobile_url")?,
                payout_url: copied_text(fields.payout_url, "payout_url")?,
                timeout: Duration::from_millis(fields.timeout_ms.into()),
                connect_timeout: Duration::from_millis(fields.connect_timeout_ms.into()),
                ca_file: copied_text(fields.ca_file, "ca_file")?,
                proxy: copied_text(fields.proxy, "proxy")?,
                app_name: copied_text(fields.app_name, "app_name")?,
                callback_secret: secret(fields.callback_secret, "callback_secret")?,
                callback_secret_previous: secret(
                    fields.callback_secret_previous,
                    "callback_secret_previous",
                )?,
                journal: copied_text(fields.journal, "journal")?,
                allow_plain_http: fields.flags & FLEXPAY_FLAG_ALLOW_PLAIN_HTTP != 0,
                check_once: fields.flags & FLEXPAY_FLAG_CHECK_ONCE != 0,
                system_roots: fields.flags & FLEXPAY_FLAG_SYSTEM_ROOTS != 0,
                private_connections: fields.flags & FLEXPAY_FLAG_PRIVATE_CONNECTIONS != 0,
                allow_payout: fields.flags & FLEXPAY_FLAG_ALLOW_PAYOUT != 0,
                trace: fields.flags & FLEXPAY_FLAG_TRACE != 0,
            })
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(
        merchant: &'static std::ffi::CStr,
        token: &'static std::ffi::CStr,
    ) -> Self {
        Self {
            size: size_of::<Self>(),
            merchant: merchant.as_ptr(),
            token: token.as_ptr(),
            environment: 0,
            api: 0,
            pay_url: std::ptr::null(),
            check_url: std::ptr::null(),
            timeout_ms: 0,
            connect_timeout_ms: 0,
            ca_file: std::ptr::null(),
            proxy: std::ptr::null(),
            app_name: std::ptr::null(),
            flags: 0,
            callback_secret: std::ptr::null(),
            callback_secret_previous: std::ptr::null(),
            mobile_url: std::ptr::null(),
            payout_url: std::ptr::null(),
            journal: std::ptr::null(),
        }
    }
}

/// # Safety
/// As [`copied_text`].
unsafe fn secret(given: *const c_char, name: &'static str) -> Result<Option<Zeroizing<String>>> {
    // SAFETY: as the caller promises.
    Ok(unsafe { copied_text(given, name) }?.map(Zeroizing::new))
}
