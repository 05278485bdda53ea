//! Whether a certificate is trusted, judged as a UDAP server judges it.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::limits;
use udap::trust::{
    CertvalJudge, CrlStore, Distrust, Evidence, OcspAnswer, Outcome, TrustFetcher, TrustNeed,
    TrustPolicy, TrustedPath, evaluate,
};

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
            match self.evaluate(leaf, candidates, &self.crls, &[], &tried, at) {
                Ok(verdict) => return verdict,
                Err(needs) => tried.extend(needs.iter().flat_map(TrustNeed::marks)),
            }
        }
    }

    /// As [`Trust::judge`], but with what `fetcher` brings: revocation lists once the signatures up to
    /// an anchor hold, and issuers if the policy says so.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub async fn judge_with(
        &self,
        fetcher: &dyn TrustFetcher,
        leaf: &Certificate,
        candidates: &[Certificate],
        at: OffsetDateTime,
    ) -> Result<TrustedPath, Distrust> {
        let mut tried = BTreeSet::new();
        let mut crls = self.crls.clone();
        let mut ocsp = Vec::new();
        let mut candidates = candidates.to_vec();
        // No path can need more, and there is time for no more.
        for _ in 0..limits::FETCH_ROUNDS {
            let needs = match self.evaluate(leaf, &candidates, &crls, &ocsp, &tried, at) {
                Ok(verdict) => return verdict,
                Err(needs) => needs,
            };
            let fetched = fetcher.fetch(&needs, at, limits::FETCH_TIME).await;
            candidates.extend(fetched.certificates.into_iter().filter(Certificate::is_ca));
            for crl in fetched.crls {
                crls = crls.with(crl);
            }
            ocsp.extend(fetched.ocsp);
            tried.extend(needs.iter().flat_map(TrustNeed::marks));
        }
        Err(Distrust::SearchLimit)
    }

    fn evaluate(
        &self,
        leaf: &Certificate,
        candidates: &[Certificate],
        crls: &CrlStore,
        ocsp: &[OcspAnswer],
        tried: &BTreeSet<String>,
        at: OffsetDateTime,
    ) -> Result<Result<TrustedPath, Distrust>, Vec<TrustNeed>> {
        let evidence = Evidence {
            candidates,
            crls,
            ocsp,
            tried,
        };
        match evaluate(&self.judge, &self.policy, leaf, &evidence, at) {
            Outcome::Trusted(path) => Ok(Ok(path)),
            Outcome::Untrusted(distrust) => Ok(Err(distrust)),
            Outcome::Need(needs) => Err(needs),
        }
    }
}
