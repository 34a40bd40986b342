//! A walk: transaction after transaction, each by chance, most of them valid.

use std::collections::{BTreeMap, BTreeSet};

use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use piecework_contracts::abi::VerifierBond::bondCall;
use piecework_domain::chain::{Engagement, Status};
use piecework_domain::ids::BountyId;
use piecework_domain::money::NATIVE;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, Bytes, U256};

use super::offers::Offer;
use super::seen::Seen;
use super::verbs::Verb;
use crate::chain::{Chain, key, who};
use crate::dice::Dice;

/// Who sends transactions.
const CAST: [&str; 12] = [
    "poster 1",
    "poster 2",
    "runner 1",
    "runner 2",
    "runner 3",
    "runner 4",
    "verifier 1",
    "verifier 2",
    "verifier 3",
    "verifier 4",
    "arbiter",
    "stranger",
];
const NODES: [&str; 4] = ["node 1", "node 2", "node 3", "node 4"];

/// A transaction to be sent.
pub struct Tx {
    pub from: Address,
    pub to: Address,
    pub value: U256,
    pub data: Bytes,
}

pub struct Walk {
    pub chain: Chain,
    pub dice: Dice,
    pub offers: Vec<Offer>,
    /// Where money waits at a deposit address, and in which token.
    pub waiting: BTreeSet<(BountyId, Address)>,
    keys: BTreeMap<Address, PrivateKeySigner>,
    pub seen: Seen,
}

impl Walk {
    pub async fn start() -> Self {
        let dice = Dice::new();
        let mut chain = Chain::start(&CAST).await;
        let (bonds, usd, escrow) = (chain.deployed.verifier_bond, chain.deployed.test_usd, chain.deployed.escrow);
        for (verifier, token) in (1..=4).flat_map(|n| [(n, NATIVE), (n, usd)]) {
            let (verifier, amount) = (who(&format!("verifier {verifier}")), U256::from(100_000));
            let value = if token == NATIVE { amount } else { U256::ZERO };
            let data = bondCall { escrow, token, verifier, amount }.abi_encode();
            chain.send(verifier, bonds, value, data.into()).await;
        }
        let keys = CAST.iter().chain(&NODES).map(|name| (who(name), key(name))).collect();
        Self { chain, dice, offers: Vec::new(), waiting: BTreeSet::new(), keys, seen: Seen::default() }
    }

    /// Sends one transaction.
    pub async fn step(&mut self) {
        let (verb, mut tx) = loop {
            let verb = Verb::draw(&mut self.dice);
            if let Some(tx) = self.plan(verb) {
                break (verb, tx);
            }
        };
        // Some come from the wrong account, with wrong money, or late.
        match self.dice.below(50) {
            0 => tx.from = who(self.dice.pick(&CAST)),
            1 => tx.value += U256::ONE,
            2 => self.chain.pass(30).await,
            _ => {}
        }
        let before = self.chain.book.clone();
        let events = self.chain.try_send(tx.from, tx.to, tx.value, tx.data).await;
        match events {
            Some(events) => self.seen.note(verb, (&before, &self.chain.book), &events),
            None => self.seen.see("reverted"),
        }
        if self.dice.percent(60) {
            let seconds = self.dice.between(1, 6);
            self.chain.pass(seconds).await;
        }
    }

    /// A transaction of this kind that the state allows, if there is one.
    fn plan(&mut self, verb: Verb) -> Option<Tx> {
        use Verb::*;
        match verb {
            Post => self.post(),
            Fund => self.fund(),
            PayDeposit => self.pay_deposit(),
            PostFromDeposit => self.post_from_deposit(),
            ReturnDeposit => self.return_deposit(),
            Deposit => self.deposit(),
            Withdraw => self.withdraw(),
            ReclaimEscrow => self.reclaim_escrow(),
            Claim => self.claim(),
            Award => self.award(false),
            AwardSpare => self.award(true),
            Extend => self.extend(),
            Notice => self.notice(),
            End => self.end(),
            Reclaim => self.reclaim(),
            SlashNode => self.slash_node(),
            Redeem => self.redeem(),
            RedeemBatch => self.redeem_batch(),
            RedeemFault => self.redeem_fault(),
            ClaimFee => self.claim_fee(),
            AssertUnits => self.assert_units(),
            DisputeUnits => self.dispute_units(),
            DisputeFaults => self.dispute_faults(),
            DisputeAssertion => self.dispute_assertion(),
            Rule => self.rule(),
            Settle => self.settle(),
        }
    }

    /// A transaction to the escrow.
    pub fn tx(&self, from: Address, value: U256, data: impl Into<Bytes>) -> Tx {
        Tx { from, to: self.chain.deployed.escrow, value, data: data.into() }
    }

    /// An engagement that fits, with its terms.
    pub fn engagement(&mut self, fits: impl Fn(&Terms, &Engagement) -> bool) -> Option<(Terms, Engagement)> {
        let book = &self.chain.book;
        let open = book.engagements.values().filter(|e| !matches!(e.status, Status::Closed { .. }));
        let some: Vec<_> = open.map(|e| book.deal(e.id)).filter(|(terms, e)| fits(terms, e)).collect();
        (!some.is_empty()).then(|| self.dice.pick(&some)).map(|(terms, e)| (terms.clone(), e.clone()))
    }

    pub fn key(&self, account: Address) -> &PrivateKeySigner {
        &self.keys[&account]
    }

    /// Whether an account can sign.
    pub fn knows(&self, account: Address) -> bool {
        self.keys.contains_key(&account)
    }
}
