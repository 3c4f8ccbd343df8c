//! Objects for C: a struct and all its strings in one allocation, freed at once.

use libc::c_char;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr;

/// The layout of an allocation: its size (a `usize`), then the struct, then the strings.
struct ObjectLayout {
    whole: Layout,
    struct_offset: usize,
    strings_offset: usize,
}

impl ObjectLayout {
    fn of<T>(string_bytes: usize) -> Option<Self> {
        let (layout, struct_offset) = Layout::new::<usize>().extend(Layout::new::<T>()).ok()?;
        let strings = Layout::array::<u8>(string_bytes).ok()?;
        let (whole, strings_offset) = layout.extend(strings).ok()?;
        Some(Self {
            whole,
            struct_offset,
            strings_offset,
        })
    }
}

/// Makes a `T` whose pointers point to NUL-terminated copies of `texts`; NULL for `None`.
pub(super) fn make<T, const N: usize>(
    texts: [Option<&str>; N],
    fill: impl FnOnce([*const c_char; N]) -> T,
) -> *mut T {
    let bytes = texts.iter().flatten().map(|text| text.len() + 1).sum();
    // This cannot fail: the texts are in memory already, so the size of their copies does not
    // overflow.
    let Some(layout) = ObjectLayout::of::<T>(bytes) else {
        handle_alloc_error(Layout::new::<T>());
    };
    // SAFETY: the layout is not empty: it has a usize. Every write below stays inside it: the size
    // at its start, the struct and the strings at their offsets.
    unsafe {
        let start = alloc(layout.whole);
        if start.is_null() {
            handle_alloc_error(layout.whole);
        }
        start.cast::<usize>().write(layout.whole.size());
        let mut next = start.add(layout.strings_offset);
        let pointers = texts.map(|text| {
            let Some(text) = text else { return ptr::null() };
            let copy = next;
            ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
            copy.add(text.len()).write(0);
            next = copy.add(text.len() + 1);
            copy.cast_const().cast::<c_char>()
        });
        let value = start.add(layout.struct_offset).cast::<T>();
        value.write(fill(pointers));
        value
    }
}

/// Frees an object from [`make`]. NULL is allowed.
///
/// # Safety
/// `value` is NULL or from `make::<T, _>`, and not freed yet.
pub(super) unsafe fn free<T>(value: *mut T) {
    let Some(layout) = ObjectLayout::of::<T>(0) else {
        return;
    };
    if value.is_null() {
        return;
    }
    // SAFETY: `make` wrote the size of the whole allocation at its start, which is `struct_offset`
    // bytes before the struct. `T` is plain data: there is nothing to drop.
    unsafe {
        let start = value.cast::<u8>().sub(layout.struct_offset);
        let size = start.cast::<usize>().read();
        let whole = Layout::from_size_align_unchecked(size, layout.whole.align());
        dealloc(start, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[repr(C)]
    struct Pair {
        number: i32,
        one: *const c_char,
        none: *const c_char,
        two: *const c_char,
    }

    #[test]
    fn strings_follow_the_struct_and_are_freed_with_it() {
        let pair = make([Some("un"), None, Some("")], |[one, none, two]| Pair {
            number: 7,
            one,
            none,
            two,
        });
        // SAFETY: made above, freed below.
        unsafe {
            assert_eq!((*pair).number, 7);
            assert_eq!(CStr::from_ptr((*pair).one), c"un");
            assert!((*pair).none.is_null());
            assert_eq!(CStr::from_ptr((*pair).two), c"");
            free(pair);
            free::<Pair>(ptr::null_mut());
        }
    }
}
