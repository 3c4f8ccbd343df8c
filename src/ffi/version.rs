//! The library's versions.

use libc::c_char;

/// The ABI version of this header. A binding compares it with flexpay_abi_version() and refuses a
/// library of another version.
pub const FLEXPAY_ABI_VERSION: i32 = 1;

/// Returns the library's version, "1.0.0-rc.1". A static string: do not free it. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the ABI version of the loaded library. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_abi_version() -> i32 {
    FLEXPAY_ABI_VERSION
}
