//! Issuing, renewing and rekeying.

use rand::Rng;
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate, extensions::ParsedExtension, prelude::FromDer as _,
};

use super::CaDirectory;
use crate::{
    Earlier, Entry, Error, IssuedCertificate, IssuerRole, KeyAlgorithm, LeafProfile, LeafRequest,
    PolicyOid, PrivateKey, ProfileName, PublicKey, Renewal, Serial, Subject, Succession,
    index::NewEntry, profile::LEAF_LIFETIME,
};

impl CaDirectory {
    /// Issues a leaf for a key whose private half is elsewhere.
    ///
    /// # Errors
    /// [`Error::UriBelongsToAnother`], [`Error::UriIssuedBefore`], [`Error::KeyBelongsToAnother`],
    /// [`Error::KeyCompromised`] (J03); [`Error::KeyOfTheAuthority`]; [`Error::IssuerRevoked`];
    /// those of [`crate::Authority::issue`]; [`Error::Index`]; [`Error::Io`].
    pub fn issue(
        &mut self,
        request: &LeafRequest,
        key: &PublicKey,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        self.issue_upon(request, key, &[], now, rng)
    }

    /// Issues a leaf with URIs that were issued before: the operator says that the holder is that of
    /// these earlier certificates, and the index keeps it (J03).
    ///
    /// # Errors
    /// [`Error::NotTheSameHolder`]; [`Error::UnknownSerial`]; those of [`CaDirectory::issue`].
    pub fn issue_to_same_holder(
        &mut self,
        request: &LeafRequest,
        key: &PublicKey,
        earlier: &[Serial],
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        let follows: Vec<Earlier> = earlier
            .iter()
            .map(|serial| Earlier {
                serial: serial.clone(),
                kind: Succession::SameHolder,
            })
            .collect();
        self.issue_upon(request, key, &follows, now, rng)
    }

    /// Issues a certificate like an earlier one, for the same key, with new dates.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`]; [`Error::NotALeaf`]; [`Error::RevokedNotRenewed`]; those of
    /// [`CaDirectory::issue`].
    pub fn renew(
        &mut self,
        serial: &Serial,
        renewal: Renewal,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        let (earlier, key) = self.succeeded(serial)?;
        if earlier.revocation.is_some() {
            return Err(Error::RevokedNotRenewed {
                serial: serial.clone(),
            });
        }
        let request = self.request_like(&earlier, renewal)?;
        self.issue_upon(&request, &key, &upon(serial, Succession::Renewal), now, rng)
    }

    /// Issues a certificate like an earlier one for another key. The earlier one stays as it is:
    /// whether it is to be revoked is for the operator to say.
    ///
    /// # Errors
    /// [`Error::SameKey`]; those of [`CaDirectory::renew`], but for a revoked one: its holder may
    /// need nothing more than a new key.
    pub fn rekey(
        &mut self,
        serial: &Serial,
        key: &PublicKey,
        renewal: Renewal,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        let (earlier, old_key) = self.succeeded(serial)?;
        if old_key == *key {
            return Err(Error::SameKey {
                serial: serial.clone(),
            });
        }
        let request = self.request_like(&earlier, renewal)?;
        self.issue_upon(&request, key, &upon(serial, Succession::Rekey), now, rng)
    }

    /// Makes a key and issues a leaf for it. The key is returned, not kept.
    ///
    /// # Errors
    /// Those of [`CaDirectory::issue`].
    pub fn issue_with_new_key(
        &mut self,
        request: &LeafRequest,
        algorithm: KeyAlgorithm,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<(IssuedCertificate, PrivateKey), Error> {
        // Before the costly key.
        request.check(algorithm)?;
        let key = PrivateKey::generate(algorithm)?;
        let issued = self.issue(request, key.public_key(), now, rng)?;
        Ok((issued, key))
    }

    fn issue_upon(
        &mut self,
        request: &LeafRequest,
        key: &PublicKey,
        follows: &[Earlier],
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        if self.issuing_ca()?.revocation.is_some() {
            return Err(Error::IssuerRevoked);
        }
        for issuer in IssuerRole::ALL {
            if self.public_key_of(issuer)? == *key {
                return Err(Error::KeyOfTheAuthority);
            }
        }
        let issued = self.intermediate.issue(request, key, now, rng)?;
        let new = NewEntry {
            certificate: &issued,
            issuer: IssuerRole::Intermediate,
            profile: request.profile.name(),
            subject: &request.subject,
            names: request.profile.names(),
            uris: request.profile.uris(),
            key,
            follows,
            metadata: request.metadata.as_ref(),
        };
        // The index first: no certificate ever exists that could not be revoked.
        self.index.add_leaf(request, &new)?;
        self.file(issued.serial(), &issued.chain_pem())?;
        Ok(issued)
    }

    /// An earlier leaf with its key.
    fn succeeded(&self, serial: &Serial) -> Result<(Entry, PublicKey), Error> {
        let entry = self.index.known(serial)?;
        if entry.profile == ProfileName::IssuingCa {
            return Err(Error::NotALeaf {
                serial: serial.clone(),
            });
        }
        let key = PublicKey::of_certificate(&self.index.certificate_der(serial)?)?;
        Ok((entry, key))
    }

    /// The request that an earlier certificate would answer.
    fn request_like(&self, earlier: &Entry, renewal: Renewal) -> Result<LeafRequest, Error> {
        let uris = || {
            let names = earlier.names.iter();
            names.map(|name| name.parse()).collect::<Result<_, _>>()
        };
        let profile = match earlier.profile {
            ProfileName::Client => LeafProfile::UdapClient { uris: uris()? },
            ProfileName::Server => LeafProfile::UdapServer { base_urls: uris()? },
            ProfileName::Tls => LeafProfile::TlsServer {
                hosts: earlier
                    .names
                    .iter()
                    .map(|name| name.parse())
                    .collect::<Result<_, _>>()?,
            },
            ProfileName::IssuingCa => {
                return Err(Error::NotALeaf {
                    serial: earlier.serial.clone(),
                });
            }
        };
        let subject = Subject::new(&earlier.common_name, earlier.organization.as_deref())?;
        let der = self.index.certificate_der(&earlier.serial)?;
        Ok(LeafRequest {
            profile,
            subject,
            lifetime: renewal.lifetime.unwrap_or(LEAF_LIFETIME),
            policies: policies(&der)?,
            metadata: renewal.metadata,
        })
    }
}

fn upon(serial: &Serial, kind: Succession) -> [Earlier; 1] {
    [Earlier {
        serial: serial.clone(),
        kind,
    }]
}

/// A certificate's policies.
fn policies(der: &[u8]) -> Result<Vec<PolicyOid>, Error> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Error::Unreadable {
        what: "certificate in the index",
    })?;
    let found =
        certificate
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::CertificatePolicies(policies) => Some(policies),
                _ => None,
            });
    found
        .into_iter()
        .flatten()
        .map(|policy| policy.policy_id.to_id_string().parse())
        .collect()
}
