//! What verifiers earn.

use alloy::sol_types::SolInterface;
use piecework_contracts::claim_fee_call;
use piecework_domain::chain::Event;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Statement, Verdict};
use piecework_domain::time::Timestamp;
use piecework_domain::{U256, rules};

use super::expect;
use super::world::{VERIFIERS, World, verifier};
use crate::chain::{key, sign};

pub async fn a_verifier_claims_its_fees(world: &mut World) {
    let (now, signer) = (world.chain.now, key(&verifier(world.dice.between(1, VERIFIERS))));
    let attested_at = if world.dice.percent(5) { now.plus(2) } else { Timestamp(now.0 - world.dice.below(30)) };
    let mut ids = world.dice.some(&world.ids, 5);
    world.dice.shuffle(&mut ids);
    let said: Vec<(EngagementId, Vec<Verdict>)> =
        ids.into_iter().map(|id| (id, epochs(world, id, signer.address(), attested_at))).collect();
    let leaves: Vec<_> = said.iter().flat_map(|(_, verdicts)| verdicts.iter().map(Verdict::leaf)).collect();
    let Some(tree) = Tree::new(leaves) else { return };
    let signature = sign(&signer, Statement { root: tree.root(), attested_at }.digest(&world.chain.domain));

    let book = &world.chain.book;
    let entry = |(id, verdicts)| {
        let (terms, e) = book.deal(id);
        (terms, &e.verifiers, &e.bid, verdicts)
    };
    let entries: Vec<_> = said.iter().map(|(id, verdicts)| entry((*id, verdicts.as_slice()))).collect();
    let data = claim_fee_call(&entries, signer.address(), attested_at, &signature);
    let answer = |(id, verdicts): &(EngagementId, Vec<Verdict>)| {
        expect::fee(book, *id, (signer.address(), attested_at), verdicts, now)
            .unwrap_or_else(|err| Event::Skipped { engagement: *id, reason: err.abi_encode().into() })
    };
    let expected: Vec<_> = said.iter().map(answer).collect();
    let events = world.chain.tell(signer.address(), U256::ZERO, data).await;
    assert_eq!(events, expected);
    world.note(&events);
}

/// Verdicts on epochs not paid for yet, mostly on those that are over.
fn epochs(world: &mut World, id: EngagementId, verifier: piecework_domain::Address, at: Timestamp) -> Vec<Verdict> {
    let (terms, e) = world.chain.book.deal(id);
    let next = e.fees.get(&verifier).map_or(0, |mark| mark.next_epoch);
    let over = rules::epochs_over(terms, e.started_at, e.ends_at, at);
    let dice = &mut world.dice;
    let most = if dice.percent(20) { over + 1 } else { over };
    let mut epoch = if dice.percent(20) { next.saturating_sub(1) } else { next };
    let mut verdicts = Vec::new();
    while epoch < most && verdicts.len() < 12 && dice.percent(90) {
        verdicts.push(Verdict {
            engagement: id,
            epoch,
            units: dice.u64(),
            faults: dice.u64(),
            evidence: EvidenceHash(dice.hash()),
        });
        epoch += dice.pick(&[1, 1, 1, 2]);
    }
    verdicts
}
