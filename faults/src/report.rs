//! What is printed in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::abi::Got;
use crate::catalogue::Class;
use crate::drive::Done;
use crate::judge::{Kind, overrun};
use crate::plan::Call;

/// Everything that was counted.
#[derive(Default)]
pub struct Report {
    classes: BTreeMap<Class, Row>,
    results: BTreeMap<&'static str, usize>,
    kinds: BTreeMap<Kind, usize>,
    worst_overrun: Duration,
    /// The same, less what the control thread was late by.
    worst_corrected: Duration,
    runs: usize,
    crowded: usize,
}

#[derive(Default)]
struct Row {
    runs: usize,
    pays: usize,
    secure: usize,
    reused: usize,
    crowded: usize,
    late: usize,
    wrong: usize,
}

impl Report {
    pub fn add(&mut self, done: &Done, seed: u64) {
        let run = &done.run;
        let class = match &run.call {
            Call::Verify(notice) if notice.refused.is_some() => Class::Callback,
            _ => run.faults[0].class,
        };
        let row = self.classes.entry(class).or_default();
        row.runs += 1;
        row.pays += usize::from(run.question.is_pay);
        row.secure += usize::from(run.shop.secure);
        row.reused += usize::from(run.shop.reused);
        row.crowded += usize::from(done.crowd);
        row.late += usize::from(done.verdict.late);
        row.wrong += usize::from(!done.verdict.wrong.is_empty());
        self.runs += 1;
        self.crowded += usize::from(done.crowd);
        let result = match &done.got {
            Got::Payment { .. } => "payment",
            Got::State { .. } => "transaction",
            Got::Error { outcome: 0, .. } => "UNKNOWN",
            Got::Error { outcome: 1, .. } => "NOT_SENT",
            Got::Error { outcome: 2, .. } => "REFUSED",
            Got::Error { .. } => "no such outcome",
        };
        *self.results.entry(result).or_default() += 1;
        let over = overrun(run, &done.got, done.time);
        self.worst_overrun = self.worst_overrun.max(over);
        let corrected = over.saturating_sub(done.time.lateness);
        self.worst_corrected = self.worst_corrected.max(corrected);
        for (kind, words) in &done.verdict.wrong {
            let count = self.kinds.entry(*kind).or_default();
            *count += 1;
            // The count goes on; a hundred like it tell no more.
            if *count <= 20 {
                println!("\nWRONG: {kind:?}: {words}");
                print_run(done, seed);
            }
        }
    }

    pub fn is_clean(&self) -> bool {
        self.kinds.is_empty()
    }

    pub fn print(&self, worst_lateness: Duration) {
        println!(
            "\n{:32}{:>7}{:>7}{:>7}{:>8}{:>9}{:>7}{:>7}",
            "fault at", "runs", "pay", "https", "reused", "crowded", "late", "wrong"
        );
        for (class, row) in &self.classes {
            println!(
                "{:32}{:>7}{:>7}{:>7}{:>8}{:>9}{:>7}{:>7}",
                class.name(),
                row.runs,
                row.pays,
                row.secure,
                row.reused,
                row.crowded,
                row.late,
                row.wrong
            );
        }
        println!(
            "late: TIMEOUT where the fault alone gives another result, explained by the clock"
        );
        let results: Vec<String> = self
            .results
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        println!(
            "\n{} runs, {} of them crowded: {}",
            self.runs,
            self.crowded,
            results.join(", ")
        );
        println!(
            "worst overrun {} ms; less the machine's own lateness then, {} ms; worst lateness {} ms\n",
            self.worst_overrun.as_millis(),
            self.worst_corrected.as_millis(),
            worst_lateness.as_millis()
        );
        for (kind, name) in Kind::ALL {
            println!(
                "{name:40}{:>7}",
                self.kinds.get(&kind).copied().unwrap_or(0)
            );
        }
    }
}

/// Everything about one run.
pub fn print_run(done: &Done, seed: u64) {
    let run = &done.run;
    println!(
        "    repeat with: flexpay-faults --seed {seed} --only {}",
        run.index
    );
    println!("    got: {:?} in {:?}", done.got, done.time.took);
    println!(
        "    lateness of the machine meanwhile: {:?}",
        done.time.lateness
    );
    let call = format!("{:?}", run.call);
    println!("    call: {}", call.chars().take(300).collect::<String>());
    println!(
        "    shop: {:?}{}",
        run.shop,
        if done.crowd { ", in a crowd" } else { "" }
    );
    for fault in &run.faults {
        let script = format!("{:?}", fault.script);
        let script: String = script.chars().take(400).collect();
        println!(
            "    fault: {}: {}; acceptable: {:?}",
            fault.class.name(),
            fault.name,
            fault.expectations
        );
        println!("        {script}");
    }
}
