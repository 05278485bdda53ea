//! Reasons for revoking, and entries of a revocation list.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Error, Serial};

/// Why a certificate was revoked, with the names of RFC 5280 §5.3.1.
///
/// `removeFromCRL` is missing: it belongs to delta lists, which this authority does not issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// No reason given; the list then carries no reason code (RFC 5280 §5.3.1).
    Unspecified,
    /// The holder's private key was, or may have been, disclosed.
    KeyCompromise,
    /// A certificate authority's private key was, or may have been, disclosed.
    #[serde(rename = "cACompromise")]
    CaCompromise,
    /// The subject's name or other information has changed.
    AffiliationChanged,
    /// A newer certificate takes its place.
    Superseded,
    /// The app or operator no longer exists.
    CessationOfOperation,
    /// On hold, which counts as revoked (C23).
    CertificateHold,
    /// A right stated in the certificate was withdrawn.
    PrivilegeWithdrawn,
    /// An attribute authority's key was disclosed.
    #[serde(rename = "aACompromise")]
    AaCompromise,
}

impl RevocationReason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name in RFC 5280, for example `keyCompromise`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    const fn for_signing(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::CaCompromise => rcgen::RevocationReason::CaCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::CertificateHold => rcgen::RevocationReason::CertificateHold,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
            Self::AaCompromise => rcgen::RevocationReason::AaCompromise,
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RevocationReason {
    type Err = Error;

    /// The name in RFC 5280; letter case is ignored, since `cACompromise` is hard to type.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::InvalidReason {
                name: name.to_owned(),
            })
    }
}

/// One line of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// The certificate.
    pub serial: Serial,
    /// When it was revoked.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

impl RevokedCertificate {
    pub(crate) fn for_signing(&self) -> rcgen::RevokedCertParams {
        rcgen::RevokedCertParams {
            serial_number: self.serial.for_signing(),
            revocation_time: self.at.to_offset(time::UtcOffset::UTC),
            reason_code: Some(self.reason.for_signing()),
            invalidity_date: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_rfc_in_text_and_json() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.name().parse::<RevocationReason>().unwrap(), reason);
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert_eq!(
            "cacompromise".parse::<RevocationReason>().unwrap(),
            RevocationReason::CaCompromise
        );
        assert!("removeFromCRL".parse::<RevocationReason>().is_err());
    }
}
