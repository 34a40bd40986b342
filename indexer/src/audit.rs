//! The mirror against the contract, at one block: states, reserves, bonds, balances, and whether the escrow holds what it owes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use alloy::providers::DynProvider;
use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{
    assertion_state, balance_of_call, bounty_state, dispute_state, engagement_state, owed, record_state,
};
use piecework_domain::chain::{Bounty, Contested, Engagement};
use piecework_domain::money::NATIVE;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, B256, Bytes, U256};
use piecework_store::chains::{self, Mark};
use piecework_store::{PgPool, balances, bounties, engagements};

use crate::source::Source;
use crate::{Error, Headers};

/// Objects compared at a time.
const PAGE: i64 = 500;
/// Differences that are listed; the rest is counted.
const LISTED: usize = 100;

/// What was compared, and what differs.
#[derive(Debug)]
pub struct Report {
    pub block: Mark,
    pub bounties: u64,
    pub engagements: u64,
    pub balances: u64,
    pub tokens: u64,
    /// At most 100, each a line.
    pub listed: Vec<String>,
    /// All of them.
    pub differences: u64,
}

/// Compares everything that is mirrored with contract reads at the mirror's newest block, which `provider` must still have the
/// state of. Indexers may run meanwhile.
pub async fn audit(pool: &PgPool, provider: DynProvider, chain_id: u64, escrow: Address) -> Result<Report, Error> {
    let source = Source::new(provider, escrow, Headers::Trusted, 0);
    // One moment of the mirror.
    let begun = pool.begin_with("begin isolation level repeatable read read only").await;
    let mut db = begun.map_err(piecework_store::Error::from)?;
    let cursor = chains::cursor(&mut db, chain_id).await?.ok_or(Error::NotMirrored { chain_id })?;
    let block = Mark { number: cursor.number, hash: cursor.hash };
    let (listed, owed) = (Vec::new(), BTreeMap::new());
    let report = Report { block, bounties: 0, engagements: 0, balances: 0, tokens: 0, listed, differences: 0 };
    let mut audit = Audit { source, report, owed };

    let mut after = None;
    loop {
        let page = bounties::page(&mut db, chain_id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        audit.bounties(&page).await?;
    }
    let mut after = None;
    loop {
        let page = engagements::page(&mut db, chain_id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.engagement.id);
        for row in &page {
            audit.engagement(&row.engagement, &row.terms).await?;
        }
    }
    let mut after = None;
    loop {
        let page = balances::page(&mut db, chain_id, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        let calls = page.iter().map(|((account, token), _)| abi::balancesCall { account: *account, token: *token });
        let calls: Vec<Bytes> = calls.map(|call| call.abi_encode().into()).collect();
        let answers = audit.ask(&calls).await?;
        for (((account, token), balance), answer) in page.iter().zip(&answers) {
            audit.report.balances += 1;
            audit.compare::<abi::balancesCall>(&format!("balance of {account} in {token}"), answer, &balance.0);
            audit.owes(*token, Some(balance.0));
        }
    }
    audit.holds_what_it_owes().await?;
    Ok(audit.report)
}

struct Audit {
    source: Source,
    report: Report,
    /// By token; `None` where a sum can't be.
    owed: BTreeMap<Address, Option<U256>>,
}

impl Audit {
    async fn ask(&self, calls: &[Bytes]) -> Result<Vec<Bytes>, Error> {
        self.source.calls(self.source.escrow, self.report.block.hash, calls).await
    }

    async fn bounties(&mut self, page: &[Bounty]) -> Result<(), Error> {
        let calls: Vec<Bytes> = page.iter().map(|b| abi::bountyCall { id: b.id.0 }.abi_encode().into()).collect();
        let answers = self.ask(&calls).await?;
        for (bounty, answer) in page.iter().zip(&answers) {
            self.report.bounties += 1;
            self.compare::<abi::bountyCall>(&format!("bounty {}", bounty.id), answer, &bounty_state(bounty));
            self.owes(bounty.terms.token, Some(bounty.escrow.0));
        }
        Ok(())
    }

    async fn engagement(&mut self, e: &Engagement, terms: &Terms) -> Result<(), Error> {
        let (id, what) = (e.id.0, format!("engagement {}", e.id));
        let mut calls: Vec<Bytes> = vec![
            abi::engagementCall { id }.abi_encode().into(),
            abi::recordCall { id }.abi_encode().into(),
            abi::assertionCall { id }.abi_encode().into(),
        ];
        let subjects = [(0, Contested::Units), (1, Contested::Faults), (2, Contested::Assertion)];
        for (subject, _) in subjects {
            calls.push(abi::disputeOfCall { id, subject }.abi_encode().into());
        }
        for verifier in &e.verifiers.members {
            calls.push(abi::nextFeeEpochCall { id, verifier: *verifier }.abi_encode().into());
        }
        let mut answers = self.ask(&calls).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        self.report.engagements += 1;
        self.compare::<abi::engagementCall>(&what, &next(), &engagement_state(e));
        self.compare::<abi::recordCall>(&format!("{what}, record"), &next(), &record_state(e));
        self.compare::<abi::assertionCall>(&format!("{what}, assertion"), &next(), &assertion_state(e, terms));
        for (_, subject) in subjects {
            let about = format!("{what}, dispute about {subject:?}");
            self.compare::<abi::disputeOfCall>(&about, &next(), &dispute_state(e, terms, subject));
        }
        for verifier in &e.verifiers.members {
            let epoch = U256::from(e.fees.get(verifier).map_or(0, |mark| mark.next_epoch));
            self.compare::<abi::nextFeeEpochCall>(&format!("{what}, fees of {verifier}"), &next(), &epoch);
        }
        self.owes(terms.token, owed(e, terms));
        Ok(())
    }

    fn compare<C: SolCall>(&mut self, what: &str, answer: &Bytes, mirrored: &C::Return)
    where
        C::Return: PartialEq + Debug,
    {
        match C::abi_decode_returns(answer) {
            Ok(stored) if stored == *mirrored => {}
            Ok(stored) => self.differs(format!("{what}: the chain has {stored:?}, the mirror {mirrored:?}")),
            Err(err) => self.differs(format!("{what}: the chain's answer is unreadable ({err})")),
        }
    }

    fn differs(&mut self, what: String) {
        self.report.differences += 1;
        if self.report.listed.len() < LISTED {
            self.report.listed.push(what);
        }
    }

    fn owes(&mut self, token: Address, amount: Option<U256>) {
        let sum = self.owed.entry(token).or_insert(Some(U256::ZERO));
        *sum = sum.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
    }

    async fn holds_what_it_owes(&mut self) -> Result<(), Error> {
        let (escrow, block): (Address, B256) = (self.source.escrow, self.report.block.hash);
        for (token, owed) in std::mem::take(&mut self.owed) {
            self.report.tokens += 1;
            let held = match token {
                NATIVE => Some(self.source.balance(escrow, block).await?),
                _ => {
                    let answers = self.source.calls(token, block, &[balance_of_call(escrow)]).await?;
                    answers.first().and_then(|answer| U256::try_from_be_slice(answer))
                }
            };
            match (held, owed) {
                (Some(held), Some(owed)) if held >= owed => {}
                _ => self.differs(format!("token {token}: the escrow holds {held:?} and owes {owed:?}")),
            }
        }
        Ok(())
    }
}
