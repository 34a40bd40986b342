//! `piecework demo`.

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn the_demo_pays_for_what_was_proven_and_every_wallet_is_right() {
    let _turn = crate::turn::Turn::take();
    let out = Command::new(env!("CARGO_BIN_EXE_piecework"))
        .args(["demo", "--json"])
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "the demo failed: {said}");
    let summary: Value = serde_json::from_slice(&out.stdout).expect("prints one JSON object");
    assert_eq!(summary["ok"], true);
    assert_eq!(summary["differences"], serde_json::json!([]));
    let bounties = summary["bounties"].as_array().expect("lists bounties");
    assert_eq!(
        bounties.iter().map(|b| b["kind"].as_str()).collect::<Vec<_>>(),
        ["sequencer", "sequencer", "rpc"].map(Some)
    );
    for bounty in bounties {
        let count = |field: &str| bounty[field].as_u64().unwrap_or_else(|| panic!("{field} is a number: {bounty}"));
        assert!(count("unitsPaid") > 0, "{bounty}");
        assert_eq!(count("unitsPaid"), count("unitsProven"), "{bounty}");
        assert!(count("unitsProven") <= count("unitsMade"), "{bounty}");
        assert!(count("gasPerUnit") > 0, "{bounty}");
    }
    assert!(bounties[0]["faults"].as_u64() >= Some(1), "the stall is a fault: {}", bounties[0]);
}
