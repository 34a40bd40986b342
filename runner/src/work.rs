//! One engagement's work: sign what the node made, send what was signed.

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Client, Engagement};
use piecework_domain::Bytes;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{BlockClaim, Domain, SignedEndpoint};
use piecework_domain::sequencer::{CLAIMS_PER_BATCH_MAX, SignedClaim};
use piecework_domain::time::Timestamp;

use crate::journal::Journal;
use crate::node::{Header, Node};
use crate::{Error, clock};

/// Blocks signed per step, so that sending is never starved.
const SIGN_AT_ONCE: usize = 500;
/// Blocks looked back at for replacements after a reorg of the node's chain.
const REORG_DEPTH: u64 = 64;

pub struct Work<'a> {
    pub api: &'a Client,
    pub node: &'a Node,
    pub journal: &'a Journal,
    pub signer: &'a PrivateKeySigner,
    pub domain: &'a Domain,
}

impl Work<'_> {
    /// Signs the node's new blocks and sends what is signed.
    pub async fn claim_blocks(&self, engagement: &Engagement) -> Result<(), Error> {
        // What was signed before is sent whatever the node says.
        let signed = self.sign(engagement).await;
        self.send(engagement.id).await?;
        signed.map(drop)
    }

    /// Tells where the node answers, unless that is known.
    pub async fn announce(&self, engagement: &Engagement, url: Option<&str>) -> Result<(), Error> {
        let id = engagement.id;
        let Some(url) = url.filter(|url| engagement.endpoint.as_ref().is_none_or(|known| known.url != *url)) else {
            return Ok(());
        };
        let mut endpoint = SignedEndpoint { url: url.to_owned(), since: clock::now(), signature: Bytes::new() };
        let signature = self.signer.sign_hash_sync(&endpoint.digest(id, self.domain)).map_err(Error::Sign)?;
        endpoint.signature = signature.as_bytes().to_vec().into();
        self.api.announce(id, &endpoint).await?;
        tracing::info!(engagement = %id, url, "announced");
        Ok(())
    }

    /// Signs and stores claims for the node's new blocks. Returns how many.
    async fn sign(&self, engagement: &Engagement) -> Result<usize, Error> {
        let started_at = engagement.started_at();
        let Some(head) = self.node.head().await? else {
            return Ok(0);
        };
        let id = engagement.id;
        let mut claims = self.replaced(id, &head).await?;
        let mut next = match self.journal.last(id)? {
            Some(last) => last.number + 1,
            None => self.first_after(started_at, &head).await?,
        };
        while next <= head.number && claims.len() < SIGN_AT_ONCE {
            let Some(header) = self.node.at(next).await? else {
                break;
            };
            claims.push(self.claim(id, &header, 0)?);
            next += 1;
        }
        if !claims.is_empty() {
            claims.sort_by_key(|claim| (claim.number, claim.revision));
            self.journal.add(id, &claims)?;
        }
        Ok(claims.len())
    }

    /// Blocks the node had to build again because its chain was reorganised: a higher revision each, so that an honest rebuild
    /// is not two hashes for one revision. The spec limits how many of them count.
    async fn replaced(&self, id: EngagementId, head: &Header) -> Result<Vec<SignedClaim>, Error> {
        let Some(last) = self.journal.last(id)? else {
            return Ok(vec![]);
        };
        let mut claims = Vec::new();
        let mut number = last.number.min(head.number);
        let floor = number.saturating_sub(REORG_DEPTH);
        while number > floor {
            let Some(signed) = self.journal.of(id, number)? else {
                break;
            };
            let Some(header) = self.node.at(number).await? else {
                break;
            };
            if header.hash == signed.block_hash {
                break;
            }
            claims.push(self.claim(id, &header, signed.revision + 1)?);
            number -= 1;
        }
        Ok(claims)
    }

    /// The first block at or after `time`.
    async fn first_after(&self, time: Timestamp, head: &Header) -> Result<u64, Error> {
        let (mut low, mut high) = (0, head.number + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.node.at(middle).await? {
                Some(header) if header.timestamp < time => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn claim(&self, id: EngagementId, header: &Header, revision: u64) -> Result<SignedClaim, Error> {
        let claim = BlockClaim { number: header.number, revision, block_hash: header.hash };
        let signature = self.signer.sign_hash_sync(&claim.digest(id, self.domain)).map_err(Error::Sign)?;
        Ok(SignedClaim {
            number: claim.number,
            revision: claim.revision,
            block_hash: claim.block_hash,
            signature: signature.as_bytes().to_vec().into(),
        })
    }

    /// Sends stored claims, oldest first. Returns how many the API took.
    async fn send(&self, id: EngagementId) -> Result<usize, Error> {
        let mut sent = 0;
        loop {
            let claims = self.journal.unsent(id, CLAIMS_PER_BATCH_MAX)?;
            if claims.is_empty() {
                return Ok(sent);
            }
            match self.api.send_claims(id, &claims).await {
                Ok(_) => {
                    self.journal.settled(id, &claims)?;
                    sent += claims.len();
                }
                Err(err) if !for_good(&err) || claims.len() == 1 => {
                    if for_good(&err) {
                        tracing::warn!(
                            block = claims[0].number,
                            error = &err as &dyn std::error::Error,
                            "the API refuses a claim"
                        );
                        self.journal.settled(id, &claims)?;
                        continue;
                    }
                    return Err(err.into());
                }
                // A batch is taken whole or not at all: find the claim that spoils it.
                Err(_) => sent += self.send_singly(id, &claims).await?,
            }
        }
    }

    async fn send_singly(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<usize, Error> {
        let mut sent = 0;
        for claim in claims {
            let one = std::slice::from_ref(claim);
            match self.api.send_claims(id, one).await {
                Ok(_) => sent += 1,
                Err(err) if !for_good(&err) => return Err(err.into()),
                Err(err) => {
                    tracing::warn!(
                        block = claim.number,
                        error = &err as &dyn std::error::Error,
                        "the API refuses a claim"
                    );
                }
            }
            self.journal.settled(id, one)?;
        }
        Ok(sent)
    }
}

/// Refusals that no later attempt changes. Anything else (an engagement that a reorg took away for a moment, a proxy's answer)
/// keeps the claims.
fn for_good(err: &piecework_client::Error) -> bool {
    const CODES: [&str; 6] = [
        "conflicting_claim",
        "claims_out_of_order",
        "duplicate_claim",
        "bad_signature",
        "engagement_closed",
        "number_too_large",
    ];
    err.code().is_some_and(|code| CODES.contains(&code))
}
