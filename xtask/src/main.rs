fn main() -> anyhow::Result<()> {
    let tools = piecework_toolchain::ensure_installed()?;
    println!("{:?}", piecework_toolchain::build_contracts(&tools, false)?);
    Ok(())
}
