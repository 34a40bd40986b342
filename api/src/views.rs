//! What the API answers with. Amounts are decimal strings in the named token's base units, times RFC 3339 UTC, except inside
//! `terms` and signed messages, which hold exactly the integers that are hashed and signed.

use std::collections::BTreeMap;

use piecework_domain::chain::{Assertion, Bounty, Dispute, EndReason, Engagement, NoticeBy, Status};
use piecework_domain::ids::{BountyId, EngagementId, EvidenceHash};
use piecework_domain::messages::{Bid, SignedEndpoint};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::outlook::Outlook;
use piecework_domain::payout_wish::SignedPayoutWish;
use piecework_domain::report::{Reason, Refusal};
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::Voucher;
use piecework_domain::{Address, B256, Bytes};
use piecework_store::chains::{self, Cursor};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// RFC 3339 in UTC; times past the year 9999 as its last second.
pub fn rfc3339(at: Timestamp) -> String {
    const LAST: i64 = 253_402_300_799;
    let seconds = i64::try_from(at.0).unwrap_or(LAST).min(LAST);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

/// How sure an answer has to be: as of the newest block, or of one that the chain calls safe or final.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    #[default]
    Latest,
    Safe,
    Finalized,
}

impl From<Certainty> for chains::Certainty {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Latest => Self::Latest,
            Certainty::Safe => Self::Safe,
            Certainty::Finalized => Self::Finalized,
        }
    }
}

/// How sure an answer is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainView {
    pub chain_id: u64,
    /// The block that the answer is about: the newest mirrored one, or the one of the `certainty` asked for.
    pub block_number: u64,
    pub block_hash: String,
    /// Mirrored blocks on top of the one that last changed the object, that one included.
    pub confirmations: u64,
}

impl ChainView {
    /// About an object that block `changed` last changed.
    pub fn of(cursor: &Cursor, certainty: chains::Certainty, changed: u64) -> Self {
        let at = cursor.at(certainty);
        Self {
            chain_id: cursor.chain_id,
            block_number: at.number,
            block_hash: at.hash.to_string(),
            confirmations: (cursor.number + 1).saturating_sub(changed),
        }
    }
}

/// A transaction for the caller's wallet to sign and send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedTransaction {
    pub chain_id: u64,
    #[schema(value_type = String)]
    pub to: Address,
    /// Native coin to send along.
    pub value: Amount,
    #[schema(value_type = String)]
    pub data: Bytes,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows; a full one may have a successor.
    pub fn new<R>(rows: Vec<R>, limit: i64, cursor: impl Fn(&R) -> String, view: impl FnMut(R) -> T) -> Self {
        let full = i64::try_from(rows.len()).is_ok_and(|len| len == limit);
        let next_cursor = rows.last().filter(|_| full).map(cursor);
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BountyView {
    pub id: BountyId,
    /// `open` while seats can be taken, `full`, or `closed` after `openUntil`.
    pub status: &'static str,
    pub terms: Terms,
    /// Absent when the bounty was posted without telling this API and nobody was engaged yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifiers: Option<VerifierSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
    #[schema(value_type = String)]
    pub deposit_address: Address,
    /// Funded and not reserved, in `terms.token`.
    pub escrow: Amount,
    pub funded: Amount,
    pub seats_taken: u32,
    pub seats_vacated: u32,
    pub posted_at: String,
    pub chain: ChainView,
}

impl BountyView {
    pub fn status(bounty: &Bounty, now: Timestamp) -> &'static str {
        if bounty.is_open(now) {
            "open"
        } else if now < bounty.terms.open_until {
            "full"
        } else {
            "closed"
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementView {
    pub id: EngagementId,
    pub bounty: BountyId,
    /// `active`, `ended` (redemption period) or `closed`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub end_reason: Option<EndReason>,
    #[schema(value_type = String)]
    pub runner: Address,
    #[schema(value_type = String)]
    pub payee: Address,
    #[schema(value_type = String)]
    pub node: Address,
    #[schema(value_type = String)]
    pub token: Address,
    pub rate: Amount,
    pub bid: Bid,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub notice_by: Option<NoticeBy>,
    /// When what is left can be reclaimed; absent while there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaimable_at: Option<String>,
    pub units_max: u64,
    pub units_paid: u64,
    pub faults: u64,
    /// To the payee so far.
    pub paid: Amount,
    pub relay_fees: Amount,
    /// From the bond to the poster so far.
    pub penalties: Amount,
    pub bond_left: Amount,
    /// To verifiers so far.
    pub fees_paid: Amount,
    /// Two block claims for one place in the chain cost the whole bond.
    pub node_slashed: bool,
    /// Verifiers whose verdicts a ruling cut: none of theirs count here any more.
    #[schema(value_type = Vec<String>)]
    pub ejected: Vec<Address>,
    /// Units the runner itself asserted and that wait for their window or a ruling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<Assertion>,
    /// Open disputes: what is above `floor` waits for the arbiter until `ruleBefore` (Unix seconds).
    pub disputes: Vec<Dispute>,
    /// Where the node of an `rpc` bounty serves, once it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SignedEndpoint>,
    pub chain: ChainView,
}

impl EngagementView {
    pub fn new(e: Engagement, terms: Terms, endpoint: Option<SignedEndpoint>, chain: ChainView) -> Self {
        let end_reason = match e.status {
            Status::Active => None,
            Status::Ended { reason } | Status::Closed { reason, .. } => Some(reason),
        };
        let bond_left = e.bond_left(&terms);
        let reclaimable_at = e.reclaimable_at(&terms).map(rfc3339);
        Self {
            id: e.id,
            bounty: e.bounty,
            status: e.status.name(),
            end_reason,
            runner: e.bid.runner,
            payee: e.bid.payee,
            node: e.bid.node,
            token: terms.token,
            rate: e.bid.rate.into(),
            started_at: rfc3339(e.started_at),
            ends_at: e.ends_at.map(rfc3339),
            notice_by: e.notice_by,
            reclaimable_at,
            units_max: e.units_max,
            units_paid: e.units_paid,
            faults: e.faults,
            paid: e.paid,
            relay_fees: e.relay_fees,
            penalties: e.penalties,
            bond_left,
            fees_paid: e.record.fees_paid,
            node_slashed: e.slashed.is_some(),
            ejected: e
                .verifiers
                .members
                .iter()
                .enumerate()
                .filter(|(at, _)| e.record.ejected >> at & 1 == 1)
                .map(|(_, member)| *member)
                .collect(),
            assertion: e.assertion,
            disputes: e.disputes,
            endpoint,
            verifiers: e.verifiers,
            bid: e.bid,
            terms,
            chain,
        }
    }
}

/// An engagement with its money.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementDetail {
    #[serde(flatten)]
    pub engagement: EngagementView,
    pub money: MoneyView,
    /// How the runner wants to be paid, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_wish: Option<SignedPayoutWish>,
}

/// Where the money stands, in base units of the bounty's token, and what happens next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoneyView {
    #[serde(flatten)]
    pub outlook: Outlook,
    /// What the operator's worker is about to do; absent where there is nothing to pay, or it doesn't relay here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<NextPayout>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextPayout {
    /// When it is looked at next; absent: once there is news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The transaction that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tx_hash: Option<B256>,
    /// Why nothing was sent at the last look: a stable code, and in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BidView {
    /// The bid's hash: the engagement's id if it is awarded.
    pub id: EngagementId,
    pub bid: Bid,
    #[schema(value_type = String)]
    pub signature: Bytes,
    pub received_at: String,
    /// The runner's free balance of the bounty's token, which the bond is taken from first.
    pub free_balance: Amount,
    pub history: HistoryView,
}

/// What a runner has done in its newest 200 engagements.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    pub engagements: u64,
    pub units_paid: u64,
    pub faults: u64,
    /// Ended for faults or equivocation.
    pub ended_for_cause: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutView {
    #[schema(value_type = String)]
    pub payee: Address,
    #[schema(value_type = String)]
    pub submitter: Address,
    /// Cumulative units paid, this payout included.
    pub units: u64,
    pub amount: Amount,
    pub relay_fee: Amount,
    #[schema(value_type = String)]
    pub tx_hash: B256,
    pub block_number: u64,
    pub time: String,
    pub chain: ChainView,
}

/// What one verifier found in one epoch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    #[schema(value_type = String)]
    pub verifier: Address,
    /// Cumulative after this epoch.
    pub units: u64,
    pub faults: u64,
    /// In this epoch.
    pub counted: u64,
    pub fault: bool,
    /// Units that did not count, each with its reason.
    pub refused: Vec<Refusal>,
    pub evidence: EvidenceHash,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EpochView {
    pub epoch: u64,
    pub from: String,
    pub to: String,
    pub findings: Vec<FindingView>,
    /// Every unit that somebody refused, with who refused it, why, and the report that shows it.
    pub refused: Vec<RefusedUnit>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedUnit {
    /// The block's number; the epoch's where an epoch is a unit.
    pub number: u64,
    /// As many verifiers refused it as it takes for it not to be paid: fewer than the threshold can have counted it.
    pub unpaid: bool,
    pub by: Vec<RefusedBy>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedBy {
    #[schema(value_type = String)]
    pub verifier: Address,
    pub reasons: Vec<Reason>,
    /// `GET /v1/evidence/{hash}`; `piecework verify --replay {hash}` judges it again.
    pub evidence: EvidenceHash,
}

impl EpochView {
    pub fn new(epoch: u64, from: Timestamp, to: Timestamp, set: &VerifierSet, findings: Vec<FindingView>) -> Self {
        let mut units: BTreeMap<u64, Vec<RefusedBy>> = BTreeMap::new();
        for finding in &findings {
            for refusal in &finding.refused {
                let by = units.entry(refusal.number).or_default();
                match by.last_mut().filter(|last| last.verifier == finding.verifier) {
                    Some(last) => last.reasons.push(refusal.reason),
                    None => by.push(RefusedBy {
                        verifier: finding.verifier,
                        reasons: vec![refusal.reason],
                        evidence: finding.evidence,
                    }),
                }
            }
        }
        let others = |by: &[RefusedBy]| set.members.len().saturating_sub(by.len());
        let refused = units
            .into_iter()
            .map(|(number, by)| RefusedUnit { number, unpaid: others(&by) < usize::from(set.threshold), by })
            .collect();
        Self { epoch, from: rfc3339(from), to: rfc3339(to), findings, refused }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoucherView {
    pub engagement: EngagementId,
    pub units: u64,
    pub faults: u64,
    pub redeemable_at: String,
    /// Units this voucher pays for beyond what is paid already, as far as the clock allows now.
    pub units_new: u64,
    pub voucher: Voucher,
    /// Redeems it: anyone can send this, through any endpoint.
    pub transaction: UnsignedTransaction,
    pub chain: ChainView,
}

/// The transaction that pays `amount` of `token` to `to`.
pub fn payment(chain_id: u64, token: Address, to: Address, amount: Amount) -> UnsignedTransaction {
    if token == NATIVE {
        UnsignedTransaction { chain_id, to, value: amount, data: Bytes::new() }
    } else {
        let data = piecework_contracts::transfer_call(to, amount);
        UnsignedTransaction { chain_id, to: token, value: Amount::ZERO, data }
    }
}
