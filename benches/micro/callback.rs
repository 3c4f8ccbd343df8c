//! Parsing a callback through the C ABI and through the Rust API, and computing its key.

use std::hint::black_box;
use std::ptr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flexpay::ffi::callback::{flexpay_callback_free, flexpay_parse_callback};
use flexpay::parse_callback;
use flexpay_benches::{ALL_FIELDS, DOCUMENTED, ESCAPED, FORM, NONSENSE, STRAY_COMMA};

const BODIES: [(&str, &[u8]); 6] = [
    ("documented", DOCUMENTED),
    ("all-fields", ALL_FIELDS),
    ("escaped", ESCAPED),
    ("stray-comma", STRAY_COMMA),
    ("form", FORM),
    ("nonsense", NONSENSE),
];

/// `flexpay_parse_callback` and `flexpay_callback_free`, as C calls them.
fn c_abi(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flexpay_parse_callback");
    for (name, body) in BODIES {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut callback = ptr::null_mut();
                // SAFETY: the body is live for the call, the error pointer may be NULL, and the
                // callback, which may be NULL, is freed once.
                unsafe {
                    let body = black_box(body);
                    let result = flexpay_parse_callback(
                        body.as_ptr(),
                        body.len(),
                        &mut callback,
                        ptr::null_mut(),
                    );
                    black_box(result);
                    flexpay_callback_free(black_box(callback));
                }
            });
        });
    }
    group.finish();
}

fn rust_api(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse_callback");
    for (name, body) in BODIES {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(parse_callback(black_box(body))));
        });
    }
    group.finish();
}

fn key(criterion: &mut Criterion) {
    let callback = parse_callback(DOCUMENTED).expect("the document's own example");
    criterion.bench_function("callback_key", |bencher| {
        bencher.iter(|| black_box(&callback).key());
    });
}

criterion_group!(benches, c_abi, rust_api, key);
criterion_main!(benches);
