//! What checks of trust after registration lead to (C30, decisions 12, 22, 23).

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registry::{
    CheckResult, LiveRegistration, Position, RecheckRegistry, RegistryError, TrustOff,
};
use udap::trust::Crl;

use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::registry::operator::{Relative, is_blocked};
use crate::registry::retry::{LONG, TRANSACTION, transact, within};
use crate::sql::Engine;
use crate::switch::Event;
use crate::table::registration::{self, Registration};
use crate::table::{live_registration, revoked_certificate};

#[async_trait]
impl<E: Engine> RecheckRegistry for SqlRegistry<E> {
    async fn live(
        &self,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError> {
        let page = async {
            let mut transaction = self.read().await?;
            let mut after = after.map_or((i64::MIN, i64::MIN), |position| {
                (position.registered_at, position.id)
            });
            loop {
                let rows =
                    live_registration::live_page(&mut transaction, after, limit.into()).await?;
                let Some(last) = rows.last() else {
                    return Ok::<_, StoreError>(Vec::new());
                };
                after = last.position();
                let page = readable(&rows);
                if !page.is_empty() {
                    return Ok(page);
                }
            }
        };
        Ok(within(TRANSACTION, page).await?)
    }

    async fn live_client(
        &self,
        client_id: &str,
    ) -> Result<Option<LiveRegistration>, RegistryError> {
        let one = async {
            let mut transaction = self.read().await?;
            let row = registration::by_client_id(&mut transaction, client_id).await?;
            let live = row.filter(|row| row.status == "registered");
            live.as_ref().map(seen).transpose()
        };
        Ok(within(TRANSACTION, one).await?)
    }

    async fn expired(
        &self,
        at: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError> {
        let expired = async {
            let mut transaction = self.read().await?;
            let rows = live_registration::expired(&mut transaction, at, limit.into()).await?;
            Ok::<_, StoreError>(readable(&rows))
        };
        Ok(within(TRANSACTION, expired).await?)
    }

    async fn listed(&self, crl: &Crl) -> Result<Vec<LiveRegistration>, RegistryError> {
        let listed = async {
            let mut transaction = self.read().await?;
            let rows = live_registration::listed(&mut transaction, crl).await?;
            Ok::<_, StoreError>(readable(&rows))
        };
        Ok(within(LONG, listed).await?)
    }

    async fn record_check(
        &self,
        registration: &LiveRegistration,
        result: &CheckResult,
        now: OffsetDateTime,
    ) -> Result<bool, RegistryError> {
        Ok(transact!(self.check(registration, result, now))?)
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn check(
        &self,
        seen: &LiveRegistration,
        result: &CheckResult,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let row = registration::lock_by_client_id(&mut transaction, &seen.client_id)
            .await?
            .filter(|row| row.status == "registered")
            .ok_or(StoreError::Outcome(RegistryError::NotRegistered))?;
        if row.certificate_fingerprint()? != *seen.certificate.fingerprint() {
            // A statement came in between, and was judged by itself.
            return Ok(row.written_enabled);
        }
        // A statement, or another check, established its trust after this one was begun. (What is
        // revoked or has expired was so then, too, or is found anew.)
        let is_doubt = matches!(
            result,
            CheckResult::Off(TrustOff::Untrusted | TrustOff::Unknown)
        );
        if is_doubt && row.good_at()? > seen.good_at {
            return Ok(row.written_enabled);
        }
        // Another process may have been quicker: it is off, and is told of, once.
        let is_off_for_good = matches!(
            row.trust_off()?,
            Some(TrustOff::Expired | TrustOff::Revoked | TrustOff::Untrusted)
        );
        let is_good = *result == CheckResult::Good;
        live_registration::set_checked(&mut transaction, row.id, is_good, now).await?;
        let event = match result {
            CheckResult::Unsettled => Event::Look,
            CheckResult::Good => Event::Recheck,
            CheckResult::Off(_) if is_off_for_good => Event::Look,
            // Its tokens were revoked when it was switched off.
            CheckResult::Off(reason) if row.trust_off()? == Some(*reason) => Event::Look,
            CheckResult::Off(reason) => Event::Distrust(*reason),
            CheckResult::Revoked(revoked) => {
                revoked_certificate::remember(&mut transaction, revoked, now).await?;
                if is_off_for_good {
                    Event::Look
                } else {
                    Event::Distrust(TrustOff::Revoked)
                }
            }
        };
        let blocked = is_blocked(&mut transaction, &row).await?;
        let relative = Relative { row, blocked };
        let decision = self
            .happen(&mut transaction, &relative, event, None, now)
            .await?;
        transaction.commit().await?;
        if decision.revoke_tokens {
            self.revoke_again(&relative.row.site, &relative.row.client_id)
                .await;
        }
        Ok(decision.state.written)
    }
}

/// The rows that can be read: one that somebody damaged must not keep the others from being looked at.
fn readable(rows: &[Registration]) -> Vec<LiveRegistration> {
    rows.iter()
        .filter_map(|row| {
            seen(row)
                .inspect_err(|error| {
                    tracing::error!(client_id = %row.client_id, %error,
                        "a registration cannot be looked at");
                })
                .ok()
        })
        .collect()
}

fn seen(row: &Registration) -> Result<LiveRegistration, StoreError> {
    let (registered_at, id) = row.position();
    Ok(LiveRegistration {
        client_id: row.client_id.clone(),
        site: row.site.clone(),
        community_uri: row.community_uri.clone(),
        certificate: row.certificate()?,
        chain: row.chain()?,
        trust_off: row.trust_off()?,
        enabled: row.written_enabled,
        good_at: row.good_at()?,
        checked_at: row.checked_at()?,
        position: Position { registered_at, id },
    })
}
