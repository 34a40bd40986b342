//! What a verifier does on chain by itself: it disputes what a runner asserted above what it can have worked, and claims its fees.
//!
//! It runs beside judging, sends without waiting for receipts, and looks at every assertion before any fee.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use futures::StreamExt;
use piecework_client::Assignment;
use piecework_contracts::{claim_fee_call, dispute_call};
use piecework_domain::chain::Contested;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Domain, Verdict};
use piecework_domain::money::NATIVE;
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes, U256, rules};
use tokio::time::Instant;

use crate::account::Account;
use crate::escrow::{Asserted, Escrow};
use crate::memory::Memory;
use crate::policy::Policy;
use crate::watch::View;
use crate::{Error, judge, sign};

/// A claim costs a transaction: it waits for this many epochs, or for the engagement's end.
const FEE_EPOCHS_MIN: usize = 20;
/// Verdicts in one claim, far from what a block holds.
const FEE_EPOCHS_MAX: usize = 100;
/// Claims of fees per look, and those thought about with the chain's help: disputes are never behind many of them.
const CLAIMS_MAX: usize = 4;
const CLAIMS_LOOKED_AT_MAX: usize = 16;
/// Assertions looked at before anything else is: those about the most money, and some that have waited longest.
const FIRST_MAX: usize = 48;
const LONGEST_MAX: usize = 16;
/// Disputes sent before the next look: an assertion made meanwhile is never behind many of them.
const DISPUTES_MAX: usize = 8;
/// Assertions looked at side by side.
const SIDE_BY_SIDE: usize = 16;
/// What it takes until another one's dispute is seen.
const TURN_SECONDS_MIN: u64 = 5;
/// Until a transaction shows in what the chain says.
const PAUSE: Duration = Duration::from_secs(10);
/// Until a dispute that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Until a claim that brings nothing is tried again.
const CLAIM_PAUSE: Duration = Duration::from_secs(60);
/// Until what is worth less than its gas is thought about again.
const WORTHLESS_PAUSE: Duration = Duration::from_secs(600);

pub struct Acts<'a> {
    pub escrow: Escrow,
    pub account: Account,
    pub views: &'a HashMap<u64, View>,
    pub memory: &'a Memory,
    pub policy: &'a Policy,
    pub signer: &'a PrivateKeySigner,
    pub known: Known,
}

/// What was found out so far; nothing of it must survive a restart.
#[derive(Default)]
pub struct Known {
    /// Where assertions were read up to.
    read_to: Option<u64>,
    seen: HashSet<EngagementId>,
    /// With an assertion that may be open.
    open: HashSet<EngagementId>,
    /// The first epoch not paid for.
    next_fees: HashMap<EngagementId, u64>,
    /// Assertions disputed, by when they were made, and fees claimed: left alone until then.
    disputed: HashMap<(EngagementId, Timestamp), Instant>,
    claimed: HashMap<EngagementId, Instant>,
    /// When an assertion was looked at last.
    looked: HashMap<EngagementId, Instant>,
}

/// What came of one look.
pub struct Looked {
    /// Engagements with an assertion that this verifier could contradict.
    pub open: HashSet<EngagementId>,
    /// Some were not looked at, or found wrong and not disputed yet.
    pub more: bool,
}

/// A dispute worth sending.
struct Contradiction<'a> {
    about: &'a Assignment,
    asserted_at: Timestamp,
    asserted: u64,
    floor: u64,
    bond: U256,
}

impl Acts<'_> {
    /// One look at what matters most. What fails is logged and tried again.
    pub async fn run(&mut self, assignments: &[Assignment]) -> Looked {
        let head = match self.escrow.head().await {
            Ok(head) => head,
            Err(err) => {
                tracing::warn!(error = &err as &dyn std::error::Error, "no look at the settlement chain; trying again");
                return Looked { open: self.known.open.clone(), more: false };
            }
        };
        if let Err(err) = self.account.settle().await {
            tracing::warn!(error = &err as &dyn std::error::Error, "no look at own transactions; trying again");
        }
        // What can't be worth its gas is its poster's to dispute, and has no fee worth claiming.
        let is_here = |a: &&Assignment| a.chain_id == head.chain_id && self.policy.values(a.terms.token);
        let here: Vec<&Assignment> = assignments.iter().filter(is_here).collect();
        self.known.keep(&here);
        if let Err(err) = self.find_assertions(&here, head.number).await {
            tracing::warn!(error = &err as &dyn std::error::Error, "assertions not looked for; trying again");
        }
        let more = self.contradict(&here, head.time).await;
        self.claim_fees(&here, head.time).await;
        Looked { open: self.known.open.clone(), more }
    }

    /// What is new to this process is looked at once; after that, the escrow's events tell.
    async fn find_assertions(&mut self, here: &[&Assignment], head: u64) -> Result<(), Error> {
        let ids: HashSet<_> = here.iter().map(|a| a.engagement).collect();
        let asserted = self.escrow.assertions_since(self.known.read_to, head).await?;
        self.known.read_to = Some(head);
        self.known.open.extend(asserted.intersection(&ids));
        self.known.open.extend(ids.difference(&self.known.seen));
        self.known.seen.extend(ids);
        Ok(())
    }

    /// Those to look at now, and how many wait: most money first, and some that have waited longest, so that nobody waits for ever.
    fn next<'a>(&mut self, here: &[&'a Assignment]) -> (Vec<&'a Assignment>, usize) {
        let open: Vec<_> = here.iter().filter(|a| self.known.open.contains(&a.engagement)).copied().collect();
        let at_stake = |a: &Assignment| U256::from(a.bid.rate).saturating_mul(U256::from(a.units_max));
        let mut first = self.policy.by_worth(&open, at_stake);
        let mut rest = first.split_off(first.len().min(FIRST_MAX));
        rest.sort_by_key(|a| self.known.looked.get(&a.engagement).copied());
        rest.truncate(LONGEST_MAX);
        first.extend(rest);
        let now = Instant::now();
        self.known.looked.extend(first.iter().map(|a| (a.engagement, now)));
        let waiting = open.len() - first.len();
        (first, waiting)
    }

    /// Disputes, those about the most money first. Whether more than could be done now is left.
    async fn contradict(&mut self, here: &[&Assignment], now: Timestamp) -> bool {
        let (next, waiting) = self.next(here);
        let looked: Vec<_> = {
            let this = &*self;
            futures::stream::iter(next)
                .map(|a| async move { (a, this.contradiction(a, now).await) })
                .buffered(SIDE_BY_SIDE)
                .collect()
                .await
        };
        let mut found = Vec::new();
        for (a, outcome) in looked {
            match outcome {
                Ok(Look::Over) => {
                    self.known.open.remove(&a.engagement);
                }
                Ok(Look::Stands) => {}
                Ok(Look::Wrong(contradiction)) => found.push(contradiction),
                Err(err) => {
                    let engagement = a.engagement;
                    tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "asserted units not looked at");
                }
            }
        }
        // They came in order.
        let more = waiting > 0 || found.len() > DISPUTES_MAX;
        for c in found.into_iter().take(DISPUTES_MAX) {
            let (a, engagement) = (c.about, c.about.engagement);
            self.known.disputed.insert((engagement, c.asserted_at), Instant::now() + PAUSE);
            let data = dispute_call(&a.terms, &a.verifiers, &a.bid, Contested::Assertion, c.floor, None);
            // A token's bond comes from the free balance or the allowance.
            let value = if a.terms.token == NATIVE { c.bond } else { U256::ZERO };
            // Gas is not burned for less than it saves.
            let contested = U256::from(a.bid.rate).saturating_mul(U256::from(c.asserted - c.floor));
            let cost_max = self.policy.worth(a.terms.token, contested);
            match self.account.send(a.escrow, data, value, cost_max).await {
                Ok(None) => {
                    self.known.disputed.insert((engagement, c.asserted_at), Instant::now() + WORTHLESS_PAUSE);
                    tracing::debug!(%engagement, %contested, "asserted units are too many, and worth less than disputing them costs");
                }
                Ok(tx) => tracing::info!(
                    %engagement, asserted = c.asserted, floor = c.floor, bond = %c.bond, ?tx, "asserted units disputed"
                ),
                Err(err) => {
                    // Somebody else was first, or the bond can't be paid: the next look tells.
                    self.known.disputed.insert((engagement, c.asserted_at), Instant::now() + RETRY);
                    tracing::warn!(
                        %engagement, asserted = c.asserted, floor = c.floor, bond = %c.bond,
                        error = &err as &dyn std::error::Error, "asserted units are too many and this dispute of them failed"
                    );
                }
            }
        }
        more
    }

    async fn contradiction<'a>(&self, a: &'a Assignment, now: Timestamp) -> Result<Look<'a>, Error> {
        // A dispute before an arbiter takes a bond, and anybody can name a friend as arbiter of a bounty that names this verifier.
        let arbiter = a.terms.arbiter;
        if arbiter != Address::ZERO && !(self.policy.arbiters.contains(&arbiter) && self.policy.takes(a.terms.token)) {
            return Ok(Look::Over);
        }
        let Some(asserted) = self.escrow.asserted(a).await? else { return Ok(Look::Over) };
        // Not the engagement: whose assertion lapsed asserts again at once.
        if self.known.disputed.contains_key(&(a.engagement, asserted.at)) {
            return Ok(Look::Stands);
        }
        if asserted.at.plus(u64::from(a.terms.challenge_seconds)) <= now {
            return Ok(Look::Over);
        }
        if now < self.turn(a, asserted.at) {
            return Ok(Look::Stands);
        }
        let (most, judged) = self.most(a, asserted).await?;
        // What is judged is exact: worth waiting for, while the window is far from its end.
        if !judged && now < asserted.at.plus(u64::from(a.terms.challenge_seconds) * 2 / 3) {
            return Ok(Look::Stands);
        }
        let mut floor = most.max(self.escrow.units_paid(a).await?);
        // Who contests more takes over: a friend of the runner could have contested little.
        if asserted.units <= floor || asserted.floor.is_some_and(|known| known <= floor) {
            return Ok(Look::Stands);
        }
        // Without an arbiter it costs nothing: the assertion lapses.
        let mut bond = U256::ZERO;
        if arbiter != Address::ZERO {
            let me = self.account.me;
            bond = self.escrow.dispute_bond(a, me, asserted.units - floor).await?;
            let purse = self.purse(a.terms.token).await?;
            if bond > purse {
                // As much as can be paid for.
                let contested = U256::from(asserted.units - floor).saturating_mul(purse) / bond;
                floor = asserted.units - contested.saturating_to::<u64>();
                if asserted.units <= floor || asserted.floor.is_some_and(|known| known <= floor) {
                    tracing::warn!(engagement = %a.engagement, %bond, %purse, "a dispute is more than this verifier can put up");
                    return Ok(Look::Stands);
                }
                bond = self.escrow.dispute_bond(a, me, asserted.units - floor).await?;
                tracing::warn!(engagement = %a.engagement, floor, "the whole dispute is more than this verifier can put up");
            }
        }
        Ok(Look::Wrong(Contradiction { about: a, asserted_at: asserted.at, asserted: asserted.units, floor, bond }))
    }

    /// When it is this verifier's turn to contradict what was asserted at `at`: one dispute is enough, and the gas of the others would be
    /// burned. Members come one after the other in the first third of the window, another one first for each engagement; at once where
    /// that is too short.
    fn turn(&self, a: &Assignment, at: Timestamp) -> Timestamp {
        let members = &a.verifiers.members;
        let count = members.len().max(1);
        let Some(place) = members.iter().position(|member| *member == self.account.me) else { return at };
        let rank = (place + usize::from(a.engagement.0[31])) % count;
        let step = u64::from(a.terms.challenge_seconds) / 3 / u64::try_from(count).unwrap_or(u64::MAX);
        if step < TURN_SECONDS_MIN { at } else { at.plus(step.saturating_mul(u64::try_from(rank).unwrap_or(0))) }
    }

    /// What this verifier puts up for a dispute at most.
    async fn purse(&self, token: Address) -> Result<U256, Error> {
        let limit = self.policy.dispute_max.unwrap_or(U256::MAX);
        let held = match token {
            // Gas has to be paid, too.
            NATIVE => self.account.balance().await? / U256::from(10) * U256::from(9),
            _ => self.escrow.bondable(self.account.me, token).await?,
        };
        Ok(limit.min(held))
    }

    /// The most units there can have been when the assertion speaks of: those counted, and since the last epoch judged every block that
    /// was seen, or every epoch that is over: an honest runner asserts in the middle of an epoch, too. And whether all of it was judged.
    async fn most(&self, a: &Assignment, asserted: Asserted) -> Result<(u64, bool), Error> {
        let about = Timestamp(asserted.at.0.saturating_sub(u64::from(a.terms.silence_seconds)));
        let newest = self.memory.newest(a.engagement)?;
        let (counted, judged) = newest.map_or((0, 0), |finding| (finding.verdict.units, finding.verdict.epoch + 1));
        let Some((from, _)) = rules::epoch_window(&a.terms, a.started_at, a.ends_at, judged) else {
            return Ok((counted, true));
        };
        if from >= about {
            return Ok((counted, true));
        }
        let chain = judge::chain_of(a);
        let view = self.views.get(&chain).ok_or(Error::NoEndpoint(chain))?;
        let more = match &a.spec {
            Spec::Sequencer(_) => view.count(from, about.plus(1)).await?,
            Spec::Rpc(_) => about.since(from) / u64::from(a.terms.epoch_seconds.max(1)),
        };
        Ok((counted.saturating_add(more), false))
    }

    /// Claims that bring something, a few per look, those that bring most first.
    async fn claim_fees(&mut self, here: &[&Assignment], now: Timestamp) {
        let brings = |a: &Assignment| {
            let epochs = rules::fee_epochs(&a.terms, a.units_max);
            U256::from(a.terms.verifier_fee).saturating_mul(U256::from(epochs))
        };
        let (mut sent, mut looked_at) = (0, 0);
        for a in self.policy.by_worth(here, brings) {
            let engagement = a.engagement;
            // Places are kept for disputes.
            if sent == CLAIMS_MAX || looked_at == CLAIMS_LOOKED_AT_MAX || !self.account.has_room(CLAIMS_MAX) {
                return;
            }
            match self.claim_fee(a, now).await {
                Ok(Claim::Sent) => (sent, looked_at) = (sent + 1, looked_at + 1),
                Ok(Claim::LookedAt) => looked_at += 1,
                Ok(Claim::Nothing) => {}
                Err(err) => {
                    self.known.claimed.insert(engagement, Instant::now() + CLAIM_PAUSE);
                    tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "fee not claimed");
                }
            }
        }
    }

    async fn claim_fee(&mut self, a: &Assignment, now: Timestamp) -> Result<Claim, Error> {
        let resting = self.known.claimed.contains_key(&a.engagement);
        if a.terms.verifier_fee == 0 || resting || !self.policy.takes(a.terms.token) {
            return Ok(Claim::Nothing);
        }
        let over = a.ends_at.is_some_and(|end| end <= now);
        let is_worth = |verdicts: &[Verdict]| verdicts.len() >= FEE_EPOCHS_MIN || (over && !verdicts.is_empty());
        // As few reads as can be: the chain is asked once there is enough to claim by what is known here.
        let known = self.known.next_fees.get(&a.engagement).copied();
        if !is_worth(&self.matured(a, known.unwrap_or(0), now)?.0) {
            return Ok(Claim::Nothing);
        }
        let next = self.escrow.next_fee_epoch(a, self.account.me).await?;
        self.known.next_fees.insert(a.engagement, next);
        let (mut verdicts, attested_at) = self.matured(a, next, now)?;
        // More epochs than were reserved are judged for nothing, and a claim that holds one of them is skipped as a whole.
        let reserved = usize::try_from(rules::fee_epochs(&a.terms, a.units_max)).unwrap_or(usize::MAX);
        verdicts.truncate(reserved);
        if !is_worth(&verdicts) && verdicts.len() < reserved {
            return Ok(Claim::LookedAt);
        }
        self.known.claimed.insert(a.engagement, Instant::now() + CLAIM_PAUSE);
        if verdicts.is_empty() {
            return Ok(Claim::LookedAt);
        }
        let engagement = a.engagement;
        let mut data = self.claim(a, &verdicts, attested_at)?;
        while self.escrow.epochs_paid_by(self.account.me, &data).await? == 0 {
            verdicts.truncate(verdicts.len() / 2);
            if verdicts.is_empty() {
                tracing::debug!(%engagement, "nothing is paid for these epochs");
                return Ok(Claim::LookedAt);
            }
            data = self.claim(a, &verdicts, attested_at)?;
        }
        let amount = U256::from(a.terms.verifier_fee).saturating_mul(U256::from(verdicts.len()));
        // A claim must bring more than it costs.
        let cost_max = self.policy.worth(a.terms.token, amount);
        match self.account.send(a.escrow, data, U256::ZERO, cost_max).await? {
            Some(tx) => {
                // Until it shows in what the chain says.
                self.known.claimed.insert(engagement, Instant::now() + PAUSE);
                tracing::info!(%engagement, epochs = verdicts.len(), %tx, "fee claimed");
                Ok(Claim::Sent)
            }
            None => {
                self.known.claimed.insert(engagement, Instant::now() + WORTHLESS_PAUSE);
                tracing::debug!(%engagement, %amount, "a fee is worth less than claiming it costs");
                Ok(Claim::LookedAt)
            }
        }
    }

    fn claim(&self, a: &Assignment, verdicts: &[Verdict], attested_at: Timestamp) -> Result<Bytes, Error> {
        let domain = Domain::new(a.chain_id, a.escrow);
        let (_, signature) = sign::statement(self.signer, &domain, verdicts, attested_at)?;
        Ok(claim_fee_call(&[(&a.terms, &a.verifiers, &a.bid, verdicts)], self.account.me, attested_at, &signature))
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

/// What a look at a fee comes to.
enum Claim {
    Nothing,
    /// The chain was asked.
    LookedAt,
    Sent,
}

/// What a look at an assertion comes to.
enum Look<'a> {
    /// None is open that this verifier would dispute.
    Over,
    /// As far as this verifier knows.
    Stands,
    Wrong(Contradiction<'a>),
}

impl Known {
    /// Forgets what is not assigned any more, and wakes what rested long enough.
    fn keep(&mut self, here: &[&Assignment]) {
        let ids: HashSet<_> = here.iter().map(|a| a.engagement).collect();
        let now = Instant::now();
        self.open.retain(|id| ids.contains(id));
        self.seen.retain(|id| ids.contains(id));
        self.looked.retain(|id, _| self.open.contains(id));
        self.next_fees.retain(|id, _| ids.contains(id));
        self.disputed.retain(|_, until| *until > now);
        self.claimed.retain(|_, until| *until > now);
    }
}
