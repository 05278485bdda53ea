//! Certifications and endorsements: what others, or the app itself, attest of an app (F01–F16, UDAP
//! Certifications and Endorsements, decisions 20).
//!
//! A certification is a JWT beside the software statement. It names programs by URI
//! (`certification_uris`); one that names none that the community recognises is ignored (F02). A
//! recognised one climbs: `Presented` (it is recognised, its signature and claims hold, and it
//! allows what is to be registered), then its certifier's path, then its status with the certifier,
//! until it is an [`AcceptedCertification`]. One that falls on the way takes the registration with
//! it (F09): the app gets to know, and nobody relies on a certification that was withdrawn.

mod accepted;
mod claims;
mod presented;
mod program;
mod redirect_pattern;
mod restriction;
mod status;

pub use accepted::AcceptedCertification;
pub(crate) use presented::{Circumstances, Presented, examine};
pub use program::{Certifiers, RecognisedCertification};
pub use redirect_pattern::is_sound as is_redirect_pattern;
pub(crate) use status::is_valid;
pub use status::{NoStatuses, StatusFetcher, StatusQuery};

use std::borrow::Cow;

use crate::error::{ErrorCode, Refusal, Violation};
use crate::trust::RevokedCertificate;

/// What is wrong with a certification, and the code that it asks for (E25).
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    code: ErrorCode,
    violation: Violation,
    /// Whether it may be otherwise soon, with nothing changed by the app.
    may_pass: bool,
    /// The certificate that is revoked, if that is why.
    revoked: Option<Box<RevokedCertificate>>,
}

/// Seconds after which an app may come again whose certifications could not be judged.
const RETRY_SECONDS: u32 = 60;

impl Fault {
    /// Of the certification at `index` of the request, which is malformed, badly signed, or does not
    /// hold.
    fn invalid(
        index: usize,
        rule: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code: ErrorCode::InvalidCertification,
            violation: Violation::of(rule, "certifications", code, message).at(index),
            may_pass: false,
            revoked: None,
        }
    }

    /// Of one whose certifier is not trusted.
    pub(crate) fn untrusted(
        index: usize,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code: ErrorCode::UnapprovedCertification,
            violation: Violation::of("F07", "certifications", code, message).at(index),
            may_pass: false,
            revoked: None,
        }
    }

    /// That an obligatory one is not among them (F11).
    pub(crate) fn missing() -> Self {
        Self {
            code: ErrorCode::InvalidClientMetadata,
            violation: Violation::of(
                "F11",
                "certifications",
                "certification_missing",
                "a certification that the community requires is missing",
            ),
            may_pass: false,
            revoked: None,
        }
    }

    /// That its certifier does not stand to it any more (F15).
    pub(crate) fn withdrawn(index: usize) -> Self {
        Self::invalid(
            index,
            "F15",
            "certification_withdrawn",
            "its certifier says that it is no longer valid",
        )
    }

    /// That its certifier does not say whether it stands to it (F15).
    pub(crate) fn of_unknown_status(index: usize) -> Self {
        Self::invalid(
            index,
            "F15",
            "certification_status_unknown",
            "its certifier could not be asked whether it is still valid",
        )
    }

    /// The same, since a certificate of the certifier's path is revoked.
    pub(crate) fn because_of(self, revoked: RevokedCertificate) -> Self {
        Self {
            revoked: Some(Box::new(revoked)),
            ..self
        }
    }

    /// The same, which may be otherwise soon.
    pub(crate) fn passing(self) -> Self {
        Self {
            may_pass: true,
            ..self
        }
    }
}

/// One refusal for all faults, `None` if there are none: `invalid_certification` if any asks for it,
/// else `unapproved_certification`, else what the one that is missing asks for (F10, F11).
pub(crate) fn refusal(faults: Vec<Fault>) -> Option<Refusal> {
    let has = |code| faults.iter().any(|fault| fault.code == code);
    let code = [
        ErrorCode::InvalidCertification,
        ErrorCode::UnapprovedCertification,
    ]
    .into_iter()
    .find(|code| has(*code))
    .unwrap_or(ErrorCode::InvalidClientMetadata);
    let may_pass = faults.iter().all(|fault| fault.may_pass);
    let revoked = faults.iter().find_map(|fault| fault.revoked.clone());
    let mut violations = faults.into_iter().map(|fault| fault.violation);
    let first = violations.next()?;
    let mut refusal = violations.fold(Refusal::new(code, first), Refusal::and);
    if let Some(revoked) = revoked {
        refusal = refusal.because_of(*revoked);
    }
    Some(if may_pass {
        refusal.retry_after(RETRY_SECONDS)
    } else {
        refusal
    })
}
