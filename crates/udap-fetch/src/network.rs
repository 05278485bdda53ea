//! Everything that trust may need from the network, behind the core's own trait.

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::trust::{Crl, Fetched, TrustFetcher, TrustNeed, TrustedPath};

use std::sync::Arc;

use crate::aia::Issuers;
use crate::crls::Crls;
use crate::limits;

/// Issuers by AIA and CRLs from distribution points.
#[derive(Clone, Debug)]
pub struct Network {
    /// `None`: issuers are not fetched.
    issuers: Option<Issuers>,
    crls: Crls,
}

impl Network {
    /// Of these parts.
    #[must_use]
    pub fn new(issuers: Option<Issuers>, crls: Crls) -> Self {
        Self { issuers, crls }
    }

    /// The CRLs, for what is done with them in the background.
    #[must_use]
    pub fn crls(&self) -> &Crls {
        &self.crls
    }

    /// Lifts the ration on AIA for the hosts that configured certificates name (decisions 2).
    pub fn vouch_for<'a>(&self, certificates: impl IntoIterator<Item = &'a Certificate>) {
        if let Some(issuers) = &self.issuers {
            for certificate in certificates {
                issuers.trust_hosts_of(certificate);
            }
        }
    }

    async fn issuers(&self, needs: &[TrustNeed]) -> Vec<Certificate> {
        let urls: Vec<String> = needs
            .iter()
            .filter_map(|need| match need {
                TrustNeed::Issuer { url } => Some(url.clone()),
                TrustNeed::Crl(_) => None,
            })
            .collect();
        match &self.issuers {
            Some(issuers) if !urls.is_empty() => issuers.fetch(&urls).await,
            _ => Vec::new(),
        }
    }

    /// All at once, together within one deadline (decisions 22).
    async fn lists(&self, needs: &[TrustNeed], now: OffsetDateTime) -> Vec<Arc<Crl>> {
        let deadline = Instant::now() + limits::STATUS_TIME;
        let mut asked = tokio::task::JoinSet::new();
        for need in needs {
            if let TrustNeed::Crl(need) = need {
                let (crls, need) = (self.crls.clone(), need.clone());
                asked.spawn(async move { crls.obtain(&need, now, deadline).await });
            }
        }
        asked.join_all().await.into_iter().flatten().collect()
    }
}

#[async_trait]
impl TrustFetcher for Network {
    async fn fetch(&self, needs: &[TrustNeed], now: OffsetDateTime) -> Fetched {
        let (certificates, crls) = tokio::join!(self.issuers(needs), self.lists(needs, now));
        Fetched { certificates, crls }
    }

    fn trusted(&self, path: &TrustedPath) {
        self.vouch_for(std::iter::once(path.leaf()).chain(path.intermediates()));
    }
}
