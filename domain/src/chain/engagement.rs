//! An engagement's state as its events tell it.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{EndReason, Event, Inconsistent};
use crate::ids::{BountyId, EngagementId};
use crate::messages::Bid;
use crate::money::Amount;
use crate::terms::VerifierSet;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeBy {
    Poster,
    Runner,
}

/// Where an engagement stands; `Closed` absorbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Status {
    Active,
    Ended { reason: EndReason },
    Closed { reason: EndReason, refunded: Amount, bond_returned: Amount },
}

impl Status {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended { .. } => "ended",
            Self::Closed { .. } => "closed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Engagement {
    pub id: EngagementId,
    pub bounty: BountyId,
    pub bid: Bid,
    pub verifiers: VerifierSet,
    #[serde(flatten)]
    pub status: Status,
    /// Units reserved.
    pub units_max: u64,
    pub units_paid: u64,
    pub faults: u64,
    pub started_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub notice_by: Option<NoticeBy>,
    /// Reserve locked at the start.
    pub reserve: Amount,
    /// Sent or credited to the payee so far.
    pub paid: Amount,
    /// Sent or credited to submitters so far.
    pub relay_fees: Amount,
    /// Moved from the bond to the poster so far.
    pub penalties: Amount,
}

impl Engagement {
    /// The state after `event`, which concerns this engagement.
    pub fn apply(state: Option<Self>, event: &Event) -> Result<Option<Self>, Inconsistent> {
        match (state, event) {
            (
                None,
                Event::Engaged { engagement, bounty, bid, verifiers, units_max, started_at, ends_at, reserve, .. },
            ) => Ok(Some(Self {
                id: *engagement,
                bounty: *bounty,
                bid: bid.clone(),
                verifiers: verifiers.clone(),
                status: Status::Active,
                units_max: *units_max,
                units_paid: 0,
                faults: 0,
                started_at: *started_at,
                ends_at: *ends_at,
                notice_by: None,
                reserve: *reserve,
                paid: Amount::ZERO,
                relay_fees: Amount::ZERO,
                penalties: Amount::ZERO,
            })),
            (Some(state), Event::Engaged { .. }) => Err(Inconsistent::EngagementKnown(state.id)),
            // Anyone can put an unknown engagement into a batch; the contract skips it and says so.
            (None, Event::Skipped { .. }) => Ok(None),
            (
                None,
                Event::Redeemed { engagement, .. }
                | Event::Faulted { engagement, .. }
                | Event::NoticeGiven { engagement, .. }
                | Event::Ended { engagement, .. }
                | Event::Reclaimed { engagement, .. },
            ) => Err(Inconsistent::EngagementUnknown(*engagement)),
            (Some(state), event) => state.next(event).map(Some),
            (None, _) => Ok(None),
        }
    }

    fn next(mut self, event: &Event) -> Result<Self, Inconsistent> {
        let id = self.id;
        let out_of_range =
            |field| Inconsistent::OutOfRange { event: event.name(), subject: format!("engagement {id}"), field };
        match event {
            Event::Redeemed { units, amount, relay_fee, .. } => {
                if *units <= self.units_paid {
                    return Err(out_of_range("unitsPaid"));
                }
                self.units_paid = *units;
                self.paid = self.paid.checked_add(*amount).ok_or_else(|| out_of_range("paid"))?;
                self.relay_fees = self.relay_fees.checked_add(*relay_fee).ok_or_else(|| out_of_range("relayFees"))?;
            }
            Event::Faulted { faults, penalty, .. } => {
                self.faults = *faults;
                self.penalties = self.penalties.checked_add(*penalty).ok_or_else(|| out_of_range("penalties"))?;
            }
            Event::NoticeGiven { by, ends_at, .. } => {
                self.ends_at = Some(*ends_at);
                self.notice_by = Some(self.notice_from(*by));
            }
            Event::Ended { reason, ended_at, units_max, .. } => {
                self.ends_at = Some(*ended_at);
                self.units_max = *units_max;
                self.status = Status::Ended { reason: *reason };
            }
            Event::Reclaimed { reserve, bond, .. } => match self.status {
                Status::Ended { reason } => {
                    self.status = Status::Closed { reason, refunded: *reserve, bond_returned: *bond };
                }
                _ => return Err(out_of_range("status")),
            },
            _ => {}
        }
        Ok(self)
    }

    fn notice_from(&self, by: Address) -> NoticeBy {
        if by == self.bid.runner { NoticeBy::Runner } else { NoticeBy::Poster }
    }
}
