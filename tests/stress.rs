//! Many threads make every kind of call on one client: each thread must get its own replies, and its own
//! traces.
//!
//! A plain run finds mixed-up replies; a ThreadSanitizer build (`make tsan`) also finds data races.

mod common;

use common::*;
use flexpay::{
    Api, CancelToken, Client, Error, ErrorCode, Expected, Kind, MobileRequest, Outcome, Payment,
    PaymentRequest, PayoutRequest, State, WaitOptions,
};
use flexpay_sandbox::{Balance, Decision, Kind as Recorded, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const THREADS: usize = 24;

/// A random number generator. Its seed is printed.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's linear congruential generator; its high bits are good enough here.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Yields or sleeps at random, so that threads interleave differently.
    fn pause(&mut self) {
        match self.below(4) {
            0 => std::thread::yield_now(),
            1 => std::thread::sleep(Duration::from_micros(self.below(2_000))),
            _ => {}
        }
    }
}

/// An order of one thread, and the values that every reply about it must have.
struct Order {
    kind: Kind,
    reference: String,
    amount: String,
    number: String,
    state: State,
}

/// Checks that a trace is that of the thread's own call.
fn assert_own_trace(trace: Option<&str>, call: &str, correlation_id: &str) {
    let trace: Value = serde_json::from_str(trace.expect("a trace")).expect("JSON");
    assert_eq!(trace["call"], call);
    assert_eq!(trace["correlation_id"], correlation_id);
    let steps = trace["steps"].as_array().expect("steps");
    assert_eq!(steps.last().expect("a step")["step"], "end", "{trace}");
}

struct Worker<'w> {
    sandbox: &'w Sandbox,
    /// The current client; it is replaced during the test. The last call that holds one frees it.
    client: &'w Mutex<Arc<Client>>,
    /// Tokens that the cancelling thread will cancel.
    to_cancel: &'w Mutex<Vec<CancelToken>>,
    id: usize,
    rng: Rng,
    orders: Vec<Order>,
}

impl Worker<'_> {
    fn client(&mut self) -> Arc<Client> {
        self.rng.pause();
        Arc::clone(&self.client.lock().unwrap())
    }

    fn pay(&mut self, round: usize) {
        let reference = format!("T{}x{round}", self.id);
        let amount = format!("{}.{:02}", self.id + 1, round % 100);
        let (kind, recorded_as, payment) = match self.rng.below(3) {
            0 => (
                Kind::Card,
                Recorded::Card,
                self.pay_by_card(&reference, &amount),
            ),
            1 => (
                Kind::Mobile,
                Recorded::Mobile,
                self.pay_by_mobile(&reference, &amount),
            ),
            _ => (
                Kind::Payout,
                Recorded::Payout,
                self.pay_out(&reference, &amount),
            ),
        };
        let number = payment.order_number.expect("an order number");
        let known = self.sandbox.payment(&number).expect("known");
        assert_eq!((&known.reference, known.kind), (&reference, recorded_as));
        let (decision, state) = match self.rng.below(3) {
            0 => (Decision::Approve, State::Paid),
            1 => (Decision::Cancel, State::Cancelled),
            _ => (Decision::Pending, State::Pending),
        };
        self.sandbox.decide_silently(&number, decision).unwrap();
        self.orders.push(Order {
            kind,
            reference,
            amount,
            number,
            state,
        });
    }

    fn pay_by_card(&mut self, reference: &str, amount: &str) -> Payment {
        let payment = self.client().pay(&PaymentRequest {
            amount: amount.to_owned(),
            correlation_id: Some(reference.to_owned()),
            ..request(reference)
        });
        let payment = payment.expect("accepted");
        assert_own_trace(payment.trace.as_deref(), "pay", reference);
        payment
    }

    fn pay_by_mobile(&mut self, reference: &str, amount: &str) -> Payment {
        let payment = self.client().pay_mobile(&MobileRequest {
            amount: amount.to_owned(),
            correlation_id: Some(reference.to_owned()),
            ..mobile_request(reference)
        });
        let payment = payment.expect("accepted");
        assert_own_trace(payment.trace.as_deref(), "pay_mobile", reference);
        payment
    }

    fn pay_out(&mut self, reference: &str, amount: &str) -> Payment {
        let payment = self.client().payout(&PayoutRequest {
            amount: amount.to_owned(),
            correlation_id: Some(reference.to_owned()),
            ..payout_request(reference)
        });
        let payment = payment.expect("accepted");
        assert_own_trace(payment.trace.as_deref(), "payout", reference);
        payment
    }

    fn assert_matches(&self, order: &Order, found: &flexpay::Transaction) {
        let amount = found.amount.expect("an amount").to_string();
        assert_eq!(found.order_number, order.number);
        assert_eq!(found.reference.as_deref(), Some(&*order.reference));
        assert_eq!((amount, found.state), (order.amount.clone(), order.state));
    }

    fn check(&mut self, order: &Order) {
        let found = self.client().check(&order.number).expect("known");
        self.assert_matches(order, &found);
    }

    fn check_unknown(&mut self, round: usize) {
        let number = format!("unknown{}x{round}", self.id);
        let error = self.client().check(&number).expect_err("unknown");
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        assert!(error.message().contains(&number), "{error}");
        assert!(
            error
                .trace()
                .is_some_and(|trace| trace.contains("NOT_FOUND"))
        );
    }

    fn verify(&mut self, order: &Order) {
        let callback = |reference: &str| {
            format!(
                r#"{{"code":"0","reference":"{reference}","orderNumber":"{}"}}"#,
                order.number
            )
        };
        let expected = Expected {
            reference: order.reference.clone(),
            amount: order.amount.clone(),
            currency: "USD".into(),
            order_number: Some(order.number.clone()),
            kind: order.kind,
            correlation_id: Some(order.number.clone()),
            query: None,
        };
        let client = self.client();
        let found = client.verify_callback(callback(&order.reference).as_bytes(), &expected);
        let found = found.expect("the thread's own order");
        self.assert_matches(order, &found);
        assert_own_trace(found.trace.as_deref(), "verify_callback", &order.number);
        let other = format!("another{}", self.id);
        let error: Error = client
            .verify_callback(callback(&other).as_bytes(), &expected)
            .expect_err("another order");
        assert_eq!(error.code(), ErrorCode::Mismatch);
        assert!(error.message().contains(&order.reference), "{error}");
        assert!(error.message().contains(&other), "{error}");
    }

    /// Waits, while the cancelling thread may cancel.
    fn wait(&mut self, order: &Order) {
        let token = CancelToken::new();
        let cancelled = order.state == State::Pending || self.rng.below(2) == 0;
        if cancelled {
            self.to_cancel.lock().unwrap().push(token.clone());
        }
        let options = WaitOptions {
            timeout: Duration::from_secs(120),
            interval: Duration::from_millis(5),
            max_interval: Duration::from_millis(20),
            failed_grace: Duration::from_millis(1),
            cancel: Some(token),
            expected: None,
            correlation_id: Some(order.number.clone()),
        };
        match self.client().wait(&order.number, &options) {
            Ok(found) => {
                self.assert_matches(order, &found);
                assert_own_trace(found.trace.as_deref(), "wait", &order.number);
            }
            Err(error) => {
                assert_own_trace(error.trace(), "wait", &order.number);
                assert!(cancelled, "{error}");
                let result = (error.code(), error.outcome());
                assert_eq!(result, (ErrorCode::Cancelled, Outcome::Unknown), "{error}");
            }
        }
    }

    fn run(mut self, rounds: usize) {
        for round in 0..rounds {
            self.pay(round);
            for _ in 0..3 {
                let at = self.rng.below(self.orders.len() as u64) as usize;
                let order = self.orders.swap_remove(at);
                match self.rng.below(4) {
                    0 => self.check(&order),
                    1 => self.verify(&order),
                    2 => self.wait(&order),
                    _ => self.check_unknown(round),
                }
                self.orders.push(order);
            }
        }
    }
}

#[test]
fn replies_to_many_threads_on_one_client_are_never_mixed_up() {
    // A sanitizer makes everything ten times slower, so the number of rounds can be set.
    let rounds = std::env::var("STRESS_ROUNDS").map_or(8, |text| text.parse().expect("a number"));
    let seed = RandomState::new().hash_one("seed");
    println!("seed {seed}, {THREADS} threads, {rounds} rounds");
    let sandbox = &sandbox();
    sandbox.set_balance(Balance {
        cdf_minor: 0,
        usd_minor: 100_000_000,
    });
    let new = |secure: bool| {
        let config = match secure {
            true => secure_config(sandbox, Api::V1_1),
            false => config(sandbox, Api::V1_1),
        };
        let timeout = Duration::from_secs(120);
        let config = flexpay::Config {
            timeout,
            allow_payout: true,
            trace: true,
            ..config
        };
        Arc::new(Client::new(config).unwrap())
    };
    let client = &Mutex::new(new(true));
    let to_cancel = &Mutex::new(Vec::new());
    let (finished, replaced) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let barrier = &Barrier::new(THREADS);
    std::thread::scope(|scope| {
        // One thread cancels the tokens. Another replaces the client; the last call that uses the old
        // client frees it.
        scope.spawn(move || {
            let mut rng = Rng(seed);
            while !finished.load(Ordering::Relaxed) {
                let token: Option<CancelToken> = to_cancel.lock().unwrap().pop();
                if let Some(token) = token {
                    rng.pause();
                    token.cancel();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(move || {
            while !finished.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                let count = replaced.fetch_add(1, Ordering::Relaxed);
                let next = new(count % 2 == 0);
                drop(std::mem::replace(&mut *client.lock().unwrap(), next));
            }
        });
        let workers: Vec<_> = (0..THREADS)
            .map(|id| {
                scope.spawn(move || {
                    let worker = Worker {
                        sandbox,
                        client,
                        to_cancel,
                        id,
                        rng: Rng(seed.wrapping_add(id as u64)),
                        orders: Vec::new(),
                    };
                    barrier.wait();
                    worker.run(rounds);
                })
            })
            .collect();
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        finished.store(true, Ordering::Relaxed);
        assert!(
            results.iter().all(Result::is_ok),
            "a thread got a wrong reply"
        );
    });
    assert!(replaced.load(Ordering::Relaxed) > 0);
    // Each payment and payout was accepted exactly once.
    let payments = sandbox.payments();
    let references: BTreeSet<&str> = payments.iter().map(|one| &*one.reference).collect();
    assert_eq!(payments.len(), THREADS * rounds);
    assert_eq!(references.len(), payments.len());
}
