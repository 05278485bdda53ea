//! Why a certificate is not trusted.

use crate::certificate::CertificateFlaw;
use crate::key::KeyError;

/// Where in a path a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The certificate that is judged.
    Leaf,
    /// The n-th issuer above the leaf, from 1.
    Issuer(usize),
    /// The trust anchor.
    Anchor,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Leaf => formatter.write_str("the leaf certificate"),
            Self::Issuer(number) => write!(formatter, "issuer {number} above the leaf"),
            Self::Anchor => formatter.write_str("the trust anchor"),
        }
    }
}

/// A rule of path validation (RFC 5280 §6.1) that one certificate of a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PathRule {
    /// Its issuer's key did not make its signature.
    #[error("is not signed by its issuer")]
    Signature,
    /// Its issuer's name is not the next certificate's subject.
    #[error("does not name its issuer")]
    NameChaining,
    /// It issued a certificate without being a CA's.
    #[error("is no CA certificate, yet issued the one below it")]
    NotCa,
    /// It issued a certificate though its keyUsage lacks keyCertSign.
    #[error("must not sign certificates (keyUsage)")]
    KeyUsage,
    /// A pathLenConstraint above it forbids it.
    #[error("exceeds a path length constraint")]
    PathLength,
    /// A name in it is outside what a CA above it may certify.
    #[error("has a name that a name constraint above it forbids")]
    NameConstraints,
    /// No acceptable certificate policy holds for the path.
    #[error("is not valid under an acceptable certificate policy")]
    Policy,
    /// It has a critical extension that is not understood.
    #[error("has a critical extension that is not understood")]
    CriticalExtension,
    /// Part of it does not decode strictly.
    #[error("does not decode")]
    Encoding,
    /// Judging it would cost more than is spent on one path.
    #[error("is too complex to be judged")]
    Limit,
    /// Another rule.
    #[error("breaks a rule of RFC 5280")]
    Other,
}

/// Why a leaf is not trusted. It never holds anything from a certificate.
///
/// Of several reasons the most specific one is reported: [`Distrust::Revoked`] beats all, a date
/// beats a broken rule, and that beats an unknown issuer. But where one path holds and only its status
/// is unknown, that is the reason, whatever is wrong with other paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// Its CA revoked it or put it on hold (C19, C23).
    #[error("{0} is revoked")]
    Revoked(Place),
    /// The leaf is a CA's (C13).
    #[error("the leaf certificate is a CA certificate")]
    LeafIsCa,
    /// The leaf signed itself (C13, decisions 25).
    #[error("the leaf certificate is self-signed")]
    LeafSelfSigned,
    /// The leaf has the key of a trust anchor.
    #[error("the leaf certificate has the key of a trust anchor")]
    LeafHasAnchorKey,
    /// The leaf's keyUsage lacks digitalSignature (C14).
    #[error("the leaf certificate must not sign (keyUsage lacks digitalSignature)")]
    LeafKeyUsage,
    /// A key is of a kind or size that is not accepted (C15).
    #[error("{place}: {error}")]
    Key {
        /// Whose key.
        place: Place,
        /// What is wrong with it.
        error: KeyError,
    },
    /// It is signed with SHA-1, or in another way that is not accepted (C15).
    #[error("{0} is signed with an algorithm that is not accepted")]
    SignatureAlgorithm(Place),
    /// It is malformed in a way that forbids any path through it.
    #[error("{place}: {flaw}")]
    Flaw {
        /// Which certificate.
        place: Place,
        /// What is wrong with it.
        flaw: CertificateFlaw,
    },
    /// Its validity is over (C11).
    #[error("{0} has expired")]
    Expired(Place),
    /// Its validity has not begun (C11).
    #[error("{0} is not yet valid")]
    NotYetValid(Place),
    /// Whether it is revoked cannot be learned now: later it may (C21, decisions 23).
    #[error("whether {0} is revoked cannot be established")]
    RevocationUnknown(Place),
    /// It names no address for its status, and the community asks for one (C22).
    #[error("{0} names no address for its revocation status")]
    NoRevocationAddress(Place),
    /// A rule of path validation (C12).
    #[error("{place} {rule}")]
    Rule {
        /// Which certificate.
        place: Place,
        /// Which rule.
        rule: PathRule,
    },
    /// Every path is longer than [`crate::limits::PATH_CERTIFICATES`].
    #[error("the path to a trust anchor is too long")]
    PathTooLong,
    /// The search was given up (limits of C04 and path validation).
    #[error("too many candidate certificates to search")]
    SearchLimit,
    /// A certificate of the issuer's name is there, but its key did not sign.
    #[error("{0} is not signed by the CA that it names")]
    WrongIssuer(Place),
    /// No path to a trust anchor can be built.
    #[error("no path to a trust anchor can be built")]
    UnknownIssuer,
}

impl Distrust {
    /// The machine-readable name of the reason, for `errors[].code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Revoked(_) => "certificate_revoked",
            Self::LeafIsCa => "leaf_is_ca",
            Self::LeafSelfSigned => "leaf_self_signed",
            Self::LeafHasAnchorKey => "leaf_has_anchor_key",
            Self::LeafKeyUsage => "leaf_key_usage",
            Self::Key { .. } => "certificate_key_not_accepted",
            Self::SignatureAlgorithm(_) => "certificate_signature_algorithm",
            Self::Flaw { .. } => "certificate_malformed",
            Self::Expired(_) => "certificate_expired",
            Self::NotYetValid(_) => "certificate_not_yet_valid",
            Self::RevocationUnknown(_) => "revocation_unknown",
            Self::NoRevocationAddress(_) => "revocation_address_missing",
            Self::Rule { .. } => "path_invalid",
            Self::PathTooLong => "path_too_long",
            Self::SearchLimit => "path_search_limit",
            Self::WrongIssuer(_) => "issuer_signature_invalid",
            Self::UnknownIssuer => "issuer_unknown",
        }
    }

    /// Whether the same certificate may be trusted later without being changed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::RevocationUnknown(_))
    }

    /// The lower, the more specific. The place breaks ties, so that the order in which
    /// certificates are given never shows.
    fn rank(&self) -> (u8, Place, PathRule) {
        let (rank, place, rule) = match *self {
            Self::Revoked(place) => (0, place, None),
            Self::LeafIsCa => (1, Place::Leaf, None),
            Self::LeafSelfSigned => (2, Place::Leaf, None),
            Self::LeafHasAnchorKey => (3, Place::Leaf, None),
            Self::LeafKeyUsage => (4, Place::Leaf, None),
            Self::Expired(place) => (5, place, None),
            Self::NotYetValid(place) => (6, place, None),
            Self::Key { place, .. } => (7, place, None),
            Self::SignatureAlgorithm(place) => (8, place, None),
            Self::Flaw { place, .. } => (9, place, None),
            Self::RevocationUnknown(place) => (10, place, None),
            Self::NoRevocationAddress(place) => (11, place, None),
            Self::Rule { place, rule } => (12, place, Some(rule)),
            Self::PathTooLong => (13, Place::Leaf, None),
            Self::SearchLimit => (14, Place::Leaf, None),
            Self::WrongIssuer(place) => (15, place, None),
            Self::UnknownIssuer => (16, Place::Leaf, None),
        };
        (rank, place, rule.unwrap_or(PathRule::Signature))
    }

    /// The more specific of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if other.rank() < self.rank() {
            other
        } else {
            self
        }
    }
}
