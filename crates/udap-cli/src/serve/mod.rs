//! The registration server: from a checked configuration to listening sockets and back.

mod background;
mod build;
mod crl_files;
mod idle;
mod listen;
mod metrics;
mod scopes;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use udap_axum::{Service, health_router, router};

use crate::config::Config;

use build::service;
pub(crate) use build::{Offer, check, open_registry};

/// A server that is listening.
pub(crate) struct Server {
    /// Where the public routes listen.
    pub(crate) address: SocketAddr,
    /// Where health and metrics listen.
    pub(crate) admin_address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Server {
    /// Starts what the configuration describes. Everything is read and checked before a socket is
    /// opened.
    ///
    /// # Errors
    /// If anything that the configuration names is unusable, or a port is taken.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        let scopes = scopes::discover(config).await?;
        // Before they are read, so that no change falls between.
        let watched = crl_files::of(config);
        let registry = open_registry(config).await?;
        let service: Arc<Service> = Arc::new(service(config, &scopes, registry)?);
        let recorder = metrics::install()?;
        udap_axum::metrics::describe(&service);

        let (stop, stopped) = watch::channel(false);
        let public = listen::public(config, router(&service), stopped.clone())
            .await
            .with_context(|| format!("cannot listen on {} (key: listen)", config.listen))?;
        let admin = listen::plain(
            config.admin_listen,
            health_router(Arc::clone(&service)).merge(metrics::router(recorder.clone())),
            stopped.clone(),
        )
        .await
        .with_context(|| {
            format!(
                "cannot listen on {} (key: admin_listen)",
                config.admin_listen
            )
        })?;
        let crl_files = tokio::spawn(crl_files::run(
            watched,
            Arc::clone(&service),
            stopped.clone(),
        ));
        let tidy = tokio::spawn(background::run(service, recorder, stopped));
        Ok(Self {
            address: public.address,
            admin_address: admin.address,
            stop,
            tasks: vec![public.task, admin.task, crl_files, tidy],
        })
    }

    /// Waits until a part of the server ends by itself, which it should not.
    ///
    /// # Errors
    /// Why it ended.
    pub(crate) async fn failed(&mut self) -> anyhow::Result<()> {
        let Some(task) = self.tasks.first_mut() else {
            return Ok(());
        };
        let ended = task.await.context("the server ended abnormally")?;
        self.tasks.remove(0);
        ended.context("the server ended")
    }

    /// Stops: no new connections, requests in flight are answered.
    ///
    /// # Errors
    /// If a part of the server had failed.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        // All receivers may be gone already: then there is nothing left to stop.
        let _ = self.stop.send(true);
        for task in self.tasks {
            task.await.context("the server ended abnormally")??;
        }
        Ok(())
    }
}
