//! `cargo xtask bench`: figures that come from one run and are compared with something in it.

use anyhow::{Context, Result};
use piecework_toolchain::ensure_installed;
use serde_json::{Map, Value, json};

use crate::contracts;
use crate::run::cargo;

/// What the last line of `bench gas --json` holds, in this order.
const GAS: [&str; 8] = [
    "redeem_single",
    "redeem_batch_25_each",
    "redeem_1_unit",
    "redeem_1000000_units",
    "post",
    "award",
    "native_transfer",
    "erc20_transfer",
];

/// `what` of the benchmarks' own crate, in a release build: they need what the other tasks don't.
pub fn of_crate(what: &str, arguments: &[String]) -> Result<()> {
    let tools = ensure_installed()?;
    let mut all = vec!["run", "--release", "--quiet", "--package", "piecework-bench", "--", what];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&tools, &all, &[("SQLX_OFFLINE", "true")])
}

/// Gas of whole transactions, calldata included, as `contracts/test/gas` measures it now.
pub fn gas(as_json: bool) -> Result<()> {
    let tools = ensure_installed()?;
    contracts::measure_gas(&tools)?;
    let path = tools.root().join("contracts/snapshots/gas.json");
    let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let measured: Map<String, Value> = serde_json::from_slice(&text)?;
    let of = |name: &str| -> Result<u64> {
        let value = measured.get(name).and_then(Value::as_str).with_context(|| format!("{name} was not measured"))?;
        value.parse().with_context(|| format!("{name} is not a number"))
    };
    if as_json {
        let figures =
            GAS.iter().map(|name| Ok(((*name).to_owned(), json!(of(name)?)))).collect::<Result<Map<_, _>>>()?;
        println!("{}", Value::Object(figures));
        return Ok(());
    }
    let transfer = of("erc20_transfer")?;
    for name in measured.keys() {
        let gas = of(name)?;
        println!("{name:<40} {gas:>9}  {:>4} % of an ERC-20 transfer", gas * 100 / transfer);
    }
    Ok(())
}
