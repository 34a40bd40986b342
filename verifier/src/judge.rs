//! From an assignment's epoch to a finding.

use piecework_client::{Assignment, Client, Finding};
use piecework_domain::ids::EvidenceHash;
use piecework_domain::messages::Verdict;
use piecework_domain::report::{Observed, Report};
use piecework_domain::spec::{RpcSpec, SequencerSpec, Spec};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, canonical, rpc, rules, sequencer};

use crate::memory::Memory;
use crate::probe::announced;
use crate::watch::{Blocks, View};
use crate::{Error, clock};

/// Claims of one epoch that are looked at: one per block, the spec's revisions (so many at most), and some to show what is wrong with
/// the rest.
const REVISIONS_READ_MAX: usize = 100;
const CLAIMS_SPARE: usize = 20;

/// Counts before an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub units: u64,
    pub faults: u64,
}

/// What one verifier judges with.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub api: &'a Client,
    pub memory: &'a Memory,
    pub verifier: Address,
}

/// The chain whose blocks an assignment is about.
pub fn chain_of(assignment: &Assignment) -> u64 {
    assignment.spec.chain_id()
}

/// The period of `epoch` if it can be judged now: it is over, and so is the time left for what is late.
pub fn due(assignment: &Assignment, epoch: u64) -> Option<(Timestamp, Timestamp)> {
    let window = rules::epoch_window(&assignment.terms, assignment.started_at, assignment.ends_at, epoch);
    window.filter(|(_, to)| clock::now() >= to.plus(assignment.spec.grace_seconds().into()))
}

impl Judge<'_> {
    /// Judges `epoch` as seen through `view`, or `None` while it is too early (or there is no such epoch).
    pub async fn epoch(
        self,
        view: &View,
        assignment: &Assignment,
        epoch: u64,
        before: Before,
    ) -> Result<Option<Finding>, Error> {
        let Some((from, to)) = due(assignment, epoch) else {
            return Ok(None);
        };
        let observed = match &assignment.spec {
            Spec::Sequencer(spec) => self.blocks(view, assignment, spec, from, to).await.map(Observed::Sequencer)?,
            Spec::Rpc(spec) => self.probes(view, assignment, spec, from, to).map(Observed::Rpc)?,
        };
        // An extension reserves more than the terms say; an end leaves what was judged.
        let units_max = assignment.units_max.max(assignment.terms.units_max);
        let cap = rules::units_cap(&assignment.terms, units_max, assignment.started_at, assignment.ends_at, to);
        let report = Report {
            engagement: assignment.engagement,
            verifier: self.verifier,
            node: assignment.node,
            chain_id: assignment.chain_id,
            escrow: assignment.escrow,
            epoch,
            from,
            to,
            whole: to.since(from) == u64::from(assignment.terms.epoch_seconds),
            units_cap: cap,
            units_before: before.units,
            faults_before: before.faults,
            observed,
        };
        // Many signatures: other work goes on meanwhile.
        let judged = tokio::task::spawn_blocking(move || (report.judge(), report)).await;
        let (judgement, report) = judged.map_err(Error::Panicked)?;
        let verdict = Verdict {
            engagement: assignment.engagement,
            epoch,
            units: report.units(&judgement),
            faults: report.faults(&judgement),
            evidence: EvidenceHash(canonical::hash(&report)?),
        };
        tracing::info!(
            engagement = %assignment.engagement, epoch, counted = judgement.counted,
            refused = judgement.refused.len(), fault = judgement.fault, "judged"
        );
        Ok(Some(Finding { verdict, report }))
    }

    /// Blocks of an epoch as this verifier saw them, and what the node claims of them.
    async fn blocks(
        self,
        view: &View,
        assignment: &Assignment,
        spec: &SequencerSpec,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<sequencer::Observed, Error> {
        let until = to.plus(spec.grace_seconds.into());
        let Blocks { final_number, headers } = view.blocks(from, to, until, spec.finality).await?;
        let seen = self.memory.first_seen(view.chain_id, &headers)?;
        let claims = match (headers.first(), headers.last()) {
            (Some(first), Some(last)) => {
                // A node may sign as often as it likes; nobody else's verdict waits for that.
                let revisions = usize::try_from(spec.revisions_max).unwrap_or(usize::MAX).min(REVISIONS_READ_MAX);
                let max = headers.len().saturating_add(revisions).saturating_add(CLAIMS_SPARE);
                self.api.claims(assignment.engagement, first.number, last.number, max).await?
            }
            _ => vec![],
        };
        Ok(sequencer::Observed { spec: spec.clone(), final_number, seen, claims })
    }

    /// What the endpoint answered in an epoch, without questions about blocks that are not the chain's any more.
    fn probes(
        self,
        view: &View,
        assignment: &Assignment,
        spec: &RpcSpec,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<rpc::Observed, Error> {
        let (from_ms, to_ms) = (from.0.saturating_mul(1_000), to.0.saturating_mul(1_000));
        let mut probes = self.memory.probes(assignment.engagement, from_ms, to_ms)?;
        probes.retain(|probe| !view.is_replaced(probe.number, probe.block_hash));
        Ok(rpc::Observed { spec: spec.clone(), endpoint: announced(assignment).cloned(), probes })
    }
}
