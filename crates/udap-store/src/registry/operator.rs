//! Blocking and enabling (D22, decisions 12).

use serde_json::{Value, json};
use sqlx::Transaction;
use time::OffsetDateTime;
use udap::registry::{BlockScope, OperatorAction, RegistrationSummary, RegistryError};

use crate::client_table::Client;
use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::registry::registration::facts;
use crate::sql::Engine;
use crate::switch::{self, Decision, Event};
use crate::table::audit_event::{self, Kind};
use crate::table::gate::Gate;
use crate::table::registration::{self, Registration};
use crate::table::{admin_off, client_block};

impl<E: Engine> SqlRegistry<E> {
    pub(super) async fn set_block(
        &self,
        action: &OperatorAction,
        scope: BlockScope,
    ) -> Result<RegistrationSummary, StoreError> {
        let mut transaction = self.write().await?;
        Gate::Blocks.pass_alone(&mut transaction).await?;
        let subject = subject(&mut transaction, action).await?;
        let names = subject.names()?;
        // Who was blocked before is judged before: a row that is on against it is known as such.
        let relatives = self.relatives(&mut transaction, &subject).await?;
        client_block::set(&mut transaction, &names, scope, action).await?;
        audit(
            &mut transaction,
            Kind::Blocked,
            action,
            &subject.client_id,
            json!({"scope": client_block::word(scope)}),
        )
        .await?;
        let mut revoked = Vec::new();
        for relative in relatives {
            if is_blocked(&mut transaction, &relative.row).await? {
                self.happen(
                    &mut transaction,
                    &relative,
                    Event::Block,
                    Some(action),
                    action.now,
                )
                .await?;
                revoked.push(relative.row);
            }
        }
        let summary = self.answer(transaction, &subject.client_id).await?;
        for row in revoked {
            self.revoke_again(&row.site, &row.client_id).await;
        }
        Ok(summary)
    }

    pub(super) async fn lift(
        &self,
        action: &OperatorAction,
    ) -> Result<RegistrationSummary, StoreError> {
        let mut transaction = self.write().await?;
        Gate::Blocks.pass_alone(&mut transaction).await?;
        let subject = subject(&mut transaction, action).await?;
        let names = subject.names()?;
        let relatives = self.relatives(&mut transaction, &subject).await?;
        let lifted = client_block::lift(&mut transaction, &names).await?;
        let lifted: Vec<_> = lifted.into_iter().map(client_block::word).collect();
        audit(
            &mut transaction,
            Kind::Enabled,
            action,
            &subject.client_id,
            json!({"lifted": lifted}),
        )
        .await?;
        for relative in relatives {
            let event = if relative.row.id == subject.id {
                Event::Enable
            } else {
                Event::Unblock {
                    blocked: is_blocked(&mut transaction, &relative.row).await?,
                }
            };
            self.happen(&mut transaction, &relative, event, Some(action), action.now)
                .await?;
        }
        if subject.status == "cancelled" {
            // Its successor inherits what was held against it: now nothing.
            let was = admin_off::is_set(&mut transaction, &names.identity).await?;
            admin_off::change(&mut transaction, &names.identity, was, false, action.now).await?;
        }
        self.answer(transaction, &subject.client_id).await
    }

    /// The live registrations that a block of this one may concern, as they are before it.
    async fn relatives(
        &self,
        transaction: &mut Transaction<'_, E>,
        subject: &Registration,
    ) -> Result<Vec<Relative>, StoreError> {
        let mut relatives = Vec::new();
        for row in registration::live_relatives(transaction, &subject.names()?).await? {
            let blocked = is_blocked(transaction, &row).await?;
            relatives.push(Relative { row, blocked });
        }
        Ok(relatives)
    }

    /// Lets something happen to a registration, and writes what follows.
    pub(super) async fn happen(
        &self,
        transaction: &mut Transaction<'_, E>,
        relative: &Relative,
        event: Event,
        action: Option<&OperatorAction>,
        now: OffsetDateTime,
    ) -> Result<Decision, StoreError> {
        let row = &relative.row;
        let identity = row.names()?.identity;
        // A site that is no longer configured keeps its registrations. Its rows cannot be reached: they
        // are set right when it is configured again.
        let table = self.tables.get(&row.site);
        let found = match table {
            Some(table) => table.enabled(transaction, &row.client_id).await?,
            None => Some(row.written_enabled),
        };
        let was_admin_off = admin_off::is_set(transaction, &identity).await?;
        let before = row.state(relative.blocked, was_admin_off)?;
        let decision = switch::decide(before.clone(), found, event);
        let on = decision.state.written;
        if let Some(table) = table {
            match found {
                Some(is) if is != on => table.set_enabled(transaction, &row.client_id, on).await?,
                Some(_) => {}
                None if on => table.create(transaction, &client(row, now)?).await?,
                None => {}
            }
            if decision.revoke_tokens {
                table.revoke_tokens(transaction, &row.client_id).await?;
            }
        }
        admin_off::change(
            transaction,
            &identity,
            was_admin_off,
            decision.state.admin_off,
            now,
        )
        .await?;
        if decision.state != before {
            registration::set_state(transaction, row.id, &decision.state, now).await?;
        }
        if !decision.facts.is_empty() || decision.revoke_tokens {
            audit_event::insert(
                transaction,
                &audit_event::Event {
                    kind: if action.is_some() {
                        Kind::Switched
                    } else {
                        Kind::Rechecked
                    },
                    at: now,
                    request_id: None,
                    client_id: Some(&row.client_id),
                    detail: audit_event::members(json!({
                        "enabled": on,
                        "facts": facts(&decision),
                        "tokens_revoked": decision.revoke_tokens,
                        "trust_off": decision.state.trust_off.map(switch::TrustOff::as_str),
                        "operator": action.map(|action| &action.operator),
                    })),
                },
            )
            .await?;
        }
        Ok(decision)
    }

    /// Commits, and tells how the registration stands now.
    async fn answer(
        &self,
        mut transaction: Transaction<'static, E>,
        client_id: &str,
    ) -> Result<RegistrationSummary, StoreError> {
        let row = registration::by_client_id(&mut transaction, client_id)
            .await?
            .ok_or(StoreError::Inconsistent {
                table: "registration",
                column: "client_id",
            })?;
        let summary = self.summary(&mut transaction, &row).await?;
        transaction.commit().await?;
        Ok(summary)
    }
}

/// A live registration, and whether a block named it before anything happened.
#[derive(Debug)]
pub(super) struct Relative {
    pub(super) row: Registration,
    pub(super) blocked: bool,
}

async fn subject<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    action: &OperatorAction,
) -> Result<Registration, StoreError> {
    registration::by_client_id(transaction, &action.client_id)
        .await?
        .ok_or(StoreError::Outcome(RegistryError::NotRegistered))
}

pub(super) async fn is_blocked<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    row: &Registration,
) -> Result<bool, StoreError> {
    Ok(client_block::find(transaction, &row.names()?)
        .await?
        .is_some())
}

async fn audit<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    kind: Kind,
    action: &OperatorAction,
    client_id: &str,
    detail: Value,
) -> Result<(), StoreError> {
    let mut detail = audit_event::members(detail);
    detail.insert("operator".to_owned(), action.operator.as_str().into());
    detail.insert("reason".to_owned(), action.reason.as_deref().into());
    audit_event::insert(
        transaction,
        &audit_event::Event {
            kind,
            at: action.now,
            request_id: None,
            client_id: Some(client_id),
            detail,
        },
    )
    .await
}

/// The client as it is recorded, for a row that somebody removed.
fn client(row: &Registration, now: OffsetDateTime) -> Result<Client, StoreError> {
    Ok(Client {
        client_id: row.client_id.clone(),
        site: row.site.clone(),
        client_uri: row.client_uri.clone(),
        metadata: row.metadata()?,
        key: row.certificate()?.key()?.clone(),
        enabled: true,
        now,
    })
}
