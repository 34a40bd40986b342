//! Judging a stored epoch again: anyone can check a verifier.

use std::collections::{BTreeMap, HashMap};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::keccak256;
use alloy::providers::{DynProvider, Provider};
use futures::{StreamExt, TryStreamExt};
use piecework_client::{Client, EpochFinding};
use piecework_domain::B256;
use piecework_domain::ids::EvidenceHash;
use piecework_domain::report::{Judgement, Observed, Report};
use serde::Serialize;

use crate::Error;
use crate::error::rpc;

/// Blocks asked for at once.
const AT_ONCE: usize = 16;

/// What judging an evidence file again came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    pub evidence: EvidenceHash,
    pub report: Report,
    pub judgement: Judgement,
    /// Cumulative, as a verdict of this report has to say.
    pub units: u64,
    pub faults: u64,
    /// What its verifier said of it; absent where the API knows no such verdict.
    pub said: Option<EpochFinding>,
    /// What the others found in the same epoch.
    pub others: Vec<EpochFinding>,
    /// How the blocks that the report is about look from one's own endpoint; absent without one for that chain.
    pub blocks: Option<OwnView>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnView {
    pub same: u64,
    /// Blocks that one's own endpoint has another hash of, or doesn't have.
    pub other: Vec<u64>,
}

impl Replay {
    /// Whether the verifier said what its own report adds up to.
    pub fn holds(&self) -> bool {
        self.said.as_ref().is_some_and(|said| {
            (said.units, said.faults, said.counted, said.fault)
                == (self.units, self.faults, self.judgement.counted, self.judgement.fault)
        })
    }
}

/// Fetches the file that `evidence` names, checks that it is that file, and judges it again. `endpoints`: one's own, by chain.
pub async fn replay(
    api: &Client,
    evidence: EvidenceHash,
    endpoints: &HashMap<u64, DynProvider>,
) -> Result<Replay, Error> {
    let body = api.evidence(evidence).await?;
    let actual = EvidenceHash(keccak256(&body));
    if actual != evidence {
        return Err(Error::WrongFile { expected: evidence, actual });
    }
    let report: Report = serde_json::from_slice(&body).map_err(Error::NotReport)?;
    let judgement = report.judge();
    let (units, faults) = (report.units(&judgement), report.faults(&judgement));
    let findings = api.findings(report.engagement, report.epoch).await?;
    let (said, others): (Vec<_>, Vec<_>) = findings.into_iter().partition(|found| found.verifier == report.verifier);
    let said = said.into_iter().find(|said| said.evidence == evidence);
    let blocks = match endpoints.get(&report.observed.spec().chain_id()) {
        Some(endpoint) => Some(compare(&report, endpoint).await?),
        None => None,
    };
    Ok(Replay { evidence, judgement, units, faults, said, others, blocks, report })
}

/// Blocks that the report says are, or were, on the chain.
fn named(report: &Report) -> BTreeMap<u64, B256> {
    match &report.observed {
        Observed::Sequencer(observed) => observed.seen.iter().map(|block| (block.number, block.hash)).collect(),
        Observed::Rpc(observed) => observed.probes.iter().map(|probe| (probe.number, probe.block_hash)).collect(),
    }
}

async fn compare(report: &Report, endpoint: &DynProvider) -> Result<OwnView, Error> {
    let looked: Vec<(u64, bool)> = futures::stream::iter(named(report))
        .map(|(number, hash)| async move {
            let block = endpoint.get_block_by_number(BlockNumberOrTag::Number(number)).await;
            let block = block.map_err(rpc("reading a block"))?;
            Ok::<_, Error>((number, block.is_some_and(|block| block.header.hash == hash)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let other: Vec<u64> = looked.iter().filter(|(_, same)| !same).map(|(number, _)| *number).collect();
    Ok(OwnView { same: u64::try_from(looked.len() - other.len()).unwrap_or(u64::MAX), other })
}
