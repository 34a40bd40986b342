//! Open bounties by what they pay and when they close, as of the mirror's newest block.

use piecework_domain::Address;
use piecework_domain::ids::BountyId;
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Bounty, Row, selected};
use crate::Result;
use crate::convert::to_time;

/// The most of these comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pay {
    /// `rateMax × 3600 / unitSeconds`.
    PerHour,
    /// The same by the bond that it takes.
    PerBond,
}

/// What a list asks for. Unset filters match everything.
#[derive(Clone, Debug, Default)]
pub struct Ranked {
    pub poster: Option<Address>,
    pub kind: Option<String>,
    /// Words of the spec, as web searches spell them.
    pub text: Option<String>,
    pub open_at: Timestamp,
}

/// Those in one token, the best first, each with its rank as cursors hold it (a decimal number); those without a rank are left out.
pub async fn by_pay(
    db: &mut PgConnection,
    pay: Pay,
    token: Address,
    filter: &Ranked,
    after: Option<(&str, BountyId)>,
    limit: i64,
) -> Result<Vec<(String, Row)>> {
    let (poster, token) = (filter.poster.as_ref().map(|account| account.as_slice()), token.as_slice());
    let (after_rank, after_id) = (after.map(|(rank, _)| rank), after.map(|(_, id)| id.0));
    let (open_at, after_id) = (to_time(filter.open_at), after_id.as_ref().map(|id| id.as_slice()));
    // Two queries that differ in one expression: an index is used only where its own expression stands.
    match pay {
        Pay::PerHour => {
            let rows = sqlx::query!(
                r#"select b.chain_id, b.block_number, b.state as "state: Json<Bounty>",
                          pay_per_hour(b.rate_max, b.state)::text as "rank!"
                   from bounties b
                   where b.token = $1 and b.seats_taken < b.seats and pay_per_hour(b.rate_max, b.state) is not null
                     and b.open_until > $2 and ($3::bytea is null or b.poster = $3)
                     and ($4::text is null or exists (select from specs s where s.hash = b.spec_hash and s.kind = $4))
                     and ($5::text is null
                          or b.spec_hash in (select s.hash from specs s where s.search @@ websearch_to_tsquery('simple', $5)))
                     and ($6::text is null
                          or (pay_per_hour(b.rate_max, b.state) <= $6::text::numeric
                              and (pay_per_hour(b.rate_max, b.state) < $6::text::numeric or b.id > $7::bytea)))
                   order by pay_per_hour(b.rate_max, b.state) desc, b.id limit $8"#,
                token,
                open_at,
                poster,
                filter.kind,
                filter.text,
                after_rank,
                after_id,
                limit
            )
            .fetch_all(db)
            .await?;
            rows.into_iter().map(|row| Ok((row.rank, selected(row.chain_id, row.block_number, row.state)?))).collect()
        }
        Pay::PerBond => {
            let rows = sqlx::query!(
                r#"select b.chain_id, b.block_number, b.state as "state: Json<Bounty>",
                          pay_per_bond(b.rate_max, b.bond, b.state)::text as "rank!"
                   from bounties b
                   where b.token = $1 and b.seats_taken < b.seats and pay_per_bond(b.rate_max, b.bond, b.state) is not null
                     and b.open_until > $2 and ($3::bytea is null or b.poster = $3)
                     and ($4::text is null or exists (select from specs s where s.hash = b.spec_hash and s.kind = $4))
                     and ($5::text is null
                          or b.spec_hash in (select s.hash from specs s where s.search @@ websearch_to_tsquery('simple', $5)))
                     and ($6::text is null
                          or (pay_per_bond(b.rate_max, b.bond, b.state) <= $6::text::numeric
                              and (pay_per_bond(b.rate_max, b.bond, b.state) < $6::text::numeric or b.id > $7::bytea)))
                   order by pay_per_bond(b.rate_max, b.bond, b.state) desc, b.id limit $8"#,
                token,
                open_at,
                poster,
                filter.kind,
                filter.text,
                after_rank,
                after_id,
                limit
            )
            .fetch_all(db)
            .await?;
            rows.into_iter().map(|row| Ok((row.rank, selected(row.chain_id, row.block_number, row.state)?))).collect()
        }
    }
}

/// Those that close first, first.
pub async fn by_deadline(
    db: &mut PgConnection,
    token: Option<Address>,
    filter: &Ranked,
    after: Option<(Timestamp, BountyId)>,
    limit: i64,
) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select b.chain_id, b.block_number, b.state as "state: Json<Bounty>" from bounties b
           where ($1::bytea is null or b.token = $1) and b.seats_taken < b.seats and b.open_until > $2
             and ($3::bytea is null or b.poster = $3)
             and ($4::text is null or exists (select from specs s where s.hash = b.spec_hash and s.kind = $4))
             and ($5::text is null
                  or b.spec_hash in (select s.hash from specs s where s.search @@ websearch_to_tsquery('simple', $5)))
             and ($6::timestamptz is null or (b.open_until >= $6 and (b.open_until > $6 or b.id > $7::bytea)))
           order by b.open_until, b.id limit $8"#,
        token.as_ref().map(|token| token.as_slice()),
        to_time(filter.open_at),
        filter.poster.as_ref().map(|account| account.as_slice()),
        filter.kind,
        filter.text,
        after.map(|(time, _)| to_time(time)),
        after.as_ref().map(|(_, id)| id.0.as_slice()),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| selected(row.chain_id, row.block_number, row.state)).collect()
}
