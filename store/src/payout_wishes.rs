//! How runners want to be paid. Written by the API.

use std::collections::HashMap;

use piecework_domain::ids::EngagementId;
use piecework_domain::payout_wish::SignedPayoutWish;
use sqlx::PgConnection;

use crate::convert::{hash, to_i64, to_time, to_timestamp, to_u64};
use crate::{Error, Result};

/// Stores a runner's wish unless a later one is stored. Returns whether it was newer.
pub async fn put(db: &mut PgConnection, id: EngagementId, wish: &SignedPayoutWish) -> Result<bool> {
    let done = sqlx::query!(
        "insert into payout_wishes (engagement_id, every_seconds, amount_min, gas_price_max, at_end, since, signature)
         values ($1, $2, $3::text::numeric, $4::text::numeric, $5, $6, $7)
         on conflict (engagement_id) do update set every_seconds = excluded.every_seconds, amount_min = excluded.amount_min,
             gas_price_max = excluded.gas_price_max, at_end = excluded.at_end, since = excluded.since, signature = excluded.signature
         where payout_wishes.since < excluded.since",
        id.0.as_slice(),
        to_i64(wish.every_seconds)?,
        wish.amount_min.to_string(),
        wish.gas_price_max.to_string(),
        wish.at_end,
        to_time(wish.since),
        wish.signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those that are known.
pub async fn get(db: &mut PgConnection, ids: &[EngagementId]) -> Result<HashMap<EngagementId, SignedPayoutWish>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
    let rows = sqlx::query!(
        r#"select engagement_id, every_seconds, amount_min::text as "amount_min!", gas_price_max::text as "gas_price_max!", at_end,
                  since, signature from payout_wishes where engagement_id = any($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    let number = |text: &str| text.parse::<u128>().map_err(|_| Error::Corrupt("payout wish"));
    let wishes = rows.into_iter().map(|row| {
        let wish = SignedPayoutWish {
            every_seconds: to_u64(row.every_seconds)?,
            amount_min: number(&row.amount_min)?,
            gas_price_max: number(&row.gas_price_max)?,
            at_end: row.at_end,
            since: to_timestamp(row.since)?,
            signature: row.signature.into(),
        };
        Ok((EngagementId(hash(&row.engagement_id)?), wish))
    });
    wishes.collect()
}
