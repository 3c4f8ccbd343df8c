//! Many processes use one journal at once, about the same payments, and are killed at random.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::judge::{self, Broken, Violation};
use crate::mutant::Mutant;
use crate::rng::Rng;
use crate::sale::{self, Sale, Stop};
use crate::shift::{self, Shift};
use crate::shop::Shop;
use crate::strace::Ended;
use crate::worker::{Call, Way};

#[derive(Clone, Debug)]
pub struct Plan {
    pub processes: usize,
    pub kills: usize,
    /// Of each process, if it is not killed.
    pub calls: usize,
    pub sales: usize,
    pub seed: u64,
    /// Each process has a clock of its own.
    pub wrong_clocks: bool,
    pub mutant: Option<Mutant>,
}

/// A process that lives longer is deadlocked: each of its calls ends after 30 seconds at most.
const DEADLOCK: Duration = Duration::from_secs(300);

/// The sandbox keeps so many requests.
const LEDGER_MAX: usize = 19_000;

/// Between two kills.
const MOST_PAUSE_MS: usize = 30;

/// So that a kill often comes while a process waits for the gateway.
const REPLY_DELAY: Duration = Duration::from_millis(200);

/// How many payments all processes work on at one time.
const WINDOW: usize = 60;

/// One complete payment of so many is tried again at the end.
const TRIED_AGAIN: usize = 10;

struct Process {
    child: Child,
    output: std::path::PathBuf,
    began: Instant,
    was_killed: bool,
}

#[derive(Default)]
struct Counts {
    started: usize,
    killed: usize,
    ended: usize,
    callbacks: usize,
    violations: Vec<Violation>,
}

/// Runs the crowd. Returns whether nothing was wrong.
pub fn run(plan: &Plan) -> Result<bool, String> {
    let gateway = Gateway::start()?;
    let mut shop = Shop::new(&gateway, plan.mutant)?;
    let ways = [Way::Card, Way::Mobile, Way::Payout];
    let mut sales: Vec<Sale> = (0..plan.sales)
        .map(|index| Sale::new(ways[index % ways.len()]))
        .collect();
    let list: String = sales
        .iter()
        .map(|sale| shift::line(sale.way, &sale.reference))
        .collect();
    let path = shop.folder.path().join("sales");
    fs::write(&path, list).map_err(|error| error.to_string())?;

    gateway.delay_replies(REPLY_DELAY)?;
    let began = Instant::now();
    let mut counts = Counts::default();
    work(plan, &mut shop, &sales, &mut counts)?;
    let worked = began.elapsed();
    gateway.reply_at_once();
    let requests = gateway.sandbox.requests().len();
    if requests > LEDGER_MAX {
        return Err(format!(
            "{requests} requests: the ledger may have lost some"
        ));
    }
    let in_doubt = states(&shop, &sales)?;
    let undelivered = finish(plan, &mut shop, &mut sales, &mut counts)?;

    println!(
        "\n{} processes at once on one journal{}, {} payments, seed {}",
        plan.processes,
        if plan.wrong_clocks {
            ", with clocks of their own"
        } else {
            ""
        },
        plan.sales,
        plan.seed
    );
    println!(
        "  {} processes started, {} killed, {} ended by themselves; {} callbacks; {:.0} s",
        counts.started,
        counts.killed,
        counts.ended,
        counts.callbacks,
        worked.as_secs_f64()
    );
    println!("  calls: {}", heard(&shop));
    println!("  the gateway received {requests} requests of all kinds");
    println!("  then the journal said: {in_doubt}");
    println!("  acknowledged by a process that was killed before it delivered: {undelivered}");
    for violation in counts.violations.iter().take(20) {
        println!("WRONG: {violation}");
    }
    println!("  wrong: {}", counts.violations.len());
    Ok(counts.violations.is_empty())
}

/// Keeps the processes running, and kills some, until enough were killed. Then lets the others end.
fn work(
    plan: &Plan,
    shop: &mut Shop<'_>,
    sales: &[Sale],
    counts: &mut Counts,
) -> Result<(), String> {
    let mut rng = Rng::new(plan.seed, 1);
    let mut processes: Vec<Process> = Vec::new();
    let mut approved = 0;
    loop {
        let is_over = counts.killed >= plan.kills;
        while !is_over && processes.len() < plan.processes {
            if plan.wrong_clocks {
                shop.clock = Clock::any(&mut rng);
            }
            processes.push(start(plan, shop, counts)?);
        }
        reap(shop, &mut processes, counts)?;
        if is_over && processes.is_empty() {
            return Ok(());
        }
        // Only when all run, so that most get some work done.
        if !is_over && !processes.is_empty() {
            let victim = rng.below(processes.len());
            let process = &mut processes[victim];
            if !process.was_killed {
                process.child.kill().map_err(|error| error.to_string())?;
                process.was_killed = true;
            }
        }
        approved += approve(shop, sales, approved, counts)?;
        thread::sleep(Duration::from_millis(rng.below(MOST_PAUSE_MS) as u64));
    }
}

fn start(plan: &Plan, shop: &Shop<'_>, counts: &mut Counts) -> Result<Process, String> {
    counts.started += 1;
    // The crowd moves on, so that there are new payments until the last kill.
    let last = plan.sales.saturating_sub(WINDOW);
    let call = Call::Shift(Shift {
        sales: shop.folder.path().join("sales"),
        log: shop.log(),
        first: (last * counts.killed / plan.kills.max(1)).min(last),
        width: WINDOW,
        calls: plan.calls,
        seed: plan.seed + counts.started as u64,
    });
    let output = shop
        .folder
        .path()
        .join(format!("output-{}", counts.started));
    let file = File::create(&output).map_err(|error| error.to_string())?;
    let mut command = shop.command(&call)?;
    command.stdout(file).stderr(Stdio::inherit());
    Ok(Process {
        child: command.spawn().map_err(|error| error.to_string())?,
        output,
        began: Instant::now(),
        was_killed: false,
    })
}

/// Takes what the processes said that ended.
fn reap(
    shop: &mut Shop<'_>,
    processes: &mut Vec<Process>,
    counts: &mut Counts,
) -> Result<(), String> {
    let mut alive = Vec::new();
    for mut process in processes.drain(..) {
        let ended = process
            .child
            .try_wait()
            .map_err(|error| error.to_string())?;
        match ended {
            Some(status) => take(shop, &process, status, counts)?,
            None => {
                if process.began.elapsed() > DEADLOCK {
                    counts
                        .violations
                        .push(Broken::Stuck.because("a process does not end"));
                    process.child.kill().map_err(|error| error.to_string())?;
                }
                alive.push(process);
            }
        }
    }
    *processes = alive;
    Ok(())
}

fn take(
    shop: &mut Shop<'_>,
    process: &Process,
    status: ExitStatus,
    counts: &mut Counts,
) -> Result<(), String> {
    let stdout = fs::read_to_string(&process.output).map_err(|error| error.to_string())?;
    fs::remove_file(&process.output).map_err(|error| error.to_string())?;
    // It may have ended by itself before the signal reached it.
    let was_killed = process.was_killed && status.code().is_none();
    match was_killed {
        true => counts.killed += 1,
        false => counts.ended += 1,
    }
    let ended = Ended {
        was_killed,
        status: status.code(),
        stdout,
        stderr: "see above".to_owned(),
    };
    if let Err(violation) = shop.hear(&ended) {
        counts.violations.push(violation);
    }
    Ok(())
}

/// The customers pay, and the web server receives the callbacks of some. Returns how many.
fn approve(
    shop: &mut Shop<'_>,
    sales: &[Sale],
    before: usize,
    counts: &mut Counts,
) -> Result<usize, String> {
    let payments = shop.gateway.sandbox.payments();
    let new = &payments[before.min(payments.len())..];
    for payment in new {
        shop.gateway.approve(&payment.order_number)?;
        let sale = sales
            .iter()
            .find(|sale| sale.reference == payment.reference);
        let sale = sale.ok_or("a payment of another shop")?;
        if sale.way != Way::Payout && counts.callbacks.is_multiple_of(2) {
            let called = shop.call(&sale.callback(shop));
            if let Err(violation) = called {
                counts.violations.push(violation);
            }
        }
        counts.callbacks += 1;
    }
    Ok(new.len())
}

/// The shop is started again, and completes every sale. Returns how many were acknowledged and not delivered.
fn finish(
    plan: &Plan,
    shop: &mut Shop<'_>,
    sales: &mut [Sale],
    counts: &mut Counts,
) -> Result<usize, String> {
    let mut undelivered = 0;
    note(counts, sale::reconcile(shop))?;
    for (index, sale) in sales.iter_mut().enumerate() {
        let seen = match sale.look(shop, "after the crowd", false) {
            Ok(seen) => seen,
            Err(stop) => {
                note(counts, Err(stop))?;
                continue;
            }
        };
        let is_delivered = seen.entry.as_ref().is_some_and(|entry| entry.is_delivered);
        let acknowledged_only = is_delivered && seen.deliveries == 0;
        undelivered += usize::from(acknowledged_only);
        // Of those that are complete, some are tried again.
        let result = match is_delivered && index % TRIED_AGAIN != 0 {
            true => match judge::end_violations(&seen, acknowledged_only) {
                violations if violations.is_empty() => Ok(()),
                violations => Err(violations.into()),
            },
            false => sale.pay_again(shop).and_then(|()| {
                let completed = sale.complete(shop, acknowledged_only);
                completed.map(drop)
            }),
        };
        note(counts, result)?;
    }
    if undelivered > plan.kills {
        counts
            .violations
            .push(Broken::NeverDelivered.because("more often than a process was killed"));
    }
    Ok(undelivered)
}

fn note(counts: &mut Counts, result: Result<(), Stop>) -> Result<(), String> {
    match result {
        Ok(()) => {}
        Err(Stop::Failed(problem)) => return Err(problem),
        Err(Stop::Violations(violations)) => counts.violations.extend(violations),
    }
    Ok(())
}

fn states(shop: &Shop<'_>, sales: &[Sale]) -> Result<String, String> {
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for sale in sales {
        let entry = shop.look(&sale.reference, None)?.entry;
        let state = entry.map_or("no entry", |entry| entry.state.name());
        *states.entry(state.to_owned()).or_default() += 1;
    }
    Ok(listed(&states))
}

/// What the processes heard: the errors by code.
fn heard(shop: &Shop<'_>) -> String {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for heard in &shop.heard {
        let what = match &heard.error {
            None => "success".to_owned(),
            Some(error) => format!("{} {}", error.code, error.outcome),
        };
        *all.entry(what).or_default() += 1;
    }
    listed(&all)
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{what} {count}"))
        .collect();
    parts.join(", ")
}

/// Many processes find no journal, and make one at the same moment. All of them can use it.
pub fn first_use(rounds: usize, processes: usize) -> Result<bool, String> {
    let gateway = Gateway::start()?;
    let mut wrong = 0;
    for _ in 0..rounds {
        gateway.sandbox.clear();
        let shop = Shop::new(&gateway, None)?;
        let sales: Vec<Sale> = (0..processes).map(|_| Sale::new(Way::Card)).collect();
        let mut children = Vec::new();
        for sale in &sales {
            let mut command = shop.command(&sale.pay())?;
            command.stdout(Stdio::piped());
            children.push(command.spawn().map_err(|error| error.to_string())?);
        }
        for child in children {
            let output = child
                .wait_with_output()
                .map_err(|error| error.to_string())?;
            if !output.status.success() {
                wrong += 1;
                println!("WRONG: {}", String::from_utf8_lossy(&output.stdout));
            }
        }
        for sale in &sales {
            let seen = shop.look(&sale.reference, None)?;
            let is_right = seen.problems.is_empty()
                && seen.ledger.requests == 1
                && seen.entry.is_some_and(|entry| entry.order_number.is_some());
            if !is_right {
                wrong += 1;
                println!(
                    "WRONG: {}: {:?} {:?}",
                    sale.reference, seen.ledger, seen.problems
                );
            }
        }
    }
    println!("\n{processes} processes made one journal at once, {rounds} times: {wrong} wrong");
    Ok(wrong == 0)
}
