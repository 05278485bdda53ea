//! The signature algorithms of UDAP's JWTs (A50–A53).

use std::fmt;

use serde::Serialize;

use crate::key::{KeyKind, PublicKey};

/// A JWS algorithm that UDAP servers may publish (IG §7.1.2). Nothing else is ever accepted: no
/// `none`, no HMAC (A53).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: every implementation has it (A50).
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384: the one that OpenEMR's own token endpoint takes.
    Rs384,
    /// ECDSA on P-256 with SHA-256 (A51).
    Es256,
    /// ECDSA on P-384 with SHA-384 (A52).
    Es384,
}

impl Algorithm {
    /// All of them, RS256 first, as discovery lists them (decisions 10).
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Rs384, Self::Es256, Self::Es384];

    /// Those that work with RSA keys.
    pub const RSA: [Self; 2] = [Self::Rs256, Self::Rs384];

    /// The algorithm of this name, compared letter by letter (RFC 7515 §4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The name in a JOSE header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    /// Whether a signature of this algorithm can be made with the private half of `key` (A53).
    #[must_use]
    pub fn fits(self, key: &PublicKey) -> bool {
        matches!(
            (self, key.kind()),
            (Self::Rs256 | Self::Rs384, KeyKind::Rsa { .. })
                | (Self::Es256, KeyKind::P256)
                | (Self::Es384, KeyKind::P384)
        )
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: A53
    #[test]
    fn only_the_four_names_are_algorithms() {
        for alg in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(alg.name()), Some(alg));
        }
        for name in [
            "none", "HS256", "rs256", "PS256", "RS512", "EdDSA", "", "RS256 ",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
