//! End to end: the real binary, real chains, real PostgreSQL. Tests are outsiders: they use the API, wallets and RPC.
//!
//! They share two cores, so one stack runs at a time.

// Here a wrong assumption should fail the test on the spot.
#![allow(clippy::unwrap_used, clippy::type_complexity)]

mod attest;
mod bad_input;
mod book;
mod cast;
mod chain;
mod chains;
mod crash;
mod demo;
mod dev;
mod dice;
mod differential;
mod dispute;
mod examples;
mod flood;
mod gateway;
mod interop;
mod liars;
mod part;
mod payouts;
mod reorg;
mod replay;
mod rpc;
mod sequenced;
mod sessions;
mod soak;
mod turn;
mod webhooks;
mod workspace;
mod x402;
