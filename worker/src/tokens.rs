//! What the operator relays, said to everybody: payers sign for these tokens by what is written here.

use piecework_contracts::x402::{asset, domain_calls};
use piecework_domain::Address;
use piecework_domain::x402::exact::Asset;
use piecework_store::PgPool;
use piecework_store::relayed_tokens::{self as stored, RelayedToken};

use crate::chain::Chain;
use crate::relay::Relay;
use crate::{Error, begin, commit};

/// Reads each listed token's EIP-712 domain and stores the list.
pub async fn publish(pool: &PgPool, chain: &Chain, relay: &Relay) -> Result<(), Error> {
    let mut tokens = Vec::with_capacity(relay.tokens.len());
    for (token, least) in &relay.tokens {
        let asset = read(chain, *token).await?;
        let payable = asset.is_some();
        tracing::info!(%token, least, payable, "relaying a token; payable: by EIP-3009 authorizations, too");
        tokens.push(RelayedToken { token: *token, least: *least, asset, operator: chain.operator() });
    }
    let mut db_tx = begin(pool).await?;
    stored::replace(&mut db_tx, chain.id, &tokens).await?;
    commit(db_tx).await
}

async fn read(chain: &Chain, token: Address) -> Result<Option<Asset>, Error> {
    let mut answers = [None, None, None, None];
    for (answer, call) in answers.iter_mut().zip(domain_calls()) {
        *answer = chain.call(token, call).await?;
    }
    Ok(asset(chain.id, token, answers))
}
