//! Does a run: gives the server its scripts, makes the call through the C ABI, and reads what the server
//! recorded.

use std::path::Path;
use std::sync::Barrier;

use crate::abi::{CallResult, Client, Config, Expected, Flexpay, Request, TimedResult, consts};
use crate::canary::Canary;
use crate::catalogue::{Class, Destination, Fault};
use crate::clock::DelayMonitor;
use crate::judge::{Kind, Observation, Time, Verdict, judge};
use crate::plan::{Call, ClientSettings, Group, Run};
use crate::remote::{Endpoints, Observations, RemoteSlot};
use crate::watchdog::RunningRuns;

/// What all runs share.
pub struct Runner<'r> {
    pub flexpay: &'r Flexpay,
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
}

impl Runner<'_> {
    /// Creates a client for a slot.
    fn create_client(
        &self,
        settings: &ClientSettings,
        endpoints: &Endpoints,
        runs: &[Run],
        with_callback_secret: bool,
    ) -> Client<'_> {
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
        let config = Config {
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
        };
        self.flexpay
            .client(&config)
            .unwrap_or_else(|error| panic!("{config:?}: {error}"))
    }

    fn make_call(&self, client: &Client<'_>, run: &Run) -> TimedResult {
        let operation = &run.operation;
        let padding = match run.call.padding_bytes() {
            Some(bytes @ 1..) => Some("e".repeat(bytes)),
            _ => None,
        };
        let correlation_id = run.correlation_id.as_deref();
        let request = Request {
            reference: &operation.reference,
            padding: padding.as_deref(),
            correlation_id,
        };
        let recorded = Some(operation.order_number.as_str());
        let _guard = self.running.enter(run.index);
        match &run.call {
            Call::Pay { .. } => client.pay(&request),
            Call::PayMobile { .. } => client.pay_mobile(&request),
            Call::Payout { .. } => client.payout(&request),
            Call::Check => client.check(&operation.order_number),
            Call::Wait(wait) => {
                let expected = wait.expected_kind.map(|kind| Expected {
                    reference: &operation.reference,
                    order_number: recorded,
                    query: None,
                    kind,
                });
                let order_number = &operation.order_number;
                client.wait(
                    order_number,
                    wait.options,
                    expected.as_ref(),
                    correlation_id,
                )
            }
            Call::Verify(callback) => {
                let expected = Expected {
                    reference: &operation.reference,
                    order_number: recorded.filter(|_| callback.recorded),
                    query: callback.query,
                    kind: callback.kind,
                };
                client.verify(&callback.body, &expected, correlation_id)
            }
        }
    }

    fn judge_run(
        &self,
        run: &Run,
        timed: TimedResult,
        observation: &Observation,
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
        };
        FinishedRun {
            verdict: judge(run, &timed, time, observation, in_group),
            run: run.clone(),
            result: timed.result,
            time,
            trace: timed.trace,
            in_group,
        }
    }

    /// Does one run on its own client.
    pub fn run_single(&self, slot: &mut RemoteSlot, run: &Run) -> FinishedRun {
        let endpoints = slot.arm_single(run.index);
        let with_callback_secret =
            matches!(&run.call, Call::Verify(callback) if callback.query.is_some());
        let client = self.create_client(
            &run.settings,
            &endpoints,
            std::slice::from_ref(run),
            with_callback_secret,
        );
        let needs_warm_up = run.settings.reused && run.settings.reaches_slot();
        if needs_warm_up && warm_up(&client, run.index) {
            slot.wait_for_idle();
        }
        let timed = self.make_call(&client, run);
        drop(client);
        let observations = slot.finish();
        let observation = observations.runs.first().cloned().unwrap_or_default();
        let mut finished = self.judge_run(run, timed, &observation, false);
        add_harness_problems(&observations, &mut finished);
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
        let client = self.create_client(settings, &endpoints, &group.runs, false);
        let barrier = Barrier::new(group.runs.len());
        let calls: Vec<TimedResult> = std::thread::scope(|scope| {
            let start = |run| {
                let (client, barrier) = (&client, &barrier);
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
        drop(client);
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
            .map(|(run, (call, observation))| self.judge_run(run, call, observation, true))
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
            add_harness_problems(&observations, first);
        }
        finished
    }
}

/// Sends one check, so that the next call finds an open connection. Returns false if the machine was too
/// slow for the run's deadline: the next call then opens its own, which every fault allows.
fn warm_up(client: &Client<'_>, number: usize) -> bool {
    matches!(
        client.check(&format!("W{number}")).result,
        CallResult::State { .. }
    )
}

/// Adds the reasons why this run's observations are unreliable.
fn add_harness_problems(observations: &Observations, finished: &mut FinishedRun) {
    let problems = observations
        .harness_problems
        .iter()
        .map(|details| (Kind::Harness, details.clone()));
    finished.verdict.wrong.extend(problems);
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
