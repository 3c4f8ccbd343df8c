//! Does a run: gives the server its scripts, makes the call and reads what the server
//! recorded.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use crate::canary::Canary;
use crate::catalogue::{Class, Destination, Fault};
use crate::clock::DelayMonitor;
use crate::interface::{
    CallResult, Client, Config, Expected, Interface, PaymentRequest, Request, TimedResult, consts,
};
use crate::interruption::Interrupted;
use crate::journal::{self, Folder, Found};
use crate::judge::{Kind, Observation, Time, Verdict, judge};
use crate::plan::{BLOCK, Call, ClientSettings, Group, Run};
use crate::remote::{Endpoints, RemoteSlot};
use crate::watchdog::RunningRuns;

/// What all runs share.
pub struct Runner<'r> {
    pub interface: &'r dyn Interface,
    pub delay_monitor: &'r DelayMonitor,
    pub running: &'r RunningRuns,
}

/// A run that has ended.
pub struct FinishedRun {
    pub run: Run,
    pub result: CallResult,
    pub time: Time,
    pub verdict: Verdict,
    pub trace: Option<String>,
    pub in_group: bool,
    /// How the process that made the call was interrupted.
    pub interrupted: Option<Interrupted>,
    /// Whether the server received a byte of a request of the run.
    pub request_seen: bool,
    /// What its client's journal said afterwards, if it has one and the call moves money.
    pub found: Option<Found>,
}

impl FinishedRun {
    fn add_problems(&mut self, kind: Kind, problems: Vec<String>) {
        let problems = problems.into_iter().map(|details| (kind, details));
        self.verdict.wrong.extend(problems);
    }
}

impl Runner<'_> {
    /// The settings of a client for a slot.
    fn config(
        settings: &ClientSettings,
        endpoints: &Endpoints,
        runs: &[Run],
        with_callback_secret: bool,
        folder: Option<&Folder>,
    ) -> Config {
        let slot_port = endpoints.port;
        let (host, port) = match &settings.destination {
            Destination::ClosedPort => ("127.0.0.1", endpoints.closed_port),
            Destination::SilentPort => ("127.0.0.1", endpoints.silent_port),
            Destination::Name(name) => (name.as_str(), slot_port),
            Destination::Slot(_) => ("127.0.0.1", slot_port),
        };
        let scheme = if settings.secure { "https" } else { "http" };
        // With a proxy, the proxy is the unreachable host, and the gateway is reachable.
        let (base, proxy) = if settings.proxy {
            let proxy = format!("http://{host}:{port}");
            (format!("{scheme}://127.0.0.1:{slot_port}"), Some(proxy))
        } else {
            (format!("{scheme}://{host}:{port}"), None)
        };
        let flag_if = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let flags = consts::FLAG_ALLOW_PLAIN_HTTP
            | flag_if(settings.check_once, consts::FLAG_CHECK_ONCE)
            | flag_if(!settings.pooled, consts::FLAG_PRIVATE_CONNECTIONS)
            | flag_if(settings.allow_payout, consts::FLAG_ALLOW_PAYOUT)
            | flag_if(settings.trace, consts::FLAG_TRACE);
        // A reply that repeats the token stays in buffers that are not the library's. So such clients
        // have another token, which is counted separately.
        let echoes = |fault: &Fault| fault.class == Class::Echo;
        let canary = if runs.iter().flat_map(|run| &run.faults).any(echoes) {
            Canary::Repeated
        } else {
            Canary::Plain
        };
        Config {
            canary,
            api: settings.api,
            pay_url: format!("{base}/pay"),
            mobile_url: format!("{base}/mobile"),
            payout_url: format!("{base}/payout"),
            check_url: format!("{base}/check"),
            timeout_ms: settings.deadline_ms,
            connect_timeout_ms: settings.connect_timeout_ms,
            ca_file: endpoints.ca_file.as_deref().map(text),
            proxy,
            flags,
            callback_secret: with_callback_secret.then(|| "a test callback secret".to_owned()),
            journal: folder.map(Folder::journal),
        }
    }

    fn create_client(&self, config: &Config) -> Box<dyn Client + '_> {
        self.interface
            .client(config)
            .unwrap_or_else(|error| panic!("{config:?}: {error}"))
    }

    /// Opens the journal with another client, after the calls, and makes each call again that must not be sent
    /// again. Returns what it found, and what was wrong about the process of that client.
    fn look_into_journal(
        &self,
        config: &Config,
        runs: &[Run],
    ) -> (Vec<Option<Found>>, Vec<String>) {
        if config.journal.is_none() {
            return (runs.iter().map(|_| None).collect(), Vec::new());
        }
        let client = self.create_client(config);
        let look = |run: &Run| {
            let state = client.entry_state(&run.operation.reference);
            let repeated = journal::forbids_repeat(&state).then(|| {
                let again = Run {
                    interruption: None,
                    ..run.clone()
                };
                self.make_call(&*client, &again).result
            });
            Found { state, repeated }
        };
        let found = runs
            .iter()
            .map(|run| run.call.moves_money().then(|| look(run)))
            .collect();
        (found, client.close())
    }

    fn make_call(&self, client: &dyn Client, run: &Run) -> TimedResult {
        let operation = &run.operation;
        let longest = self.interface.longest_text();
        let padding = match run.call.padding_bytes() {
            Some(bytes @ 1..) => Some("e".repeat(bytes.min(longest))),
            _ => None,
        };
        let correlation_id = run.correlation_id.as_deref();
        let payment = PaymentRequest {
            reference: &operation.reference,
            padding: padding.as_deref(),
            correlation_id,
        };
        let recorded = Some(operation.order_number.as_str());
        let request = match &run.call {
            Call::Pay { .. } => Request::Pay(payment),
            Call::PayMobile { .. } => Request::PayMobile(payment),
            Call::Payout { .. } => Request::Payout(payment),
            Call::Check => Request::Check {
                order_number: &operation.order_number,
            },
            Call::Wait(wait) => Request::Wait {
                order_number: &operation.order_number,
                options: wait.options,
                expected: wait.expected_kind.map(|kind| Expected {
                    reference: &operation.reference,
                    order_number: recorded,
                    query: None,
                    kind,
                }),
                correlation_id,
            },
            Call::Verify(callback) => Request::Verify {
                body: &callback.body,
                expected: Expected {
                    reference: &operation.reference,
                    order_number: recorded.filter(|_| callback.recorded),
                    query: callback.query,
                    kind: callback.kind,
                },
                correlation_id,
            },
        };
        let _guard = self.running.enter(run.index);
        client.call(&request, run.interruption)
    }

    fn judge_run(
        &self,
        run: &Run,
        timed: TimedResult,
        observation: &Observation,
        found: Option<Found>,
        in_group: bool,
    ) -> FinishedRun {
        let TimedResult {
            began,
            ended,
            cpu_wait,
            ..
        } = timed;
        let time = Time {
            began,
            took: ended - began,
            delay: self.delay_monitor.delay(began, ended).max(cpu_wait),
            journal: match run.settings.journal && run.call.moves_money() {
                true => journal::longest_write(if in_group { BLOCK } else { 1 }),
                false => Duration::ZERO,
            },
        };
        let mut verdict = judge(run, &timed, time, observation, in_group);
        if let Some(found) = &found
            && let Some(details) = journal::problem(run, &timed.result, found, observation)
        {
            verdict.wrong.push((Kind::Journal, details));
        }
        FinishedRun {
            verdict,
            run: run.clone(),
            result: timed.result,
            time,
            trace: timed.trace,
            in_group,
            interrupted: timed.interrupted,
            request_seen: observation.requests > 0,
            found,
        }
    }

    /// Does one run on its own client.
    pub fn run_single(&self, slot: &mut RemoteSlot, run: &Run) -> FinishedRun {
        let endpoints = slot.arm_single(run.index);
        let with_callback_secret =
            matches!(&run.call, Call::Verify(callback) if callback.query.is_some());
        let folder = run.settings.journal.then(Folder::new);
        let runs = std::slice::from_ref(run);
        let config = Self::config(
            &run.settings,
            &endpoints,
            runs,
            with_callback_secret,
            folder.as_ref(),
        );
        let client = self.create_client(&config);
        let needs_warm_up = run.settings.reused && run.settings.reaches_slot();
        if needs_warm_up && warm_up(&*client, run.index) {
            slot.wait_for_idle();
        }
        let timed = self.make_call(&*client, run);
        let mut process_problems = client.close();
        let (mut found, more_problems) = self.look_into_journal(&config, runs);
        process_problems.extend(more_problems);
        let observations = slot.finish();
        let observation = observations.runs.first().cloned().unwrap_or_default();
        let mut finished = self.judge_run(run, timed, &observation, found.remove(0), false);
        finished.add_problems(Kind::Process, process_problems);
        finished.add_problems(Kind::Harness, observations.harness_problems);
        finished
    }

    /// Does a block of runs, all at once on one client. `end` is the number of runs of the whole test: the
    /// last block may be shorter.
    pub fn run_group(
        &self,
        slot: &mut RemoteSlot,
        group: &Group,
        block: usize,
        end: usize,
    ) -> Vec<FinishedRun> {
        let settings = &group.settings;
        let endpoints = slot.arm_group(block, end);
        let folder = settings.journal.then(Folder::new);
        let config = Self::config(settings, &endpoints, &group.runs, false, folder.as_ref());
        let client = self.create_client(&config);
        let barrier = Barrier::new(group.runs.len());
        let calls: Vec<TimedResult> = std::thread::scope(|scope| {
            let start = |run| {
                let (client, barrier) = (&*client, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    if settings.reused {
                        warm_up(client, run);
                        barrier.wait();
                    }
                    self.make_call(client, &group.runs[run])
                })
            };
            let threads: Vec<_> = (0..group.runs.len()).map(start).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|call| call.expect("a caller's thread"))
                .collect()
        });
        let mut process_problems = client.close();
        let (found, more_problems) = self.look_into_journal(&config, &group.runs);
        process_problems.extend(more_problems);
        let observations = slot.finish();
        // A request that broke off before its id cannot be assigned to a run. It may belong to any call
        // without an identified request that does not report NOT_SENT. If there are more such requests
        // than such calls, some call falsely reports NOT_SENT.
        let possible_senders = observations
            .runs
            .iter()
            .zip(&calls)
            .filter(|(observation, call)| {
                observation.requests == 0 && call.result.outcome() != Some(consts::OUTCOME_NOT_SENT)
            })
            .count();
        let mut finished: Vec<FinishedRun> = group
            .runs
            .iter()
            .zip(calls.into_iter().zip(&observations.runs))
            .zip(found)
            .map(|((run, (call, observation)), found)| {
                self.judge_run(run, call, observation, found, true)
            })
            .collect();
        if let Some(first) = finished.first_mut() {
            let is_payment = group.common_script.is_some() && first.run.call.moves_money();
            // Which run it is cannot be known: the first one of the block stands for all.
            if is_payment && observations.unidentified > possible_senders {
                let details = format!(
                    "{} partial requests arrived, {possible_senders} callers report them as possibly sent",
                    observations.unidentified
                );
                first.verdict.wrong.push((Kind::FalseNotSent, details));
            }
            first.add_problems(Kind::Process, process_problems);
            first.add_problems(Kind::Harness, observations.harness_problems);
        }
        finished
    }
}

/// Sends one check, so that the next call finds an open connection. Returns false if the machine was too
/// slow for the run's deadline: the next call then opens its own, which every fault allows.
fn warm_up(client: &dyn Client, number: usize) -> bool {
    let check = Request::Check {
        order_number: &format!("W{number}"),
    };
    matches!(client.call(&check, None).result, CallResult::State { .. })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
