//! Ids, digests and leaves.

use futures::future::join_all;
use piecework_contracts::{abi, abi_bid, abi_terms, deposit_address};
use piecework_domain::ids::{BountyId, EngagementId, EvidenceHash, SpecHash};
use piecework_domain::messages::{Award, Bid, BlockClaim, Statement, Verdict};
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;

use crate::chain::{CHAIN_ID, Chain};
use crate::dice::Dice;

const CASES: usize = 100;

pub async fn ids_and_digests_are_the_same(chain: &Chain, dice: &mut Dice) {
    let cases: Vec<Case> = (0..CASES).map(|_| Case::any(dice)).collect();
    join_all(cases.iter().map(|case| case.check(chain))).await;
}

struct Case {
    terms: Terms,
    bid: Bid,
    award: Award,
    verdict: Verdict,
    statement: Statement,
    claim: BlockClaim,
}

impl Case {
    fn any(dice: &mut Dice) -> Self {
        Self {
            terms: any_terms(dice),
            bid: any_bid(dice),
            award: Award {
                bounty: BountyId(dice.hash()),
                bid: EngagementId(dice.hash()),
                expires_at: Timestamp(dice.u64()),
                spare: dice.percent(50),
            },
            verdict: Verdict {
                engagement: EngagementId(dice.hash()),
                epoch: dice.u64(),
                units: dice.u64(),
                faults: dice.u64(),
                evidence: EvidenceHash(dice.hash()),
            },
            statement: Statement { root: dice.hash(), attested_at: Timestamp(dice.u64()) },
            claim: BlockClaim { number: dice.u64(), revision: dice.u64(), block_hash: dice.hash() },
        }
    }

    async fn check(&self, chain: &Chain) {
        let (escrow, domain) = (&chain.escrow, &chain.domain);
        let id = self.terms.bounty_id(CHAIN_ID, chain.deployed.escrow);
        assert_eq!(escrow.bountyId(abi_terms(&self.terms)).call().await.unwrap(), id.0, "{:?}", self.terms);
        let deposit = escrow.depositAddress(id.0).call().await.unwrap();
        assert_eq!(deposit, deposit_address(chain.deployed.escrow, id), "of {id}");

        let bid = abi_bid(&self.bid);
        let engagement = escrow.engagementId(bid.clone()).call().await.unwrap();
        assert_eq!(engagement, self.bid.engagement_id().0, "{:?}", self.bid);
        assert_eq!(escrow.bidDigest(bid).call().await.unwrap(), self.bid.digest(domain), "{:?}", self.bid);

        let a = &self.award;
        let award = abi::Escrow::Award { bounty: a.bounty.0, bid: a.bid.0, expiresAt: a.expires_at.0, spare: a.spare };
        assert_eq!(escrow.awardDigest(award).call().await.unwrap(), a.digest(domain), "{a:?}");

        let v = &self.verdict;
        let leaf = escrow.verdictLeaf(v.engagement.0, v.epoch, v.units, v.faults, v.evidence.0).call().await.unwrap();
        assert_eq!(leaf, v.leaf(), "{v:?}");

        let s = &self.statement;
        let digest = escrow.statementDigest(s.root, s.attested_at.0).call().await.unwrap();
        assert_eq!(digest, s.digest(domain), "{s:?}");

        let c = &self.claim;
        let digest = escrow.blockClaimDigest(engagement, c.number, c.revision, c.block_hash).call().await.unwrap();
        assert_eq!(digest, c.digest(EngagementId(engagement), domain), "{c:?}");
    }
}

/// Every field of full range, whether it makes sense or not.
pub fn any_terms(dice: &mut Dice) -> Terms {
    Terms {
        poster: dice.address(),
        token: dice.address(),
        rate_max: dice.u128(),
        units_max: dice.u64(),
        unit_seconds: dice.u32(),
        epoch_seconds: dice.u32(),
        seats: dice.u32(),
        bond: dice.u128(),
        fault_penalty: dice.u128(),
        faults_max: dice.u32(),
        open_until: Timestamp(dice.u64()),
        challenge_seconds: dice.u32(),
        notice_seconds: dice.u32(),
        silence_seconds: dice.u32(),
        verifier_fee: dice.u128(),
        verifier_bond_min: dice.u128(),
        open_claim: dice.percent(50),
        verifier_set: dice.hash(),
        arbiter: dice.address(),
        spec_hash: SpecHash(dice.hash()),
        salt: Amount(dice.wide()),
    }
}

pub fn any_bid(dice: &mut Dice) -> Bid {
    Bid {
        bounty: BountyId(dice.hash()),
        runner: dice.address(),
        payee: dice.address(),
        node: dice.address(),
        rate: dice.u128(),
        relay_fee: dice.u128(),
        expires_at: Timestamp(dice.u64()),
        nonce: Amount(dice.wide()),
    }
}
