//! Shares tasks among threads, each with a gateway of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::gateway::Gateway;

/// Carries out the tasks. `carry_out` returns whether to go on.
pub fn run<T: Sync>(
    jobs: usize,
    tasks: &[T],
    carry_out: impl Fn(&Gateway, &T) -> Result<bool, String> + Sync,
) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let work = || -> Result<(), String> {
        let gateway = Gateway::start()?;
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            if !carry_out(&gateway, task)? {
                is_over.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                if let Err(problem) = work() {
                    is_over.store(true, Ordering::Relaxed);
                    *failure.lock().expect("no panic") = Some(problem);
                }
            });
        }
    });
    match failure.into_inner().expect("no panic") {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}
