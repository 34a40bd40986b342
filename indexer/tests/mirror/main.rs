//! The mirror against random chains, reorgs, kills, and endpoints that fail and lie: what it ends with equals a mirror built from
//! scratch on the final chain. PIECEWORK_DEEP repeats more, PIECEWORK_SEED begins elsewhere.

mod compare;
mod faulty;
mod heads;
mod kill;
mod random;
mod stops;
mod world;
