//! Resolves host names, for all clients of the process.
//!
//! The system's resolver cannot be interrupted, and a lookup that hangs may outlast many calls. So each
//! lookup runs on its own thread, and all calls that need the same name wait for the same lookup.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::call::Call;
use super::per_process::PerProcess;
use super::tcp::timed_out;

/// How long a result is cached: as long as in browsers. The system's resolver does not report the
/// TTL.
const CACHE_TIME: Duration = Duration::from_secs(60);

/// The addresses of a host.
#[derive(Debug)]
pub(super) struct Addresses {
    /// In the order in which to try them.
    pub(super) ips: Vec<IpAddr>,
    /// Whether they are the result of an earlier lookup.
    pub(super) is_cached: bool,
}

/// Resolves a host, or returns the cached result of an earlier lookup.
pub(super) fn resolve(call: &Call, host: &str) -> Result<Addresses, ureq::Error> {
    cache().addresses(call, host, resolve_by_system)
}

/// Moves the addresses that lost the race against another to the end, from now on.
pub(super) fn put_last(host: &str, losers: &[IpAddr]) {
    if !losers.is_empty() {
        cache().put_last(host, losers);
    }
}

/// Removes a host from the cache. No connection to any of its addresses was possible: it may have
/// moved.
pub(super) fn forget(host: &str) {
    cache().forget(host);
}

fn resolve_by_system(host: &str) -> io::Result<Vec<IpAddr>> {
    // The port is required, but not used.
    let found = (host, 443).to_socket_addrs()?;
    Ok(found.map(|address| address.ip()).collect())
}

/// The cache of this process.
fn cache() -> &'static LookupCache {
    static CACHE: PerProcess<LookupCache> = PerProcess::new();
    CACHE.get_or_init(LookupCache::default)
}

#[derive(Default)]
struct LookupCache {
    lookups: Mutex<HashMap<String, Arc<Lookup>>>,
    /// For each host, the addresses that lost the last race: they are tried last.
    losers: Mutex<HashMap<String, Vec<IpAddr>>>,
}

/// One lookup of one name.
struct Lookup {
    started: Instant,
    state: Mutex<State>,
    finished: Condvar,
}

enum State {
    Pending,
    Found(Vec<IpAddr>, Option<Instant>),
    Failed(ErrorKind, String),
}

impl LookupCache {
    fn addresses(
        &self,
        call: &Call,
        host: &str,
        system_lookup: impl FnOnce(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
    ) -> Result<Addresses, ureq::Error> {
        let key = host.to_ascii_lowercase();
        let (lookup, is_cached) = {
            let mut lookups = lock(&self.lookups);
            match lookups.get(&key).filter(|lookup| lookup.is_usable()) {
                Some(lookup) => (Arc::clone(lookup), lookup.is_finished()),
                None => {
                    let lookup = Arc::new(Lookup::new());
                    lookup.start(&key, system_lookup)?;
                    lookups.retain(|_, old| old.is_usable());
                    lookups.insert(key.clone(), Arc::clone(&lookup));
                    (lookup, false)
                }
            }
        };
        let mut ips = lookup.wait(call)?;
        if let Some(losers) = lock(&self.losers).get(&key) {
            ips.sort_by_key(|ip| losers.contains(ip));
        }
        Ok(Addresses { ips, is_cached })
    }

    fn put_last(&self, host: &str, last: &[IpAddr]) {
        lock(&self.losers).insert(host.to_ascii_lowercase(), last.to_vec());
    }

    fn forget(&self, host: &str) {
        // A pending lookup may return other addresses: it stays.
        let is_found = |lookup: &Lookup| matches!(*lock(&lookup.state), State::Found(..));
        lock(&self.lookups)
            .retain(|name, lookup| !name.eq_ignore_ascii_case(host) || !is_found(lookup));
    }
}

impl Lookup {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State::Pending),
            finished: Condvar::new(),
        }
    }

    /// Whether to wait for it, or to use its result again. A lookup that is pending for longer than
    /// [`CACHE_TIME`] may never end, because the system's resolver hangs.
    fn is_usable(&self) -> bool {
        match &*lock(&self.state) {
            State::Pending => self.started.elapsed() < CACHE_TIME,
            State::Found(_, until) => until.is_some_and(|until| Instant::now() < until),
            State::Failed(..) => false,
        }
    }

    fn is_finished(&self) -> bool {
        !matches!(*lock(&self.state), State::Pending)
    }

    fn start(
        self: &Arc<Self>,
        host: &str,
        system_lookup: impl FnOnce(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
    ) -> io::Result<()> {
        let (lookup, host) = (Arc::clone(self), host.to_owned());
        let work = move || {
            let state = match system_lookup(&host) {
                Ok(addresses) => State::Found(addresses, Instant::now().checked_add(CACHE_TIME)),
                Err(error) => State::Failed(error.kind(), error.to_string()),
            };
            *lock(&lookup.state) = state;
            lookup.finished.notify_all();
        };
        let thread = std::thread::Builder::new().name("flexpay-lookup".to_owned());
        thread.spawn(work).map(drop).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "no thread could be started ({error}); the machine, the user or the container \
                     may have reached its process limit (ulimit -u, pids.max)"
                ),
            )
        })
    }

    /// Waits for the result, until the deadline of the call's stage at most.
    fn wait(&self, call: &Call) -> Result<Vec<IpAddr>, ureq::Error> {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::Found(addresses, _) => return Ok(addresses.clone()),
                State::Failed(kind, why) => return Err(io::Error::new(*kind, why.clone()).into()),
                State::Pending => {}
            }
            let timeout = call.next_timeout().ok_or_else(timed_out)?;
            let waited = self.finished.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A poisoned lock is used: no panic leaves its data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    fn within<T>(time: Duration, work: impl FnOnce(&Call) -> T) -> T {
        Call::with_timeout(time, None).run(work)
    }

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn many_calls_wait_for_one_lookup() {
        let cache = LookupCache::default();
        let started = Arc::new(AtomicUsize::new(0));
        let (release, held) = mpsc::channel::<()>();
        let mut held = Some(held);
        for _ in 0..40 {
            let (started, held) = (Arc::clone(&started), held.take());
            let resolve = move |_: &str| {
                started.fetch_add(1, Ordering::Relaxed);
                let _ = held.map(|held| held.recv());
                Ok(vec![ip(1)])
            };
            let result = within(SHORT, |call| cache.addresses(call, "pay.example", resolve));
            assert!(matches!(result, Err(ureq::Error::Timeout(_))), "{result:?}");
        }
        drop(release);
        let unused = |_: &str| unreachable!("the first lookup is used");
        let found = within(LONG, |call| cache.addresses(call, "PAY.example", unused));
        assert_eq!(found.expect("found").ips, [ip(1)]);
        assert_eq!(started.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_lookup_that_hangs_is_replaced_after_a_while() {
        let started = |ago| Lookup {
            started: Instant::now().checked_sub(ago).expect("the clock is older"),
            ..Lookup::new()
        };
        assert!(started(CACHE_TIME / 2).is_usable());
        assert!(!started(CACHE_TIME).is_usable());
    }

    #[test]
    fn a_failed_lookup_is_repeated_and_other_names_do_not_wait() {
        let cache = LookupCache::default();
        let (_keep, held) = mpsc::channel::<()>();
        let hangs = move |_: &str| {
            let _ = held.recv();
            Ok(Vec::new())
        };
        let result = within(SHORT, |call| cache.addresses(call, "hangs.example", hangs));
        assert!(result.is_err());
        let fails = |_: &str| Err(io::Error::other("no such name"));
        let error = within(LONG, |call| cache.addresses(call, "a.example", fails));
        let error = error.expect_err("failed");
        assert!(error.to_string().contains("no such name"), "{error}");
        let finds = |_: &str| Ok(vec![ip(1)]);
        let found = within(LONG, |call| cache.addresses(call, "a.example", finds));
        assert_eq!(found.expect("found").ips, [ip(1)]);
    }

    #[test]
    fn a_result_is_cached_for_a_limited_time() {
        let cache = LookupCache::default();
        let finds = |last| move |_: &str| Ok(vec![ip(last)]);
        let resolve = |last| {
            let found = within(LONG, |call| cache.addresses(call, "a.example", finds(last)));
            let found = found.expect("found");
            (found.ips[0], found.is_cached)
        };
        assert_eq!(resolve(1), (ip(1), false));
        assert_eq!(resolve(2), (ip(1), true));
        if let State::Found(_, until) = &mut *lock(&lock(&cache.lookups)["a.example"].state) {
            *until = Some(Instant::now());
        }
        let other = |call: &Call| cache.addresses(call, "b.example", finds(4));
        within(LONG, other).expect("found");
        assert_eq!(
            lock(&cache.lookups).len(),
            1,
            "outdated results are dropped"
        );
        assert_eq!(resolve(3), (ip(3), false));
    }

    #[test]
    fn a_forgotten_host_is_resolved_again() {
        let cache = LookupCache::default();
        let finds = |last| move |_: &str| Ok(vec![ip(last)]);
        let resolve = |last| {
            let found = within(LONG, |call| cache.addresses(call, "a.example", finds(last)));
            found.expect("found").ips
        };
        assert_eq!(resolve(1), [ip(1)]);
        cache.forget("A.example");
        assert_eq!(resolve(2), [ip(2)]);
    }

    #[test]
    fn an_address_that_lost_the_race_is_tried_last() {
        let cache = LookupCache::default();
        let finds = |_: &str| Ok(vec![ip(1), ip(2), ip(3)]);
        let resolve = || within(LONG, |call| cache.addresses(call, "a.example", finds));
        resolve().expect("found");
        cache.put_last("A.example", &[ip(1)]);
        assert_eq!(resolve().expect("found").ips, [ip(2), ip(3), ip(1)]);
        cache.forget("a.example");
        assert_eq!(resolve().expect("found").ips, [ip(2), ip(3), ip(1)]);
        cache.put_last("unknown.example", &[ip(1)]);
    }
}
