//! Which certificates are asked for.

use time::{Duration, OffsetDateTime};

use super::CertificateStatus;
use crate::SanUri;

/// Which certificates to list; the default is all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those that stand there.
    pub status: Option<CertificateStatus>,
    /// Valid ones that end within this time.
    pub expiring_within: Option<Duration>,
    /// Those that name this URI, or one that some server takes for it.
    pub uri: Option<SanUri>,
    /// Leave out those that were renewed or rekeyed: their holder has a newer one.
    pub without_succeeded: bool,
}

impl Filter {
    /// The condition, and the values of its parameters in their order.
    pub(super) fn condition(&self, now: OffsetDateTime) -> (String, Vec<rusqlite::types::Value>) {
        let at = now.unix_timestamp();
        let mut conditions = vec!["1"];
        let mut values: Vec<rusqlite::types::Value> = Vec::new();
        match self.status {
            Some(CertificateStatus::Valid) => {
                conditions.push("revoked_at IS NULL AND not_after >= ?");
                values.push(at.into());
            }
            Some(CertificateStatus::Expired) => {
                conditions.push("revoked_at IS NULL AND not_after < ?");
                values.push(at.into());
            }
            Some(CertificateStatus::Revoked) => conditions.push("revoked_at IS NOT NULL"),
            None => {}
        }
        if let Some(within) = self.expiring_within {
            conditions.push("revoked_at IS NULL AND not_after BETWEEN ? AND ?");
            values.push(at.into());
            values.push(now.saturating_add(within).unix_timestamp().into());
        }
        if let Some(uri) = &self.uri {
            conditions.push("id IN (SELECT certificate FROM uri WHERE likeness = ?)");
            values.push(uri.likeness().into());
        }
        if self.without_succeeded {
            conditions.push(
                "NOT EXISTS (SELECT 1 FROM succession s JOIN certificate later ON later.id = s.certificate \
                 WHERE s.earlier = certificate.id AND s.kind <> 'same-holder' AND later.revoked_at IS NULL)",
            );
        }
        (conditions.join(" AND "), values)
    }
}
