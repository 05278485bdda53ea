//! Everything that trust may need from the network, behind the core's own trait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use udap::certificate::Certificate;
use udap::trust::{Crl, Fetched, OcspAnswer, TrustFetcher, TrustNeed, TrustedPath};

use crate::aia::Issuers;
use crate::crls::Crls;
use crate::responders::Responders;

/// Issuers by AIA, CRLs from distribution points, answers of OCSP responders.
#[derive(Clone, Debug)]
pub struct Network {
    /// `None`: issuers are not fetched.
    issuers: Option<Issuers>,
    crls: Crls,
    /// `None`: responders are not asked.
    responders: Option<Responders>,
}

impl Network {
    /// Of these parts.
    #[must_use]
    pub fn new(issuers: Option<Issuers>, crls: Crls, responders: Option<Responders>) -> Self {
        Self {
            issuers,
            crls,
            responders,
        }
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

    async fn issuers(&self, needs: &[TrustNeed], deadline: Instant) -> Vec<Certificate> {
        let urls: Vec<String> = needs
            .iter()
            .filter_map(|need| match need {
                TrustNeed::Issuer { url } => Some(url.clone()),
                TrustNeed::Crl(_) | TrustNeed::Ocsp(_) => None,
            })
            .collect();
        match &self.issuers {
            Some(issuers) if !urls.is_empty() => timeout_at(deadline, issuers.fetch(&urls))
                .await
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    async fn lists(
        &self,
        needs: &[TrustNeed],
        now: OffsetDateTime,
        deadline: Instant,
    ) -> Vec<Arc<Crl>> {
        let mut asked = JoinSet::new();
        for need in needs {
            if let TrustNeed::Crl(need) = need {
                let (crls, need) = (self.crls.clone(), need.clone());
                asked.spawn(async move { crls.obtain(&need, now, deadline).await });
            }
        }
        asked.join_all().await.into_iter().flatten().collect()
    }

    async fn answers(
        &self,
        needs: &[TrustNeed],
        now: OffsetDateTime,
        deadline: Instant,
    ) -> Vec<OcspAnswer> {
        let mut asked = JoinSet::new();
        for need in needs {
            if let (TrustNeed::Ocsp(need), Some(responders)) = (need, &self.responders) {
                let (responders, need) = (responders.clone(), need.clone());
                asked.spawn(async move { responders.ask(&need, now, deadline).await });
            }
        }
        asked.join_all().await.into_iter().flatten().collect()
    }
}

#[async_trait]
impl TrustFetcher for Network {
    async fn fetch(
        &self,
        needs: &[TrustNeed],
        now: OffsetDateTime,
        time_left: Duration,
    ) -> Fetched {
        // Nothing is begun that nobody can wait for.
        if time_left.is_zero() {
            return Fetched::default();
        }
        // All at once, together within one deadline (decisions 22).
        let deadline = Instant::now() + time_left.min(udap::limits::FETCH_TIME);
        let (certificates, crls, ocsp) = tokio::join!(
            self.issuers(needs, deadline),
            self.lists(needs, now, deadline),
            self.answers(needs, now, deadline),
        );
        Fetched {
            certificates,
            crls,
            ocsp,
        }
    }

    fn trusted(&self, path: &TrustedPath) {
        self.crls.learn(path);
        if let Some(issuers) = &self.issuers {
            for certificate in std::iter::once(path.leaf()).chain(path.intermediates()) {
                issuers.trust_hosts_on_path(certificate);
            }
        }
    }
}
