//! From an assignment's epoch to a finding.

use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Assignment, Client, Finding};
use piecework_domain::canonical;
use piecework_domain::ids::EvidenceHash;
use piecework_domain::messages::Verdict;
use piecework_domain::rules;
use piecework_domain::sequencer::{REPORT_KIND, Report, SeenBlock, judge};
use piecework_domain::spec::Spec;

use crate::memory::Memory;
use crate::watch::View;
use crate::{Error, clock};

/// Counts before an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub units: u64,
    pub faults: u64,
}

/// The chain whose blocks an assignment is about.
pub fn chain_of(assignment: &Assignment) -> u64 {
    match &assignment.spec {
        Spec::Sequencer(spec) => spec.chain_id,
    }
}

/// Judges `epoch`, or `None` while it is too early (or there is no such epoch).
pub async fn epoch(
    api: &Client,
    view: &View,
    memory: &Memory,
    signer: &PrivateKeySigner,
    assignment: &Assignment,
    epoch: u64,
    before: Before,
) -> Result<Option<Finding>, Error> {
    let Spec::Sequencer(spec) = &assignment.spec;
    let window = rules::epoch_window(&assignment.terms, assignment.started_at, assignment.ends_at, epoch);
    let Some((from, to)) = window else {
        return Ok(None);
    };
    if clock::now() < to.plus(u64::from(spec.grace_seconds)) {
        return Ok(None);
    }

    // The finality tag first: a block that becomes final while the rest is read counts next to nobody.
    let final_number = view.at(spec.finality).await?;
    let headers = view.between(from, to).await?;
    let mut seen = Vec::with_capacity(headers.len());
    for header in &headers {
        let first_seen = memory.first_seen(view.chain_id, header.number, header.hash)?;
        seen.push(SeenBlock {
            number: header.number,
            hash: header.hash,
            timestamp: header.timestamp,
            // Never noticed means noticed now.
            first_seen_ms: first_seen.unwrap_or_else(clock::now_ms),
        });
    }
    let claims = match (headers.first(), headers.last()) {
        (Some(first), Some(last)) => api.claims(assignment.engagement, first.number, last.number).await?,
        _ => vec![],
    };
    // An extension reserves more than the terms say; an end leaves what was judged.
    let units_max = assignment.units_max.max(assignment.terms.units_max);
    let cap = rules::units_cap(&assignment.terms, units_max, assignment.started_at, assignment.ends_at, to);
    let report = Report {
        kind: REPORT_KIND.to_owned(),
        engagement: assignment.engagement,
        verifier: signer.address(),
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
    let judgement = judge(&report);
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
