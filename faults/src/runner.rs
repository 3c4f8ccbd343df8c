//! Does a run: arms the server, makes the call through the C ABI, and reads what the server saw.

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
    fn client(
        &self,
        settings: &ClientSettings,
        endpoints: &Endpoints,
        runs: &[Run],
        secret: bool,
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
        let (base, proxy) = match settings.proxy {
            true => (
                format!("{scheme}://127.0.0.1:{slot_port}"),
                Some(format!("http://{host}:{port}")),
            ),
            false => (format!("{scheme}://{host}:{port}"), None),
        };
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let flags = consts::FLAG_ALLOW_PLAIN_HTTP
            | flag(settings.check_once, consts::FLAG_CHECK_ONCE)
            | flag(!settings.pooled, consts::FLAG_PRIVATE_CONNECTIONS);
        let echoes = |fault: &Fault| fault.class == Class::Echo;
        let canary = match runs.iter().flat_map(|run| &run.faults).any(echoes) {
            true => Canary::Repeated,
            false => Canary::Plain,
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
            callback_secret: secret.then(|| "a test callback secret".to_owned()),
        };
        self.flexpay
            .client(&config)
            .unwrap_or_else(|error| panic!("{config:?}: {error}"))
    }

    fn call(&self, client: &Client<'_>, run: &Run) -> TimedResult {
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

    fn finish(
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
    pub fn single(&self, slot: &mut RemoteSlot, run: &Run) -> FinishedRun {
        let endpoints = slot.arm_single(run.index);
        let secret = matches!(&run.call, Call::Verify(callback) if callback.query.is_some());
        let client = self.client(&run.settings, &endpoints, std::slice::from_ref(run), secret);
        if run.settings.reused && run.settings.reaches_slot() && warm_up(&client, run.index) {
            slot.wait_for_idle();
        }
        let timed = self.call(&client, run);
        drop(client);
        let observations = slot.finish();
        let observation = observations.runs.first().cloned().unwrap_or_default();
        let mut finished = self.finish(run, timed, &observation, false);
        add_harness_problems(&observations, &mut finished);
        finished
    }

    /// Does a block of runs, all at once on one client. The runs of the last block end before `end`.
    pub fn group(
        &self,
        slot: &mut RemoteSlot,
        group: &Group,
        block: usize,
        end: usize,
    ) -> Vec<FinishedRun> {
        let settings = &group.settings;
        let endpoints = slot.arm_group(block, end);
        let client = self.client(settings, &endpoints, &group.runs, false);
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
                    self.call(client, &group.runs[run])
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
        // The unidentified requests may belong to callers that do not report NOT_SENT and of which the
        // server saw no other request.
        let explained = observations
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
            .map(|(run, (call, observation))| self.finish(run, call, observation, true))
            .collect();
        if let Some(first) = finished.first_mut() {
            let is_pay = group.common_script.is_some() && first.run.operation.is_pay;
            // Each request that ended before its id belongs to a caller, which must not report NOT_SENT.
            if is_pay && observations.unidentified > explained {
                let details = format!(
                    "{} partial requests arrived, {explained} callers report them as possibly sent",
                    observations.unidentified
                );
                first.verdict.wrong.push((Kind::FalseNotSent, details));
            }
            add_harness_problems(&observations, first);
        }
        finished
    }
}

/// Uses the client's connection once. Returns false when the machine was too slow for the run's
/// deadline.
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
