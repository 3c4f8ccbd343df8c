//! How often a call asks for memory: most of what a small call costs, and a number that no machine's
//! mood can move. Counted through the border, as C calls.
#![allow(unsafe_code)]

mod common;

use common::*;
use flexpay::ffi::callback::{flexpay_callback_free, flexpay_parse_callback};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

struct Counting;

thread_local! {
    /// Of this thread alone: the sandbox runs in others.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system's; to count needs no memory, and the cell no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// By the second time: what is made once is made.
fn counted(mut work: impl FnMut()) -> u64 {
    work();
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

fn parsed(body: &[u8]) -> u64 {
    counted(|| {
        let mut callback = null_mut();
        // SAFETY: a body with its length, a place for the result, and a result not yet freed.
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
    assert_eq!(parsed(json), 1);
    assert_eq!(parsed(b"code=0&reference=MLOPN5472452"), 1);
}

#[test]
fn an_escape_in_a_callback_costs_what_it_is_written_to() {
    let escaped = br#"{"code":"0","reference":"R-1","message":"pay\u00e9"}"#;
    assert!(parsed(escaped) <= 4, "{}", parsed(escaped));
}

/// There are 52, and 54 over TLS: room for what the libraries below may come to need.
#[test]
fn a_check_on_an_open_connection_takes_a_few_dozen_allocations() {
    let sandbox = sandbox();
    for client in [client(&sandbox), secure_client(&sandbox)] {
        let reference = format!("A{}", sandbox.payments().len());
        let payment = client.pay(&request(&reference)).unwrap();
        let number = payment.order_number.unwrap();
        let count = counted(|| drop(client.check(&number).unwrap()));
        assert!(count <= 80, "{count}");
    }
}
