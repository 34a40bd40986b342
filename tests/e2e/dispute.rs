//! A runner asserts units that nobody saw; verifiers contradict it by themselves, and are paid for having looked.

use piecework_contracts::{assert_units_call, rule_call};
use piecework_domain::chain::Contested;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, U256};
use serde_json::Value;

use crate::cast::{BOND, Cast, RATE, eventually};
use crate::dev::Dev;

const FEE: u128 = 1_000_000_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn asserted_units_above_the_count_are_disputed_by_a_verifier_and_every_verifier_claims_its_fees() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let arbiter = cast.address("payee1");
    let terms = Terms {
        arbiter,
        challenge_seconds: 20,
        silence_seconds: 6,
        verifier_fee: FEE,
        open_claim: true,
        fault_penalty: 0,
        ..cast.terms(cast.now().await, 7)
    };
    let bounty = cast.post(&terms).await;

    // A node that no companion speaks for: none of its blocks can count.
    let mut bid = cast.bid(bounty, &terms);
    bid.node = cast.address("runner2");
    let id = bid.engagement_id();
    let escrow = dev.ready.escrow;
    let claim = piecework_contracts::claim_call(&terms, &cast.verifiers(), &bid);
    cast.send("runner1", escrow, U256::from(BOND), claim).await;
    let started_at = cast.engaged(id).await.started_at();

    let time = started_at.plus(10);
    eventually("silence has passed for four units", 60, || async { (cast.now().await >= time).then_some(()) }).await;
    let lie = assert_units_call(&terms, &cast.verifiers(), &bid, 4);
    cast.send("runner1", escrow, U256::from(RATE), lie).await;
    let path = format!("/v1/engagements/{id}");
    let dispute = eventually("a verifier disputes it", 20, || async {
        let view: Value = cast.api.get(&path).await.ok()?;
        // A verifier in a hurry counts blocks it has not judged as worked, and contests more once it has.
        view["disputes"].as_array()?.first().filter(|dispute| dispute["floor"] == 0).cloned()
    })
    .await;
    assert_eq!(
        (&dispute["subject"], &dispute["floor"], &dispute["claimed"]),
        (&"assertion".into(), &0.into(), &4.into())
    );
    let by: Address = serde_json::from_value(dispute["by"].clone()).expect("is an address");
    assert!(cast.verifiers().members.contains(&by), "{by} is a verifier");

    // The arbiter finds nothing either: what the runner put at risk is the verifier's.
    let before = cast.balance(by).await;
    let ruling = rule_call(&terms, &cast.verifiers(), &bid, Contested::Assertion, 0);
    cast.send("payee1", escrow, U256::ZERO, ruling).await;
    let won = cast.balance(by).await - before;
    assert!(
        won > U256::from(RATE + RATE / 2) - U256::from(RATE / 100),
        "its bond and half of the other, less gas: {won}"
    );
    let view = eventually("the question is closed", 20, || async {
        let view: Value = cast.api.get(&path).await.ok()?;
        (view["disputes"] == Value::Array(vec![]) && view["assertion"].is_null()).then_some(view)
    })
    .await;
    assert_eq!((&view["unitsPaid"], &view["paid"]), (&0.into(), &"0".into()));

    // Five epochs by three verifiers, who found nothing: paid the same as for something.
    let due = (FEE * 5 * 3).to_string();
    eventually("all fees are claimed", 90, || async {
        let view: Value = cast.api.get(&path).await.ok()?;
        (view["feesPaid"] == Value::String(due.clone())).then_some(())
    })
    .await;
    let closed = cast.wind_up(id).await;
    assert_eq!((closed.units_paid, closed.paid), (0, 0.into()));
}
