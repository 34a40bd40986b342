//! What the work is: the off-chain JSON whose canonical hash stands in the terms.

use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical};
use crate::ids::SpecHash;

/// Bytes of canonical JSON a spec may have.
pub const SPEC_BYTES_MAX: usize = 16 * 1024;
const TITLE_CHARS_MAX: usize = 120;
const DESCRIPTION_CHARS_MAX: usize = 4_000;
const SECONDS_MAX: u32 = 7 * 24 * 3600;

/// `spec.kind` decides what a unit is and what a verifier must do.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Spec {
    Sequencer(SequencerSpec),
}

/// Produce the blocks of a chain; a unit is one block (DESIGN §4).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SequencerSpec {
    /// 1.
    pub version: u32,
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// The chain whose blocks count.
    pub chain_id: u64,
    /// Where in the verifier's own view a block must be canonical.
    #[serde(default)]
    pub finality: Finality,
    /// A verifier must first see a block within this many seconds of the block's timestamp.
    pub timely_seconds: u32,
    /// An epoch is judged this long after its end: time for finality and for evidence to arrive.
    pub grace_seconds: u32,
    /// Fewer counted blocks in a whole epoch are a fault.
    pub blocks_min: u64,
    /// Revisions above 0 that count per epoch (honest rebuilds after a reorg below).
    #[serde(default)]
    pub revisions_max: u64,
}

/// A block tag of the verifier's node.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finality {
    /// Accepts reorgs: what was paid stays paid.
    Latest,
    #[default]
    Safe,
    Finalized,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidSpec {
    #[error("not a spec: {0}")]
    Syntax(#[source] serde_json::Error),
    #[error("a spec has at most {SPEC_BYTES_MAX} bytes of canonical JSON, this one has {0}")]
    TooLong(usize),
    #[error("{field}: {problem}")]
    Field { field: &'static str, problem: String },
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
        }
    }

    pub fn hash(&self) -> Result<SpecHash, NotCanonical> {
        canonical::hash(self).map(SpecHash)
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sequencer(_) => "sequencer",
        }
    }

    /// The chain that the work is about.
    pub fn chain_id(&self) -> u64 {
        match self {
            Self::Sequencer(spec) => spec.chain_id,
        }
    }

    pub fn title(&self) -> &str {
        match self {
            Self::Sequencer(spec) => &spec.title,
        }
    }
}

impl SequencerSpec {
    fn validate(&self) -> Result<(), InvalidSpec> {
        let refuse = |field, problem: String| Err(InvalidSpec::Field { field, problem });
        if self.version != 1 {
            return refuse("version", format!("expected 1, got {}", self.version));
        }
        let title = self.title.chars().count();
        if title == 0 || title > TITLE_CHARS_MAX {
            return refuse("title", format!("expected 1 to {TITLE_CHARS_MAX} characters, got {title}"));
        }
        let description = self.description.chars().count();
        if description > DESCRIPTION_CHARS_MAX {
            return refuse(
                "description",
                format!("expected at most {DESCRIPTION_CHARS_MAX} characters, got {description}"),
            );
        }
        // Larger integers lose digits in canonical JSON (RFC 8785 numbers are doubles).
        for (field, value) in
            [("chainId", self.chain_id), ("blocksMin", self.blocks_min), ("revisionsMax", self.revisions_max)]
        {
            if value >= 1 << 53 {
                return refuse(field, format!("expected less than 2^53, got {value}"));
            }
        }
        if self.timely_seconds == 0 || self.timely_seconds > SECONDS_MAX {
            return refuse("timelySeconds", format!("expected 1 to {SECONDS_MAX}, got {}", self.timely_seconds));
        }
        if self.grace_seconds > SECONDS_MAX {
            return refuse("graceSeconds", format!("expected at most {SECONDS_MAX}, got {}", self.grace_seconds));
        }
        Ok(())
    }
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
        let Spec::Sequencer(spec) = parse(&minimal()).expect("is valid");
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
}
