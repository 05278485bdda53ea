//! `GET {fhir_base_url}/.well-known/udap` (A01–A43).

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use udap::discovery::MetadataError;
use udap::site::Site;

use crate::error::HttpError;
use crate::service::Service;

/// Seconds that an answer may be kept (A42).
const MAX_AGE_SECONDS: i64 = 300;

/// What the query asks for.
enum Wanted {
    /// No `community` parameter.
    Default,
    /// This community, by its URI.
    Named(String),
    /// An empty, repeated or undecodable parameter: no community has such a name (A38).
    Nonsense,
}

pub(crate) async fn metadata(
    service: Arc<Service>,
    site: Arc<Site>,
    query: Option<String>,
) -> Response {
    let rules = service.rules();
    let mut served = rules.registrar().communities_of(&site);
    let Some(default) = served.next() else {
        return public(HttpError::NotFound.into_response());
    };
    let community = match wanted(query.as_deref()) {
        Wanted::Default => Some(default),
        Wanted::Named(uri) => std::iter::once(default)
            .chain(served)
            .find(|community| community.uri == uri),
        Wanted::Nonsense => None,
    };
    let community = match community {
        Some(community) => community,
        None if service.default_for_unknown => default,
        None => return public(no_content()),
    };
    let answer = {
        let (rules, site, community) =
            (Arc::clone(&rules), Arc::clone(&site), Arc::clone(community));
        let now = (service.environment.now)();
        let new_jti = service.environment.random_id;
        // Signing takes a millisecond of the processor, once in half a metadata's life.
        tokio::task::spawn_blocking(move || rules.metadata(&site, &community, now, new_jti)).await
    };
    public(match answer {
        Ok(Ok(signed)) => {
            let left = (signed.expires_at - (service.environment.now)()).whole_seconds();
            let max_age = left.clamp(0, MAX_AGE_SECONDS);
            (
                [(header::CACHE_CONTROL, format!("public, max-age={max_age}"))],
                axum::Json(&signed.document),
            )
                .into_response()
        }
        // None of our certificates can speak for the site now (A37, decisions 24).
        Ok(Err(MetadataError::Expired)) => no_content(),
        Ok(Err(error)) => {
            tracing::error!(site = %site.id, community = %community.id, %error, "no metadata");
            HttpError::ServerError.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "signing metadata ended abnormally");
            HttpError::ServerError.into_response()
        }
    })
}

fn no_content() -> Response {
    (
        StatusCode::NO_CONTENT,
        [(header::CACHE_CONTROL, "no-store")],
    )
        .into_response()
}

/// Metadata is public: apps in browsers may read it (A42).
fn public(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

fn wanted(query: Option<&str>) -> Wanted {
    // The form decoder takes a plus for a space, which no URI holds; a plus it may hold.
    let query = query.unwrap_or_default().replace('+', "%2B");
    let mut values = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "community")
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Wanted::Default,
        (Some(value), None) if !value.is_empty() => Wanted::Named(value.into_owned()),
        _ => Wanted::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: A38
    #[test]
    fn an_empty_or_repeated_parameter_names_no_community() {
        assert!(matches!(wanted(None), Wanted::Default));
        assert!(matches!(wanted(Some("x=1")), Wanted::Default));
        assert!(matches!(wanted(Some("community=")), Wanted::Nonsense));
        assert!(matches!(
            wanted(Some("community=a&community=a")),
            Wanted::Nonsense
        ));
        assert!(
            matches!(wanted(Some("community=urn%3Aoid%3A1.2")), Wanted::Named(uri) if uri == "urn:oid:1.2")
        );
        for plus in ["community=urn:x:a+b", "community=urn:x:a%2Bb"] {
            assert!(
                matches!(wanted(Some(plus)), Wanted::Named(uri) if uri == "urn:x:a+b"),
                "{plus}"
            );
        }
    }
}
