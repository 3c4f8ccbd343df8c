//! Looking up names, for all clients of the process together.
//!
//! The system's look-up cannot be interrupted, and one that hangs may outlast many calls. So it runs on
//! a thread of its own; one look-up of a name serves all who wait for it, however many they are.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::call::Call;
use super::per_process::PerProcess;
use super::tcp::timed_out;

/// How long a result may be used again: as long as browsers do. The system gives no time of its own.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// The addresses of a host.
#[derive(Debug)]
pub(super) struct Found {
    /// The likeliest first.
    pub(super) ips: Vec<IpAddr>,
    /// Whether an earlier look-up found them.
    pub(super) is_remembered: bool,
}

/// Looks a host up, or remembers an earlier look-up.
pub(super) fn look_up(call: &Call, host: &str) -> Result<Found, ureq::Error> {
    lookups().addresses(call, host, system)
}

/// Addresses of a host that lost against another: from now on they come last.
pub(super) fn put_last(host: &str, losers: &[IpAddr]) {
    if !losers.is_empty() {
        lookups().put_last(host, losers);
    }
}

/// Nothing answered at any address of a host: it may have moved, so the next call looks it up anew.
pub(super) fn forget(host: &str) {
    lookups().forget(host);
}

fn system(host: &str) -> io::Result<Vec<IpAddr>> {
    // No port is looked up; one must be given.
    let found = (host, 443).to_socket_addrs()?;
    Ok(found.map(|address| address.ip()).collect())
}

/// The look-ups of this process.
fn lookups() -> &'static Lookups {
    static LOOKUPS: PerProcess<Lookups> = PerProcess::new();
    LOOKUPS.get_or_init(Lookups::default)
}

#[derive(Default)]
struct Lookups {
    names: Mutex<HashMap<String, Arc<Lookup>>>,
    /// For each host, the addresses that lost against another: they come last.
    losers: Mutex<HashMap<String, Vec<IpAddr>>>,
}

/// One look-up of one name.
struct Lookup {
    begun: Instant,
    state: Mutex<State>,
    ended: Condvar,
}

enum State {
    UnderWay,
    Found(Vec<IpAddr>, Option<Instant>),
    Failed(ErrorKind, String),
}

impl Lookups {
    fn addresses(
        &self,
        call: &Call,
        host: &str,
        resolve: impl FnOnce(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
    ) -> Result<Found, ureq::Error> {
        let key = host.to_ascii_lowercase();
        let (lookup, is_remembered) = {
            let mut names = lock(&self.names);
            match names.get(&key).filter(|lookup| lookup.is_of_use()) {
                Some(lookup) => (Arc::clone(lookup), lookup.has_ended()),
                None => {
                    let lookup = Arc::new(Lookup::new());
                    lookup.begin(&key, resolve)?;
                    names.retain(|_, old| old.is_of_use());
                    names.insert(key.clone(), Arc::clone(&lookup));
                    (lookup, false)
                }
            }
        };
        let mut ips = lookup.wait(call)?;
        if let Some(losers) = lock(&self.losers).get(&key) {
            ips.sort_by_key(|ip| losers.contains(ip));
        }
        Ok(Found { ips, is_remembered })
    }

    fn put_last(&self, host: &str, last: &[IpAddr]) {
        lock(&self.losers).insert(host.to_ascii_lowercase(), last.to_vec());
    }

    fn forget(&self, host: &str) {
        // One that is under way is not at fault.
        let is_found = |lookup: &Lookup| matches!(*lock(&lookup.state), State::Found(..));
        lock(&self.names)
            .retain(|name, lookup| !name.eq_ignore_ascii_case(host) || !is_found(lookup));
    }
}

impl Lookup {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            state: Mutex::new(State::UnderWay),
            ended: Condvar::new(),
        }
    }

    /// Whether it is worth waiting for, or its result may be used again. One that takes longer than a
    /// result lasts may never end: the system's resolver is stuck.
    fn is_of_use(&self) -> bool {
        match &*lock(&self.state) {
            State::UnderWay => self.begun.elapsed() < GOOD_FOR,
            State::Found(_, until) => until.is_some_and(|until| Instant::now() < until),
            State::Failed(..) => false,
        }
    }

    fn has_ended(&self) -> bool {
        !matches!(*lock(&self.state), State::UnderWay)
    }

    fn begin(
        self: &Arc<Self>,
        host: &str,
        resolve: impl FnOnce(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
    ) -> io::Result<()> {
        let (lookup, host) = (Arc::clone(self), host.to_owned());
        let work = move || {
            let state = match resolve(&host) {
                Ok(addresses) => State::Found(addresses, Instant::now().checked_add(GOOD_FOR)),
                Err(error) => State::Failed(error.kind(), error.to_string()),
            };
            *lock(&lookup.state) = state;
            lookup.ended.notify_all();
        };
        let thread = std::thread::Builder::new().name("flexpay-lookup".to_owned());
        thread.spawn(work).map(drop).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "no thread could be started for it ({error}); this machine, user or container \
                     may be at its limit of processes (ulimit -u, pids.max)"
                ),
            )
        })
    }

    /// Its result, as soon as there is one; not for longer than the call may last.
    fn wait(&self, call: &Call) -> Result<Vec<IpAddr>, ureq::Error> {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::Found(addresses, _) => return Ok(addresses.clone()),
                State::Failed(kind, why) => return Err(io::Error::new(*kind, why.clone()).into()),
                State::UnderWay => {}
            }
            let slice = call.slice().ok_or_else(timed_out)?;
            let waited = self.ended.wait_timeout(state, slice);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Nothing here is left half done by a panic.
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
        Call::lasting(time, None).run(work)
    }

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn a_look_up_that_hangs_is_one_however_many_wait() {
        let lookups = Lookups::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, held) = mpsc::channel::<()>();
        let mut held = Some(held);
        for _ in 0..40 {
            let (begun, held) = (Arc::clone(&begun), held.take());
            let resolve = move |_: &str| {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = held.map(|held| held.recv());
                Ok(vec![ip(1)])
            };
            let result = within(SHORT, |call| {
                lookups.addresses(call, "pay.example", resolve)
            });
            assert!(matches!(result, Err(ureq::Error::Timeout(_))), "{result:?}");
        }
        drop(release);
        let unused = |_: &str| unreachable!("the first look-up serves this one too");
        let found = within(LONG, |call| lookups.addresses(call, "PAY.example", unused));
        assert_eq!(found.expect("found").ips, [ip(1)]);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_look_up_that_never_ends_is_not_waited_for_for_ever() {
        let begun = |ago| Lookup {
            begun: Instant::now().checked_sub(ago).expect("the clock is older"),
            ..Lookup::new()
        };
        assert!(begun(GOOD_FOR / 2).is_of_use());
        assert!(!begun(GOOD_FOR).is_of_use());
    }

    #[test]
    fn what_failed_is_looked_up_again_and_other_names_do_not_wait() {
        let lookups = Lookups::default();
        let (_keep, held) = mpsc::channel::<()>();
        let hangs = move |_: &str| {
            let _ = held.recv();
            Ok(Vec::new())
        };
        let result = within(SHORT, |call| {
            lookups.addresses(call, "hangs.example", hangs)
        });
        assert!(result.is_err());
        let fails = |_: &str| Err(io::Error::other("no such name"));
        let error = within(LONG, |call| lookups.addresses(call, "a.example", fails));
        let error = error.expect_err("failed");
        assert!(error.to_string().contains("no such name"), "{error}");
        let finds = |_: &str| Ok(vec![ip(1)]);
        let found = within(LONG, |call| lookups.addresses(call, "a.example", finds));
        assert_eq!(found.expect("found").ips, [ip(1)]);
    }

    #[test]
    fn a_result_is_used_again_and_for_a_while_only() {
        let lookups = Lookups::default();
        let finds = |last| move |_: &str| Ok(vec![ip(last)]);
        let look_up = |last| {
            let found = within(LONG, |call| {
                lookups.addresses(call, "a.example", finds(last))
            });
            let found = found.expect("found");
            (found.ips[0], found.is_remembered)
        };
        assert_eq!(look_up(1), (ip(1), false));
        assert_eq!(look_up(2), (ip(1), true));
        if let State::Found(_, until) = &mut *lock(&lock(&lookups.names)["a.example"].state) {
            *until = Some(Instant::now());
        }
        let other = |call: &Call| lookups.addresses(call, "b.example", finds(4));
        within(LONG, other).expect("found");
        assert_eq!(
            lock(&lookups.names).len(),
            1,
            "what is of no use is dropped"
        );
        assert_eq!(look_up(3), (ip(3), false));
    }

    #[test]
    fn a_result_at_which_nothing_answered_is_not_used_again() {
        let lookups = Lookups::default();
        let finds = |last| move |_: &str| Ok(vec![ip(last)]);
        let look_up = |last| {
            let found = within(LONG, |call| {
                lookups.addresses(call, "a.example", finds(last))
            });
            found.expect("found").ips
        };
        assert_eq!(look_up(1), [ip(1)]);
        lookups.forget("A.example");
        assert_eq!(look_up(2), [ip(2)]);
    }

    #[test]
    fn an_address_that_lost_comes_last() {
        let lookups = Lookups::default();
        let finds = |_: &str| Ok(vec![ip(1), ip(2), ip(3)]);
        let look_up = || within(LONG, |call| lookups.addresses(call, "a.example", finds));
        look_up().expect("found");
        lookups.put_last("A.example", &[ip(1)]);
        assert_eq!(look_up().expect("found").ips, [ip(2), ip(3), ip(1)]);
        lookups.forget("a.example");
        assert_eq!(look_up().expect("found").ips, [ip(2), ip(3), ip(1)]);
        lookups.put_last("unknown.example", &[ip(1)]);
    }
}
