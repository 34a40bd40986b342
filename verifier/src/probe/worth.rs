//! What an answer is worth, by the verifier's own node.

use std::time::Duration;

use piecework_domain::rpc::check::{self, Wrong};
use piecework_domain::rpc::{Outcome, Question};
use piecework_domain::spec::RpcSpec;
use serde_json::Value;
use tokio::time::Instant;

use super::own::Own;
use crate::Error;

/// How long this verifier's own node may take to reach a block that an endpoint has already.
const CATCH_UP: Duration = Duration::from_secs(3);
/// The same for a block that it should have any moment.
const PATIENCE: Duration = Duration::from_secs(15);
const CATCH_UP_STEP: Duration = Duration::from_millis(250);
/// Blocks an endpoint may be ahead of this verifier's own node by then.
const AHEAD_MAX: u64 = 2;

/// An outcome, and in words what was wrong. `None` where this node itself can't tell: the chain moved meanwhile, or it fails its own
/// questions.
pub type Worth = Option<(Outcome, Option<String>)>;

const RIGHT: Worth = Some((Outcome::Right, None));

fn wrong(wrong: &Wrong) -> Worth {
    Some((Outcome::Wrong, Some(wrong.to_string())))
}

impl Own {
    /// What `answer` to a question about the block `about` is worth.
    pub async fn worth(
        &self,
        spec: &RpcSpec,
        question: &Question,
        about: &check::Anchor,
        answer: &Value,
    ) -> Result<Worth, Error> {
        if question.is_about_newest() {
            return self.worth_newest(spec, question, about, answer).await;
        }
        let own = match question {
            Question::Call { .. } => Some(self.ask(question).await?),
            _ => None,
        };
        let Err(err) = check::check(question, about, own.as_ref(), answer) else { return Ok(RIGHT) };
        // Whoever is wrong, it must not be this node, and the chain must not have moved.
        let again = &self.read(about.number()).await?.anchor;
        let own = self.ask(question).await?;
        if again.hash != about.hash || check::check(question, again, Some(&own), &own).is_err() {
            return Ok(None);
        }
        Ok(check::check(question, again, Some(&own), answer).map_or(wrong(&err), |()| RIGHT))
    }

    /// The same where `head` was the newest block when the question was put.
    async fn worth_newest(
        &self,
        spec: &RpcSpec,
        question: &Question,
        head: &check::Anchor,
        answer: &Value,
    ) -> Result<Worth, Error> {
        let number = match check::newest(question, answer) {
            Ok(number) => number,
            Err(err) => return Ok(wrong(&err)),
        };
        if number.saturating_add(spec.lag_blocks_max) < head.number() {
            let detail = format!("block {number}, where the head was {}", head.number());
            return Ok(Some((Outcome::Stale, Some(detail))));
        }
        let ahead_max = spec.lag_blocks_max.max(AHEAD_MAX);
        let near = |reached: u64| number <= reached.saturating_add(ahead_max);
        // A block or two that this node will have in a moment: nobody is worse off.
        if matches!(question, Question::Head) && near(head.number()) {
            return Ok(RIGHT);
        }
        // The chain goes on: what is near is known soon, true or not.
        let patience = if near(head.number()) { PATIENCE } else { CATCH_UP };
        let began = Instant::now();
        let mut reached = head.number();
        while reached < number && began.elapsed() < patience {
            tokio::time::sleep(CATCH_UP_STEP).await;
            reached = self.head().await?.anchor.number();
        }
        if reached < number {
            // Only a node that is up to date knows what is not there yet.
            let knows = self.is_up_to_date().await?;
            return Ok(knows.then(|| (Outcome::Wrong, Some(Wrong::Future(number, reached).to_string()))));
        }
        if matches!(question, Question::Head) {
            return Ok(RIGHT);
        }
        match check::check(question, &self.read(number).await?.anchor, None, answer) {
            Ok(()) => Ok(RIGHT),
            // A block that was replaced a moment later was the newest to whoever said so; and this node may still be writing its newest.
            Err(_) if number.saturating_add(ahead_max) >= reached => self.settled(number, answer).await,
            Err(err) => Ok(wrong(&err)),
        }
    }

    /// A newest block that this node doesn't have: wrong unless this node's own changes, too.
    async fn settled(&self, number: u64, answer: &Value) -> Result<Worth, Error> {
        let first = self.read(number).await?.anchor.hash;
        tokio::time::sleep(CATCH_UP).await;
        let settled = &self.read(number).await?.anchor;
        match check::check(&Question::Latest, settled, None, answer) {
            Ok(()) => Ok(RIGHT),
            Err(_) if settled.hash != first => Ok(None),
            Err(err) => Ok(wrong(&err)),
        }
    }
}
