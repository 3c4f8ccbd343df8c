//! What the journal costs: time and space. Everything is measured in one run, so that ratios mean something.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flexpay::Client;
use flexpay::journal::{Entry, EntryState, Filter, Journal, ReconcileOptions, Resolution};

use crate::gateway::Gateway;
use crate::sale;
use crate::shop::Shop;
use crate::table;
use crate::worker::Way;

/// How often each thing is measured. The median is printed.
const TIMES: usize = 200;
/// The open entries of each journal.
const OPEN: usize = 100;
/// A page of SQLite, which is the least that a durable write has.
const PAGE: usize = 4096;

pub fn run(entries: usize) -> Result<(), String> {
    let gateway = Gateway::start()?;
    println!("The journals are in {}", env::temp_dir().display());
    payments(&gateway)?;

    let small = Sizes::measure(&gateway, entries / 1000)?;
    let large = Sizes::measure(&gateway, entries)?;
    println!(
        "\n{:34}{:>12}{:>12}{:>8}",
        format!("closed entries ({OPEN} are open)"),
        small.closed,
        large.closed,
        "ratio"
    );
    for ((name, few), (_, many)) in small.times.iter().zip(&large.times) {
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("  {name:32}{:>12}{:>12}{ratio:>8.1}", ms(*few), ms(*many));
    }
    large.print_pruning();
    Ok(())
}

/// A payment with a journal, one without, and a durable write, in turns.
fn payments(gateway: &Gateway) -> Result<(), String> {
    let text = |error: flexpay::Error| error.to_string();
    let shop = Shop::new(gateway, None)?;
    let plain = shop.client_without_journal(Way::Card).map_err(text)?;
    let journalled = shop.client(Way::Card).map_err(text)?;
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    let mut syncs = Vec::new();
    let mut payments = [Vec::new(), Vec::new()];
    for _ in 0..TIMES {
        let began = Instant::now();
        let written = file.write_all(&[1; PAGE]).and_then(|()| file.sync_data());
        written.map_err(|error| error.to_string())?;
        syncs.push(began.elapsed());
        for (client, times) in [&plain, &journalled].into_iter().zip(&mut payments) {
            let began = Instant::now();
            let paid = Way::Card.pay(client, &sale::new_reference());
            paid.map_err(text)?;
            times.push(began.elapsed());
        }
    }
    let sync = median(syncs);
    let [plain, journalled] = payments.map(median);
    let more = journalled.saturating_sub(plain);
    println!(
        "A durable write of 4 KiB takes {}\n\
         A payment to a gateway on this machine takes {}, with a journal {}:\n  \
         {} more, {:.1} durable writes",
        ms(sync),
        ms(plain),
        ms(journalled),
        ms(more),
        more.as_secs_f64() / sync.as_secs_f64()
    );
    Ok(())
}

/// A journal with so many closed entries.
struct Sizes {
    closed: usize,
    /// What takes how long.
    times: Vec<(&'static str, Duration)>,
    /// Of the file, an entry.
    bytes: u64,
    pruning: Duration,
    /// The payment meanwhile that took longest.
    slowest: Duration,
    file: u64,
    /// Of the file, a pruned reference, once the free space is given back.
    pruned_bytes: u64,
}

impl Sizes {
    fn measure(gateway: &Gateway, closed: usize) -> Result<Self, String> {
        let text = |error: flexpay::Error| error.to_string();
        gateway.sandbox.clear();
        let shop = Shop::new(gateway, None)?;
        let path = shop.journal();
        let client = shop.client(Way::Card).map_err(text)?;
        let open: Vec<String> = (0..OPEN).map(|_| sale::new_reference()).collect();
        for reference in &open {
            Way::Card.pay(&client, reference).map_err(text)?;
        }
        table::write(&path, (0..closed).map(delivered))?;
        let file = size(&path)?;
        let times = times(&shop, &path, &open).map_err(text)?;

        let client = shop.client(Way::Card).map_err(text)?;
        let other = shop.client(Way::Card).map_err(text)?;
        let is_over = AtomicBool::new(false);
        let began = Instant::now();
        let (removed, slowest) = thread::scope(|scope| {
            let paying = scope.spawn(|| pay_until(&other, &is_over));
            let removed = client.journal().and_then(|one| one.prune(1));
            is_over.store(true, Ordering::Relaxed);
            (removed, paying.join().expect("no panic"))
        });
        let pruning = began.elapsed();
        let (removed, slowest) = (removed.map_err(text)?, slowest.map_err(text)?);
        if removed != closed as u64 {
            return Err(format!("{removed} of {closed} entries were pruned"));
        }
        table::vacuum(&path)?;
        Ok(Self {
            closed,
            times,
            bytes: file / closed as u64,
            pruning,
            slowest,
            file,
            pruned_bytes: size(&path)? / closed as u64,
        })
    }

    fn print_pruning(&self) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!(
            "\nPruning all {} took {:.1} s. The file had {:.0} MiB then.\n\
             The slowest payment meanwhile took {}.\n\
             Afterwards a pruned reference takes {} bytes, an entry {}",
            self.closed,
            self.pruning.as_secs_f64(),
            mib(self.file),
            ms(self.slowest),
            self.pruned_bytes,
            self.bytes
        );
    }
}

fn times(
    shop: &Shop<'_>,
    path: &Path,
    open: &[String],
) -> flexpay::Result<Vec<(&'static str, Duration)>> {
    let client = shop.client(Way::Card)?;
    let journal = client.journal()?;
    let some = |turn: usize| open[turn % open.len()].as_str();
    let all = vec![
        (
            "open it, and read an entry",
            measure(TIMES, |turn| Journal::new(path).get(some(turn)))?,
        ),
        (
            "read an entry",
            measure(TIMES, |turn| journal.get(some(turn)))?,
        ),
        ("pay, and resolve", pay(&client)?),
        (
            "settle, not paid yet",
            measure(TIMES, |turn| client.settle(some(turn)))?,
        ),
        (
            "list what is open",
            measure(TIMES, |_| journal.list(Filter::Open, "", 1_000))?,
        ),
        (
            "list what is in doubt",
            measure(TIMES, |_| journal.list(Filter::InDoubt, "", 1_000))?,
        ),
        (
            "list what is to deliver",
            measure(TIMES, |_| journal.list(Filter::ToDeliver, "", 1_000))?,
        ),
        (
            "reconcile",
            measure(5, |_| client.reconcile(&ReconcileOptions::default()))?,
        ),
    ];
    Ok(all)
}

/// The slowest of the payments until it is over.
fn pay_until(client: &Client, is_over: &AtomicBool) -> flexpay::Result<Duration> {
    let mut slowest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        Way::Card.pay(client, &sale::new_reference())?;
        slowest = slowest.max(began.elapsed());
    }
    Ok(slowest)
}

fn pay(client: &Client) -> flexpay::Result<Duration> {
    measure(TIMES, |_| {
        let reference = sale::new_reference();
        let paid = Way::Card.pay(client, &reference)?;
        // So that there are as many open entries as before.
        let resolution = Resolution::Cancelled;
        client
            .journal()?
            .resolve(&reference, resolution, "Awa", "a measurement")?;
        Ok(paid)
    })
}

/// The median of so many runs.
fn measure<T, E>(times: usize, mut run: impl FnMut(usize) -> Result<T, E>) -> Result<Duration, E> {
    let mut taken = Vec::new();
    for turn in 0..times {
        let began = Instant::now();
        run(turn)?;
        taken.push(began.elapsed());
    }
    Ok(median(taken))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// An entry that is paid and delivered.
fn delivered(index: usize) -> Entry {
    let reference = format!("SHOP-2026-{index:08}");
    let number = format!("Qz{index:08}kTr243812345678");
    let mut entry = table::entry(&reference, EntryState::Paid, Some(number));
    entry.is_delivered = true;
    entry
}

fn size(path: &Path) -> Result<u64, String> {
    let found = fs::metadata(path);
    let found = found.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(found.len())
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
