//! Doing a run: having the server armed, making the call through the C ABI, reading what was seen.

use std::path::Path;
use std::sync::Barrier;

use crate::abi::{Called, Client, Config, Flexpay, Got, Payment, n};
use crate::canary::Canary;
use crate::catalogue::{Class, Fault, Whereto};
use crate::clock::Control;
use crate::judge::{Kind, Seen, Time, Verdict, judge};
use crate::plan::{Call, Crowd, Run, Shop};
use crate::watchdog::Watch;
use crate::wire::{Place, Told, Wire};

/// What everything is done with.
pub struct Bench<'b> {
    pub flexpay: &'b Flexpay,
    pub control: &'b Control,
    pub watch: &'b Watch,
}

/// A run that is over.
pub struct Done {
    pub run: Run,
    pub got: Got,
    pub time: Time,
    pub verdict: Verdict,
    pub crowd: bool,
}

impl Bench<'_> {
    /// Makes a client for a slot.
    fn client(&self, shop: &Shop, place: &Place, runs: &[Run], secret: bool) -> Client<'_> {
        let port = place.slot;
        let (host, target) = match &shop.whereto {
            Whereto::Closed => ("127.0.0.1", place.closed),
            Whereto::Deaf => ("127.0.0.1", place.deaf),
            Whereto::Named(name) => (name.as_str(), port),
            Whereto::Slot(_) => ("127.0.0.1", port),
        };
        let scheme = if shop.secure { "https" } else { "http" };
        // A proxy that cannot be reached stands for a gateway that can.
        let (base, proxy) = match shop.proxy {
            true => (
                format!("{scheme}://127.0.0.1:{port}"),
                Some(format!("http://{host}:{target}")),
            ),
            false => (format!("{scheme}://{host}:{target}"), None),
        };
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let flags = n::FLAG_ALLOW_PLAIN_HTTP
            | flag(shop.check_once, n::FLAG_CHECK_ONCE)
            | flag(!shop.pooled, n::FLAG_PRIVATE_CONNECTIONS);
        let repeats = |fault: &Fault| fault.class == Class::Echo;
        let canary = match runs.iter().flat_map(|run| &run.faults).any(repeats) {
            true => Canary::Repeated,
            false => Canary::Plain,
        };
        let config = Config {
            canary,
            api: shop.api,
            pay_url: format!("{base}/pay"),
            check_url: format!("{base}/check"),
            timeout_ms: shop.deadline_ms,
            connect_timeout_ms: shop.connect_timeout_ms,
            ca_file: place.ca_file.as_deref().map(text),
            proxy,
            flags,
            callback_secret: secret.then(|| "a secret of the shop's own".to_owned()),
        };
        self.flexpay
            .client(&config)
            .unwrap_or_else(|error| panic!("{config:?}: {error}"))
    }

    fn call(&self, client: &Client<'_>, run: &Run) -> Called {
        let question = &run.question;
        let description = match run.call {
            Call::Pay { description } if description > 0 => Some("e".repeat(description)),
            _ => None,
        };
        let _watched = self.watch.enter(run.index);
        match &run.call {
            Call::Pay { .. } => client.pay(&Payment {
                reference: &question.reference,
                description: description.as_deref(),
            }),
            Call::Check => client.check(&question.order_number),
            Call::Wait(options) => client.wait(&question.order_number, *options),
            Call::Verify(notice) => client.verify(
                &notice.body,
                &question.reference,
                notice.recorded.then_some(question.order_number.as_str()),
                notice.query,
            ),
        }
    }

    fn done(&self, run: &Run, call: Called, seen: &Seen, crowd: bool) -> Done {
        let Called {
            got,
            began,
            ended,
            queued,
            leaks,
        } = call;
        let time = Time {
            began,
            took: ended - began,
            lateness: self.control.lateness(began, ended).max(queued),
        };
        Done {
            verdict: judge(run, &got, time, seen, crowd, leaks),
            run: run.clone(),
            got,
            time,
            crowd,
        }
    }

    /// A run on a client of its own.
    pub fn alone(&self, wire: &mut Wire, run: &Run) -> Done {
        let place = wire.alone(run.index);
        let secret = matches!(&run.call, Call::Verify(notice) if notice.query.is_some());
        let client = self.client(&run.shop, &place, std::slice::from_ref(run), secret);
        if run.shop.reused && run.shop.reaches_slot() && warm_up(&client, run.index) {
            wire.wait_for_idle();
        }
        let call = self.call(&client, run);
        drop(client);
        let told = wire.finish();
        let seen = told.seen.first().cloned().unwrap_or_default();
        let mut done = self.done(run, call, &seen, false);
        doubt(&told, &mut done);
        done
    }

    /// Many at once on one client: a block of runs, which end before `end`.
    pub fn crowd(&self, wire: &mut Wire, crowd: &Crowd, block: usize, end: usize) -> Vec<Done> {
        let shop = &crowd.shop;
        let place = wire.crowd(block, end);
        let client = self.client(shop, &place, &crowd.runs, false);
        let barrier = Barrier::new(crowd.runs.len());
        let calls: Vec<Called> = std::thread::scope(|scope| {
            let one = |run| {
                let (client, barrier) = (&client, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    if shop.reused {
                        warm_up(client, run);
                        barrier.wait();
                    }
                    self.call(client, &crowd.runs[run])
                })
            };
            let threads: Vec<_> = (0..crowd.runs.len()).map(one).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|call| call.expect("a caller's thread"))
                .collect()
        });
        drop(client);
        let told = wire.finish();
        let knows = |(seen, call): (&Seen, &Called)| {
            seen.requests == 0 && call.got.outcome() != Some(n::OUTCOME_NOT_SENT)
        };
        let explained = told
            .seen
            .iter()
            .zip(&calls)
            .filter(|one| knows(*one))
            .count();
        let mut dones: Vec<Done> = crowd
            .runs
            .iter()
            .zip(calls.into_iter().zip(&told.seen))
            .map(|(run, (call, seen))| self.done(run, call, seen, true))
            .collect();
        if let Some(first) = dones.first_mut() {
            let is_pay = crowd.together.is_some() && first.run.question.is_pay;
            // A request cut before its id is somebody's, who must not believe it unsent.
            if is_pay && told.nameless > explained {
                let words = format!(
                    "{} requests came in part, {explained} callers know",
                    told.nameless
                );
                first.verdict.wrong.push((Kind::FalseNotSent, words));
            }
            doubt(&told, first);
        }
        dones
    }
}

/// Makes the client's connection one that has been used. False where the machine was too slow for
/// the run's deadline.
fn warm_up(client: &Client<'_>, number: usize) -> bool {
    matches!(client.check(&format!("W{number}")).got, Got::State { .. })
}

/// Why a run cannot be believed, where it cannot.
fn doubt(told: &Told, done: &mut Done) {
    let doubts = told
        .doubts
        .iter()
        .map(|words| (Kind::Harness, words.clone()));
    done.verdict.wrong.extend(doubts);
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
