//! The fault run: thousands of calls through the C ABI, or over the bridge. For each call, a seed chooses
//! a fault. The result is compared with the acceptable results for that fault and with the fault server's
//! ledger. Over the bridge, some of the processes that make the calls are killed.
//!
//! There are three processes. The supervisor prints the seed, starts the other two, logs their output
//! and survives their crashes. The second is the fault server. The worker loads the library, with the
//! faulty DNS lookup preloaded, and makes the calls; or it starts a bridge for each client. See
//! `faults/run.sh`.

mod abi;
mod bridge;
mod canary;
mod catalogue;
mod clock;
mod expectation;
mod interface;
mod interruption;
mod journal;
mod judge;
mod log;
mod plan;
mod remote;
mod replies;
mod report;
mod rng;
mod runner;
mod supervisor;
mod trace;
mod watchdog;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;

use abi::Flexpay;
use bridge::Bridge;
use clock::DelayMonitor;
use interface::Interface;
use plan::BLOCK;
use remote::RemoteSlot;
use report::Report;
use runner::{FinishedRun, Runner};
use watchdog::RunningRuns;

/// How long helper threads that no call waits for (a blocked lookup) may outlive their calls.
const SETTLE: Duration = Duration::from_secs(5);

/// Makes calls against every known fault and compares each result with the acceptable ones.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// How many runs.
    #[arg(long, default_value_t = 10_000)]
    runs: usize,
    /// The seed that decides all runs. Without it, one is generated and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this run (and those on the same client with it).
    #[arg(long)]
    only: Option<usize>,
    /// How many runs at once, each on its own client.
    #[arg(long, default_value_t = 48)]
    threads: usize,
    /// Make the calls over bridges, and interrupt some of these.
    #[arg(long)]
    bridge: bool,
    /// The program with the bridge.
    #[arg(long, env = "FLEXPAY_PROGRAM", default_value = "build/bin/flexpay")]
    program: PathBuf,
    /// The directory of libflexpay.so.
    #[arg(long, env = "FLEXPAY_LIB_DIR", default_value = "build/lib")]
    lib_dir: PathBuf,
    /// The library to preload: faults/blocked_lookup.c, compiled.
    #[arg(long, env = "FLEXPAY_FAULTS_LOOKUP")]
    lookup: PathBuf,
    /// A file that receives everything printed, from the first line on. Without it,
    /// <seed>.log in the log directory, which is deleted when nothing was wrong.
    #[arg(long)]
    log: Option<PathBuf>,
    /// The log directory.
    #[arg(long, env = "FLEXPAY_FAULTS_LOGS", default_value = "build/faults")]
    log_dir: PathBuf,
    /// Be the worker, and record the runs in progress in this file.
    #[arg(long, hide = true)]
    worker: Option<PathBuf>,
    /// The Unix socket on which the fault server takes the worker's commands.
    #[arg(long, hide = true)]
    socket: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match (&options.worker, &options.socket) {
        (Some(_), Some(socket)) => work(&options, socket),
        (None, Some(socket)) => remote::serve(&options, socket).map(|()| true),
        _ => supervisor::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("flexpay-faults: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Does the runs. Returns true when nothing was wrong.
fn work(options: &Options, socket: &Path) -> Result<bool, String> {
    let seed = options.seed.unwrap_or_default();
    let file = options.worker.as_ref().map(|path| {
        let file = std::fs::OpenOptions::new().write(true).open(path);
        file.map_err(|error| format!("{}: {error}", path.display()))
    });
    let running = RunningRuns::new(file.transpose()?);
    let interface: Box<dyn Interface> = match options.bridge {
        true => Box::new(Bridge::new(&options.program)?),
        false => Box::new(Flexpay::load(&options.lib_dir)?),
    };
    // Create what is created only once before counting: the bomb, and what the library sets up.
    let _ = replies::BOMB.len();
    let connect =
        |_| RemoteSlot::connect(socket).map_err(|error| format!("{}: {error}", socket.display()));
    let mut slots = (0..options.threads.max(1))
        .map(connect)
        .collect::<Result<Vec<RemoteSlot>, String>>()?;
    let before = (
        watchdog::proc_self_count("fd"),
        watchdog::proc_self_count("task"),
    );

    let mut report = Report::default();
    let delay_monitor = DelayMonitor::start();
    {
        let runner = Runner {
            interface: &*interface,
            delay_monitor: &delay_monitor,
            running: &running,
        };
        let over = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| watchdog(&running, &over, seed));
            all_runs(&runner, &mut slots, options, seed, &mut report);
            over.store(1, Ordering::Relaxed);
        });
    }
    let worst_delay = delay_monitor.worst_delay();
    drop(delay_monitor);
    interface.release()?;

    let began = Instant::now();
    let after = loop {
        let after = (
            watchdog::proc_self_count("fd"),
            watchdog::proc_self_count("task"),
        );
        if after == before || began.elapsed() > SETTLE {
            break after;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    report.print(worst_delay);
    println!(
        "{:40}{:>7}",
        "leaked descriptors",
        after.0 as i64 - before.0 as i64
    );
    println!(
        "{:40}{:>7}",
        "leaked threads",
        after.1 as i64 - before.1 as i64
    );
    let is_clean = interface.last_checks()?;
    Ok(report.is_clean() && is_clean && after.0 <= before.0 && after.1 <= before.1)
}

/// Does the single runs, many in parallel; then the groups, one after the other.
fn all_runs(
    runner: &Runner<'_>,
    slots: &mut [RemoteSlot],
    options: &Options,
    seed: u64,
    report: &mut Report,
) {
    let end = options.only.map_or(options.runs, |only| {
        options.runs.max((only / BLOCK + 1) * BLOCK)
    });
    let chosen = |block: &usize| options.only.is_none_or(|only| only / BLOCK == *block);
    let blocks: Vec<usize> = (0..end.div_ceil(BLOCK)).filter(chosen).collect();
    let (groups, singles): (Vec<usize>, Vec<usize>) = blocks
        .into_iter()
        .partition(|block| plan::is_group(seed, *block));
    let indices: Vec<usize> = singles
        .into_iter()
        .flat_map(|block| block * BLOCK..end.min((block + 1) * BLOCK))
        .filter(|index| options.only.is_none_or(|only| only == *index))
        .collect();
    let next = AtomicUsize::new(0);
    let (to, from) = mpsc::channel::<FinishedRun>();
    std::thread::scope(|scope| {
        for slot in &mut *slots {
            let (next, indices, to) = (&next, &indices, to.clone());
            scope.spawn(move || {
                while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut run = plan::single(seed, index);
                    if options.bridge {
                        run.may_be_interrupted(seed);
                    }
                    let finished = runner.run_single(slot, &run);
                    if to.send(finished).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to);
        for finished in from {
            if options.only.is_some() {
                report::print_run(&finished, seed);
            }
            report.add(&finished, seed);
        }
    });
    for block in groups {
        let mut group = plan::group(seed, block, end);
        if options.bridge {
            group.may_be_interrupted(seed, block);
        }
        for finished in runner.run_group(&mut slots[0], &group, block, end) {
            report.add(&finished, seed);
        }
    }
}

/// Exits the process with status 3 when a call does not end.
fn watchdog(running: &RunningRuns, over: &AtomicUsize, seed: u64) {
    while over.load(Ordering::Relaxed) == 0 {
        std::thread::sleep(Duration::from_millis(100));
        let hanging = running.hanging();
        if !hanging.is_empty() {
            println!("\nWRONG: calls that never end: {hanging:?}");
            for index in hanging {
                println!("    repeat with: flexpay-faults --seed {seed} --only {index}");
            }
            std::process::exit(watchdog::HANG_EXIT_STATUS);
        }
    }
}
