//! An engagement's state as its events tell it.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{Contested, EndReason, Event, Inconsistent, Record};
use crate::ids::{BountyId, EngagementId};
use crate::messages::Bid;
use crate::money::Amount;
use crate::rules;
use crate::terms::{Terms, VerifierSet};
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
    /// What equivocation took of the bond; `None` if there was none.
    pub slashed: Option<Amount>,
    /// Open questions, at most one per subject.
    pub disputes: Vec<Dispute>,
    pub assertion: Option<Assertion>,
    pub record: Record,
    /// Fees by verifier.
    pub fees: BTreeMap<Address, FeeMark>,
}

/// An open dispute: what is above `floor` waits for the arbiter.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispute {
    pub subject: Contested,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub by: Address,
    pub floor: u64,
    pub claimed: u64,
    /// Bit per member of the set whose verdict is contested.
    pub signers: u32,
    /// From then on anyone can settle it without the arbiter.
    pub rule_before: Timestamp,
    pub bond: Amount,
}

/// Units that the runner itself asserted.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    pub units: u64,
    /// Undisputed until then, anyone can settle it.
    pub payable_at: Timestamp,
    pub bond: Amount,
}

/// How far a verifier was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeMark {
    pub next_epoch: u64,
    pub epochs_paid: u64,
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
                slashed: None,
                disputes: Vec::new(),
                assertion: None,
                record: Record::default(),
                fees: BTreeMap::new(),
            })),
            (Some(state), Event::Engaged { .. }) => Err(Inconsistent::EngagementKnown(state.id)),
            // Anyone can put an unknown engagement into a batch; the contract skips it and says so.
            (None, Event::Skipped { .. }) => Ok(None),
            (
                None,
                Event::Redeemed { engagement, .. }
                | Event::Faulted { engagement, .. }
                | Event::Extended { engagement, .. }
                | Event::FeeClaimed { engagement, .. }
                | Event::UnitsAsserted { engagement, .. }
                | Event::Disputed { engagement, .. }
                | Event::Resolved { engagement, .. }
                | Event::NodeSlashed { engagement, .. }
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
            Event::Extended { units_max, ends_at, reserve, .. } => {
                self.units_max = *units_max;
                self.ends_at = *ends_at;
                self.reserve = self.reserve.checked_add(*reserve).ok_or_else(|| out_of_range("reserve"))?;
            }
            Event::FeeClaimed { verifier, epochs, next_epoch, amount, .. } => {
                let mark = self.fees.entry(*verifier).or_default();
                if *next_epoch <= mark.next_epoch {
                    return Err(out_of_range("nextEpoch"));
                }
                mark.next_epoch = *next_epoch;
                mark.epochs_paid = mark.epochs_paid.checked_add(*epochs).ok_or_else(|| out_of_range("epochsPaid"))?;
                self.record.fees_paid =
                    self.record.fees_paid.checked_add(*amount).ok_or_else(|| out_of_range("feesPaid"))?;
            }
            Event::UnitsAsserted { units, payable_at, bond, .. } => {
                // A second one about the same assertion lowers it.
                if self.assertion.as_ref().is_some_and(|known| known.units <= *units) {
                    return Err(out_of_range("assertion"));
                }
                self.assertion = Some(Assertion { units: *units, payable_at: *payable_at, bond: *bond });
            }
            Event::Disputed { by, subject, floor, claimed, signers, rule_before, bond, .. } => {
                // Who contests more of an assertion takes over.
                let lower = |known: &Dispute| *subject == Contested::Assertion && *floor < known.floor;
                if self.dispute(*subject).is_some_and(|known| !lower(known)) {
                    return Err(out_of_range("disputes"));
                }
                self.disputes.retain(|known| known.subject != *subject);
                self.disputes.push(Dispute {
                    subject: *subject,
                    by: *by,
                    floor: *floor,
                    claimed: *claimed,
                    signers: *signers,
                    rule_before: *rule_before,
                    bond: *bond,
                });
            }
            Event::Resolved { subject, record, .. } => {
                if self.dispute(*subject).is_none() && (*subject != Contested::Assertion || self.assertion.is_none()) {
                    return Err(out_of_range("disputes"));
                }
                self.disputes.retain(|dispute| dispute.subject != *subject);
                if *subject == Contested::Assertion {
                    self.assertion = None;
                }
                self.record = *record;
            }
            Event::NodeSlashed { to_reporter, to_poster, .. } => {
                let bond = to_reporter.checked_add(*to_poster).ok_or_else(|| out_of_range("slashed"))?;
                if self.slashed.replace(bond).is_some() {
                    return Err(out_of_range("slashed"));
                }
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

    /// What faults and equivocation have left of the bond; 0 once it went back.
    pub fn bond_left(&self, terms: &Terms) -> Amount {
        match self.status {
            Status::Closed { .. } => Amount::ZERO,
            _ if self.slashed.is_some() => Amount::ZERO,
            _ => rules::bond_left(terms, self.faults),
        }
    }

    /// From then on what is left can be reclaimed, unless a question is open; `None` while there is no end.
    pub fn reclaimable_at(&self, terms: &Terms) -> Option<Timestamp> {
        Some(rules::reclaimable_at(terms, self.ends_at?).max(self.record.reclaimable_from))
    }

    /// Members of the set whose verdicts still count here.
    pub fn members_left(&self) -> impl Iterator<Item = Address> {
        let ejected = self.record.ejected;
        self.verifiers
            .members
            .iter()
            .enumerate()
            .filter(move |(at, _)| ejected >> at & 1 == 0)
            .map(|(_, member)| *member)
    }

    /// The open dispute about `subject`.
    pub fn dispute(&self, subject: Contested) -> Option<&Dispute> {
        self.disputes.iter().find(|dispute| dispute.subject == subject)
    }

    fn notice_from(&self, by: Address) -> NoticeBy {
        if by == self.bid.runner { NoticeBy::Runner } else { NoticeBy::Poster }
    }
}
