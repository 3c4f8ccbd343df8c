//! The time that is left of a wait.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

use crate::arguments::Common;
use crate::texts::texts;

/// On one line of stderr. Nothing is shown if stderr is not a terminal.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// `None` if the result is for a program.
    pub fn start(common: &Common, limit: Duration) -> Option<Self> {
        if common.json || common.field.is_some() {
            return None;
        }
        let texts = texts();
        let ends = Instant::now() + limit;
        let style = ProgressStyle::with_template("{spinner} {msg} ({left})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key(
                "left",
                move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    let left = ends.saturating_duration_since(Instant::now()).as_secs();
                    let _ = write!(out, "{} {}:{:02}", texts.time_left, left / 60, left % 60);
                },
            );
        let bar = ProgressBar::new_spinner()
            .with_style(style)
            .with_message(texts.waiting);
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(Self(bar))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
