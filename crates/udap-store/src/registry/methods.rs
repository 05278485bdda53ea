//! The registry's methods, and what their errors look like from outside.

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::error::Refusal;
use udap::registry::{
    BlockScope, Cancelled, OperatorAction, Registered, RegistrationDetails, RegistrationSummary,
    Registry, RegistryError, RequestContext, Standing,
};
use udap::statement::{ApprovedRegistration, Cancellation, TrustedStatement};
use udap::trust::RevokedCertificate;

use crate::applicant::Applicant;
use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::registry::retry::{LONG, TRANSACTION, transact, within};
use crate::sql::{self, Engine};
use crate::table::spent_jti::{self, Found};
use crate::table::{expired, revoked_certificate, spent_assertion};

#[async_trait]
impl<E: Engine> Registry for SqlRegistry<E> {
    async fn standing(
        &self,
        statement: &TrustedStatement,
        now: OffsetDateTime,
    ) -> Result<Standing, RegistryError> {
        Ok(transact!(self.look_up(statement, now))?)
    }

    async fn apply(
        &self,
        approved: &ApprovedRegistration,
        context: &RequestContext,
    ) -> Result<Registered, RegistryError> {
        Ok(transact!(self.register(approved, context))?)
    }

    async fn cancel(
        &self,
        cancellation: &Cancellation,
        context: &RequestContext,
    ) -> Result<Cancelled, RegistryError> {
        Ok(transact!(self.end(cancellation, context))?)
    }

    async fn record_refusal(
        &self,
        statement: &TrustedStatement,
        refusal: &Refusal,
        context: &RequestContext,
    ) -> Result<(), RegistryError> {
        Ok(transact!(self.refuse(statement, refusal, context))?)
    }

    async fn remember_revoked(
        &self,
        revoked: &RevokedCertificate,
        now: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        Ok(transact!(self.note_revoked(revoked, now))?)
    }

    async fn list(&self) -> Result<Vec<RegistrationSummary>, RegistryError> {
        Ok(within(LONG, self.summaries()).await?)
    }

    async fn details(&self, client_id: &str) -> Result<Option<RegistrationDetails>, RegistryError> {
        Ok(within(TRANSACTION, self.one(client_id)).await?)
    }

    async fn block(
        &self,
        action: &OperatorAction,
        scope: BlockScope,
    ) -> Result<RegistrationSummary, RegistryError> {
        Ok(transact!(self.set_block(action, scope))?)
    }

    async fn enable(&self, action: &OperatorAction) -> Result<RegistrationSummary, RegistryError> {
        Ok(transact!(self.lift(action))?)
    }

    async fn purge(&self, now: OffsetDateTime) -> Result<u64, RegistryError> {
        Ok(within(LONG, self.forget(now)).await?)
    }

    async fn ready(&self) -> Result<(), RegistryError> {
        Ok(transact!(self.try_lock())?)
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn look_up(
        &self,
        statement: &TrustedStatement,
        now: OffsetDateTime,
    ) -> Result<Standing, StoreError> {
        let applicant = Applicant::of(statement)?;
        let subject = applicant.subject(self.expired_until(now));
        let mut broken = 0;
        let found = loop {
            let mut connection = self.readers.acquire().await?;
            match subject.look::<E>(&mut connection).await {
                // Broken while nobody used it: see `begin`.
                Err(StoreError::Sql(error))
                    if sql::is_loss(&error)
                        && broken < self.readers.options().get_max_connections() =>
                {
                    broken += 1;
                }
                outcome => break outcome?,
            }
        };
        Ok(match found.statement {
            // First, so that a blocked client cannot tell by a replay that it is trusted otherwise.
            _ if found.is_blocked => Standing::Blocked,
            Found::Spent(_) => Standing::Spent,
            Found::Expired | Found::Nothing => Standing::Clear,
        })
    }

    async fn note_revoked(
        &self,
        revoked: &RevokedCertificate,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        // Most are known, and a look takes no lock for writing.
        let mut transaction = self.read().await?;
        if revoked_certificate::is_known(&mut transaction, revoked.identity()).await? {
            return Ok(());
        }
        transaction.rollback().await?;
        let mut transaction = self.write().await?;
        revoked_certificate::remember(&mut transaction, revoked, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// One transaction a bunch, so that registrations get their turn in between.
    async fn forget(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let mut transaction = self.write().await?;
            let expired_until = self.expired_until(now);
            let bunch = expired::purge(&mut transaction, spent_jti::TABLE, expired_until).await?
                + expired::purge(&mut transaction, spent_assertion::TABLE, expired_until).await?;
            transaction.commit().await?;
            if bunch == 0 {
                let mut transaction = self.write().await?;
                revoked_certificate::purge(&mut transaction, now).await?;
                transaction.commit().await?;
                return Ok(forgotten);
            }
            forgotten += bunch;
        }
    }

    /// A write that is taken back: it fails on a read-only or locked database.
    async fn try_lock(&self) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        spent_jti::try_writing(&mut transaction).await?;
        transaction.rollback().await?;
        Ok(())
    }
}
