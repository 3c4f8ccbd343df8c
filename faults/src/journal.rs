//! The journal of a client, opened again after its calls, as a program does that starts again. Each client has
//! a file of its own.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::interface::{CallResult, consts};
use crate::judge::Observation;
use crate::plan::Run;

/// The states of an entry: FLEXPAY_ENTRY_* of `include/flexpay.h`.
pub const STATES: [(&str, i32); 10] = [
    ("SENDING", SENDING),
    ("NOT_SENT", NOT_SENT),
    ("REFUSED", REFUSED),
    ("IN_DOUBT", IN_DOUBT),
    ("ACCEPTED", ACCEPTED),
    ("PAID", 6),
    ("FAILED", 7),
    ("CANCELLED", 8),
    ("REFUNDING", 9),
    ("REFUNDED", 10),
];
const SENDING: i32 = 1;
const NOT_SENT: i32 = 2;
const REFUSED: i32 = 3;
const IN_DOUBT: i32 = 4;
const ACCEPTED: i32 = 5;

/// How long a call may take besides its deadline, which applies to the request alone: the first one makes the
/// file, and each of those that share it writes twice, one after the other. The library that is tested may be
/// a debug build, on a busy machine.
pub fn longest_write(calls: usize) -> Duration {
    Duration::from_millis(100) + Duration::from_millis(25) * calls as u32
}

/// A folder for a journal, removed when dropped.
pub struct Folder(TempDir);

impl Folder {
    /// In memory: the deadlines of the calls leave no time for a busy disk.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let made = tempfile::Builder::new()
            .prefix("flexpay-faults-")
            .tempdir_in(parent);
        Self(made.expect("a folder for a journal"))
    }

    pub fn journal(&self) -> String {
        let path = self.0.path().join("journal.db");
        path.to_string_lossy().into_owned()
    }
}

/// What the journal says of a run's reference after its call.
pub struct Found {
    /// The entry's state. `None`: there is no entry.
    pub state: Result<Option<i32>, String>,
    /// The result of the same request once more, if it must not be sent again.
    pub repeated: Option<CallResult>,
}

/// Whether the same request must not be sent again.
pub fn forbids_repeat(state: &Result<Option<i32>, String>) -> bool {
    matches!(state, Ok(Some(state)) if ![NOT_SENT, REFUSED].contains(state))
}

/// What is wrong, if anything. That the server received at most one payment request, the repeated one
/// included, is judged for every call.
pub fn problem(
    run: &Run,
    result: &CallResult,
    found: &Found,
    seen: &Observation,
) -> Option<String> {
    let state = match &found.state {
        Ok(state) => *state,
        Err(problem) => return Some(format!("the entry cannot be read: {problem}")),
    };
    // Nobody has paid, and nobody asked: no call may find PAID.
    let acceptable: &[Option<i32>] = match result {
        _ if run.local_refusal().is_some() => &[None],
        CallResult::Payment { .. } => &[Some(ACCEPTED)],
        CallResult::Error { outcome, .. } => match *outcome {
            consts::OUTCOME_NOT_SENT => &[Some(NOT_SENT)],
            consts::OUTCOME_REFUSED => &[Some(REFUSED)],
            _ => &[Some(IN_DOUBT)],
        },
        // The process was killed at any moment.
        CallResult::NoReply { outcome } => match *outcome {
            consts::OUTCOME_NOT_SENT => &[None],
            _ => &[
                None,
                Some(SENDING),
                Some(NOT_SENT),
                Some(REFUSED),
                Some(IN_DOUBT),
                Some(ACCEPTED),
            ],
        },
        CallResult::State { .. } => &[],
    };
    if !acceptable.contains(&state) {
        return Some(format!("its entry is {}", name(state)));
    }
    let says_unsent = matches!(state, None | Some(NOT_SENT));
    if says_unsent && seen.requests > 0 {
        return Some(format!(
            "its entry is {}, and the server received a request",
            name(state)
        ));
    }
    let repeated = found.repeated.as_ref()?;
    let is_right = match (state, result) {
        (Some(ACCEPTED), CallResult::Payment { .. }) => repeated == result,
        (Some(ACCEPTED), _) => matches!(repeated, CallResult::Payment { .. }),
        _ => repeated.is_error(consts::IN_DOUBT, consts::OUTCOME_UNKNOWN),
    };
    (!is_right).then(|| {
        format!(
            "its entry is {}, and the same request again gives {repeated:?}",
            name(state)
        )
    })
}

/// The name of an entry's state.
pub fn name(state: Option<i32>) -> &'static str {
    let named = STATES.iter().find(|(_, number)| Some(*number) == state);
    match (named, state) {
        (Some((name, _)), _) => name,
        (None, None) => "missing",
        (None, Some(_)) => "an unknown number",
    }
}
