//! How fast block claims are judged, beside what recovering their signers alone takes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use alloy::primitives::{B256, Signature};
use anyhow::{Context, Result, ensure};
use piecework_domain::Address;
use piecework_domain::report::{Observed, Report};
use piecework_domain::time::Timestamp;

use super::work::{self, ESCROW, Engaged};
use crate::{median, per_second};

/// Of one report: an epoch of somewhat more than an hour at a block a second.
const CLAIMS: u64 = 4_000;
/// Times that a report is judged, and its signers recovered, by turns.
const TURNS: u64 = 4;
const RUNS: usize = 3;

/// Per second and core, unless it says otherwise.
pub struct Rates {
    /// From the report's JSON to the judgement.
    pub claims: u64,
    /// secp256k1 recovery of the same signatures, and nothing else.
    pub recovered: u64,
    /// Claims, on two threads side by side.
    pub on_two: u64,
    /// The report's JSON, read and not judged.
    pub decoded: u64,
    /// The claims' EIP-712 digests alone.
    pub hashed: u64,
}

/// A report with everything in it right.
struct Case {
    json: Vec<u8>,
    report: Report,
    signed: Vec<(B256, Signature)>,
    node: Address,
}

pub fn measure() -> Result<Rates> {
    let case = Case::new()?;
    let (mut claims, mut recovered, mut on_two, mut decoded, mut hashed) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let mut took = [Duration::ZERO; 4];
        for _ in 0..TURNS {
            // By turns, so that whatever else the machine does slows all of them.
            for (took, step) in took.iter_mut().zip([Case::judge, Case::recover, Case::decode, Case::hash]) {
                let since = Instant::now();
                step(&case)?;
                *took += since.elapsed();
            }
        }
        let [judging, recovering, decoding, hashing] = took.map(|took| per_second(CLAIMS * TURNS, took));
        claims.push(judging);
        recovered.push(recovering);
        decoded.push(decoding);
        hashed.push(hashing);
        on_two.push(case.on_two()?);
    }
    let of = |mut figures: Vec<u64>| median(&mut figures).context("no runs");
    Ok(Rates {
        claims: of(claims)?,
        recovered: of(recovered)?,
        on_two: of(on_two)?,
        decoded: of(decoded)?,
        hashed: of(hashed)?,
    })
}

impl Case {
    fn new() -> Result<Self> {
        let (verifier, node) = (work::key("verifier", 0)?, work::key("node", 0)?);
        let mut terms = work::terms(Address::repeat_byte(1), 0);
        (terms.units_max, terms.epoch_seconds) = (CLAIMS, u32::try_from(CLAIMS)?);
        let verifiers = work::verifier_set(1, std::slice::from_ref(&verifier));
        let parties = (Address::repeat_byte(2), node.address());
        let engaged = Engaged::new((ESCROW, terms), (verifiers, work::spec(5, 2)), parties, Timestamp(1_750_000_000))?;
        let report = engaged.report(verifier.address(), &node, 0, CLAIMS)?;
        let domain = engaged.domain();
        let mut signed = Vec::new();
        for claim in claims_of(&report) {
            let signature = Signature::try_from(claim.signature.as_ref())?;
            signed.push((claim.claim().digest(report.engagement, &domain), signature));
        }
        Ok(Self { json: serde_json::to_vec(&report)?, report, signed, node: node.address() })
    }

    fn judge(&self) -> Result<()> {
        let report: Report = serde_json::from_slice(&self.json)?;
        let counted = report.judge().counted;
        ensure!(counted == CLAIMS, "{counted} of {CLAIMS} claims counted");
        Ok(())
    }

    fn recover(&self) -> Result<()> {
        for (digest, signature) in &self.signed {
            ensure!(signature.recover_address_from_prehash(digest)? == self.node, "another signer");
        }
        Ok(())
    }

    fn decode(&self) -> Result<()> {
        let report: Report = serde_json::from_slice(&self.json)?;
        ensure!(report.epoch == self.report.epoch, "another report");
        Ok(())
    }

    fn hash(&self) -> Result<()> {
        // The domain is made once for a report, as judging does.
        let domain = piecework_domain::messages::Domain::new(self.report.chain_id, self.report.escrow);
        for claim in claims_of(&self.report) {
            black_box(claim.claim().digest(self.report.engagement, &domain));
        }
        Ok(())
    }

    /// Claims per second of two threads together.
    fn on_two(&self) -> Result<u64> {
        let turns = || (0..TURNS).try_for_each(|_| self.judge());
        let since = Instant::now();
        std::thread::scope(|scope| {
            let other = scope.spawn(turns);
            turns()?;
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        Ok(per_second(2 * TURNS * CLAIMS, since.elapsed()))
    }
}

fn claims_of(report: &Report) -> &[piecework_domain::sequencer::SignedClaim] {
    match &report.observed {
        Observed::Sequencer(observed) => &observed.claims,
        Observed::Rpc(_) => &[],
    }
}
