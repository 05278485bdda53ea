//! A look into the store from outside: the same questions, whatever it is.

use sqlx::mysql::{MySqlPool, MySqlRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, MySql, Row as _, Sqlite, ValueRef as _};

use crate::Store;

/// The tables that are OpenEMR's; all others are our own.
const OF_OPENEMR: [&str; 5] = [
    "oauth_clients",
    "oauth_trusted_user",
    "api_token",
    "api_refresh_token",
    "globals",
];

/// The server's database, opened beside it.
///
/// A statement names tables of one owner only: our own, or OpenEMR's. Those of OpenEMR's are asked of
/// all sites.
#[derive(Debug)]
pub struct Database(Opened);

#[derive(Debug)]
enum Opened {
    Embedded(SqlitePool),
    MariaDb {
        registry: MySqlPool,
        emrs: Vec<MySqlPool>,
    },
}

/// A row of either.
#[derive(Debug)]
pub enum Row {
    /// Of the embedded store.
    Embedded(SqliteRow),
    /// Of MariaDB.
    MariaDb(MySqlRow),
}

/// What became of a statement.
#[derive(PartialEq, Eq)]
enum Ran {
    Done,
    /// The server's own work and it were in each other's way: it is to be tried again.
    Deadlocked,
}

/// InnoDB gave up one of two transactions that waited for each other.
const DEADLOCK: &str = "40001";

async fn run(pool: &MySqlPool, statement: &str) -> Ran {
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(DEADLOCK) => {
            Ran::Deadlocked
        }
        done => {
            done.expect(statement);
            Ran::Done
        }
    }
}

/// What a column can be read as.
pub trait Readable: for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, MySql> + Sized {}

impl<T: for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, MySql>> Readable for T {}

impl Row {
    /// A column.
    ///
    /// # Panics
    /// If there is none, or it holds something else.
    #[must_use]
    pub fn get<T: Readable, I>(&self, column: I) -> T
    where
        I: ColumnIndex<SqliteRow> + ColumnIndex<MySqlRow>,
    {
        // Unchecked: the databases call the types of our numbers and texts differently.
        match self {
            Self::Embedded(row) => row.try_get_unchecked(column),
            Self::MariaDb(row) => row.try_get_unchecked(column),
        }
        .expect("the column is as expected")
    }

    /// Whether a column is NULL.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn is_null(&self, column: &str) -> bool {
        match self {
            Self::Embedded(row) => row.try_get_raw(column).map(|value| value.is_null()),
            Self::MariaDb(row) => row.try_get_raw(column).map(|value| value.is_null()),
        }
        .expect("there is such a column")
    }

    /// Whether there is such a column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        match self {
            Self::Embedded(row) => row.try_column(column).is_ok(),
            Self::MariaDb(row) => row.try_column(column).is_ok(),
        }
    }

    /// How many columns there are.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Embedded(row) => row.len(),
            Self::MariaDb(row) => row.len(),
        }
    }
}

impl Database {
    /// Opens it.
    ///
    /// # Panics
    /// If it is not there.
    pub async fn open(store: &Store) -> Self {
        Self(match store {
            Store::Embedded(file) => {
                let options = SqliteConnectOptions::new().filename(file);
                let pool = SqlitePool::connect_with(options).await;
                Opened::Embedded(pool.expect("the database opens"))
            }
            Store::MariaDb(on) => Opened::MariaDb {
                registry: on.registry.pool().await,
                emrs: on.emrs().map(|emr| emr.pool().clone()).collect(),
            },
        })
    }

    /// The only column of the only row, as a number; of several sites their sum.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn number(&self, query: &str) -> i64 {
        let rows = self.rows(query).await;
        assert!(!rows.is_empty(), "the query gives no number: {query}");
        rows.iter().map(|row| row.get::<i64, _>(0)).sum()
    }

    /// The only row that a query gives.
    ///
    /// # Panics
    /// If it does not give one.
    pub async fn row(&self, query: &str) -> Row {
        let mut rows = self.rows(query).await;
        let row = rows.pop();
        assert!(rows.is_empty(), "the query gives several rows: {query}");
        row.unwrap_or_else(|| panic!("the query gives no row: {query}"))
    }

    /// All rows that a query gives.
    ///
    /// # Panics
    /// If it fails.
    pub async fn rows(&self, query: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        match &self.0 {
            Opened::Embedded(pool) => {
                let found = sqlx::query(AssertSqlSafe(query)).fetch_all(pool).await;
                rows.extend(found.expect(query).into_iter().map(Row::Embedded));
            }
            Opened::MariaDb { .. } => {
                for pool in self.owners(query) {
                    let found = sqlx::query(AssertSqlSafe(query)).fetch_all(pool).await;
                    rows.extend(found.expect(query).into_iter().map(Row::MariaDb));
                }
            }
        }
        rows
    }

    /// The row of a client in OpenEMR's table.
    ///
    /// # Panics
    /// If there is none.
    pub async fn client(&self, client_id: &str) -> Row {
        assert!(
            client_id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "not a client_id: {client_id}"
        );
        self.row(&format!(
            "SELECT * FROM oauth_clients WHERE client_id = '{client_id}'"
        ))
        .await
    }

    /// Whether a client is switched on.
    pub async fn is_enabled(&self, client_id: &str) -> bool {
        self.client(client_id).await.get::<i64, _>("is_enabled") == 1
    }

    /// Clients in OpenEMR's table.
    pub async fn clients(&self) -> i64 {
        self.number("SELECT count(*) FROM oauth_clients").await
    }

    /// Runs a statement, as an administrator or a fault would.
    ///
    /// # Panics
    /// If it fails.
    pub async fn execute(&self, statement: &str) {
        match &self.0 {
            Opened::Embedded(pool) => {
                let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await;
                done.expect(statement);
            }
            Opened::MariaDb { .. } => {
                for pool in self.owners(statement) {
                    while run(pool, statement).await == Ran::Deadlocked {}
                }
            }
        }
    }

    /// From now on every insert into a table fails, with this text in the database's message.
    ///
    /// # Panics
    /// If the table is not there.
    pub async fn refuse_inserts(&self, table: &str, message: &str) {
        let fault = match &self.0 {
            Opened::Embedded(_) => format!("BEGIN SELECT RAISE(ABORT, '{message}'); END"),
            Opened::MariaDb { .. } => {
                format!("FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'")
            }
        };
        self.execute(&format!(
            "CREATE TRIGGER refuses_{table} BEFORE INSERT ON {table} {fault}"
        ))
        .await;
    }

    /// Takes back [`refuse_inserts`](Self::refuse_inserts).
    ///
    /// # Panics
    /// If the table takes inserts already.
    pub async fn take_inserts(&self, table: &str) {
        self.execute(&format!("DROP TRIGGER refuses_{table}")).await;
    }

    /// The schemas with the tables that a statement names.
    fn owners(&self, statement: &str) -> &[MySqlPool] {
        let Opened::MariaDb { registry, emrs } = &self.0 else {
            return &[];
        };
        if OF_OPENEMR.iter().any(|table| statement.contains(table)) {
            emrs
        } else {
            std::slice::from_ref(registry)
        }
    }
}
