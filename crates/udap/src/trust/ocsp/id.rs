//! CertID: how a request and an answer name one certificate (RFC 6960 §4.1.1).

use aws_lc_rs::digest::{self, Algorithm};
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use super::fields::Fields;
use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::trust::serials;

/// A hash that names an issuer. SHA-1 finds, it proves nothing: what binds an answer to an issuer is
/// the issuer's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdHash {
    /// What RFC 5019 §2.1.1 asks clients to use, and all that many responders know.
    Sha1,
    Sha256,
}

impl IdHash {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }

    fn from_oid(oid: &str) -> Option<Self> {
        match oid {
            "1.3.14.3.2.26" => Some(Self::Sha1),
            "2.16.840.1.101.3.4.2.1" => Some(Self::Sha256),
            _ => None,
        }
    }

    pub(super) fn of(self, bytes: &[u8]) -> digest::Digest {
        digest::digest(self.algorithm(), bytes)
    }
}

/// A CertID as it stands in an answer.
pub(super) struct CertId<'a> {
    /// `None` for a hash that we never ask for and do not compute.
    hash: Option<IdHash>,
    issuer_name: &'a [u8],
    issuer_key: &'a [u8],
    serial: &'a [u8],
}

impl<'a> CertId<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Option<Self> {
        let (rest, algorithm) = AlgorithmIdentifier::from_der(fields.0).ok()?;
        fields.0 = rest;
        let id = Self {
            hash: IdHash::from_oid(&algorithm.algorithm.to_id_string()),
            issuer_name: fields.universal(Tag::OctetString)?,
            issuer_key: fields.universal(Tag::OctetString)?,
            serial: fields.universal(Tag::Integer)?,
        };
        fields.end()?;
        Some(id)
    }

    /// Whether it names the certificate under an issuer that has this key. All three parts must
    /// fit, under SHA-1 as asked for or under SHA-256.
    pub(super) fn names(&self, certificate: &Certificate, key: &PublicKey) -> bool {
        let Some(hash) = self.hash else { return false };
        serials::minimal(self.serial).is_some_and(|serial| {
            serials::minimal(certificate.serial()).is_some_and(|wanted| wanted == serial)
        }) && hash.of(certificate.issuer_der()).as_ref() == self.issuer_name
            && hash.of(key.bit_string()).as_ref() == self.issuer_key
    }
}
