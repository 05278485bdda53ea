//! Names into addresses, all of which are checked.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use udap::trust::Authority;

use crate::limits;
use crate::places::Keyed;
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

tokio::task_local! {
    /// Who answers for the address that is being asked. The HTTP client has no other way to tell.
    static AUTHORITY: Option<Authority>;
}

/// Whatever names are looked up within it count for `authority`.
pub(crate) async fn on_behalf_of<F: Future>(authority: Option<Authority>, work: F) -> F::Output {
    AUTHORITY.scope(authority, work).await
}

/// What the HTTP client asks for the addresses to connect to. It is asked once for a connection, and
/// the connection goes to what it answers, so a name cannot be one thing when it is checked and
/// another when it is used.
pub(crate) struct CheckedResolver {
    resolver: Arc<dyn Resolver>,
    rule: Rule,
    slots: Arc<Semaphore>,
    /// A lookup may last longer than anybody waits for it, so that bounds on requests do not bound
    /// lookups: those of one CA must not take all.
    of_ca: Keyed<Authority>,
    of_anchor: Keyed<[u8; 32]>,
}

impl CheckedResolver {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, rule: Rule, lookups: usize) -> Self {
        Self {
            resolver,
            rule,
            slots: Arc::new(Semaphore::new(lookups)),
            of_ca: Keyed::new(limits::LOOKUPS_OF_AUTHORITY),
            of_anchor: Keyed::new((lookups / limits::SHARE_OF_ANCHOR).max(1)),
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
        let authority = AUTHORITY.try_with(|authority| *authority).ok().flatten();
        let shares = authority.map(|authority| {
            let of_anchor = self.of_anchor.get(authority.anchor);
            [self.of_ca.get(authority), of_anchor]
        });
        // What is for all is taken last.
        let slots = shares.into_iter().flatten().chain([slots]).collect();
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
    slots: Vec<Arc<Semaphore>>,
    name: String,
) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
    let mut held = Vec::new();
    for slot in slots {
        held.push(slot.acquire_owned().await?);
    }
    // In a task of its own: when nobody waits any more, the lookup goes on, and keeps its slot.
    let addresses = tokio::spawn(async move {
        let found = resolver.lookup(&name).await;
        drop(held);
        found
    })
    .await??;
    if addresses.is_empty() {
        return Err("the name has no address".into());
    }
    Ok(addresses)
}
