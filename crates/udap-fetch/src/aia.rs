//! Issuers' certificates by authorityInfoAccess (C07, C08, decisions 2).
//!
//! Their addresses stand in certificates that nobody vouches for yet, so what strangers can make us
//! fetch is rationed, and every address is remembered, whether it answered or not.

mod answer;
mod memory;
mod rate;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use udap::certificate::Certificate;
use udap::trust::Authority;
use url::Url;

use self::memory::Memory;
use self::rate::{Rate, Vouched};
use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::request::{Bounds, Request};
use crate::target;

/// Fetches issuers for one process. Clones share the memory and the rate.
#[derive(Clone)]
pub struct Issuers(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    memory: Memory,
    rate: Rate,
    /// Places for requests to hosts that configured certificates name, …
    configured: Semaphore,
    /// … and for those that a trusted path names, whose choice they are.
    on_path: Semaphore,
}

/// Under what the lookups of names are counted: apart from those of any CA.
fn in_the_name_of(vouched: Vouched) -> Authority {
    let key = match vouched {
        Vouched::Configured => [1; 32],
        Vouched::OnPath => [2; 32],
    };
    Authority {
        anchor: key,
        ca: key,
    }
}

impl Issuers {
    /// With an empty memory.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        Self(Arc::new(Inner {
            fetcher,
            memory: Memory::new(),
            rate: Rate::new(),
            configured: Semaphore::new(limits::AIA_IN_FLIGHT),
            on_path: Semaphore::new(limits::AIA_IN_FLIGHT),
        }))
    }

    /// Lifts the rate for the hosts of some URLs: those of certificates that an operator
    /// configured. Up to [`limits::AIA_KNOWN_HOSTS`]; hosts beyond that stay rationed.
    pub fn trust_hosts<'a>(&self, urls: impl IntoIterator<Item = &'a str>) {
        let hosts = urls.into_iter().filter_map(host);
        self.0.rate.exempt(Vouched::Configured, hosts);
    }

    /// Lifts the rate for the hosts that a configured certificate names: its issuer's, its CRLs', its
    /// OCSP responder's.
    pub fn trust_hosts_of(&self, certificate: &Certificate) {
        self.trust_hosts(named(certificate));
    }

    /// Likewise for a certificate of a path that was trusted: the first
    /// [`limits::AIA_HOSTS_OF_CERTIFICATE`] hosts, and counted apart from configured ones.
    pub fn trust_hosts_on_path(&self, certificate: &Certificate) {
        let mut seen = HashSet::new();
        let hosts = named(certificate)
            .filter_map(host)
            .filter(|host| seen.insert(host.clone()))
            .take(limits::AIA_HOSTS_OF_CERTIFICATE);
        self.0.rate.exempt(Vouched::OnPath, hosts);
    }

    /// The CA certificates that are at some addresses, each once. Addresses that do not answer, or
    /// with something else, or that may not be asked now, are passed over.
    ///
    /// At most [`udap::limits::AIA_FETCHES`] addresses are asked, all at once, and it takes at most
    /// twice [`limits::AIA_TIME`].
    pub async fn fetch(&self, urls: &[String]) -> Vec<Certificate> {
        let mut asked = JoinSet::new();
        let mut seen = HashSet::new();
        let mut answers = Vec::new();
        for url in urls {
            let Ok(url) = target::parse(url) else {
                continue;
            };
            if !seen.insert(url.clone()) {
                continue;
            }
            let place = answers.len();
            if let Some(known) = self.0.memory.get(url.as_str()) {
                answers.push(known);
            } else if asked.len() < udap::limits::AIA_FETCHES {
                answers.push(Arc::default());
                let inner = Arc::clone(&self.0);
                asked.spawn(async move { (place, inner.obtain(&url).await) });
            }
        }
        while let Some(finished) = asked.join_next().await {
            if let Ok((place, certificates)) = finished
                && let Some(answer) = answers.get_mut(place)
            {
                *answer = certificates;
            }
        }
        let mut seen = HashSet::new();
        answers
            .iter()
            .flat_map(|answer| answer.iter())
            .filter(|certificate| seen.insert(*certificate.fingerprint()))
            .cloned()
            .collect()
    }
}

/// The addresses in a certificate.
fn named(certificate: &Certificate) -> impl Iterator<Item = &str> {
    let named = [
        certificate.ca_issuers(),
        certificate.crl_distribution_points(),
        certificate.ocsp_responders(),
    ];
    named.into_iter().flatten().map(String::as_str)
}

fn host(url: &str) -> Option<String> {
    target::parse(url).ok()?.host_str().map(str::to_owned)
}

impl fmt::Debug for Issuers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issuers").finish_non_exhaustive()
    }
}

/// What one address gave; nothing, if it did not.
type Found = Arc<[Certificate]>;

impl Inner {
    async fn obtain(&self, url: &Url) -> Found {
        // Waiting for another's fetch, and then one of our own.
        timeout(2 * limits::AIA_TIME, self.obtain_once(url))
            .await
            .unwrap_or_default()
    }

    /// Many that want one address wait for one fetch.
    async fn obtain_once(&self, url: &Url) -> Found {
        let slot = match self.memory.get_or_reserve(url.as_str()).await {
            Ok(known) => return known,
            Err(slot) => slot,
        };
        let vouched = if self.fetcher.allows(url) {
            Some(Vouched::Configured)
        } else {
            self.rate.vouched(url)
        };
        if vouched.is_none() && !self.rate.admits(url) {
            tracing::info!(%url, "issuer not fetched: too many requests for unknown hosts");
            return Found::default();
        }
        let bounds = Bounds {
            bytes: limits::AIA_BYTES,
            time: limits::AIA_TIME,
        };
        let (request, places) = match vouched {
            None => (Request::stranger(url.as_str(), bounds), None),
            Some(vouched) => {
                let places = match vouched {
                    Vouched::Configured => &self.configured,
                    Vouched::OnPath => &self.on_path,
                };
                let request = Request::guarded(url.as_str(), bounds);
                (request.on_behalf_of(in_the_name_of(vouched)), Some(places))
            }
        };
        let _place = match places {
            None => None,
            Some(places) => match timeout(limits::AIA_TIME, places.acquire()).await {
                Ok(Ok(place)) => Some(place),
                // Nothing is known of that address.
                Ok(Err(_)) | Err(_) => return Found::default(),
            },
        };
        let request = request.accept("application/pkix-cert, application/pkcs7-mime, */*;q=0.1");
        let found = match self.fetcher.get(&request).await {
            Ok(answer) => answer::ca_certificates(&answer.body),
            // Nothing is known of that address.
            Err(FetchError::Busy) => return Found::default(),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::info!(%url, error = error.kind(), cause, "issuer not fetched");
                Vec::new()
            }
        };
        let found = Found::from(found);
        slot.fill(Arc::clone(&found));
        found
    }
}

#[cfg(test)]
mod tests;
