//! What can be done to the escrow.

use crate::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Post,
    Fund,
    PayDeposit,
    PostFromDeposit,
    ReturnDeposit,
    Deposit,
    Withdraw,
    ReclaimEscrow,
    Claim,
    Award,
    AwardSpare,
    Extend,
    Notice,
    End,
    Reclaim,
    SlashNode,
    Redeem,
    RedeemBatch,
    RedeemFault,
    ClaimFee,
    AssertUnits,
    DisputeUnits,
    DisputeFaults,
    DisputeAssertion,
    Rule,
    Settle,
}

use Verb::*;

/// What is drawn from, by how often it is tried.
pub const VERBS: [(Verb, u64); 26] = [
    (Post, 3),
    (Fund, 2),
    (PayDeposit, 3),
    (PostFromDeposit, 3),
    (ReturnDeposit, 2),
    (Deposit, 2),
    (Withdraw, 2),
    (ReclaimEscrow, 1),
    (Claim, 8),
    (Award, 8),
    (AwardSpare, 12),
    (Extend, 2),
    (Notice, 2),
    (End, 10),
    (Reclaim, 4),
    (SlashNode, 2),
    (Redeem, 5),
    (RedeemBatch, 3),
    (RedeemFault, 6),
    (ClaimFee, 4),
    (AssertUnits, 8),
    (DisputeUnits, 4),
    (DisputeFaults, 4),
    (DisputeAssertion, 30),
    (Rule, 10),
    (Settle, 6),
];

impl Verb {
    pub fn draw(dice: &mut Dice) -> Self {
        let all = VERBS.iter().map(|(_, weight)| weight).sum();
        let mut at = dice.below(all);
        let drawn = VERBS.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        drawn.expect("is below the sum").0
    }
}
