//! Random numbers for tests.

/// Xorshift: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    /// From 0 to before `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
