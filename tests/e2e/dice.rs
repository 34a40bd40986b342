//! Chance that can be repeated.

use piecework_domain::{Address, B256, U256};

/// Numbers from a seed (SplitMix64). `PIECEWORK_SEED` chooses another run; a failing test prints the one it had.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        let seed = std::env::var("PIECEWORK_SEED").map_or(1, |seed| seed.parse().expect("a seed is a number"));
        println!("PIECEWORK_SEED={seed}");
        Self(seed)
    }

    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Less than `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// Both included; `from` where there is nothing between.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1).max(1))
    }

    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len.try_into().unwrap())).unwrap()
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())].clone()
    }

    /// `count` of them, in their order.
    pub fn some<T: Clone>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut left = from.to_vec();
        while left.len() > count {
            left.remove(self.index(left.len()));
        }
        left
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.index(at + 1));
        }
    }

    /// Any of 256 bits, but often 0, 1, the last one, or short.
    pub fn wide(&mut self) -> U256 {
        match self.below(8) {
            0 => U256::ZERO,
            1 => U256::ONE,
            2 => U256::MAX,
            _ => U256::from_be_bytes(self.hash().0) >> self.index(256),
        }
    }

    pub fn u128(&mut self) -> u128 {
        let wide: U256 = self.wide();
        if wide == U256::MAX { u128::MAX } else { wide.wrapping_to() }
    }

    pub fn u64(&mut self) -> u64 {
        let wide: U256 = self.wide();
        if wide == U256::MAX { u64::MAX } else { (wide & U256::from(u64::MAX >> self.below(64))).to() }
    }

    pub fn u32(&mut self) -> u32 {
        let wide: U256 = self.wide();
        if wide == U256::MAX { u32::MAX } else { (wide & U256::from(u32::MAX >> self.below(32))).to() }
    }

    pub fn hash(&mut self) -> B256 {
        let words = [self.bits(), self.bits(), self.bits(), self.bits()];
        B256::from_slice(&words.map(u64::to_be_bytes).concat())
    }

    pub fn address(&mut self) -> Address {
        Address::from_word(self.hash())
    }
}
