//! Cuts the power at every moment of a call: the disk then has what was synced, and any part of the rest.

use std::sync::Mutex;

use crate::disk::{self, Disk, Event, Unsynced};
use crate::gateway::Gateway;
use crate::report::Report;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::strace::{self, Ended, Strings};
use crate::trial::Trial;
use crate::workers;

/// Which cuts are made.
#[derive(Clone, Debug)]
pub struct Plan {
    pub only: Option<Scenario>,
    /// Only after so many events.
    pub at: Option<usize>,
    /// One cut of so many.
    pub every: usize,
    pub seed: u64,
    pub jobs: usize,
    /// The disk says that it wrote, and did not.
    pub lies: bool,
}

/// How many torn disks are tried at each moment, beside one that lost all and one that kept all.
const TORN: u64 = 2;

struct Task {
    scenario: Scenario,
    /// The power is cut after so many events.
    moment: usize,
    unsynced: Unsynced,
}

/// Makes the cuts. Returns whether nothing was wrong.
pub fn run(plan: &Plan) -> Result<bool, String> {
    let tasks = tasks(plan)?;
    let report = Mutex::new(Report::default());
    workers::run(plan.jobs, &tasks, |gateway, task| {
        carry_out(plan, gateway, task, &report)?;
        Ok(true)
    })?;
    let report = report.into_inner().expect("no panic");
    report.print("The power was cut after every write", "cuts");
    Ok(report.is_clean())
}

fn tasks(plan: &Plan) -> Result<Vec<Task>, String> {
    let gateway = Gateway::start()?;
    let mut all = Vec::new();
    for scenario in Scenario::all() {
        if plan.only.is_some_and(|only| only != scenario) {
            continue;
        }
        let mut trial = Trial::prepare(&gateway, scenario, None)?;
        let (_, events) = record(&mut trial)?;
        for moment in 0..=events.len() {
            // A cut after another kind of event leaves the same disk.
            let matters = moment == 0
                || !matches!(
                    events[moment - 1],
                    Event::Open { makes: false, .. } | Event::Close(_)
                );
            let is_wanted = plan.at.is_none_or(|at| at == moment);
            if matters && is_wanted {
                let torn = (0..TORN).map(|one| Unsynced::Torn(plan.seed + one));
                let disks = [Unsynced::Lost, Unsynced::Kept].into_iter().chain(torn);
                all.extend(disks.map(|unsynced| Task {
                    scenario,
                    moment,
                    unsynced,
                }));
            }
        }
    }
    let offset = Rng::new(plan.seed, 0).below(plan.every);
    Ok(all.into_iter().skip(offset).step_by(plan.every).collect())
}

fn record(trial: &mut Trial<'_>) -> Result<(Ended, Vec<Event>), String> {
    let trace = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let command = trial.shop.command(&trial.call())?;
    let (ended, calls) = strace::record(&command, trace.path(), Strings::WholeInHexadecimal)?;
    Ok((ended, disk::events(&calls)))
}

fn carry_out(
    plan: &Plan,
    gateway: &Gateway,
    task: &Task,
    report: &Mutex<Report>,
) -> Result<(), String> {
    let mut trial = Trial::prepare(gateway, task.scenario, None)?;
    let mut disk = Disk::load(trial.shop.folder.path(), plan.lies)?;
    let (mut ended, events) = record(&mut trial)?;
    let (before, after) = events.split_at(task.moment.min(events.len()));
    before.iter().for_each(|event| disk.apply(event));

    // What had not happened yet when the power was cut.
    if after.contains(&Event::Sent) && task.scenario.operation.pays() {
        gateway.sandbox.clear();
    }
    if after.contains(&Event::Heard) {
        ended.stdout.clear();
    }
    ended.was_killed = true;
    ended.status = None;
    trial.shop.replace_folder()?;
    disk.cut(task.unsynced, trial.shop.folder.path())?;

    let verdict = trial.go_on(&ended)?;
    let last = before.last().map_or("nothing".to_owned(), Event::to_string);
    let repeat = format!(
        "flexpay-crash power --only {} --at {} --seed {}  ({:?} after {last})",
        task.scenario, task.moment, plan.seed, task.unsynced
    );
    let row = task.scenario.operation.name();
    report
        .lock()
        .expect("no panic")
        .interrupted(row, &verdict, &repeat);
    Ok(())
}
