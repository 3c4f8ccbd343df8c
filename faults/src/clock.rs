//! How noisy the machine is. A call that overruns its deadline because the machine had no processor
//! for it has done nothing wrong; so beside every call stand two measures of that.
//!
//! A control thread only sleeps, and records how late it wakes: that tells of pauses of the machine as
//! a whole. And the kernel accounts for how long the calling thread itself stood in line for a
//! processor. What a call spends computing is in neither, and counts against it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(2);

/// A moment, counted from the start of the machine: the same in every process.
pub fn since_boot(moment: Instant) -> Duration {
    /// One moment by both counts. Of several tries the quickest, in which nothing came between.
    static BOTH: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
        let both = |_| {
            let before = Instant::now();
            let mut now = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: it fills in what is ours.
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
            let since_boot = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
            (before.elapsed(), (before, since_boot))
        };
        let quickest = (0..20).map(both).min_by_key(|(took, _)| *took);
        quickest.map_or((Instant::now(), Duration::ZERO), |(_, both)| both)
    });
    let (then, counted) = *BOTH;
    match moment.checked_duration_since(then) {
        Some(later) => counted + later,
        None => counted.saturating_sub(then - moment),
    }
}

/// How long this thread has stood in line for a processor since it began, by the kernel's account.
pub fn queued() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// The control thread.
pub struct Control {
    ticks: Arc<Mutex<Vec<(Instant, Duration)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    pub fn start() -> Self {
        let ticks = Arc::new(Mutex::new(Vec::with_capacity(1 << 18)));
        let stop = Arc::new(AtomicBool::new(false));
        let (to, until) = (Arc::clone(&ticks), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                let due = Instant::now() + TICK;
                std::thread::sleep(TICK);
                let woke = Instant::now();
                let mut ticks = to.lock().unwrap_or_else(PoisonError::into_inner);
                ticks.push((woke, woke.saturating_duration_since(due)));
            }
        });
        Self {
            ticks,
            stop,
            thread: Some(thread),
        }
    }

    /// The greatest lateness between two moments.
    pub fn lateness(&self, from: Instant, to: Instant) -> Duration {
        // A tick that is late is only known when it is over.
        loop {
            let ticks = self.ticks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(&(last, _)) = ticks.last()
                && last >= to
            {
                let first = ticks.partition_point(|(woke, _)| *woke < from);
                let end = ticks.partition_point(|(woke, _)| *woke < to) + 1;
                let during = &ticks[first..end.min(ticks.len())];
                return during.iter().map(|tick| tick.1).max().unwrap_or_default();
            }
            drop(ticks);
            std::thread::sleep(TICK);
        }
    }

    /// The greatest lateness of all.
    pub fn worst(&self) -> Duration {
        let ticks = self.ticks.lock().unwrap_or_else(PoisonError::into_inner);
        ticks.iter().map(|tick| tick.1).max().unwrap_or_default()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
