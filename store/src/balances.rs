//! Free balances. Written by the indexer.

use piecework_domain::Address;
use piecework_domain::money::Amount;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{address, amount, to_i64};

/// Whose balance of what.
pub type Key = (Address, Address);

/// Writes new balances, each with the block that made it; one per account and token.
pub async fn put(db: &mut PgConnection, chain_id: u64, rows: &[(Key, Amount, u64)]) -> Result<()> {
    let (accounts, tokens) = columns(rows.iter().map(|(key, _, _)| key));
    let amounts: Vec<_> = rows.iter().map(|(_, amount, _)| amount.to_string()).collect();
    let blocks = rows.iter().map(|(_, _, block)| to_i64(*block)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "insert into balances (chain_id, account, token, balance, block_number)
         select $1, * from unnest($2::bytea[], $3::bytea[], $4::text[]::numeric[], $5::bigint[])
         on conflict (chain_id, account, token)
         do update set balance = excluded.balance, block_number = excluded.block_number",
        to_i64(chain_id)?,
        &accounts,
        &tokens,
        &amounts,
        &blocks,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps the balances that block `valid_to` is about to replace.
pub async fn keep(db: &mut PgConnection, chain_id: u64, keys: &[Key], valid_to: u64) -> Result<()> {
    let (accounts, tokens) = columns(keys.iter());
    sqlx::query!(
        "insert into balances_past
         select b.*, $4 from balances b join unnest($2::bytea[], $3::bytea[]) k (account, token) using (account, token)
         where b.chain_id = $1",
        to_i64(chain_id)?,
        &accounts,
        &tokens,
        to_i64(valid_to)?
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Brings back the balances that held at block `fork`, or removes what came later.
pub async fn restore(db: &mut PgConnection, chain_id: u64, keys: &[Key], fork: u64) -> Result<()> {
    let (accounts, tokens) = columns(keys.iter());
    let (chain, fork) = (to_i64(chain_id)?, to_i64(fork)?);
    sqlx::query!(
        "delete from balances b using unnest($2::bytea[], $3::bytea[]) k (account, token)
         where b.chain_id = $1 and b.account = k.account and b.token = k.token and b.block_number > $4",
        chain,
        &accounts,
        &tokens,
        fork
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "with gone as (
           delete from balances_past b using unnest($2::bytea[], $3::bytea[]) k (account, token)
           where b.chain_id = $1 and b.account = k.account and b.token = k.token and b.valid_to > $4 returning b.*)
         insert into balances select chain_id, account, token, balance, block_number from gone where block_number <= $4",
        chain,
        &accounts,
        &tokens,
        fork
    )
    .execute(db)
    .await?;
    Ok(())
}

fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    keys.map(|(account, token)| (account.to_vec(), token.to_vec())).unzip()
}

/// A chain's free balances in the order of their keys after `after`. For audits.
pub async fn page(db: &mut PgConnection, chain_id: u64, after: Option<Key>, limit: i64) -> Result<Vec<(Key, Amount)>> {
    let (account, token) = after.unwrap_or_default();
    let rows = sqlx::query!(
        r#"select account, token, balance::text as "balance!" from balances
           where chain_id = $1 and ($2::boolean or (account, token) > ($3::bytea, $4::bytea))
           order by account, token limit $5"#,
        to_i64(chain_id)?,
        after.is_none(),
        account.as_slice(),
        token.as_slice(),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok(((address(&row.account)?, address(&row.token)?), amount(&row.balance)?))).collect()
}

/// An account's free balance of `token`; zero if it never had one.
pub async fn get(db: &mut PgConnection, chain_id: u64, account: Address, token: Address) -> Result<Amount> {
    let row = sqlx::query!(
        r#"select balance::text as "balance!" from balances where chain_id = $1 and account = $2 and token = $3"#,
        to_i64(chain_id)?,
        account.as_slice(),
        token.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    row.map_or(Ok(Amount::ZERO), |row| amount(&row.balance))
}
