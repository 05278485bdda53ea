//! What rules look at.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{
        BasicConstraints, DistributionPointName, ExtendedKeyUsage, GeneralName, KeyUsage,
        ParsedExtension,
    },
    prelude::FromDer as _,
};

use crate::{Error, SanUri};

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A UDAP client.
    Client,
    /// A UDAP server, which signs metadata.
    Server,
    /// A TLS server.
    Tls,
    /// A certificate authority.
    Ca,
}

impl Kind {
    /// Every kind that is no authority.
    pub(super) const LEAVES: &'static [Self] = &[Self::Client, Self::Server, Self::Tls];
    /// Those that stand in an `x5c`.
    pub(super) const UDAP: &'static [Self] = &[Self::Client, Self::Server];
    /// All.
    pub(super) const ALL: &'static [Self] = &[Self::Client, Self::Server, Self::Tls, Self::Ca];

    /// The name as it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Tls => "tls",
            Self::Ca => "ca",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let kind = Self::ALL.iter().find(|kind| kind.as_str() == name);
        kind.copied()
            .ok_or_else(|| "one of client, server, tls, ca".to_owned())
    }
}

/// An extension that can be there once, with whether it is critical.
pub(super) struct Found<'a, T> {
    pub(super) critical: bool,
    pub(super) value: &'a T,
}

/// A certificate, and what was read from it once.
pub(super) struct Facts<'a> {
    pub(super) certificate: X509Certificate<'a>,
    pub(super) kind: Kind,
    pub(super) now: OffsetDateTime,
}

impl<'a> Facts<'a> {
    pub(super) fn read(
        der: &'a [u8],
        kind: Option<Kind>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable {
            what: "certificate",
        };
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| unreadable())?;
        if !rest.is_empty() {
            return Err(unreadable());
        }
        let mut facts = Self {
            certificate,
            kind: Kind::Client,
            now,
        };
        facts.kind = kind.unwrap_or_else(|| facts.guess());
        Ok(facts)
    }

    fn guess(&self) -> Kind {
        let has_uri = !self.uris().is_empty();
        let serves = self
            .extended_key_usage()
            .is_some_and(|usage| usage.value.server_auth);
        let is_ca = self
            .basic_constraints()
            .is_some_and(|constraints| constraints.value.ca);
        match (has_uri, serves) {
            (false, _) if is_ca => Kind::Ca,
            (true, true) => Kind::Server,
            (false, true) => Kind::Tls,
            _ => Kind::Client,
        }
    }

    fn find<T>(
        &self,
        pick: impl for<'e> Fn(&'e ParsedExtension<'a>) -> Option<&'e T>,
    ) -> Option<Found<'_, T>> {
        self.certificate.iter_extensions().find_map(|extension| {
            Some(Found {
                critical: extension.critical,
                value: pick(extension.parsed_extension())?,
            })
        })
    }

    pub(super) fn basic_constraints(&self) -> Option<Found<'_, BasicConstraints>> {
        self.find(|one| match one {
            ParsedExtension::BasicConstraints(found) => Some(found),
            _ => None,
        })
    }

    pub(super) fn key_usage(&self) -> Option<Found<'_, KeyUsage>> {
        self.find(|one| match one {
            ParsedExtension::KeyUsage(found) => Some(found),
            _ => None,
        })
    }

    pub(super) fn extended_key_usage(&self) -> Option<Found<'_, ExtendedKeyUsage<'a>>> {
        self.find(|one| match one {
            ParsedExtension::ExtendedKeyUsage(found) => Some(found),
            _ => None,
        })
    }

    /// The subject alternative name.
    pub(super) fn names(&self) -> Option<Found<'_, Vec<GeneralName<'a>>>> {
        self.find(|one| match one {
            ParsedExtension::SubjectAlternativeName(found) => Some(&found.general_names),
            _ => None,
        })
    }

    pub(super) fn uris(&self) -> Vec<&str> {
        let names = self.names().map(|names| names.value.iter());
        names
            .into_iter()
            .flatten()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            })
            .collect()
    }

    /// The URIs that keep RFC 3986 and RFC 5280.
    pub(super) fn sound_uris(&self) -> Vec<SanUri> {
        self.uris()
            .iter()
            .filter_map(|uri| uri.parse().ok())
            .collect()
    }

    /// Addresses of revocation lists.
    pub(super) fn crl_urls(&self) -> Vec<&str> {
        let mut urls = Vec::new();
        for extension in self.certificate.iter_extensions() {
            let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension()
            else {
                continue;
            };
            for point in &points.points {
                if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                    urls.extend(names.iter().filter_map(|name| match name {
                        GeneralName::URI(uri) => Some(*uri),
                        _ => None,
                    }));
                }
            }
        }
        urls
    }

    /// Addresses of authority information access, by the access method.
    pub(super) fn access_urls(&self, method: &str) -> Vec<&str> {
        let mut urls = Vec::new();
        for extension in self.certificate.iter_extensions() {
            let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
                continue;
            };
            for description in &access.accessdescs {
                if let GeneralName::URI(uri) = description.access_location
                    && description.access_method.to_id_string() == method
                {
                    urls.push(uri);
                }
            }
        }
        urls
    }

    /// Whether there is an extension, by its object identifier.
    pub(super) fn has(&self, oid: &str) -> bool {
        self.certificate
            .iter_extensions()
            .any(|extension| extension.oid.to_id_string() == oid)
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.certificate.subject().as_raw() == self.certificate.issuer().as_raw()
    }

    pub(super) fn lifetime(&self) -> time::Duration {
        let validity = self.certificate.validity();
        validity.not_after.to_datetime() - validity.not_before.to_datetime()
    }
}

/// `broken` as what breaks a rule that needs no more words.
pub(super) fn if_so(broken: bool) -> Option<String> {
    broken.then(String::new)
}
