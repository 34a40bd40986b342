//! What happened in a walk, and what has not yet.

use std::collections::BTreeMap;

use piecework_domain::chain::{Contested, Event};
use piecework_domain::ids::{BountyId, EngagementId};

use super::verbs::{VERBS, Verb};
use crate::book::Book;

/// What has to happen besides every verb.
const FACTS: [&str; 39] = [
    "posted",
    "funded",
    "depositReturned",
    "escrowReclaimed",
    "engaged",
    "redeemed",
    "faulted",
    "skipped",
    "extended",
    "feeClaimed",
    "unitsAsserted",
    "disputed",
    "resolved",
    "nodeSlashed",
    "noticeGiven",
    "ended",
    "reclaimed",
    "credited",
    "debited",
    "Elapsed",
    "Completed",
    "PosterNotice",
    "RunnerNotice",
    "Faults",
    "Equivocation",
    "Units upheld",
    "Units cut",
    "Units unruled",
    "Faults upheld",
    "Faults cut",
    "Faults unruled",
    "Assertion upheld",
    "Assertion cut",
    "Assertion unruled",
    "Assertion paid",
    "Assertion lowered",
    "Assertion dropped",
    "Assertion contested by another",
    "vacated seat taken by no spare",
];

/// How often each was seen.
#[derive(Default)]
pub struct Seen(BTreeMap<String, usize>);

impl Seen {
    /// `events` came of a transaction that turned the first book into the second.
    pub fn note(&mut self, verb: Verb, (before, after): (&Book, &Book), events: &[Event]) {
        let contested = |id: &EngagementId| before.engagements[id].dispute(Contested::Assertion).is_some();
        let vacated = |book: &Book, id: &BountyId| book.bounties[id].seats_vacated;
        for event in events {
            self.see(event.name());
            match event {
                Event::Ended { reason, .. } => self.see(&format!("{reason:?}")),
                Event::Engaged { bounty, spare: false, .. } if vacated(after, bounty) < vacated(before, bounty) => {
                    self.see("vacated seat taken by no spare");
                }
                Event::UnitsAsserted { .. } if verb == Verb::DisputeAssertion => self.see("Assertion lowered"),
                Event::Disputed { engagement, subject: Contested::Assertion, .. } if contested(engagement) => {
                    self.see("Assertion contested by another");
                }
                Event::Resolved { engagement, subject, disputer_lost, claimant_lost, .. } => {
                    let how = match (verb, disputer_lost, claimant_lost) {
                        (Verb::Rule, true, false) => "upheld",
                        (Verb::Rule, false, true) => "cut",
                        (Verb::Settle, ..) if *subject == Contested::Assertion && !contested(engagement) => "paid",
                        (Verb::Settle, ..) => "unruled",
                        _ => "dropped",
                    };
                    self.see(&format!("{subject:?} {how}"));
                }
                _ => {}
            }
        }
        if events.is_empty() || events.iter().any(|event| !matches!(event, Event::Skipped { .. })) {
            self.see(&format!("verb {verb:?}"));
        }
    }

    pub fn see(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// What has not happened yet.
    pub fn missing(&self) -> Vec<String> {
        let verbs = VERBS.iter().map(|(verb, _)| format!("verb {verb:?}"));
        let all = verbs.chain(FACTS.map(str::to_owned));
        all.filter(|what| !self.0.contains_key(what)).collect()
    }

    pub fn report(&self) {
        println!("{:#?}", self.0);
    }
}
