//! Random numbers that depend on the seed and an index alone: the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub struct Rng(ChaCha8Rng);

impl Rng {
    pub fn new(seed: u64, index: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index);
        Self(rng)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // The modulo bias is negligible here.
        (self.0.next_u64() % end.max(1) as u64) as usize
    }
}
