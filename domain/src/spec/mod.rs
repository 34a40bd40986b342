//! What the work is: the off-chain JSON whose canonical hash stands in the terms.

mod rpc;
mod sequencer;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical};
use crate::ids::SpecHash;
use crate::terms::Terms;

pub use rpc::{RpcCall, RpcSpec};
pub use sequencer::{Finality, SequencerSpec};

/// Bytes of canonical JSON a spec may have.
pub const SPEC_BYTES_MAX: usize = 16 * 1024;
const TITLE_CHARS_MAX: usize = 120;
const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// Questions that one endpoint is asked side by side.
pub const PROBES_AT_ONCE: u16 = 16;
/// More would be a load in itself.
pub const PROBES_PER_SECOND_MAX: u32 = 5;
/// Units of one epoch that a verifier's report can hold.
const EPOCH_UNITS_MAX: u64 = 5_000;
const SECONDS_MAX: u32 = 7 * 24 * 3600;

/// `spec.kind` decides what a unit is and what a verifier must do.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Spec {
    Sequencer(SequencerSpec),
    Rpc(RpcSpec),
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidSpec {
    #[error("not a spec: {0}")]
    Syntax(#[source] serde_json::Error),
    #[error("a spec has at most {SPEC_BYTES_MAX} bytes of canonical JSON, this one has {0}")]
    TooLong(usize),
    #[error("{field}: {problem}")]
    Field { field: &'static str, problem: String },
    #[error("an epoch has at most {EPOCH_UNITS_MAX} units: its report must fit an evidence file")]
    EpochTooLong,
    #[error(
        "graceSeconds is {grace}, longer than silenceSeconds, {silence}: verifiers would count as silent before they may judge, and the last \
         epoch's pay could be reclaimed"
    )]
    GraceTooLong { grace: u32, silence: u32 },
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl Spec {
    /// Reads and checks a spec. Unknown fields are refused: a verifier could not honour them.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidSpec> {
        if json.len() > 4 * SPEC_BYTES_MAX {
            return Err(InvalidSpec::TooLong(json.len()));
        }
        let spec: Self = serde_json::from_slice(json).map_err(InvalidSpec::Syntax)?;
        spec.validate()?;
        Ok(spec)
    }

    pub fn validate(&self) -> Result<(), InvalidSpec> {
        let bytes = canonical::bytes(self)?;
        if bytes.len() > SPEC_BYTES_MAX {
            return Err(InvalidSpec::TooLong(bytes.len()));
        }
        match self {
            Self::Sequencer(spec) => spec.validate(),
            Self::Rpc(spec) => spec.validate(),
        }
    }

    pub fn hash(&self) -> Result<SpecHash, NotCanonical> {
        canonical::hash(self).map(SpecHash)
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sequencer(_) => "sequencer",
            Self::Rpc(_) => "rpc",
        }
    }

    /// The chain that the work is about.
    pub fn chain_id(&self) -> u64 {
        match self {
            Self::Sequencer(spec) => spec.chain_id,
            Self::Rpc(spec) => spec.chain_id,
        }
    }

    pub fn title(&self) -> &str {
        match self {
            Self::Sequencer(spec) => &spec.title,
            Self::Rpc(spec) => &spec.title,
        }
    }

    pub fn description(&self) -> &str {
        match self {
            Self::Sequencer(spec) => &spec.description,
            Self::Rpc(spec) => &spec.description,
        }
    }

    /// An epoch is judged this long after its end.
    pub fn grace_seconds(&self) -> u32 {
        match self {
            Self::Sequencer(spec) => spec.grace_seconds,
            Self::Rpc(spec) => spec.grace_seconds,
        }
    }

    /// Whether terms with these times can be about this work.
    pub fn check_terms(&self, terms: &Terms) -> Result<(), InvalidSpec> {
        if u64::from(terms.epoch_seconds) / u64::from(terms.unit_seconds.max(1)) > EPOCH_UNITS_MAX {
            return Err(InvalidSpec::EpochTooLong);
        }
        let (grace, silence) = (self.grace_seconds(), terms.silence_seconds);
        if grace > silence {
            return Err(InvalidSpec::GraceTooLong { grace, silence });
        }
        let Self::Rpc(spec) = self else { return Ok(()) };
        if terms.unit_seconds != terms.epoch_seconds {
            let (unit, epoch) = (terms.unit_seconds, terms.epoch_seconds);
            let problem = format!(
                "the unit of `rpc` is an epoch: terms.unitSeconds, {unit}, must be terms.epochSeconds, {epoch}"
            );
            return refuse("kind", problem);
        }
        check_range("probesMin", spec.probes_min, 1..=terms.epoch_seconds.saturating_mul(PROBES_PER_SECOND_MAX))?;
        // Somebody who never answers must be asked enough to be told from somebody who was not asked.
        let epoch_ms = u64::from(terms.epoch_seconds) * 1_000;
        let each_ms = epoch_ms * u64::from(PROBES_AT_ONCE) / u64::from(spec.probes_asked().max(1));
        let timeout_max = u32::try_from(each_ms.min(epoch_ms / 2)).unwrap_or(u32::MAX);
        check_range("timeoutMs", spec.timeout_ms, 1..=timeout_max)
    }
}

/// What every kind has.
fn check_words(version: u32, title: &str, description: &str) -> Result<(), InvalidSpec> {
    if version != 1 {
        return refuse("version", format!("expected 1, got {version}"));
    }
    let chars = title.chars().count();
    if chars == 0 || chars > TITLE_CHARS_MAX {
        return refuse("title", format!("expected 1 to {TITLE_CHARS_MAX} characters, got {chars}"));
    }
    let chars = description.chars().count();
    if chars > DESCRIPTION_CHARS_MAX {
        return refuse("description", format!("expected at most {DESCRIPTION_CHARS_MAX} characters, got {chars}"));
    }
    Ok(())
}

/// Larger integers lose digits in canonical JSON (RFC 8785 numbers are doubles).
fn check_integers(fields: &[(&'static str, u64)]) -> Result<(), InvalidSpec> {
    match fields.iter().find(|(_, value)| *value >= 1 << 53) {
        Some((field, value)) => refuse(field, format!("expected less than 2^53, got {value}")),
        None => Ok(()),
    }
}

fn check_range(field: &'static str, value: u32, range: RangeInclusive<u32>) -> Result<(), InvalidSpec> {
    match range.contains(&value) {
        true => Ok(()),
        false => refuse(field, format!("expected {} to {}, got {value}", range.start(), range.end())),
    }
}

fn refuse<T>(field: &'static str, problem: String) -> Result<T, InvalidSpec> {
    Err(InvalidSpec::Field { field, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimal() -> serde_json::Value {
        serde_json::json!({
            "kind": "sequencer", "version": 1, "title": "Run our sequencer", "chainId": 31338,
            "timelySeconds": 3, "graceSeconds": 5, "blocksMin": 4
        })
    }

    fn parse(value: &serde_json::Value) -> Result<Spec, InvalidSpec> {
        Spec::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_minimal_spec_gets_the_safe_tag() {
        let Spec::Sequencer(spec) = parse(&minimal()).expect("is valid") else { panic!("another kind") };
        assert_eq!((spec.finality, spec.revisions_max), (Finality::Safe, 0));
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let mut spec = minimal();
        spec["finalty"] = "latest".into();
        assert!(parse(&spec).expect_err("has a typo").to_string().contains("finalty"));
    }

    #[test]
    fn the_hash_does_not_depend_on_key_order_or_white_space() {
        let a = parse(&minimal()).expect("is valid");
        let b = Spec::parse(
            br#" {"title":"Run our sequencer","version":1,"blocksMin":4,"graceSeconds":5,
            "timelySeconds":3,"chainId":31338,"kind":"sequencer"} "#,
        )
        .expect("is valid");
        assert_eq!(a.hash().expect("hashes"), b.hash().expect("hashes"));
    }

    #[test]
    fn bounds_are_named() {
        for (field, value) in [
            ("title", serde_json::json!("x".repeat(121))),
            ("description", serde_json::json!("x".repeat(4001))),
            ("version", serde_json::json!(2)),
            ("timelySeconds", serde_json::json!(0)),
            ("blocksMin", serde_json::json!(1_u64 << 53)),
        ] {
            let mut spec = minimal();
            spec[field] = value;
            assert!(parse(&spec).expect_err(field).to_string().contains(field), "{field}");
        }
    }

    #[test]
    fn an_rpc_spec_has_defaults_and_bounds() {
        let minimal = serde_json::json!({
            "kind": "rpc", "version": 1, "title": "Serve our RPC", "chainId": 31338, "latencyMsMax": 300,
            "timeoutMs": 2000, "successBpsMin": 9900, "lagBlocksMax": 2, "probesMin": 20, "graceSeconds": 5
        });
        let Spec::Rpc(spec) = parse(&minimal).expect("is valid") else { panic!("another kind") };
        assert_eq!((spec.wrong_max, spec.history_blocks, spec.state_blocks, spec.fault_below_bps), (0, 64, 64, 0));
        for (field, value) in [
            ("latencyMsMax", 0),
            ("timeoutMs", 299),
            ("successBpsMin", 10_001),
            ("faultBelowBps", 9_901),
            ("probesMin", 0),
            ("probesMin", 601),
            ("wrongMax", 21),
            ("stateBlocks", 1_u64 << 53),
        ] {
            let mut spec = minimal.clone();
            spec[field] = value.into();
            assert!(parse(&spec).expect_err(field).to_string().contains(field), "{field}");
        }
    }

    #[test]
    fn the_unit_of_rpc_is_an_epoch() {
        let rpc = serde_json::json!({
            "kind": "rpc", "version": 1, "title": "Serve our RPC", "chainId": 31338, "latencyMsMax": 300,
            "timeoutMs": 2000, "successBpsMin": 9900, "lagBlocksMax": 2, "probesMin": 20, "graceSeconds": 5
        });
        let rpc = parse(&rpc).expect("is valid");
        let mut terms = crate::testing::terms();
        assert!(parse(&minimal()).expect("is valid").check_terms(&terms).is_ok());
        assert!(rpc.check_terms(&terms).is_err());
        terms.unit_seconds = terms.epoch_seconds;
        assert!(rpc.check_terms(&terms).is_ok());
        (terms.unit_seconds, terms.epoch_seconds) = (3, 3);
        assert!(rpc.check_terms(&terms).expect_err("20 questions in 3 seconds").to_string().contains("probesMin"));
        (terms.unit_seconds, terms.epoch_seconds) = (4, 4);
        assert!(rpc.check_terms(&terms).is_ok(), "half an epoch is time enough to answer");
        let Spec::Rpc(mut slow) = rpc else { panic!("another kind") };
        slow.timeout_ms = 2_001;
        assert!(Spec::Rpc(slow.clone()).check_terms(&terms).expect_err("too long").to_string().contains("timeoutMs"));
        (slow.timeout_ms, slow.probes_min) = (30_000, 60);
        (terms.unit_seconds, terms.epoch_seconds) = (60, 60);
        assert!(Spec::Rpc(slow).check_terms(&terms).expect_err("too long").to_string().contains("timeoutMs"));
    }
}
