//! UDAP for any FHIR server: discovery and registration as axum routes.
//!
//! [`Service`] holds a [`Registrar`](udap::registrar::Registrar) with its rules, a
//! [`Registry`](udap::registry::Registry) with the registrations, and what brings material from
//! outside. [`router`] serves it. With [`Tokens`] it has token endpoints as well.

mod budget;
mod client_address;
mod discovery;
mod driver;
mod error;
mod guard;
mod health;
pub mod metrics;
mod outside;
mod rate_limit;
mod recheck;
mod registration;
mod rehearsal;
mod request_log;
mod router;
mod rules;
mod service;
mod spawned;
mod token;

pub use client_address::{ClientAddress, TrustedProxies};
pub use error::{HttpError, UpstreamFault};
pub use health::{Health, health_router};
pub use outside::{Environment, ForwardError, Forwarded, Guard, TokenForwarder, Tokens};
pub use rate_limit::RateLimits;
pub use recheck::{HeldBack, PassReport, Rechecker};
pub use rehearsal::{Ending, Notes, Outside, Records, Stagehands, rehearse};
pub use router::router;
pub use rules::{Rules, RulesError, SiteSigner};
pub use service::{Notice, Service, ServiceParts};
/// Who visits links: from the core, so that whoever builds a service has it at hand.
pub use udap::registrar::{LinkChecker, NoLinkChecks};
