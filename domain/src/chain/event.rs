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
    /// More units reserved.
    Extended {
        engagement: EngagementId,
        bounty: BountyId,
        units_max: u64,
        ends_at: Option<Timestamp>,
        reserve: Amount,
        escrow: Amount,
    },
    FeeClaimed {
        engagement: EngagementId,
        verifier: Address,
        epochs: u64,
        next_epoch: u64,
        amount: Amount,
    },
    UnitsAsserted {
        engagement: EngagementId,
        runner: Address,
        units: u64,
        payable_at: Timestamp,
        bond: Amount,
    },
    Disputed {
        engagement: EngagementId,
        by: Address,
        subject: Contested,
        floor: u64,
        claimed: u64,
        signers: u32,
        rule_before: Timestamp,
        bond: Amount,
    },
    Resolved {
        engagement: EngagementId,
        subject: Contested,
        by: Address,
        outcome: u64,
        disputer_lost: bool,
        claimant_lost: bool,
        record: Record,
    },
    NodeSlashed {
        engagement: EngagementId,
        reporter: Address,
        to_reporter: Amount,
        to_poster: Amount,
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
    Equivocation,
}

impl EndReason {
    /// The seat opens again when the runner left early or was ended for cause.
    pub fn vacates(self) -> bool {
        matches!(self, Self::RunnerNotice | Self::Faults | Self::Equivocation)
    }

    /// A spare award may take over.
    pub fn for_cause(self) -> bool {
        matches!(self, Self::Faults | Self::Equivocation)
    }
}

/// What a dispute is about (the contract's `Subject`).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contested {
    Units,
    Faults,
    Assertion,
}

/// What an engagement has gone through (the contract's `Record`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Bit per member of the set whose verdicts no longer count.
    pub ejected: u32,
    pub lost_by_poster: u8,
    pub lost_by_runner: u8,
    /// When the last dispute about a voucher was resolved: windows that were open then began anew; 0 while none was.
    pub resolved_at: Timestamp,
    /// Nothing goes back before; 0 while nothing was resolved.
    pub reclaimable_from: Timestamp,
    pub fees_paid: Amount,
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
            Self::Engaged { engagement, bounty, .. }
            | Self::Extended { engagement, bounty, .. }
            | Self::Ended { engagement, bounty, .. } => Subject::Both(*engagement, *bounty),
            Self::Redeemed { engagement, .. }
            | Self::Faulted { engagement, .. }
            | Self::Skipped { engagement, .. }
            | Self::FeeClaimed { engagement, .. }
            | Self::UnitsAsserted { engagement, .. }
            | Self::Disputed { engagement, .. }
            | Self::Resolved { engagement, .. }
            | Self::NodeSlashed { engagement, .. }
            | Self::NoticeGiven { engagement, .. }
            | Self::Reclaimed { engagement, .. } => Subject::Engagement(*engagement),
            Self::Credited { account, token, .. } | Self::Debited { account, token, .. } => {
                Subject::Balance { account: *account, token: *token }
            }
        }
    }
}

/// One list for both ways to ask for names.
macro_rules! names {
    ($($variant:ident => $name:literal,)*) => {
        impl Event {
            /// Every name there is.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The name used in the database and the event stream.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

names! {
    Posted => "posted",
    Funded => "funded",
    DepositReturned => "depositReturned",
    EscrowReclaimed => "escrowReclaimed",
    Engaged => "engaged",
    Redeemed => "redeemed",
    Faulted => "faulted",
    Skipped => "skipped",
    Extended => "extended",
    FeeClaimed => "feeClaimed",
    UnitsAsserted => "unitsAsserted",
    Disputed => "disputed",
    Resolved => "resolved",
    NodeSlashed => "nodeSlashed",
    NoticeGiven => "noticeGiven",
    Ended => "ended",
    Reclaimed => "reclaimed",
    Credited => "credited",
    Debited => "debited",
}
