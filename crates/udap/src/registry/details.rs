//! One registration, as operators see all of it.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{BlockScope, RegistrationSummary, TrustOff};
use crate::certificate::Certificate;

/// Everything about one registration (decisions 12).
#[derive(Clone, Debug)]
pub struct RegistrationDetails {
    /// What the list says of it.
    pub summary: RegistrationSummary,
    /// The id that its community had when it was last registered.
    pub community_id: String,
    /// What is registered: the metadata members of the answer.
    pub metadata: Map<String, Value>,
    /// The certificate that it last registered with.
    pub certificate: Certificate,
    /// The intermediates of that certificate's path.
    pub chain: Vec<Certificate>,
    /// Whether the client's row is on; `None`: there is no row.
    pub row: Option<bool>,
    /// What was last written into the row.
    pub written: bool,
    /// Whether its community's policy enables it as it is registered.
    pub policy_enables: bool,
    /// Why a check of trust switched it off.
    pub trust_off: Option<TrustOff>,
    /// Whether an administrator switched its row off, or removed it.
    pub admin_off: bool,
    /// Whether an administrator approved it.
    pub approved: bool,
    /// The blocks that name it.
    pub blocks: Vec<Block>,
    /// When its trust was last established.
    pub good_at: OffsetDateTime,
    /// When it was last looked at.
    pub checked_at: OffsetDateTime,
}

/// An operator's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whom it is for.
    pub scope: BlockScope,
    /// Since when it stands.
    pub since: OffsetDateTime,
    /// Who set it.
    pub operator: String,
    /// Why.
    pub reason: Option<String>,
}
