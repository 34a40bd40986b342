//! The endpoints of one chain: who is asked next, and who is left alone for a while.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::providers::DynProvider;
use futures::future::join_all;
use piecework_domain::Address;

use crate::source::Source;
use crate::{Error, Headers};

/// How long an endpoint is left alone after its first failure in a row; doubled with each further one.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How long one is left alone that said what can't be true.
const DISTRUST: Duration = Duration::from_secs(5);
/// Blocks an endpoint may be behind the others.
const LAG_MAX: u64 = 8;
/// How often endpoints are compared.
pub const COMPARE_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    away_until: Option<Instant>,
    lags: bool,
}

/// Endpoints in the order in which they are preferred.
#[derive(Debug)]
pub struct Endpoints {
    chain_id: u64,
    sources: Vec<Source>,
    health: Mutex<Vec<Health>>,
}

impl Endpoints {
    pub fn new(chain_id: u64, escrow: Address, headers: Headers, providers: Vec<DynProvider>) -> Self {
        let source = |(index, provider)| Source::new(provider, escrow, headers, index);
        let sources: Vec<_> = providers.into_iter().enumerate().map(source).collect();
        let health = Mutex::new(vec![Health::default(); sources.len()]);
        Self { chain_id, sources, health }
    }

    /// The first endpoint that is well. With several, one is given another chance only when its pause is over.
    pub fn pick(&self) -> Result<&Source, Error> {
        self.usable().next().ok_or(Error::NoEndpoint { chain_id: self.chain_id })
    }

    /// One of those that are well, by turns.
    pub fn by_turns(&self, turn: usize) -> Result<&Source, Error> {
        let usable: Vec<_> = self.usable().collect();
        let at = turn.checked_rem(usable.len()).ok_or(Error::NoEndpoint { chain_id: self.chain_id })?;
        Ok(usable[at])
    }

    /// Those that are well, other than `source`.
    pub fn others(&self, source: &Source) -> Vec<&Source> {
        self.usable().filter(|other| other.index != source.index).collect()
    }

    /// Another endpoint to ask the same of. None where there is only one, or, unless `always`, while no other is well.
    pub fn witness(&self, source: &Source, always: bool) -> Result<Option<&Source>, Error> {
        match self.others(source).first() {
            Some(other) => Ok(Some(other)),
            None if always && self.sources.len() > 1 => Err(Error::NoEndpoint { chain_id: self.chain_id }),
            None => Ok(None),
        }
    }

    fn usable(&self) -> impl Iterator<Item = &Source> {
        let now = Instant::now();
        let health = self.health();
        // A lagging endpoint is better than none.
        let all_lag = health.iter().all(|h| h.lags || h.away_until.is_some_and(|until| now < until));
        self.sources.iter().filter(move |source| {
            let health = &health[source.index];
            health.away_until.is_none_or(|until| until <= now) && (all_lag || !health.lags)
        })
    }

    fn health(&self) -> Vec<Health> {
        self.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut Health)) {
        let mut health = self.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(health) = health.get_mut(index) {
            change(health);
        }
    }

    pub fn well(&self, source: &Source) {
        self.update(source.index, |health| (health.failures, health.away_until) = (0, None));
    }

    /// Leaves alone whom `err` blames, the longer the more often it failed in a row.
    pub fn blame(&self, err: &Error) {
        let Some(index) = err.endpoint() else { return };
        let contradiction = matches!(err, Error::Contradiction { .. });
        metrics::counter!("piecework_rpc_failures_total", "chain" => self.chain_id.to_string(),
                          "endpoint" => index.to_string(), "kind" => if contradiction { "contradiction" } else { "error" })
        .increment(1);
        let alone = self.sources.len() == 1;
        self.update(index, |health| {
            health.failures = health.failures.saturating_add(1);
            let pause = match contradiction && !alone {
                true => DISTRUST,
                false => (PAUSE * 2_u32.saturating_pow(health.failures.min(10) - 1)).min(PAUSE_MAX),
            };
            health.away_until = Some(Instant::now() + pause);
        });
    }

    /// When somebody can be asked again.
    pub fn next_chance(&self) -> Duration {
        let now = Instant::now();
        let until = self.health().iter().filter_map(|health| health.away_until).min();
        until.map_or(PAUSE, |until| until.saturating_duration_since(now)).max(Duration::from_millis(10))
    }

    /// Refuses a chain of another id, at any endpoint that answers. One answer is needed.
    pub async fn check_chain(&self) -> Result<(), Error> {
        let answers = join_all(self.sources.iter().map(Source::chain_id)).await;
        let mut failed = None;
        let mut answered = false;
        for answer in answers {
            match answer {
                Ok(actual) if actual != self.chain_id => {
                    return Err(Error::WrongChain { expected: self.chain_id, actual });
                }
                Ok(_) => answered = true,
                Err(err) => failed = Some(err),
            }
        }
        match failed {
            Some(err) if !answered => Err(err),
            _ => Ok(()),
        }
    }

    /// Marks those that are far behind the middle of all heads. With one endpoint there is nothing to compare.
    pub async fn compare(&self) {
        if self.sources.len() < 2 {
            return;
        }
        let asked = self.sources.iter().map(|source| source.head(BlockNumberOrTag::Latest));
        let heads: Vec<_> = join_all(asked).await.into_iter().map(|head| head.ok().flatten()).collect();
        let mut numbers: Vec<u64> = heads.iter().flatten().map(crate::source::Head::number).collect();
        numbers.sort_unstable();
        // Of two the higher one: one liar can't make two honest endpoints look late, and one late endpoint is noticed.
        let Some(middle) = numbers.get(numbers.len() / 2) else { return };
        for (index, head) in heads.iter().enumerate() {
            let Some(head) = head else { continue };
            let lags = head.number().saturating_add(LAG_MAX) < *middle;
            self.update(index, |health| health.lags = lags);
        }
    }
}

impl Endpoints {
    /// Refuses a final block that most of the endpoints that have it know by another hash; and with as many on either side, too.
    pub async fn agree(&self, source: &Source, finalized: piecework_store::chains::Mark) -> Result<(), Error> {
        let others = self.sources.iter().filter(|other| other.index != source.index);
        let asked = others.map(|other| other.head(BlockNumberOrTag::Number(finalized.number)));
        let heads: Vec<_> = join_all(asked).await.into_iter().filter_map(|head| head.ok().flatten()).collect();
        let against = heads.iter().filter(|head| head.hash != finalized.hash).count();
        if against == 0 || against < heads.len() - against + 1 {
            return Ok(());
        }
        Err(source.contradicts(format!("{against} other endpoints have another final block {}", finalized.number)))
    }
}
