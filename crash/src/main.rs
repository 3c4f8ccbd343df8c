//! The crash run: a payment with a journal is killed at every system call, its disk fails at every system
//! call, and many processes use one journal and are killed at random. Afterwards the journal is compared with
//! the gateway's own ledger.
//!
//! This program is the worker that is killed, too: see [`worker`]. `crash/run.sh` builds it and runs all.

mod clock;
mod clocks;
mod cost;
mod crowd;
mod disk;
mod gateway;
mod judge;
mod mutant;
mod power;
mod report;
mod rng;
mod sale;
mod scenario;
mod shift;
mod shop;
mod strace;
mod sweep;
mod table;
mod trial;
mod trouble;
mod worker;
mod workers;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use mutant::Mutant;
use scenario::Scenario;
use strace::Point;
use sweep::{Mode, Plan};
use worker::Call;

#[derive(Parser)]
#[command(about = "Interrupts payments with a journal, and compares it with the gateway's ledger")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills a call at each of its system calls.
    Sweep(SweepOptions),
    /// Makes each system call on the journal's files fail.
    Failures(SweepOptions),
    /// Cuts the power after each write.
    Power(PowerOptions),
    /// Many processes use one journal at once, and are killed at random.
    Crowd(CrowdOptions),
    /// Many processes make one journal at once.
    FirstUse {
        /// How many journals.
        #[arg(long, default_value_t = 20)]
        rounds: usize,
        /// How many processes each.
        #[arg(long, default_value_t = 12)]
        processes: usize,
    },
    /// A full disk, a read-only file system, and a lock that another program holds. Mounts file systems.
    Trouble,
    /// The clock is wrong in another way at each call.
    Clocks {
        /// How many times each story is played.
        #[arg(long, default_value_t = 50)]
        times: usize,
        /// Chooses the clocks.
        #[arg(long, default_value_t = 20)]
        seed: u64,
    },
    /// Measures what the journal costs. Only a release build means something.
    Cost {
        /// The entries of the larger journal. The other has a thousandth.
        #[arg(long, default_value_t = 1_000_000)]
        entries: usize,
    },
    /// One call, with the settings of the environment.
    Worker {
        #[arg(long)]
        mutant: Option<Mutant>,
        #[command(subcommand)]
        call: Call,
    },
}

#[derive(Args)]
struct SweepOptions {
    /// One system call of so many.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Chooses which.
    #[arg(long, default_value_t = 20)]
    seed: u64,
    /// Only this scenario: pay-card/nothing/reconcile.
    #[arg(long)]
    only: Option<Scenario>,
    /// Only this system call: fsync:2.
    #[arg(long)]
    at: Option<Point>,
    /// How many trials at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Use workers with this fault.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// End after the first violation.
    #[arg(long)]
    until_wrong: bool,
}

#[derive(Args)]
struct PowerOptions {
    /// One cut of so many.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Chooses which, and what is left of a write that was not synced.
    #[arg(long, default_value_t = 20)]
    seed: u64,
    /// Only this scenario: pay-card/nothing/reconcile.
    #[arg(long)]
    only: Option<Scenario>,
    /// Only the cuts after so many events.
    #[arg(long)]
    at: Option<usize>,
    /// How many trials at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Use a disk that says that it wrote, and did not.
    #[arg(long)]
    lying_disk: bool,
}

impl PowerOptions {
    fn plan(&self) -> power::Plan {
        power::Plan {
            only: self.only,
            at: self.at,
            every: self.every.max(1),
            seed: self.seed,
            jobs: self.jobs,
            lies: self.lying_disk,
        }
    }
}

#[derive(Args)]
struct CrowdOptions {
    /// How many processes at once.
    #[arg(long, default_value_t = 50)]
    processes: usize,
    /// How many of them are killed.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// How many calls each makes, if it is not killed.
    #[arg(long, default_value_t = 20)]
    calls: usize,
    /// How many payments they share.
    #[arg(long, default_value_t = 500)]
    sales: usize,
    /// Chooses what each process does, and which is killed. The timing is the machine's.
    #[arg(long, default_value_t = 20)]
    seed: u64,
    /// The clock of each process is right, a year back, or ten years ahead.
    #[arg(long)]
    wrong_clocks: bool,
    /// Use workers with this fault.
    #[arg(long)]
    mutant: Option<Mutant>,
}

impl SweepOptions {
    fn plan(&self) -> Plan {
        Plan {
            only: self.only,
            at: self.at.clone(),
            every: self.every.max(1),
            seed: self.seed,
            jobs: self.jobs.max(1),
            mutant: self.mutant,
            until_wrong: self.until_wrong,
        }
    }
}

fn main() -> ExitCode {
    let result = match Options::parse().command {
        Command::Worker { mutant, call } => return worker::run(&call, mutant),
        Command::Sweep(options) => sweep::run(Mode::Kill, &options.plan()),
        Command::Crowd(options) => crowd::run(&crowd::Plan {
            processes: options.processes,
            kills: options.kills,
            calls: options.calls,
            sales: options.sales,
            seed: options.seed,
            wrong_clocks: options.wrong_clocks,
            mutant: options.mutant,
        }),
        Command::FirstUse { rounds, processes } => crowd::first_use(rounds, processes),
        Command::Cost { entries } => cost::run(entries.max(1000)).map(|()| true),
        Command::Trouble => trouble::run(),
        Command::Clocks { times, seed } => clocks::run(times, seed),
        Command::Power(options) => power::run(&options.plan()),
        Command::Failures(options) => sweep::run(Mode::Fail, &options.plan()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("flexpay-crash: {problem}");
            ExitCode::from(2)
        }
    }
}
