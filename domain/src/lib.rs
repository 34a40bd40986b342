//! What Piecework means, without the world: words, money, terms, signed messages, evidence rules, and the state that chain
//! events add up to. Every function is pure; time comes in as an argument, so anyone can re-run any decision.

pub mod canary;
pub mod canonical;
pub mod chain;
pub mod ids;
pub mod merkle;
pub mod messages;
pub mod money;
pub mod outlook;
pub mod payout_wish;
pub mod public;
pub mod report;
pub mod rpc;
pub mod rules;
pub mod sequencer;
pub mod signature;
pub mod spec;
pub mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod voucher;
pub mod x402;

pub use alloy_primitives::{Address, B256, Bytes, U256};
