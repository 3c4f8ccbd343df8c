//! The threads that carry out calls. A thread that has ended its call takes the next one: starting a
//! thread for each call would take as long as the rest of the bridge.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// More calls than this at once are refused.
const MAX_CALLS: usize = 256;

pub struct Workers {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    /// The jobs that have begun or are in the queue.
    in_flight: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub fn new() -> Self {
        let (jobs, queue) = channel();
        Self {
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            in_flight: Arc::default(),
            threads: Vec::new(),
        }
    }

    /// Runs a job on an idle thread, or on a new one. The error says why it was not run.
    pub fn run(&mut self, job: impl FnOnce() + Send + 'static) -> Result<(), String> {
        let in_flight = self.in_flight.load(Ordering::Acquire);
        if in_flight >= MAX_CALLS {
            return Err(format!("there are {MAX_CALLS} calls in flight already"));
        }
        if in_flight >= self.threads.len() {
            let thread = self
                .start_thread()
                .map_err(|error| format!("no thread could be started: {error}"))?;
            self.threads.push(thread);
        }
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        // This cannot fail: `self` has the receiver.
        let _ = self.jobs.send(Box::new(job));
        Ok(())
    }

    /// Lets all jobs end.
    pub fn finish(self) {
        drop(self.jobs);
        for thread in self.threads {
            // A job catches the panics of its call; there is no result to lose.
            let _ = thread.join();
        }
    }

    fn start_thread(&self) -> std::io::Result<JoinHandle<()>> {
        let (queue, in_flight) = (Arc::clone(&self.queue), Arc::clone(&self.in_flight));
        Builder::new().spawn(move || {
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                job();
                in_flight.fetch_sub(1, Ordering::AcqRel);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_run_at_the_same_time_and_threads_are_used_again() {
        let mut workers = Workers::new();
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
            let second = ended.clone();
            workers
                .run(move || {
                    let _ = second.send(2);
                })
                .expect("run");
            assert_eq!(ends.recv(), Ok(2), "the first job does not hold it up");
        }
        drop(release);
        assert_eq!(ends.recv(), Ok(1));
        assert!(workers.threads.len() < 10, "{}", workers.threads.len());
        workers.finish();
    }

    #[test]
    fn too_many_jobs_are_refused() {
        let mut workers = Workers::new();
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        for _ in 0..MAX_CALLS {
            let held = Arc::clone(&held);
            workers
                .run(move || {
                    let _ = held.lock().map(|held| held.recv());
                })
                .expect("run");
        }
        assert!(workers.run(|| {}).is_err());
        drop(release);
        workers.finish();
    }
}
