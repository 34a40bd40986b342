//! What each verifier has to judge. Kept by the indexer beside `engagements`, so that a list is read in its order.

use piecework_domain::chain::{Bounty, Engagement};
use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::spec::Spec;
use piecework_domain::{Address, U256};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::convert::{to_i64, to_u64};
use crate::engagements::{self, Row};
use crate::{Error, Result};

/// An engagement a verifier has to judge, and how far it has.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub row: Row,
    pub spec: Spec,
    pub next_epoch: u64,
    pub units: u64,
    pub faults: u64,
}

/// What a verifier asks for: unset filters match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Chains whose blocks it can judge.
    pub chains: Option<Vec<u64>>,
    pub token: Option<Address>,
    pub poster: Option<Address>,
    /// After this row in the list's order.
    pub after: Option<Place>,
}

/// A row's place in the order of assignments: the highest fee first, then the most locked at the award, in base units of whatever token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub fee: Amount,
    pub locked: Amount,
    pub id: EngagementId,
}

impl Assignment {
    pub fn place(&self) -> Place {
        let (e, terms) = (&self.row.engagement, &self.row.terms);
        let locked = U256::from(e.bid.rate).saturating_mul(U256::from(terms.units_max));
        Place { fee: terms.verifier_fee.into(), locked: Amount(locked), id: e.id }
    }
}

/// Brings the rows of some engagements up to what these are now: new, closed, or brought back by a reorg. What an engagement changes
/// otherwise, changes nothing here.
pub async fn renew(db: &mut PgConnection, ids: &[EngagementId]) -> Result<()> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
    sqlx::query!("delete from assignments where engagement_id = any($1)", &ids).execute(&mut *db).await?;
    sqlx::query!(
        "insert into assignments (chain_id, verifier, engagement_id, fee, locked)
         select e.chain_id, decode(substr(m, 3), 'hex'), e.id, (b.state #>> '{terms,verifierFee}')::numeric,
                (e.state #>> '{bid,rate}')::numeric * (b.state #>> '{terms,unitsMax}')::numeric
         from engagements e
         join bounties b on b.id = e.bounty_id
         cross join lateral jsonb_array_elements_text(e.state -> 'verifiers' -> 'members') m
         where e.id = any($1) and e.status <> 'closed'",
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Engagements whose verifier set names `verifier`, that are not closed, with its last verdict. Those that pay and lock most come first:
/// a reader that has a bound loses what is worth least. What could be reclaimed a day ago is not listed: nobody must keep a place
/// by never closing.
pub async fn list(db: &mut PgConnection, verifier: Address, filter: &Filter, limit: i64) -> Result<Vec<Assignment>> {
    let chains = filter.chains.as_ref().map(|ids| ids.iter().map(|id| to_i64(*id)).collect::<Result<Vec<_>>>());
    let chains = chains.transpose()?;
    let rows = sqlx::query!(
        r#"with page as (
               select a.engagement_id as id, e.bounty_id, s.body, a.fee, a.locked
               from assignments a
               join engagements e on e.id = a.engagement_id
               join bounties b on b.id = e.bounty_id
               join specs s on s.hash = b.spec_hash
               join chains c on c.chain_id = a.chain_id
               where a.verifier = $1
                 and ($2::bytea is null or b.token = $2) and ($3::bytea is null or b.poster = $3)
                 and ($4::bigint[] is null or s.chain_id = any($4))
                 and ($5::text is null or (a.fee, a.locked, a.engagement_id) < ($5::text::numeric, $6::text::numeric, $7::bytea))
                 and (e.ends_at is null or jsonb_array_length(e.state -> 'disputes') > 0
                      or jsonb_typeof(e.state -> 'assertion') <> 'null'
                      or c.block_time - interval '1 day' < greatest(
                          to_timestamp((e.state #>> '{record,reclaimableFrom}')::bigint),
                          e.ends_at + make_interval(secs => (b.state #>> '{terms,epochSeconds}')::bigint
                              + (b.state #>> '{terms,silenceSeconds}')::bigint
                              + 2 * (b.state #>> '{terms,challengeSeconds}')::bigint)))
               order by a.fee desc, a.locked desc, a.engagement_id desc limit $8)
           select e.chain_id, e.block_number, e.state as "state: Json<Engagement>", b.state as "bounty: Json<Bounty>",
                  p.body as spec, v.epoch as "epoch?", v.units as "units?", v.faults as "faults?"
           from page p
           join engagements e on e.id = p.id
           join bounties b on b.id = p.bounty_id
           left join lateral (select epoch, units, faults from verdicts
                              where engagement_id = e.id and verifier = $1 order by epoch desc limit 1) v on true
           order by p.fee desc, p.locked desc, p.id desc"#,
        verifier.as_slice(),
        filter.token.as_ref().map(|token| token.as_slice()),
        filter.poster.as_ref().map(|poster| poster.as_slice()),
        chains.as_deref(),
        filter.after.map(|place| place.fee.to_string()),
        filter.after.map(|place| place.locked.to_string()),
        filter.after.as_ref().map(|place| place.id.0.as_slice()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let next_epoch = row.epoch.map_or(Ok(0), |epoch| to_u64(epoch).map(|epoch| epoch + 1))?;
            Ok(Assignment {
                spec: Spec::parse(&row.spec).map_err(|_| Error::Corrupt("spec"))?,
                next_epoch,
                units: row.units.map_or(Ok(0), to_u64)?,
                faults: row.faults.map_or(Ok(0), to_u64)?,
                row: engagements::Selected {
                    chain_id: row.chain_id,
                    block_number: row.block_number,
                    state: row.state,
                    bounty: row.bounty,
                }
                .row()?,
            })
        })
        .collect()
}
