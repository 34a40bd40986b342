//! A bounty's state as its events tell it.

use serde::{Deserialize, Serialize};

use super::{Event, Inconsistent};
use crate::ids::BountyId;
use crate::money::Amount;
use crate::terms::Terms;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounty {
    pub id: BountyId,
    pub terms: Terms,
    pub posted_at: Timestamp,
    /// Funded and not reserved.
    pub escrow: Amount,
    /// Everything ever paid in.
    pub funded: Amount,
    pub seats_taken: u32,
    pub seats_vacated: u32,
}

impl Bounty {
    /// The state after `event`, which happened at `at` and concerns this bounty.
    pub fn apply(state: Option<Self>, event: &Event, at: Timestamp) -> Result<Option<Self>, Inconsistent> {
        match (state, event) {
            (None, Event::Posted { bounty, terms }) => Ok(Some(Self {
                id: *bounty,
                terms: terms.clone(),
                posted_at: at,
                escrow: Amount::ZERO,
                funded: Amount::ZERO,
                seats_taken: 0,
                seats_vacated: 0,
            })),
            (Some(state), Event::Posted { .. }) => Err(Inconsistent::BountyKnown(state.id)),
            // Money that came too late goes back without the bounty ever existing.
            (None, Event::DepositReturned { .. }) => Ok(None),
            (None, Event::Funded { bounty, .. } | Event::EscrowReclaimed { bounty, .. }) => {
                Err(Inconsistent::BountyUnknown(*bounty))
            }
            (None, Event::Engaged { bounty, .. } | Event::Extended { bounty, .. } | Event::Ended { bounty, .. }) => {
                Err(Inconsistent::BountyUnknown(*bounty))
            }
            (Some(state), event) => state.next(event).map(Some),
            (None, _) => Ok(None),
        }
    }

    fn next(mut self, event: &Event) -> Result<Self, Inconsistent> {
        let id = self.id;
        let out_of_range =
            |field| Inconsistent::OutOfRange { event: event.name(), subject: format!("bounty {id}"), field };
        match event {
            Event::Funded { amount, escrow, .. } => {
                self.escrow = *escrow;
                self.funded = self.funded.checked_add(*amount).ok_or_else(|| out_of_range("funded"))?;
            }
            Event::EscrowReclaimed { .. } => self.escrow = Amount::ZERO,
            Event::Engaged { escrow, spare, .. } => {
                self.escrow = *escrow;
                if *spare {
                    self.seats_vacated =
                        self.seats_vacated.checked_sub(1).ok_or_else(|| out_of_range("seatsVacated"))?;
                }
                self.seats_taken += 1;
                let open = self.terms.seats.checked_sub(self.seats_taken).ok_or_else(|| out_of_range("seatsTaken"))?;
                self.seats_vacated = self.seats_vacated.min(open);
            }
            Event::Extended { escrow, .. } => self.escrow = *escrow,
            Event::Ended { reason, escrow, .. } => {
                self.escrow = *escrow;
                if reason.vacates() {
                    self.seats_taken = self.seats_taken.checked_sub(1).ok_or_else(|| out_of_range("seatsTaken"))?;
                }
                if reason.for_cause() {
                    self.seats_vacated += 1;
                }
            }
            _ => {}
        }
        Ok(self)
    }

    /// Whether a claim or award can still be made at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.terms.open_until && self.seats_taken < self.terms.seats
    }
}
