//! The escrow's events, decoded. Field meanings: `contracts/src/interfaces/IEscrow.sol`.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::ids::{BountyId, EngagementId};
use crate::messages::Bid;
use crate::money::Amount;
use crate::terms::{Terms, VerifierSet};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    Posted {
        bounty: BountyId,
        terms: Terms,
    },
    Funded {
        bounty: BountyId,
        from: Address,
        amount: Amount,
        escrow: Amount,
    },
    DepositReturned {
        bounty: BountyId,
        poster: Address,
        token: Address,
        amount: Amount,
    },
    EscrowReclaimed {
        bounty: BountyId,
        poster: Address,
        amount: Amount,
    },
    Engaged {
        engagement: EngagementId,
        bounty: BountyId,
        bid: Bid,
        verifiers: VerifierSet,
        units_max: u64,
        started_at: Timestamp,
        ends_at: Option<Timestamp>,
        reserve: Amount,
        spare: bool,
        escrow: Amount,
    },
    Redeemed {
        engagement: EngagementId,
        payee: Address,
        submitter: Address,
        units: u64,
        amount: Amount,
        relay_fee: Amount,
    },
    Faulted {
        engagement: EngagementId,
        faults: u64,
        penalty: Amount,
        bond: Amount,
    },
    Skipped {
        engagement: EngagementId,
        reason: Bytes,
    },
    NoticeGiven {
        engagement: EngagementId,
        by: Address,
        ends_at: Timestamp,
    },
    Ended {
        engagement: EngagementId,
        bounty: BountyId,
        reason: EndReason,
        ended_at: Timestamp,
        units_max: u64,
        released: Amount,
        escrow: Amount,
    },
    Reclaimed {
        engagement: EngagementId,
        reserve: Amount,
        bond: Amount,
    },
    Credited {
        account: Address,
        token: Address,
        amount: Amount,
        balance: Amount,
    },
    Debited {
        account: Address,
        token: Address,
        amount: Amount,
        balance: Amount,
    },
}

/// Why an engagement ended. Order and meaning are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    Elapsed,
    Completed,
    PosterNotice,
    RunnerNotice,
    Faults,
}

impl EndReason {
    /// The seat opens again when the runner left early or was ended for cause.
    pub fn vacates(self) -> bool {
        matches!(self, Self::RunnerNotice | Self::Faults)
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Bounty(BountyId),
    /// Only the engagement changes.
    Engagement(EngagementId),
    /// The engagement and its bounty change.
    Both(EngagementId, BountyId),
    Balance {
        account: Address,
        token: Address,
    },
}

impl Event {
    pub fn subject(&self) -> Subject {
        match self {
            Self::Posted { bounty, .. }
            | Self::Funded { bounty, .. }
            | Self::DepositReturned { bounty, .. }
            | Self::EscrowReclaimed { bounty, .. } => Subject::Bounty(*bounty),
            Self::Engaged { engagement, bounty, .. } | Self::Ended { engagement, bounty, .. } => {
                Subject::Both(*engagement, *bounty)
            }
            Self::Redeemed { engagement, .. }
            | Self::Faulted { engagement, .. }
            | Self::Skipped { engagement, .. }
            | Self::NoticeGiven { engagement, .. }
            | Self::Reclaimed { engagement, .. } => Subject::Engagement(*engagement),
            Self::Credited { account, token, .. } | Self::Debited { account, token, .. } => {
                Subject::Balance { account: *account, token: *token }
            }
        }
    }

    /// The name used in the database and the event stream.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Posted { .. } => "posted",
            Self::Funded { .. } => "funded",
            Self::DepositReturned { .. } => "depositReturned",
            Self::EscrowReclaimed { .. } => "escrowReclaimed",
            Self::Engaged { .. } => "engaged",
            Self::Redeemed { .. } => "redeemed",
            Self::Faulted { .. } => "faulted",
            Self::Skipped { .. } => "skipped",
            Self::NoticeGiven { .. } => "noticeGiven",
            Self::Ended { .. } => "ended",
            Self::Reclaimed { .. } => "reclaimed",
            Self::Credited { .. } => "credited",
            Self::Debited { .. } => "debited",
        }
    }
}
