//! Sockets: public with or without TLS, and the plain one for administrators.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::idle::{IDLE, IdleAcceptor};
use crate::config::Config;

/// How long requests in flight may take once the server stops.
const GRACE: Duration = Duration::from_secs(30);

/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's parts, each of which ends only when the server stops.
pub(crate) type Parts = JoinSet<anyhow::Result<()>>;

/// Serves the public routes, with TLS if the configuration says so. Returns where, and what a
/// renewed certificate is given to.
pub(super) async fn public(
    parts: &mut Parts,
    config: &Config,
    routes: Router,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, Option<RustlsConfig>)> {
    let Some(tls) = &config.tls else {
        return Ok((plain(parts, config.listen, routes, stopped)?, None));
    };
    let tls = RustlsConfig::from_pem_file(&tls.certificate, &tls.key)
        .await
        .context("tls_certificate and tls_key")?;
    let (listener, address) = bind(config.listen)?;
    let handle = stop_on(stopped);
    // Below TLS, so that a handshake counts as something that happens.
    let mut server = axum_server::from_tcp_rustls(listener, tls.clone())?
        .map(|acceptor| acceptor.acceptor(IdleAcceptor(IDLE)))
        .handle(handle);
    limit(server.http_builder());
    parts.spawn(async move {
        server
            .serve(routes.into_make_service_with_connect_info::<SocketAddr>())
            .await
            .context("the public listener failed")
    });
    Ok((address, Some(tls)))
}

/// Serves routes without TLS. Returns where.
pub(crate) fn plain(
    parts: &mut Parts,
    listen: SocketAddr,
    routes: Router,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<SocketAddr> {
    let (listener, address) = bind(listen)?;
    let handle = stop_on(stopped);
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(IdleAcceptor(IDLE))
        .handle(handle);
    limit(server.http_builder());
    parts.spawn(async move {
        server
            .serve(routes.into_make_service_with_connect_info::<SocketAddr>())
            .await
            .context("a listener failed")
    });
    Ok(address)
}

fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100);
}

fn stop_on(mut stopped: watch::Receiver<bool>) -> Handle<SocketAddr> {
    let handle = Handle::new();
    let stopping = handle.clone();
    tokio::spawn(async move {
        // An error means that the server itself is gone.
        let _ = stopped.wait_for(|stop| *stop).await;
        stopping.graceful_shutdown(Some(GRACE));
    });
    handle
}
