//! One engagement's work: sign what the node made, send what was signed.

use std::time::Instant;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Client, Engagement};
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{BlockClaim, Domain, SignedEndpoint};
use piecework_domain::sequencer::{CLAIMS_PER_BATCH_MAX, SignedClaim};
use piecework_domain::time::Timestamp;
use piecework_domain::{Bytes, signature};

use crate::journal::Journal;
use crate::node::{Header, Node};
use crate::turn::Turn;
use crate::{Error, clock};

/// Blocks signed per step, so that sending is never starved.
const SIGN_AT_ONCE: usize = 500;
/// Blocks looked back at for replacements after a reorg of the node's chain.
const REORG_DEPTH: u64 = 64;
/// Published claims taken up per step of the way.
const TAKE_UP_AT_ONCE: usize = 5_000;
/// The highest block number there is: evidence is canonical JSON, whose numbers are doubles (RFC 8785).
const NUMBER_MAX: u64 = (1 << 53) - 1;

pub struct Work<'a> {
    pub api: &'a Client,
    pub node: &'a Node,
    pub journal: &'a Journal,
    pub signer: &'a PrivateKeySigner,
    pub domain: &'a Domain,
    pub turn: Turn,
}

/// A block of the node to be claimed at a revision.
struct Due {
    header: Header,
    revision: u64,
}

impl Work<'_> {
    /// Signs the node's new blocks and sends what is signed.
    pub async fn claim_blocks(&self, engagement: &Engagement) -> Result<(), Error> {
        let id = engagement.id;
        // Signed before a crash: another companion may have gone on since.
        if let Some(first) = self.journal.unsent(id, 1)?.first() {
            self.take_up(id, first.number).await?;
        }
        // What was signed before is sent whatever the node says.
        let signed = self.sign(engagement).await;
        self.send(id).await?;
        signed
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

    /// Signs and stores claims for the node's new blocks.
    async fn sign(&self, engagement: &Engagement) -> Result<(), Error> {
        let id = engagement.id;
        let mut asked_from = u64::MAX;
        let due = loop {
            let due = self.due(engagement).await?;
            let Some(first) = due.first().map(|due| due.header.number) else {
                return Ok(());
            };
            if first >= asked_from {
                break due;
            }
            // Asked before the node, not after: what it says now is signed at once.
            self.take_up(id, first).await?;
            asked_from = first;
        };
        let now = Instant::now();
        let mine: Vec<&Due> = due.iter().take_while(|due| self.turn.is_mine(id, &due.header, now)).collect();
        let claims = mine.into_iter().map(|due| self.claim(id, due)).collect::<Result<Vec<_>, _>>()?;
        self.journal.add(id, &claims)
    }

    /// What the node has and this key has not signed, ascending.
    async fn due(&self, engagement: &Engagement) -> Result<Vec<Due>, Error> {
        let id = engagement.id;
        let Some(head) = self.node.head().await? else {
            return Ok(vec![]);
        };
        let mut due = self.replaced(id, &head).await?;
        let mut next = match self.journal.last(id)? {
            Some(last) => last.number + 1,
            None => self.first_after(engagement.started_at(), &head).await?,
        };
        while next <= head.number && due.len() < SIGN_AT_ONCE {
            let Some(header) = self.node.at(next).await? else {
                break;
            };
            due.push(Due { header, revision: 0 });
            next += 1;
        }
        Ok(due)
    }

    /// Blocks the node had to build again because its chain was reorganised: a higher revision each, so that an honest rebuild
    /// is not two hashes for one revision. The spec limits how many of them count.
    async fn replaced(&self, id: EngagementId, head: &Header) -> Result<Vec<Due>, Error> {
        let Some(last) = self.journal.last(id)? else {
            return Ok(vec![]);
        };
        let mut due = Vec::new();
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
            due.push(Due { header, revision: signed.revision + 1 });
            number -= 1;
        }
        due.reverse();
        Ok(due)
    }

    /// Takes up what this key has published from block `from` on: a lost journal and a second companion of the same key must not
    /// lead to two hashes for one revision, which cost the bond. Where the API can't be asked, nothing is signed or sent. Returns how many
    /// were new.
    async fn take_up(&self, id: EngagementId, from: u64) -> Result<usize, Error> {
        let (mut from, mut all) = (from, 0);
        loop {
            let published = self.api.claims(id, from, NUMBER_MAX, TAKE_UP_AT_ONCE).await?;
            for claim in &published {
                let digest = claim.claim().digest(id, self.domain);
                signature::verify(self.signer.address(), digest, &claim.signature)
                    .map_err(|_| Error::Foreign { engagement: id, number: claim.number })?;
            }
            let taken = self.journal.take_up(id, &published)?;
            if taken > 0 {
                tracing::info!(engagement = %id, claims = taken, "took up what another companion of this key has claimed");
            }
            all += taken;
            match published.last() {
                Some(last) if published.len() >= TAKE_UP_AT_ONCE && last.number > from => from = last.number,
                _ => return Ok(all),
            }
        }
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

    fn claim(&self, id: EngagementId, due: &Due) -> Result<SignedClaim, Error> {
        let claim = BlockClaim { number: due.header.number, revision: due.revision, block_hash: due.header.hash };
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
            let refused = match self.api.send_claims(id, &claims).await {
                Ok(_) => {
                    self.journal.settled(id, &claims)?;
                    sent += claims.len();
                    continue;
                }
                Err(err) => err,
            };
            // Another companion of this key was first: what it published stands, and ours, which nobody has seen, is dropped.
            if refused.code() == Some("conflicting_claim") && self.take_up(id, claims[0].number).await? > 0 {
                continue;
            }
            if !for_good(&refused) {
                return Err(refused.into());
            }
            if let [claim] = claims.as_slice() {
                self.give_up(id, claim, &refused)?;
                continue;
            }
            // A batch is taken whole or not at all: find the claim that spoils it.
            sent += self.send_singly(id, &claims).await?;
        }
    }

    async fn send_singly(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<usize, Error> {
        let mut sent = 0;
        for claim in claims {
            let one = std::slice::from_ref(claim);
            match self.api.send_claims(id, one).await {
                Ok(_) => {
                    self.journal.settled(id, one)?;
                    sent += 1;
                }
                Err(err) if for_good(&err) => self.give_up(id, claim, &err)?,
                Err(err) => return Err(err.into()),
            }
        }
        Ok(sent)
    }

    /// Leaves a claim that the API will never take.
    fn give_up(&self, id: EngagementId, claim: &SignedClaim, refused: &piecework_client::Error) -> Result<(), Error> {
        let block = claim.number;
        tracing::warn!(block, error = refused as &dyn std::error::Error, "the API refuses a claim");
        self.journal.settled(id, std::slice::from_ref(claim))
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
