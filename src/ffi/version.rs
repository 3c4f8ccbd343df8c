//! Which library this is.

use libc::c_char;

/// The version of this ABI that the header describes. A binding compares it with
/// flexpay_abi_version() and refuses a library it was not written for.
pub const FLEXPAY_ABI_VERSION: i32 = 1;

/// The library's version, "0.1.0". Static: do not free it. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The ABI version of the library that is loaded. Never blocks. Since ABI 1.
#[unsafe(no_mangle)]
pub extern "C" fn flexpay_abi_version() -> i32 {
    FLEXPAY_ABI_VERSION
}
