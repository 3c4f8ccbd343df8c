//! One client, many threads that do everything at once: each reply must be its own thread's.
//!
//! Run plainly it shows that nothing is mixed up; built for ThreadSanitizer (`make tsan`), that
//! nothing is shared without a lock either.

mod common;

use common::*;
use flexpay::{
    Api, CancelToken, Client, Error, ErrorCode, Expected, Outcome, PaymentRequest, State,
    WaitOptions,
};
use flexpay_sandbox::{Decision, Sandbox};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const THREADS: usize = 24;

/// Chance, from a seed that is printed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's; its high bits are good enough for this.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Lets others in, now and then.
    fn dawdle(&mut self) {
        match self.below(4) {
            0 => std::thread::yield_now(),
            1 => std::thread::sleep(Duration::from_micros(self.below(2_000))),
            _ => {}
        }
    }
}

/// An order of one thread's own, and what may be said of it.
struct Order {
    reference: String,
    amount: String,
    number: String,
    state: State,
}

struct Worker<'w> {
    sandbox: &'w Sandbox,
    /// The client of the moment. Whoever uses one holds it; the last frees it.
    client: &'w Mutex<Arc<Client>>,
    /// Tokens that somebody else will cancel.
    to_cancel: &'w Mutex<Vec<CancelToken>>,
    id: usize,
    dice: Dice,
    orders: Vec<Order>,
}

impl Worker<'_> {
    fn client(&mut self) -> Arc<Client> {
        self.dice.dawdle();
        Arc::clone(&self.client.lock().unwrap())
    }

    fn pay(&mut self, round: usize) {
        let reference = format!("T{}x{round}", self.id);
        let amount = format!("{}.{:02}", self.id + 1, round % 100);
        let payment = self.client().pay(&PaymentRequest {
            amount: amount.clone(),
            ..request(&reference)
        });
        let number = payment.expect("taken in").order_number.expect("v1.1");
        let (decision, state) = match self.dice.below(3) {
            0 => (Decision::Approve, State::Paid),
            1 => (Decision::Cancel, State::Cancelled),
            _ => (Decision::Pending, State::Pending),
        };
        self.sandbox.decide_silently(&number, decision).unwrap();
        self.orders.push(Order {
            reference,
            amount,
            number,
            state,
        });
    }

    /// What any answer about an order must be.
    fn is_about(&self, order: &Order, found: &flexpay::Transaction) {
        let amount = found.amount.expect("an amount").to_string();
        assert_eq!(found.order_number, order.number);
        assert_eq!(found.reference.as_deref(), Some(&*order.reference));
        assert_eq!((amount, found.state), (order.amount.clone(), order.state));
    }

    fn check(&mut self, order: &Order) {
        let found = self.client().check(&order.number).expect("known");
        self.is_about(order, &found);
    }

    fn check_nothing(&mut self, round: usize) {
        let number = format!("nobody{}x{round}", self.id);
        let error = self.client().check(&number).expect_err("unknown");
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        assert!(error.message().contains(&number), "{error}");
    }

    fn verify(&mut self, order: &Order) {
        let notice = |reference: &str| {
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
            query: None,
        };
        let client = self.client();
        let found = client.verify_callback(notice(&order.reference).as_bytes(), &expected);
        self.is_about(order, &found.expect("its own notice"));
        let other = format!("another{}", self.id);
        let error: Error = client
            .verify_callback(notice(&other).as_bytes(), &expected)
            .expect_err("another's notice");
        assert_eq!(error.code(), ErrorCode::Mismatch);
        assert!(error.message().contains(&order.reference), "{error}");
        assert!(error.message().contains(&other), "{error}");
    }

    /// Waits, while somebody else may cancel.
    fn wait(&mut self, order: &Order) {
        let token = CancelToken::new();
        let cancelled = order.state == State::Pending || self.dice.below(2) == 0;
        if cancelled {
            self.to_cancel.lock().unwrap().push(token.clone());
        }
        let options = WaitOptions {
            timeout: Duration::from_secs(120),
            interval: Duration::from_millis(5),
            max_interval: Duration::from_millis(20),
            failed_grace: Duration::from_millis(1),
            cancel: Some(token),
            ..WaitOptions::default()
        };
        match self.client().wait(&order.number, &options) {
            Ok(found) => self.is_about(order, &found),
            Err(error) => {
                assert!(cancelled, "{error}");
                let told = (error.code(), error.outcome());
                assert_eq!(told, (ErrorCode::Cancelled, Outcome::Unknown), "{error}");
            }
        }
    }

    fn work(mut self, rounds: usize) {
        for round in 0..rounds {
            self.pay(round);
            for _ in 0..3 {
                let at = self.dice.below(self.orders.len() as u64) as usize;
                let order = self.orders.swap_remove(at);
                match self.dice.below(4) {
                    0 => self.check(&order),
                    1 => self.verify(&order),
                    2 => self.wait(&order),
                    _ => self.check_nothing(round),
                }
                self.orders.push(order);
            }
        }
    }
}

#[test]
fn what_many_threads_do_on_one_client_is_never_mixed_up() {
    // Under a sanitizer everything takes ten times as long.
    let rounds = std::env::var("STRESS_ROUNDS").map_or(8, |text| text.parse().expect("a number"));
    let seed = RandomState::new().hash_one("seed");
    println!("seed {seed}, {THREADS} threads, {rounds} rounds");
    let sandbox = &sandbox();
    let new = |secure: bool| {
        let config = match secure {
            true => secure_config(sandbox, Api::V1_1),
            false => config(sandbox, Api::V1_1),
        };
        let timeout = Duration::from_secs(120);
        Arc::new(Client::new(flexpay::Config { timeout, ..config }).unwrap())
    };
    let client = &Mutex::new(new(true));
    let to_cancel = &Mutex::new(Vec::new());
    let (over, replaced) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let barrier = &Barrier::new(THREADS);
    std::thread::scope(|scope| {
        // One cancels what was given to it; another makes new clients in place of the old, which are
        // freed by whichever call is the last on them.
        scope.spawn(move || {
            let mut dice = Dice(seed);
            while !over.load(Ordering::Relaxed) {
                let token: Option<CancelToken> = to_cancel.lock().unwrap().pop();
                if let Some(token) = token {
                    dice.dawdle();
                    token.cancel();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
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
                        dice: Dice(seed.wrapping_add(id as u64)),
                        orders: Vec::new(),
                    };
                    barrier.wait();
                    worker.work(rounds);
                })
            })
            .collect();
        let done: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        over.store(true, Ordering::Relaxed);
        assert!(
            done.iter().all(Result::is_ok),
            "a thread's answers were not its own"
        );
    });
    assert!(replaced.load(Ordering::Relaxed) > 0);
    // Each was taken in once.
    assert_eq!(sandbox.payments().len(), THREADS * rounds);
}
