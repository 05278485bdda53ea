//! Looking at a database without changing it: for operators who want to know what a start would find.

use sqlx::Transaction;
use sqlx::migrate::Migrator;

use crate::client_table::SiteClients;
use crate::error::StoreError;
use crate::registry::{OpenError, SqlRegistry};
use crate::sql::{Engine, query_as, query_scalar};

/// How our tables stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TablesState {
    /// As this version wants them.
    Current,
    /// The next start makes or changes them.
    Pending {
        /// Steps that are missing.
        missing: usize,
        /// Of how many.
        of: usize,
    },
    /// They were made by another version: a newer one, or one that never was released.
    Foreign,
}

impl<E: Engine> SqlRegistry<E> {
    /// A transaction as registrations have it, for whoever looks at other tables of the same server:
    /// to be rolled back.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn transaction(&self) -> Result<Transaction<'static, E>, sqlx::Error> {
        self.writer.begin_with(E::BEGIN_WRITING).await
    }

    async fn compare(
        &self,
        is_there: &'static str,
        migrations: &Migrator,
    ) -> Result<TablesState, StoreError> {
        let wanted: Vec<_> = migrations
            .iter()
            .filter(|step| step.migration_type.is_up_migration())
            .collect();
        let mut transaction = self.read().await?;
        let table = migrations.table_name.as_ref();
        let is_there: bool = query_scalar(is_there)
            .bind(table)
            .fetch_one(&mut transaction)
            .await?;
        let applied: Vec<(i64, Vec<u8>, bool)> = if is_there {
            let sql = format!("SELECT version, checksum, success FROM {table}");
            query_as(sql).fetch_all(&mut transaction).await?
        } else {
            Vec::new()
        };
        let is_known = |version: i64, checksum: &[u8]| {
            (wanted.iter()).any(|step| step.version == version && *step.checksum == *checksum)
        };
        // What was interrupted is done again.
        let done: Vec<_> = applied.iter().filter(|(_, _, success)| *success).collect();
        if !done
            .iter()
            .all(|(version, checksum, _)| is_known(*version, checksum))
        {
            return Ok(TablesState::Foreign);
        }
        Ok(match wanted.len().saturating_sub(done.len()) {
            0 => TablesState::Current,
            missing => TablesState::Pending {
                missing,
                of: wanted.len(),
            },
        })
    }
}

#[cfg(feature = "sqlite")]
impl SqlRegistry<sqlx::Sqlite> {
    /// Opens the database in a file for looking only: nothing is made or changed.
    ///
    /// # Errors
    /// If the file is not there, or cannot be read.
    pub async fn look(
        path: &std::path::Path,
        sites: Vec<SiteClients<sqlx::Sqlite>>,
    ) -> Result<Self, OpenError> {
        let pool = super::sqlite::reader(path).await?;
        Self::new(pool.clone(), pool, sites)
    }

    /// How our tables stand.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tables(&self) -> Result<TablesState, udap::registry::RegistryError> {
        let there = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)";
        Ok(self.compare(there, &crate::sql::SQLITE_MIGRATIONS).await?)
    }
}

#[cfg(feature = "mysql")]
impl SqlRegistry<sqlx::MySql> {
    /// Connects as [`SqlRegistry::open`] does, but makes and changes nothing.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses us.
    pub async fn look(
        options: sqlx::mysql::MySqlConnectOptions,
        sites: Vec<SiteClients<sqlx::MySql>>,
    ) -> Result<Self, OpenError> {
        let pool = super::mysql::connect(options).await?;
        Self::new(pool.clone(), pool, sites)
    }

    /// How our tables stand.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tables(&self) -> Result<TablesState, udap::registry::RegistryError> {
        let there = "SELECT EXISTS (SELECT 1 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = ?)";
        Ok(self.compare(there, &crate::sql::mysql_migrations()).await?)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::SqliteRegistry;

    #[tokio::test]
    async fn looking_makes_nothing_and_tells_what_a_start_would_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("udap.db");
        assert!(SqliteRegistry::look(&path, Vec::new()).await.is_err());
        assert!(!path.exists());

        std::fs::write(&path, b"").unwrap();
        let empty = SqliteRegistry::look(&path, Vec::new()).await.unwrap();
        let state = empty.tables().await.unwrap();
        assert!(matches!(state, TablesState::Pending { missing, of } if missing == of && of > 1));
        empty.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), b"");

        let registry = SqliteRegistry::open(&path, Vec::new()).await.unwrap();
        let looking = SqliteRegistry::look(&path, Vec::new()).await.unwrap();
        assert_eq!(looking.tables().await.unwrap(), TablesState::Current);
        for (change, state) in [
            (
                "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
                None,
            ),
            (
                "UPDATE _sqlx_migrations SET version = version + 1000",
                Some(TablesState::Foreign),
            ),
        ] {
            let mut transaction = registry.transaction().await.unwrap();
            sqlx::query(change)
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            let found = looking.tables().await.unwrap();
            match state {
                Some(state) => assert_eq!(found, state),
                None => assert!(matches!(found, TablesState::Pending { missing: 1, .. })),
            }
        }
    }
}
