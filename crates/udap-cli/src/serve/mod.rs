//! The registration server: from a checked configuration to listening sockets and back.

mod audit;
mod background;
mod build;
mod discovered;
mod expiry;
mod gateway;
mod idle;
pub(crate) mod listen;
mod look;
mod metrics;
mod offer;
mod patience;
mod reload;
mod store;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{Notify, watch};
use udap_axum::{health_router, router};

use crate::config::Config;

pub(crate) use audit::{Sealer, seal_key};
pub(crate) use build::{build, clock_skew, judging};
pub(crate) use discovered::{
    DISCOVERY_DOCUMENT, concrete_scopes, discover, discover_now, operator_client,
};
pub(crate) use look::{ReadArchive, look};
pub(crate) use offer::{Offer, check};
pub(crate) use store::{
    Store, admits_codes, clients, connect_options, gateway_keys, open_audit_log, open_registry,
    open_store, schema,
};
pub(crate) use upkeep::Passes;

/// A server that is listening.
pub(crate) struct Server {
    /// Where the public routes listen.
    pub(crate) address: SocketAddr,
    /// Where health and metrics listen.
    pub(crate) admin_address: SocketAddr,
    sealer: Arc<Sealer>,
    stop: watch::Sender<bool>,
    parts: listen::Parts,
}

impl Server {
    /// Starts what the configuration describes. Everything is read and checked before a socket is
    /// opened.
    ///
    /// # Errors
    /// If anything that the configuration names is unusable, or a port is taken.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        let discovered = discover(config).await?;
        // Before they are read, so that no change falls between.
        let watched = reload::Watched::of(config);
        let seal_key = seal_key(config)?;
        let store = open_store(config).await?;
        let built = build(config, &discovered, &store)?;
        let service = Arc::clone(&built.service);
        let recorder = metrics::install()?;
        udap_axum::metrics::describe(&service);
        upkeep::take_stored_lists(&built.network).await;
        // From here on SIGHUP does not end it: whoever sees it ready may send one.
        let hangup = reload::hangup()?;

        let (stop, stopped) = watch::channel(false);
        let mut parts = listen::Parts::new();
        let (address, tls) = listen::public(&mut parts, config, router(&service), stopped.clone())
            .await
            .with_context(|| format!("cannot listen on {} (key: listen)", config.listen))?;
        let admin_routes =
            health_router(Arc::clone(&service)).merge(metrics::router(recorder.clone()));
        let admin_address = listen::plain(
            &mut parts,
            config.admin_listen,
            admin_routes,
            stopped.clone(),
        )
        .with_context(|| {
            format!(
                "cannot listen on {} (key: admin_listen)",
                config.admin_listen
            )
        })?;
        let rules_changed = Arc::new(Notify::new());
        let changed = Arc::clone(&rules_changed);
        let reloader = reload::Reloader::new(
            config,
            discovered,
            &built,
            tls,
            rules_changed,
            watched,
            hangup,
        );
        parts.spawn(reloader.run(stopped.clone()));
        let passes = Arc::new(Passes::new(config, &built, &store)?);
        parts.spawn(upkeep::passes(
            Arc::clone(&passes),
            changed,
            stopped.clone(),
        ));
        parts.spawn(upkeep::expiry(Arc::clone(&passes), stopped.clone()));
        parts.spawn(upkeep::at_once(passes, stopped.clone()));
        parts.spawn(upkeep::lists(
            built.network,
            Arc::clone(&service),
            stopped.clone(),
        ));
        let sealer = Arc::new(Sealer::new(store.audit, seal_key));
        parts.spawn(Arc::clone(&sealer).run(stopped.clone()));
        parts.spawn(background::run(service, recorder, stopped));
        Ok(Self {
            address,
            admin_address,
            sealer,
            stop,
            parts,
        })
    }

    /// Waits until a part of the server ends by itself, which it should not.
    ///
    /// # Errors
    /// Why it ended.
    pub(crate) async fn failed(&mut self) -> anyhow::Result<()> {
        match self.parts.join_next().await {
            Some(ended) => ended
                .context("a part of the server ended abnormally")?
                .context("a part of the server failed"),
            None => Ok(()),
        }
    }

    /// Stops: no new connections, requests in flight are answered.
    ///
    /// # Errors
    /// If a part of the server had failed.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        // All receivers may be gone already: then there is nothing left to stop.
        let _ = self.stop.send(true);
        while let Some(ended) = self.parts.join_next().await {
            ended.context("a part of the server ended abnormally")??;
        }
        // When the last request has been answered, and its event written.
        self.sealer.finish().await;
        Ok(())
    }
}
