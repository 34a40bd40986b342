//! What can be asked of an endpoint.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::EngagementId;

/// A spec's call that never ends must cost nodes no more than this.
const CALL_GAS: u64 = 10_000_000;

/// One JSON-RPC call whose answer can be checked.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Question {
    /// `eth_blockNumber`.
    Head,
    /// `eth_getBlockByNumber` of `latest`.
    Latest,
    /// `eth_getBlockByNumber`, with whole transactions or their hashes.
    Block { number: u64, full: bool },
    /// `eth_getBlockByHash`.
    BlockByHash {
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        hash: B256,
        full: bool,
    },
    /// `eth_getBlockReceipts`.
    Receipts { number: u64 },
    /// `eth_getLogs` of one block.
    Logs {
        number: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        address: Option<Address>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        topic: Option<B256>,
    },
    /// `eth_getProof`.
    Proof {
        number: u64,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        account: Address,
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
        slots: Vec<B256>,
    },
    /// `eth_call`.
    Call {
        number: u64,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        to: Address,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        data: Bytes,
    },
    /// `eth_getFilterChanges` of a filter that was made a moment ago at another engagement's endpoint: who knows it asks that node.
    Filter { made_at: EngagementId, id: String },
}

impl Question {
    /// Whether the right answer depends on when it is asked.
    pub fn is_about_newest(&self) -> bool {
        matches!(self, Self::Head | Self::Latest)
    }

    pub fn method(&self) -> &'static str {
        match self {
            Self::Head => "eth_blockNumber",
            Self::Latest | Self::Block { .. } => "eth_getBlockByNumber",
            Self::BlockByHash { .. } => "eth_getBlockByHash",
            Self::Receipts { .. } => "eth_getBlockReceipts",
            Self::Logs { .. } => "eth_getLogs",
            Self::Proof { .. } => "eth_getProof",
            Self::Call { .. } => "eth_call",
            Self::Filter { .. } => "eth_getFilterChanges",
        }
    }

    pub fn params(&self) -> Value {
        match self {
            Self::Head => json!([]),
            Self::Latest => json!(["latest", false]),
            Self::Block { number, full } => json!([quantity(*number), full]),
            Self::BlockByHash { hash, full } => json!([hash, full]),
            Self::Receipts { number } => json!([quantity(*number)]),
            Self::Logs { number, address, topic } => {
                let at = quantity(*number);
                let mut filter = json!({ "fromBlock": at, "toBlock": at });
                if let Some(address) = address {
                    filter["address"] = json!(address);
                }
                if let Some(topic) = topic {
                    filter["topics"] = json!([topic]);
                }
                json!([filter])
            }
            Self::Proof { number, account, slots } => json!([account, slots, quantity(*number)]),
            Self::Call { number, to, data } => {
                json!([{ "to": to, "data": data, "gas": quantity(CALL_GAS) }, quantity(*number)])
            }
            Self::Filter { id, .. } => json!([id]),
        }
    }
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}
