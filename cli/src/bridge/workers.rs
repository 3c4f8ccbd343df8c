//! The threads that carry out calls. A thread that has ended its call takes the next one: starting a
//! thread for each call would take as long as the rest of the bridge.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

type Job = Box<dyn FnOnce() + Send>;

pub struct Workers {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    /// The threads that wait for a job.
    idle: Arc<AtomicUsize>,
}

impl Workers {
    pub fn new() -> Self {
        let (jobs, queue) = channel();
        Self {
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            idle: Arc::default(),
        }
    }

    /// Runs a job on an idle thread, or on a new one. The error says why it was not run.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) -> Result<(), String> {
        let one_less = |idle: usize| idle.checked_sub(1);
        let took_idle = self
            .idle
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        if took_idle.is_err() {
            self.start_thread()
                .map_err(|error| format!("no thread could be started: {error}"))?;
        }
        // This cannot fail: `self` has the receiver.
        let _ = self.jobs.send(Box::new(job));
        Ok(())
    }

    /// Starts a thread that takes the next job.
    fn start_thread(&self) -> std::io::Result<()> {
        let (queue, idle) = (Arc::clone(&self.queue), Arc::clone(&self.idle));
        let work = move || {
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                job();
                idle.fetch_add(1, Ordering::AcqRel);
            }
        };
        Builder::new().spawn(work).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_run_at_the_same_time_and_threads_are_used_again() {
        let workers = Workers::new();
        let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
        let (ended, ends) = channel();
        let (release, held) = channel::<()>();
        let first = ended.clone();
        workers
            .run(move || {
                let _ = held.recv();
                let _ = first.send(1);
            })
            .expect("run");
        for _ in 0..100 {
            let (second, threads) = (ended.clone(), Arc::clone(&threads));
            workers
                .run(move || {
                    let id = std::thread::current().id();
                    threads.lock().expect("no panic").insert(id);
                    let _ = second.send(2);
                })
                .expect("run");
            assert_eq!(ends.recv(), Ok(2), "the first job does not hold it up");
        }
        drop(release);
        assert_eq!(ends.recv(), Ok(1));
        let used = threads.lock().expect("no panic").len();
        assert!(used < 100, "{used} threads for 100 jobs");
    }
}
