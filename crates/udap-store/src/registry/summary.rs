//! Registrations as operators see them (decisions 39).

use sqlx::Transaction;
use udap::registry::{CertificateSummary, RegistrationStatus, RegistrationSummary};

use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::sql::Engine;
use crate::switch::{State, TrustOff};
use crate::table::registration::{self, Registration};
use crate::table::{admin_off, client_block};

/// Rows that are read at once.
const PAGE_ROWS: i64 = 500;

impl<E: Engine> SqlRegistry<E> {
    pub(super) async fn summaries(&self) -> Result<Vec<RegistrationSummary>, StoreError> {
        let mut transaction = self.read().await?;
        let mut summaries = Vec::new();
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let page = registration::page(&mut transaction, after, PAGE_ROWS).await?;
            let Some(last) = page.last() else {
                return Ok(summaries);
            };
            after = last.position();
            for row in &page {
                summaries.push(self.summary(&mut transaction, row).await?);
            }
        }
    }

    /// A registration, with the switch as the client's row has it now.
    pub(super) async fn summary(
        &self,
        transaction: &mut Transaction<'_, E>,
        row: &Registration,
    ) -> Result<RegistrationSummary, StoreError> {
        let names = row.names()?;
        let block = client_block::find(transaction, &names).await?;
        let is_admin_off = admin_off::is_set(transaction, &names.identity).await?;
        let state = row.state(block.is_some(), is_admin_off)?;
        // A site that is no longer configured keeps its registrations: then what we wrote last.
        let found = match self.tables.get(&row.site) {
            Some(table) => table.seen_enabled(transaction, &row.client_id).await?,
            None => Some(row.written_enabled),
        };
        let enabled = found.unwrap_or(false);
        let status = match row.status.as_str() {
            "pending" => RegistrationStatus::Pending,
            "cancelled" => RegistrationStatus::Cancelled,
            _ if state.blocked => RegistrationStatus::Blocked,
            _ if enabled => RegistrationStatus::Active,
            _ => RegistrationStatus::Disabled,
        };
        Ok(RegistrationSummary {
            client_id: row.client_id.clone(),
            site: row.site.clone(),
            community: row.community_uri.clone(),
            client_uri: row.client_uri.clone(),
            client_name: row.client_name.clone(),
            status,
            enabled,
            certificate: CertificateSummary {
                fingerprint: hex::encode(row.certificate_fingerprint()?),
                not_after: row.not_after()?,
            },
            registered_at: row.registered_at()?,
            updated_at: row.updated_at()?,
            reason: reason(&state, status, found, block.flatten()),
        })
    }
}

/// Why a registration is off, in words for an operator. `None` if it is on, as it should be.
fn reason(
    state: &State,
    status: RegistrationStatus,
    found: Option<bool>,
    block_reason: Option<String>,
) -> Option<String> {
    let text = match status {
        RegistrationStatus::Active if state.is_on() || !state.written => {
            // On against lost trust: the next look switches it off.
            match state.trust_off {
                None => return None,
                Some(reason) => trust(reason),
            }
        }
        RegistrationStatus::Active => return None,
        RegistrationStatus::Pending => "it is being created at another server",
        RegistrationStatus::Cancelled => "cancelled by the app",
        RegistrationStatus::Blocked => {
            return Some(match block_reason {
                Some(reason) => format!("blocked by an operator: {reason}"),
                None => "blocked by an operator".to_owned(),
            });
        }
        RegistrationStatus::Disabled => match (state.trust_off, found) {
            (Some(reason), _) => trust(reason),
            (None, None) => "an administrator removed its row",
            (None, Some(_)) if state.admin_off || state.written => {
                "an administrator switched it off"
            }
            (None, Some(_)) => "it waits for an administrator to enable it",
        },
    };
    Some(text.to_owned())
}

fn trust(reason: TrustOff) -> &'static str {
    match reason {
        TrustOff::Expired => "its certificate has expired",
        TrustOff::Revoked => "its certificate was revoked",
        TrustOff::Untrusted => "its certificate is no longer trusted",
        TrustOff::Unknown => "its certificate's revocation status is unknown",
    }
}
