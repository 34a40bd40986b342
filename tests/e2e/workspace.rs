//! Boundaries between crates, checked against what cargo says (DESIGN §5).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom. What is not listed is not allowed.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("piecework-domain", &[]),
    ("piecework-contracts", &["piecework-domain"]),
    ("piecework-store", &["piecework-domain"]),
    ("piecework-client", &["piecework-domain"]),
    ("piecework-indexer", &["piecework-domain", "piecework-contracts", "piecework-store"]),
    ("piecework-api", &["piecework-domain", "piecework-contracts", "piecework-store"]),
    ("piecework-worker", &["piecework-domain", "piecework-contracts", "piecework-store", "piecework-outbound"]),
    ("piecework-outbound", &["piecework-domain"]),
    ("piecework-verifier", &["piecework-domain", "piecework-contracts", "piecework-client", "piecework-outbound"]),
    ("piecework-runner", &["piecework-domain", "piecework-contracts", "piecework-client"]),
    ("piecework-toolchain", &[]),
    (
        "piecework-bench",
        &[
            "piecework-domain",
            "piecework-contracts",
            "piecework-store",
            "piecework-indexer",
            "piecework-api",
            "piecework-client",
            "piecework-worker",
            "piecework-toolchain",
        ],
    ),
    ("xtask", &["piecework-toolchain"]),
];

/// Crates that would let I/O, a clock or a database into where they don't belong.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    ("piecework-domain", &["tokio", "reqwest", "sqlx", "alloy", "rand", "time"]),
    ("piecework-store", &["axum", "reqwest", "alloy"]),
    ("piecework-api", &["alloy-signer-local", "reqwest"]),
    ("piecework-verifier", &["sqlx"]),
];

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let out = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).expect("cargo prints JSON");
    let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("lists packages") {
        let name = package["name"].as_str().expect("has a name").to_owned();
        let normal = package["dependencies"].as_array().expect("lists dependencies").iter();
        let normal = normal.filter(|d| d["kind"].is_null()).filter_map(|d| d["name"].as_str().map(str::to_owned));
        dependencies.insert(name, normal.collect());
    }

    for (name, found) in &dependencies {
        if name == "piecework" {
            continue; // The binary puts everything together.
        }
        let allowed = ALLOWED.iter().find(|(crate_name, _)| crate_name == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is new: say here what it may depend on"));
        let ours = found.iter().filter(|d| dependencies.contains_key(*d));
        for dependency in ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    for (name, forbidden) in FORBIDDEN {
        for dependency in forbidden {
            assert!(!dependencies[name].contains(*dependency), "{name} must not depend on {dependency}");
        }
    }
}
