//! When to ask, and what. Randomness is the operating system's: a runner who could foresee a question could prepare for it alone.

use piecework_client::Assignment;
use piecework_domain::rpc::Question;
use piecework_domain::rpc::check::Anchor;
use piecework_domain::spec::{PROBES_PER_SECOND_MAX, RpcSpec};
use piecework_domain::{B256, rules};
use rand::seq::IndexedRandom;
use rand::{RngExt, rng};

use crate::Error;
use crate::memory::Memory;

/// Blocks near the head that half of all questions are about.
const TIP: u64 = 8;
/// Storage slots asked for at once, and the highest: where contracts keep their first variables.
const SLOTS_MAX: usize = 3;
const SLOT_MAX: u64 = 16;

/// The times of one epoch's questions that are still to come.
#[derive(Debug, Default)]
pub struct Plan {
    epoch: Option<u64>,
    /// Milliseconds since the Unix epoch, latest first.
    times: Vec<u64>,
    /// When the endpoint is compared with another one.
    compare_at: Option<u64>,
}

impl Plan {
    /// Plans the epoch of `now_ms`, once: at random times, somewhat more than the spec asks for, less what was asked before a restart.
    pub fn renew(&mut self, a: &Assignment, spec: &RpcSpec, now_ms: u64, memory: &Memory) -> Result<(), Error> {
        let started_ms = a.started_at.0.saturating_mul(1_000);
        let epoch = now_ms.saturating_sub(started_ms) / (u64::from(a.terms.epoch_seconds.max(1)) * 1_000);
        if now_ms < started_ms || self.epoch == Some(epoch) {
            return Ok(());
        }
        let window = rules::epoch_window(&a.terms, a.started_at, a.ends_at, epoch);
        let window = window.map(|(from, to)| (from.0.saturating_mul(1_000), to.0.saturating_mul(1_000)));
        let Some((from_ms, to_ms)) = window.filter(|(_, to_ms)| now_ms < *to_ms) else {
            (self.epoch, self.times) = (Some(epoch), vec![]);
            return Ok(());
        };
        let asked = memory.probes(a.engagement, from_ms, to_ms)?.len();
        // An answer must be there before the epoch is judged.
        let last_ms = to_ms.saturating_sub(spec.timeout_ms.into()).max(now_ms + 1);
        // What is left of an epoch is not made up for by asking faster than any spec may.
        let at_most = (last_ms - now_ms).div_ceil(1_000) * u64::from(PROBES_PER_SECOND_MAX);
        let missing = u64::from(spec.probes_asked()).saturating_sub(u64::try_from(asked).unwrap_or(u64::MAX));
        self.times = (0..missing.min(at_most)).map(|_| rng().random_range(now_ms..last_ms)).collect();
        self.times.sort_unstable_by(|a, b| b.cmp(a));
        self.compare_at = self.times.choose(&mut rng()).copied();
        self.epoch = Some(epoch);
        Ok(())
    }

    /// Whether it is time to compare the endpoint with another one, which is then taken as done.
    pub fn take_comparison(&mut self, now_ms: u64) -> bool {
        self.compare_at.take_if(|at| *at <= now_ms).is_some()
    }

    pub fn is_due(&self, now_ms: u64) -> bool {
        self.times.last().is_some_and(|time| *time <= now_ms)
    }

    /// Whether a question is due, which is then taken as asked.
    pub fn take(&mut self, now_ms: u64) -> bool {
        self.times.pop_if(|time| *time <= now_ms).is_some()
    }
}

/// The block to ask about: half the time near the head, else anywhere down to the spec's depth, the nearer the likelier.
pub fn number(spec: &RpcSpec, head: u64) -> u64 {
    let newest = head.saturating_sub(spec.lag_blocks_max);
    // Counted from the head, as the spec does.
    let deepest = spec.history_blocks.max(spec.state_blocks).saturating_sub(spec.lag_blocks_max).max(1);
    let depth = match rng().random_bool(0.5) {
        true => rng().random_range(0..TIP.min(deepest)),
        false => {
            let bits = rng().random_range(0..=deepest.ilog2());
            rng().random_range(0..=(deepest - 1).min((2 << bits) - 1))
        }
    };
    newest.saturating_sub(depth)
}

/// A question about `anchor`, or about the newest block, `head`.
pub fn question(spec: &RpcSpec, head: &Anchor, anchor: &Anchor) -> Question {
    let number = anchor.number();
    let depth = head.number().saturating_sub(number);
    if rng().random_ratio(1, 3) {
        return if rng().random() { Question::Head } else { Question::Latest };
    }
    let mut kinds: Vec<fn(&RpcSpec, &Anchor) -> Question> = vec![];
    if depth < spec.history_blocks {
        kinds.extend([block as fn(&RpcSpec, &Anchor) -> Question, block_by_hash]);
        if anchor.receipts.is_some() {
            kinds.extend([logs as fn(&RpcSpec, &Anchor) -> Question, receipts]);
            // What applications read most, and the easiest to leave something out of: but not where there is nothing to leave out.
            if !anchor.logs().is_empty() {
                kinds.extend([logs as fn(&RpcSpec, &Anchor) -> Question; 3]);
            }
        }
    }
    if depth < spec.state_blocks {
        kinds.extend([proof as fn(&RpcSpec, &Anchor) -> Question, proof]);
        if !spec.calls.is_empty() {
            kinds.push(call);
        }
    }
    // Where the spec promises no past at all, only the newest block is left.
    kinds.choose(&mut rng()).map_or(Question::Head, |kind| kind(spec, anchor))
}

fn block(_: &RpcSpec, anchor: &Anchor) -> Question {
    Question::Block { number: anchor.number(), full: anchor.bodies && rng().random() }
}

fn block_by_hash(_: &RpcSpec, anchor: &Anchor) -> Question {
    Question::BlockByHash { hash: anchor.hash, full: anchor.bodies && rng().random() }
}

fn receipts(_: &RpcSpec, anchor: &Anchor) -> Question {
    Question::Receipts { number: anchor.number() }
}

/// All logs of a block, or those that an application would filter for.
fn logs(_: &RpcSpec, anchor: &Anchor) -> Question {
    let logs = anchor.logs();
    let log = logs.choose(&mut rng());
    let address = log.map(|log| log.inner.address).filter(|_| rng().random());
    let topic = log.and_then(|log| log.inner.data.topics().first().copied()).filter(|_| rng().random());
    Question::Logs { number: anchor.number(), address, topic }
}

fn proof(_: &RpcSpec, anchor: &Anchor) -> Question {
    let account = anchor.accounts().choose(&mut rng()).copied().unwrap_or(anchor.header.beneficiary);
    let count = rng().random_range(0..=SLOTS_MAX);
    let slots = (0..count).map(|_| B256::left_padding_from(&rng().random_range(0..SLOT_MAX).to_be_bytes())).collect();
    Question::Proof { number: anchor.number(), account, slots }
}

fn call(spec: &RpcSpec, anchor: &Anchor) -> Question {
    match spec.calls.choose(&mut rng()) {
        Some(call) => Question::Call { number: anchor.number(), to: call.to, data: call.data.clone() },
        None => Question::Head,
    }
}

#[cfg(test)]
mod tests {
    use piecework_domain::spec::Spec;
    use serde_json::json;

    use super::*;

    fn spec(lag: u64, history: u64, state: u64) -> RpcSpec {
        let spec = json!({
            "kind": "rpc", "version": 1, "title": "Serve", "chainId": 5, "latencyMsMax": 300, "timeoutMs": 2000,
            "successBpsMin": 9900, "lagBlocksMax": lag, "probesMin": 20, "historyBlocks": history, "stateBlocks": state,
            "graceSeconds": 2
        });
        match Spec::parse(spec.to_string().as_bytes()).unwrap() {
            Spec::Rpc(spec) => spec,
            Spec::Sequencer(_) => panic!("another kind"),
        }
    }

    #[test]
    fn blocks_asked_about_exist_everywhere_and_are_no_deeper_than_promised() {
        for (lag, history, state) in
            [(0, 0, 0), (0, 1, 0), (2, 64, 64), (100, 64, 64), (2, 10, 1_000_000), (0, 1 << 52, 1)]
        {
            let spec = spec(lag, history, state);
            for head in [0, 1, 7, 1_000, 20_000_000] {
                let numbers: Vec<u64> = (0..500).map(|_| number(&spec, head)).collect();
                let promised = history.max(state).max(lag + 1);
                let floor = head.saturating_sub(promised - 1);
                assert!(
                    numbers.iter().all(|n| (floor..=head.saturating_sub(lag)).contains(n)),
                    "{spec:?} {head}: {numbers:?}"
                );
            }
        }
        let deep = (0..2_000).map(|_| number(&spec(0, 1_000, 1_000), 5_000)).collect::<Vec<_>>();
        assert!(deep.iter().any(|n| *n < 4_200) && deep.iter().any(|n| *n > 4_992), "near and far");
    }

    #[test]
    fn what_is_due_is_taken_once_and_in_time() {
        let mut plan = Plan { epoch: Some(0), times: vec![30, 20, 10], compare_at: Some(20) };
        assert!(!plan.is_due(9) && !plan.take(9) && !plan.take_comparison(19));
        assert!(plan.is_due(10) && plan.take(10) && !plan.take(10));
        assert!(plan.take_comparison(20) && !plan.take_comparison(20));
        assert!(plan.take(31) && plan.take(31) && !plan.is_due(31) && !plan.take(31));
    }
}
