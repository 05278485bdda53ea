//! What re-validation reads from and writes to a registry (C30, decisions 12, 22, 23).

use async_trait::async_trait;
use time::OffsetDateTime;

use super::RegistryError;
use crate::certificate::Certificate;
use crate::trust::{Crl, RevokedCertificate};

/// Why a check of trust switched a client off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrustOff {
    /// A certificate of its path has expired.
    Expired,
    /// A certificate of its path was revoked.
    Revoked,
    /// No path to an anchor is left.
    Untrusted,
    /// Its revocation status could not be learned for too long (decisions 23).
    Unknown,
}

impl TrustOff {
    /// The word in tables and in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Untrusted => "untrusted",
            Self::Unknown => "unknown",
        }
    }

    /// The reason of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Expired, Self::Revoked, Self::Untrusted, Self::Unknown]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// A live registration, as re-validation sees it.
#[derive(Clone, Debug)]
pub struct LiveRegistration {
    /// The client's id.
    pub client_id: String,
    /// The site.
    pub site: String,
    /// The community's URI, to which the registration is bound (decisions 24).
    pub community_uri: String,
    /// The certificate that it last registered with.
    pub certificate: Certificate,
    /// The intermediates of its path then; its issuer first.
    pub chain: Vec<Certificate>,
    /// Why the last check switched it off.
    pub trust_off: Option<TrustOff>,
    /// Whether its row is on, as far as we last wrote it.
    pub enabled: bool,
    /// When its trust was last established: by a statement or a check.
    pub good_at: OffsetDateTime,
    /// When it was last checked, whatever came of it.
    pub checked_at: OffsetDateTime,
    /// Where [`RecheckRegistry::live`] goes on after it.
    pub position: Position,
}

/// A place in the order in which registrations were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it was made: microseconds since 1970.
    pub registered_at: i64,
    /// The registry's own number.
    pub id: i64,
}

/// What a check of a registration's certificate came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It is trusted.
    Good,
    /// Its status cannot be learned now, or it is off for good: it is left as it is.
    Unsettled,
    /// This certificate of its path was revoked: it is switched off, and the certificate stays
    /// refused though a later list omits it (decisions 12).
    Revoked(Box<RevokedCertificate>),
    /// It is switched off for this reason.
    Off(TrustOff),
}

/// Live registrations, for whoever looks at their certificates again.
#[async_trait]
pub trait RecheckRegistry: Send + Sync {
    /// Live registrations in the order in which they were made, from after `after` on, at most
    /// `limit`.
    ///
    /// # Errors
    /// If the store fails.
    async fn live(
        &self,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError>;

    /// The live registration of a client.
    ///
    /// # Errors
    /// If the store fails.
    async fn live_client(&self, client_id: &str)
    -> Result<Option<LiveRegistration>, RegistryError>;

    /// Live registrations whose certificate expired before `at` and that were not switched off
    /// for lost trust yet, at most `limit`.
    ///
    /// # Errors
    /// If the store fails.
    async fn expired(
        &self,
        at: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError>;

    /// Live registrations with a certificate in their path whose serial number a list names under
    /// its own issuer's name: found by index. The list's signature is not looked at: whoever acts
    /// on this evaluates the path.
    ///
    /// # Errors
    /// If the store fails.
    async fn listed(&self, crl: &Crl) -> Result<Vec<LiveRegistration>, RegistryError>;

    /// Records the outcome of a check of the registration as it was read: if it has another
    /// certificate by now, nothing happens, and a doubt that is older than the last time its trust
    /// was established counts for nothing. A client that is no longer trusted is switched off and
    /// its tokens are revoked; one whose status was unknown and is good is switched on again. What
    /// an administrator did to its row in the meantime is taken up as well. Returns whether it is
    /// on now.
    ///
    /// # Errors
    /// If there is no such live client, or the store fails.
    async fn record_check(
        &self,
        registration: &LiveRegistration,
        result: &CheckResult,
        now: OffsetDateTime,
    ) -> Result<bool, RegistryError>;
}
