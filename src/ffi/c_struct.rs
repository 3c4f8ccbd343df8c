//! Objects for C: a struct and all its strings in one allocation, freed at once.

use libc::c_char;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr;

/// The layout of an allocation: its size (a `usize`), then the struct, then a list of pointers to other
/// structs, then these, then the strings.
struct ObjectLayout {
    whole: Layout,
    struct_offset: usize,
    pointers_offset: usize,
    items_offset: usize,
    strings_offset: usize,
}

impl ObjectLayout {
    fn of<T, I>(items: usize, string_bytes: usize) -> Option<Self> {
        // Else the alignment of the whole, which `free` must know, would depend on the items.
        const { assert!(align_of::<I>() <= align_of::<usize>()) };
        let (layout, struct_offset) = Layout::new::<usize>().extend(Layout::new::<T>()).ok()?;
        let (layout, pointers_offset) =
            layout.extend(Layout::array::<*const I>(items).ok()?).ok()?;
        let (layout, items_offset) = layout.extend(Layout::array::<I>(items).ok()?).ok()?;
        let strings = Layout::array::<u8>(string_bytes).ok()?;
        let (whole, strings_offset) = layout.extend(strings).ok()?;
        Some(Self {
            whole,
            struct_offset,
            pointers_offset,
            items_offset,
            strings_offset,
        })
    }
}

/// Makes a `T` whose pointers point to NUL-terminated copies of `texts`; NULL for `None`.
pub(super) fn make<T, const N: usize>(
    texts: [Option<&str>; N],
    fill: impl FnOnce([*const c_char; N]) -> T,
) -> *mut T {
    let no_items: &[()] = &[];
    make_with_list(
        texts,
        no_items,
        |()| [],
        |(), []| (),
        |texts, _| fill(texts),
    )
}

/// Makes a `T` as [`make`] does, with a list: of each item, `fill_item` makes an `I`, with copies of
/// the texts that `texts_of` returns. The list has pointers, so that an older program finds the second
/// `I` when a newer library adds a field to `I`.
pub(super) fn make_with_list<T, I, S, const N: usize, const M: usize>(
    texts: [Option<&str>; N],
    items: &[S],
    texts_of: fn(&S) -> [Option<&str>; M],
    fill_item: fn(&S, [*const c_char; M]) -> I,
    fill: impl FnOnce([*const c_char; N], &[*const I]) -> T,
) -> *mut T {
    let all = items.iter().flat_map(texts_of).chain(texts);
    let bytes = all.flatten().map(|text| text.len() + 1).sum();
    // This cannot fail: the texts are in memory already, so the size of their copies does not
    // overflow.
    let Some(layout) = ObjectLayout::of::<T, I>(items.len(), bytes) else {
        handle_alloc_error(Layout::new::<T>());
    };
    // SAFETY: the layout is not empty: it has a usize. Every write below stays inside it: the size
    // at its start, the struct, the items and the strings at their offsets.
    unsafe {
        let start = alloc(layout.whole);
        if start.is_null() {
            handle_alloc_error(layout.whole);
        }
        start.cast::<usize>().write(layout.whole.size());
        let mut next = start.add(layout.strings_offset);
        let mut copy = |text: Option<&str>| {
            let Some(text) = text else { return ptr::null() };
            let copy = next;
            ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
            copy.add(text.len()).write(0);
            next = copy.add(text.len() + 1);
            copy.cast_const().cast::<c_char>()
        };
        let first_pointer = start.add(layout.pointers_offset).cast::<*const I>();
        let first_item = start.add(layout.items_offset).cast::<I>();
        for (at, item) in items.iter().enumerate() {
            let texts = texts_of(item).map(&mut copy);
            first_item.add(at).write(fill_item(item, texts));
            first_pointer.add(at).write(first_item.add(at));
        }
        let value = start.add(layout.struct_offset).cast::<T>();
        let items = std::slice::from_raw_parts(first_pointer, items.len());
        value.write(fill(texts.map(copy), items));
        value
    }
}

/// Frees an object from [`make`] or [`make_with_list`]. NULL is allowed.
///
/// # Safety
/// `value` is NULL or from one of the two, and not freed yet.
pub(super) unsafe fn free<T>(value: *mut T) {
    // The struct comes first, so that its offset does not depend on the rest.
    let Some(layout) = ObjectLayout::of::<T, ()>(0, 0) else {
        return;
    };
    if value.is_null() {
        return;
    }
    // SAFETY: the maker wrote the size of the whole allocation at its start, which is `struct_offset`
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

    #[repr(C)]
    struct List {
        count: usize,
        items: *const *const Pair,
    }

    #[test]
    fn a_list_is_in_the_same_allocation() {
        let names = ["un", "deux", "trois"];
        let list = make_with_list(
            [],
            &names,
            |name| [Some(name), None, Some("")],
            |name, [one, none, two]| Pair {
                number: name.len() as i32,
                one,
                none,
                two,
            },
            |[], items| List {
                count: items.len(),
                items: items.as_ptr(),
            },
        );
        // SAFETY: made above, freed below.
        unsafe {
            assert_eq!((*list).count, 3);
            for (at, name) in names.iter().enumerate() {
                let item = *(*list).items.add(at);
                assert_eq!(CStr::from_ptr((*item).one).to_str(), Ok(*name));
                assert!((*item).none.is_null());
                assert_eq!((*item).number, name.len() as i32);
            }
            free(list);
        }
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
