fn main() -> anyhow::Result<()> {
    let tools = piecework_toolchain::ensure_installed()?;
    let pg = piecework_toolchain::postgres::Postgres::start(&tools, &tools.root().join(".piecework/dev-postgres"))?;
    println!("{}", pg.url("postgres"));
    std::thread::sleep(std::time::Duration::from_secs(9000));
    Ok(())
}
