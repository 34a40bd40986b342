//! Structured logs on stderr: text on a terminal, JSON with `PIECEWORK_LOG_FORMAT=json`. `RUST_LOG` filters.

use tracing_subscriber::EnvFilter;

pub fn init(quiet: bool) {
    let default = if quiet { "error" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var("PIECEWORK_LOG_FORMAT").is_ok_and(|format| format == "json");
    if json {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
}
