//! The fault run: thousands of calls through the C ABI, each against a fault that a seed decides, each
//! held against what may come of it and against the fault server's own ledger.
//!
//! Three processes. The outer one prints the seed, starts the others, reads along what they write, and
//! outlives their crash. One is the fault server. The inner one has the library, and the blocked
//! look-up preloaded; it does the runs. See `faults/run.sh`.

mod abi;
mod canary;
mod catalogue;
mod clock;
mod drive;
mod expectation;
mod judge;
mod log;
mod plan;
mod replies;
mod report;
mod rng;
mod supervisor;
mod watchdog;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;

use abi::Flexpay;
use canary::Memory;
use clock::Control;
use drive::{Bench, Done};
use plan::BLOCK;
use report::Report;
use watchdog::Watch;
use wire::Wire;

/// How long helper threads that nobody waits for (a blocked look-up) may outlive their calls.
const SETTLE: Duration = Duration::from_secs(5);

/// Calls the library against every fault there is, and holds what comes of it against what may.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// How many runs.
    #[arg(long, default_value_t = 10_000)]
    runs: usize,
    /// Decides all of them. Without it, one is made up and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this run (and those on the same client with it).
    #[arg(long)]
    only: Option<usize>,
    /// How many runs at once, each on a client of its own.
    #[arg(long, default_value_t = 48)]
    threads: usize,
    /// The directory of libflexpay.so.
    #[arg(long, env = "FLEXPAY_LIB_DIR", default_value = "build/lib")]
    lib_dir: PathBuf,
    /// What is preloaded: faults/blocked_lookup.c, compiled.
    #[arg(long, env = "FLEXPAY_FAULTS_LOOKUP")]
    lookup: PathBuf,
    /// Where everything that is printed is written too, from the first line on. Without it,
    /// <seed>.log in the directory of logs, which is removed again when nothing was wrong.
    #[arg(long)]
    log: Option<PathBuf>,
    /// The directory of logs.
    #[arg(long, env = "FLEXPAY_FAULTS_LOGS", default_value = "build/faults")]
    log_dir: PathBuf,
    /// Where the inner process notes what is under way.
    #[arg(long, hide = true)]
    inner: Option<PathBuf>,
    /// Where the server listens to the inner process.
    #[arg(long, hide = true)]
    wire: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match (&options.inner, &options.wire) {
        (Some(_), Some(wire)) => inner(&options, wire),
        (None, Some(wire)) => wire::serve(&options, wire).map(|()| true),
        _ => supervisor::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("flexpay-faults: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Does the runs. True when nothing was wrong.
fn inner(options: &Options, wire: &Path) -> Result<bool, String> {
    let seed = options.seed.unwrap_or_default();
    let file = options.inner.as_ref().map(|path| {
        let file = std::fs::OpenOptions::new().write(true).open(path);
        file.map_err(|error| format!("{}: {error}", path.display()))
    });
    let watch = Watch::new(file.transpose()?);
    let flexpay = Flexpay::load(&options.lib_dir)?;
    // What is made once and stays: the bomb, the library's own.
    let _ = replies::BOMB.len();
    let connect = |_| Wire::connect(wire).map_err(|error| format!("{}: {error}", wire.display()));
    let slots = 0..options.threads.max(1);
    let mut wires = slots.map(connect).collect::<Result<Vec<Wire>, String>>()?;
    let before = (watchdog::count("fd"), watchdog::count("task"));

    let mut report = Report::default();
    let control = Control::start();
    {
        let bench = Bench {
            flexpay: &flexpay,
            control: &control,
            watch: &watch,
        };
        let over = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| watchdog(&watch, &over, seed));
            all(&bench, &mut wires, options, seed, &mut report);
            over.store(1, Ordering::Relaxed);
        });
    }
    let worst = control.worst();
    drop(control);
    close_pooled_connections(&flexpay)?;

    let began = Instant::now();
    let after = loop {
        let after = (watchdog::count("fd"), watchdog::count("task"));
        if after == before || began.elapsed() > SETTLE {
            break after;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    report.print(worst);
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
    let found = canary_told(&flexpay)?;
    Ok(report.is_clean() && found && after.0 <= before.0 && after.1 <= before.1)
}

/// The library keeps the connections of 16 sets of settings. As many others take their place.
fn close_pooled_connections(flexpay: &Flexpay) -> Result<(), String> {
    for port in 1..=16 {
        flexpay.client(&abi::Config {
            proxy: Some(format!("http://127.0.0.1:{port}")),
            ..abi::Config::anywhere()
        })?;
    }
    Ok(())
}

/// Looks for the token where it may not be, and says so. True when it is nowhere.
fn canary_told(flexpay: &Flexpay) -> Result<bool, String> {
    let words = |error: std::io::Error| error.to_string();
    let Memory {
        bytes,
        places,
        repeated,
    } = flexpay.search.in_memory().map_err(words)?;
    for place in places.iter().take(20) {
        println!("WRONG: the token, or a piece of it, at {place}");
    }
    // A search that finds nothing anywhere proves nothing: while a client lives, it has the token.
    let alive = {
        let _client = flexpay.client(&abi::Config::anywhere())?;
        flexpay.search.in_memory().map_err(words)?.places.len()
    };
    println!(
        "{:40}{:>7}    of {} MiB; with a client alive {alive}",
        "token in memory, all clients freed",
        places.len(),
        bytes >> 20
    );
    println!(
        "{:40}{repeated:>7}    not judged: see THREATS.md",
        "the same, repeated by gateways"
    );
    if alive == 0 {
        println!("WRONG: the search does not find the token of a client that lives");
    }
    println!(
        "{} texts of the library's were searched",
        flexpay.search.searched()
    );
    Ok(places.is_empty() && alive > 0)
}

/// The runs alone, many side by side; then the crowds, one after the other.
fn all(bench: &Bench<'_>, wires: &mut [Wire], options: &Options, seed: u64, report: &mut Report) {
    let end = options.only.map_or(options.runs, |only| {
        options.runs.max((only / BLOCK + 1) * BLOCK)
    });
    let chosen = |block: &usize| options.only.is_none_or(|only| only / BLOCK == *block);
    let blocks: Vec<usize> = (0..end.div_ceil(BLOCK)).filter(chosen).collect();
    let (crowds, singles): (Vec<usize>, Vec<usize>) = blocks
        .into_iter()
        .partition(|block| plan::is_crowd(seed, *block));
    let indices: Vec<usize> = singles
        .into_iter()
        .flat_map(|block| block * BLOCK..end.min((block + 1) * BLOCK))
        .filter(|index| options.only.is_none_or(|only| only == *index))
        .collect();
    let next = AtomicUsize::new(0);
    let (to, from) = mpsc::channel::<Done>();
    std::thread::scope(|scope| {
        for wire in &mut *wires {
            let (next, indices, to) = (&next, &indices, to.clone());
            scope.spawn(move || {
                while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = bench.alone(wire, &plan::alone(seed, index));
                    if to.send(done).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to);
        for done in from {
            if options.only.is_some() {
                report::print_run(&done, seed);
            }
            report.add(&done, seed);
        }
    });
    for block in crowds {
        for done in bench.crowd(&mut wires[0], &plan::crowd(seed, block, end), block, end) {
            report.add(&done, seed);
        }
    }
}

/// Ends everything when a call does not end.
fn watchdog(watch: &Watch, over: &AtomicUsize, seed: u64) {
    while over.load(Ordering::Relaxed) == 0 {
        std::thread::sleep(Duration::from_millis(100));
        let hanging = watch.hanging();
        if !hanging.is_empty() {
            println!("\nWRONG: calls that never end: {hanging:?}");
            for index in hanging {
                println!("    repeat with: flexpay-faults --seed {seed} --only {index}");
            }
            std::process::exit(3);
        }
    }
}
