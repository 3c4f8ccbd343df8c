//! How the process that makes a call is interrupted.

use std::time::Duration;

use crate::rng::Rng;

/// An interruption. Each happens once, by the thread that makes the call.
#[derive(Clone, Copy, Debug)]
pub enum Interruption {
    /// The process is killed before the call. A new one makes it.
    KilledBefore,
    /// The process is killed when a part of the request line was written.
    KilledInLine { part: Part, pause: Duration },
    /// The process's input ends when a part of the request line was written.
    ClosedInLine { part: Part },
    /// The process is killed this long after the whole line was written, unless it has replied.
    KilledAfter(Duration),
}

/// What happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interrupted {
    /// Its input ended. It still replies to the calls in flight.
    InputEnded,
    Killed,
}

/// A part of a line.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Percent(usize),
    /// All but the line ending.
    AllButTheEnd,
}

impl Interruption {
    pub const NAMES: [&'static str; 4] = [
        "killed before the line",
        "killed in the line",
        "input ended in the line",
        "killed after the line",
    ];

    pub fn name(self) -> &'static str {
        Self::NAMES[match self {
            Self::KilledBefore => 0,
            Self::KilledInLine { .. } => 1,
            Self::ClosedInLine { .. } => 2,
            Self::KilledAfter(_) => 3,
        }]
    }

    /// `deadline`: the time that the call has.
    pub fn draw(rng: &mut Rng, deadline: Duration) -> Self {
        match rng.below(100) {
            0..10 => Self::KilledBefore,
            10..25 => Self::KilledInLine {
                part: Part::draw(rng),
                // A process that does not wait for the end of the line has time to send the request.
                pause: Duration::from_millis(*rng.pick(&[0, 1, 20])),
            },
            25..50 => Self::ClosedInLine {
                part: Part::draw(rng),
            },
            _ => {
                let deadline = deadline.as_micros() as usize;
                // Most calls end long before their deadline.
                let latest = *rng.pick(&[1_000, 5_000, 20_000, deadline, deadline]);
                Self::KilledAfter(Duration::from_micros(rng.below(latest) as u64))
            }
        }
    }
}

impl Part {
    fn draw(rng: &mut Rng) -> Self {
        match rng.percent(50) {
            true => Self::AllButTheEnd,
            false => Self::Percent(rng.below(100)),
        }
    }

    /// The length of the part, for a line that ends with a line ending.
    pub fn length(self, line: &[u8]) -> usize {
        match self {
            Self::Percent(percent) => (line.len() - 1) * percent / 100,
            Self::AllButTheEnd => line.len() - 1,
        }
    }
}
