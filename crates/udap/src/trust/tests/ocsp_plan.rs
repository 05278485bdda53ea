//! OCSP responses in the making, of any content.

use aws_lc_rs::digest;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SigningKey};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::pki::{AT, Ca, raw_extension, tlv};
use crate::certificate::Certificate;
use crate::trust::{OcspAnswer, OcspError};

pub(super) const GOOD: &[u8] = &[0x80, 0];
pub(super) const UNKNOWN: &[u8] = &[0x82, 0];

pub(super) const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
pub(super) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];

/// id-pkix-ocsp-basic.
pub(super) const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];

pub(super) fn time(at: OffsetDateTime) -> Vec<u8> {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    tlv(0x18, at.format(&format).unwrap())
}

/// RevokedInfo with this reason.
pub(super) fn revoked(reason: u8) -> Vec<u8> {
    let reason = tlv(0xa0, tlv(0x0a, [reason]));
    tlv(0xa1, [time(AT - Duration::days(3)), reason].concat())
}

fn hash(oid: &[u8], bytes: &[u8]) -> Vec<u8> {
    let algorithm = match oid {
        SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        SHA256 => &digest::SHA256,
        _ => &digest::SHA384,
    };
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

/// SingleResponse.
#[derive(Clone)]
pub(super) struct Single {
    pub(super) hash: &'static [u8],
    pub(super) issuer_name: Vec<u8>,
    pub(super) issuer_key: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) status: Vec<u8>,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: Option<OffsetDateTime>,
    pub(super) extensions: Vec<u8>,
}

impl Single {
    /// Good for the usual two hours around now.
    pub(super) fn of(certificate: &Certificate, issuer: &Certificate) -> Self {
        Self {
            hash: SHA1,
            issuer_name: certificate.issuer_der().to_vec(),
            issuer_key: issuer.key().unwrap().bit_string().to_vec(),
            serial: certificate.serial().to_vec(),
            status: GOOD.to_vec(),
            this_update: AT - Duration::HOUR,
            next_update: Some(AT + Duration::HOUR),
            extensions: Vec::new(),
        }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let id = [
            tlv(0x30, [tlv(0x06, self.hash), vec![5, 0]].concat()),
            tlv(0x04, hash(self.hash, &self.issuer_name)),
            tlv(0x04, hash(self.hash, &self.issuer_key)),
            tlv(0x02, &self.serial),
        ];
        let next = self.next_update.map(|next| tlv(0xa0, time(next)));
        let fields = [
            tlv(0x30, id.concat()),
            self.status.clone(),
            time(self.this_update),
            next.unwrap_or_default(),
            wrapped(&self.extensions),
        ];
        tlv(0x30, fields.concat())
    }
}

fn wrapped(extensions: &[u8]) -> Vec<u8> {
    match extensions {
        [] => Vec::new(),
        extensions => tlv(0xa1, tlv(0x30, extensions)),
    }
}

/// An extension that nobody knows.
pub(super) fn strange(critical: bool) -> Vec<u8> {
    raw_extension(&[0x2b, 6, 1, 5, 5, 7, 48, 1, 99], critical, &[5, 0])
}

/// A whole response.
#[derive(Clone)]
pub(super) struct OcspPlan<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) issuer: &'a Certificate,
    pub(super) version: Vec<u8>,
    pub(super) responder: Vec<u8>,
    pub(super) signer: &'a KeyPair,
    pub(super) algorithm: Option<&'static [u8]>,
    pub(super) produced_at: OffsetDateTime,
    pub(super) singles: Vec<Single>,
    pub(super) extensions: Vec<u8>,
    pub(super) certificates: Vec<Vec<u8>>,
}

pub(super) fn by_name(certificate: &Certificate) -> Vec<u8> {
    tlv(0xa1, certificate.subject_der())
}

pub(super) fn by_key(certificate: &Certificate) -> Vec<u8> {
    let key = certificate.key().unwrap().bit_string();
    tlv(0xa2, tlv(0x04, hash(SHA1, key)))
}

impl<'a> OcspPlan<'a> {
    /// The CA itself says that the certificate is good.
    pub(super) fn of(ca: &'a Ca, certificate: &'a Certificate) -> Self {
        Self {
            certificate,
            issuer: &ca.certificate,
            version: Vec::new(),
            responder: by_name(&ca.certificate),
            signer: &ca.key,
            algorithm: None,
            produced_at: AT - Duration::HOUR,
            singles: vec![Single::of(certificate, &ca.certificate)],
            extensions: Vec::new(),
            certificates: Vec::new(),
        }
    }

    /// Changes its only status.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Single)) -> Self {
        change(&mut self.singles[0]);
        self
    }

    pub(super) fn status(self, status: &[u8]) -> Self {
        self.with(|single| single.status = status.to_vec())
    }

    /// Signed by another, whose certificate comes along.
    pub(super) fn by(mut self, signer: &'a Ca) -> Self {
        self.responder = by_name(&signer.certificate);
        self.signer = &signer.key;
        self.certificates = vec![signer.certificate.der().to_vec()];
        self
    }

    /// BasicOCSPResponse.
    pub(super) fn basic(&self) -> Vec<u8> {
        let singles: Vec<u8> = self.singles.iter().flat_map(Single::der).collect();
        let data = [
            self.version.clone(),
            self.responder.clone(),
            time(self.produced_at),
            tlv(0x30, singles),
            wrapped(&self.extensions),
        ];
        let data = tlv(0x30, data.concat());
        let own: &[u8] = if self.signer.algorithm() == &PKCS_RSA_SHA256 {
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]
        } else if self.signer.algorithm() == &PKCS_ECDSA_P384_SHA384 {
            &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]
        } else {
            &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]
        };
        let algorithm = tlv(0x30, tlv(0x06, self.algorithm.unwrap_or(own)));
        let signature = self.signer.sign(&data).unwrap();
        let signature = tlv(0x03, [vec![0], signature].concat());
        let certificates = match self.certificates.concat() {
            none if none.is_empty() => none,
            certificates => tlv(0xa0, tlv(0x30, certificates)),
        };
        tlv(0x30, [data, algorithm, signature, certificates].concat())
    }

    pub(super) fn der(&self) -> Vec<u8> {
        response(BASIC, &self.basic())
    }

    pub(super) fn read(&self) -> Result<OcspAnswer, OcspError> {
        OcspAnswer::read(&self.der(), self.certificate, self.issuer, AT)
    }

    #[track_caller]
    pub(super) fn answer(&self) -> OcspAnswer {
        self.read().unwrap()
    }

    #[track_caller]
    pub(super) fn error(&self) -> OcspError {
        self.read().unwrap_err()
    }
}

/// A successful OCSPResponse of a type and content.
pub(super) fn response(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let bytes = [tlv(0x06, kind), tlv(0x04, content)].concat();
    let bytes = tlv(0xa0, tlv(0x30, bytes));
    tlv(0x30, [tlv(0x0a, [0]), bytes].concat())
}
