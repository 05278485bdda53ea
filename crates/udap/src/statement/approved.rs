//! What a statement amounts to once every check has passed.

use crate::certification::AcceptedCertification;
use crate::rules::ClientMetadata;
use crate::statement::TrustedStatement;

/// A registration that has passed every check: the only value from which a client can be created
/// or modified.
#[derive(Clone, Debug)]
pub struct ApprovedRegistration {
    statement: TrustedStatement,
    metadata: ClientMetadata,
    certifications: Vec<AcceptedCertification>,
    enable: bool,
}

impl ApprovedRegistration {
    pub(crate) fn new(
        statement: TrustedStatement,
        metadata: ClientMetadata,
        certifications: Vec<AcceptedCertification>,
    ) -> Self {
        let enable = crate::enable::enabled(statement.community().enable, &metadata);
        Self {
            statement,
            metadata,
            certifications,
            enable,
        }
    }

    /// The statement that asked for it.
    #[must_use]
    pub fn statement(&self) -> &TrustedStatement {
        &self.statement
    }

    /// What is registered (E03, E04).
    #[must_use]
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// What is attested of the app, in the order of the request (E08).
    #[must_use]
    pub fn certifications(&self) -> &[AcceptedCertification] {
        &self.certifications
    }

    /// Whether the community's policy switches such a client on unattended (decisions 14). Blocks
    /// and what an administrator did are the registry's to weigh (decisions 12).
    #[must_use]
    pub fn enable(&self) -> bool {
        self.enable
    }
}

/// A cancellation that has passed every check that applies to one (D10–D13).
#[derive(Clone, Debug)]
pub struct Cancellation {
    statement: TrustedStatement,
}

impl Cancellation {
    pub(crate) fn new(statement: TrustedStatement) -> Self {
        Self { statement }
    }

    /// The statement that asked for it.
    #[must_use]
    pub fn statement(&self) -> &TrustedStatement {
        &self.statement
    }
}
