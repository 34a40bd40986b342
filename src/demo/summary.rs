//! What the story came to.

use std::collections::{BTreeMap, BTreeSet};

use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result};
use comfy_table::Table;
use piecework_client::{Client, Page};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::{Address, B256};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cast::Parts;

/// One bounty's figures.
pub struct BountySummary {
    id: BountyId,
    kind: &'static str,
    token: Address,
    rate: Amount,
    /// Units any verifier saw in the engagement's epochs.
    units_made: u64,
    units_proven: u64,
    /// Units that too few verifiers are left to count, by reason.
    units_refused: BTreeMap<String, u64>,
    units_paid: u64,
    paid: Amount,
    faults: u64,
    gas_per_unit: u64,
}

pub struct Told {
    pub bounties: Vec<BountySummary>,
    pub differences: Vec<String>,
}

#[derive(Deserialize)]
struct Epoch {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    units: u64,
    counted: u64,
    refused: Vec<Refused>,
}

impl Finding {
    /// Units that counted or have a reason.
    fn seen(&self) -> u64 {
        let refused: BTreeSet<u64> = self.refused.iter().map(|refused| refused.number).collect();
        self.counted + u64::try_from(refused.len()).unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct Refused {
    number: u64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payout {
    tx_hash: B256,
}

impl BountySummary {
    pub async fn collect(
        parts: &Parts,
        api: &Client,
        chain: &DynProvider,
        operator: Address,
        id: BountyId,
        engagement: EngagementId,
        kind: &'static str,
    ) -> Result<Self> {
        let e = api.engagement(engagement).await?;
        let threshold = usize::from(e.verifiers.threshold);
        let mut units_refused: BTreeMap<String, u64> = BTreeMap::new();
        let (mut units_made, mut units_proven) = (0, 0);
        let epochs: Page<Epoch> = api.get(&format!("/v1/engagements/{engagement}/epochs?limit=100")).await?;
        for epoch in epochs.items {
            let mut refusals: BTreeMap<u64, (usize, BTreeSet<String>)> = BTreeMap::new();
            let mut units: Vec<u64> = epoch.findings.iter().map(|f| f.units).collect();
            units.sort_unstable_by(|a, b| b.cmp(a));
            units_proven = units.get(threshold - 1).copied().unwrap_or(units_proven).max(units_proven);
            let seen = epoch.findings.iter().map(Finding::seen).max();
            units_made += seen.unwrap_or(0);
            for finding in epoch.findings {
                let numbers: BTreeSet<u64> = finding.refused.iter().map(|refused| refused.number).collect();
                for number in numbers {
                    refusals.entry(number).or_default().0 += 1;
                }
                for Refused { number, reason } in finding.refused {
                    refusals.entry(number).or_default().1.insert(reason);
                }
            }
            // A unit is lost when too few verifiers are left to count it.
            let members = e.verifiers.members.len();
            for (_, (count, reasons)) in refusals.into_iter().filter(|(_, (count, _))| members - count < threshold) {
                let reason = if count > 0 { reasons.into_iter().next() } else { None };
                *units_refused.entry(reason.unwrap_or_default()).or_default() += 1;
            }
        }
        let payouts: Page<Payout> = api.get(&format!("/v1/engagements/{engagement}/payouts?limit=100")).await?;
        let mut gas = 0;
        for payout in &payouts.items {
            let receipt = chain.get_transaction_receipt(payout.tx_hash).await?.context("a payout has a receipt")?;
            if receipt.from == operator && receipt.to == Some(parts.escrow) {
                gas += receipt.gas_used;
            }
        }
        Ok(Self {
            id,
            kind,
            token: e.terms.token,
            rate: e.bid.rate.into(),
            units_made,
            units_proven,
            units_refused,
            units_paid: e.units_paid,
            paid: e.paid,
            faults: e.faults,
            gas_per_unit: gas.checked_div(e.units_paid).unwrap_or(0),
        })
    }
}

impl Told {
    pub fn json(&self) -> Value {
        let bounties: Vec<_> = self
            .bounties
            .iter()
            .map(|b| {
                json!({
                    "id": b.id, "kind": b.kind, "token": b.token, "rate": b.rate, "unitsMade": b.units_made,
                    "unitsProven": b.units_proven, "unitsRefused": b.units_refused, "unitsPaid": b.units_paid,
                    "paid": b.paid, "faults": b.faults, "gasPerUnit": b.gas_per_unit,
                })
            })
            .collect();
        json!({ "ok": self.differences.is_empty(), "differences": self.differences, "bounties": bounties })
    }

    pub fn print(&self) {
        let mut table = Table::new();
        table.set_header(["bounty", "rate", "made", "proven", "refused", "paid units", "paid", "faults", "gas/unit"]);
        for b in &self.bounties {
            let (decimals, unit) = if b.token == NATIVE { (18, "ETH") } else { (6, "TestUSD") };
            let refused: Vec<_> = b.units_refused.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
            table.add_row([
                format!("{:.10}…", b.id.to_string()),
                format!("{} {unit}", b.rate.in_tokens(decimals)),
                b.units_made.to_string(),
                b.units_proven.to_string(),
                if refused.is_empty() { "0".to_owned() } else { refused.join(", ") },
                b.units_paid.to_string(),
                format!("{} {unit}", b.paid.in_tokens(decimals)),
                b.faults.to_string(),
                b.gas_per_unit.to_string(),
            ]);
        }
        println!("\n{table}\n");
        for difference in &self.differences {
            println!("DIFFERENCE: {difference}");
        }
        if self.differences.is_empty() {
            println!("Every wallet changed by exactly what the contracts' events say.");
        }
    }
}
