//! Doing a run: arming the server, making the call through the C ABI, reading the ledger.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Barrier};

use flexpay_sandbox::fault_server::{
    Armed, FaultServer, Kind as Asked, Ledger, Plays, Request, Script, Step,
};

use crate::abi::{Called, Client, Config, Flexpay, Got, Payment, n};
use crate::catalogue::Whereto;
use crate::clock::Control;
use crate::judge::{Kind, Seen, Time, Verdict, judge};
use crate::plan::{Call, Crowd, Run, Shop};
use crate::watch::Watch;

/// The token of every client. It must be found in every request that came whole, and nowhere else.
pub const CANARY: &str = "CANARYtokenThatNobodyMayEverSee0123456789";

/// What everything is done with.
pub struct Bench<'b> {
    pub flexpay: &'b Flexpay,
    pub server: &'b FaultServer,
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
    fn client(&self, shop: &Shop, port: u16, secret: bool) -> Client<'_> {
        let (host, target) = match &shop.whereto {
            Whereto::Closed => ("127.0.0.1", self.server.closed_port()),
            Whereto::Deaf => ("127.0.0.1", self.server.deaf_port()),
            Whereto::Named(name) => (*name, port),
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
        let certificate = shop.tls().map(|tls| self.server.ca_file(tls.certificate));
        let flags = if shop.check_once {
            n::FLAG_CHECK_ONCE
        } else {
            0
        };
        let config = Config {
            token: CANARY.to_owned(),
            api: shop.api,
            pay_url: format!("{base}/pay"),
            check_url: format!("{base}/check"),
            timeout_ms: shop.deadline_ms,
            connect_timeout_ms: shop.connect_timeout_ms,
            ca_file: certificate.map(|path| path.to_string_lossy().into_owned()),
            proxy,
            flags: flags | n::FLAG_ALLOW_PLAIN_HTTP,
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
        } = call;
        let time = Time {
            began,
            took: ended - began,
            lateness: self.control.lateness(began, ended).max(queued),
        };
        Done {
            verdict: judge(run, &got, time, seen, crowd, CANARY),
            run: run.clone(),
            got,
            time,
            crowd,
        }
    }

    /// A run on a client of its own.
    pub fn alone(&self, slot: usize, run: &Run) -> Done {
        // A warm-up's connection is the first; a payment never uses it.
        let warmed = run.shop.reused && run.question.is_pay;
        let mut scripts: Vec<Arc<Script>> = run.faults.iter().map(|f| f.script.clone()).collect();
        if warmed {
            scripts.insert(0, Arc::new(warm_up_only()));
        }
        let first = usize::from(warmed);
        let lease = self.server.arm(
            slot,
            Armed {
                tls: run.shop.tls(),
                proxy: run.shop.proxy && run.shop.whereto != Whereto::Deaf,
                plays: Plays::Connections(scripts),
            },
        );
        let secret = matches!(&run.call, Call::Verify(notice) if notice.query.is_some());
        let client = self.client(&run.shop, lease.port(), secret);
        let reaches = matches!(run.shop.whereto, Whereto::Slot(_));
        let warmed_up = run.shop.reused && reaches && warm_up(&client, run.index);
        if warmed_up {
            lease.wait_for_idle(1);
        }
        let call = self.call(&client, run);
        drop(client);
        let ledger = lease.finish();
        let requests: Vec<&Request> = ledger.requests().collect();
        let counted = reaches && ledger.last_script.is_some();
        let seen = Seen {
            requests: requests.len(),
            payments: requests.iter().filter(|r| r.kind != Asked::Check).count(),
            anonymous: false,
            last_fault: ledger.last_script.map(|last| last.saturating_sub(first)),
            plays: counted.then_some(ledger.plays),
            acted: ledger.acted,
            used_connection: ledger.paid_on_used_connection(),
            shared: false,
            behind: ledger.connections.iter().any(|one| !one.begun),
        };
        let mut done = self.done(run, call, &seen, false);
        check_harness(&ledger, &mut done);
        done
    }

    /// Many at once on one client.
    pub fn crowd(&self, slot: usize, crowd: &Crowd) -> Vec<Done> {
        let shop = &crowd.shop;
        let scripts = |run: &Run| -> Vec<Arc<Script>> {
            run.faults
                .iter()
                .map(|fault| fault.script.clone())
                .collect()
        };
        let plays = match &crowd.together {
            Some(script) => Plays::Connections(vec![script.clone()]),
            None => {
                let both = |run: &Run| {
                    let question = &run.question;
                    [&question.reference, &question.order_number]
                        .map(|id| (id.clone(), scripts(run)))
                };
                Plays::Ids(crowd.runs.iter().flat_map(both).collect())
            }
        };
        let lease = self.server.arm(
            slot,
            Armed {
                tls: shop.tls(),
                proxy: shop.proxy,
                plays,
            },
        );
        let client = self.client(shop, lease.port(), false);
        let barrier = Barrier::new(crowd.runs.len());
        let calls: Vec<_> = std::thread::scope(|scope| {
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
        let ledger = lease.finish();
        let mut by_id: HashMap<&str, Vec<&Request>> = HashMap::new();
        let mut nameless = 0;
        for request in ledger.requests() {
            match &request.id {
                Some(id) => by_id.entry(id).or_default().push(request),
                None => nameless += 1,
            }
        }
        let shared: HashSet<&str> = ledger
            .connections
            .iter()
            .flat_map(|connection| connection.requests.iter().skip(1))
            .filter_map(|request| request.id.as_deref())
            .collect();
        let behind = ledger.connections.iter().any(|one| !one.begun);
        let mut explained = 0;
        let mut dones: Vec<Done> = crowd
            .runs
            .iter()
            .zip(calls)
            .map(|(run, call)| {
                let question = &run.question;
                let id = match run.call {
                    Call::Pay { .. } => &question.reference,
                    _ => &question.order_number,
                };
                let requests = by_id.get(id.as_str()).map_or(&[][..], Vec::as_slice);
                let plays = ledger.plays_by_id.get(id).copied();
                if requests.is_empty() && call.got.outcome() != Some(n::OUTCOME_NOT_SENT) {
                    explained += 1;
                }
                let seen = Seen {
                    requests: requests.len(),
                    payments: requests.len(),
                    anonymous: nameless > 0,
                    last_fault: plays.map(|plays| plays - 1),
                    plays,
                    acted: match crowd.together {
                        Some(_) => ledger.acted,
                        None => ledger.acted_by_id.get(id).copied(),
                    },
                    used_connection: ledger.paid_on_used_connection(),
                    shared: !run.question.is_pay && shared.contains(id.as_str()),
                    behind,
                };
                self.done(run, call, &seen, true)
            })
            .collect();
        if let Some(first) = dones.first_mut() {
            let is_pay = crowd.together.is_some() && first.run.question.is_pay;
            // A request cut before its id is somebody's, who must not believe it unsent.
            if is_pay && nameless > explained {
                let words = format!("{nameless} requests came in part, {explained} callers know");
                first.verdict.wrong.push((Kind::FalseNotSent, words));
            }
            check_harness(&ledger, first);
        }
        dones
    }
}

/// Makes the client's connection one that has been used. False where the machine was too slow for
/// the run's deadline.
fn warm_up(client: &Client<'_>, number: usize) -> bool {
    matches!(client.check(&format!("W{number}")).got, Got::State { .. })
}

fn warm_up_only() -> Script {
    Script {
        warm_up: Some(Vec::new()),
        then: vec![Step::Hang],
        ..Script::default()
    }
}

/// That the run can be believed: the server came to an end, and whole requests hold the token.
fn check_harness(ledger: &Ledger, done: &mut Done) {
    if !ledger.settled {
        let words = "the server's threads did not end in time".to_owned();
        done.verdict.wrong.push((Kind::Harness, words));
    }
    for connection in &ledger.connections {
        let whole = connection.requests.iter().filter(|r| r.whole).count();
        let token = CANARY.as_bytes();
        let tokens = connection
            .received
            .windows(token.len())
            .filter(|part| *part == token)
            .count();
        if tokens < whole {
            let words = format!("{whole} whole requests hold the token {tokens} times");
            done.verdict.wrong.push((Kind::Harness, words));
        }
    }
}
