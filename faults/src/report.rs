//! The report printed at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::abi::CallResult;
use crate::catalogue::Class;
use crate::judge::{Kind, overrun};
use crate::plan::Call;
use crate::runner::FinishedRun;

/// The counts of all runs.
#[derive(Default)]
pub struct Report {
    classes: BTreeMap<Class, Row>,
    results: BTreeMap<&'static str, usize>,
    kinds: BTreeMap<Kind, usize>,
    worst_overrun: Duration,
    /// The same, minus the delay of the machine during the call.
    worst_corrected: Duration,
    runs: usize,
    grouped: usize,
}

#[derive(Default)]
struct Row {
    runs: usize,
    pays: usize,
    secure: usize,
    reused: usize,
    grouped: usize,
    late: usize,
    wrong: usize,
}

impl Report {
    pub fn add(&mut self, finished: &FinishedRun, seed: u64) {
        let run = &finished.run;
        let class = match &run.call {
            Call::Verify(callback) if callback.result_before_check.is_some() => Class::Callback,
            _ => run.faults[0].class,
        };
        let row = self.classes.entry(class).or_default();
        row.runs += 1;
        row.pays += usize::from(run.operation.is_pay);
        row.secure += usize::from(run.settings.secure);
        row.reused += usize::from(run.settings.reused);
        row.grouped += usize::from(finished.in_group);
        row.late += usize::from(finished.verdict.late);
        row.wrong += usize::from(!finished.verdict.wrong.is_empty());
        self.runs += 1;
        self.grouped += usize::from(finished.in_group);
        let result_name = match &finished.result {
            CallResult::Payment { .. } => "payment",
            CallResult::State { .. } => "transaction",
            CallResult::Error { outcome: 0, .. } => "UNKNOWN",
            CallResult::Error { outcome: 1, .. } => "NOT_SENT",
            CallResult::Error { outcome: 2, .. } => "REFUSED",
            CallResult::Error { .. } => "no such outcome",
        };
        *self.results.entry(result_name).or_default() += 1;
        let over = overrun(run, &finished.result, finished.time);
        self.worst_overrun = self.worst_overrun.max(over);
        let corrected = over.saturating_sub(finished.time.delay);
        self.worst_corrected = self.worst_corrected.max(corrected);
        for (kind, details) in &finished.verdict.wrong {
            let count = self.kinds.entry(*kind).or_default();
            *count += 1;
            // Print only the first 20 of a kind; count them all.
            if *count <= 20 {
                println!("\nWRONG: {kind:?}: {details}");
                print_run(finished, seed);
            }
        }
    }

    pub fn is_clean(&self) -> bool {
        self.kinds.is_empty()
    }

    pub fn print(&self, worst_lateness: Duration) {
        println!(
            "\n{:32}{:>7}{:>7}{:>7}{:>8}{:>9}{:>7}{:>7}",
            "fault at", "runs", "pay", "https", "reused", "grouped", "late", "wrong"
        );
        for (class, row) in &self.classes {
            println!(
                "{:32}{:>7}{:>7}{:>7}{:>8}{:>9}{:>7}{:>7}",
                class.name(),
                row.runs,
                row.pays,
                row.secure,
                row.reused,
                row.grouped,
                row.late,
                row.wrong
            );
        }
        println!(
            "late: TIMEOUT instead of the result that the fault alone gives, explained by the clock"
        );
        let results: Vec<String> = self
            .results
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        println!(
            "\n{} runs, {} of them in groups: {}",
            self.runs,
            self.grouped,
            results.join(", ")
        );
        println!(
            "worst overrun {} ms; without the machine's delay in that call, {} ms; worst machine delay {} ms\n",
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

/// Prints one run in full.
pub fn print_run(finished: &FinishedRun, seed: u64) {
    let run = &finished.run;
    println!(
        "    repeat with: flexpay-faults --seed {seed} --only {}",
        run.index
    );
    println!(
        "    result: {:?} in {:?}",
        finished.result, finished.time.took
    );
    println!(
        "    machine delay during the call: {:?}",
        finished.time.delay
    );
    let call = format!("{:?}", run.call);
    println!("    call: {}", call.chars().take(300).collect::<String>());
    println!(
        "    client: {:?}{}",
        run.settings,
        if finished.in_group {
            ", in a group"
        } else {
            ""
        }
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
