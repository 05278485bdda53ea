//! Keeping CRLs over restarts (decisions 22).

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registry::{CrlArchive, CrlRecord, CrlVersion, RegistryError};

use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::registry::retry::{LONG, TRANSACTION, within};
use crate::sql::Engine;
use crate::table::crl;

#[async_trait]
impl<E: Engine> CrlArchive for SqlRegistry<E> {
    async fn put_crl(&self, crl: &CrlRecord) -> Result<bool, RegistryError> {
        let put = async {
            // A long list is written piece by piece, so that nobody waits for the whole of it to be
            // on the disk. It counts once the last step names it.
            let crl = crl::Whole::new(crl);
            for chunk in crl.chunks() {
                let mut transaction = self.write().await?;
                crl::put_chunk(&mut transaction, &chunk).await?;
                transaction.commit().await?;
            }
            let mut transaction = self.write().await?;
            let stored = crl::put(&mut transaction, &crl).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(stored)
        };
        Ok(within(LONG, put).await?)
    }

    async fn crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
    ) -> Result<Option<CrlRecord>, RegistryError> {
        let get = async {
            let mut transaction = self.read().await?;
            crl::get(&mut transaction, url, issuer_key).await
        };
        Ok(within(LONG, get).await?)
    }

    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError> {
        let versions = async {
            let mut transaction = self.read().await?;
            crl::versions(&mut transaction).await
        };
        Ok(within(TRANSACTION, versions).await?)
    }

    async fn confirm_crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
        at: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        let confirm = async {
            let mut transaction = self.write().await?;
            crl::confirm(&mut transaction, url, issuer_key, at).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        Ok(within(TRANSACTION, confirm).await?)
    }

    async fn remove_crl(&self, url: &str, issuer_key: &[u8; 32]) -> Result<bool, RegistryError> {
        let remove = async {
            let mut transaction = self.write().await?;
            let removed = crl::remove(&mut transaction, url, issuer_key).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(removed)
        };
        Ok(within(TRANSACTION, remove).await?)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::SqliteRegistry;

    const KEY: [u8; 32] = [7; 32];

    fn record(number: Option<&[u8]>, minutes: i64, bytes: usize) -> CrlRecord {
        let this_update = datetime!(2026-11-22 12:00 UTC) + Duration::minutes(minutes);
        CrlRecord {
            url: "http://crl.example.org/ca.crl".to_owned(),
            issuer: b"the CA's certificate".to_vec(),
            issuer_key: KEY,
            this_update,
            next_update: Some(this_update + Duration::DAY),
            number: number.map(<[u8]>::to_vec),
            entity_tag: Some("\"tag\"".to_owned()),
            last_modified: None,
            fetched_at: this_update,
            der: (0..bytes).map(|index| (index % 251) as u8).collect(),
        }
    }

    async fn store() -> SqliteRegistry {
        SqliteRegistry::open_in_memory(Vec::new()).await.unwrap()
    }

    #[tokio::test]
    async fn a_crl_longer_than_a_row_comes_back_whole_and_is_swapped_as_a_whole() {
        let store = store().await;
        let long = record(Some(&[1]), 0, 3 * 1024 * 1024 + 17);
        assert!(store.put_crl(&long).await.unwrap());
        assert_eq!(
            store.crl(&long.url, &KEY).await.unwrap(),
            Some(long.clone())
        );
        let short = record(Some(&[2]), 1, 10);
        assert!(store.put_crl(&short).await.unwrap());
        assert_eq!(
            store.crl(&long.url, &KEY).await.unwrap(),
            Some(short.clone())
        );
        let later = short.fetched_at + Duration::HOUR;
        store.confirm_crl(&short.url, &KEY, later).await.unwrap();
        let versions = store.crl_versions().await.unwrap();
        assert_eq!(versions.len(), 1);
        assert_eq!(
            (&versions[0].url, versions[0].fetched_at),
            (&short.url, later)
        );
        assert_eq!(versions[0].digest, crate::identity::content(&short.der));
        assert!(store.remove_crl(&short.url, &KEY).await.unwrap());
        assert!(!store.remove_crl(&short.url, &KEY).await.unwrap());
        assert_eq!(store.crl(&short.url, &KEY).await.unwrap(), None);
    }

    #[tokio::test]
    async fn pieces_of_lists_that_are_not_known_are_removed_and_missing_ones_are_written() {
        let store = store().await;
        let pieces = async || {
            let mut transaction = store.read().await.unwrap();
            let count = sqlx::query_scalar("SELECT count(*) FROM crl_chunk");
            let count: i64 = count.fetch_one(&mut *transaction).await.unwrap();
            count
        };
        let stored = record(Some(&[2]), 0, 3 * 1024 * 1024);
        let mut elsewhere = stored.clone();
        elsewhere.url.push_str("?elsewhere");
        assert!(store.put_crl(&stored).await.unwrap());
        assert!(store.put_crl(&elsewhere).await.unwrap());
        assert_eq!(pieces().await, 3, "one list in two places");
        let older = record(Some(&[1]), -1, 2 * 1024 * 1024);
        assert!(!store.put_crl(&older).await.unwrap());
        assert_eq!(pieces().await, 3);
        // As if another process had removed them just now.
        let mut transaction = store.write().await.unwrap();
        sqlx::query("DELETE FROM crl_chunk WHERE position = 1")
            .execute(&mut *transaction)
            .await
            .unwrap();
        assert!(
            crl::put(&mut transaction, &crl::Whole::new(&stored))
                .await
                .unwrap()
        );
        transaction.commit().await.unwrap();
        assert_eq!(
            store.crl(&stored.url, &KEY).await.unwrap(),
            Some(stored.clone())
        );
        assert!(store.remove_crl(&stored.url, &KEY).await.unwrap());
        assert_eq!(
            store.crl(&elsewhere.url, &KEY).await.unwrap(),
            Some(elsewhere.clone())
        );
        assert!(store.remove_crl(&elsewhere.url, &KEY).await.unwrap());
        assert_eq!(pieces().await, 0);
    }

    #[tokio::test]
    async fn an_older_crl_replaces_nothing() {
        let store = store().await;
        let stored = record(Some(&[1, 0]), 10, 10);
        assert!(store.put_crl(&stored).await.unwrap());
        for older in [
            record(Some(&[1, 0]), 9, 11),
            record(Some(&[2, 0]), 9, 11),
            record(Some(&[0, 0, 0xff]), 11, 11),
            record(None, 9, 11),
        ] {
            assert!(!store.put_crl(&older).await.unwrap());
            assert_eq!(
                store.crl(&stored.url, &KEY).await.unwrap(),
                Some(stored.clone())
            );
        }
        for newer in [
            record(Some(&[1, 0]), 10, 12),
            record(Some(&[1, 1]), 11, 12),
            record(None, 11, 12),
        ] {
            assert!(store.put_crl(&newer).await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_lists_of_two_cas_at_one_address_are_not_in_each_others_way() {
        let store = store().await;
        let victim = record(Some(&[9]), 10, 10);
        assert!(store.put_crl(&victim).await.unwrap());
        let mut other = record(Some(&[1]), 9, 11);
        other.issuer = b"another certificate".to_vec();
        other.issuer_key = [8; 32];
        assert!(store.put_crl(&other).await.unwrap());
        let later = other.fetched_at + Duration::HOUR;
        store
            .confirm_crl(&other.url, &other.issuer_key, later)
            .await
            .unwrap();
        other.fetched_at = later;
        let stored = async |key| store.crl(&victim.url, key).await.unwrap();
        assert_eq!(stored(&other.issuer_key).await, Some(other.clone()));
        assert_eq!(stored(&KEY).await, Some(victim.clone()));
        let mut keys: Vec<_> = (store.crl_versions().await.unwrap().iter())
            .map(|version| version.issuer_key)
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, [KEY, other.issuer_key]);
        assert!(
            store
                .remove_crl(&other.url, &other.issuer_key)
                .await
                .unwrap()
        );
        assert_eq!(stored(&KEY).await, Some(victim.clone()));
    }

    #[tokio::test]
    async fn a_crl_that_changed_in_the_store_is_not_given_out() {
        let store = store().await;
        let crl = record(None, 0, 10);
        store.put_crl(&crl).await.unwrap();
        let mut transaction = store.write().await.unwrap();
        sqlx::query("UPDATE crl_chunk SET bytes = x'00'")
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let broken = store.crl(&crl.url, &KEY).await;
        assert!(matches!(broken, Err(RegistryError::Internal(_))));
    }
}
