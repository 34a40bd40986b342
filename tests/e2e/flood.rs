//! Somebody names the verifiers in many worthless engagements, so that they come too late for everybody else.

use piecework_domain::U256;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;

use crate::cast::{Cast, eventually};
use crate::dev::Dev;

/// Worthless engagements, each with an epoch to judge every second.
const FLOOD: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_worthless_engagements_costs_nobody_else_a_verdict() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let worthless = Terms {
        rate_max: 1,
        units_max: 600,
        epoch_seconds: 1,
        seats: FLOOD,
        bond: 0,
        fault_penalty: 0,
        open_claim: true,
        ..cast.terms(cast.now().await, 100)
    };
    let bounty = cast.post_itself(&worthless).await;
    let escrow = dev.ready.escrow;
    let claims = (0..FLOOD).map(|n| {
        let (runner, node) = (cast.address("runner2"), cast.address("runner2"));
        let bid = Bid { runner, node, nonce: Amount::from(u128::from(n)), ..cast.bid(bounty, &worthless) };
        piecework_contracts::claim_call(&worthless, &cast.verifiers(), &bid)
    });
    cast.send_all("runner2", escrow, claims.collect()).await;
    let path = format!("/v1/bounties/{bounty}");
    eventually("the flood is mirrored", 60, || async {
        let view: serde_json::Value = cast.api.get(&path).await.ok()?;
        (view["seatsTaken"] == FLOOD).then_some(())
    })
    .await;

    // Time for a busy machine to pay before the poster may reclaim, not for verdicts that wait behind a hundred others.
    let terms = Terms { silence_seconds: 12, ..cast.terms(cast.now().await, 101) };
    let honest = cast.post(&terms).await;
    let id = cast.bid_and_award(honest, &terms).await;
    let closed = cast.wind_up(id).await;
    let most = terms.units_max * 3 / 5;
    assert!(closed.units_paid >= most, "{} of {} units were paid", closed.units_paid, terms.units_max);
    assert_eq!(closed.paid.0, U256::from(closed.units_paid) * U256::from(terms.rate_max));
}
