//! Does a run: gives the server its scripts, makes the call through the C ABI, and reads what the server
//! recorded.

use std::path::Path;
use std::sync::Barrier;

use crate::abi::{CallResult, Client, Config, Flexpay, Payment, TimedResult, consts};
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
            | flag_if(!settings.pooled, consts::FLAG_PRIVATE_CONNECTIONS);
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
        let description = match run.call {
            Call::Pay { description_bytes } if description_bytes > 0 => {
                Some("e".repeat(description_bytes))
            }
            _ => None,
        };
        let _guard = self.running.enter(run.index);
        match &run.call {
            Call::Pay { .. } => client.pay(&Payment {
                reference: &operation.reference,
                description: description.as_deref(),
            }),
            Call::Check => client.check(&operation.order_number),
            Call::Wait(options) => client.wait(&operation.order_number, *options),
            Call::Verify(callback) => client.verify(
                &callback.body,
                &operation.reference,
                callback.recorded.then_some(operation.order_number.as_str()),
                callback.query,
            ),
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
            result,
            began,
            ended,
            cpu_wait,
            leaks,
        } = timed;
        let time = Time {
            began,
            took: ended - began,
            delay: self.delay_monitor.delay(began, ended).max(cpu_wait),
        };
        FinishedRun {
            verdict: judge(run, &result, time, observation, in_group, leaks),
            run: run.clone(),
            result,
            time,
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
            let is_pay = group.common_script.is_some() && first.run.operation.is_pay;
            // Which run it is cannot be known: the first one of the block stands for all.
            if is_pay && observations.unidentified > possible_senders {
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
