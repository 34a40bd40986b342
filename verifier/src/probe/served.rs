//! Whose endpoints are probed, and what is due.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use piecework_client::Assignment;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Domain, SignedEndpoint};
use piecework_domain::signature;
use piecework_domain::spec::{PROBES_AT_ONCE, RpcSpec, Spec};
use rand::rng;
use rand::seq::IteratorRandom;

use super::plan::Plan;
use super::{HELD_MAX, HOST_PAUSE_MS, PAIRS_AT_ONCE, SLOW_FOR};
use crate::memory::Memory;

/// Where the node of an assignment serves, if it signed that itself.
pub fn announced(a: &Assignment) -> Option<&SignedEndpoint> {
    let digest = |endpoint: &SignedEndpoint| endpoint.digest(a.engagement, &Domain::new(a.chain_id, a.escrow));
    a.endpoint.as_ref().filter(|endpoint| signature::verify(a.node, digest(endpoint), &endpoint.signature).is_ok())
}

/// Host and port of a URL, however it is spelt.
fn host_of(url: &str) -> String {
    let Ok(url) = reqwest::Url::parse(url) else { return String::new() };
    let name = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    format!("{name}:{}", url.port_or_known_default().unwrap_or_default())
}

#[derive(Default)]
pub struct Served {
    engagements: HashMap<EngagementId, Probed>,
    /// When each host may be asked again (milliseconds since the Unix epoch).
    hosts: HashMap<String, u64>,
}

struct Probed {
    assignment: Assignment,
    /// Host and port of its endpoint.
    host: String,
    spec: RpcSpec,
    plan: Plan,
    under_way: usize,
    /// Quick answers that it takes until it is no longer taken for slow, as everybody is at first.
    slow: u8,
    /// Its place in this verifier's order.
    rank: usize,
    /// Questions asked in this minute.
    asked: (u64, u32),
}

/// Two runners' endpoints of one chain.
pub struct Pair {
    pub one: Assignment,
    pub other: Assignment,
    pub spec: RpcSpec,
}

impl Served {
    /// Takes up what is assigned now, what is worth most first.
    pub fn assign(&mut self, assigned: &[Assignment]) {
        let ids: HashSet<_> = assigned.iter().map(|a| a.engagement).collect();
        self.engagements.retain(|id, _| ids.contains(id));
        for (rank, a) in assigned.iter().enumerate() {
            if let Some(known) = self.engagements.get_mut(&a.engagement) {
                known.rank = rank;
            }
            let Spec::Rpc(spec) = &a.spec else { continue };
            match self.engagements.get_mut(&a.engagement) {
                Some(known) if known.assignment.endpoint == a.endpoint => known.assignment = a.clone(),
                known => {
                    let Some(host) = announced(a).map(|endpoint| host_of(&endpoint.url)) else { continue };
                    match known {
                        Some(known) => (known.assignment, known.host) = (a.clone(), host),
                        None => {
                            let (assignment, spec, plan) = (a.clone(), spec.clone(), Plan::default());
                            let (under_way, slow, asked) = (0, SLOW_FOR, (0, 0));
                            let probed = Probed { assignment, host, spec, plan, under_way, slow, rank, asked };
                            self.engagements.insert(a.engagement, probed);
                        }
                    }
                }
            }
        }
    }

    /// Plans epochs that have begun.
    pub fn plan(&mut self, now_ms: u64, memory: &Memory) {
        for Probed { assignment: a, spec, plan, .. } in self.engagements.values_mut() {
            if let Err(err) = plan.renew(a, spec, now_ms, memory) {
                tracing::warn!(engagement = %a.engagement, error = &err as &dyn std::error::Error, "not probed");
            }
        }
    }

    /// Who is to be asked now, where `asking` questions of `at_once` are under way.
    pub fn due(&mut self, now_ms: u64, asking: usize, at_once: usize) -> Vec<(Assignment, RpcSpec)> {
        let mut slow: usize = self.engagements.values().filter(|e| e.slow > 0).map(|e| e.under_way).sum();
        let mut waiting: Vec<_> = self.engagements.values_mut().filter(|e| e.plan.is_due(now_ms)).collect();
        // A host is as important as the first of those that announced it, and they share it evenly: who pays a little more must not take all
        // the questions that another needs.
        let mut ranks: HashMap<String, usize> = HashMap::new();
        for e in &waiting {
            match ranks.get_mut(&e.host) {
                Some(rank) => *rank = e.rank.min(*rank),
                None => drop(ranks.insert(e.host.clone(), e.rank)),
            }
        }
        let minute = now_ms / 60_000;
        let asked = |e: &Probed| if e.asked.0 == minute { e.asked.1 } else { 0 };
        // Who has least under way comes first, whatever the others wait for.
        waiting.sort_by_cached_key(|e| {
            let rank = ranks.get(&e.host).copied().unwrap_or(e.rank);
            (e.under_way, rank, asked(e), e.rank)
        });
        self.hosts.retain(|_, next_ms| *next_ms > now_ms);
        let mut due = Vec::new();
        // By turns: one that asks for a lot holds nobody up.
        while !waiting.is_empty() && asking + due.len() < at_once {
            waiting.retain_mut(|e| {
                let has_room = asking + due.len() < at_once
                    && e.under_way < usize::from(PROBES_AT_ONCE)
                    && (e.slow == 0 || slow < at_once / 2);
                if !has_room || self.hosts.contains_key(&e.host) || !e.plan.take(now_ms) {
                    return false;
                }
                self.hosts.insert(e.host.clone(), now_ms + HOST_PAUSE_MS);
                e.under_way += 1;
                e.asked = (minute, asked(e).saturating_add(1));
                slow += usize::from(e.slow > 0);
                due.push((e.assignment.clone(), e.spec.clone()));
                true
            });
        }
        due
    }

    /// Notes that a question is no longer under way, after how long.
    pub fn answered(&mut self, id: EngagementId, held: Duration) {
        if let Some(e) = self.engagements.get_mut(&id) {
            e.under_way = e.under_way.saturating_sub(1);
            e.slow = if held > HELD_MAX { SLOW_FOR } else { e.slow.saturating_sub(1) };
        }
    }

    /// Which endpoints are to be compared now, where `comparing` pairs are: each once in an epoch with another runner's, of its own
    /// bounty where there is one.
    pub fn pairs(&mut self, now_ms: u64, comparing: usize) -> Vec<Pair> {
        let mut due = Vec::new();
        for e in self.engagements.values_mut() {
            if comparing + due.len() < PAIRS_AT_ONCE && e.plan.take_comparison(now_ms) {
                due.push(e.assignment.engagement);
            }
        }
        due.into_iter().filter_map(|id| self.pair(id)).collect()
    }

    fn pair(&self, id: EngagementId) -> Option<Pair> {
        let Probed { assignment: one, spec, .. } = self.engagements.get(&id)?;
        let others = || {
            let others = self.engagements.values();
            others.filter(|o| o.spec.chain_id == spec.chain_id && o.assignment.bid.runner != one.bid.runner)
        };
        let seats = others().filter(|o| o.assignment.bounty == one.bounty);
        let other = seats.choose(&mut rng()).or_else(|| others().choose(&mut rng()))?;
        Some(Pair { one: one.clone(), other: other.assignment.clone(), spec: spec.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_host_is_one_however_it_is_spelt() {
        for url in
            ["http://Node.example", "http://node.example:80/a", "http://node.example./?1", "http://node.example#2"]
        {
            assert_eq!(host_of(url), "node.example:80", "{url}");
        }
        assert_ne!(host_of("http://node.example:81"), host_of("http://node.example"));
        assert_ne!(host_of("https://node.example"), host_of("http://node.example"));
    }
}
