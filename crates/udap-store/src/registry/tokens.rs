//! Token requests: who asks, and what is recorded before anything is forwarded (G06, G08, decisions 12,
//! 26, 27).

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use sqlx::Transaction;
use time::OffsetDateTime;
use udap::registry::{RegistryError, RequestContext, TokenRegistry, TokenStanding};
use udap::token::{AuthorizedRequest, TokenClient};

use crate::error::StoreError;
use crate::identity::{self, Hash};
use crate::registry::SqlRegistry;
use crate::registry::operator::{Relative, is_blocked};
use crate::registry::retry::{TRANSACTION, transact, within};
use crate::sql::Engine;
use crate::switch::Event;
use crate::table::audit_event::{self, Kind};
use crate::table::registration::{self, Registration};
use crate::table::spent_assertion::{self, Found, Subject};
use crate::table::token_client::{self, Renewal};

#[async_trait]
impl<E: Engine> TokenRegistry for SqlRegistry<E> {
    async fn token_client(&self, client_id: &str) -> Result<Option<TokenClient>, RegistryError> {
        Ok(within(TRANSACTION, self.seen_client(client_id)).await?)
    }

    async fn is_ours(&self, site: &str, client_id: &str) -> Result<bool, RegistryError> {
        Ok(within(TRANSACTION, self.found_is_ours(site, client_id)).await?)
    }

    async fn record_token_request(
        &self,
        request: &AuthorizedRequest,
        context: &RequestContext,
    ) -> Result<TokenStanding, RegistryError> {
        Ok(transact!(self.record_token(request, context))?)
    }

    async fn revoke_excess(
        &self,
        client_id: &str,
        context: &RequestContext,
    ) -> Result<(), RegistryError> {
        Ok(transact!(self.take_back(client_id, context))?)
    }
}

/// Why a token request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Off {
    /// It is cancelled, was never finished, or is another's.
    NotLive,
    /// A block names it or its key, or a certificate of the path was once seen revoked.
    Blocked,
    /// Its trust was lost.
    Distrusted,
    /// Its row is off or gone.
    Row,
    /// Its row holds no key that the FHIR server would verify with.
    Key,
}

impl Off {
    /// The word in the audit.
    fn as_str(self) -> &'static str {
        match self {
            Self::NotLive => "not_live",
            Self::Blocked => "blocked",
            Self::Distrusted => "trust_off",
            Self::Row => "switched_off",
            Self::Key => "no_key",
        }
    }
}

/// How a client stands, looked at under lock.
struct Looked {
    outcome: Result<(Registration, String), Off>,
    /// Whether what was noticed on the way revoked its tokens.
    revoked: bool,
}

impl Looked {
    fn off(why: Off) -> Self {
        Self {
            outcome: Err(why),
            revoked: false,
        }
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn seen_client(&self, client_id: &str) -> Result<Option<TokenClient>, StoreError> {
        let mut transaction = self.read().await?;
        let Some((row, is_blocked)) = token_client::seen(&mut transaction, client_id).await? else {
            return Ok(None);
        };
        // MariaDB ignores spaces at the end even where it compares octets.
        let is_live = row.client_id == client_id
            && row.status == "registered"
            && row.trust_off()?.is_none()
            && !is_blocked;
        if !is_live {
            return Ok(None);
        }
        // A site that is no longer configured has no tokens.
        let Some(table) = self.tables.get(&row.site) else {
            return Ok(None);
        };
        if table.seen_enabled(&mut transaction, client_id).await? != Some(true) {
            return Ok(None);
        }
        let metadata = row.metadata()?;
        Ok(Some(TokenClient {
            grant_types: strings(&metadata, "grant_types"),
            redirect_uris: strings(&metadata, "redirect_uris"),
            scopes: metadata
                .get("scope")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            certificate: row.certificate()?,
            client_id: row.client_id,
            site: row.site,
            community_uri: row.community_uri,
            client_uri: row.client_uri,
        }))
    }

    async fn found_is_ours(&self, site: &str, client_id: &str) -> Result<bool, StoreError> {
        let Some(table) = self.tables.get(site) else {
            return Err(StoreError::Outcome(RegistryError::NotRegistered));
        };
        let mut transaction = self.read().await?;
        match table.found_as(&mut transaction, client_id).await? {
            Some(found) => token_client::is_known(&mut transaction, &found).await,
            None => Ok(false),
        }
    }

    /// Locks as a statement does: the gate, our own row, the client's row.
    async fn record_token(
        &self,
        request: &AuthorizedRequest,
        context: &RequestContext,
    ) -> Result<TokenStanding, StoreError> {
        let client = request.client();
        let assertion = identity::assertion(&client.site, &client.client_id, request.jti());
        let mut transaction = self.write_gated().await?;
        // Before anything is looked at: a check that is under way, or an administrator's switch that was
        // just noticed, is waited for.
        let row = registration::lock_by_client_id(&mut transaction, &client.client_id).await?;
        let standing = Subject {
            names: &match &row {
                Some(row) => row.names()?,
                None => return Err(StoreError::Outcome(RegistryError::NotRegistered)),
            },
            used_key: request.leaf().key()?.fingerprint(),
            certificates: &request.path().revocation_identities(),
            assertion: &assertion,
            expired_until: self.expired_until(context.now),
        }
        .look_in(&mut transaction)
        .await?;
        let is_retry = match standing.assertion {
            Found::Nothing => false,
            Found::Expired => {
                spent_assertion::forget(&mut transaction, &assertion).await?;
                false
            }
            Found::Spent { request_id, .. } if request_id != context.request_id => {
                return Ok(TokenStanding::Replayed);
            }
            Found::Spent {
                accepted: false, ..
            } => return Ok(TokenStanding::Off),
            // What this very request did, if its commit succeeded unseen. How the client stands is
            // looked at again all the same.
            Found::Spent { accepted: true, .. } => true,
        };
        let row = row.filter(|row| is_of(row, client));
        let looked = match row {
            None => Looked::off(Off::NotLive),
            Some(_) if standing.is_blocked => Looked::off(Off::Blocked),
            Some(row) => {
                self.look_under_lock(&mut transaction, row, context.now)
                    .await?
            }
        };
        if !is_retry {
            self.note_token(&mut transaction, request, &looked, &assertion, context)
                .await?;
        }
        transaction.commit().await?;
        if looked.revoked {
            self.revoke_again(&client.site, &client.client_id).await;
        }
        Ok(match looked.outcome {
            Ok((_, kid)) => TokenStanding::Recorded { kid },
            Err(_) => TokenStanding::Off,
        })
    }

    /// Whether a live registration that nobody blocked is on, and with which key the FHIR server
    /// verifies. What an administrator did to the row since we last wrote it is noticed, as everywhere.
    ///
    /// The key is read from the row, and not from our record: the row is what the FHIR server goes by,
    /// and so survives what others do to it. If somebody put another key there, its `kid` is told, none of
    /// the gateway's has it, and the gateway raises the alarm. A row without any key that could be
    /// verified with is off: whoever took the key away wanted that.
    async fn look_under_lock(
        &self,
        transaction: &mut Transaction<'_, E>,
        row: Registration,
        now: OffsetDateTime,
    ) -> Result<Looked, StoreError> {
        let table = self.table(&row.site)?;
        let found = table.token_row(transaction, &row.client_id).await?;
        let kid = found.as_ref().and_then(|found| found.kid.clone());
        let is_on = found.map(|found| found.enabled);
        let is_trusted = row.trust_off()?.is_none();
        if is_on == Some(row.written_enabled) {
            let client_id = row.client_id.clone();
            let outcome = match (is_on, is_trusted, kid) {
                (_, false, _) => Err(Off::Distrusted),
                (Some(true), true, Some(kid)) => Ok((row, kid)),
                (Some(true), true, None) => {
                    tracing::error!(
                        client_id,
                        "the client's row holds no RSA key in jwks, or a jwks_uri"
                    );
                    Err(Off::Key)
                }
                _ => Err(Off::Row),
            };
            return Ok(Looked {
                outcome,
                revoked: false,
            });
        }
        let blocked = is_blocked(transaction, &row).await?;
        let relative = Relative { row, blocked };
        let decision = self
            .happen(transaction, &relative, Event::Look, None, now)
            .await?;
        let outcome = match (decision.state.written, kid) {
            (true, Some(kid)) => Ok((relative.row, kid)),
            (true, None) => Err(Off::Key),
            (false, _) if !is_trusted => Err(Off::Distrusted),
            (false, _) => Err(Off::Row),
        };
        Ok(Looked {
            outcome,
            revoked: decision.revoke_tokens,
        })
    }

    /// Spends the assertion, takes up a younger certificate, and tells the audit.
    async fn note_token(
        &self,
        transaction: &mut Transaction<'_, E>,
        request: &AuthorizedRequest,
        looked: &Looked,
        assertion: &Hash,
        context: &RequestContext,
    ) -> Result<(), StoreError> {
        let client_id = &request.client().client_id;
        let (kind, off) = match &looked.outcome {
            Ok((row, _)) => {
                self.take_up_certificate(transaction, row, request, context)
                    .await?;
                (Kind::TokenRequested, None)
            }
            Err(off) => (Kind::TokenRefused, Some(off.as_str())),
        };
        spent_assertion::spend(
            transaction,
            assertion,
            request.expires_at(),
            &context.request_id,
            off.is_none(),
        )
        .await?;
        let mut detail = to_audit(request, context);
        if let Some(off) = off {
            detail.insert("off".to_owned(), off.into());
        }
        audit_event::insert(
            transaction,
            &audit_event::Event {
                kind,
                at: context.now,
                request_id: Some(&context.request_id),
                client_id: Some(client_id),
                detail,
            },
        )
        .await
    }

    /// Makes the certificate that was used the registration's, if it is younger than the one that is
    /// there now (decisions 27). Its tokens stay, though the key may be another: the row holds the
    /// gateway's, and a user's refresh token that is being redeemed must survive it.
    async fn take_up_certificate(
        &self,
        transaction: &mut Transaction<'_, E>,
        row: &Registration,
        request: &AuthorizedRequest,
        context: &RequestContext,
    ) -> Result<(), StoreError> {
        // As it was looked at; most bring the one that is known.
        if !request.renews_certificate() {
            return Ok(());
        }
        let (leaf, known) = (request.leaf(), row.certificate()?);
        if leaf.fingerprint() == known.fingerprint() || leaf.not_before() <= known.not_before() {
            return Ok(());
        }
        let chain: Vec<u8> = request
            .path()
            .intermediates()
            .iter()
            .flat_map(|certificate| certificate.der().iter().copied())
            .collect();
        let renewal = Renewal {
            leaf,
            key_fingerprint: leaf.key()?.fingerprint(),
            chain: &chain,
        };
        token_client::renew(transaction, row.id, renewal, context.now).await?;
        audit_event::insert(
            transaction,
            &audit_event::Event {
                kind: Kind::CertificateRenewed,
                at: context.now,
                request_id: Some(&context.request_id),
                client_id: Some(&row.client_id),
                detail: audit_event::members(json!({
                    "site": row.site,
                    "client_uri": row.client_uri,
                    "certificate": {
                        "fingerprint": hex::encode(leaf.fingerprint()),
                        "serial": leaf.serial_hex(),
                        "issuer": leaf.issuer_text(),
                        "not_after": leaf.not_after().unix_timestamp(),
                    },
                    "previous": hex::encode(known.fingerprint()),
                    "remote_address": context.remote_address.map(|address| address.to_string()),
                })),
            },
        )
        .await
    }

    async fn take_back(&self, client_id: &str, context: &RequestContext) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let row = registration::lock_by_client_id(&mut transaction, client_id)
            .await?
            .filter(|row| row.client_id == client_id)
            .ok_or(StoreError::Outcome(RegistryError::NotRegistered))?;
        self.table(&row.site)?
            .revoke_tokens(&mut transaction, client_id)
            .await?;
        audit_event::insert(
            &mut transaction,
            &audit_event::Event {
                kind: Kind::ExcessRevoked,
                at: context.now,
                request_id: Some(&context.request_id),
                client_id: Some(client_id),
                detail: audit_event::members(json!({
                    "site": row.site,
                    "tokens_revoked": true,
                    "remote_address": context.remote_address.map(|address| address.to_string()),
                })),
            },
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Whether it is still the registration that was looked at.
fn is_of(row: &Registration, client: &TokenClient) -> bool {
    row.status == "registered"
        && row.client_id == client.client_id
        && row.site == client.site
        && row.community_uri == client.community_uri
        && row.client_uri == client.client_uri
}

/// Who asks and what for. Small, since there may be hundreds a minute: what is registered stands in the
/// event of the statement.
fn to_audit(request: &AuthorizedRequest, context: &RequestContext) -> Map<String, Value> {
    let mut detail = Map::new();
    let mut note = |name: &str, value: Value| {
        detail.insert(name.to_owned(), value);
    };
    note("grant_type", request.grant().name().into());
    match request.scopes() {
        None => {}
        Some(scopes) if scopes == request.client().scopes => note("whole_scope", true.into()),
        Some(scopes) => note("scope", scopes.join(" ").into()),
    }
    if let Some(extension) = request.extension() {
        note("hl7-b2b", json!(extension));
    }
    note(
        "certificate",
        json!({"fingerprint": hex::encode(request.leaf().fingerprint())}),
    );
    note(
        "remote_address",
        context
            .remote_address
            .map(|address| address.to_string())
            .into(),
    );
    detail
}

pub(super) fn strings(metadata: &Map<String, Value>, member: &str) -> Vec<String> {
    metadata
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
