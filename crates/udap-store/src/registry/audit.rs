//! The audit log on SQLite.

use async_trait::async_trait;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use udap::registry::RegistryError;

use crate::audit::{
    AuditEvent, AuditFilter, AuditLog, AuditOrder, BATCH_EVENTS, BATCH_OCTETS, Digester,
    Expectation, PurgeOrder, Purged, SEALER_LEASE, Seal, SealKey, Sealing, Unsealed, Verification,
    Verifier, seal,
};
use crate::error::StoreError;
use crate::instant;
use crate::registry::SqlRegistry;
use crate::registry::retry::{TRANSACTION, transact, within};
use crate::sql::Engine;
use crate::table::audit_event::{self, Kind};
use crate::table::{audit_log, audit_seal, lease};

/// How long the sealer's lease is held without being renewed. A sealer that died is followed by
/// another after this.
const LEASE: Duration = Duration::seconds(30);

/// Events that verification holds in memory at once: 64 of 64 KiB.
const PAGE: u32 = 64;

#[async_trait]
impl<E: Engine> AuditLog for SqlRegistry<E> {
    async fn seal(
        &self,
        key: &SealKey,
        holder: &str,
        now: OffsetDateTime,
    ) -> Result<Sealing, RegistryError> {
        Ok(transact!(self.seal_batch(key, holder, now))?)
    }

    async fn unsealed(&self) -> Result<Unsealed, RegistryError> {
        let unsealed = async {
            let mut transaction = self.read().await?;
            audit_log::unsealed(&mut transaction).await
        };
        Ok(within(TRANSACTION, unsealed).await?)
    }

    async fn verify(
        &self,
        key: &SealKey,
        expected: &Expectation,
        now: OffsetDateTime,
    ) -> Result<Verification, RegistryError> {
        Ok(self.verify_log(key, expected, now).await?)
    }

    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<&AuditOrder>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, RegistryError> {
        let events = async {
            let mut transaction = self.read().await?;
            audit_log::page(&mut transaction, filter, after, limit).await
        };
        Ok(events.await?)
    }

    async fn purge(&self, order: &PurgeOrder) -> Result<Purged, RegistryError> {
        Ok(self.purge_log(order).await?)
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn seal_batch(
        &self,
        key: &SealKey,
        holder: &str,
        now: OffsetDateTime,
    ) -> Result<Sealing, StoreError> {
        // Most of the time there is nothing to do, and nobody need wait for the write lock.
        let mut reader = self.read().await?;
        if !audit_log::is_any_unsealed(&mut reader).await? {
            return Ok(Sealing::Nothing);
        }
        drop(reader);
        let mut transaction = self.write().await?;
        // In the same transaction: whoever lost the lease in the meantime cannot seal.
        if !lease::take(&mut transaction, SEALER_LEASE, holder, now, LEASE).await? {
            return Ok(Sealing::Elsewhere);
        }
        let last = audit_seal::last(&mut transaction).await?;
        let used = audit_log::last_batch(&mut transaction).await?;
        // Where seals were cut off, the events of their batches keep their numbers.
        let batch = last
            .as_ref()
            .map_or(0, |last| last.batch)
            .max(used.unwrap_or(0))
            .checked_add(1)
            .ok_or(StoreError::Inconsistent {
                table: "audit_seal",
                column: "batch",
            })?;
        let mut digester = Digester::default();
        let mut events = 0;
        let mut octets = 0;
        for id in audit_log::unsealed_ids(&mut transaction, BATCH_EVENTS).await? {
            if octets >= BATCH_OCTETS {
                break;
            }
            events += 1;
            let event = audit_log::number(&mut transaction, &id, batch, events).await?;
            octets += event.detail.len();
            digester.add(&event);
        }
        if events == 0 {
            return Ok(Sealing::Nothing);
        }
        let seal = seal(
            key,
            batch,
            to_the_microsecond(now),
            events,
            digester.finish(),
            last.as_ref().map_or(Seal::NONE, |last| last.seal),
        );
        audit_seal::insert(&mut transaction, &seal).await?;
        transaction.commit().await?;
        Ok(Sealing::Sealed {
            // The first seal with a key follows seals without, if there are any.
            previous_holds: last.is_none_or(|last| {
                last.holds(key) || (!last.keyed && last.holds(&SealKey::plain()))
            }),
            seal,
        })
    }

    /// One transaction a batch, so that a purge is seen as a whole or not at all.
    async fn verify_log(
        &self,
        key: &SealKey,
        expected: &Expectation,
        now: OffsetDateTime,
    ) -> Result<Verification, StoreError> {
        let mut verifier = Verifier::new(key, expected);
        let mut from = Some(i64::MIN);
        while let Some(batch) = from {
            let mut transaction = self.read().await?;
            let Some(seal) = audit_seal::from(&mut transaction, batch).await? else {
                break;
            };
            let batch = seal.batch;
            from = batch.checked_add(1);
            verifier.seal(seal);
            let mut position = Some(i64::MIN);
            while let Some(first) = position {
                let page = audit_log::of_batch(&mut transaction, batch, first, PAGE).await?;
                position = page.last().and_then(|event| event.position.checked_add(1));
                for event in &page {
                    verifier.event(event);
                }
            }
        }
        let mut transaction = self.read().await?;
        let unsealed = audit_log::unsealed(&mut transaction).await?;
        let without_seal = audit_log::without_seal(&mut transaction).await?;
        Ok(verifier.finish(unsealed, without_seal, now))
    }

    /// Recorded first, removed then, oldest first, one transaction a batch: wherever it ends, what
    /// is gone is accounted for, and registrations get their turn in between.
    async fn purge_log(&self, order: &PurgeOrder) -> Result<Purged, StoreError> {
        let before = instant::to_micros(order.before.min(order.now));
        let mut purged = Purged::default();
        let mut reader = self.read().await?;
        let mut after = 0;
        while let Some(present) = audit_log::present_after(&mut reader, after).await? {
            if present.newest >= before || !present.sealed {
                break;
            }
            after = present.batch;
            purged.batches += 1;
            purged.events += u64::try_from(present.events).unwrap_or(0);
            purged.through = Some(present.batch);
        }
        drop(reader);
        let Some(through) = purged.through else {
            return Ok(purged);
        };
        let mut transaction = self.write().await?;
        audit_event::insert(
            &mut transaction,
            &audit_event::Event {
                kind: Kind::Purged,
                at: order.now,
                request_id: None,
                client_id: None,
                detail: audit_event::members(json!({
                    "through": through,
                    "before": order.before.format(&Rfc3339).ok(),
                    "batches": purged.batches,
                    "events": purged.events,
                    "operator": order.operator,
                    "reason": order.reason,
                })),
            },
        )
        .await?;
        transaction.commit().await?;
        let mut after = 0;
        loop {
            let mut transaction = self.write().await?;
            let present = audit_log::present_after(&mut transaction, after).await?;
            let Some(present) = present.filter(|present| present.batch <= through) else {
                return Ok(purged);
            };
            after = present.batch;
            audit_log::remove_batch(&mut transaction, present.batch).await?;
            transaction.commit().await?;
        }
    }
}

/// As it is stored, and sealed.
fn to_the_microsecond(at: OffsetDateTime) -> OffsetDateTime {
    instant::from_micros(instant::to_micros(at)).unwrap_or(at)
}
