//! What checks of trust after registration lead to (C30, decisions 12, 23).

use time::OffsetDateTime;
use udap::registry::RegistryError;

use crate::error::StoreError;
use crate::sqlite::SqliteRegistry;
use crate::sqlite::operator::{Relative, is_blocked};
use crate::switch::{Event, TrustOff};
use crate::table::{registration, revoked_certificate};

impl SqliteRegistry {
    /// Records the outcome of a check of a client's certificate: `None` if it is still trusted.
    /// The client is switched off and its tokens are revoked if it is not; an unknown status that
    /// has become known switches it on again. A certificate that was revoked is remembered for
    /// good. Returns whether the client is on now.
    ///
    /// What an administrator did to the client's row in the meantime is taken up as well.
    ///
    /// # Errors
    /// If there is no such live client, or the store fails.
    pub async fn record_check(
        &self,
        client_id: &str,
        verdict: Option<TrustOff>,
        now: OffsetDateTime,
    ) -> Result<bool, RegistryError> {
        Ok(self.check(client_id, verdict, now).await?)
    }

    async fn check(
        &self,
        client_id: &str,
        verdict: Option<TrustOff>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let row = registration::by_client_id(&mut transaction, client_id)
            .await?
            .filter(|row| row.status == "registered")
            .ok_or(StoreError::Outcome(RegistryError::NotRegistered))?;
        let blocked = is_blocked(&mut transaction, &row).await?;
        if verdict == Some(TrustOff::Revoked) {
            let fingerprint = row.certificate_fingerprint()?;
            revoked_certificate::remember(&mut transaction, &fingerprint, now).await?;
        }
        let event = verdict.map_or(Event::Recheck, Event::Distrust);
        let relative = Relative { row, blocked };
        let decision = self
            .happen(&mut transaction, &relative, event, None, now)
            .await?;
        transaction.commit().await?;
        Ok(decision.state.written)
    }
}
