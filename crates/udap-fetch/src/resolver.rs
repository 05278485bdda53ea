//! Names into addresses, all of which are checked.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
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
    /// How long a lookup waits for its turn; `None`: for as long as whoever asks waits.
    patience: Option<Duration>,
}

/// That a name was not looked up: others' lookups have all the places. Says nothing about the name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many names are being looked up")]
pub(crate) struct NoTurn;

/// How many names are looked up at a time, and how long one waits for its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookups {
    pub(crate) all: usize,
    pub(crate) of_authority: usize,
    pub(crate) patience: Option<Duration>,
}

impl Lookups {
    /// So many, of which an authority gets its usual share.
    pub(crate) const fn usual(all: usize) -> Self {
        Self {
            all,
            of_authority: limits::LOOKUPS_OF_AUTHORITY,
            patience: None,
        }
    }

    /// Those of apps' links.
    pub(crate) const LINKS: Self = Self {
        all: limits::LINK_LOOKUPS,
        of_authority: limits::LINK_LOOKUPS_OF_APP,
        patience: Some(limits::LINK_LOOKUP_PATIENCE),
    };
}

impl CheckedResolver {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, rule: Rule, lookups: Lookups) -> Self {
        Self {
            resolver,
            rule,
            slots: Arc::new(Semaphore::new(lookups.all)),
            of_ca: Keyed::new(lookups.of_authority),
            of_anchor: Keyed::new((lookups.all / limits::SHARE_OF_ANCHOR).max(1)),
            patience: lookups.patience,
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
        let patience = self.patience;
        Box::pin(async move {
            let turn = turn(slots);
            let held = match patience {
                Some(patience) => timeout(patience, turn).await.map_err(|_| NoTurn)?,
                None => turn.await,
            }?;
            let addresses = lookup(resolver, held, name.as_str().to_owned()).await?;
            // One bad address among good ones is no accident: it is the one that would be used next.
            rule.check(name.as_str(), addresses.iter().copied())?;
            // The client puts the port in.
            Ok(Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

async fn turn(slots: Vec<Arc<Semaphore>>) -> Result<Vec<OwnedSemaphorePermit>, AcquireError> {
    let mut held = Vec::new();
    for slot in slots {
        held.push(slot.acquire_owned().await?);
    }
    Ok(held)
}

async fn lookup(
    resolver: Arc<dyn Resolver>,
    held: Vec<OwnedSemaphorePermit>,
    name: String,
) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
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
