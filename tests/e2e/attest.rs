//! Statements as verifiers make them, and vouchers from them.

use alloy::signers::local::PrivateKeySigner;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{AttestedVerdict, Voucher};

use crate::chain::sign;

/// One statement over all of `verdicts`.
pub fn attest(
    domain: &Domain,
    verifier: &PrivateKeySigner,
    attested_at: Timestamp,
    verdicts: Vec<Verdict>,
) -> Vec<AttestedVerdict> {
    let tree = Tree::new(verdicts.iter().map(Verdict::leaf).collect()).expect("has verdicts");
    let statement = Statement { root: tree.root(), attested_at };
    let signature = sign(verifier, statement.digest(domain));
    let with_proof = |(at, verdict)| AttestedVerdict {
        verifier: verifier.address(),
        statement,
        signature: signature.clone(),
        verdict,
        proof: tree.proof(at),
    };
    verdicts.into_iter().enumerate().map(with_proof).collect()
}

/// What `verdicts`, one of each verifier, prove together.
pub fn voucher(terms: &Terms, mut verdicts: Vec<AttestedVerdict>) -> Voucher {
    verdicts.sort_by_key(|v| v.verifier);
    let attested_at = verdicts.iter().map(|v| v.statement.attested_at).max().expect("has verdicts");
    Voucher {
        units: verdicts.iter().map(|v| v.verdict.units).min().expect("has verdicts"),
        faults: verdicts.iter().map(|v| v.verdict.faults).min().expect("has verdicts"),
        redeemable_at: attested_at.plus(terms.challenge_seconds.into()),
        verdicts,
    }
}
