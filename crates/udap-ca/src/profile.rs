//! What the community's certificates look like (requirement list J01-J09).

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::{
    CheckedMetadata, Error, KeyAlgorithm, PolicyOid, ProfileName, Publication, SanHost, SanUri,
    Serial,
    extension::{ca_issuers, certificate_policies},
};

/// Root certificates: 20 years (J09).
pub const ROOT_LIFETIME: Duration = Duration::days(20 * 365 + 5);
/// Issuing CA certificates: 5 years (J09).
pub const ISSUING_CA_LIFETIME: Duration = Duration::days(5 * 365 + 1);
/// Leaves, unless asked otherwise: 1 year (J07).
pub const LEAF_LIFETIME: Duration = Duration::days(365);
/// Leaves at most: 2 years (J07).
pub const MAX_LEAF_LIFETIME: Duration = Duration::days(2 * 365 + 1);
/// Revocation lists: 7 days (J09).
pub const CRL_LIFETIME: Duration = Duration::days(7);
/// Validity begins so long before the time of issuing, for peers whose clock is late (J07).
pub const BACKDATE: Duration = Duration::minutes(5);

/// RFC 5280 appendix A, ub-common-name and ub-organization-name.
const MAX_NAME_CHARACTERS: usize = 64;

/// A certificate's subject. The organisation says who a party is, or the common name where there is
/// none (J03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    common_name: String,
    organization: Option<String>,
}

impl Subject {
    /// A subject; white space around the names is dropped.
    ///
    /// # Errors
    /// [`Error::InvalidSubject`] if a name is empty, has more than 64 characters (RFC 5280
    /// appendix A) or holds control characters.
    pub fn new(common_name: &str, organization: Option<&str>) -> Result<Self, Error> {
        let common_name = checked_name("common name", common_name)?;
        let organization = organization
            .map(|name| checked_name("organisation", name))
            .transpose()?;
        Ok(Self {
            common_name,
            organization,
        })
    }

    /// The common name.
    #[must_use]
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// The organisation.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    fn distinguished_name(&self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        if let Some(organization) = &self.organization {
            name.push(DnType::OrganizationName, organization.as_str());
        }
        name.push(DnType::CommonName, self.common_name.as_str());
        name
    }
}

fn checked_name(field: &'static str, name: &str) -> Result<String, Error> {
    let name = name.trim();
    let reason = if name.is_empty() {
        "is empty"
    } else if name.chars().count() > MAX_NAME_CHARACTERS {
        "has more than 64 characters"
    } else if name.chars().any(char::is_control) {
        "holds control characters"
    } else {
        return Ok(name.to_owned());
    };
    Err(Error::InvalidSubject { field, reason })
}

/// What a leaf is for, and the names that come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafProfile {
    /// Signs software statements and authentication tokens; each URI is a client URI (J01).
    UdapClient {
        /// Client URIs, at least one.
        uris: Vec<SanUri>,
    },
    /// Signs a server's metadata, so it needs RSA (J04).
    UdapServer {
        /// The FHIR base URLs that it serves, at least one, character for character (J01).
        base_urls: Vec<SanUri>,
    },
    /// An ordinary TLS server inside the community.
    TlsServer {
        /// Host names and addresses, at least one.
        hosts: Vec<SanHost>,
    },
}

impl LeafProfile {
    /// The profile without its names.
    #[must_use]
    pub const fn name(&self) -> ProfileName {
        match self {
            Self::UdapClient { .. } => ProfileName::Client,
            Self::UdapServer { .. } => ProfileName::Server,
            Self::TlsServer { .. } => ProfileName::Tls,
        }
    }

    /// The URIs among its names.
    #[must_use]
    pub fn uris(&self) -> &[SanUri] {
        match self {
            Self::UdapClient { uris } => uris,
            Self::UdapServer { base_urls } => base_urls,
            Self::TlsServer { .. } => &[],
        }
    }

    /// All its names as text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::TlsServer { hosts } => hosts.iter().map(SanHost::to_string).collect(),
            _ => self.uris().iter().map(SanUri::to_string).collect(),
        }
    }

    fn extended_key_usages(&self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        match self {
            Self::UdapClient { .. } => vec![ClientAuth],
            Self::UdapServer { .. } => vec![ServerAuth, ClientAuth],
            Self::TlsServer { .. } => vec![ServerAuth],
        }
    }
}

/// A leaf certificate to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRequest {
    /// What it is for.
    pub profile: LeafProfile,
    /// To whom it is issued.
    pub subject: Subject,
    /// How long it is valid; shortened to the issuer's own validity.
    pub lifetime: Duration,
    /// Certificate policies, if the community has any (J08).
    pub policies: Vec<PolicyOid>,
    /// The app's metadata, if it was judged; it stands in the index, not in the certificate.
    pub metadata: Option<CheckedMetadata>,
}

impl LeafRequest {
    /// A request with the default lifetime, no policies and no metadata.
    #[must_use]
    pub fn new(profile: LeafProfile, subject: Subject) -> Self {
        Self {
            profile,
            subject,
            lifetime: LEAF_LIFETIME,
            policies: Vec::new(),
            metadata: None,
        }
    }

    /// Whether the profile allows it for a key of this kind.
    ///
    /// # Errors
    /// Those of [`crate::Authority::issue`] that the request alone decides.
    pub fn check(&self, key: KeyAlgorithm) -> Result<(), Error> {
        let profile = self.profile.name();
        if self.profile.names().is_empty() {
            return Err(Error::NoSubjectAltName);
        }
        if let LeafProfile::UdapServer { base_urls } = &self.profile {
            if !key.is_rsa() {
                return Err(Error::KeyAlgorithmNotAllowed {
                    profile: profile.as_str(),
                    algorithm: key,
                    reason: "signed metadata is signed with RS256, which needs RSA",
                });
            }
            if let Some(url) = base_urls.iter().find(|url| !url.is_http()) {
                return Err(Error::InvalidUri {
                    uri: url.to_string(),
                    reason: "a FHIR base URL is an http or https URL",
                });
            }
        }
        if self.lifetime <= Duration::ZERO || self.lifetime > MAX_LEAF_LIFETIME {
            return Err(Error::LifetimeNotAllowed {
                profile: profile.as_str(),
                maximum_days: MAX_LEAF_LIFETIME.whole_days(),
            });
        }
        Ok(())
    }

    pub(crate) fn params(
        &self,
        serial: &Serial,
        validity: Validity,
        publication: &Publication,
    ) -> Result<CertificateParams, Error> {
        let mut params = base_params(&self.subject, serial, validity);
        params.subject_alt_names = match &self.profile {
            LeafProfile::TlsServer { hosts } => hosts
                .iter()
                .map(SanHost::for_signing)
                .collect::<Result<_, _>>()?,
            _ => self
                .profile
                .uris()
                .iter()
                .map(SanUri::for_signing)
                .collect::<Result<_, _>>()?,
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.profile.extended_key_usages();
        publish(&mut params, publication);
        if !self.policies.is_empty() {
            params
                .custom_extensions
                .push(certificate_policies(&self.policies));
        }
        Ok(params)
    }
}

/// First and last second of a certificate's validity, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

impl Validity {
    pub(crate) fn from_now(now: OffsetDateTime, lifetime: Duration) -> Self {
        // Certificates know whole seconds only.
        let now = now.to_offset(UtcOffset::UTC);
        let now = now.replace_nanosecond(0).unwrap_or(now);
        Self {
            not_before: now.saturating_sub(BACKDATE),
            not_after: now.saturating_add(lifetime),
        }
    }

    pub(crate) fn contains(self, now: OffsetDateTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    pub(crate) fn clamped_to(self, outer: Self) -> Self {
        Self {
            not_before: self.not_before.max(outer.not_before),
            not_after: self.not_after.min(outer.not_after),
        }
    }
}

/// A community's root: nothing above it, so no address of a revocation list either.
pub(crate) fn root_params(
    subject: &Subject,
    serial: &Serial,
    validity: Validity,
) -> CertificateParams {
    let mut params = base_params(subject, serial, validity);
    params.use_authority_key_identifier_extension = false;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A CA that issues leaves only (path length 0).
pub(crate) fn issuing_ca_params(
    subject: &Subject,
    serial: &Serial,
    validity: Validity,
    publication: &Publication,
) -> CertificateParams {
    let mut params = base_params(subject, serial, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    publish(&mut params, publication);
    params
}

fn base_params(subject: &Subject, serial: &Serial, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name();
    params.serial_number = Some(serial.for_signing());
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    params.use_authority_key_identifier_extension = true;
    params
}

fn publish(params: &mut CertificateParams, publication: &Publication) {
    if let Some(url) = publication.crl_url() {
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec![url.to_owned()],
        }];
    }
    if let Some(url) = publication.certificate_url() {
        params.custom_extensions.push(ca_issuers(url));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_trimmed_and_checked() {
        let subject = Subject::new("  Example App ", Some("Example Inc.")).unwrap();
        assert_eq!(
            (subject.common_name(), subject.organization()),
            ("Example App", Some("Example Inc."))
        );
        assert!(Subject::new(" ", None).is_err());
        assert!(Subject::new("App", Some("")).is_err());
        assert!(Subject::new("App\n", None).is_ok(), "trimmed");
        assert!(Subject::new("A\u{0}pp", None).is_err());
        assert!(Subject::new(&"ü".repeat(64), None).is_ok());
        assert!(Subject::new(&"ü".repeat(65), None).is_err());
    }

    /// Proves: J04
    #[test]
    fn a_server_certificate_needs_rsa_and_http_base_urls() {
        let request = |url: &str| {
            let base_urls = vec![url.parse().unwrap()];
            LeafRequest::new(
                LeafProfile::UdapServer { base_urls },
                Subject::new("EMR", None).unwrap(),
            )
        };
        let good = request("https://emr.example.org/fhir");
        assert!(good.check(KeyAlgorithm::Rsa2048).is_ok());
        assert!(matches!(
            good.check(KeyAlgorithm::P256),
            Err(Error::KeyAlgorithmNotAllowed { .. })
        ));
        assert!(
            request("urn:oid:2.999")
                .check(KeyAlgorithm::Rsa2048)
                .is_err()
        );
    }

    /// Proves: J01, J07
    #[test]
    fn a_leaf_needs_a_name_and_a_lifetime_up_to_two_years() {
        let subject = Subject::new("App", None).unwrap();
        let none = LeafRequest::new(LeafProfile::UdapClient { uris: vec![] }, subject.clone());
        assert!(matches!(
            none.check(KeyAlgorithm::P256),
            Err(Error::NoSubjectAltName)
        ));

        let uris = vec!["https://app.example.org".parse().unwrap()];
        let mut request = LeafRequest::new(LeafProfile::UdapClient { uris }, subject);
        for (days, fits) in [
            (0, false),
            (-1, false),
            (1, true),
            (731, true),
            (732, false),
        ] {
            request.lifetime = Duration::days(days);
            assert_eq!(request.check(KeyAlgorithm::P256).is_ok(), fits, "{days}");
        }
    }
}
