//! What the registry holds against a trusted statement, and the rules that follow.

use crate::error::{ErrorCode, Refusal, Violation};
use crate::registrar::{NeedLinks, Registrar, Step, certifications, trust};
use crate::registry::{RegistryError, Standing};
use crate::rules::{self, LinkChecks};
use crate::statement::{Cancellation, TrustedStatement};

/// A trusted statement, before blocks and replays have been looked up. From here on its `jti` is
/// spent, whatever follows; rate limits per client count it here (E28).
#[derive(Debug)]
pub struct NeedStanding {
    statement: TrustedStatement,
}

impl NeedStanding {
    pub(super) fn new(statement: TrustedStatement) -> Self {
        Self { statement }
    }

    /// The statement to look up.
    #[must_use]
    pub fn statement(&self) -> &TrustedStatement {
        &self.statement
    }

    /// Goes on with what the registry said.
    pub fn supply(self, registrar: &Registrar, standing: Standing) -> Step {
        let statement = self.statement;
        match standing {
            // Its jti is spent already: there is nothing to record.
            Standing::Spent => return Step::Refused(replayed()),
            Standing::Blocked => {
                return Step::RefusedAfterTrust(Box::new(statement), trust::not_trusted());
            }
            Standing::Clear => {}
        }
        if !statement.community().admits(statement.client_uri()) {
            return Step::RefusedAfterTrust(Box::new(statement), trust::not_admitted());
        }
        if rules::is_cancellation(statement.claims()) {
            return Step::Cancel(Box::new(Cancellation::new(statement)));
        }
        let Some(offer) = registrar.offer(statement.site(), statement.community()) else {
            return Step::RefusedAfterTrust(Box::new(statement), trust::not_trusted());
        };
        match rules::check(statement.claims(), &offer.metadata, &offer.scopes) {
            Err(violations) => refused_for(statement, violations),
            Ok(metadata) => {
                if statement.community().link_checks == LinkChecks::Off {
                    certifications::check(statement, metadata)
                } else {
                    Step::NeedLinks(Box::new(NeedLinks::new(statement, metadata)))
                }
            }
        }
    }
}

/// What a statement whose `jti` was used before is told (C24, B16).
#[must_use]
pub fn replayed() -> Refusal {
    Refusal::new(
        ErrorCode::InvalidSoftwareStatement,
        Violation::of(
            "C24",
            "jti",
            "statement_replayed",
            "was used before: sign a new statement with a new jti",
        ),
    )
}

/// What a client is told that the registry turned away, `None` if it was not the client's doing.
#[must_use]
pub fn refusal_of(error: &RegistryError) -> Option<Refusal> {
    match error {
        RegistryError::Replayed => Some(replayed()),
        RegistryError::Blocked => Some(trust::not_trusted()),
        RegistryError::NotRegistered => Some(Refusal::new(
            ErrorCode::InvalidClientMetadata,
            Violation::of(
                "D14",
                "grant_types",
                "nothing_to_cancel",
                "is empty, which cancels a registration, but this client URI has none here",
            ),
        )),
        RegistryError::Unfit { claim, message } => Some(Refusal::new(
            ErrorCode::InvalidClientMetadata,
            Violation::of("B20", claim, "does_not_fit", *message),
        )),
        RegistryError::CertifierRevoked => Some(Refusal::new(
            ErrorCode::UnapprovedCertification,
            Violation::of(
                "F07",
                "certifications",
                "certificate_revoked",
                "a certificate of a certifier's path was revoked",
            ),
        )),
        RegistryError::Unavailable(_) | RegistryError::Internal(_) => None,
    }
}

pub(super) fn refused_for(statement: TrustedStatement, violations: Vec<Violation>) -> Step {
    let refusal = Refusal::metadata(violations).unwrap_or_else(|| {
        Refusal::new(
            ErrorCode::InvalidClientMetadata,
            Violation::of(
                "B07",
                "software_statement",
                "metadata",
                "the metadata is refused",
            ),
        )
    });
    Step::RefusedAfterTrust(Box::new(statement), refusal)
}
