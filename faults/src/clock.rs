//! Measures how busy the machine is. A call is not at fault when it overruns its deadline because no
//! processor was free. So each call has two measurements of that.
//!
//! A monitor thread on each processor only waits, and records how late it wakes: this shows pauses of
//! the whole machine. The kernel counts how long the calling thread itself waited for a processor.
//! Neither includes the time that the call spends computing; that time counts against the call.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::num::NonZero;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(2);

/// The time since the machine's boot (`CLOCK_MONOTONIC`), which is the same in every process.
pub fn since_boot(moment: Instant) -> Duration {
    /// One moment on both clocks. The fastest of several tries is used, as the least interrupted one.
    static SAME_MOMENT: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
        let read_both = |_| {
            let before = Instant::now();
            let mut now = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: the kernel writes only to `now`.
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
            let since_boot = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
            (before.elapsed(), (before, since_boot))
        };
        let quickest = (0..20).map(read_both).min_by_key(|(took, _)| *took);
        quickest.map_or((Instant::now(), Duration::ZERO), |(_, both)| both)
    });
    let (then, then_since_boot) = *SAME_MOMENT;
    match moment.checked_duration_since(then) {
        Some(later) => then_since_boot + later,
        None => then_since_boot.saturating_sub(then - moment),
    }
}

/// How long this thread has waited for a processor since it started, as counted by the kernel.
pub fn cpu_wait() -> Duration {
    cpu_wait_of("thread-self")
}

/// The same of another thread: `task` is its directory in /proc. Zero when it has ended.
fn cpu_wait_of(task: &str) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{task}/schedstat")).unwrap_or_default();
    let nanoseconds = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// How long the threads of another process have waited for a processor.
pub struct ProcessWaits {
    pid: u32,
    threads: HashMap<String, Duration>,
}

impl ProcessWaits {
    pub fn now(pid: u32) -> Self {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or_else(
            |_| HashMap::new(),
            |tasks| {
                let names = tasks.flatten().map(|task| task.file_name());
                let name_and_wait = |name: std::ffi::OsString| {
                    let name = name.to_string_lossy().into_owned();
                    let wait = cpu_wait_of(&format!("{pid}/task/{name}"));
                    (name, wait)
                };
                names.map(name_and_wait).collect()
            },
        );
        Self { pid, threads }
    }

    /// How long a call may have waited since then: the main thread reads its request, and one other
    /// thread, not known here, carries it out. The one that waited longest counts.
    pub fn of_one_call(&self) -> Duration {
        let main = self.pid.to_string();
        let since = |(name, wait): (&String, &Duration)| {
            wait.saturating_sub(self.threads.get(name).copied().unwrap_or_default())
        };
        let now = Self::now(self.pid).threads;
        let of_main = now.get_key_value(&main).map(since).unwrap_or_default();
        let others = now.iter().filter(|(name, _)| **name != main);
        of_main + others.map(since).max().unwrap_or_default()
    }
}

/// The monitor threads, one on each processor.
pub struct DelayMonitor {
    ticks: Vec<Arc<Ticks>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// When a monitor thread woke, and how late.
type Ticks = Mutex<Vec<(Instant, Duration)>>;

impl DelayMonitor {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mut ticks, mut threads) = (Vec::new(), Vec::new());
        for processor in 0..processors {
            let own_ticks = Arc::new(Mutex::new(Vec::with_capacity(1 << 18)));
            ticks.push(Arc::clone(&own_ticks));
            let stopped = Arc::clone(&stop);
            threads.push(std::thread::spawn(move || {
                pin_to(processor);
                let socket = UnixDatagram::unbound().ok();
                let socket = socket.filter(|one| one.set_read_timeout(Some(TICK)).is_ok());
                while !stopped.load(Ordering::Relaxed) {
                    let due = Instant::now() + TICK;
                    wait_one_tick(socket.as_ref());
                    let woke = Instant::now();
                    let mut ticks = own_ticks.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// The longest delay between two moments.
    pub fn delay(&self, from: Instant, to: Instant) -> Duration {
        let of_one = |ticks: &Arc<Ticks>| delay(ticks, from, to);
        self.ticks.iter().map(of_one).max().unwrap_or_default()
    }

    /// The longest delay of all.
    pub fn worst_delay(&self) -> Duration {
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

impl Drop for DelayMonitor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn delay(ticks: &Ticks, from: Instant, to: Instant) -> Duration {
    // A late tick is recorded only when it ends, so wait for one that ends after `to`.
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

/// Waits as a call does: with a receive timeout on a socket that gets no data. The kernel uses another
/// kind of timer for this than for a sleep, and handles it later on a busy processor.
fn wait_one_tick(socket: Option<&UnixDatagram>) {
    let times_out = |socket: &UnixDatagram| {
        let received = socket.recv(&mut [0]);
        received.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    if !socket.is_some_and(times_out) {
        // No socket is available: use a sleep instead.
        std::thread::sleep(TICK);
    }
}

/// Pins this thread to one processor, if the system allows it.
fn pin_to(processor: usize) {
    // SAFETY: an all-zero set is a valid, empty set of processors; the kernel only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
