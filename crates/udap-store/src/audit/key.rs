//! What seals are made with.

use std::fmt;

use aws_lc_rs::{digest, hmac};

/// Octets that a key must have: those of the hash, as RFC 2104 (§3) recommends.
const SHORTEST_KEY: usize = 32;

/// A key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is shorter than {SHORTEST_KEY} octets")]
pub struct SealKeyError;

/// What seals are made with: HMAC-SHA-256 under a key, or without one plain SHA-256, which anybody
/// can make anew. The key's octets are cleared when it is dropped.
#[derive(Clone)]
pub struct SealKey(Option<hmac::Key>);

impl SealKey {
    /// A key: at least 32 octets.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn keyed(octets: &[u8]) -> Result<Self, SealKeyError> {
        if octets.len() < SHORTEST_KEY {
            return Err(SealKeyError);
        }
        Ok(Self(Some(hmac::Key::new(hmac::HMAC_SHA256, octets))))
    }

    /// No key: a plain hash chain.
    #[must_use]
    pub fn plain() -> Self {
        Self(None)
    }

    /// Whether there is a key.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn tag(&self, content: &[u8]) -> Vec<u8> {
        match &self.0 {
            Some(key) => hmac::sign(key, content).as_ref().to_vec(),
            None => digest::digest(&digest::SHA256, content).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_keyed() {
            "SealKey(keyed)"
        } else {
            "SealKey(plain)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_refused_and_no_key_is_shown() {
        assert_eq!(SealKey::keyed(&[7; 31]).err(), Some(SealKeyError));
        let key = SealKey::keyed(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SealKey(keyed)");
    }

    #[test]
    fn a_keyed_seal_is_the_hmac_of_rfc_4231_and_a_plain_one_the_hash() {
        // RFC 4231, test case 6: a key of 131 octets.
        let key = SealKey::keyed(&[0xaa; 131]).unwrap();
        assert_eq!(
            hex::encode(key.tag(b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert_eq!(
            hex::encode(SealKey::plain().tag(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
