//! Random numbers that depend on the seed and an index alone: the same on every machine and with any
//! number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A random generator for one run or one block.
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// `index` is the number of a run or of a block. `kind` (0 to 3) separates the generators that have
    /// the same index.
    pub fn new(seed: u64, kind: u8, index: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64 * 4 + u64::from(kind));
        Self(rng)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // The modulo bias is negligible here.
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    /// From `first` to `last`, both included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// True with this probability, in percent.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// Picks one element and drops the others.
    pub fn take<T>(&mut self, mut from: Vec<T>) -> T {
        let at = self.below(from.len());
        from.swap_remove(at)
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
