//! The seam behind which one linear path is judged by RFC 5280 §6.1.

use time::OffsetDateTime;

use super::anchor::{TrustAnchor, dates};
use super::distrust::{Distrust, Place};
use super::fetch::Authority;
use crate::certificate::Certificate;

/// A path from a certificate to an anchor: names match and every signature was verified, the
/// anchor's too. Only the walk makes one.
#[derive(Clone, Debug)]
pub struct LinearPath {
    target: Certificate,
    issuers: Vec<Certificate>,
    anchor: TrustAnchor,
}

impl LinearPath {
    pub(super) fn new(target: Certificate, issuers: Vec<Certificate>, anchor: TrustAnchor) -> Self {
        Self {
            target,
            issuers,
            anchor,
        }
    }

    /// The certificate that the path is for.
    #[must_use]
    pub fn target(&self) -> &Certificate {
        &self.target
    }

    /// The intermediates; the target's issuer is the first.
    #[must_use]
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// The anchor.
    #[must_use]
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    /// Who answers for what stands in a certificate that `issuer`, of this path, has issued: the CA
    /// directly below the anchor, or the anchor itself if that is the issuer.
    #[must_use]
    pub fn authority(&self, issuer: &Certificate) -> Authority {
        let anchor = *self.anchor.key().fingerprint();
        let ca = self
            .issuers
            .last()
            .filter(|_| issuer.fingerprint() != self.anchor.certificate().fingerprint())
            .and_then(|ca| Some(*ca.key().ok()?.fingerprint()));
        Authority {
            anchor,
            ca: ca.unwrap_or(anchor),
        }
    }

    /// Every certificate below the anchor with its place and its issuer, target first.
    pub fn links(&self) -> impl Iterator<Item = (Place, &Certificate, &Certificate)> {
        let below = std::iter::once(&self.target).chain(&self.issuers);
        let above = self
            .issuers
            .iter()
            .chain(std::iter::once(self.anchor.certificate()));
        below
            .zip(above)
            .enumerate()
            .map(|(position, (below, above))| {
                let place = match position {
                    0 => Place::Leaf,
                    number => Place::Issuer(number),
                };
                (place, below, above)
            })
    }

    /// What it costs to judge it, more or less.
    pub(super) fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        let (mut permitted, mut constraints) = (0, 0);
        let mut policies = 0;
        let from_the_top = self.issuers.iter().rev().chain([&self.target]);
        for certificate in [self.anchor.certificate()].into_iter().chain(from_the_top) {
            let load = certificate.load();
            let names = load.names + SUBJECT;
            permitted += load.permitted;
            let with_policies = load.policies + load.mappings;
            policies += with_policies;
            // Each name with each constraint above, each permitted subtree with each above and
            // in its own certificate, and so with policies.
            weight.comparisons +=
                names * constraints + load.permitted * permitted + with_policies * policies;
            constraints += load.permitted + load.excluded;
            weight.octets += certificate.der().len();
        }
        weight
    }

    /// Whether all certificates, the anchor's too, are valid at `at` (C11).
    ///
    /// # Errors
    /// The first date that does not hold, from the target upwards.
    pub fn check_dates(&self, at: OffsetDateTime) -> Result<(), Distrust> {
        self.links()
            .try_for_each(|(place, certificate, _)| dates(certificate, place, at))?;
        self.anchor.valid_at(at)
    }
}

/// A subject's name, and the e-mail addresses in it.
const SUBJECT: usize = 2;

/// What it costs to judge a path. No number in it can overflow: certificates have 16 KB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Octets of its certificates, each of which is decoded anew.
    pub(super) octets: usize,
    /// Names and policies that are compared with others.
    pub(super) comparisons: usize,
}

/// Judges one linear path by RFC 5280 §6.1: dates, basic constraints, key usage, names and name
/// constraints, policies, critical extensions. Signatures are verified already; revocation and the
/// rules for leaves are not its business.
pub trait Judge: Send + Sync {
    /// Judges `path` at `at`. `policies` are object identifiers in dotted form of which at least
    /// one must be valid for the path; empty: any policy or none.
    ///
    /// # Errors
    /// The rule that is broken, and by which certificate.
    fn judge(
        &self,
        path: &LinearPath,
        policies: &[String],
        at: OffsetDateTime,
    ) -> Result<(), Distrust>;
}
