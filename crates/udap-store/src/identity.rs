//! The fixed-length keys under which rows are found (decisions 30).
//!
//! SHA-256 over length-prefixed parts: no two lists of parts give one input, and no collation folds
//! letter case or trailing spaces.

use sha2::{Digest, Sha256};

/// A key.
pub(crate) type Hash = [u8; 32];

/// The identity of a registration (D01).
pub(crate) fn registration(site: &str, community_uri: &str, client_uri: &str) -> Hash {
    digest(&["registration", site, community_uri, client_uri])
}

/// A client URI, wherever it is registered.
pub(crate) fn client_uri(client_uri: &str) -> Hash {
    digest(&["client_uri", client_uri])
}

/// A statement, by issuer and `jti` (C25, C26).
pub(crate) fn jti(issuer: &str, jti: &str) -> Hash {
    digest(&["jti", issuer, jti])
}

/// A client assertion of a token request, by site, `client_id` and `jti` (G08): never a statement's key,
/// whatever an app calls itself.
pub(crate) fn assertion(site: &str, client_id: &str, jti: &str) -> Hash {
    digest(&["assertion_jti", site, client_id, jti])
}

/// A CRL's address, with the fingerprint of the key that signed it.
pub(crate) fn crl(url: &str, issuer_key: &Hash) -> Hash {
    digest(&["crl", url, &hex::encode(issuer_key)])
}

/// Some bytes, such as an issuer's name in DER.
pub(crate) fn content(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn digest(parts: &[&str]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: D01, C25, G08
    #[test]
    fn no_part_runs_into_the_next_and_nothing_is_folded() {
        let one = registration("a", "b", "c");
        for other in [
            registration("ab", "", "c"),
            registration("a", "bc", ""),
            registration("", "ab", "c"),
            registration("a", "b", "C"),
            registration("a", "b", "c "),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(jti("i", "j"), jti("ij", ""));
        assert_ne!(jti("i", "j"), jti("j", "i"));
        assert_ne!(assertion("s", "i", "j"), assertion("si", "", "j"));
        assert_ne!(assertion("s", "i", "j"), assertion("s", "ij", ""));
        // No statement spends an assertion, nor the other way round.
        assert_ne!(assertion("s", "i", "j"), jti("i", "j"));
        assert_ne!(crl("u", &[1; 32]), crl("u", &[2; 32]));
    }
}
