//! Results for C: a struct and all its strings in one allocation, freed in one piece.

use libc::c_char;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr;

/// Layout: the whole size, then the struct, then the strings.
struct Plan {
    whole: Layout,
    value: usize,
    strings: usize,
}

impl Plan {
    fn of<T>(string_bytes: usize) -> Option<Self> {
        let (layout, value) = Layout::new::<usize>().extend(Layout::new::<T>()).ok()?;
        let strings = Layout::array::<u8>(string_bytes).ok()?;
        let (whole, strings) = layout.extend(strings).ok()?;
        Some(Self {
            whole,
            value,
            strings,
        })
    }
}

/// Makes a `T` whose pointers lead to copies of `texts`, NUL-terminated, NULL for `None`.
pub(super) fn make<T, const N: usize>(
    texts: [Option<&str>; N],
    fill: impl FnOnce([*const c_char; N]) -> T,
) -> *mut T {
    let bytes = texts.iter().flatten().map(|text| text.len() + 1).sum();
    // A text lives in memory already; its copy and a struct do not overflow an address space.
    let Some(plan) = Plan::of::<T>(bytes) else {
        handle_alloc_error(Layout::new::<T>());
    };
    // SAFETY: the layout holds a usize at least. Every write below stays inside it: the size at its
    // start, the value and the strings at the offsets that were laid out for them.
    unsafe {
        let start = alloc(plan.whole);
        if start.is_null() {
            handle_alloc_error(plan.whole);
        }
        start.cast::<usize>().write(plan.whole.size());
        let mut next = start.add(plan.strings);
        let pointers = texts.map(|text| {
            let Some(text) = text else { return ptr::null() };
            let copy = next;
            ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
            copy.add(text.len()).write(0);
            next = copy.add(text.len() + 1);
            copy.cast_const().cast::<c_char>()
        });
        let value = start.add(plan.value).cast::<T>();
        value.write(fill(pointers));
        value
    }
}

/// Frees what [`make`] made. NULL is fine.
///
/// # Safety
/// `value` is NULL or came from `make::<T, _>`, and was not freed yet.
pub(super) unsafe fn free<T>(value: *mut T) {
    let Some(plan) = Plan::of::<T>(0) else { return };
    if value.is_null() {
        return;
    }
    // SAFETY: `make` wrote the size of the whole allocation at its start, which is `plan.value`
    // bytes before the value. `T` is plain data: there is nothing to drop.
    unsafe {
        let start = value.cast::<u8>().sub(plan.value);
        let size = start.cast::<usize>().read();
        let whole = Layout::from_size_align_unchecked(size, plan.whole.align());
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
    fn strings_lie_behind_the_struct_and_go_with_it() {
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
