//! What will go wrong with certificates unless somebody does something: told in the log at the start,
//! after a reload and once a day (decisions 21, 24, 27).

use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::certification::Certifiers;
use udap::trust::{NoCrlAddress, RevocationMode, TrustAnchor};
use udap_axum::Rules;

/// How long before a certificate expires it is told of.
const AHEAD: Duration = Duration::days(30);

/// Logs a warning for each certificate that expires within a month or has expired, and for each
/// configured intermediate whose revocation nobody can learn.
pub(super) fn tell(rules: &Rules, now: OffsetDateTime) {
    for warning in warnings(rules, now) {
        tracing::warn!("{warning}");
    }
}

fn warnings(rules: &Rules, now: OffsetDateTime) -> Vec<String> {
    let mut warnings = Vec::new();
    for (site, community, signer) in rules.signers() {
        let what = format!("the server certificate of community {community} for site {site}");
        warnings.extend(expiry(&what, signer.certificate(), now));
    }
    for community in rules.registrar().communities() {
        let trust = &community.trust;
        for anchor in trust.store.anchors().iter().map(TrustAnchor::certificate) {
            let what = format!(
                "trust anchor {} of community {}",
                anchor.subject_text(),
                community.id
            );
            warnings.extend(expiry(&what, anchor, now));
        }
        for intermediate in trust.store.intermediates() {
            let what = format!(
                "intermediate {} of community {}",
                intermediate.subject_text(),
                community.id
            );
            warnings.extend(expiry(&what, intermediate, now));
            let is_silent = intermediate.crl_distribution_points().is_empty()
                && intermediate.ocsp_responders().is_empty();
            if is_silent
                && trust.revocation == RevocationMode::Required
                && trust.no_crl_address == NoCrlAddress::Accept
            {
                warnings.push(format!(
                    "{what} names no address for its revocation status: unless its issuer's list \
                     is given in a file it is accepted without (no_crl_address = \"accept\")"
                ));
            }
        }
        for certification in &community.certifications {
            let Certifiers::Recognised { trust, .. } = &certification.certifiers else {
                continue;
            };
            for anchor in trust.store.anchors().iter().map(TrustAnchor::certificate) {
                let what = format!(
                    "trust anchor {} of certification {} in community {}",
                    anchor.subject_text(),
                    certification.uri,
                    community.id
                );
                warnings.extend(expiry(&what, anchor, now));
            }
        }
    }
    warnings
}

fn expiry(what: &str, certificate: &Certificate, now: OffsetDateTime) -> Option<String> {
    let left = certificate.not_after() - now;
    if left < Duration::ZERO {
        Some(format!("{what} has expired"))
    } else if left < AHEAD {
        Some(format!("{what} expires in {} days", left.whole_days()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use udap_testkit::TestCommunity;

    use super::*;

    #[test]
    fn a_certificate_is_told_of_in_its_last_month() {
        let of = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
        let leaf = of.client("https://app.example.org/");
        let leaf = Certificate::from_der(leaf.der()).unwrap();
        let at = |before_end| expiry("it", &leaf, leaf.not_after() - before_end);
        assert_eq!(at(Duration::days(31)), None);
        assert_eq!(at(AHEAD), None);
        assert_eq!(at(Duration::days(8)).unwrap(), "it expires in 8 days");
        assert_eq!(at(Duration::ZERO).unwrap(), "it expires in 0 days");
        assert_eq!(at(-Duration::SECOND).unwrap(), "it has expired");
    }
}
