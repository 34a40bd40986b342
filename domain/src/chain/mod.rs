//! What the escrow's events say, and the state they add up to.
//!
//! Replaying a bounty's or an engagement's events through `apply` rebuilds the contract's storage. The indexer does it for
//! every new block, and again from the start for whatever a reorg touched.

mod bounty;
mod engagement;
mod event;

pub use bounty::Bounty;
pub use engagement::{Assertion, Dispute, Engagement, FeeMark, NoticeBy, Status};
pub use event::{Contested, EndReason, Event, Record, Subject};

use crate::ids::{BountyId, EngagementId};

/// An event that can't follow the state it was applied to: the mirror or the contract is wrong, and both must stop.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Inconsistent {
    #[error("bounty {0} has an event before it was posted")]
    BountyUnknown(BountyId),
    #[error("bounty {0} was posted twice")]
    BountyKnown(BountyId),
    #[error("engagement {0} has an event before it began")]
    EngagementUnknown(EngagementId),
    #[error("engagement {0} began twice")]
    EngagementKnown(EngagementId),
    #[error("{event} on {subject} leaves {field} out of range")]
    OutOfRange { event: &'static str, subject: String, field: &'static str },
}

#[cfg(test)]
mod tests;
