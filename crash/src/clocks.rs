//! The clock is set back a year or forward ten between any two calls. What the merchant hears, and what the
//! journal has at the end, is the same as with a right clock.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use flexpay::journal::Journal;

use crate::clock::{CLOCKS, Clock};
use crate::gateway::Gateway;
use crate::judge::{Broken, Violation};
use crate::rng::Rng;
use crate::sale::{Sale, Stop};
use crate::shop::Shop;
use crate::worker::{Call, Heard, Way};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The gateway will take the next payment, and its reply will be lost.
    LoseReply,
    /// The gateway will not take the next payment, and its reply will be lost.
    LoseRequest,
    Pay,
    /// A process that is sending is killed. Another tries to pay before that.
    PayTwiceAndKill,
    Settle,
    Callback,
    Reconcile,
    Deliver,
    /// A person says that nothing was sent.
    Resolve,
    CustomerPays,
    PaymentFails,
}

use Step::*;

/// Each begins with a new journal, and ends with a payment that is delivered.
const STORIES: [(&str, &[Step]); 4] = [
    (
        "a lost reply",
        &[
            LoseReply,
            Pay,
            Pay,
            Settle,
            Reconcile,
            CustomerPays,
            Callback,
            Callback,
            Deliver,
            Deliver,
            Pay,
        ],
    ),
    (
        "a killed sender",
        &[
            PayTwiceAndKill,
            Reconcile,
            Pay,
            CustomerPays,
            Callback,
            Reconcile,
            Deliver,
            Deliver,
            Pay,
        ],
    ),
    (
        "a late PAID",
        &[
            Pay,
            PaymentFails,
            Settle,
            Reconcile,
            Pay,
            Settle,
            CustomerPays,
            Settle,
            Settle,
            Deliver,
            Deliver,
        ],
    ),
    (
        "a person",
        &[
            LoseRequest,
            Pay,
            Pay,
            Resolve,
            Pay,
            CustomerPays,
            Reconcile,
            Deliver,
            Pay,
            Deliver,
        ],
    ),
];

const PATIENCE: Duration = Duration::from_secs(10);

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(60);

/// Plays each story with right clocks, and so many times with wrong ones.
pub fn run(times: usize, seed: u64) -> Result<bool, String> {
    let gateway = Gateway::start()?;
    check_shim(&gateway)?;
    let mut wrong = 0;
    println!("\nThe clock is set back a year or forward ten, between any two calls");
    for (number, (name, steps)) in STORIES.into_iter().enumerate() {
        let right = play(&gateway, steps, &mut || Clock::Right)?;
        let mut rng = Rng::new(seed, number as u64);
        let mut different = 0;
        for _ in 0..times {
            let played = play(&gateway, steps, &mut || Clock::any(&mut rng))?;
            if played != right {
                different += 1;
                let differs = |index: &usize| right.get(*index) != played.get(*index);
                let first = (0..right.len()).find(differs).unwrap_or(right.len());
                let (right, played) = (right.get(first), played.get(first));
                println!("WRONG: {name}: {played:?}\n    with right clocks: {right:?}");
            }
        }
        println!(
            "  {name:18}{times:>4} times, {} things heard each: {different} different",
            right.len()
        );
        wrong += different;
    }
    Ok(wrong == 0)
}

/// Returns what the merchant heard and what is in the journal, without names that differ from run to run.
fn play(
    gateway: &Gateway,
    steps: &[Step],
    clock: &mut dyn FnMut() -> Clock,
) -> Result<Vec<String>, String> {
    gateway.sandbox.clear();
    let mut shop = Shop::new(gateway, None)?;
    let mut sale = Sale::new(Way::Card);
    let mut told = Vec::new();
    for step in steps {
        shop.clock = clock();
        let heard = take(*step, &mut shop, &mut sale);
        let heard = heard.map_err(|problem| format!("{step:?}: {problem}"))?;
        told.extend(heard.iter().map(|one| format!("{one:?}")));
    }
    let mut seen = match sale.look(&shop, "at the end", false) {
        Ok(seen) => seen,
        Err(Stop::Failed(problem)) => return Err(problem),
        Err(Stop::Violations(violations)) => {
            told.extend(violations.iter().map(Violation::to_string));
            return Ok(told);
        }
    };
    if let Some(entry) = &mut seen.entry {
        // The gateway makes up each address.
        entry.redirect_url = None;
        // A wrong clock may count one too many or too few, until the entry is paid.
        entry.failures = 0;
        entry.failure_at = None;
    }
    told.push(format!("{:?}, delivered {}", seen.entry, seen.deliveries));

    // What is old depends on the clock, and what was pruned is not sent again.
    let tell = |violation: Violation| violation.to_string();
    for call in [Call::Prune, sale.pay()] {
        shop.clock = clock();
        shop.call(&call).map_err(tell)?;
    }
    let requests = gateway.ledger(&sale.reference)?.requests;
    if requests != seen.ledger.requests {
        let sent = Broken::SentTwice.because("a pruned payment was sent again");
        told.push(sent.to_string());
    }
    let numbers = gateway.sandbox.payments().into_iter();
    let numbers: Vec<String> = numbers.map(|one| one.order_number).collect();
    let nameless = |text: String| {
        let text = text.replace(&sale.reference, "REFERENCE");
        let text = text.replace(&shop.folder.path().display().to_string(), "FOLDER");
        numbers
            .iter()
            .fold(text, |text, number| text.replace(number, "ORDER"))
    };
    Ok(told.into_iter().map(nameless).collect())
}

fn take(step: Step, shop: &mut Shop<'_>, sale: &mut Sale) -> Result<Vec<Heard>, String> {
    let gateway = shop.gateway;
    let order_number = || {
        let payments = gateway.ledger_now(&sale.reference).payments;
        let first = payments.first().map(|one| one.order_number.clone());
        first.ok_or_else(|| "the gateway has no payment".to_owned())
    };
    let call = match step {
        LoseReply => {
            gateway.lose_next_reply()?;
            return Ok(Vec::new());
        }
        LoseRequest => {
            gateway.lose_next_payment()?;
            return Ok(Vec::new());
        }
        CustomerPays => {
            gateway.approve(&order_number()?)?;
            return Ok(Vec::new());
        }
        PaymentFails => {
            gateway.decline(&order_number()?)?;
            return Ok(Vec::new());
        }
        PayTwiceAndKill => return pay_twice_and_kill(shop, sale),
        Pay => sale.pay(),
        Settle => sale.settle(),
        Callback => sale.callback(shop),
        Reconcile => Call::Reconcile,
        Deliver => sale.deliver(shop),
        Resolve => {
            sale.allowed_requests += 1;
            sale.resolve(None)
        }
    };
    shop.call(&call).map_err(|violation| violation.to_string())
}

fn pay_twice_and_kill(shop: &mut Shop<'_>, sale: &Sale) -> Result<Vec<Heard>, String> {
    let gateway = shop.gateway;
    gateway.delay_replies(NEVER)?;
    let mut command = shop.command(&sale.pay())?;
    command.stdout(Stdio::null());
    let mut first = command.spawn().map_err(|error| error.to_string())?;
    let began = Instant::now();
    while gateway.ledger_now(&sale.reference).payments.is_empty() {
        if began.elapsed() > PATIENCE {
            return Err("the payment does not arrive".to_owned());
        }
        thread::sleep(Duration::from_millis(1));
    }
    shop.clock = match shop.clock {
        Clock::Right => Clock::Right,
        Clock::YearBack => Clock::TenYearsAhead,
        Clock::TenYearsAhead => Clock::YearBack,
    };
    let heard = shop.call(&sale.pay());
    first.kill().map_err(|error| error.to_string())?;
    first.wait().map_err(|error| error.to_string())?;
    gateway.reply_at_once();
    heard.map_err(|violation| violation.to_string())
}

/// The times in the journal show that the clocks of the workers are wrong.
fn check_shim(gateway: &Gateway) -> Result<(), String> {
    let mut times = Vec::new();
    for clock in CLOCKS {
        gateway.sandbox.clear();
        let mut shop = Shop::new(gateway, None)?;
        let sale = Sale::new(Way::Card);
        shop.clock = clock;
        let paid = shop.call(&sale.pay());
        paid.map_err(|violation| violation.to_string())?;
        let stored = Journal::new(shop.journal()).get(&sale.reference);
        let stored = stored.map_err(|error| error.to_string())?;
        times.push(stored.ok_or("there is no entry")?.changed_at);
    }
    match times[1] < times[0] && times[0] < times[2] {
        true => Ok(()),
        false => Err(format!("the clocks of the workers are right: {times:?}")),
    }
}
