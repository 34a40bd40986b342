//! Tokens the operator relays. Written by the worker, read by the API.

use piecework_domain::Address;
use piecework_domain::x402::exact::Asset;
use sqlx::PgConnection;

use crate::convert::{address, to_i64};
use crate::{Error, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayedToken {
    pub token: Address,
    /// What a payment must bring to be worth its gas, in base units.
    pub least: u128,
    /// Absent where it has no EIP-3009 authorizations.
    pub asset: Option<Asset>,
    /// Whose transactions relay it.
    pub operator: Address,
}

/// Replaces the list of a chain.
pub async fn replace(db: &mut PgConnection, chain_id: u64, tokens: &[RelayedToken]) -> Result<()> {
    let chain = to_i64(chain_id)?;
    let kept: Vec<_> = tokens.iter().map(|t| t.token.to_vec()).collect();
    sqlx::query!("delete from relayed_tokens where chain_id = $1 and token <> all($2)", chain, &kept)
        .execute(&mut *db)
        .await?;
    for token in tokens {
        sqlx::query!(
            "insert into relayed_tokens (chain_id, token, least, name, version, operator)
             values ($1, $2, $3::text::numeric, $4, $5, $6)
             on conflict (chain_id, token) do update set least = excluded.least, name = excluded.name, version = excluded.version,
                 operator = excluded.operator",
            chain,
            token.token.as_slice(),
            token.least.to_string(),
            token.asset.as_ref().map(|asset| &asset.name),
            token.asset.as_ref().map(|asset| &asset.version),
            token.operator.as_slice(),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

pub async fn list(db: &mut PgConnection, chain_id: u64) -> Result<Vec<RelayedToken>> {
    let rows = sqlx::query!(
        r#"select token, least::text as "least!", name, version, operator from relayed_tokens where chain_id = $1 order by token"#,
        to_i64(chain_id)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let token = address(&row.token)?;
            let asset = row.name.zip(row.version).map(|(name, version)| Asset { chain_id, token, name, version });
            let least = row.least.parse().map_err(|_| Error::Corrupt("least"))?;
            Ok(RelayedToken { token, least, asset, operator: address(&row.operator)? })
        })
        .collect()
}
