//! Free balances. Written by the indexer.

use piecework_domain::Address;
use piecework_domain::money::Amount;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{amount, to_i64};

/// Writes a balance, or removes it when no event is left that says one.
pub async fn put(
    db: &mut PgConnection,
    chain_id: u64,
    (account, token): (Address, Address),
    balance: Option<Amount>,
    block_number: u64,
) -> Result<()> {
    match balance {
        Some(balance) => {
            sqlx::query!(
                "insert into balances (chain_id, account, token, balance, block_number)
                 values ($1, $2, $3, $4::text::numeric, $5)
                 on conflict (chain_id, account, token)
                 do update set balance = excluded.balance, block_number = excluded.block_number",
                to_i64(chain_id)?,
                account.as_slice(),
                token.as_slice(),
                balance.to_string(),
                to_i64(block_number)?,
            )
            .execute(db)
            .await?;
        }
        None => {
            sqlx::query!(
                "delete from balances where chain_id = $1 and account = $2 and token = $3",
                to_i64(chain_id)?,
                account.as_slice(),
                token.as_slice(),
            )
            .execute(db)
            .await?;
        }
    }
    Ok(())
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
