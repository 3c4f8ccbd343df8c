//! A disk that is really full, a file system that is really read-only, and a lock that another program holds.
//! Nothing is sent, and the error names the journal and says what to do. When the trouble is over, the merchant
//! goes on.
//!
//! Mounts file systems: use crash/run.sh, which gives it a mount namespace of its own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::gateway::Gateway;
use crate::judge::{Broken, Violation};
use crate::sale::{self, Sale, Stop};
use crate::shop::Shop;
use crate::strace::Ended;
use crate::worker::{Call, Heard, Way};

/// Longer than a call waits for the lock: 10 seconds.
const LONG: Duration = Duration::from_secs(13);
const SHORT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);
const REPLY_DELAY: Duration = Duration::from_secs(2);

const FULL: &[&str] = &["full", "Free space"];
const READ_ONLY: &[&str] = &["that this user may write in it"];
const LOCKED: &[&str] = &["find and end that program"];

/// What was found.
#[derive(Default)]
struct Notes {
    checks: usize,
    wrong: Vec<String>,
}

type Case = fn(&mut Shop<'_>, &mut Notes) -> Result<(), Stop>;

const CASES: [(&str, Case); 8] = [
    ("full, no journal yet", full_without_a_journal),
    ("full, with a journal", full_with_a_journal),
    ("full when the reply comes", full_when_the_reply_comes),
    ("read-only, no journal yet", read_only_without_a_journal),
    ("read-only, with a journal", read_only_with_a_journal),
    ("locked for a moment", locked_for_a_moment),
    ("locked for long", locked_for_long),
    ("locked when the reply comes", locked_when_the_reply_comes),
];

/// Tries all cases at once: most of the time they wait.
pub fn run() -> Result<bool, String> {
    println!("\nA full disk, a read-only file system, a lock that another program holds");
    let tried = thread::scope(|scope| {
        let threads = CASES.map(|(_, case)| scope.spawn(move || carry_out(case)));
        threads.map(|one| one.join().expect("no panic"))
    });
    let mut is_clean = true;
    for ((name, _), result) in CASES.iter().zip(tried) {
        let notes = result.map_err(|problem| format!("{name}: {problem}"))?;
        let (checks, wrong) = (notes.checks, notes.wrong.len());
        println!("  {name:28}{checks:>3} checks, {wrong} wrong");
        for problem in &notes.wrong {
            println!("WRONG: {name}: {problem}");
        }
        is_clean &= wrong == 0;
    }
    Ok(is_clean)
}

fn carry_out(case: Case) -> Result<Notes, String> {
    let gateway = Gateway::start()?;
    let mut shop = Shop::new(&gateway, None)?;
    let mount = Mount::new(shop.folder.path())?;
    let mut notes = Notes::default();
    match case(&mut shop, &mut notes) {
        Ok(()) => {}
        Err(Stop::Failed(problem)) => return Err(problem),
        Err(Stop::Violations(violations)) => {
            let all = violations.iter().map(Violation::to_string);
            notes.wrong.extend(all);
        }
    }
    drop(mount);
    Ok(notes)
}

/// A small file system, until it is dropped.
struct Mount(String);

impl Mount {
    fn new(folder: &Path) -> Result<Self, String> {
        let folder = folder.display().to_string();
        mount(&["-t", "tmpfs", "-o", "size=1m", "none", &folder])?;
        Ok(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

fn mount(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("mount").args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("mount: {status}. Use crash/run.sh")),
        Err(error) => Err(format!("mount: {error}")),
    }
}

fn set_read_only(shop: &Shop<'_>, is_read_only: bool) -> Result<(), String> {
    let how = match is_read_only {
        true => "remount,ro",
        false => "remount,rw",
    };
    let folder = shop.folder.path().display().to_string();
    mount(&["-o", how, &folder])
}

/// Leaves no free byte.
fn fill(shop: &Shop<'_>) -> Result<(), String> {
    let written = fs::write(shop.folder.path().join("filler"), vec![1; 2 << 20]);
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(()) => Err("the file system is larger than it should be".to_owned()),
    }
}

fn free(shop: &Shop<'_>) -> Result<(), String> {
    fs::remove_file(shop.folder.path().join("filler")).map_err(|error| error.to_string())
}

/// Another program writes to the journal, until this is dropped.
fn lock(shop: &Shop<'_>) -> Result<Connection, String> {
    let run = || {
        let connection = Connection::open(shop.journal())?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(connection)
    };
    run().map_err(|error: rusqlite::Error| error.to_string())
}

fn full_without_a_journal(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    let mut sale = Sale::new(Way::Mobile);
    fill(shop)?;
    sends_nothing(shop, &sale, FULL, notes)?;
    free(shop)?;
    goes_on(shop, &mut sale, notes)
}

fn full_with_a_journal(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    let mut sale = Sale::new(Way::Mobile);
    let mut paid = accepted(shop)?;
    fill(shop)?;
    sends_nothing(shop, &sale, FULL, notes)?;
    changes_nothing(shop, &paid, FULL, notes)?;
    free(shop)?;
    goes_on(shop, &mut sale, notes)?;
    goes_on(shop, &mut paid, notes)
}

fn full_when_the_reply_comes(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    accepted(shop)?;
    let mut sale = Sale::new(Way::Mobile);
    let heard = pay_and_meanwhile(shop, &sale, fill)?;
    is_not_recorded(shop, &heard, FULL, notes)?;
    free(shop)?;
    goes_on(shop, &mut sale, notes)
}

fn read_only_without_a_journal(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    let mut sale = Sale::new(Way::Mobile);
    set_read_only(shop, true)?;
    sends_nothing(shop, &sale, READ_ONLY, notes)?;
    set_read_only(shop, false)?;
    goes_on(shop, &mut sale, notes)
}

fn read_only_with_a_journal(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    let mut sale = Sale::new(Way::Mobile);
    let mut paid = accepted(shop)?;
    set_read_only(shop, true)?;
    sends_nothing(shop, &sale, READ_ONLY, notes)?;
    changes_nothing(shop, &paid, READ_ONLY, notes)?;
    set_read_only(shop, false)?;
    goes_on(shop, &mut sale, notes)?;
    goes_on(shop, &mut paid, notes)
}

fn locked_for_a_moment(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    accepted(shop)?;
    let mut sale = Sale::new(Way::Mobile);
    let holder = lock(shop)?;
    let release = thread::spawn(move || {
        thread::sleep(SHORT);
        drop(holder);
    });
    let heard = shop.call(&sale.pay())?;
    release.join().expect("it only sleeps");
    notes.check(heard.iter().all(|one| one.error.is_none()), || {
        format!("a lock that was released: {heard:?}")
    });
    goes_on(shop, &mut sale, notes)
}

fn locked_for_long(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    let mut sale = Sale::new(Way::Mobile);
    let mut paid = accepted(shop)?;
    let holder = lock(shop)?;
    sends_nothing(shop, &sale, LOCKED, notes)?;
    changes_nothing(shop, &paid, LOCKED, notes)?;
    // Who only reads does not wait.
    let seen = paid.look(shop, "while it is locked", false)?;
    notes.check(seen.entry.is_some(), || "it cannot be read".to_owned());
    drop(holder);
    goes_on(shop, &mut sale, notes)?;
    goes_on(shop, &mut paid, notes)
}

fn locked_when_the_reply_comes(shop: &mut Shop<'_>, notes: &mut Notes) -> Result<(), Stop> {
    accepted(shop)?;
    let mut sale = Sale::new(Way::Mobile);
    let mut release = None;
    let heard = pay_and_meanwhile(shop, &sale, |shop| {
        let holder = lock(shop)?;
        release = Some(thread::spawn(move || {
            thread::sleep(REPLY_DELAY + LONG);
            drop(holder);
        }));
        Ok(())
    })?;
    // It is waited for longer than before a request: nobody else has the reply.
    notes.check(heard.iter().all(|one| one.error.is_none()), || {
        format!("a lock that was released: {heard:?}")
    });
    if let Some(release) = release {
        release.join().expect("it only sleeps");
    }
    goes_on(shop, &mut sale, notes)
}

/// A payment that the gateway accepted before the trouble, and that is paid by now.
fn accepted(shop: &mut Shop<'_>) -> Result<Sale, Stop> {
    let sale = Sale::new(Way::Mobile);
    shop.call(&sale.pay())?;
    let ledger = shop.gateway.ledger(&sale.reference)?;
    let taken = ledger.payments.first().ok_or("no payment".to_owned())?;
    shop.gateway.approve(&taken.order_number)?;
    Ok(sale)
}

/// A new payment is refused, and the gateway hears nothing of it.
fn sends_nothing(
    shop: &mut Shop<'_>,
    sale: &Sale,
    advice: &[&str],
    notes: &mut Notes,
) -> Result<(), Stop> {
    let heard = shop.call(&sale.pay())?;
    notes.is_refused(shop, &heard, "NOT_SENT", advice);
    let requests = shop.gateway.ledger(&sale.reference)?.requests;
    notes.check(requests == 0, || format!("{requests} requests were sent"));
    Ok(())
}

/// Of a paid entry, nothing is reported that is not recorded.
fn changes_nothing(
    shop: &mut Shop<'_>,
    paid: &Sale,
    advice: &[&str],
    notes: &mut Notes,
) -> Result<(), Stop> {
    let mut children = Vec::new();
    for call in [paid.settle(), paid.callback(shop), Call::Reconcile] {
        children.push(start(shop, &call)?);
    }
    for child in children {
        let heard = end(shop, child)?;
        notes.is_refused(shop, &heard, "NOT_SENT", advice);
    }
    Ok(())
}

/// The payment was accepted, and the journal could not be told.
fn is_not_recorded(
    shop: &Shop<'_>,
    heard: &[Heard],
    advice: &[&str],
    notes: &mut Notes,
) -> Result<(), Stop> {
    notes.is_refused(shop, heard, "UNKNOWN", advice);
    let number = heard.first().and_then(|one| one.order_number.as_ref());
    notes.check(number.is_some(), || format!("no order number in {heard:?}"));
    Ok(())
}

/// Pays. When the gateway has the request, and has not replied yet, the trouble begins.
fn pay_and_meanwhile(
    shop: &mut Shop<'_>,
    sale: &Sale,
    begin: impl FnOnce(&Shop<'_>) -> Result<(), String>,
) -> Result<Vec<Heard>, Stop> {
    let gateway = shop.gateway;
    gateway.delay_replies(REPLY_DELAY)?;
    let child = start(shop, &sale.pay())?;
    let began = Instant::now();
    while gateway.ledger_now(&sale.reference).payments.is_empty() {
        if began.elapsed() > PATIENCE {
            return Err("the payment does not arrive".to_owned().into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    gateway.reply_at_once();
    begin(shop)?;
    end(shop, child)
}

fn start(shop: &Shop<'_>, call: &Call) -> Result<Child, String> {
    let mut command = shop.command(call)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| error.to_string())
}

fn end(shop: &mut Shop<'_>, child: Child) -> Result<Vec<Heard>, Stop> {
    let output = child.wait_with_output();
    let ended = Ended::from(output.map_err(|error| error.to_string())?);
    Ok(shop.hear(&ended)?)
}

/// The trouble is over: the payment is made, or was, and is delivered.
fn goes_on(shop: &mut Shop<'_>, sale: &mut Sale, notes: &mut Notes) -> Result<(), Stop> {
    sale::reconcile(shop)?;
    sale.pay_again(shop)?;
    sale.complete(shop, false)?;
    notes.checks += 1;
    Ok(())
}

impl Notes {
    fn check(&mut self, is_right: bool, problem: impl FnOnce() -> String) {
        self.checks += 1;
        if !is_right {
            self.wrong.push(problem());
        }
    }

    /// The error of a journal that cannot be written. It names the journal and gives one of these advices.
    fn is_refused(&mut self, shop: &Shop<'_>, heard: &[Heard], outcome: &str, advice: &[&str]) {
        let journal = shop.journal().display().to_string();
        let error = heard.iter().find_map(|one| one.error.as_ref());
        let is_right = error.is_some_and(|error| {
            error.code == "JOURNAL"
                && error.outcome == outcome
                && error.message.contains(&journal)
                && advice.iter().any(|part| error.message.contains(part))
        });
        self.check(is_right, || {
            let expected = format!("expected JOURNAL {outcome} and {advice:?}");
            Broken::NoAdvice
                .because(format!("{heard:?}, {expected}"))
                .to_string()
        });
    }
}
