//! The clock of the day, as a worker sees it.

use std::env;
use std::process::Command;

use crate::rng::Rng;

/// Names the library that crash/run.sh builds of crash/shifted_clock.c.
const SHIM: &str = "FLEXPAY_CRASH_CLOCK";
const YEAR_S: i64 = 365 * 24 * 60 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Right,
    /// A machine whose battery is empty begins in the past.
    YearBack,
    TenYearsAhead,
}

pub const CLOCKS: [Clock; 3] = [Clock::Right, Clock::YearBack, Clock::TenYearsAhead];

impl Clock {
    pub fn any(rng: &mut Rng) -> Self {
        CLOCKS[rng.below(CLOCKS.len())]
    }

    /// The program will see this clock.
    pub fn set(self, command: &mut Command) -> Result<(), String> {
        let shift = match self {
            Self::Right => return Ok(()),
            Self::YearBack => -YEAR_S,
            Self::TenYearsAhead => 10 * YEAR_S,
        };
        let shim = env::var(SHIM).map_err(|_| format!("{SHIM} is not set: use crash/run.sh"))?;
        command.env("LD_PRELOAD", shim);
        command.env("CRASH_CLOCK_SHIFT", shift.to_string());
        Ok(())
    }
}
