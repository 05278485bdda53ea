//! What can be wrong with a client's certificate or the path above it.

/// One flaw of a leaf or of its path; everything else about the leaf is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeafFlaw {
    /// The leaf ended an hour ago.
    Expired,
    /// The leaf begins in an hour.
    NotYetValid,
    /// The leaf is on its issuer's revocation list.
    Revoked,
    /// The issuing CA is on the root's revocation list.
    IntermediateRevoked,
    /// The issuing CA's certificate ended an hour ago.
    IntermediateExpired,
    /// The path is sound but ends at a root that nobody trusts.
    WrongRoot,
    /// The leaf names the community's issuing CA but was signed with another key.
    ForgedSignature,
    /// The leaf signed itself.
    SelfSigned,
    /// The leaf has no subject alternative name.
    NoSan,
    /// The client URI stands in the subject alternative name as text of a dNSName.
    DnsSanOnly,
    /// The leaf has an RSA key of 1,024 bits.
    WeakKey,
    /// The leaf has a P-521 key.
    P521Key,
    /// The leaf is signed with SHA-1.
    Sha1Signature,
    /// The leaf is a CA certificate.
    CaLeaf,
    /// The leaf's key usage lacks digitalSignature.
    NoDigitalSignature,
    /// The leaf has a critical extension that nobody knows.
    UnknownCriticalExtension,
    /// The leaf has its subject key identifier twice.
    DuplicateExtension,
    /// The issuing CA may name URIs of another domain only.
    NameConstraintViolation,
    /// The leaf's issuer stands below a CA of path length 0.
    PathLengthExceeded,
    /// The issuer's certificate says CA=false.
    IntermediateNotCa,
    /// The issuer's key usage lacks keyCertSign.
    IntermediateWithoutKeyCertSign,
    /// The leaf has the trust anchor's key.
    AnchorKey,
    /// The leaf's revocation list cannot be fetched, and nobody has it.
    DeadCrlAddress,
    /// The leaf names no revocation list, and nobody has one. Accepted by default.
    NoCrlAddress,
}

const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";

impl LeafFlaw {
    /// Every flaw.
    pub const ALL: [Self; 24] = [
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::IntermediateRevoked,
        Self::IntermediateExpired,
        Self::WrongRoot,
        Self::ForgedSignature,
        Self::SelfSigned,
        Self::NoSan,
        Self::DnsSanOnly,
        Self::WeakKey,
        Self::P521Key,
        Self::Sha1Signature,
        Self::CaLeaf,
        Self::NoDigitalSignature,
        Self::UnknownCriticalExtension,
        Self::DuplicateExtension,
        Self::NameConstraintViolation,
        Self::PathLengthExceeded,
        Self::IntermediateNotCa,
        Self::IntermediateWithoutKeyCertSign,
        Self::AnchorKey,
        Self::DeadCrlAddress,
        Self::NoCrlAddress,
    ];

    /// A short name, fit for a folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::IntermediateRevoked => "intermediate-revoked",
            Self::IntermediateExpired => "intermediate-expired",
            Self::WrongRoot => "wrong-root",
            Self::ForgedSignature => "forged-signature",
            Self::SelfSigned => "self-signed",
            Self::NoSan => "no-san",
            Self::DnsSanOnly => "dns-san-only",
            Self::WeakKey => "weak-key",
            Self::P521Key => "p521-key",
            Self::Sha1Signature => "sha1-signature",
            Self::CaLeaf => "ca-leaf",
            Self::NoDigitalSignature => "no-digital-signature",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::DuplicateExtension => "duplicate-extension",
            Self::NameConstraintViolation => "name-constraint-violation",
            Self::PathLengthExceeded => "path-length-exceeded",
            Self::IntermediateNotCa => "intermediate-not-ca",
            Self::IntermediateWithoutKeyCertSign => "intermediate-without-key-cert-sign",
            Self::AnchorKey => "anchor-key",
            Self::DeadCrlAddress => "dead-crl-address",
            Self::NoCrlAddress => "no-crl-address",
        }
    }

    /// One sentence on what is wrong.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Expired => "The certificate ended an hour before the tree was made.",
            Self::NotYetValid => "The certificate begins an hour after the tree was made.",
            Self::Revoked => "The certificate is on its issuer's revocation list.",
            Self::IntermediateRevoked => "The issuing CA is on the root's revocation list.",
            Self::IntermediateExpired => "The issuing CA's certificate has ended.",
            Self::WrongRoot => "The path ends at a root that is no trust anchor.",
            Self::ForgedSignature => "The issuer named did not sign the certificate.",
            Self::SelfSigned => "The certificate signed itself.",
            Self::NoSan => "The certificate has no subject alternative name.",
            Self::DnsSanOnly => "The client URI is in the subject alternative name as a dNSName.",
            Self::WeakKey => "The key is RSA with 1,024 bits.",
            Self::P521Key => "The key is on curve P-521; the statement is signed with ES512.",
            Self::Sha1Signature => "The certificate is signed with SHA-1.",
            Self::CaLeaf => "The certificate says CA=true.",
            Self::NoDigitalSignature => "The key usage is keyEncipherment only.",
            Self::UnknownCriticalExtension => "A critical extension is unknown.",
            Self::DuplicateExtension => "The subject key identifier is there twice.",
            Self::NameConstraintViolation => "The issuing CA may name another domain's URIs only.",
            Self::PathLengthExceeded => "The issuer stands below a CA of path length 0.",
            Self::IntermediateNotCa => "The issuer's certificate says CA=false.",
            Self::IntermediateWithoutKeyCertSign => "The issuer's key usage lacks keyCertSign.",
            Self::AnchorKey => "The certificate has the trust anchor's own key.",
            Self::DeadCrlAddress => "The revocation list's address does not answer.",
            Self::NoCrlAddress => "The certificate names no revocation list, and none is known.",
        }
    }

    /// The requirement ids that the flaw is about.
    #[must_use]
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Expired | Self::NotYetValid | Self::IntermediateExpired => &["C05", "C11"],
            Self::Revoked | Self::IntermediateRevoked => &["C19", "C23"],
            Self::WrongRoot | Self::ForgedSignature => &["C05"],
            Self::SelfSigned | Self::CaLeaf | Self::AnchorKey => &["C13"],
            Self::NoSan | Self::DnsSanOnly => &["B11", "C17"],
            Self::WeakKey | Self::P521Key | Self::Sha1Signature => &["C15"],
            Self::NoDigitalSignature => &["C14"],
            Self::UnknownCriticalExtension
            | Self::DuplicateExtension
            | Self::NameConstraintViolation
            | Self::PathLengthExceeded
            | Self::IntermediateNotCa
            | Self::IntermediateWithoutKeyCertSign => &["C12"],
            Self::DeadCrlAddress => &["C20", "C21"],
            Self::NoCrlAddress => &["C22"],
        }
    }

    /// Whether the path to the anchor, with revocation required, is to be trusted. A leaf that
    /// merely lacks the client URI has a sound path.
    #[must_use]
    pub const fn path_is_trusted(self) -> bool {
        matches!(self, Self::NoSan | Self::NoCrlAddress)
    }

    /// The error codes with which a registration may be refused; none if it is accepted.
    #[must_use]
    pub const fn registration_errors(self) -> &'static [&'static str] {
        match self {
            Self::NoSan | Self::DnsSanOnly => &[ISS],
            // Malformed, or not trusted: both readings are sound.
            Self::DuplicateExtension => &[USS, ISS],
            Self::NoCrlAddress => &[],
            _ => &[USS],
        }
    }
}
