//! Webhooks as their owners see them: written by the API. What is sent and what became of it is in [`due`].

pub mod due;

use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::convert::{address, hash, to_i64, to_u64};
use crate::feed::{About, Filter};
use crate::{Error, Result};

/// Webhooks of one account.
pub const OF_ACCOUNT_MAX: i64 = 20;
/// How long the secret before the last change signs, too.
const OLD_SECRET_HOURS: i32 = 24;

/// 128 random bits.
pub type WebhookId = [u8; 16];

#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: WebhookId,
    pub account: Address,
    pub url: String,
    pub filter: Filter,
    /// Read up to here.
    pub seq: u64,
    pub created_at: OffsetDateTime,
    /// Why nothing is sent any more.
    pub disabled: Option<String>,
    /// Failures since the last success.
    pub failures: u32,
    pub failing_since: Option<OffsetDateTime>,
    pub last_error: Option<String>,
    pub delivered_at: Option<OffsetDateTime>,
}

struct Row {
    id: Vec<u8>,
    account: Vec<u8>,
    url: String,
    bounty_id: Option<Vec<u8>>,
    engagement_id: Option<Vec<u8>>,
    about_account: Option<Vec<u8>>,
    names: Option<Vec<String>>,
    seq: i64,
    created_at: OffsetDateTime,
    disabled: Option<String>,
    failures: i32,
    failing_since: Option<OffsetDateTime>,
    last_error: Option<String>,
    delivered_at: Option<OffsetDateTime>,
}

/// A new one, if its account has room and none that does the same. In a db_tx.
pub async fn put(db: &mut PgConnection, webhook: &Webhook, secret: B256) -> Result<()> {
    // One after the other, or they would not see each other.
    let account = webhook.account.as_slice();
    sqlx::query!("select pg_advisory_xact_lock(7007, hashtext(encode($1, 'hex')))", account)
        .fetch_one(&mut *db)
        .await?;
    let row = sqlx::query!(r#"select count(*) as "n!" from webhooks where account = $1"#, account)
        .fetch_one(&mut *db)
        .await?;
    if row.n >= OF_ACCOUNT_MAX {
        return Err(Error::Conflict("too_many_webhooks"));
    }
    let (bounty, engagement, about) = columns(&webhook.filter);
    let same = sqlx::query!(
        r#"select exists (select from webhooks where account = $1 and url = $2 and bounty_id is not distinct from $3
               and engagement_id is not distinct from $4 and about_account is not distinct from $5
               and names is not distinct from $6) as "same!""#,
        account,
        webhook.url,
        bounty.as_ref().map(|id| id.as_slice()),
        engagement.as_ref().map(|id| id.as_slice()),
        about.as_ref().map(|account| account.as_slice()),
        webhook.filter.names.as_deref()
    )
    .fetch_one(&mut *db)
    .await?;
    if same.same {
        return Err(Error::Conflict("webhook_exists"));
    }
    sqlx::query!(
        "insert into webhooks (id, account, url, secret, bounty_id, engagement_id, about_account, names, seq, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        webhook.id.as_slice(),
        account,
        webhook.url,
        secret.as_slice(),
        bounty.as_ref().map(|id| id.as_slice()),
        engagement.as_ref().map(|id| id.as_slice()),
        about.as_ref().map(|account| account.as_slice()),
        webhook.filter.names.as_deref(),
        to_i64(webhook.seq)?,
        webhook.created_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An account's, the oldest first.
pub async fn of_account(db: &mut PgConnection, account: Address) -> Result<Vec<Webhook>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, account, url, bounty_id, engagement_id, about_account, names, seq, created_at, disabled, failures, failing_since,
                last_error, delivered_at
         from webhooks where account = $1 order by created_at, id limit $2",
        account.as_slice(),
        OF_ACCOUNT_MAX
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

pub async fn get(db: &mut PgConnection, account: Address, id: WebhookId) -> Result<Option<Webhook>> {
    let row = sqlx::query_as!(
        Row,
        "select id, account, url, bounty_id, engagement_id, about_account, names, seq, created_at, disabled, failures, failing_since,
                last_error, delivered_at
         from webhooks where account = $1 and id = $2",
        account.as_slice(),
        id.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// False if the account has no such webhook; so in all of these.
pub async fn delete(db: &mut PgConnection, account: Address, id: WebhookId) -> Result<bool> {
    let done = sqlx::query!("delete from webhooks where account = $1 and id = $2", account.as_slice(), id.as_slice())
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Sends again at once, whatever failed before; from the item after `after` if that is given, or where it stopped.
pub async fn resume(db: &mut PgConnection, account: Address, id: WebhookId, after: Option<u64>) -> Result<bool> {
    let done = sqlx::query!(
        "update webhooks set disabled = null, failures = 0, failing_since = null, last_error = null, slow = false,
                             next_at = now(), seq = coalesce($3, seq)
         where account = $1 and id = $2",
        account.as_slice(),
        id.as_slice(),
        after.map(to_i64).transpose()?
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A new secret. The one before signs beside it for a day.
pub async fn rotate(db: &mut PgConnection, account: Address, id: WebhookId, secret: B256) -> Result<bool> {
    let done = sqlx::query!(
        "update webhooks set old_secret = secret, old_until = now() + make_interval(hours => $4), secret = $3
         where account = $1 and id = $2",
        account.as_slice(),
        id.as_slice(),
        secret.as_slice(),
        OLD_SECRET_HOURS
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn columns(filter: &Filter) -> (Option<B256>, Option<B256>, Option<Address>) {
    match filter.about {
        None => (None, None, None),
        Some(About::Bounty(id)) => (Some(id.0), None, None),
        Some(About::Engagement(id)) => (None, Some(id.0), None),
        Some(About::Account(account)) => (None, None, Some(account)),
    }
}

fn filter(
    bounty: Option<&[u8]>,
    engagement: Option<&[u8]>,
    account: Option<&[u8]>,
    names: Option<Vec<String>>,
) -> Result<Filter> {
    let about = match (bounty, engagement, account) {
        (Some(id), ..) => Some(About::Bounty(BountyId(hash(id)?))),
        (_, Some(id), _) => Some(About::Engagement(EngagementId(hash(id)?))),
        (.., Some(account)) => Some(About::Account(address(account)?)),
        _ => None,
    };
    Ok(Filter { about, names })
}

fn id(bytes: &[u8]) -> Result<WebhookId> {
    bytes.try_into().map_err(|_| Error::Corrupt("webhook id"))
}

impl Row {
    fn read(self) -> Result<Webhook> {
        let (bounty, engagement, about) = (&self.bounty_id, &self.engagement_id, &self.about_account);
        Ok(Webhook {
            id: id(&self.id)?,
            account: address(&self.account)?,
            url: self.url,
            filter: filter(bounty.as_deref(), engagement.as_deref(), about.as_deref(), self.names)?,
            seq: to_u64(self.seq)?,
            created_at: self.created_at,
            disabled: self.disabled,
            failures: u32::try_from(self.failures).map_err(|_| Error::Corrupt("failures"))?,
            failing_since: self.failing_since,
            last_error: self.last_error,
            delivered_at: self.delivered_at,
        })
    }
}
