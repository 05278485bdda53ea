//! A software statement whose signature is good (C02–C04, A50–A55).

use std::borrow::Cow;

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, CertificateError};
use crate::error::{ErrorCode, Refusal, Violation};
use crate::jws::{self, JwsError, VerifiedJws};
use crate::site::{Site, TokenMode};
use crate::statement::RegistrationRequest;

/// A statement that was signed with the key of the certificate it brings. Whether that
/// certificate is trusted, and whether the claims hold, is not known yet.
#[derive(Clone, Debug)]
pub struct SignedStatement {
    pub(super) request: RegistrationRequest,
    pub(super) jws: VerifiedJws,
}

impl SignedStatement {
    /// Verifies the statement's signature with the key of `x5c[0]`, under the algorithms that the
    /// site publishes.
    ///
    /// # Errors
    /// `invalid_software_statement`; `unapproved_software_statement` for a key that is never
    /// accepted (decisions 9).
    pub fn verify(request: RegistrationRequest, site: &Site) -> Result<Self, Refusal> {
        Self::verify_with(request, site, Certificate::from_der)
    }

    /// [`SignedStatement::verify`] with what decodes a certificate, [`Certificate::from_der`] or an
    /// equal.
    pub(crate) fn verify_with(
        request: RegistrationRequest,
        site: &Site,
        from_der: impl Fn(&[u8]) -> Result<Certificate, CertificateError>,
    ) -> Result<Self, Refusal> {
        let (token, accepted) = (request.software_statement(), site.registration_algorithms());
        match jws::verify_with(token, accepted, from_der) {
            Ok(jws) => Ok(Self { request, jws }),
            Err(error) => Err(refusal(error, &request, site)),
        }
    }
}

fn refusal(error: JwsError, request: &RegistrationRequest, site: &Site) -> Refusal {
    let message = error.to_string();
    let (rule, claim, code): (_, &'static str, _) = match error {
        JwsError::NotCompact => ("A54", "software_statement", "software_statement_not_jws"),
        JwsError::Json(_) => ("A54", "software_statement", "software_statement_not_json"),
        JwsError::Header => ("A54", "software_statement", "header_malformed"),
        JwsError::Algorithm => ("A53", "alg", "alg_unsupported"),
        JwsError::Critical => ("A54", "crit", "crit_unsupported"),
        JwsError::X5c(_, crate::x5c::X5cError::TooMany | crate::x5c::X5cError::TooLarge) => {
            ("C04", "x5c", "x5c_too_large")
        }
        JwsError::X5c(_, _) => ("C03", "x5c", "x5c_malformed"),
        JwsError::Key => ("C15", "x5c", "certificate_key_unacceptable"),
        JwsError::AlgorithmKeyMismatch => ("A53", "alg", "alg_key_mismatch"),
        JwsError::Signature => ("C02", "software_statement", "signature_invalid"),
    };
    let message: Cow<'static, str> = match error {
        JwsError::Algorithm if only_rsa_is_missing(request, site) => Cow::Borrowed(
            "this site accepts RSA keys only: register with an RSA certificate and RS256 or RS384",
        ),
        _ => Cow::Owned(message),
    };
    let mut violation = Violation::of(rule, claim, code, message);
    if let JwsError::X5c(Some(index), _) = error {
        violation = violation.at(index);
    }
    let code = match error {
        JwsError::Key => ErrorCode::UnapprovedSoftwareStatement,
        _ => ErrorCode::InvalidSoftwareStatement,
    };
    Refusal::new(code, violation)
}

/// Whether the statement names an algorithm that another site would take: then the remedy is
/// another key, and the answer says so (decisions 9).
fn only_rsa_is_missing(request: &RegistrationRequest, site: &Site) -> bool {
    site.token_mode == TokenMode::Direct
        && jws::peek(request.software_statement())
            .ok()
            .and_then(|(header, _)| Algorithm::from_name(header.get("alg")?.as_str()?))
            .is_some()
}
