//! Connections on which nothing happens are closed.
//!
//! hyper limits how long a request's headers may take once HTTP/1 has begun. Before that, while it
//! looks which version is spoken, and between the requests of HTTP/2 it waits for ever: silent
//! connections, which cost their owner nothing, would in the end take every file descriptor.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready as done};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long nothing may be read or written: longer than any request takes to be answered.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// Accepts connections that end when they have been idle for so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleAcceptor(pub(super) Duration);

impl<I, S> Accept<I, S> for IdleAcceptor {
    type Stream = IdleStream<I>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(Ok((IdleStream::new(stream, self.0), service)))
    }
}

/// A stream whose reader fails when nothing has been read or written for some time.
#[derive(Debug)]
pub(super) struct IdleStream<I> {
    inner: I,
    limit: Duration,
    active: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<I> IdleStream<I> {
    fn new(inner: I, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            active: Instant::now(),
            timer: Box::pin(sleep(limit)),
        }
    }

    /// Notes that something happened, if it did.
    fn noted<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(outcome, Poll::Ready(Ok(_))) {
            self.active = Instant::now();
        }
        outcome
    }

    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            done!(self.timer.as_mut().poll(context));
            // It ran from what was last known: the wait may have begun anew since.
            let ends = self.active + self.limit;
            if ends <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(ends);
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for IdleStream<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if self.noted(read)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_idle(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for IdleStream<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use axum_server::Handle;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(20);

    async fn serve() -> std::net::SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let handle = Handle::new();
        let routes = Router::new().route(
            "/",
            get(async || {
                sleep(LIMIT / 2).await;
                "here"
            }),
        );
        let server = axum_server::from_tcp(listener)
            .unwrap()
            .acceptor(IdleAcceptor(LIMIT))
            .handle(handle.clone());
        tokio::spawn(server.serve(routes.into_make_service()));
        handle.listening().await.unwrap()
    }

    #[tokio::test]
    async fn connections_on_which_nothing_happens_are_closed() {
        let address = serve().await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for first in [&b""[..], b"PRI * HT", preface] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(first).await.unwrap();
            let mut answer = Vec::new();
            let ended = timeout(LONG, stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok(), "still open after {first:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_in_use_is_kept() {
        let address = serve().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..4 {
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                .await
                .unwrap();
            let mut answer = [0; 4096];
            let read = timeout(LONG, stream.read(&mut answer))
                .await
                .unwrap()
                .unwrap();
            assert!(answer[..read].ends_with(b"here"));
        }
    }
}
