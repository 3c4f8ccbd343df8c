//! The report printed at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::catalogue::Class;
use crate::interface::{CallResult, consts};
use crate::interruption::Interruption;
use crate::journal;
use crate::judge::{Kind, overrun};
use crate::runner::FinishedRun;

/// The counts of all runs.
#[derive(Default)]
pub struct Report {
    classes: BTreeMap<Class, Row>,
    /// The runs of each call, and those of them with each result.
    calls: BTreeMap<&'static str, [usize; RESULTS.len()]>,
    kinds: BTreeMap<Kind, usize>,
    worst_overrun: Duration,
    /// The same, minus the delay of the machine during the call.
    worst_corrected: Duration,
    runs: usize,
    grouped: usize,
    /// The runs whose process was interrupted, by the kind of interruption.
    interruptions: BTreeMap<&'static str, Interrupted>,
    /// The payments and payouts of clients with a journal, by the state of the entry afterwards.
    entries: BTreeMap<&'static str, usize>,
    /// Those of them that were requested again, which sent nothing.
    repeated: usize,
}

/// The results of interrupted runs.
#[derive(Default)]
struct Interrupted {
    runs: usize,
    /// Those of them that pay or pay out.
    money: usize,
    replied: usize,
    /// Without a reply: by outcome, and whether the server saw a request.
    unknown: Seen,
    not_sent: Seen,
}

#[derive(Default)]
struct Seen {
    seen: usize,
    unseen: usize,
}

impl Seen {
    fn add(&mut self, is_seen: bool) {
        self.seen += usize::from(is_seen);
        self.unseen += usize::from(!is_seen);
    }
}

/// The calls, with the heading of each.
const CALLS: [(&str, &str); 6] = [
    ("pay", "pay"),
    ("pay_mobile", "mobile"),
    ("payout", "payout"),
    ("check", "check"),
    ("wait", "wait"),
    ("verify_callback", "verify"),
];
/// The process made another call, which was interrupted.
const BY_ANOTHER_CALL: &str = "by another call";
/// The results of a call: success, and the outcomes of an error.
const RESULTS: [&str; 5] = ["success", "UNKNOWN", "NOT_SENT", "REFUSED", "other"];

#[derive(Default)]
struct Row {
    runs: usize,
    calls: BTreeMap<&'static str, usize>,
    secure: usize,
    reused: usize,
    grouped: usize,
    traced: usize,
    late: usize,
    wrong: usize,
}

impl Report {
    pub fn add(&mut self, finished: &FinishedRun, seed: u64) {
        let run = &finished.run;
        let class = match run.local_refusal() {
            Some(_) => Class::RefusedLocally,
            None => run.faults[0].class,
        };
        let row = self.classes.entry(class).or_default();
        row.runs += 1;
        *row.calls.entry(run.call.name()).or_default() += 1;
        row.secure += usize::from(run.settings.secure);
        row.reused += usize::from(run.settings.reused);
        row.grouped += usize::from(finished.in_group);
        row.traced += usize::from(run.settings.trace);
        row.late += usize::from(finished.verdict.late);
        row.wrong += usize::from(!finished.verdict.wrong.is_empty());
        self.runs += 1;
        self.grouped += usize::from(finished.in_group);
        let result = match finished.result.outcome() {
            None => 0,
            Some(consts::OUTCOME_UNKNOWN) => 1,
            Some(consts::OUTCOME_NOT_SENT) => 2,
            Some(consts::OUTCOME_REFUSED) => 3,
            Some(_) => 4,
        };
        self.calls.entry(run.call.name()).or_default()[result] += 1;
        self.add_interruption(finished);
        if let Some(found) = &finished.found {
            let state = found
                .state
                .as_ref()
                .map_or("unreadable", |state| journal::name(*state));
            *self.entries.entry(state).or_default() += 1;
            self.repeated += usize::from(found.repeated.is_some());
        }
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

    fn add_interruption(&mut self, finished: &FinishedRun) {
        let name = match finished.run.interruption {
            Some(interruption) => interruption.name(),
            None if finished.interrupted.is_some() => BY_ANOTHER_CALL,
            None => return,
        };
        let row = self.interruptions.entry(name).or_default();
        row.runs += 1;
        row.money += usize::from(finished.run.call.moves_money());
        match finished.result {
            CallResult::NoReply {
                outcome: consts::OUTCOME_NOT_SENT,
            } => row.not_sent.add(finished.request_seen),
            CallResult::NoReply { .. } => row.unknown.add(finished.request_seen),
            _ => row.replied += 1,
        }
    }

    fn print_interruptions(&self) {
        if self.interruptions.is_empty() {
            return;
        }
        println!(
            "{:27}{:>9}{:>9}{:>9}{:>19}{:>19}",
            "process of the call", "runs", "money", "reply", "UNKNOWN", "NOT_SENT"
        );
        println!(
            "{:27}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}{:>9}",
            "", "", "", "", "seen", "unseen", "seen", "unseen"
        );
        let names = Interruption::NAMES.iter().chain([&BY_ANOTHER_CALL]);
        for (name, row) in names.filter_map(|name| Some((name, self.interruptions.get(name)?))) {
            println!(
                "{name:27}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}{:>9}",
                row.runs,
                row.money,
                row.replied,
                row.unknown.seen,
                row.unknown.unseen,
                row.not_sent.seen,
                row.not_sent.unseen
            );
        }
        let runs: usize = self.interruptions.values().map(|row| row.runs).sum();
        let without: usize = self
            .interruptions
            .values()
            .map(|row| row.runs - row.replied)
            .sum();
        println!("{runs} runs on an interrupted process, {without} of them without a reply");
        println!("money: payments and payouts; seen: the server received a byte of a request\n");
    }

    pub fn is_clean(&self) -> bool {
        self.kinds.is_empty()
    }

    pub fn print(&self, worst_lateness: Duration) {
        let columns = |first: &str, columns: Vec<String>| {
            let columns: String = columns.iter().map(|text| format!("{text:>9}")).collect();
            println!("{first:27}{columns}");
        };
        let headings = CALLS.iter().map(|(_, heading)| heading);
        let properties = ["https", "reused", "grouped", "traced", "late", "wrong"];
        let headings = ["runs"].iter().chain(headings).chain(&properties);
        println!();
        columns(
            "fault at",
            headings.map(|heading| (*heading).to_owned()).collect(),
        );
        for (class, row) in &self.classes {
            let calls = CALLS.map(|(call, _)| row.calls.get(call).copied().unwrap_or(0));
            let properties = [
                row.secure,
                row.reused,
                row.grouped,
                row.traced,
                row.late,
                row.wrong,
            ];
            let numbers = [row.runs].into_iter().chain(calls).chain(properties);
            columns(
                class.name(),
                numbers.map(|number| number.to_string()).collect(),
            );
        }
        println!(
            "late: TIMEOUT instead of the result that the fault alone gives, explained by the clock"
        );
        println!();
        let headings = ["runs"].iter().chain(&RESULTS);
        columns(
            "call",
            headings.map(|heading| (*heading).to_owned()).collect(),
        );
        for (call, counts) in &self.calls {
            let numbers = [counts.iter().sum()].into_iter().chain(*counts);
            columns(
                call,
                numbers.map(|number: usize| number.to_string()).collect(),
            );
        }
        println!();
        self.print_interruptions();
        let entries: Vec<String> = self
            .entries
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        println!(
            "{} payments and payouts with a journal: {}; {} requested again",
            self.entries.values().sum::<usize>(),
            entries.join(", "),
            self.repeated
        );
        println!("{} runs, {} of them in groups", self.runs, self.grouped);
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
    if let Some(trace) = &finished.trace {
        let trace: String = trace.chars().take(1_000).collect();
        println!("    trace: {trace}");
    }
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
    if let Some(interruption) = run.interruption {
        println!("    interruption: {interruption:?}");
    }
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
