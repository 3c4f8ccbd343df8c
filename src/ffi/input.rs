//! What C hands in: sized structs and borrowed strings, read with suspicion.

use libc::{c_char, size_t};
use std::ffi::CStr;
use std::mem::{MaybeUninit, align_of, size_of};

use crate::error::{Error, Result};

/// A struct that begins with `size_t size` and for which every bit pattern is a value: integers and
/// pointers only.
///
/// # Safety
/// The implementor is `#[repr(C)]`, its first field is the size, and it is as said above.
pub(super) unsafe trait SizedStruct: Copy {
    /// Where its last field ends. No struct may end in padding, which nobody sets and which an older
    /// library would take for fields it does not know.
    const END: usize;
}

/// No struct of any version is larger: a greater size is memory nobody set.
const MOST: usize = 4096;

/// Copies a caller's struct: a shorter one, from an older program, is filled up with zeros; what a
/// longer one has beyond what this library knows must be zero, or the caller asks for something it
/// would not get.
///
/// # Safety
/// `given` is NULL or points to a struct whose first field says how many bytes of it may be read.
pub(super) unsafe fn sized<T: SizedStruct>(given: *const T, name: &'static str) -> Result<T> {
    const { assert!(T::END == size_of::<T>()) };
    if given.is_null() {
        return Err(Error::invalid(name, "is NULL"));
    }
    // SAFETY: not NULL, and begins with its size.
    let size = unsafe { given.cast::<size_t>().read() };
    if size < size_of::<size_t>() || size > MOST || size % align_of::<T>() != 0 {
        return Err(Error::invalid(
            name,
            format!("has size {size}, which no version of it has; begin with its _INIT macro"),
        ));
    }
    let known = size.min(size_of::<T>());
    let mut own = MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes of `given` may be read; `known` is no more than that, and no more than
    // `own` holds. Zeros, and any bytes over them, are a valid T.
    unsafe {
        let bytes = given.cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes, own.as_mut_ptr().cast::<u8>(), known);
        let unknown = std::slice::from_raw_parts(bytes.add(known), size - known);
        if unknown.iter().any(|&byte| byte != 0) {
            return Err(Error::invalid(
                name,
                "sets a field this version of the library does not know",
            ));
        }
        Ok(own.assume_init())
    }
}

/// Like [`sized`], for a struct that may be left out.
///
/// # Safety
/// As [`sized`].
pub(super) unsafe fn sized_or_none<T: SizedStruct>(
    given: *const T,
    name: &'static str,
) -> Result<Option<T>> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    unsafe { sized(given, name) }.map(Some)
}

/// A borrowed string, `None` for NULL.
///
/// # Safety
/// `given` is NULL or NUL-terminated, and stays as it is for `'a`.
pub(super) unsafe fn text<'a>(given: *const c_char, name: &'static str) -> Result<Option<&'a str>> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let bytes = unsafe { CStr::from_ptr(given) };
    match bytes.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::invalid(name, "is not UTF-8")),
    }
}

/// A string to keep, `None` for NULL.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn owned(given: *const c_char, name: &'static str) -> Result<Option<String>> {
    // SAFETY: as the caller promises.
    Ok(unsafe { text(given, name) }?.map(str::to_owned))
}

/// A string that must be there; what is missing is left to the field's own check to say.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn needed(given: *const c_char, name: &'static str) -> Result<String> {
    // SAFETY: as the caller promises.
    Ok(unsafe { owned(given, name) }?.unwrap_or_default())
}

/// A body: pointer and length. NULL is an empty one.
///
/// # Safety
/// `given` is NULL, or `length` bytes from it may be read for `'a`.
pub(super) unsafe fn body<'a>(given: *const u8, length: size_t) -> Result<&'a [u8]> {
    match (given.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::invalid("body", "is NULL")),
        // No callback is so long; and no slice may be.
        (false, _) if length > isize::MAX as usize => Err(Error::invalid("body", "is too long")),
        // SAFETY: as the caller promises.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(given, length) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct New {
        size: size_t,
        old: u64,
        new: u64,
    }
    // SAFETY: as the trait asks.
    unsafe impl SizedStruct for New {
        const END: usize = offset_of!(New, new) + size_of::<u64>();
    }

    fn read(size: usize, old: u64, new: u64) -> Result<(u64, u64)> {
        let given = [size as u64, old, new, 0, 0];
        read_raw(&given)
    }

    fn read_raw(given: &[u64]) -> Result<(u64, u64)> {
        // SAFETY: the tests give no size beyond the array.
        unsafe { sized(given.as_ptr().cast::<New>(), "new") }.map(|own| (own.old, own.new))
    }

    #[test]
    fn an_older_program_s_struct_is_filled_up_with_zeros() {
        assert_eq!(read(24, 1, 2).unwrap(), (1, 2));
        assert_eq!(read(16, 1, 2).unwrap(), (1, 0));
        assert_eq!(read(8, 1, 2).unwrap(), (0, 0));
    }

    #[test]
    fn a_newer_program_s_struct_is_taken_while_it_asks_for_nothing_new() {
        assert_eq!(read(40, 1, 2).unwrap(), (1, 2));
        let error = read_raw(&[40, 1, 2, 0, 1]).unwrap_err();
        assert_eq!(error.field(), Some("new"));
    }

    #[test]
    fn a_size_nobody_set_is_refused() {
        for size in [0, 1, 7, 12, 17, 5000, usize::MAX] {
            assert!(read(size, 1, 2).is_err(), "{size}");
        }
        // SAFETY: NULL is what is tested.
        assert!(unsafe { sized::<New>(std::ptr::null(), "new") }.is_err());
    }
}
