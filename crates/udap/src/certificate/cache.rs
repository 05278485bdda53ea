//! Certificates that were decoded before.

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::{Certificate, CertificateError};

/// Octets of DER that are remembered. Decoded, a certificate takes about four times as much.
const REMEMBERED_BYTES: u64 = 4 * 1024 * 1024;

/// Certificates of that many octets: one of an RSA-2048 key has about 1,000.
const REMEMBERED_CERTIFICATES: usize = 4 * 1024;

/// Decoded certificates by the SHA-256 of their DER, which they are a function of.
///
/// Only what was on a trusted path is remembered, so strangers cannot crowd it out.
pub(crate) struct CertificateCache(Cache<[u8; 32], Certificate, DerLength>);

#[derive(Clone)]
struct DerLength;

impl Weighter<[u8; 32], Certificate> for DerLength {
    fn weight(&self, _fingerprint: &[u8; 32], certificate: &Certificate) -> u64 {
        certificate.der().len() as u64
    }
}

impl CertificateCache {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(
            REMEMBERED_CERTIFICATES,
            REMEMBERED_BYTES,
            DerLength,
        ))
    }

    /// [`Certificate::from_der`], without the work for a certificate that is remembered.
    ///
    /// # Errors
    /// As that.
    pub(crate) fn decode(&self, der: &[u8]) -> Result<Certificate, CertificateError> {
        let fingerprint: [u8; 32] = Sha256::digest(der).into();
        match self.0.get(&fingerprint) {
            Some(certificate) => Ok(certificate),
            None => Certificate::from_der(der),
        }
    }

    /// Remembers a certificate of a trusted path.
    pub(crate) fn remember(&self, certificate: &Certificate) {
        // Most are there already, and an insertion takes a lock for writing.
        if self.0.get(certificate.fingerprint()).is_none() {
            self.0
                .insert(*certificate.fingerprint(), certificate.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::datetime;
    use udap_testkit::TestCommunity;

    use super::*;

    fn leaf(community: &TestCommunity) -> Certificate {
        let leaf = community.client("https://app.example.org/");
        Certificate::from_der(leaf.der()).unwrap()
    }

    #[test]
    fn only_what_is_remembered_is_not_decoded_again() {
        let community = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
        let (known, unknown) = (leaf(&community), leaf(&community));
        let cache = CertificateCache::new();
        cache.remember(&known);
        let again = cache.decode(known.der()).unwrap();
        assert!(Arc::ptr_eq(&again.0, &known.0));
        let other = cache.decode(unknown.der()).unwrap();
        assert_eq!(other, unknown);
        assert!(!Arc::ptr_eq(&other.0, &unknown.0));
    }

    #[test]
    fn a_certificate_that_differs_in_one_octet_is_another() {
        let community = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
        let known = leaf(&community);
        let cache = CertificateCache::new();
        cache.remember(&known);
        for position in 0..known.der().len() {
            let mut der = known.der().to_vec();
            der[position] ^= 1;
            assert_eq!(cache.decode(&der), Certificate::from_der(&der));
            assert_ne!(cache.decode(&der).as_ref(), Ok(&known));
        }
    }

    #[test]
    fn it_does_not_grow_beyond_its_bound() {
        let community = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
        let cache = CertificateCache(Cache::with_weighter(8, 8 * 1024, DerLength));
        for _ in 0..40 {
            cache.remember(&leaf(&community));
        }
        assert!(cache.0.weight() <= 8 * 1024);
        assert!(!cache.0.is_empty());
    }
}
