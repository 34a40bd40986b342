//! The spec of `sequencer` bounties.

use serde::{Deserialize, Serialize};

use super::{InvalidSpec, SECONDS_MAX, check_integers, check_range, check_words};

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

impl SequencerSpec {
    pub(super) fn validate(&self) -> Result<(), InvalidSpec> {
        check_words(self.version, &self.title, &self.description)?;
        check_integers(&[
            ("chainId", self.chain_id),
            ("blocksMin", self.blocks_min),
            ("revisionsMax", self.revisions_max),
        ])?;
        check_range("timelySeconds", self.timely_seconds, 1..=SECONDS_MAX)?;
        check_range("graceSeconds", self.grace_seconds, 0..=SECONDS_MAX)
    }
}
