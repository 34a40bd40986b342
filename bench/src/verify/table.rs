//! The figures as a table, and as one JSON object.

use anyhow::Result;
use serde_json::{Map, Number, Value, json};

use super::carry::{Carried, Load};
use super::{answers, claims, money, payouts, voucher};
use crate::{median, percentile, say};

/// What the last line of `bench verify --json` holds; `null` what was not measured.
const KEYS: [&str; 10] = [
    "claims_per_s",
    "raw_recover_per_s",
    "rpc_answers_per_s",
    "engagements",
    "core_share",
    "rss_mb",
    "voucher_p99_ms",
    "payouts_per_s_at_32",
    "payouts_failed_at_32",
    "block_to_money_ms",
];

#[derive(Default)]
pub struct Figures {
    rows: Vec<(String, String)>,
    keyed: Map<String, Value>,
}

impl Figures {
    /// Said at once, too: a whole run takes minutes.
    fn row(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        let (what, figure) = (what.into(), figure.into());
        say(&line(&what, &figure));
        self.rows.push((what, figure));
    }

    fn key(&mut self, key: &str, value: impl Into<Value>) {
        self.keyed.insert(key.to_owned(), value.into());
    }

    pub fn claims(&mut self, rates: &claims::Rates) {
        let claims::Rates { claims, recovered, on_two, decoded, hashed } = *rates;
        self.row("block claims judged, from JSON", format!("{claims}/s on a core"));
        self.row("  recovering their signers alone", format!("{recovered}/s on a core"));
        self.row("  judged as fast as recovered", percent(claims, recovered));
        self.row("  two threads", format!("{on_two}/s"));
        self.row("  reading the JSON alone", format!("{decoded}/s on a core"));
        self.row("  EIP-712 digests alone", format!("{hashed}/s on a core"));
        self.key("claims_per_s", claims);
        self.key("raw_recover_per_s", recovered);
    }

    pub fn answers(&mut self, rates: &answers::Rates) {
        let answers::Rates { checked, hashed, bytes, answers } = *rates;
        self.row(
            format!("answers to probes checked ({answers}, {bytes} bytes on average)"),
            format!("{checked}/s on a core"),
        );
        self.row("  keccak256 of the same bytes alone", format!("{hashed}/s on a core"));
        self.row("  checked as fast as hashed", percent(checked, hashed));
        self.key("rpc_answers_per_s", checked);
    }

    pub fn voucher(&mut self, took_ms: &[u64]) {
        let (p50, p99) = (percentile(took_ms, 50), percentile(took_ms, 99));
        let claims = voucher::CLAIMS;
        self.row(
            format!("2 statements, a report of {claims} claims each → voucher readable (no window)"),
            format!("p50 {p50} ms, p99 {p99} ms of {}", took_ms.len()),
        );
        self.key("voucher_p99_ms", p99);
    }

    pub fn payouts(&mut self, payouts: &payouts::Payouts) {
        let due = payouts::DUE;
        for (how, paid) in [("batched", &payouts.batched), ("each alone", &payouts.alone)] {
            let of = |figure: fn(&super::paid::Paid) -> u64| median(&mut paid.iter().map(figure).collect::<Vec<_>>());
            let (per_s, txs_per_s) = (of(|p| p.payouts_per_s()), of(|p| p.transactions_per_s()));
            let (txs, failed) = (of(|p| p.transactions), paid.iter().map(|p| p.failed).sum::<u64>());
            let or_0 = Option::unwrap_or_default;
            self.row(
                format!("{due} payouts due at once, {how} ({} transactions)", or_0(txs)),
                format!("{} payouts/s, {} transactions/s, {failed} failed", or_0(per_s), or_0(txs_per_s)),
            );
            if how == "batched" {
                self.key("payouts_per_s_at_32", per_s);
            }
        }
        let all = payouts.batched.iter().chain(&payouts.alone);
        self.key("payouts_failed_at_32", all.map(|paid| paid.failed).sum::<u64>());
    }

    pub fn money(&mut self, delays_ms: &[u64]) {
        let (p50, p99) = (percentile(delays_ms, 50), percentile(delays_ms, 99));
        let (epoch, grace, window) = (money::EPOCH_SECONDS, money::GRACE_SECONDS, money::WINDOW_SECONDS);
        self.row(
            format!(
                "block → money on chain: epochs of {epoch} s, {grace} s grace, {window} s window, blocks every second"
            ),
            format!("p50 {p50} ms, p99 {p99} ms of {}", delays_ms.len()),
        );
        self.key("block_to_money_ms", json!({ "p50": p50, "p99": p99 }));
    }

    pub fn carried(&mut self, load: Load, carried: &Carried) {
        let Load { engagements, epochs, block_seconds } = load;
        let (lag_p50, lag_p99) = carried.lag();
        self.row(
            format!(
                "{engagements} engagements of one verifier, {epochs} epochs of a minute begun all over it, a block every \
                 {block_seconds} s, all claimed"
            ),
            format!("{} with every epoch judged in time", carried.engagements),
        );
        self.row(
            "  verdicts",
            format!(
                "{} of {} in time ({} at all), {} units; p50 {lag_p50} s, p99 {lag_p99} s after they were due",
                carried.in_time,
                load.verdicts(),
                carried.judged,
                carried.units
            ),
        );
        self.row("  the verifier's share of one core", hundredths(carried.core_permille));
        self.row("  the API's, with the nodes that sign", hundredths(carried.others_permille));
        self.row("  the verifier's memory at most", format!("{} MB", carried.rss_mb));
        self.key("engagements", carried.engagements);
        let share: Option<Number> = hundredths(carried.core_permille).parse().ok();
        self.key("core_share", share);
        self.key("rss_mb", carried.rss_mb);
    }

    pub fn print(mut self, as_json: bool) -> Result<()> {
        for (what, figure) in &self.rows {
            println!("{}", line(what, figure));
        }
        if as_json {
            let all = KEYS.map(|key| (key.to_owned(), self.keyed.remove(key).unwrap_or_default()));
            println!("{}", Value::Object(all.into_iter().collect()));
        }
        Ok(())
    }
}

fn line(what: &str, figure: &str) -> String {
    format!("{what:<110} {figure}")
}

fn percent(part: u64, whole: u64) -> String {
    format!("{} %", part.saturating_mul(100) / whole.max(1))
}

/// Thousandths as a number with two digits, rounded up: 341 is `0.35`.
fn hundredths(permille: u64) -> String {
    let hundredths = permille.div_ceil(10);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
