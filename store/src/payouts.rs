//! What was paid. Written by the indexer.

use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use sqlx::PgConnection;

use crate::Result;
use crate::chains::Certainty;
use crate::convert::{address, amount, hash, to_i64, to_time, to_timestamp, to_u64};

/// One redemption. Amounts are in the bounty's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    pub block_number: u64,
    pub log_index: u64,
    pub engagement: EngagementId,
    pub payee: Address,
    pub submitter: Address,
    /// Cumulative units paid, this redemption included.
    pub units: u64,
    pub amount: Amount,
    pub relay_fee: Amount,
    pub tx_hash: B256,
    pub time: Timestamp,
}

/// Adds payouts in their order.
pub async fn add(db: &mut PgConnection, chain_id: u64, payouts: &[Payout]) -> Result<()> {
    let bytes = |f: fn(&Payout) -> Vec<u8>| payouts.iter().map(f).collect::<Vec<_>>();
    let amounts = |f: fn(&Payout) -> Amount| payouts.iter().map(|p| f(p).to_string()).collect::<Vec<_>>();
    let counts = |f: fn(&Payout) -> u64| payouts.iter().map(|p| to_i64(f(p))).collect::<Result<Vec<_>>>();
    let times: Vec<_> = payouts.iter().map(|p| to_time(p.time)).collect();
    sqlx::query!(
        "insert into payouts (chain_id, block_number, log_index, engagement_id, payee, submitter, units, amount, relay_fee,
                              tx_hash, block_time)
         select $1, * from unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[],
                                  $8::text[]::numeric[], $9::text[]::numeric[], $10::bytea[], $11::timestamptz[])",
        to_i64(chain_id)?,
        &counts(|p| p.block_number)?,
        &counts(|p| p.log_index)?,
        &bytes(|p| p.engagement.0.to_vec()),
        &bytes(|p| p.payee.to_vec()),
        &bytes(|p| p.submitter.to_vec()),
        &counts(|p| p.units)?,
        &amounts(|p| p.amount),
        &amounts(|p| p.relay_fee),
        &bytes(|p| p.tx_hash.to_vec()),
        &times,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn remove_above(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<()> {
    sqlx::query!("delete from payouts where chain_id = $1 and block_number > $2", to_i64(chain_id)?, to_i64(number)?)
        .execute(db)
        .await?;
    Ok(())
}

/// An engagement's payouts in order, after `after` (block number, log index).
pub async fn of_engagement(
    db: &mut PgConnection,
    id: EngagementId,
    certainty: Certainty,
    after: Option<(u64, u64)>,
    limit: i64,
) -> Result<Vec<Payout>> {
    let (after_block, after_log) = match after {
        Some((block, log)) => (to_i64(block)?, to_i64(log)?),
        None => (-1, -1),
    };
    let rows = sqlx::query!(
        r#"select p.block_number, log_index, payee, submitter, units, amount::text as "amount!", relay_fee::text as "relay_fee!",
                  tx_hash, p.block_time
           from payouts p join chains c on c.chain_id = p.chain_id
           where engagement_id = $1 and (p.block_number, log_index) > ($2::bigint, $3::bigint)
             and p.block_number <= (array[c.block_number, c.safe_number, c.finalized_number])[$5::int]
           order by p.block_number, log_index limit $4"#,
        id.0.as_slice(),
        after_block,
        after_log,
        limit,
        certainty.index(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Payout {
                block_number: to_u64(row.block_number)?,
                log_index: to_u64(row.log_index)?,
                engagement: id,
                payee: address(&row.payee)?,
                submitter: address(&row.submitter)?,
                units: to_u64(row.units)?,
                amount: amount(&row.amount)?,
                relay_fee: amount(&row.relay_fee)?,
                tx_hash: hash(&row.tx_hash)?,
                time: to_timestamp(row.block_time)?,
            })
        })
        .collect()
}
