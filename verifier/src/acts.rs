//! What a verifier does on chain by itself: it disputes what a runner asserted above its own count, and claims its fees.
//!
//! It runs beside judging, so that a slow transaction never holds up a verdict.

use std::collections::{HashMap, HashSet};

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::Assignment;
use piecework_contracts::{claim_fee_call, dispute_call};
use piecework_domain::chain::Contested;
use piecework_domain::ids::EngagementId;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::money::NATIVE;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256, rules};

use crate::Error;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::settlement::{Asserted, Settlement};

/// A claim costs a transaction: it waits for this many epochs, or for the engagement's end.
const FEE_EPOCHS_MIN: usize = 20;
/// Verdicts in one claim, far from what a block holds.
const FEE_EPOCHS_MAX: usize = 100;

pub struct Acts<'a> {
    pub chain: Settlement,
    pub memory: &'a Memory,
    pub policy: &'a Policy,
    pub signer: &'a PrivateKeySigner,
    /// Where assertions were read up to.
    pub read_to: Option<u64>,
    /// Engagements looked at once, and those with an assertion that may be open.
    pub known: HashSet<EngagementId>,
    pub open: HashSet<EngagementId>,
    /// The first epoch not paid for.
    pub next_fees: HashMap<EngagementId, u64>,
}

impl Acts<'_> {
    /// One look at every assignment. What fails is logged and tried again next time. Returns the engagements with an assertion that
    /// this verifier could contradict.
    pub async fn run(&mut self, assignments: &[Assignment]) -> HashSet<EngagementId> {
        let head = match self.chain.head().await {
            Ok(head) => head,
            Err(err) => {
                tracing::warn!(error = &err as &dyn std::error::Error, "no look at the settlement chain; trying again");
                return self.open.clone();
            }
        };
        let here: Vec<&Assignment> = assignments.iter().filter(|a| a.chain_id == head.chain_id).collect();
        let ids: HashSet<_> = here.iter().map(|a| a.engagement).collect();
        self.open.retain(|id| ids.contains(id));
        self.known.retain(|id| ids.contains(id));
        self.next_fees.retain(|id, _| ids.contains(id));
        if let Err(err) = self.find_assertions(&here, &ids, head.number).await {
            tracing::warn!(error = &err as &dyn std::error::Error, "assertions not looked for; trying again");
        }
        for a in &here {
            let engagement = a.engagement;
            if self.open.contains(&engagement)
                && let Err(err) = self.contradict(a, head.time).await
            {
                tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "asserted units not looked at");
            }
            if let Err(err) = self.claim_fee(a, head.time).await {
                tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "fee not claimed");
            }
        }
        self.open.clone()
    }

    /// What is new to this process is looked at once; after that, the escrow's events tell.
    async fn find_assertions(
        &mut self,
        here: &[&Assignment],
        ids: &HashSet<EngagementId>,
        head: u64,
    ) -> Result<(), Error> {
        let Some(escrow) = here.first().map(|a| a.escrow) else { return Ok(()) };
        let asserted = self.chain.assertions_since(escrow, self.read_to, head).await?;
        self.open.extend(asserted.intersection(ids));
        self.read_to = Some(head);
        self.open.extend(ids.difference(&self.known));
        self.known.extend(ids);
        Ok(())
    }

    async fn contradict(&mut self, a: &Assignment, now: Timestamp) -> Result<(), Error> {
        let asserted = self.chain.asserted(a).await?;
        let window = asserted.map(|asserted| asserted.at.plus(u64::from(a.terms.challenge_seconds)));
        // A dispute before an arbiter takes a bond, and anybody can name a friend as arbiter of a bounty that names this verifier.
        let trusted = a.terms.arbiter == Address::ZERO || self.policy.arbiters.contains(&a.terms.arbiter);
        let (Some(asserted), true) = (asserted.filter(|_| window > Some(now)), trusted) else {
            self.open.remove(&a.engagement);
            return Ok(());
        };
        let Some(own) = self.own_count(a, asserted)? else {
            return Ok(());
        };
        if asserted.units <= own {
            return Ok(());
        }
        let floor = own.max(self.chain.units_paid(a).await?);
        // Who contests more takes over: a friend of the runner could have contested little.
        if asserted.units <= floor || asserted.floor.is_some_and(|known| known <= floor) {
            return Ok(());
        }
        let data = dispute_call(&a.terms, &a.verifiers, &a.bid, Contested::Assertion, floor, None);
        // Without an arbiter it costs nothing: the assertion lapses.
        let bond = match a.terms.arbiter {
            Address::ZERO => U256::ZERO,
            _ => self.chain.dispute_bond(a, asserted.units - floor).await?,
        };
        // A token's bond comes from the free balance or the allowance.
        let value = if a.terms.token == NATIVE { bond } else { U256::ZERO };
        let tx = self.chain.send(a.escrow, data, value, U256::MAX).await?;
        tracing::info!(engagement = %a.engagement, asserted = asserted.units, counted = own, ?tx, "asserted units disputed");
        Ok(())
    }

    /// This verifier's count at the time that the assertion is about; `None` while it has not judged that far.
    fn own_count(&self, a: &Assignment, asserted: Asserted) -> Result<Option<u64>, Error> {
        let about = Timestamp(asserted.at.0.saturating_sub(u64::from(a.terms.silence_seconds)));
        let over = rules::epochs_over(&a.terms, a.started_at, a.ends_at, about);
        let newest = self.memory.newest(a.engagement)?;
        Ok(newest.filter(|finding| finding.verdict.epoch + 1 >= over).map(|finding| finding.verdict.units))
    }

    async fn claim_fee(&mut self, a: &Assignment, now: Timestamp) -> Result<(), Error> {
        if a.terms.verifier_fee == 0 {
            return Ok(());
        }
        let known = self.next_fees.get(&a.engagement).copied();
        let over = a.ends_at.is_some_and(|end| end <= now);
        // As few reads as can be: the chain is asked once there is enough to claim by what is known here.
        if !self.is_worth_a_claim(&self.matured(a, known.unwrap_or(0), now)?.0, over) {
            return Ok(());
        }
        let next = self.chain.next_fee_epoch(a).await?;
        self.next_fees.insert(a.engagement, next);
        let (verdicts, attested_at) = self.matured(a, next, now)?;
        if !self.is_worth_a_claim(&verdicts, over) {
            return Ok(());
        }
        let tree = Tree::new(verdicts.iter().map(Verdict::leaf).collect());
        let statement = Statement { root: tree.map(|tree| tree.root()).unwrap_or_default(), attested_at };
        let digest = statement.digest(&Domain::new(a.chain_id, a.escrow));
        let signature = self.signer.sign_hash_sync(&digest).map_err(Error::Sign)?.as_bytes().to_vec().into();
        let entries = [(&a.terms, &a.verifiers, &a.bid, verdicts.as_slice())];
        let data = claim_fee_call(&entries, self.chain.me(), attested_at, &signature);
        let amount = U256::from(a.terms.verifier_fee).saturating_mul(U256::from(verdicts.len()));
        // A claim in the native coin must bring more than it costs; what another token is worth, who accepts it knows.
        let cost_max = if a.terms.token == NATIVE { amount } else { U256::MAX };
        match self.chain.send(a.escrow, data, U256::ZERO, cost_max).await? {
            Some(tx) => tracing::info!(engagement = %a.engagement, epochs = verdicts.len(), %tx, "fee claimed"),
            None => tracing::debug!(engagement = %a.engagement, %amount, "a fee is worth less than claiming it costs"),
        }
        Ok(())
    }

    fn is_worth_a_claim(&self, verdicts: &[Verdict], over: bool) -> bool {
        verdicts.len() >= FEE_EPOCHS_MIN || (over && !verdicts.is_empty())
    }

    /// Verdicts not paid for whose challenge window has passed, and when the newest of them was first attested: the statement that
    /// claims them may say no earlier time, or it would let a voucher jump its window.
    fn matured(&self, a: &Assignment, next: u64, now: Timestamp) -> Result<(Vec<Verdict>, Timestamp), Error> {
        let mut verdicts = Vec::new();
        let mut attested_at = Timestamp::default();
        let last = self.memory.newest(a.engagement)?.map_or(0, |finding| finding.verdict.epoch + 1);
        for epoch in next..last {
            let Some(finding) = self.memory.judged(a.engagement, epoch)? else { continue };
            let Some(at) = self.memory.attested_at(a.engagement, epoch)? else { continue };
            if at.plus(u64::from(a.terms.challenge_seconds)) > now || verdicts.len() == FEE_EPOCHS_MAX {
                break;
            }
            attested_at = attested_at.max(at);
            verdicts.push(finding.verdict);
        }
        Ok((verdicts, attested_at))
    }
}
