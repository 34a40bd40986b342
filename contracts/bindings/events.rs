//! From logs to `domain` events. A log that does not decode is an error with its place, never skipped.

use alloy::rpc::types::Log;
use alloy::sol_types::SolEventInterface;
use piecework_domain::chain::{Contested, EndReason, Event, Record};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;

use crate::abi::Escrow::EscrowEvents as E;
use crate::convert;

#[derive(Debug, thiserror::Error)]
#[error("log {log_index:?} of block {block_number:?} does not decode: {problem}")]
pub struct Undecodable {
    pub block_number: Option<u64>,
    pub log_index: Option<u64>,
    pub problem: String,
}

/// The escrow's event in `log`; `None` for the one event that says nothing about money (`EIP712DomainChanged`).
pub fn decode(log: &Log) -> Result<Option<Event>, Undecodable> {
    let refuse = |problem: String| Undecodable { block_number: log.block_number, log_index: log.log_index, problem };
    let decoded = E::decode_log(&log.inner).map_err(|err| refuse(err.to_string()))?;
    let event = match decoded.data {
        E::Posted(e) => Event::Posted { bounty: BountyId(e.bounty), terms: convert::terms(&e.terms) },
        E::Funded(e) => Event::Funded {
            bounty: BountyId(e.bounty),
            from: e.from,
            amount: Amount(e.amount),
            escrow: Amount(e.escrow),
        },
        E::DepositReturned(e) => Event::DepositReturned {
            bounty: BountyId(e.bounty),
            poster: e.poster,
            token: e.token,
            amount: Amount(e.amount),
        },
        E::EscrowReclaimed(e) => {
            Event::EscrowReclaimed { bounty: BountyId(e.bounty), poster: e.poster, amount: Amount(e.amount) }
        }
        E::Engaged(e) => Event::Engaged {
            engagement: EngagementId(e.engagement),
            bounty: BountyId(e.bounty),
            bid: convert::bid(&e.bid),
            verifiers: convert::verifiers(&e.verifiers),
            units_max: e.unitsMax,
            started_at: Timestamp(e.startedAt),
            ends_at: (e.endsAt != 0).then_some(Timestamp(e.endsAt)),
            reserve: Amount(e.reserve),
            spare: e.spare,
            escrow: Amount(e.escrow),
        },
        E::Redeemed(e) => Event::Redeemed {
            engagement: EngagementId(e.engagement),
            payee: e.payee,
            submitter: e.submitter,
            units: u64::try_from(e.units).map_err(|_| refuse("units above 2^64".to_owned()))?,
            amount: Amount(e.amount),
            relay_fee: Amount(e.relayFee),
        },
        E::Faulted(e) => Event::Faulted {
            engagement: EngagementId(e.engagement),
            faults: u64::try_from(e.faults).map_err(|_| refuse("faults above 2^64".to_owned()))?,
            penalty: Amount(e.penalty),
            bond: Amount(e.bond),
        },
        E::Skipped(e) => Event::Skipped { engagement: EngagementId(e.engagement), reason: e.reason },
        E::Extended(e) => Event::Extended {
            engagement: EngagementId(e.engagement),
            bounty: BountyId(e.bounty),
            units_max: e.unitsMax,
            ends_at: (e.endsAt != 0).then_some(Timestamp(e.endsAt)),
            reserve: Amount(e.reserve),
            escrow: Amount(e.escrow),
        },
        E::FeeClaimed(e) => Event::FeeClaimed {
            engagement: EngagementId(e.engagement),
            verifier: e.verifier,
            epochs: u64::try_from(e.epochs).map_err(|_| refuse("epochs above 2^64".to_owned()))?,
            next_epoch: e.nextEpoch,
            amount: Amount(e.amount),
        },
        E::UnitsAsserted(e) => Event::UnitsAsserted {
            engagement: EngagementId(e.engagement),
            runner: e.runner,
            units: e.units,
            payable_at: Timestamp(e.payableAt),
            bond: Amount(e.bond),
        },
        E::Disputed(e) => Event::Disputed {
            engagement: EngagementId(e.engagement),
            by: e.by,
            subject: contested(e.subject).ok_or_else(|| refuse("unknown subject of a dispute".to_owned()))?,
            floor: e.floor,
            claimed: e.claimed,
            signers: e.signers,
            rule_before: Timestamp(e.ruleBefore),
            bond: Amount(e.bond),
        },
        E::Resolved(e) => Event::Resolved {
            engagement: EngagementId(e.engagement),
            subject: contested(e.subject).ok_or_else(|| refuse("unknown subject of a dispute".to_owned()))?,
            by: e.by,
            outcome: u64::try_from(e.outcome).map_err(|_| refuse("outcome above 2^64".to_owned()))?,
            disputer_lost: e.disputerLost,
            claimant_lost: e.claimantLost,
            record: Record {
                ejected: e.record.ejected,
                lost_by_poster: e.record.lostByPoster,
                lost_by_runner: e.record.lostByRunner,
                resolved_at: Timestamp(e.record.resolvedAt.to()),
                reclaimable_from: Timestamp(e.record.reclaimableFrom.to()),
                fees_paid: Amount::from(e.record.feesPaid),
            },
        },
        E::NodeSlashed(e) => Event::NodeSlashed {
            engagement: EngagementId(e.engagement),
            reporter: e.reporter,
            to_reporter: Amount(e.toReporter),
            to_poster: Amount(e.toPoster),
        },
        E::NoticeGiven(e) => {
            Event::NoticeGiven { engagement: EngagementId(e.engagement), by: e.by, ends_at: Timestamp(e.endsAt) }
        }
        E::Ended(e) => Event::Ended {
            engagement: EngagementId(e.engagement),
            bounty: BountyId(e.bounty),
            reason: end_reason(e.reason).ok_or_else(|| refuse("unknown end reason".to_owned()))?,
            ended_at: Timestamp(e.endedAt),
            units_max: e.unitsMax,
            released: Amount(e.released),
            escrow: Amount(e.escrow),
        },
        E::Reclaimed(e) => Event::Reclaimed {
            engagement: EngagementId(e.engagement),
            reserve: Amount(e.reserve),
            bond: Amount(e.bond),
        },
        E::Credited(e) => {
            Event::Credited { account: e.account, token: e.token, amount: Amount(e.amount), balance: Amount(e.balance) }
        }
        E::Debited(e) => {
            Event::Debited { account: e.account, token: e.token, amount: Amount(e.amount), balance: Amount(e.balance) }
        }
        E::EIP712DomainChanged(_) => return Ok(None),
    };
    Ok(Some(event))
}

/// The JSON ABI knows enums as numbers; the order is `EndReason`'s in IEscrow.sol.
fn end_reason(reason: u8) -> Option<EndReason> {
    const ORDER: [EndReason; 6] = [
        EndReason::Elapsed,
        EndReason::Completed,
        EndReason::PosterNotice,
        EndReason::RunnerNotice,
        EndReason::Faults,
        EndReason::Equivocation,
    ];
    ORDER.get(usize::from(reason)).copied()
}

/// As `end_reason`, for `Subject` in Types.sol.
fn contested(subject: u8) -> Option<Contested> {
    const ORDER: [Contested; 3] = [Contested::Units, Contested::Faults, Contested::Assertion];
    ORDER.get(usize::from(subject)).copied()
}
