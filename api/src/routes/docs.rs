//! Pages for people and for agents, from `docs/api`.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use pulldown_cmark::{Options, Parser, html};

use crate::state::AppState;

const INDEX: &str = include_str!("../../../docs/api/index.md");
const ERRORS: &str = include_str!("../../../docs/api/errors.md");
const SKILL: &str = include_str!("../../../docs/api/skill.md");
const LLMS: &str = include_str!("../../../docs/api/llms.txt");

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/docs", get(|| async { page(INDEX) }))
        .route("/docs/errors", get(|| async { page(ERRORS) }))
        .route("/skill.md", get(|| async { text("text/markdown; charset=utf-8", SKILL) }))
        .route("/llms.txt", get(|| async { text("text/plain; charset=utf-8", LLMS) }))
}

fn text(kind: &'static str, body: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], body)
}

/// Nothing but what is here: no scripts, fonts or calls elsewhere.
fn page(markdown: &str) -> Html<String> {
    let mut body = String::new();
    html::push_html(&mut body, Parser::new_ext(markdown, Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_TABLES));
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Piecework API</title><style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;\
         margin:2rem auto;padding:0 1rem}}h3{{margin:1.2rem 0 0}}h3+p{{margin:.2rem 0}}:target{{background:#fd03}}</style>\
         <main>{body}</main></html>"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use piecework_domain::x402::Reason;

    use super::ERRORS;

    /// Codes that sources under `dir` give to errors.
    fn codes(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).expect("is a folder") {
            let path = entry.expect("is listed").path();
            if path.is_dir() {
                codes(&path, found);
                continue;
            }
            if path.ends_with("routes/docs.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("is text");
            for mark in [
                "Error::rule(",
                "Self::rule(",
                "Self::conflict(",
                "Error::conflict(",
                "Error::not_found(",
                "Error::malformed(",
                "Error::unauthorized(",
                "Error::too_many(",
                "Error::Conflict(",
            ] {
                found.extend(source.split(mark).skip(1).filter_map(quoted));
            }
            found.extend(source.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)));
            found.extend(source.split(".on_constraint(").skip(1).filter_map(|rest| quoted(rest.split_once(',')?.1)));
        }
    }

    /// The literal that comes first, if nothing but white space is before it.
    fn quoted(rest: &str) -> Option<String> {
        rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
    }

    #[test]
    fn every_code_is_explained_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut given: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.code().to_owned()).collect();
        codes(&root.join("src"), &mut given);
        codes(&root.join("../store/src"), &mut given);
        given.extend(
            ["internal", "unavailable", "endpoint_unavailable", "no_such_route", "timed_out"].map(str::to_owned),
        );
        given.extend(["method_not_allowed", "payment_required", "rate_limited", "unknown_address"].map(str::to_owned));
        let explained: Vec<_> = ERRORS.lines().filter_map(|line| line.strip_prefix("### `")?.split_once('`')).collect();
        for (code, anchor) in &explained {
            assert_eq!(anchor.trim(), format!("{{#{code}}}"), "the anchor of {code}");
        }
        let names: BTreeSet<String> = explained.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(names.len(), explained.len(), "explained twice");
        assert_eq!(given.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new(), "not explained");
        assert_eq!(names.difference(&given).collect::<Vec<_>>(), Vec::<&String>::new(), "explained, and never given");
    }
}
