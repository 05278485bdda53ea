//! A certificate authority in memory: certificate, key, and what it signs.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::Rng;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, PublicKeyData as _, SerialNumber,
};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime, UtcOffset};
use url::Url;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{
    Error, LeafRequest, PrivateKey, PublicKey, RevokedCertificate, Serial, Subject,
    key::Signer,
    profile::{ISSUING_CA_LIFETIME, ROOT_LIFETIME, Validity, issuing_ca_params, root_params},
};

/// Where an authority publishes its revocation list and its own certificate. The addresses stand
/// in what it issues; without them a certificate has no CDP or AIA extension (J08).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    crl_url: Option<String>,
    certificate_url: Option<String>,
}

impl Publication {
    /// Addresses of the revocation list and of the CA certificate, both DER.
    ///
    /// # Errors
    /// [`Error::InvalidPublicationUrl`] unless each is an absolute `http` URL: fetching either
    /// over TLS may need the very path that is being checked (RFC 5280 §8).
    pub fn new(crl_url: Option<&str>, certificate_url: Option<&str>) -> Result<Self, Error> {
        let checked = |url: &str| check_publication_url(url).map(|()| url.to_owned());
        Ok(Self {
            crl_url: crl_url.map(checked).transpose()?,
            certificate_url: certificate_url.map(checked).transpose()?,
        })
    }

    /// Where the revocation list is.
    #[must_use]
    pub fn crl_url(&self) -> Option<&str> {
        self.crl_url.as_deref()
    }

    /// Where the authority's own certificate is.
    #[must_use]
    pub fn certificate_url(&self) -> Option<&str> {
        self.certificate_url.as_deref()
    }
}

pub(crate) fn check_publication_url(url: &str) -> Result<(), Error> {
    let invalid = |reason| Error::InvalidPublicationUrl {
        url: url.to_owned(),
        reason,
    };
    // The text itself goes into the certificate, so it must be a URI before any repair.
    url.parse::<crate::SanUri>().map_err(|error| match error {
        Error::InvalidUri { reason, .. } => invalid(reason),
        other => other,
    })?;
    match Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "http" => Ok(()),
        _ => Err(invalid(
            "it is not an http URL (RFC 5280 §8: https may need the path being checked)",
        )),
    }
}

/// A certificate that an [`Authority`] signed, with the CA certificates that a peer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    serial: Serial,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl IssuedCertificate {
    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        to_pem(&self.der)
    }

    /// The certificate and the intermediates above it in PEM, without the root.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.certificates().map(to_pem).collect()
    }

    /// The certificate and the intermediates above it in DER, without the root.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.der.as_slice()).chain(self.chain.iter().map(Vec::as_slice))
    }

    /// The value of a JOSE header's `x5c` (RFC 7515 §4.1.6): leaf first, standard base64.
    #[must_use]
    pub fn x5c(&self) -> Vec<String> {
        self.certificates()
            .map(|der| BASE64_STANDARD.encode(der))
            .collect()
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// First second of validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Last second of validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// SHA-256 of the DER, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }
}

pub(crate) fn to_pem(der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config)
}

/// A CA's certificate with its key, ready to sign.
pub struct Authority {
    certificate: Vec<u8>,
    serial: Serial,
    /// The certificates that a peer needs besides the root: this one (unless it is the root).
    chain: Vec<Vec<u8>>,
    validity: Validity,
    publication: Publication,
    issuer: Issuer<'static, Signer>,
}

impl Authority {
    /// Makes a self-signed root, valid for [`ROOT_LIFETIME`] (J09).
    ///
    /// # Errors
    /// [`Error::Crypto`] if signing fails.
    pub fn new_root(
        subject: &Subject,
        key: PrivateKey,
        publication: Publication,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<Self, Error> {
        let validity = Validity::from_now(now, ROOT_LIFETIME);
        let params = root_params(subject, &Serial::random(rng), validity);
        let signer = key.into_signer();
        let certificate = params.self_signed(&signer)?.der().to_vec();
        Self::assemble(certificate, signer, true, publication)
    }

    /// Makes a CA below this one that may issue leaves only, valid for [`ISSUING_CA_LIFETIME`],
    /// shortened to this authority's own validity (J09).
    ///
    /// # Errors
    /// [`Error::IssuerNotValid`] outside this authority's validity; [`Error::Crypto`].
    pub fn new_issuing_ca(
        &self,
        subject: &Subject,
        key: PrivateKey,
        publication: Publication,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<Self, Error> {
        let validity = self.validity_from(now, ISSUING_CA_LIFETIME)?;
        let params = issuing_ca_params(subject, &Serial::random(rng), validity, &self.publication);
        let signer = key.into_signer();
        let certificate = params.signed_by(&signer, &self.issuer)?.der().to_vec();
        Self::assemble(certificate, signer, false, publication)
    }

    /// Issues the certificate of a CA below this one anew, for the same key: paths through the old
    /// one and its lists stay as they are (J09).
    ///
    /// # Errors
    /// Those of [`Authority::new_issuing_ca`]; [`Error::Unreadable`].
    pub fn renew_issuing_ca(
        &self,
        subordinate: &Self,
        subject: &Subject,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        let validity = self.validity_from(now, ISSUING_CA_LIFETIME)?;
        let serial = Serial::random(rng);
        let params = issuing_ca_params(subject, &serial, validity, &self.publication);
        let key = PublicKey::of_certificate(&subordinate.certificate)?;
        let certificate = params.signed_by(&key.for_signing()?, &self.issuer)?;
        Ok(IssuedCertificate {
            der: certificate.der().to_vec(),
            chain: Vec::new(),
            serial,
            not_before: validity.not_before,
            not_after: validity.not_after,
        })
    }

    /// The certificate's serial number.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Restores an authority from its certificate (DER) and key. `is_root` says whether the
    /// certificate is the trust anchor itself, which then stays out of every chain.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::NotACa`], [`Error::KeyMismatch`].
    pub fn from_parts(
        certificate: Vec<u8>,
        key: PrivateKey,
        is_root: bool,
        publication: Publication,
    ) -> Result<Self, Error> {
        Self::assemble(certificate, key.into_signer(), is_root, publication)
    }

    fn assemble(
        certificate: Vec<u8>,
        signer: Signer,
        is_root: bool,
        publication: Publication,
    ) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable {
            what: "CA certificate",
        };
        let (rest, parsed) = X509Certificate::from_der(&certificate).map_err(|_| unreadable())?;
        if !rest.is_empty() {
            return Err(unreadable());
        }
        let key_usage = parsed.key_usage().map_err(|_| unreadable())?;
        let may_sign =
            key_usage.is_some_and(|usage| usage.value.key_cert_sign() && usage.value.crl_sign());
        if !parsed.is_ca() || !may_sign {
            return Err(Error::NotACa);
        }
        if parsed.public_key().raw != signer.subject_public_key_info() {
            return Err(Error::KeyMismatch);
        }
        let validity = Validity {
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
        };
        let serial = Serial::from_be_bytes(parsed.raw_serial())?;
        let issuer = Issuer::from_ca_cert_der(&certificate.as_slice().into(), signer)?;
        let chain = if is_root {
            Vec::new()
        } else {
            vec![certificate.clone()]
        };
        Ok(Self {
            certificate,
            serial,
            chain,
            validity,
            publication,
            issuer,
        })
    }

    /// The CA certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The CA certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        to_pem(&self.certificate)
    }

    /// The CA certificate as something that was issued itself.
    #[must_use]
    pub fn as_issued(&self) -> IssuedCertificate {
        IssuedCertificate {
            der: self.certificate.clone(),
            chain: Vec::new(),
            serial: self.serial.clone(),
            not_before: self.validity.not_before,
            not_after: self.validity.not_after,
        }
    }

    /// Issues a leaf for `key`. Whether the URIs may go to this party (J03) is for the caller:
    /// see [`crate::CaDirectory::issue`].
    ///
    /// # Errors
    /// [`Error::NoSubjectAltName`], [`Error::KeyAlgorithmNotAllowed`],
    /// [`Error::LifetimeNotAllowed`], [`Error::InvalidUri`] by profile;
    /// [`Error::IssuerNotValid`] outside this authority's validity; [`Error::Crypto`].
    pub fn issue(
        &self,
        request: &LeafRequest,
        key: &PublicKey,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        request.check(key.algorithm())?;
        let validity = self.validity_from(now, request.lifetime)?;
        let serial = Serial::random(rng);
        let params = request.params(&serial, validity, &self.publication)?;
        let certificate = params.signed_by(&key.for_signing()?, &self.issuer)?;
        Ok(IssuedCertificate {
            der: certificate.der().to_vec(),
            chain: self.chain.clone(),
            serial,
            not_before: validity.not_before,
            not_after: validity.not_after,
        })
    }

    /// Signs a revocation list (v2, with its number and the authority key identifier) in DER.
    /// `number` must be above that of every earlier list (RFC 5280 §5.2.3).
    ///
    /// # Errors
    /// [`Error::CrlLifetimeNotAllowed`]; [`Error::IssuerNotValid`]; [`Error::Crypto`].
    pub fn sign_crl(
        &self,
        number: u64,
        revoked: &[RevokedCertificate],
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<Vec<u8>, Error> {
        if lifetime <= Duration::ZERO {
            return Err(Error::CrlLifetimeNotAllowed);
        }
        self.check_valid(now)?;
        let now = now.to_offset(UtcOffset::UTC);
        let key_identifier = self.key_identifier()?;
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: now.saturating_add(lifetime),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(RevokedCertificate::for_signing)
                .collect(),
            key_identifier_method: KeyIdMethod::PreSpecified(key_identifier),
        };
        Ok(params.signed_by(&self.issuer)?.der().to_vec())
    }

    /// The certificate's own subject key identifier, which its lists must name.
    fn key_identifier(&self) -> Result<Vec<u8>, Error> {
        let unreadable = || Error::Unreadable {
            what: "CA certificate",
        };
        let (_, parsed) = X509Certificate::from_der(&self.certificate).map_err(|_| unreadable())?;
        parsed
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(id) => {
                    Some(id.0.to_vec())
                }
                _ => None,
            })
            .ok_or_else(unreadable)
    }

    fn check_valid(&self, now: OffsetDateTime) -> Result<(), Error> {
        if self.validity.contains(now) {
            return Ok(());
        }
        let Validity {
            not_before,
            not_after,
        } = self.validity;
        Err(Error::IssuerNotValid {
            not_before,
            not_after,
        })
    }

    fn validity_from(&self, now: OffsetDateTime, lifetime: Duration) -> Result<Validity, Error> {
        self.check_valid(now)?;
        Ok(Validity::from_now(now, lifetime).clamped_to(self.validity))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}
