//! Calldata for the escrow, from `domain` types.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::Amount;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::voucher::{AttestedVerdict, Voucher};

use crate::abi::Escrow as abi;
use crate::convert::{abi_award, abi_bid, abi_statement, abi_terms, abi_verdict, abi_verifiers};

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

pub fn redeem_call(terms: &Terms, set: &VerifierSet, bid: &Bid, voucher: &Voucher) -> Bytes {
    let mut statements = Statements::default();
    let verdicts = statements.add_all(voucher);
    abi::redeemCall {
        terms: abi_terms(terms),
        verifiers: abi_verifiers(set),
        bid: abi_bid(bid),
        statements: statements.0,
        verdicts,
    }
    .abi_encode()
    .into()
}

/// One call for many vouchers; statements and terms that entries share are sent once.
pub fn redeem_batch_call(entries: &[(&Terms, &VerifierSet, &Bid, &Voucher)]) -> Bytes {
    let mut statements = Statements::default();
    let mut offers: Vec<(&Terms, &VerifierSet)> = Vec::new();
    let mut encoded = Vec::with_capacity(entries.len());
    for (terms, set, bid, voucher) in entries {
        let offer = match offers.iter().position(|known| *known == (*terms, *set)) {
            Some(index) => index,
            None => {
                offers.push((terms, set));
                offers.len() - 1
            }
        };
        encoded.push(abi::BatchEntry {
            offer: index32(offer),
            bid: abi_bid(bid),
            verdicts: statements.add_all(voucher),
        });
    }
    let offers = offers
        .into_iter()
        .map(|(terms, set)| abi::Offer { terms: abi_terms(terms), verifiers: abi_verifiers(set) })
        .collect();
    abi::redeemBatchCall { offers, statements: statements.0, entries: encoded }.abi_encode().into()
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

/// Statements of one call, each once.
#[derive(Default)]
struct Statements(Vec<abi::SignedStatement>);

impl Statements {
    fn add_all(&mut self, voucher: &Voucher) -> Vec<abi::ProvenVerdict> {
        voucher.verdicts.iter().map(|v| abi_verdict(v, self.add(v))).collect()
    }

    fn add(&mut self, verdict: &AttestedVerdict) -> u32 {
        let statement = abi_statement(verdict);
        let same = |known: &abi::SignedStatement| {
            (known.verifier, known.root, known.attestedAt, &known.signature)
                == (statement.verifier, statement.root, statement.attestedAt, &statement.signature)
        };
        let index = self.0.iter().position(same).unwrap_or_else(|| {
            self.0.push(statement);
            self.0.len() - 1
        });
        index32(index)
    }
}

/// Calls hold far fewer entries than 2^32: the contract takes 100 at once.
fn index32(index: usize) -> u32 {
    U256::from(index).saturating_to()
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
