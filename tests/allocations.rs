//! The number of allocations per call. Allocations are most of the cost of a small call, and their
//! number does not depend on the machine's load. Callback parsing is counted through the C ABI.
#![allow(unsafe_code)]

mod common;

use common::*;
use flexpay::ffi::callback::{flexpay_callback_free, flexpay_parse_callback};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

struct CountingAllocator;

thread_local! {
    /// Per thread: the sandbox runs in other threads and must not be counted.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is forwarded to the system allocator. Counting does not allocate, and the cell
// has no destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller guarantees what `System` requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller guarantees what `System` requires.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees what `System` requires.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Counts the second of two runs: the first one also allocates what is initialized only once.
fn allocations_in(mut run: impl FnMut()) -> u64 {
    run();
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

fn allocations_of_parsing(body: &[u8]) -> u64 {
    allocations_in(|| {
        let mut callback = null_mut();
        // SAFETY: the pointer and length are of a live body, the result pointer is valid, and the
        // result is freed once.
        unsafe {
            let code = flexpay_parse_callback(body.as_ptr(), body.len(), &mut callback, null_mut());
            assert_eq!(code, 0);
            flexpay_callback_free(callback);
        }
    })
}

#[test]
fn a_callback_is_one_allocation() {
    // The example of the card document.
    let json = br#"{"code":"0","reference":"MLOPN5472452","provider_reference":"7KI81020PHS","orderNumber":"9bsTX7qXdpQe243815877848"}"#;
    assert_eq!(allocations_of_parsing(json), 1);
    assert_eq!(allocations_of_parsing(b"code=0&reference=MLOPN5472452"), 1);
}

#[test]
fn an_escape_in_a_callback_costs_a_few_allocations() {
    let escaped = br#"{"code":"0","reference":"R-1","message":"pay\u00e9"}"#;
    assert!(
        allocations_of_parsing(escaped) <= 5,
        "{}",
        allocations_of_parsing(escaped)
    );
}

/// There are 52 today, and 54 over TLS. The limit leaves room for changes in dependencies.
#[test]
fn a_check_on_an_open_connection_takes_a_few_dozen_allocations() {
    let sandbox = sandbox();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let reference = format!("A{}", sandbox.payments().len());
        let payment = client.pay(&request(&reference)).unwrap();
        let number = payment.order_number.unwrap();
        let count = allocations_in(|| drop(client.check(&number).unwrap()));
        assert!(count <= 80, "{count}");
    }
}
