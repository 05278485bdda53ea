//! What the authority has issued, to whom, and what it has revoked.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::{
    Error, IssuedCertificate, KeyAlgorithm, LeafProfile, RevocationReason, RevokedCertificate,
    Serial, Subject,
};

/// The layout of the index that this program writes.
pub(crate) const INDEX_VERSION: u32 = 1;

/// Which of the two authorities signed a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerRole {
    /// The root.
    Root,
    /// The issuing CA below it.
    Intermediate,
}

/// A certificate's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// The issuing CA.
    IssuingCa,
    /// A UDAP client.
    Client,
    /// A UDAP server.
    Server,
    /// A TLS server.
    Tls,
}

impl ProfileName {
    /// The name as it stands in the index.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IssuingCa => "issuing-ca",
            Self::Client => "client",
            Self::Server => "server",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When and why a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

/// Where a certificate stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateStatus {
    /// Neither revoked nor past its end.
    Valid,
    /// Past its end.
    Expired,
    /// Revoked, whether past its end or not.
    Revoked,
}

/// One issued certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its serial number.
    pub serial: Serial,
    /// Who signed it.
    pub issuer: IssuerRole,
    /// What it is for.
    pub profile: ProfileName,
    /// The subject's common name.
    pub common_name: String,
    /// The subject's organisation.
    pub organization: Option<String>,
    /// The URIs, or hosts, in its subject alternative name.
    pub names: Vec<String>,
    /// The kind of its key.
    pub key: KeyAlgorithm,
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// SHA-256 of its DER, in hexadecimal.
    pub fingerprint: String,
    /// Set once it is revoked.
    pub revocation: Option<Revocation>,
}

impl Entry {
    pub(crate) fn new(
        certificate: &IssuedCertificate,
        issuer: IssuerRole,
        profile: ProfileName,
        subject: &Subject,
        names: Vec<String>,
        key: KeyAlgorithm,
    ) -> Self {
        Self {
            serial: certificate.serial().clone(),
            issuer,
            profile,
            common_name: subject.common_name().to_owned(),
            organization: subject.organization().map(str::to_owned),
            names,
            key,
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            fingerprint: certificate.fingerprint(),
            revocation: None,
        }
    }

    /// Where the certificate stands at `now`.
    #[must_use]
    pub fn status(&self, now: OffsetDateTime) -> CertificateStatus {
        if self.revocation.is_some() {
            CertificateStatus::Revoked
        } else if now > self.not_after {
            CertificateStatus::Expired
        } else {
            CertificateStatus::Valid
        }
    }

    fn is_of(&self, subject: &Subject) -> bool {
        self.common_name == subject.common_name()
            && self.organization.as_deref() == subject.organization()
    }

    fn party(&self) -> String {
        match &self.organization {
            Some(organization) => format!("{} ({organization})", self.common_name),
            None => self.common_name.clone(),
        }
    }
}

/// The authority's memory: settings, revocation list numbers and every certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    pub(crate) version: u32,
    /// The community's URI, if it was told.
    pub community: Option<String>,
    /// The folder of URLs under which the revocation lists are published.
    pub crl_base_url: Option<String>,
    /// The folder of URLs under which the CA certificates are published.
    pub certificate_base_url: Option<String>,
    pub(crate) crl_lifetime_seconds: i64,
    /// Number of the root's latest revocation list.
    pub root_crl_number: u64,
    /// Number of the issuing CA's latest revocation list.
    pub intermediate_crl_number: u64,
    /// Every certificate ever issued, oldest first.
    pub certificates: Vec<Entry>,
}

impl Index {
    /// Refuses URIs that were ever issued to another party, live certificate or former (J03).
    /// URIs that some server takes for equal (letter case, trailing slash) count as equal.
    ///
    /// # Errors
    /// [`Error::UriBelongsToAnother`].
    pub fn check_party(&self, profile: &LeafProfile, subject: &Subject) -> Result<(), Error> {
        let asked: HashSet<String> = profile.uris().iter().map(crate::SanUri::likeness).collect();
        for entry in self
            .certificates
            .iter()
            .filter(|entry| !entry.is_of(subject))
        {
            for name in &entry.names {
                let taken = name.parse::<crate::SanUri>().map(|uri| uri.likeness());
                if taken.is_ok_and(|likeness| asked.contains(&likeness)) {
                    return Err(Error::UriBelongsToAnother {
                        uri: name.clone(),
                        party: entry.party(),
                        serial: entry.serial.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The certificate with this serial number.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<&Entry> {
        self.certificates
            .iter()
            .find(|entry| entry.serial == *serial)
    }

    pub(crate) fn add(&mut self, entry: Entry) -> Result<(), Error> {
        if self.find(&entry.serial).is_some() {
            return Err(Error::SerialRepeated {
                serial: entry.serial,
            });
        }
        self.certificates.push(entry);
        Ok(())
    }

    /// Marks a certificate; one on hold may be revoked for good later.
    pub(crate) fn revoke(
        &mut self,
        serial: &Serial,
        reason: RevocationReason,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let entry = self
            .certificates
            .iter_mut()
            .find(|entry| entry.serial == *serial)
            .ok_or_else(|| Error::UnknownSerial {
                serial: serial.clone(),
            })?;
        let hold = RevocationReason::CertificateHold;
        match entry.revocation {
            Some(earlier) if earlier.reason != hold || reason == hold => {
                Err(Error::AlreadyRevoked {
                    serial: serial.clone(),
                })
            }
            // A hold that becomes final keeps the date from which the certificate was refused.
            Some(earlier) => {
                entry.revocation = Some(Revocation {
                    at: earlier.at,
                    reason,
                });
                Ok(())
            }
            None => {
                entry.revocation = Some(Revocation { at: now, reason });
                Ok(())
            }
        }
    }

    /// The lines of an authority's revocation list. Expired certificates stay on it: RFC 5280
    /// §3.3 wants them on at least one list after their end, and old statements stay checkable.
    pub(crate) fn revoked_by(&self, issuer: IssuerRole) -> Vec<RevokedCertificate> {
        self.certificates
            .iter()
            .filter(|entry| entry.issuer == issuer)
            .filter_map(|entry| {
                let Revocation { at, reason } = entry.revocation?;
                Some(RevokedCertificate {
                    serial: entry.serial.clone(),
                    at,
                    reason,
                })
            })
            .collect()
    }

    pub(crate) fn issuing_ca_is_revoked(&self) -> bool {
        self.certificates
            .iter()
            .any(|entry| entry.profile == ProfileName::IssuingCa && entry.revocation.is_some())
    }

    /// The number for an authority's next list; it never repeats.
    pub(crate) fn next_crl_number(&mut self, issuer: IssuerRole) -> u64 {
        let number = match issuer {
            IssuerRole::Root => &mut self.root_crl_number,
            IssuerRole::Intermediate => &mut self.intermediate_crl_number,
        };
        *number = number.saturating_add(1);
        *number
    }

    /// How long a revocation list is valid.
    #[must_use]
    pub fn crl_lifetime(&self) -> Duration {
        Duration::seconds(self.crl_lifetime_seconds)
    }
}
