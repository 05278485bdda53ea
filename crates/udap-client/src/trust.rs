//! Whether a certificate is trusted, judged as a UDAP server judges it.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, Crl, CrlNeed, CrlStore, Distrust, Evidence, Outcome, TrustNeed, TrustPolicy,
    TrustedPath, evaluate,
};
use url::Url;

use crate::client::Client;

/// Anchors, rules and revocation lists, with the same judge that the server has.
#[derive(Debug)]
pub struct Trust {
    judge: CertvalJudge,
    policy: TrustPolicy,
    crls: CrlStore,
}

impl Trust {
    /// Judges by `policy`, with the revocation lists at hand.
    #[must_use]
    pub fn new(policy: TrustPolicy, crls: CrlStore) -> Self {
        Self {
            judge: CertvalJudge::new(),
            policy,
            crls,
        }
    }

    /// The rules.
    #[must_use]
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// Judges `leaf` at `at` by what is at hand; nothing is fetched, so that a status which only
    /// the network knows is unknown. `candidates` may lie on the path.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub fn judge(
        &self,
        leaf: &Certificate,
        candidates: &[Certificate],
        at: OffsetDateTime,
    ) -> Result<TrustedPath, Distrust> {
        let mut tried = BTreeSet::new();
        loop {
            match self.evaluate(leaf, candidates, &self.crls, &tried, at) {
                Ok(verdict) => return verdict,
                Err(needs) => tried.extend(needs.iter().flat_map(TrustNeed::marks)),
            }
        }
    }

    /// As [`Trust::judge`], but fetches missing revocation lists (never issuers, nor answers of OCSP
    /// responders). That happens only
    /// once the signatures up to an anchor hold, so the addresses are those of a trusted CA.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub async fn judge_with(
        &self,
        client: &Client,
        leaf: &Certificate,
        candidates: &[Certificate],
        at: OffsetDateTime,
    ) -> Result<TrustedPath, Distrust> {
        let mut tried = BTreeSet::new();
        let mut crls = self.crls.clone();
        loop {
            let needs = match self.evaluate(leaf, candidates, &crls, &tried, at) {
                Ok(verdict) => return verdict,
                Err(needs) => needs,
            };
            for need in needs {
                tried.extend(need.marks());
                if let TrustNeed::Crl(need) = &need {
                    for crl in fetch_crls(client, need, at).await {
                        crls = crls.with(crl);
                    }
                }
            }
        }
    }

    fn evaluate(
        &self,
        leaf: &Certificate,
        candidates: &[Certificate],
        crls: &CrlStore,
        tried: &BTreeSet<String>,
        at: OffsetDateTime,
    ) -> Result<Result<TrustedPath, Distrust>, Vec<TrustNeed>> {
        let evidence = Evidence {
            candidates,
            crls,
            ocsp: &[],
            tried,
        };
        match evaluate(&self.judge, &self.policy, leaf, &evidence, at) {
            Outcome::Trusted(path) => Ok(Ok(path)),
            Outcome::Untrusted(distrust) => Ok(Err(distrust)),
            Outcome::Need(needs) => Err(needs),
        }
    }
}

/// Tries the addresses in turn until a list answers the need.
async fn fetch_crls(client: &Client, need: &CrlNeed, at: OffsetDateTime) -> Vec<Arc<Crl>> {
    let mut found = Vec::new();
    for url in need.urls() {
        let Ok(url) = Url::parse(url) else { continue };
        if let Ok((200, body)) = client.get(&url).await
            && let Ok(crl) = Crl::from_pem_or_der(&body)
        {
            let answers = need.is_answered_by(&crl, at);
            found.push(Arc::new(crl));
            if answers {
                break;
            }
        }
    }
    found
}
