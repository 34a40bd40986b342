//! Calldata for fees, disputes and equivocation.

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use piecework_domain::chain::Contested;
use piecework_domain::messages::Bid;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::voucher::Voucher;

use crate::abi::Escrow as abi;
use crate::convert::{abi_bid, abi_terms, abi_verifiers, abi_voucher};

/// The contract's `Subject`.
pub fn abi_subject(subject: Contested) -> u8 {
    match subject {
        Contested::Units => 0,
        Contested::Faults => 1,
        Contested::Assertion => 2,
    }
}

/// `extend(terms, verifiers, bid, units)`.
pub fn extend_call(terms: &Terms, set: &VerifierSet, bid: &Bid, units: u64) -> Bytes {
    abi::extendCall { terms: abi_terms(terms), verifiers: abi_verifiers(set), bid: abi_bid(bid), units }
        .abi_encode()
        .into()
}

/// `assertUnits(terms, verifiers, bid, units)`.
pub fn assert_units_call(terms: &Terms, set: &VerifierSet, bid: &Bid, units: u64) -> Bytes {
    abi::assertUnitsCall { terms: abi_terms(terms), verifiers: abi_verifiers(set), bid: abi_bid(bid), units }
        .abi_encode()
        .into()
}

/// `dispute(…)`: of `voucher`'s units or faults, or of what the runner asserted (no voucher).
pub fn dispute_call(
    terms: &Terms,
    set: &VerifierSet,
    bid: &Bid,
    subject: Contested,
    floor: u64,
    voucher: Option<&Voucher>,
) -> Bytes {
    abi::disputeCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        subject: abi_subject(subject),
        floor,
        verdicts: voucher.map_or_else(Vec::new, |voucher| abi_voucher(set, voucher)),
    }
    .abi_encode()
    .into()
}

/// `rule(terms, verifiers, bid, subject, outcome)`.
pub fn rule_call(terms: &Terms, set: &VerifierSet, bid: &Bid, subject: Contested, outcome: u64) -> Bytes {
    abi::ruleCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        subject: abi_subject(subject),
        outcome,
    }
    .abi_encode()
    .into()
}

/// `settle(terms, verifiers, bid, subject)`.
pub fn settle_call(terms: &Terms, set: &VerifierSet, bid: &Bid, subject: Contested) -> Bytes {
    abi::settleCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        subject: abi_subject(subject),
    }
    .abi_encode()
    .into()
}

/// `slashNode(…)` with two signed claims of one number and revision.
pub fn slash_node_call(
    terms: &Terms,
    set: &VerifierSet,
    bid: &Bid,
    (number, revision): (u64, u64),
    claims: [(B256, Bytes); 2],
) -> Bytes {
    let [(first, first_signature), (second, second_signature)] = claims;
    abi::slashNodeCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        number,
        revision,
        blockHashes: [first, second],
        signatures: [first_signature, second_signature],
    }
    .abi_encode()
    .into()
}
