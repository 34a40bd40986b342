//! The contracts as Rust sees them: bindings over the committed artifacts, and the way between their types and `domain`'s.

pub mod accounts;
mod batch;
mod calls;
mod convert;
mod court;
mod errors;
mod events;
mod state;
pub mod x402;

pub use batch::{InvalidBatch, claim_fee_call, redeem_batch_call};
pub use calls::{
    allowance_call, approve_call, award_call, balance_of_call, claim_call, deposit_call, end_call, mint_call,
    notice_call, post_call, post_from_deposit_call, reclaim_call, reclaim_escrow_call, redeem_call, transfer_call,
    withdraw_call,
};
pub use convert::{abi_bid, abi_terms, abi_verifiers};
pub use court::{abi_subject, assert_units_call, dispute_call, extend_call, rule_call, settle_call, slash_node_call};
pub use errors::{Revert, revert_of};
pub use events::{Undecodable, decode};
pub use state::{assertion_state, bounty_state, dispute_state, engagement_state, owed, record_state};

/// Generated code; the names are the contracts'.
#[allow(missing_docs, clippy::all, clippy::too_many_arguments)]
pub mod abi {
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Escrow,
        "artifacts/Escrow.json"
    );
    alloy::sol!(
        #[sol(all_derives)]
        Settlement,
        "artifacts/Settlement.json"
    );
    alloy::sol!(
        #[sol(all_derives)]
        Court,
        "artifacts/Court.json"
    );
    alloy::sol!(
        #[sol(rpc, all_derives)]
        VerifierBond,
        "artifacts/VerifierBond.json"
    );
    alloy::sol!(
        #[sol(rpc, all_derives)]
        TestUSD,
        "artifacts/TestUSD.json"
    );
    alloy::sol!(
        #[sol(all_derives)]
        DepositAddress,
        "artifacts/DepositAddress.json"
    );
}

/// The deposit address of `bounty` at `escrow`: CREATE2 with the bounty id as salt.
pub fn deposit_address(
    escrow: alloy::primitives::Address,
    bounty: piecework_domain::ids::BountyId,
) -> alloy::primitives::Address {
    escrow.create2_from_code(bounty.0, &abi::DepositAddress::BYTECODE[..])
}
