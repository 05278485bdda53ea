//! `/health/live` and `/health/ready`, for the admin listener.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::error::no_store;
use crate::service::Service;

/// How the server is, as `/health/ready` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `ready`, `degraded` (serves, but not everything) or `unavailable`.
    pub status: &'static str,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Health {
    /// Looks at the store and at the server certificates.
    pub async fn look(service: &Service) -> Self {
        let mut problems = Vec::new();
        let now = (service.environment.now)();
        let rules = service.rules();
        for (site, community, signer) in rules.signers() {
            if !signer.certificate().is_valid_at(now) {
                problems.push(format!(
                    "the server certificate of community {community} for site {site} is not valid now"
                ));
            }
        }
        problems.extend(service.notices());
        let store = service.registry.ready().await;
        if let Err(error) = &store {
            problems.push(error.to_string());
        }
        Self {
            status: match (&store, problems.is_empty()) {
                (Err(_), _) => "unavailable",
                (Ok(()), false) => "degraded",
                (Ok(()), true) => "ready",
            },
            problems,
        }
    }
}

/// Routes for the admin listener, which is never public.
pub fn health_router(service: Arc<Service>) -> Router {
    Router::new()
        .route(
            "/health/live",
            get(async || (no_store(), Json(serde_json::json!({"status": "live"})))),
        )
        .route(
            "/health/ready",
            get(move || async move { ready(&service).await }),
        )
}

async fn ready(service: &Service) -> Response {
    let health = Health::look(service).await;
    let status = if health.status == "unavailable" {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (status, no_store(), Json(health)).into_response()
}
