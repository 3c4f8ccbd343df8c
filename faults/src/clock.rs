//! How noisy the machine is. A call that overruns its deadline because the machine had no processor
//! for it has done nothing wrong; so beside every call stand two measures of that.
//!
//! A control thread on each processor only waits, and records how late it wakes: that tells of pauses
//! of the machine as a whole. And the kernel accounts for how long the calling thread itself stood in
//! line for a processor. What a call spends computing is in neither, and counts against it.

use std::io::ErrorKind;
use std::num::NonZero;
use std::os::unix::net::UnixDatagram;
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

/// The control threads, one on each processor.
pub struct Control {
    ticks: Vec<Arc<Ticks>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// When a control thread woke, and how late.
type Ticks = Mutex<Vec<(Instant, Duration)>>;

impl Control {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mut ticks, mut threads) = (Vec::new(), Vec::new());
        for processor in 0..processors {
            let own = Arc::new(Mutex::new(Vec::with_capacity(1 << 18)));
            ticks.push(Arc::clone(&own));
            let until = Arc::clone(&stop);
            threads.push(std::thread::spawn(move || {
                stay_on(processor);
                let socket = UnixDatagram::unbound().ok();
                let socket = socket.filter(|one| one.set_read_timeout(Some(TICK)).is_ok());
                while !until.load(Ordering::Relaxed) {
                    let due = Instant::now() + TICK;
                    tick(socket.as_ref());
                    let woke = Instant::now();
                    let mut ticks = own.lock().unwrap_or_else(PoisonError::into_inner);
                    ticks.push((woke, woke.saturating_duration_since(due)));
                }
            }));
        }
        Self {
            ticks,
            stop,
            threads,
        }
    }

    /// The greatest lateness between two moments.
    pub fn lateness(&self, from: Instant, to: Instant) -> Duration {
        let of_one = |ticks: &Arc<Ticks>| lateness(ticks, from, to);
        self.ticks.iter().map(of_one).max().unwrap_or_default()
    }

    /// The greatest lateness of all.
    pub fn worst(&self) -> Duration {
        let of_one = |ticks: &Arc<Ticks>| {
            let ticks = ticks.lock().unwrap_or_else(PoisonError::into_inner);
            ticks.iter().map(|tick| tick.1).max()
        };
        self.ticks
            .iter()
            .filter_map(of_one)
            .max()
            .unwrap_or_default()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lateness(ticks: &Ticks, from: Instant, to: Instant) -> Duration {
    // A tick that is late is only known when it is over.
    loop {
        let ticks = ticks.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Waits as a call waits: for a socket that has nothing to say. The kernel ends that with a timer of
/// another kind than a sleep's, which a busy processor attends to later.
fn tick(socket: Option<&UnixDatagram>) {
    let silent = |socket: &UnixDatagram| {
        let heard = socket.recv(&mut [0]);
        heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    if !socket.is_some_and(silent) {
        // Without sockets, a sleep is better than nothing.
        std::thread::sleep(TICK);
    }
}

/// Keeps this thread on one processor, where that can be done.
fn stay_on(processor: usize) {
    // SAFETY: a set of processors is all zeros when empty; the kernel only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
