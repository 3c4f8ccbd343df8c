//! Checked reading of the caller's data: structs with a size, and borrowed strings.

use libc::{c_char, size_t};
use std::ffi::CStr;
use std::mem::{MaybeUninit, align_of, size_of};

use crate::error::{Error, Result};

/// A struct whose first field is `size_t size`, and whose other fields are integers and pointers,
/// so that every bit pattern is valid.
///
/// # Safety
/// The implementor is such a struct, and is `#[repr(C)]`.
pub(super) unsafe trait SizedStruct: Copy {
    /// Where its last field ends. On 64 bit systems, no struct may end in padding. On 32 bit systems
    /// some do: programs do not set padding, so it is not read. A later field must not be placed
    /// there, because an older program has garbage in it: give the padding a name first.
    const END: usize;
}

/// No struct of any version is larger: a greater size means that the caller did not initialize it.
const MAX_SIZE: usize = 4096;

/// Copies a caller's struct. A shorter one, from an older program, is padded with zeros. In a
/// longer one, from a newer program, the fields that this library does not know must be zero:
/// this library cannot carry them out.
///
/// # Safety
/// `given` is NULL or points to a struct whose first field says how many bytes of it may be read.
pub(super) unsafe fn read_struct<T: SizedStruct>(given: *const T, name: &'static str) -> Result<T> {
    const { assert!(T::END == size_of::<T>() || cfg!(target_pointer_width = "32")) };
    if given.is_null() {
        return Err(Error::invalid(name, "is NULL"));
    }
    // SAFETY: not NULL, and begins with its size.
    let size = unsafe { given.cast::<size_t>().read() };
    if size < size_of::<size_t>() || size > MAX_SIZE || size % align_of::<T>() != 0 {
        return Err(Error::invalid(
            name,
            format!("has size {size}, which no version has; initialize it with its _INIT macro"),
        ));
    }
    let known = size.min(size_of::<T>());
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes of `given` may be read. `known` is not more than `size`, and not more
    // than the size of `copy`. Any bytes, and zeros after them, are a valid T.
    unsafe {
        let bytes = given.cast::<u8>();
        let fields = known.min(T::END);
        std::ptr::copy_nonoverlapping(bytes, copy.as_mut_ptr().cast::<u8>(), fields);
        let unknown = std::slice::from_raw_parts(bytes.add(known), size - known);
        if unknown.iter().any(|&byte| byte != 0) {
            return Err(Error::invalid(
                name,
                "sets a field this version of the library does not know",
            ));
        }
        Ok(copy.assume_init())
    }
}

/// Like [`read_struct`], but `None` for NULL.
///
/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn read_struct_or_none<T: SizedStruct>(
    given: *const T,
    name: &'static str,
) -> Result<Option<T>> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    unsafe { read_struct(given, name) }.map(Some)
}

/// A borrowed string, `None` for NULL.
///
/// # Safety
/// `given` is NULL or NUL-terminated, and does not change during `'a`.
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

/// A copied string, `None` for NULL.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn copied_text(
    given: *const c_char,
    name: &'static str,
) -> Result<Option<String>> {
    // SAFETY: as the caller promises.
    Ok(unsafe { text(given, name) }?.map(str::to_owned))
}

/// A copied string that is required. NULL becomes an empty string, which is refused when the
/// setting is validated.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn required_text(given: *const c_char, name: &'static str) -> Result<String> {
    // SAFETY: as the caller promises.
    Ok(unsafe { copied_text(given, name) }?.unwrap_or_default())
}

/// The error for the number of an enum that this library does not know.
pub(super) fn unknown_number(field: &'static str, number: i32) -> Error {
    Error::invalid(
        field,
        format!("is {number}, which this library does not know"),
    )
}

/// A body, from pointer and length. NULL with length 0 is an empty body.
///
/// # Safety
/// `given` is NULL, or `length` bytes from it may be read for `'a`.
pub(super) unsafe fn body<'a>(given: *const u8, length: size_t) -> Result<&'a [u8]> {
    match (given.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::invalid("body", "is NULL")),
        // A Rust slice must not be longer.
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
    // SAFETY: repr(C), size first, integers only.
    unsafe impl SizedStruct for New {
        const END: usize = offset_of!(New, new) + size_of::<u64>();
    }

    fn read(size: usize, old: u64, new: u64) -> Result<(u64, u64)> {
        let given = [size as u64, old, new, 0, 0];
        read_raw(&given)
    }

    fn read_raw(given: &[u64]) -> Result<(u64, u64)> {
        // SAFETY: no test gives a size that is accepted and larger than the array.
        unsafe { read_struct(given.as_ptr().cast::<New>(), "new") }.map(|copy| (copy.old, copy.new))
    }

    #[test]
    fn a_shorter_struct_is_padded_with_zeros() {
        assert_eq!(read(24, 1, 2).unwrap(), (1, 2));
        assert_eq!(read(16, 1, 2).unwrap(), (1, 0));
        assert_eq!(read(8, 1, 2).unwrap(), (0, 0));
    }

    #[test]
    fn a_longer_struct_is_accepted_if_its_unknown_fields_are_zero() {
        assert_eq!(read(40, 1, 2).unwrap(), (1, 2));
        let error = read_raw(&[40, 1, 2, 0, 1]).unwrap_err();
        assert_eq!(error.field(), Some("new"));
    }

    #[test]
    fn an_impossible_size_is_refused() {
        for size in [0, 1, 7, 12, 17, 5000, usize::MAX] {
            assert!(read(size, 1, 2).is_err(), "{size}");
        }
        // SAFETY: NULL is what is tested.
        assert!(unsafe { read_struct::<New>(std::ptr::null(), "new") }.is_err());
    }
}
