//! Registering, modifying, cancelling, refusing: one transaction each (D01–D16, E27, decisions 3).

use serde_json::{Map, Value, json};
use sqlx::Transaction;
use udap::certification::AcceptedCertification;
use udap::error::Refusal;
use udap::registry::{Cancelled, Registered, RegistryError, RequestContext};
use udap::statement::{ApprovedRegistration, Cancellation, TrustedStatement};
use udap::trust::TrustedPath;

use crate::applicant::{self, Applicant};
use crate::error::StoreError;
use crate::extent::Extent;
use crate::instant;
use crate::registry::SqlRegistry;
use crate::sql::Engine;
use crate::switch::{self, Decision, Event, Fact, State};
use crate::table::admin_off;
use crate::table::audit_event::{self, Kind};
use crate::table::registration::{self, Registration, Request};
use crate::table::revoked_certificate;
use crate::table::spent_jti::{self, Found, Outcome, Spent};
use crate::table::standing::Standing;

impl<E: Engine> SqlRegistry<E> {
    pub(super) async fn register(
        &self,
        approved: &ApprovedRegistration,
        context: &RequestContext,
    ) -> Result<Registered, StoreError> {
        let applicant = Applicant::of(approved.statement())?;
        let (mut transaction, earlier, standing) = self.begin_with(&applicant, context).await?;
        match used_before(standing.statement, context)? {
            None => {}
            Some(Outcome::Registered(registered)) => return Ok(registered),
            Some(Outcome::Blocked) => return Err(StoreError::Outcome(RegistryError::Blocked)),
            Some(_) => return Err(StoreError::Outcome(RegistryError::Replayed)),
        }
        if standing.is_blocked {
            return self.refuse_blocked(transaction, &applicant, context).await;
        }
        has_good_certifiers(&mut transaction, approved).await?;
        let is_admin_off = standing.is_admin_off;
        let (registered, decision) = match earlier {
            None => {
                self.create(
                    &mut transaction,
                    approved,
                    &applicant,
                    is_admin_off,
                    context,
                )
                .await?
            }
            Some(earlier) => {
                let earlier = (&earlier, is_admin_off);
                self.modify(&mut transaction, approved, &applicant, earlier, context)
                    .await?
            }
        };
        let kind = if registered.created {
            Kind::Registered
        } else {
            Kind::Modified
        };
        let mut detail = applicant.to_audit_as_accepted();
        detail.insert("enabled".to_owned(), registered.enabled.into());
        detail.insert(
            "metadata".to_owned(),
            approved.metadata().to_response_members().into(),
        );
        detail.insert(
            "dropped_scopes".to_owned(),
            approved
                .metadata()
                .scopes()
                .dropped()
                .iter()
                .map(|(scope, reason)| json!({"scope": scope, "reason": reason.as_str()}))
                .collect(),
        );
        if !approved.certifications().is_empty() {
            let certifications = approved.certifications().iter().map(certification);
            detail.insert("certifications".to_owned(), certifications.collect());
        }
        detail.insert("facts".to_owned(), facts(&decision));
        detail.insert("tokens_revoked".to_owned(), decision.revoke_tokens.into());
        let client_id = registered.client_id.clone();
        let is_revoked = decision.revoke_tokens;
        self.conclude(
            transaction,
            &applicant,
            context,
            Conclusion {
                kind,
                outcome: Outcome::Registered(registered.clone()),
                client_id: Some(&client_id),
                detail,
            },
        )
        .await?;
        if is_revoked {
            self.revoke_again(applicant.site, &client_id).await;
        }
        Ok(registered)
    }

    async fn create(
        &self,
        transaction: &mut Transaction<'_, E>,
        approved: &ApprovedRegistration,
        applicant: &Applicant<'_>,
        is_admin_off: bool,
        context: &RequestContext,
    ) -> Result<(Registered, Decision), StoreError> {
        let metadata = approved.metadata().to_response_members();
        let policy = self.policy(transaction, approved, applicant).await?;
        let state = State::first(Extent::of(&metadata), policy, is_admin_off);
        let client_id = context.new_client_id.clone();
        let client = applicant.client(client_id, approved, state.written, context.now);
        self.table(applicant.site)?
            .create(transaction, &client)
            .await?;
        let remote_address = remote_address(context);
        registration::insert(
            transaction,
            &client.client_id,
            applicant,
            &metadata,
            &state,
            request(context, remote_address.as_deref()),
        )
        .await?;
        let registered = Registered {
            client_id: client.client_id,
            issued_at: to_the_microsecond(context.now),
            created: true,
            enabled: state.written,
        };
        let facts = if state.written {
            vec![Fact::SwitchedOn]
        } else {
            Vec::new()
        };
        let decision = Decision {
            state,
            revoke_tokens: false,
            facts,
        };
        Ok((registered, decision))
    }

    /// Whether the client is switched on with no person looking: the community's policy says so, and
    /// the table's owner has nothing against it (decisions 14).
    async fn policy(
        &self,
        transaction: &mut Transaction<'_, E>,
        approved: &ApprovedRegistration,
        applicant: &Applicant<'_>,
    ) -> Result<bool, StoreError> {
        Ok(approved.enable()
            && self
                .table(applicant.site)?
                .allows_enabling(transaction)
                .await?)
    }

    /// Replaces everything, under the same `client_id` (D02, D05).
    async fn modify(
        &self,
        transaction: &mut Transaction<'_, E>,
        approved: &ApprovedRegistration,
        applicant: &Applicant<'_>,
        (earlier, was_admin_off): (&Registration, bool),
        context: &RequestContext,
    ) -> Result<(Registered, Decision), StoreError> {
        if earlier.status == "pending" {
            // Its client is being created elsewhere: what comes of it is not known yet.
            return Err(StoreError::Outcome(RegistryError::Unavailable(
                "the registration is still being created".into(),
            )));
        }
        let metadata = approved.metadata().to_response_members();
        let table = self.table(applicant.site)?;
        let found = table.enabled(transaction, &earlier.client_id).await?;
        let old = earlier.names()?;
        let policy = self.policy(transaction, approved, applicant).await?;
        let decision = switch::decide(
            // Blocks have been looked at, under this lock.
            earlier.state(false, was_admin_off)?,
            found,
            Event::Statement {
                extent: Extent::of(&metadata),
                policy,
                key_changed: old.key_fingerprint != applicant.names.key_fingerprint,
            },
        );
        let (client_id, on) = (earlier.client_id.clone(), decision.state.written);
        let client = applicant.client(client_id, approved, on, context.now);
        if found.is_some() {
            table.update(transaction, &client).await?;
        } else {
            table.create(transaction, &client).await?;
        }
        if decision.revoke_tokens {
            table.revoke_tokens(transaction, &client.client_id).await?;
        }
        admin_off::change(
            transaction,
            &applicant.names.identity,
            was_admin_off,
            decision.state.admin_off,
            context.now,
        )
        .await?;
        let remote_address = remote_address(context);
        registration::replace(
            transaction,
            earlier.id,
            applicant,
            &metadata,
            &decision.state,
            request(context, remote_address.as_deref()),
        )
        .await?;
        let registered = Registered {
            client_id: client.client_id,
            issued_at: earlier.registered_at()?,
            created: false,
            enabled: decision.state.written,
        };
        Ok((registered, decision))
    }

    pub(super) async fn end(
        &self,
        cancellation: &Cancellation,
        context: &RequestContext,
    ) -> Result<Cancelled, StoreError> {
        let applicant = Applicant::of(cancellation.statement())?;
        let (mut transaction, earlier, standing) = self.begin_with(&applicant, context).await?;
        match used_before(standing.statement, context)? {
            None => {}
            Some(Outcome::Cancelled(cancelled)) => return Ok(cancelled),
            Some(Outcome::NotRegistered) => {
                return Err(StoreError::Outcome(RegistryError::NotRegistered));
            }
            Some(Outcome::Blocked) => return Err(StoreError::Outcome(RegistryError::Blocked)),
            Some(_) => return Err(StoreError::Outcome(RegistryError::Replayed)),
        }
        if standing.is_blocked {
            return self.refuse_blocked(transaction, &applicant, context).await;
        }
        let identity = &applicant.names.identity;
        let Some(earlier) = earlier else {
            let detail = applicant.to_audit();
            self.conclude(
                transaction,
                &applicant,
                context,
                Conclusion {
                    kind: Kind::NotRegistered,
                    outcome: Outcome::NotRegistered,
                    client_id: None,
                    detail,
                },
            )
            .await?;
            return Err(StoreError::Outcome(RegistryError::NotRegistered));
        };
        let client_id = earlier.client_id.as_str();
        let table = self.table(applicant.site)?;
        let found = table.enabled(&mut transaction, client_id).await?;
        let was_admin_off = standing.is_admin_off;
        let decision = switch::decide(earlier.state(false, was_admin_off)?, found, Event::Cancel);
        table
            .cancel(&mut transaction, client_id, context.now)
            .await?;
        table.revoke_tokens(&mut transaction, client_id).await?;
        let is_admin_off = decision.state.admin_off;
        admin_off::change(
            &mut transaction,
            identity,
            was_admin_off,
            is_admin_off,
            context.now,
        )
        .await?;
        registration::set_state(&mut transaction, earlier.id, &decision.state, context.now).await?;
        let cancelled = Cancelled {
            client_id: earlier.client_id.clone(),
        };
        let mut detail = applicant.to_audit_as_accepted();
        detail.insert("facts".to_owned(), facts(&decision));
        self.conclude(
            transaction,
            &applicant,
            context,
            Conclusion {
                kind: Kind::Cancelled,
                outcome: Outcome::Cancelled(cancelled.clone()),
                client_id: Some(client_id),
                detail,
            },
        )
        .await?;
        self.revoke_again(applicant.site, client_id).await;
        Ok(cancelled)
    }

    pub(super) async fn refuse(
        &self,
        statement: &TrustedStatement,
        refusal: &Refusal,
        context: &RequestContext,
    ) -> Result<(), StoreError> {
        let applicant = Applicant::of(statement)?;
        let mut transaction = self.write_gated().await?;
        let standing = self
            .standing_of(&mut transaction, &applicant, context)
            .await?;
        match used_before(standing.statement, context)? {
            None => {}
            Some(Outcome::Refused | Outcome::Blocked | Outcome::NotRegistered) => return Ok(()),
            Some(_) => return Err(StoreError::Outcome(RegistryError::Replayed)),
        }
        // The app is told no more than a stranger; the audit is.
        let (kind, outcome) = if standing.is_blocked {
            (Kind::RefusedBlocked, Outcome::Blocked)
        } else {
            (Kind::Refused, Outcome::Refused)
        };
        let mut detail = applicant.to_audit();
        detail.insert("error".to_owned(), refusal.code().as_str().into());
        detail.insert("errors".to_owned(), json!(refusal.violations()));
        self.conclude(
            transaction,
            &applicant,
            context,
            Conclusion {
                kind,
                outcome,
                client_id: None,
                detail,
            },
        )
        .await
    }

    /// Begins what a statement does: the live registration of its identity, locked, and what stands
    /// against it.
    async fn begin_with(
        &self,
        applicant: &Applicant<'_>,
        context: &RequestContext,
    ) -> Result<(Transaction<'static, E>, Option<Registration>, Standing), StoreError> {
        let mut transaction = self.write_gated().await?;
        // Before anything is looked at: a check that is under way, or an administrator's switch that was just
        // noticed, is waited for.
        let earlier = registration::live(&mut transaction, &applicant.names.identity).await?;
        let standing = self
            .standing_of(&mut transaction, applicant, context)
            .await?;
        Ok((transaction, earlier, standing))
    }

    /// What stands against the statement, under the gate.
    async fn standing_of(
        &self,
        transaction: &mut Transaction<'_, E>,
        applicant: &Applicant<'_>,
        context: &RequestContext,
    ) -> Result<Standing, StoreError> {
        let expired_until = self.expired_until(context.now);
        let standing = applicant
            .subject(expired_until)
            .look_in(transaction)
            .await?;
        if matches!(standing.statement, Found::Expired) {
            spent_jti::forget(transaction, &applicant.jti_hash).await?;
        }
        Ok(standing)
    }

    /// A block that was set after the statement was looked up: spends it all the same.
    async fn refuse_blocked<T>(
        &self,
        transaction: Transaction<'static, E>,
        applicant: &Applicant<'_>,
        context: &RequestContext,
    ) -> Result<T, StoreError> {
        let detail = applicant.to_audit();
        self.conclude(
            transaction,
            applicant,
            context,
            Conclusion {
                kind: Kind::RefusedBlocked,
                outcome: Outcome::Blocked,
                client_id: None,
                detail,
            },
        )
        .await?;
        Err(StoreError::Outcome(RegistryError::Blocked))
    }

    /// Spends the statement, writes the audit and commits.
    async fn conclude(
        &self,
        mut transaction: Transaction<'static, E>,
        applicant: &Applicant<'_>,
        context: &RequestContext,
        mut conclusion: Conclusion<'_>,
    ) -> Result<(), StoreError> {
        spent_jti::spend(
            &mut transaction,
            &applicant.jti_hash,
            applicant.expires_at,
            &Spent {
                request_id: context.request_id.clone(),
                outcome: conclusion.outcome,
            },
        )
        .await?;
        conclusion
            .detail
            .insert("remote_address".to_owned(), remote_address(context).into());
        audit_event::insert(
            &mut transaction,
            &audit_event::Event {
                kind: conclusion.kind,
                at: context.now,
                request_id: Some(&context.request_id),
                client_id: conclusion.client_id,
                detail: conclusion.detail,
            },
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

struct Conclusion<'a> {
    kind: Kind,
    outcome: Outcome,
    client_id: Option<&'a str>,
    detail: Map<String, Value>,
}

/// That no certificate of an accepted certification's certifier was once seen revoked (decisions 12).
pub(super) async fn has_good_certifiers<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    approved: &ApprovedRegistration,
) -> Result<(), StoreError> {
    let paths = approved.certifications().iter().flat_map(|one| one.paths());
    for identity in paths.flat_map(TrustedPath::revocation_identities) {
        if revoked_certificate::is_known(transaction, &identity).await? {
            return Err(StoreError::Outcome(RegistryError::CertifierRevoked));
        }
    }
    Ok(())
}

/// An accepted certification, with what the audit should say of its certifier's paths.
fn certification(accepted: &AcceptedCertification) -> Value {
    let mut value = json!(accepted);
    let notes = accepted.paths().iter().flat_map(TrustedPath::notes);
    let notes: Vec<_> = notes.map(applicant::note).collect();
    if !notes.is_empty() {
        value["notes"] = json!(notes);
    }
    value
}

/// What this very request did with the statement before, if its commit succeeded unseen; `None` if
/// the statement is new.
fn used_before(found: Found, context: &RequestContext) -> Result<Option<Outcome>, StoreError> {
    match found {
        Found::Nothing | Found::Expired => Ok(None),
        Found::Spent(spent) if spent.request_id == context.request_id => Ok(Some(spent.outcome)),
        Found::Spent(_) => Err(StoreError::Outcome(RegistryError::Replayed)),
    }
}

fn request<'a>(context: &'a RequestContext, remote_address: Option<&'a str>) -> Request<'a> {
    Request {
        request_id: &context.request_id,
        remote_address,
        now: context.now,
    }
}

fn remote_address(context: &RequestContext) -> Option<String> {
    context.remote_address.map(|address| address.to_string())
}

fn to_the_microsecond(at: time::OffsetDateTime) -> time::OffsetDateTime {
    instant::from_micros(instant::to_micros(at)).unwrap_or(at)
}

pub(super) fn facts(decision: &Decision) -> Value {
    decision.facts.iter().map(|fact| fact.as_str()).collect()
}
