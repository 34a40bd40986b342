//! What people and nodes sign (EIP-712). Domain: name `Piecework`, version `1`, chain id, escrow (DESIGN §3).

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::{SolStruct, eip712_domain, sol};
use serde::{Deserialize, Serialize};

use crate::ids::{BountyId, EngagementId, EvidenceHash};
use crate::money::{Amount, decimal};
use crate::time::Timestamp;

mod typed {
    use super::sol;
    sol! {
        struct Bid { bytes32 bounty; address runner; address payee; address node; uint128 rate; uint128 relayFee; uint64 expiresAt; uint256 nonce; }
        struct Award { bytes32 bounty; bytes32 bid; uint64 expiresAt; bool spare; }
        struct Verdict { bytes32 engagement; uint64 epoch; uint64 units; uint64 faults; bytes32 evidence; }
        struct Statement { bytes32 root; uint64 attestedAt; }
        struct BlockClaim { bytes32 engagement; uint64 number; uint64 revision; bytes32 blockHash; }
        struct Endpoint { bytes32 engagement; string url; uint64 since; }
    }
}

/// The signing domain of one escrow on one chain: its separator, hashed once for all messages.
#[derive(Clone, Copy, Debug)]
pub struct Domain(B256);

impl Domain {
    pub fn new(chain_id: u64, escrow: Address) -> Self {
        let domain = eip712_domain! {
            name: "Piecework",
            version: "1",
            chain_id: chain_id,
            verifying_contract: escrow,
        };
        Self(domain.separator())
    }

    /// What is signed for a message of this domain.
    pub(crate) fn digest(&self, message: &impl SolStruct) -> B256 {
        let mut bytes = [0_u8; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(self.0.as_slice());
        bytes[34..].copy_from_slice(message.eip712_hash_struct().as_slice());
        keccak256(bytes)
    }
}

/// A runner's offer. Its struct hash is the id of the engagement it may become.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bid {
    pub bounty: BountyId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub runner: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub payee: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub node: Address,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub rate: u128,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub relay_fee: u128,
    pub expires_at: Timestamp,
    pub nonce: Amount,
}

impl Bid {
    pub fn engagement_id(&self) -> EngagementId {
        EngagementId(self.typed().eip712_hash_struct())
    }

    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(&self.typed())
    }

    fn typed(&self) -> typed::Bid {
        typed::Bid {
            bounty: self.bounty.0,
            runner: self.runner,
            payee: self.payee,
            node: self.node,
            rate: self.rate,
            relayFee: self.relay_fee,
            expiresAt: self.expires_at.0,
            nonce: self.nonce.0,
        }
    }
}

/// The poster's choice of exactly one bid.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Award {
    pub bounty: BountyId,
    pub bid: EngagementId,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub spare: bool,
}

impl Award {
    pub fn digest(&self, domain: &Domain) -> B256 {
        let (bounty, bid) = (self.bounty.0, self.bid.0);
        domain.digest(&typed::Award { bounty, bid, expiresAt: self.expires_at.0, spare: self.spare })
    }
}

/// One verifier's cumulative finding for one engagement.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verdict {
    pub engagement: EngagementId,
    pub epoch: u64,
    pub units: u64,
    pub faults: u64,
    pub evidence: EvidenceHash,
}

impl Verdict {
    /// Merkle leaf: the struct hash, hashed once more.
    pub fn leaf(&self) -> B256 {
        let typed = typed::Verdict {
            engagement: self.engagement.0,
            epoch: self.epoch,
            units: self.units,
            faults: self.faults,
            evidence: self.evidence.0,
        };
        keccak256(typed.eip712_hash_struct())
    }
}

/// What a verifier signs: the root over all its verdicts of a round.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root: B256,
    pub attested_at: Timestamp,
}

impl Statement {
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(&typed::Statement { root: self.root, attestedAt: self.attested_at.0 })
    }
}

/// What a node signs for every block it produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockClaim {
    pub number: u64,
    /// Rises only when the chain below was reorganised and this number had to be built again.
    pub revision: u64,
    pub block_hash: B256,
}

impl BlockClaim {
    pub fn digest(&self, engagement: EngagementId, domain: &Domain) -> B256 {
        domain.digest(&typed::BlockClaim {
            engagement: engagement.0,
            number: self.number,
            revision: self.revision,
            blockHash: self.block_hash,
        })
    }
}

/// Where a node serves, signed by its key. A later `since` replaces an earlier one.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedEndpoint {
    /// `http` or `https`, at most 512 characters.
    pub url: String,
    /// Unix seconds at which it was signed.
    pub since: Timestamp,
    /// The node key's EIP-712 signature of `Endpoint(bytes32 engagement,string url,uint64 since)`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// Characters of an endpoint's URL.
pub const ENDPOINT_CHARS_MAX: usize = 512;

impl SignedEndpoint {
    pub fn digest(&self, engagement: EngagementId, domain: &Domain) -> B256 {
        domain.digest(&typed::Endpoint { engagement: engagement.0, url: self.url.clone(), since: self.since.0 })
    }

    /// Whether it can be an endpoint's: its scheme, length, characters and host. Where a host leads is for its callers to judge.
    pub fn is_url(url: &str) -> bool {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
        let printable = url.chars().all(|c| c.is_ascii_graphic());
        // No names or passwords: they would be public. No IPv6 address: not every verifier could ask it.
        let host_ok = host.is_some_and(|host| !host.is_empty() && !host.contains('@') && !host.starts_with('['));
        url.len() <= ENDPOINT_CHARS_MAX && printable && host_ok
    }
}
