//! A stranger's bad input gets a clear problem, and changes nothing.

mod awards;
mod bids;
mod bodies;
mod endpoints;
mod evidence;
mod findings;
mod offers;
mod reports;
mod requests;
mod seats;
mod signatures;
mod statements;
mod wishes;
mod world;

use crate::cast::Cast;
use crate::dev::Dev;
use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_problem_and_changes_nothing() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let world = World::set_up(&cast).await;

    bodies::malformed_json_is_told_from_the_wrong_shape(&world).await;
    bodies::only_json_is_read_and_not_too_much_of_it(&world).await;
    requests::malformed_ids_are_named(&world).await;
    requests::unknown_ids_are_not_found(&world).await;
    requests::bad_cursors_limits_and_parameters_are_named(&world).await;
    requests::unknown_routes_and_methods_are_problems(&world).await;

    offers::terms_that_break_a_rule(&world).await;
    offers::specs_that_break_a_rule(&world).await;
    offers::verifier_sets_that_break_a_rule(&world).await;
    offers::hashes_that_do_not_fit(&world).await;
    offers::amounts_that_are_not_decimal_strings(&world).await;

    bids::signatures_that_are_not_the_runners(&world).await;
    bids::bids_that_break_a_rule(&world).await;
    bids::bids_of_the_wrong_shape(&world).await;
    seats::withdrawals_that_are_not_the_runners(&world).await;
    seats::claims_that_cannot_be_made(&world).await;

    awards::signatures_that_are_not_the_posters(&world).await;
    awards::awards_that_break_a_rule(&world).await;

    evidence::claims_that_are_not_the_nodes(&world).await;
    evidence::batches_that_break_a_rule(&world).await;
    evidence::claims_that_contradict_what_was_claimed(&world).await;

    endpoints::endpoints_that_nobody_could_ask(&world).await;
    wishes::wishes_that_are_not_the_runners(&world).await;

    statements::signatures_that_are_not_the_verifiers(&world).await;
    statements::statements_that_break_a_rule(&world).await;
    reports::reports_that_are_not_the_engagements(&world).await;
    reports::verdicts_that_contradict_what_was_judged(&world).await;
    // It leaves no room in the book for this runner.
    bids::bids_that_nobody_could_bond_or_too_many(&world).await;

    world.finish().await;
}
