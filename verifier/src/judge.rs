//! From an assignment's epoch to a finding.

use piecework_client::{Assignment, Client, Finding};
use piecework_domain::canonical;
use piecework_domain::ids::EvidenceHash;
use piecework_domain::messages::Verdict;
use piecework_domain::sequencer::{REPORT_KIND, Report, judge};
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, rules};

use crate::memory::Memory;
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

/// The chain whose blocks an assignment is about.
pub fn chain_of(assignment: &Assignment) -> u64 {
    assignment.spec.chain_id()
}

/// The period of `epoch` if it can be judged now: it is over, and so is the time left for what is late.
pub fn due(assignment: &Assignment, epoch: u64) -> Option<(Timestamp, Timestamp)> {
    let Spec::Sequencer(spec) = &assignment.spec;
    let window = rules::epoch_window(&assignment.terms, assignment.started_at, assignment.ends_at, epoch);
    window.filter(|(_, to)| clock::now() >= to.plus(u64::from(spec.grace_seconds)))
}

/// Judges `epoch`, or `None` while it is too early (or there is no such epoch).
pub async fn epoch(
    api: &Client,
    view: &View,
    memory: &Memory,
    verifier: Address,
    assignment: &Assignment,
    epoch: u64,
    before: Before,
) -> Result<Option<Finding>, Error> {
    let Some((from, to)) = due(assignment, epoch) else {
        return Ok(None);
    };
    let Spec::Sequencer(spec) = &assignment.spec;
    let until = to.plus(u64::from(spec.grace_seconds));
    let Blocks { final_number, headers } = view.blocks(from, to, until, spec.finality).await?;
    let seen = memory.first_seen(view.chain_id, &headers)?;
    let claims = match (headers.first(), headers.last()) {
        (Some(first), Some(last)) => {
            // A node may sign as often as it likes; nobody else's verdict waits for that.
            let revisions = usize::try_from(spec.revisions_max).unwrap_or(usize::MAX).min(REVISIONS_READ_MAX);
            let max = headers.len().saturating_add(revisions).saturating_add(CLAIMS_SPARE);
            api.claims(assignment.engagement, first.number, last.number, max).await?
        }
        _ => vec![],
    };
    // An extension reserves more than the terms say; an end leaves what was judged.
    let units_max = assignment.units_max.max(assignment.terms.units_max);
    let cap = rules::units_cap(&assignment.terms, units_max, assignment.started_at, assignment.ends_at, to);
    let report = Report {
        kind: REPORT_KIND.to_owned(),
        engagement: assignment.engagement,
        verifier,
        node: assignment.node,
        chain_id: assignment.chain_id,
        escrow: assignment.escrow,
        epoch,
        from,
        to,
        whole: to.since(from) == u64::from(assignment.terms.epoch_seconds),
        spec: spec.clone(),
        final_number,
        seen,
        claims,
        units_cap: cap,
        units_before: before.units,
        faults_before: before.faults,
    };
    // Many signatures: other work goes on meanwhile.
    let judged = tokio::task::spawn_blocking(move || (judge(&report), report)).await;
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
