//! The spec of `rpc` bounties.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use super::{InvalidSpec, SECONDS_MAX, check_integers, check_range, check_words, refuse};

/// Probes of one epoch: what a report can hold.
pub const PROBES_MAX: u32 = 600;
const LATENCY_MS_MAX: u32 = 60_000;
const DEPTH_DEFAULT: u64 = 64;
const CALLS_MAX: usize = 32;
const CALL_BYTES_MAX: usize = 1_024;

/// Serve a chain's JSON-RPC over HTTP; a unit is one epoch within these bounds (DESIGN §4).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RpcSpec {
    /// 1.
    pub version: u32,
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// The chain that is served.
    pub chain_id: u64,
    /// The 95th percentile of the time from question to whole answer, as the verifier measures it.
    pub latency_ms_max: u32,
    /// A question without answer after this time has timed out.
    pub timeout_ms: u32,
    /// Right answers of 10,000 questions, at least.
    pub success_bps_min: u32,
    /// Wrong answers that an epoch may have, whatever its success.
    #[serde(default)]
    pub wrong_max: u32,
    /// How many blocks the endpoint may be behind the verifier's own head: further is stale, which at most 10,000 − `successBpsMin` of 10,000
    /// answers about the newest block may be.
    pub lag_blocks_max: u64,
    /// Questions that every verifier asks in an epoch, at least.
    pub probes_min: u32,
    /// Blocks, receipts and logs are asked for down to so many blocks below the head.
    #[serde(default = "depth_default")]
    pub history_blocks: u64,
    /// Accounts, storage and calls are asked for down to so many blocks below the head: an archive where it is large.
    #[serde(default = "depth_default")]
    pub state_blocks: u64,
    /// `eth_call` questions with 10,000,000 gas, whose answers must be the verifier's own node's.
    #[serde(default)]
    pub calls: Vec<RpcCall>,
    /// Fewer right answers of 10,000 questions in a whole epoch are a fault. 0: nothing is.
    #[serde(default)]
    pub fault_below_bps: u32,
    /// An epoch is judged this long after its end.
    pub grace_seconds: u32,
}

/// A call that the poster cares about.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RpcCall {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub data: Bytes,
}

fn depth_default() -> u64 {
    DEPTH_DEFAULT
}

impl RpcSpec {
    /// Questions that a verifier plans in an epoch: some may be left out.
    pub fn probes_asked(&self) -> u32 {
        self.probes_min + self.probes_min.div_ceil(4)
    }

    pub(super) fn validate(&self) -> Result<(), InvalidSpec> {
        check_words(self.version, &self.title, &self.description)?;
        check_integers(&[
            ("chainId", self.chain_id),
            ("lagBlocksMax", self.lag_blocks_max),
            ("historyBlocks", self.history_blocks),
            ("stateBlocks", self.state_blocks),
        ])?;
        check_range("latencyMsMax", self.latency_ms_max, 1..=LATENCY_MS_MAX)?;
        check_range("timeoutMs", self.timeout_ms, self.latency_ms_max..=LATENCY_MS_MAX)?;
        check_range("successBpsMin", self.success_bps_min, 1..=10_000)?;
        check_range("faultBelowBps", self.fault_below_bps, 0..=self.success_bps_min)?;
        check_range("probesMin", self.probes_min, 1..=PROBES_MAX)?;
        check_range("wrongMax", self.wrong_max, 0..=self.probes_min)?;
        check_range("graceSeconds", self.grace_seconds, 0..=SECONDS_MAX)?;
        if self.calls.len() > CALLS_MAX {
            return refuse("calls", format!("expected at most {CALLS_MAX}, got {}", self.calls.len()));
        }
        match self.calls.iter().find(|call| call.data.len() > CALL_BYTES_MAX) {
            Some(call) => {
                refuse("calls", format!("expected at most {CALL_BYTES_MAX} bytes of data, got {}", call.data.len()))
            }
            None => Ok(()),
        }
    }
}
