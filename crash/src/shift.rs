//! A process of the crowd: it makes many calls, about payments that the others sell, too.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flexpay::Client;

use crate::rng::Rng;
use crate::worker::{self, Call, Heard, Way};

/// A line of the list of payments.
pub fn line(way: Way, reference: &str) -> String {
    format!("{} {reference}\n", way.name())
}

/// What a process does.
#[derive(Clone, Debug, Args)]
pub struct Shift {
    /// The list of payments.
    #[arg(long)]
    pub sales: PathBuf,
    /// It works on this one of the list, and on those after it.
    #[arg(long)]
    pub first: usize,
    #[arg(long)]
    pub width: usize,
    /// The log of what was delivered.
    #[arg(long)]
    pub log: PathBuf,
    #[arg(long)]
    pub calls: usize,
    #[arg(long)]
    pub seed: u64,
}

/// Makes the calls, and prints what came of each.
pub fn work(client: &Client, shift: &Shift) {
    let text = fs::read_to_string(&shift.sales).expect("the list of payments");
    let lines = text.lines().skip(shift.first).take(shift.width);
    let sales: Vec<(Way, &str)> = lines.map(parse).collect();
    let mut rng = Rng::new(shift.seed, 0);
    for _ in 0..shift.calls {
        let (way, reference) = sales[rng.below(sales.len())];
        let reference = reference.to_owned();
        let call = match rng.below(20) {
            0..10 => Call::Pay { way, reference },
            10..14 => Call::Settle { reference },
            14..19 => Call::Deliver {
                reference,
                log: shift.log.clone(),
            },
            _ => Call::Reconcile,
        };
        match worker::make(client, &call) {
            Ok(heard) => heard.iter().for_each(worker::say),
            Err(error) => worker::say(&Heard::error(call.reference(), &error)),
        }
    }
}

fn parse(line: &str) -> (Way, &str) {
    let (way, reference) = line.split_once(' ').expect("a way and a reference");
    (Way::from_str(way, false).expect("a way"), reference)
}

impl Shift {
    /// The arguments of the program.
    pub fn arguments(&self) -> Vec<String> {
        vec![
            format!("--sales={}", self.sales.display()),
            format!("--first={}", self.first),
            format!("--width={}", self.width),
            format!("--log={}", self.log.display()),
            format!("--calls={}", self.calls),
            format!("--seed={}", self.seed),
        ]
    }
}
