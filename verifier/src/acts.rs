//! What a verifier does on chain by itself: it disputes what a runner asserted above its own count, and claims its fees.

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::Assignment;
use piecework_contracts::{claim_fee_call, dispute_call};
use piecework_domain::chain::Contested;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::money::NATIVE;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256, rules};

use crate::Error;
use crate::memory::Memory;
use crate::settlement::{Asserted, Settlement};

/// A claim costs a transaction: it waits for this many epochs, or for the engagement's end.
const FEE_EPOCHS_MIN: usize = 20;
/// Verdicts in one claim, far from what a block holds.
const FEE_EPOCHS_MAX: usize = 100;

pub struct Acts<'a> {
    pub chain: Settlement,
    pub memory: &'a Memory,
    /// Whose rulings may cost this verifier a dispute bond.
    pub arbiters: &'a [Address],
}

impl Acts<'_> {
    /// One look at every assignment. What fails is logged and tried again next time.
    pub async fn run(&self, assignments: &[Assignment], signer: &PrivateKeySigner) {
        let Ok(chain_id) = self.chain.chain_id().await else {
            return tracing::warn!("the settlement endpoint does not answer; trying again");
        };
        for assignment in assignments.iter().filter(|a| a.chain_id == chain_id) {
            let engagement = assignment.engagement;
            if let Err(err) = self.contradict(assignment).await {
                tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "asserted units not looked at");
            }
            if let Err(err) = self.claim_fee(assignment, signer).await {
                tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "fee not claimed");
            }
        }
    }

    async fn contradict(&self, a: &Assignment) -> Result<(), Error> {
        // A dispute before an arbiter takes a bond, and anybody can name a friend as arbiter of a bounty that names this verifier.
        if a.terms.arbiter != Address::ZERO && !self.arbiters.contains(&a.terms.arbiter) {
            return Ok(());
        }
        let Some(asserted) = self.chain.asserted(a).await? else {
            return Ok(());
        };
        let window = asserted.at.plus(u64::from(a.terms.challenge_seconds));
        let Some(own) = self.own_count(a, asserted)? else {
            return Ok(());
        };
        let now = self.chain.now().await?;
        if asserted.units <= own || now >= window {
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
        let tx = self.chain.send(a.escrow, data, value).await?;
        tracing::info!(engagement = %a.engagement, asserted = asserted.units, counted = own, %tx, "asserted units disputed");
        Ok(())
    }

    /// This verifier's count at the time that the assertion is about; `None` while it has not judged that far.
    fn own_count(&self, a: &Assignment, asserted: Asserted) -> Result<Option<u64>, Error> {
        let about = Timestamp(asserted.at.0.saturating_sub(u64::from(a.terms.silence_seconds)));
        let over = rules::epochs_over(&a.terms, a.started_at, a.ends_at, about);
        let newest = self.memory.newest(a.engagement)?;
        Ok(newest.filter(|finding| finding.verdict.epoch + 1 >= over).map(|finding| finding.verdict.units))
    }

    async fn claim_fee(&self, a: &Assignment, signer: &PrivateKeySigner) -> Result<(), Error> {
        if a.terms.verifier_fee == 0 {
            return Ok(());
        }
        let now = self.chain.now().await?;
        let next = self.chain.next_fee_epoch(a).await?;
        let (verdicts, attested_at) = self.matured(a, next, now)?;
        let over = a.ends_at.is_some_and(|end| end <= now);
        if verdicts.is_empty() || (verdicts.len() < FEE_EPOCHS_MIN && !over) {
            return Ok(());
        }
        let tree = Tree::new(verdicts.iter().map(Verdict::leaf).collect());
        let statement = Statement { root: tree.map(|tree| tree.root()).unwrap_or_default(), attested_at };
        let digest = statement.digest(&Domain::new(a.chain_id, a.escrow));
        let signature = signer.sign_hash_sync(&digest).map_err(Error::Sign)?.as_bytes().to_vec().into();
        let entries = [(&a.terms, &a.verifiers, &a.bid, verdicts.as_slice())];
        let data = claim_fee_call(&entries, self.chain.me(), attested_at, &signature);
        let tx = self.chain.send(a.escrow, data, U256::ZERO).await?;
        tracing::info!(engagement = %a.engagement, epochs = verdicts.len(), %tx, "fee claimed");
        Ok(())
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
