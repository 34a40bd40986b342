//! The mirror against random chains, reorgs, restarts and endpoints that fail and lie: what it ends with equals a mirror built
//! from scratch on the final chain.

mod compare;
mod faulty;
mod random;
