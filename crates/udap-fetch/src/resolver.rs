//! Names into addresses, all of which are checked.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::limits;
use crate::target::Rule;

/// Looks names up.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a name.
    ///
    /// # Errors
    /// If there is no such name, or nobody to ask.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver, with its hosts file.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// What the HTTP client asks for the addresses to connect to. It is asked once for a connection, and
/// the connection goes to what it answers, so a name cannot be one thing when it is checked and
/// another when it is used.
pub(crate) struct CheckedResolver {
    resolver: Arc<dyn Resolver>,
    rule: Rule,
    slots: Arc<Semaphore>,
}

impl CheckedResolver {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, rule: Rule) -> Self {
        Self {
            resolver,
            rule,
            slots: Arc::new(Semaphore::new(limits::LOOKUPS_IN_FLIGHT)),
        }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, rule, slots) = (
            Arc::clone(&self.resolver),
            self.rule,
            Arc::clone(&self.slots),
        );
        Box::pin(async move {
            let addresses = lookup(resolver, slots, name.as_str().to_owned()).await?;
            // One bad address among good ones is no accident: it is the one that would be used next.
            rule.check(name.as_str(), addresses.iter().copied())?;
            // The client puts the port in.
            Ok(Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

async fn lookup(
    resolver: Arc<dyn Resolver>,
    slots: Arc<Semaphore>,
    name: String,
) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
    let slot = slots.acquire_owned().await?;
    // In a task of its own: when nobody waits any more, the lookup goes on, and keeps its slot.
    let addresses = tokio::spawn(async move {
        let found = resolver.lookup(&name).await;
        drop(slot);
        found
    })
    .await??;
    if addresses.is_empty() {
        return Err("the name has no address".into());
    }
    Ok(addresses)
}
