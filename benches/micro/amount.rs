//! Parsing and printing amounts.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flexpay::Amount;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Amount::parse");
    for text in ["100", "25.50", "92233720368547758.07", "1.005"] {
        group.bench_function(text, |bencher| {
            bencher.iter(|| Amount::parse(black_box(text)));
        });
    }
    group.finish();
}

fn display(criterion: &mut Criterion) {
    let amount = Amount::from_minor(2550).expect("not negative");
    criterion.bench_function("Amount::to_string", |bencher| {
        bencher.iter(|| black_box(amount).to_string());
    });
}

criterion_group!(benches, parse, display);
criterion_main!(benches);
