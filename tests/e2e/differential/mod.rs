//! `domain` and the contracts say the same about random input: a run is a seed, see `Dice`.

mod arithmetic;
mod bonds;
mod expect;
mod fees;
mod hashes;
mod life;
mod offers;
mod payouts;
mod world;

use crate::chain::Chain;
use crate::dice::Dice;
use world::World;

/// Who sends transactions.
const CAST: [&str; 4] = ["poster", "runner", "submitter", "arbiter"];

const ROUNDS_MIN: usize = 40;
/// More than it takes to see everything happen.
const ROUNDS_MAX: usize = 150;

#[tokio::test]
async fn the_contracts_and_domain_hash_check_and_count_alike() {
    let mut dice = Dice::new();
    let mut chain = Chain::start(&CAST).await;
    hashes::ids_and_digests_are_the_same(&chain, &mut dice).await;
    offers::terms_are_refused_for_the_same_field(&chain, &mut dice).await;
    offers::verifier_sets_are_refused_alike(&chain, &mut dice).await;
    arithmetic::reserves_and_bonds_are_the_same(&chain, &mut dice).await;
    arithmetic::clocks_run_alike(&mut chain, &mut dice).await;
    bonds::bonds_double_with_every_question_lost(&mut chain, &mut dice).await;
}

#[tokio::test]
async fn random_vouchers_pay_what_domain_computes() {
    let mut world = World::set_up(Chain::start(&CAST).await, Dice::new()).await;
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS_MIN && world.missing().is_empty() {
            break;
        }
        let seconds = world.dice.between(1, 25);
        world.chain.pass(seconds).await;
        life::something_changes(&mut world).await;
        payouts::verifiers_speak_and_somebody_redeems(&mut world).await;
        fees::a_verifier_claims_its_fees(&mut world).await;
        fees::a_verifier_claims_its_fees(&mut world).await;
    }
    assert_eq!(world.missing(), Vec::<&str>::new(), "never happened");
    life::what_is_left_goes_back(&mut world).await;
    world.everyone_has_what_was_theirs().await;
}
