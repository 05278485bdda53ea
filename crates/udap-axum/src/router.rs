//! The public routes. Paths come from configuration alone (A43).

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use udap::site::{Site, TokenMode};

use crate::client_address::ClientAddress;
use crate::error::HttpError;
use crate::registration::method_not_allowed;
use crate::request_log::{self, RequestId};
use crate::service::Service;
use crate::{discovery, guard, registration, token};

/// The public routes of all sites: discovery, registration and, in gateway mode, token; and those of
/// FHIR servers' own token endpoints that are guarded.
///
/// To be served with `into_make_service_with_connect_info::<SocketAddr>()`, since rate limits and
/// the audit need the peer's address.
pub fn router(service: &Arc<Service>) -> Router {
    let mut routes = Router::new();
    for site in service.rules().registrar().sites() {
        routes = site_routes(routes, service, site);
    }
    if let Some(tokens) = &service.tokens {
        for guarded in &tokens.guards {
            let (service, tokens, guarded) = (Arc::clone(service), tokens.clone(), guarded.clone());
            let path = guarded.path.clone();
            let handler = move |request: Request| {
                guard::guarded(
                    Arc::clone(&service),
                    tokens.clone(),
                    guarded.clone(),
                    request,
                )
            };
            routes = routes.route(&path, any(handler));
        }
    }
    let log = Arc::clone(service);
    routes
        .fallback(async || HttpError::NotFound)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(move |request: Request, next: Next| {
            request_log::layer(Arc::clone(&log), request, next)
        }))
}

fn site_routes(routes: Router, service: &Arc<Service>, site: &Arc<Site>) -> Router {
    let metadata = {
        let (service, site) = (Arc::clone(service), Arc::clone(site));
        move |RawQuery(query): RawQuery| {
            discovery::metadata(Arc::clone(&service), Arc::clone(&site), query)
        }
    };
    let register = {
        let (service, site) = (Arc::clone(service), Arc::clone(site));
        move |id: RequestId, address: ClientAddress, request: Request| {
            registration::register(
                Arc::clone(&service),
                Arc::clone(&site),
                id,
                address,
                request,
            )
        }
    };
    let routes = routes
        .route(
            &format!("{}/.well-known/udap", path(&site.fhir_base_url)),
            get(metadata),
        )
        .route(path(&site.registration_endpoint), post(register));
    if site.token_mode == TokenMode::Direct {
        return routes;
    }
    let token = {
        let (service, site) = (Arc::clone(service), Arc::clone(site));
        move |id: RequestId, address: ClientAddress, request: Request| {
            token::token(
                Arc::clone(&service),
                Arc::clone(&site),
                id,
                address,
                request,
            )
        }
    };
    routes.route(path(&site.token_endpoint), post(token))
}

/// The path of an absolute URL, as it stands there.
fn path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    match after_scheme.find('/') {
        Some(start) => after_scheme.get(start..).unwrap_or_default(),
        None => "",
    }
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(panic = message, "a handler panicked");
    HttpError::ServerError.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: E27
    #[tokio::test]
    async fn a_panic_is_answered_as_oauth_json() {
        let routes: Router = Router::new()
            .route("/", get(async || -> &'static str { panic!("a secret") }))
            .layer(CatchPanicLayer::custom(panicked));
        let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(routes, request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = axum::body::to_bytes(response.into_body(), 4096)
            .await
            .unwrap();
        let body = String::from_utf8_lossy(&body);
        assert!(
            body.contains("server_error") && !body.contains("secret"),
            "{body}"
        );
    }

    #[test]
    fn a_path_is_taken_as_it_stands() {
        assert_eq!(
            path("https://emr.example.org/apis/default/fhir"),
            "/apis/default/fhir"
        );
        assert_eq!(path("https://emr.example.org:8443/a%20b"), "/a%20b");
        assert_eq!(path("https://emr.example.org"), "");
    }
}
