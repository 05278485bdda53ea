//! One line of the index, and what it says.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CheckedMetadata, KeyAlgorithm, RevocationReason, Serial, Subject};

/// Which of the two authorities signed a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerRole {
    /// The root.
    Root,
    /// The issuing CA below it.
    Intermediate,
}

impl IssuerRole {
    /// Both, from the top.
    pub const ALL: [Self; 2] = [Self::Root, Self::Intermediate];

    /// The name as it stands in the index and in the names of files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// How a certificate follows an earlier one of the same holder (J03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Succession {
    /// Same key, same names: a later end.
    Renewal,
    /// Same names, another key.
    Rekey,
    /// The operator says that both have one holder.
    SameHolder,
}

impl Succession {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Renewal => "renewal",
            Self::Rekey => "rekey",
            Self::SameHolder => "same-holder",
        }
    }
}

/// An earlier certificate that a certificate follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// The earlier certificate.
    pub serial: Serial,
    /// How it is followed.
    pub kind: Succession,
}

/// One issued certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The earlier certificates of the same holder that it was issued upon.
    pub follows: Vec<Earlier>,
    /// The app's metadata, if they were judged before it was issued.
    pub metadata: Option<CheckedMetadata>,
}

impl Entry {
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

    pub(crate) fn party(&self) -> Party<'_> {
        Party {
            common_name: &self.common_name,
            organization: self.organization.as_deref(),
        }
    }
}

/// Who holds a URI (J03): the organisation, or whoever the common name says if there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party<'a> {
    common_name: &'a str,
    organization: Option<&'a str>,
}

impl<'a> Party<'a> {
    pub(crate) fn of(subject: &'a Subject) -> Self {
        Self {
            common_name: subject.common_name(),
            organization: subject.organization(),
        }
    }

    /// Letter case and spacing make no other party. Whether there is an organisation does.
    pub(crate) fn is(self, other: Party<'_>) -> bool {
        match (self.organization, other.organization) {
            (Some(one), Some(other)) => folded(one) == folded(other),
            (None, None) => folded(self.common_name) == folded(other.common_name),
            _ => false,
        }
    }
}

impl fmt::Display for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.organization {
            Some(organization) => write!(f, "{} ({organization})", self.common_name),
            None => f.write_str(self.common_name),
        }
    }
}

fn folded(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_its_organisation_or_without_one_its_name() {
        let party = |common_name, organization| Party {
            common_name,
            organization,
        };
        assert!(party("App", Some("Example Inc.")).is(party("Other", Some("EXAMPLE  inc."))));
        assert!(!party("App", Some("One")).is(party("App", Some("Two"))));
        assert!(party("App", None).is(party("app", None)));
        assert!(!party("App", None).is(party("App", Some("App"))));
    }
}
