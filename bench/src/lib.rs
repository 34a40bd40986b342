//! Chains with many events, for benchmarks and for tests of the mirror.

pub mod chain;
