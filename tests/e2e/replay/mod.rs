//! Storage is what the events add up to, whatever happens: a run is a seed, see `Dice`.

mod compare;
mod court;
mod money;
mod offers;
mod seats;
mod seen;
mod verbs;
mod vouchers;
mod walk;

use walk::Walk;

/// Steps between two comparisons, so that open questions are compared too.
const STRIDE: usize = 60;
const STRIDES_MIN: usize = 8;
/// More than it takes to see everything happen.
const STRIDES_MAX: usize = 60;

#[tokio::test]
async fn storage_is_what_the_events_add_up_to() {
    let mut walk = Walk::start().await;
    let mut open = 0;
    for stride in 0..STRIDES_MAX {
        if stride >= STRIDES_MIN && walk.seen.missing().is_empty() {
            break;
        }
        for _ in 0..STRIDE {
            walk.step().await;
        }
        open += compare::storage(&walk.chain).await;
    }
    walk.seen.report();
    assert_eq!(walk.seen.missing(), Vec::<String>::new(), "never happened");
    assert!(open > 0, "no question was open when storage was read");
}
