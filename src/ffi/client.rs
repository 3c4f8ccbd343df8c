//! The client.

use super::config::flexpay_config;
use super::error::{flexpay_error, flexpay_result};
use super::guard::deliver;
use super::panics::stop_panics;
use crate::client::Client;
use crate::error::{Error, Result};

/// A client for one merchant. Opaque. Thread-safe: create one and share it. It keeps working in a
/// forked child, which opens its own connections. For a journal see the top of this header.
pub struct flexpay_client(Client);

impl flexpay_client {
    /// # Safety
    /// `client` is NULL or a live client.
    pub(super) unsafe fn borrow<'a>(client: *const Self) -> Result<&'a Client> {
        // SAFETY: as the caller promises.
        let client = unsafe { client.as_ref() };
        client
            .map(|client| &client.0)
            .ok_or_else(|| Error::invalid("client", "is NULL"))
    }

    fn make(client: &mut Option<Client>) -> *mut Self {
        match client.take() {
            Some(client) => Box::into_raw(Box::new(Self(client))),
            None => std::ptr::null_mut(),
        }
    }
}

/// Creates a client. Checks the settings and reads ca_file. Sends nothing.
///
/// config: the settings, initialized with FLEXPAY_CONFIG_INIT; not NULL; borrowed for this call.
/// client: receives the client; free it with flexpay_client_free. NULL on failure.
/// error:  receives the error; free it with flexpay_error_free. NULL on success. May be NULL.
/// Errors: INVALID (its field names the setting), INTERNAL. Does not block, except to read
/// certificate files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_client_new(
    config: *const flexpay_config,
    client: *mut *mut flexpay_client,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(client, error, flexpay_client::make, || {
            Client::new(flexpay_config::read(config)?).map(Some)
        })
    }
}

/// Creates a client from environment variables: FLEXPAY_MERCHANT, FLEXPAY_TOKEN,
/// FLEXPAY_ENVIRONMENT ("live", "test"), FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL,
/// FLEXPAY_CHECK_URL, FLEXPAY_MOBILE_URL, FLEXPAY_PAYOUT_URL, FLEXPAY_TIMEOUT_MS,
/// FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE, FLEXPAY_PROXY, FLEXPAY_APP_NAME,
/// FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS, FLEXPAY_JOURNAL, and
/// FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS, FLEXPAY_PRIVATE_CONNECTIONS,
/// FLEXPAY_ALLOW_PAYOUT and FLEXPAY_TRACE ("0", "1"). Only the first two are required.
///
/// client, error: as for flexpay_client_new. Do not call it while another thread changes the
/// environment. Errors: INVALID (its field names the variable or setting), INTERNAL. Does not
/// block, except to read certificate files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_client_from_env(
    client: *mut *mut flexpay_client,
    error: *mut *mut flexpay_error,
) -> flexpay_result {
    // SAFETY: the pointers are as the header requires.
    unsafe {
        deliver(client, error, flexpay_client::make, || {
            Client::from_env().map(Some)
        })
    }
}

/// Frees a client and wipes its token from memory. NULL is allowed. No other call may still use the
/// client. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flexpay_client_free(client: *mut flexpay_client) {
    if client.is_null() {
        return;
    }
    // SAFETY: from `make`, and not freed yet, as the header requires.
    stop_panics(|| drop(unsafe { Box::from_raw(client) }));
}
