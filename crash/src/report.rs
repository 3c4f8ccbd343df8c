//! The table that is printed at the end of a run, and how to repeat what was wrong.

use std::collections::BTreeMap;

use crate::judge::{BROKEN, Violation};
use crate::trial::Verdict;

/// The counts of each row, such as an operation.
#[derive(Default)]
pub struct Report {
    rows: BTreeMap<String, Row>,
    wrong: usize,
}

#[derive(Default)]
struct Row {
    interrupted: usize,
    unharmed: usize,
    after: BTreeMap<String, usize>,
    errors: BTreeMap<String, usize>,
    broken: [usize; BROKEN.len()],
    acknowledged_only: usize,
    leftovers: usize,
}

/// How many violations are printed in full.
const PRINTED: usize = 20;

impl Report {
    pub fn interrupted(&mut self, row: &str, verdict: &Verdict, repeat: &str) {
        let row = self.rows.entry(row.to_owned()).or_default();
        row.interrupted += 1;
        *row.after.entry(verdict.after.clone()).or_default() += 1;
        if let Some(error) = &verdict.error {
            *row.errors.entry(error.clone()).or_default() += 1;
        }
        row.acknowledged_only += usize::from(verdict.acknowledged_only);
        row.leftovers += usize::from(verdict.leftovers > 0);
        for violation in &verdict.violations {
            let position = BROKEN.iter().position(|one| *one == violation.broken);
            row.broken[position.unwrap_or_default()] += 1;
        }
        if !verdict.violations.is_empty() {
            self.wrong(&verdict.violations, repeat);
        }
    }

    /// The call made fewer system calls this time, so nothing happened to it.
    pub fn unharmed(&mut self, row: &str) {
        self.rows.entry(row.to_owned()).or_default().unharmed += 1;
    }

    fn wrong(&mut self, violations: &[Violation], repeat: &str) {
        self.wrong += 1;
        if self.wrong <= PRINTED {
            for violation in violations {
                println!("WRONG: {violation}");
            }
            println!("    repeat with: {repeat}");
        }
    }

    pub fn is_clean(&self) -> bool {
        self.wrong == 0
    }

    pub fn print(&self, heading: &str, interruption: &str) {
        println!("\n{heading}");
        let mut total = 0;
        for (name, row) in &self.rows {
            total += row.interrupted;
            println!(
                "  {name:14}{:>6} {interruption}; then the journal said: {}",
                row.interrupted,
                counts(&row.after)
            );
            let more = [
                ("the caller heard: ", counts(&row.errors)),
                (
                    "acknowledged, and not delivered: ",
                    count(row.acknowledged_only),
                ),
                ("a file was left over: ", count(row.leftovers)),
                ("ended before that call: ", count(row.unharmed)),
            ];
            for (label, text) in more.iter().filter(|(_, text)| !text.is_empty()) {
                println!("{:22}{label}{text}", "");
            }
        }
        println!("  {total} {interruption} in all; of these:");
        for (index, broken) in BROKEN.iter().enumerate() {
            let count: usize = self.rows.values().map(|row| row.broken[index]).sum();
            println!("    {:24}{count:>6}", broken.name());
        }
    }
}

/// Nothing for 0.
fn count(number: usize) -> String {
    match number {
        0 => String::new(),
        _ => number.to_string(),
    }
}

fn counts(after: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = after
        .iter()
        .map(|(state, count)| format!("{state} {count}"))
        .collect();
    parts.join(", ")
}
