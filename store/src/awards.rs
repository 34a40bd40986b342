//! Signed awards. Written by the API, relayed by the worker.

use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Award, Bid};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::convert::{to_i64, to_time};

/// Stores an award of a stored bid; storing it again changes nothing.
pub async fn put(db: &mut PgConnection, award: &Award, signature: &Bytes) -> Result<()> {
    sqlx::query!(
        "insert into awards (bid_id, bounty_id, expires_at, award, signature) values ($1, $2, $3, $4, $5)
         on conflict (bid_id) do nothing",
        award.bid.0.as_slice(),
        award.bounty.0.as_slice(),
        to_time(award.expires_at),
        Json(award) as _,
        signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The stored award of a bid.
pub async fn get(db: &mut PgConnection, bid: EngagementId) -> Result<Option<Award>> {
    let row = sqlx::query!(r#"select award as "award: Json<Award>" from awards where bid_id = $1"#, bid.0.as_slice())
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| row.award.0))
}

/// All that relaying an award takes.
#[derive(Clone, Debug)]
pub struct Relay {
    pub award: Award,
    pub award_signature: Bytes,
    pub bid: Bid,
    pub bid_signature: Bytes,
    pub terms: Terms,
    pub verifiers: VerifierSet,
}

/// Awards that can succeed as far as the mirror knows: not engaged yet nor expired at `now`, their bounty has the money and the seat, and
/// no transaction for them is under way. One that failed rests, twice as long each time up to five minutes, and comes after those that
/// never did; bounties take turns, so that nobody's hopeless awards hold back others'. One that was mined and reverted, though nobody else
/// had relayed it, rests for an hour, twice as long each time, and so does its bounty once that happened to two: whoever can make the
/// outcome depend on the block burns little of the operator's gas.
pub async fn to_relay(
    db: &mut PgConnection,
    chain_id: u64,
    tokens: &[Address],
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Relay>> {
    let tokens: Vec<_> = tokens.iter().map(|token| token.to_vec()).collect();
    let rows = sqlx::query!(
        r#"select a.award as "award: Json<Award>", a.signature as award_signature,
                  b.bid as "bid: Json<Bid>", b.signature as bid_signature,
                  o.terms as "terms: Json<Terms>", o.verifiers as "verifiers: Json<VerifierSet>"
           from awards a
           join bids b on b.id = a.bid_id
           join offers o on o.bounty_id = a.bounty_id
           join bounties posted on posted.id = a.bounty_id
           cross join lateral (select count(*) as failures, max(t.updated_at) as last from txs t
                               where t.chain_id = $1 and t.kind = 'award' and t.subject = a.bid_id and t.state = 'failed') f
           cross join lateral (select count(*) filter (where o.bid_id = a.bid_id) as own,
                                      max(t.updated_at) filter (where o.bid_id = a.bid_id) as own_last,
                                      count(distinct o.bid_id) as bids, max(t.updated_at) as last
                               from awards o
                               join txs t on t.chain_id = $1 and t.kind = 'award' and t.subject = o.bid_id
                                             and t.state = 'failed' and t.error = 'reverted'
                               where o.bounty_id = a.bounty_id and not exists (select from engagements e where e.id = o.bid_id)) r
           where o.chain_id = $1 and a.expires_at > $2 and b.expires_at > $2
             and (posted.state ->> 'escrow')::numeric >= b.rate * (o.terms ->> 'unitsMax')::numeric
             and case when (a.award ->> 'spare')::bool then (posted.state ->> 'seatsVacated')::bigint > 0
                      else (posted.state ->> 'seatsTaken')::bigint < (o.terms ->> 'seats')::bigint end
             and posted.token = any($4)
             and (r.own_last is null or r.own_last < now() - 2 ^ least(r.own - 1, 10) * interval '1 hour')
             and (r.bids < 2 or r.last < now() - interval '1 hour')
             and (f.last is null or f.last < now() - least(300, 5 * 2 ^ least(f.failures, 6)) * interval '1 second')
             and not exists (select from engagements e where e.id = a.bid_id)
             and not exists (select from txs t where t.chain_id = $1 and t.kind = 'award' and t.subject = a.bid_id
                             and (t.state in ('queued', 'signed')
                                  or (t.state <> 'failed' and t.updated_at > now() - interval '10 seconds')))
           order by f.failures, row_number() over (partition by a.bounty_id order by f.failures, a.created_at), a.created_at
           limit $3"#,
        to_i64(chain_id)?,
        to_time(now),
        limit,
        &tokens,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Relay {
            award: row.award.0,
            award_signature: row.award_signature.into(),
            bid: row.bid.0,
            bid_signature: row.bid_signature.into(),
            terms: row.terms.0,
            verifiers: row.verifiers.0,
        })
        .collect())
}
