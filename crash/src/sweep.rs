//! Kills a call at each of its system calls, or makes each of them fail, one a trial.

use std::sync::Mutex;

use crate::gateway::Gateway;
use crate::mutant::Mutant;
use crate::report::Report;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::strace::{self, Injection, Point, Strings, SystemCall};
use crate::trial::Trial;
use crate::workers;

/// Which trials are made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Only this scenario.
    pub only: Option<Scenario>,
    /// Only this system call.
    pub at: Option<Point>,
    /// One system call of so many, chosen by the seed. 1: all.
    pub every: usize,
    pub seed: u64,
    pub jobs: usize,
    pub mutant: Option<Mutant>,
    /// End after the first violation.
    pub until_wrong: bool,
}

/// One trial.
struct Task {
    scenario: Scenario,
    injection: Injection,
    point: Point,
    /// The last recorded call of this name: go on until the call ends unharmed.
    is_last: bool,
}

/// The command that repeats a trial, before its options.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Kill,
    Fail,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "sweep",
            Self::Fail => "failures",
        }
    }

    fn injections(self, call: &SystemCall) -> Vec<Injection> {
        match self {
            Self::Kill => vec![Injection::Kill],
            Self::Fail => failures(call),
        }
    }
}

/// What the disk may do to a system call on the journal's files.
fn failures(call: &SystemCall) -> Vec<Injection> {
    let name = call.point.name.as_str();
    let is_about_the_journal = call.text.contains("journal.db");
    // What gives something back does not fail in practice, and strace would make the process keep it.
    let gives_back = matches!(name, "close" | "munmap") || call.text.contains("F_UNLCK");
    if !is_about_the_journal || gives_back {
        return Vec::new();
    }
    let (errors, may_last): (&[&'static str], bool) = match name {
        "openat" | "mkdir" | "linkat" => (&["EIO", "ENOSPC", "EROFS", "EACCES"], true),
        "pwrite64" | "ftruncate" | "fsync" | "fdatasync" => (&["EIO", "ENOSPC"], true),
        // A lock that can never be had is tried for 10 seconds: see `lock`.
        _ => (&["EIO"], false),
    };
    let mut all = Vec::new();
    for &errno in errors {
        all.push(Injection::Error {
            errno,
            lasts: false,
        });
        if may_last {
            all.push(Injection::Error { errno, lasts: true });
        }
    }
    all
}

/// Makes the trials. Returns whether nothing was wrong.
pub fn run(mode: Mode, plan: &Plan) -> Result<bool, String> {
    let tasks = tasks(mode, plan)?;
    let report = Mutex::new(Report::default());
    workers::run(plan.jobs, &tasks, |gateway, task| {
        carry_out(mode, plan, gateway, task, &report)?;
        let is_clean = report.lock().expect("no panic").is_clean();
        Ok(is_clean || !plan.until_wrong)
    })?;
    let report = report.into_inner().expect("no panic");
    let scope = match plan.every {
        1 => "every system call".to_owned(),
        every => format!("1 system call of {every}, seed {}", plan.seed),
    };
    match mode {
        Mode::Kill => report.print(&format!("Killed at {scope}"), "kills"),
        Mode::Fail => report.print(&format!("Failures of the disk, {scope}"), "failures"),
    }
    Ok(report.is_clean())
}

/// Records each scenario once, and lists what will be done to it.
fn tasks(mode: Mode, plan: &Plan) -> Result<Vec<Task>, String> {
    let gateway = Gateway::start()?;
    let mut tasks = Vec::new();
    for (number, scenario) in Scenario::all().into_iter().enumerate() {
        if plan.only.is_some_and(|only| only != scenario) {
            continue;
        }
        let calls = record(&gateway, scenario, plan.mutant)?;
        let all: Vec<(&SystemCall, Injection)> = calls
            .iter()
            .flat_map(|call| {
                mode.injections(call)
                    .into_iter()
                    .map(move |one| (call, one))
            })
            .collect();
        let offset = Rng::new(plan.seed, number as u64).below(plan.every);
        for (index, (call, injection)) in all.into_iter().enumerate() {
            let is_chosen = match &plan.at {
                Some(point) => *point == call.point,
                None => index % plan.every == offset,
            };
            if is_chosen {
                tasks.push(Task {
                    scenario,
                    injection,
                    is_last: is_last(&calls, &call.point),
                    point: call.point.clone(),
                });
            }
        }
    }
    match tasks.is_empty() {
        true => Err("there is no such trial".to_owned()),
        false => Ok(tasks),
    }
}

fn record(
    gateway: &Gateway,
    scenario: Scenario,
    mutant: Option<Mutant>,
) -> Result<Vec<SystemCall>, String> {
    let trial = Trial::prepare(gateway, scenario, mutant)?;
    let trace = trial.shop.folder.path().join("trace");
    let command = trial.shop.command(&trial.call())?;
    let (ended, calls) = strace::record(&command, &trace, Strings::Readable)?;
    if ended.status != Some(0) && mutant.is_none() {
        return Err(format!("{scenario}: {}{}", ended.stdout, ended.stderr));
    }
    // The first call starts the program: strace counts it, and the program does not exist before.
    Ok(calls.into_iter().skip(1).collect())
}

fn is_last(calls: &[SystemCall], point: &Point) -> bool {
    let of_name = calls.iter().filter(|call| call.point.name == point.name);
    of_name.map(|call| call.point.occurrence).max() == Some(point.occurrence)
}

fn carry_out(
    mode: Mode,
    plan: &Plan,
    gateway: &Gateway,
    task: &Task,
    report: &Mutex<Report>,
) -> Result<(), String> {
    let mut point = task.point.clone();
    loop {
        let mut trial = Trial::prepare(gateway, task.scenario, plan.mutant)?;
        let ended = trial.interrupt(&task.injection, &point)?;
        let row = task.scenario.operation.name();
        // A failed call may end as if nothing had happened: that is judged, too.
        let is_unharmed = mode == Mode::Kill && !ended.was_killed;
        if is_unharmed {
            report.lock().expect("no panic").unharmed(row);
            return Ok(());
        }
        let verdict = trial.go_on(&ended)?;
        let repeat = repeat(mode, plan, task, &point);
        report
            .lock()
            .expect("no panic")
            .interrupted(row, &verdict, &repeat);
        let goes_on = mode == Mode::Kill && task.is_last && plan.every == 1 && plan.at.is_none();
        if !goes_on {
            return Ok(());
        }
        // A run may make more calls than the recorded one.
        point.occurrence += 1;
    }
}

fn repeat(mode: Mode, plan: &Plan, task: &Task, point: &Point) -> String {
    let mut command = format!(
        "flexpay-crash {} --only {} --at {point}",
        mode.name(),
        task.scenario
    );
    if let Some(mutant) = plan.mutant {
        command += &format!(" --mutant {}", mutant.name());
    }
    if let Injection::Error { errno, lasts } = task.injection {
        command += &format!("  ({errno}{})", if lasts { ", lasting" } else { "" });
    }
    command
}
