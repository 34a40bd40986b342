//! The API as outsiders call it. Knows the routes that programs of this repository use, and turns problems into typed errors.

mod types;

use std::time::Duration;

use piecework_domain::Address;
use piecework_domain::ids::{BountyId, EngagementId, EvidenceHash};
use piecework_domain::messages::SignedEndpoint;
use piecework_domain::sequencer::SignedClaim;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use types::{
    Assignment, Bounty, Claims, Engagement, Epoch, EpochFinding, Finding, Page, Problem, Receipt, StatementBody,
};

/// Claims the API returns at once.
const CLAIMS_PAGE: usize = 5_000;
const TIMEOUT: Duration = Duration::from_secs(20);
/// Assignments the API returns at once, at most.
const ASSIGNMENTS_PAGE: usize = 500;
/// Bytes of one answer: no honest one comes near.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API understood and refused.
    #[error("{} {}: {}", .0.status, .0.code, .0.detail)]
    Refused(Problem),
    /// More than an honest API says at once.
    #[error("{url} answers with more than {BODY_BYTES_MAX} bytes")]
    TooLarge { url: String },
    /// An answer that could not be read. The same request may succeed later.
    #[error("{url} answers with something else than expected")]
    Unexpected {
        url: String,
        #[source]
        err: serde_json::Error,
    },
    /// No answer, or not all of it. The same request may succeed later.
    #[error("calling {url}")]
    Unreachable {
        url: String,
        #[source]
        err: reqwest::Error,
    },
}

impl Error {
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.retryable || problem.status >= 500,
            Self::Unreachable { .. } | Self::Unexpected { .. } => true,
            Self::TooLarge { .. } => false,
        }
    }

    /// The problem's code, if the API gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// A client of the API at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().unwrap_or_default();
        Self { http, base: base.trim_end_matches('/').to_owned() }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.read(self.http.get(self.url(path)), path).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        self.read(self.http.post(self.url(path)).json(body), path).await
    }

    /// What `verifier` has to judge, the first `max` that match `filter`: a query such as `token=0x…&chains=1,10`.
    pub async fn assignments(&self, verifier: Address, filter: &str, max: usize) -> Result<Vec<Assignment>, Error> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/verifiers/{verifier}/assignments?limit={ASSIGNMENTS_PAGE}&{filter}{cursor}");
            let page: Page<Assignment> = self.get(&path).await?;
            all.extend(page.items);
            match page.next_cursor {
                Some(next) if all.len() < max => cursor = format!("&cursor={next}"),
                _ => {
                    all.truncate(max);
                    return Ok(all);
                }
            }
        }
    }

    /// Claims of the block numbers `from..=to`, page by page; the first `max` of them.
    pub async fn claims(&self, id: EngagementId, from: u64, to: u64, max: usize) -> Result<Vec<SignedClaim>, Error> {
        let mut all: Vec<SignedClaim> = Vec::new();
        let mut next = from;
        loop {
            let page: Claims = self.get(&format!("/v1/engagements/{id}/claims?from={next}&to={to}")).await?;
            let full = page.claims.len() >= CLAIMS_PAGE;
            let Some(last) = page.claims.last().map(|claim| claim.number) else { return Ok(all) };
            // The last number's revisions may go on on the next page: read that number again.
            all.extend(page.claims.into_iter().filter(|claim| !full || claim.number < last));
            if !full || last == next || all.len() >= max {
                all.truncate(max);
                return Ok(all);
            }
            next = last;
        }
    }

    /// Sends claims of one's own node. `conflicting_claim`: it has claimed another hash before, and these are not published.
    pub async fn send_claims(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<Receipt, Error> {
        let body = serde_json::json!({ "claims": claims, "ifUnclaimed": true });
        self.post(&format!("/v1/engagements/{id}/evidence"), &body).await
    }

    /// Tells where a node serves; a later `since` replaces an earlier one.
    pub async fn announce(&self, id: EngagementId, endpoint: &SignedEndpoint) -> Result<serde_json::Value, Error> {
        self.post(&format!("/v1/engagements/{id}/endpoint"), endpoint).await
    }

    pub async fn send_statement(&self, body: &StatementBody) -> Result<serde_json::Value, Error> {
        self.post("/v1/statements", body).await
    }

    /// The bytes of an evidence file, as they came: its name is their hash, which is for the caller to check.
    pub async fn evidence(&self, hash: EvidenceHash) -> Result<Vec<u8>, Error> {
        let path = format!("/v1/evidence/{hash}");
        self.bytes(self.http.get(self.url(&path)), &path).await
    }

    /// What verifiers found in one epoch.
    pub async fn findings(&self, id: EngagementId, epoch: u64) -> Result<Vec<EpochFinding>, Error> {
        let page: Page<Epoch> = self.get(&format!("/v1/engagements/{id}/epochs?from={epoch}&limit=1")).await?;
        Ok(page.items.into_iter().filter(|found| found.epoch == epoch).flat_map(|found| found.findings).collect())
    }

    pub async fn engagement(&self, id: EngagementId) -> Result<Engagement, Error> {
        self.get(&format!("/v1/engagements/{id}")).await
    }

    pub async fn bounty(&self, id: BountyId) -> Result<Bounty, Error> {
        self.get(&format!("/v1/bounties/{id}")).await
    }

    /// A runner's newest engagements that can still be paid.
    pub async fn open_of_runner(&self, runner: Address) -> Result<Vec<Engagement>, Error> {
        let page: Page<Engagement> = self.get(&format!("/v1/engagements?runner={runner}&limit=100")).await?;
        Ok(page.items.into_iter().filter(|e| e.status != "closed").collect())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn read<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder, path: &str) -> Result<T, Error> {
        let body = self.bytes(request, path).await?;
        serde_json::from_slice(&body).map_err(|err| Error::Unexpected { url: self.url(path), err })
    }

    /// The whole answer, if it is no problem.
    async fn bytes(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Vec<u8>, Error> {
        let unreachable = |err| Error::Unreachable { url: self.url(path), err };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX {
                return Err(Error::TooLarge { url: self.url(path) });
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        let body = String::from_utf8_lossy(&body);
        Err(Error::Refused(serde_json::from_str(&body).unwrap_or_else(|_| Problem {
            status: status.as_u16(),
            code: "unreadable_problem".to_owned(),
            detail: body.chars().take(300).collect(),
            retryable: status.is_server_error(),
        })))
    }
}
