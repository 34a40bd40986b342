//! Calldata for the escrow, from `domain` types.

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::Amount;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::voucher::Voucher;

use crate::abi::Escrow as abi;
use crate::convert::{abi_award, abi_bid, abi_terms, abi_verifiers, abi_voucher};

/// `post(terms, amount)`; native coin goes as the call's value.
pub fn post_call(terms: &Terms, amount: Amount) -> Bytes {
    abi::postCall { terms: abi_terms(terms), amount: amount.0 }.abi_encode().into()
}

pub fn claim_call(terms: &Terms, set: &VerifierSet, bid: &Bid) -> Bytes {
    abi::claimCall { terms: abi_terms(terms), verifiers: abi_verifiers(set), bid: abi_bid(bid) }.abi_encode().into()
}

pub fn award_call(
    terms: &Terms,
    set: &VerifierSet,
    (bid, bid_signature): (&Bid, &Bytes),
    (award, award_signature): (&Award, &Bytes),
) -> Bytes {
    abi::awardCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        bidSignature: bid_signature.clone(),
        choice: abi_award(award),
        awardSignature: award_signature.clone(),
    }
    .abi_encode()
    .into()
}

/// `redeem(terms, verifiers, bid, verdicts)`.
pub fn redeem_call(terms: &Terms, set: &VerifierSet, bid: &Bid, voucher: &Voucher) -> Bytes {
    abi::redeemCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        verdicts: abi_voucher(set, voucher),
    }
    .abi_encode()
    .into()
}

pub fn notice_call(terms: &Terms, bid: &Bid) -> Bytes {
    abi::giveNoticeCall { terms: abi_terms(terms), bid: abi_bid(bid) }.abi_encode().into()
}

pub fn end_call(terms: &Terms, set: &VerifierSet, bid: &Bid) -> Bytes {
    abi::endCall { terms: abi_terms(terms), verifiers: abi_verifiers(set), bid: abi_bid(bid) }.abi_encode().into()
}

pub fn reclaim_call(terms: &Terms, set: &VerifierSet, bid: &Bid) -> Bytes {
    abi::reclaimCall { terms: abi_terms(terms), verifiers: abi_verifiers(set), bid: abi_bid(bid) }.abi_encode().into()
}

/// ERC-20 `transfer(to, amount)`.
pub fn transfer_call(to: Address, amount: Amount) -> Bytes {
    crate::abi::TestUSD::transferCall { to, value: amount.0 }.abi_encode().into()
}

/// `postFromDeposit(terms)`.
pub fn post_from_deposit_call(terms: &Terms) -> Bytes {
    abi::postFromDepositCall { terms: abi_terms(terms) }.abi_encode().into()
}

/// ERC-20 `balanceOf(account)`.
pub fn balance_of_call(account: Address) -> Bytes {
    crate::abi::TestUSD::balanceOfCall { account }.abi_encode().into()
}

/// ERC-20 `allowance(owner, spender)`.
pub fn allowance_call(owner: Address, spender: Address) -> Bytes {
    crate::abi::TestUSD::allowanceCall { owner, spender }.abi_encode().into()
}

/// ERC-20 `approve(spender, amount)`.
pub fn approve_call(spender: Address, amount: Amount) -> Bytes {
    crate::abi::TestUSD::approveCall { spender, value: amount.0 }.abi_encode().into()
}

/// TestUSD's `mint(to, amount)`.
pub fn mint_call(to: Address, amount: Amount) -> Bytes {
    crate::abi::TestUSD::mintCall { to, amount: amount.0 }.abi_encode().into()
}

/// `deposit(token, account, amount)`; native coin goes as the call's value.
pub fn deposit_call(token: Address, account: Address, amount: Amount) -> Bytes {
    abi::depositCall { token, account, amount: amount.0 }.abi_encode().into()
}

/// `withdraw(token, to, amount)`.
pub fn withdraw_call(token: Address, to: Address, amount: Amount) -> Bytes {
    abi::withdrawCall { token, to, amount: amount.0 }.abi_encode().into()
}

/// `reclaimEscrow(terms)`.
pub fn reclaim_escrow_call(terms: &Terms) -> Bytes {
    abi::reclaimEscrowCall { terms: abi_terms(terms) }.abi_encode().into()
}
