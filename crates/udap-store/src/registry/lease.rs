//! Leases on SQLite.

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};
use udap::registry::RegistryError;

use crate::error::StoreError;
use crate::lease::Leases;
use crate::registry::SqlRegistry;
use crate::registry::retry::{TRANSACTION, within};
use crate::sql::Engine;
use crate::table::lease;

#[async_trait]
impl<E: Engine> Leases for SqlRegistry<E> {
    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: OffsetDateTime,
        ttl: Duration,
    ) -> Result<bool, RegistryError> {
        let take = async {
            let mut transaction = self.write().await?;
            let taken = lease::take(&mut transaction, name, holder, now, ttl).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(taken)
        };
        Ok(within(TRANSACTION, take).await?)
    }

    async fn release_lease(&self, name: &str, holder: &str) -> Result<(), RegistryError> {
        let release = async {
            let mut transaction = self.write().await?;
            lease::release(&mut transaction, name, holder).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        Ok(within(TRANSACTION, release).await?)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::SqliteRegistry;
    use crate::lease::LONGEST_LEASE;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const TTL: Duration = Duration::MINUTE;

    struct Job(SqliteRegistry);

    impl Job {
        async fn new() -> Self {
            Self(SqliteRegistry::open_in_memory(Vec::new()).await.unwrap())
        }

        async fn take(&self, holder: &str, now: OffsetDateTime) -> bool {
            self.0.take_lease("job", holder, now, TTL).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_lease_is_held_by_one_until_it_expires() {
        let job = Job::new().await;
        assert!(job.take("a", NOW).await);
        assert!(!job.take("b", NOW + TTL - Duration::MICROSECOND).await);
        assert!(job.take("b", NOW + TTL).await);
        assert!(!job.take("a", NOW + TTL).await);
    }

    #[tokio::test]
    async fn its_holder_renews_it_and_gives_it_back() {
        let job = Job::new().await;
        assert!(job.take("a", NOW).await);
        assert!(job.take("a", NOW + TTL / 2).await);
        assert!(!job.take("b", NOW + TTL).await);
        job.0.release_lease("job", "b").await.unwrap();
        assert!(!job.take("b", NOW + TTL).await);
        job.0.release_lease("job", "a").await.unwrap();
        assert!(job.take("b", NOW + TTL).await);
    }

    #[tokio::test]
    async fn each_job_has_a_lease_of_its_own() {
        let job = Job::new().await;
        assert!(job.take("a", NOW).await);
        assert!(job.0.take_lease("other", "b", NOW, TTL).await.unwrap());
    }

    #[tokio::test]
    async fn a_clock_that_was_wrong_holds_no_lease_for_years() {
        let job = Job::new().await;
        assert!(job.take("a", NOW + Duration::days(3_650)).await);
        assert!(job.take("b", NOW).await);
        // Nor does a wish for a long one.
        let long = Duration::days(3_650);
        assert!(job.0.take_lease("long", "a", NOW, long).await.unwrap());
        let later = NOW + LONGEST_LEASE;
        assert!(
            !job.0
                .take_lease("long", "b", later - TTL, TTL)
                .await
                .unwrap()
        );
        assert!(job.0.take_lease("long", "b", later, TTL).await.unwrap());
    }
}
