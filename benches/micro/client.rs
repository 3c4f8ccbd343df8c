//! Creating a client, and refusing a callback without a request to the gateway.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flexpay::{Client, Config, Expected};
use flexpay_benches::DOCUMENTED;

fn config() -> Config {
    let mut config = Config::new("ZANDO", "not-a-token");
    config.callback_secret = Some("not-a-secret-but-long-enough".to_owned().into());
    config
}

fn new(criterion: &mut Criterion) {
    criterion.bench_function("Client::new", |bencher| {
        bencher.iter(|| Client::new(black_box(config())));
    });
}

/// A callback URL with a wrong signature: the cost of each callback in a flood of forged ones.
fn forged(criterion: &mut Criterion) {
    let client = Client::new(config()).expect("the settings are good");
    let expected = Expected {
        reference: "MLOPN5472452".to_owned(),
        amount: "50".to_owned(),
        currency: "CDF".to_owned(),
        query: Some(format!("flexpay=1.{}", "A".repeat(43))),
        ..Expected::default()
    };
    criterion.bench_function("verify_callback, forged", |bencher| {
        bencher.iter(|| client.verify_callback(black_box(DOCUMENTED), black_box(&expected)));
    });
}

criterion_group!(benches, new, forged);
criterion_main!(benches);
