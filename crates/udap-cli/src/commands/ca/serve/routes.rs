//! Four files, by GET and HEAD, and nothing else.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use udap_ca::{Settings, published_files};
use url::Url;

use super::files::{Files, Served};
use crate::environment;

/// A list is asked for again after this: a revocation is to be known soon, whenever the list lapses.
const LIST_SECONDS: i64 = 600;
/// A CA's certificate stays the same.
const CERTIFICATE_SECONDS: i64 = 86_400;

/// The files at the addresses that stand in certificates, and at the top.
pub(super) fn routes(folder: &Path, settings: &Settings) -> Router {
    let files = Arc::new(Files::new(folder));
    let mut routes = Router::new();
    for name in published_files() {
        let base = match name.ends_with(".crl") {
            true => &settings.crl_base_url,
            false => &settings.certificate_base_url,
        };
        let mut paths = vec![format!("/{name}")];
        let below = base.as_deref().and_then(|base| Url::parse(base).ok());
        if let Some(below) = below {
            paths.push(format!("{}/{name}", below.path().trim_end_matches('/')));
        }
        paths.dedup();
        for path in paths {
            let name = name.clone();
            let answer = move |State(files): State<Arc<Files>>, headers: HeaderMap| async move {
                answer(files, name, headers).await
            };
            routes = routes.route(&path, get(answer));
        }
    }
    routes.with_state(files)
}

async fn answer(files: Arc<Files>, name: String, headers: HeaderMap) -> Response {
    let read = tokio::task::spawn_blocking(move || files.get(&name)).await;
    let served = match read.map_err(std::io::Error::from).and_then(|read| read) {
        Ok(served) => served,
        Err(error) => {
            tracing::error!(%error, "a file could not be served");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let head = [
        (CONTENT_TYPE, served.media_type.to_owned()),
        (ETAG, served.etag.clone()),
        (CACHE_CONTROL, cache_control(&served, environment::now())),
    ];
    let expires = served.lapses.and_then(http_date);
    let expires = AppendHeaders(expires.map(|date| (EXPIRES, date)));
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == served.etag);
    if is_known {
        return (StatusCode::NOT_MODIFIED, head, expires).into_response();
    }
    (head, expires, served.content.clone()).into_response()
}

/// Never longer than the list is valid.
fn cache_control(served: &Served, now: OffsetDateTime) -> String {
    let seconds = match served.lapses {
        Some(lapses) => (lapses - now).whole_seconds().clamp(0, LIST_SECONDS),
        None => CERTIFICATE_SECONDS,
    };
    format!("public, max-age={seconds}, must-revalidate")
}

/// RFC 9110 §5.6.7: like RFC 2822, in GMT.
fn http_date(at: OffsetDateTime) -> Option<String> {
    let text = at.to_offset(time::UtcOffset::UTC).format(&Rfc2822).ok()?;
    Some(text.replace("+0000", "GMT"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let at = datetime!(1994-11-06 08:49:37 UTC);
        assert_eq!(http_date(at).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
