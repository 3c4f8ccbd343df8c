//! A client's settings.

use libc::{c_char, size_t};
use std::mem::offset_of;
use std::time::Duration;
use zeroize::Zeroizing;

use super::input::{SizedStruct, needed, owned, sized, text};
use super::numbers::*;
use crate::config::{Api, Config, Environment};
use crate::error::{Error, Result};

const KNOWN_FLAGS: u64 = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP
    | FLEXPAY_FLAG_CHECK_ONCE
    | FLEXPAY_FLAG_SYSTEM_ROOTS
    | FLEXPAY_FLAG_PRIVATE_CONNECTIONS;

/// A client's settings. Begin with FLEXPAY_CONFIG_INIT. Strings are borrowed for the call alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flexpay_config {
    /// sizeof(flexpay_config), set by FLEXPAY_CONFIG_INIT.
    pub size: size_t,
    /// The merchant code. Needed.
    pub merchant: *const c_char,
    /// The token, with or without "Bearer ". Needed.
    pub token: *const c_char,
    /// FLEXPAY_ENV_LIVE (default) or FLEXPAY_ENV_TEST.
    pub environment: i32,
    /// FLEXPAY_API_V1 (default) or FLEXPAY_API_V1_1.
    pub api: i32,
    /// The payment service's whole address, instead of the environment's.
    pub pay_url: *const c_char,
    /// The check service's address, up to and without the order number (".../check"), instead of
    /// the environment's.
    pub check_url: *const c_char,
    /// The whole call, name look-up to last byte, in milliseconds. 0: 30 000.
    pub timeout_ms: u32,
    /// The part of it for look-up, connection, proxy and TLS together. 0: 10 000.
    pub connect_timeout_ms: u32,
    /// A PEM file of certificates to trust instead of those built in.
    pub ca_file: *const c_char,
    /// An HTTP proxy, "http://user:password@host:port". The environment's proxy variables are not
    /// read.
    pub proxy: *const c_char,
    /// Your software, for the User-Agent header: "BoutiqueZando/2.1".
    pub app_name: *const c_char,
    /// FLEXPAY_FLAG_*, added up.
    pub flags: u64,
    /// A secret of yours, of at least 16 characters, with which every callback address is signed:
    /// then flexpay_verify_callback refuses a notice that was not sent to an address you gave.
    pub callback_secret: *const c_char,
    /// The secret before this one: addresses signed with it are still good.
    pub callback_secret_previous: *const c_char,
}

// SAFETY: repr(C), size first, integers and pointers only.
unsafe impl SizedStruct for flexpay_config {
    const END: usize = offset_of!(Self, callback_secret_previous) + size_of::<*const c_char>();
}

impl flexpay_config {
    /// # Safety
    /// `given` is NULL or points to a config as the header asks.
    pub(super) unsafe fn read(given: *const Self) -> Result<Config> {
        // SAFETY: as the caller promises, for the struct and for each string in it.
        unsafe {
            let own = sized(given, "config")?;
            if own.flags & !KNOWN_FLAGS != 0 {
                return Err(Error::invalid(
                    "flags",
                    "has a flag this library does not know",
                ));
            }
            let token = text(own.token, "token")?.unwrap_or_default();
            Ok(Config {
                merchant: needed(own.merchant, "merchant")?,
                token: Zeroizing::new(token.to_owned()),
                environment: match own.environment {
                    FLEXPAY_ENV_LIVE => Environment::Live,
                    FLEXPAY_ENV_TEST => Environment::Test,
                    other => return Err(unknown("environment", other)),
                },
                api: match own.api {
                    FLEXPAY_API_V1 => Api::V1,
                    FLEXPAY_API_V1_1 => Api::V1_1,
                    other => return Err(unknown("api", other)),
                },
                pay_url: owned(own.pay_url, "pay_url")?,
                check_url: owned(own.check_url, "check_url")?,
                timeout: Duration::from_millis(own.timeout_ms.into()),
                connect_timeout: Duration::from_millis(own.connect_timeout_ms.into()),
                ca_file: owned(own.ca_file, "ca_file")?,
                proxy: owned(own.proxy, "proxy")?,
                app_name: owned(own.app_name, "app_name")?,
                callback_secret: secret(own.callback_secret, "callback_secret")?,
                callback_secret_previous: secret(
                    own.callback_secret_previous,
                    "callback_secret_previous",
                )?,
                allow_plain_http: own.flags & FLEXPAY_FLAG_ALLOW_PLAIN_HTTP != 0,
                check_once: own.flags & FLEXPAY_FLAG_CHECK_ONCE != 0,
                system_roots: own.flags & FLEXPAY_FLAG_SYSTEM_ROOTS != 0,
                private_connections: own.flags & FLEXPAY_FLAG_PRIVATE_CONNECTIONS != 0,
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
        }
    }
}

/// # Safety
/// As [`owned`].
unsafe fn secret(given: *const c_char, name: &'static str) -> Result<Option<Zeroizing<String>>> {
    // SAFETY: as the caller promises.
    Ok(unsafe { owned(given, name) }?.map(Zeroizing::new))
}

fn unknown(field: &'static str, value: i32) -> Error {
    Error::invalid(
        field,
        format!("is {value}, which this library does not know"),
    )
}
