//! What a statement would do, by the same decisions as when it does it, and without a write.

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registry::{Block, Earlier, Foreseen, Foresight, RegistryError};
use udap::statement::{ApprovedRegistration, Cancellation, TrustedStatement};

use crate::applicant::Applicant;
use crate::error::StoreError;
use crate::extent::Extent;
use crate::registry::retry::{TRANSACTION, within};
use crate::registry::{SqlRegistry, registration};
use crate::sql::Engine;
use crate::switch::{self, Decision, Event, State};
use crate::table::registration::Registration;
use crate::table::{admin_off, client_block, live_registration};

#[async_trait]
impl<E: Engine> Foresight for SqlRegistry<E> {
    async fn blocks(&self, statement: &TrustedStatement) -> Result<Vec<Block>, RegistryError> {
        Ok(within(TRANSACTION, self.blocks_of(statement)).await?)
    }

    async fn foresee(&self, approved: &ApprovedRegistration) -> Result<Foreseen, RegistryError> {
        Ok(within(TRANSACTION, self.would_register(approved)).await?)
    }

    async fn foresee_end(&self, cancellation: &Cancellation) -> Result<Earlier, RegistryError> {
        Ok(within(TRANSACTION, self.would_end(cancellation)).await?)
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn blocks_of(&self, statement: &TrustedStatement) -> Result<Vec<Block>, StoreError> {
        let applicant = Applicant::of(statement)?;
        let mut transaction = self.read().await?;
        client_block::all(&mut transaction, &applicant.names).await
    }

    async fn would_register(
        &self,
        approved: &ApprovedRegistration,
    ) -> Result<Foreseen, StoreError> {
        let applicant = Applicant::of(approved.statement())?;
        let identity = &applicant.names.identity;
        let table = self.table(applicant.site)?;
        let mut transaction = self.read().await?;
        registration::has_good_certifiers(&mut transaction, approved).await?;
        let earlier = live_registration::seen(&mut transaction, identity).await?;
        let is_admin_off = admin_off::is_set(&mut transaction, identity).await?;
        let server_allows = table.allows_enabling(&mut transaction).await?;
        let policy = approved.enable() && server_allows;
        let extent = Extent::of(&approved.metadata().to_response_members());
        let decision = match &earlier {
            None => {
                let state = State::first(extent, policy, is_admin_off);
                Decision {
                    state,
                    revoke_tokens: false,
                    facts: Vec::new(),
                }
            }
            Some(earlier) => {
                is_settled(earlier)?;
                let found = table
                    .seen_enabled(&mut transaction, &earlier.client_id)
                    .await?;
                let key_changed =
                    earlier.names()?.key_fingerprint != applicant.names.key_fingerprint;
                switch::decide(
                    earlier.state(false, is_admin_off)?,
                    found,
                    Event::Statement {
                        extent,
                        policy,
                        key_changed,
                    },
                )
            }
        };
        let earlier = earlier.as_ref().map(seen).transpose()?;
        // Whether it fits is no matter of the id, nor of the time.
        let client_id = (earlier.as_ref()).map_or("new", |one| &one.client_id);
        let (on, at) = (decision.state.written, OffsetDateTime::UNIX_EPOCH);
        let client = applicant.client(client_id.to_owned(), approved, on, at);
        table.fits(&mut transaction, &client).await?;
        let Decision {
            state,
            revoke_tokens,
            facts,
        } = decision;
        let is_approved =
            (state.approved.as_ref()).is_some_and(|approved| approved.covers(&state.extent));
        Ok(Foreseen {
            earlier,
            enabled: state.written,
            server_allows,
            admin_off: state.admin_off,
            approved: is_approved,
            facts: facts.iter().map(|fact| fact.as_str()).collect(),
            tokens_revoked: revoke_tokens,
        })
    }

    async fn would_end(&self, cancellation: &Cancellation) -> Result<Earlier, StoreError> {
        let applicant = Applicant::of(cancellation.statement())?;
        let mut transaction = self.read().await?;
        let earlier = live_registration::seen(&mut transaction, &applicant.names.identity).await?;
        match earlier {
            Some(earlier) => seen(&earlier),
            None => Err(StoreError::Outcome(RegistryError::NotRegistered)),
        }
    }
}

/// A registration whose client is being created elsewhere is not known yet.
fn is_settled(earlier: &Registration) -> Result<(), StoreError> {
    if earlier.status == "pending" {
        return Err(StoreError::Outcome(RegistryError::Unavailable(
            "the registration is still being created".into(),
        )));
    }
    Ok(())
}

fn seen(earlier: &Registration) -> Result<Earlier, StoreError> {
    Ok(Earlier {
        client_id: earlier.client_id.clone(),
        issued_at: earlier.registered_at()?,
    })
}
