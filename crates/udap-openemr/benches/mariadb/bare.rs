//! The statements of a registration without the registry: with the same texts and values of the same
//! size, whose keys are new each time.

use std::sync::Arc;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Column, Executor, MySqlPool, Row, TypeInfo, ValueRef};
use uuid::Uuid;

/// Which statements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    /// All that a registration takes.
    Same,
    /// The client and its record.
    TwoInserts,
}

/// A transaction that can be run again and again.
#[derive(Clone)]
pub(crate) struct Bare {
    pool: MySqlPool,
    statements: Statements,
    schema: Arc<str>,
    rows: Arc<[Pattern; 4]>,
}

/// A row that was there, to be inserted again under new keys.
struct Pattern {
    insert: Arc<str>,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    NewText,
    NewBytes(usize),
}

impl Bare {
    /// Takes the rows of the first registration as patterns.
    pub(crate) async fn new(
        options: &MySqlConnectOptions,
        schema: &str,
        statements: Statements,
    ) -> Self {
        let pool = MySqlPoolOptions::new()
            .max_connections(16)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    let level = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
                    connection.execute(level).await.map(drop)
                })
            })
            .connect_with(options.clone())
            .await
            .expect("it connects");
        let clients = format!("`{schema}`.oauth_clients");
        let rows = [
            pattern(&pool, &clients, &["client_id"]).await,
            pattern(&pool, "registration", &["identity", "client_id"]).await,
            pattern(&pool, "spent_jti", &["identity"]).await,
            pattern(&pool, "audit_event", &["id"]).await,
        ];
        Self {
            pool,
            statements,
            schema: schema.into(),
            rows: Arc::new(rows),
        }
    }

    pub(crate) async fn run(self) {
        let begin = match self.statements {
            Statements::Same => {
                "START TRANSACTION; \
                 SELECT name FROM gate WHERE name = 'blocks' LOCK IN SHARE MODE"
            }
            Statements::TwoInserts => "START TRANSACTION",
        };
        let mut transaction = self.pool.begin_with(begin).await.expect("it begins");
        let key = Uuid::new_v4().as_bytes().repeat(2);
        let id = Uuid::new_v4().simple().to_string();
        let [client, record, spent, event] = &*self.rows;
        let connection = &mut *transaction;
        if self.statements == Statements::Same {
            for sql in [
                "SELECT spent.expires_at, spent.request_id, spent.outcome, spent.client_id, \
                 spent.issued_at, spent.enabled, \
                 (EXISTS (SELECT 1 FROM client_block WHERE scope = 'registration' AND identity = ?) \
                 OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'everywhere' AND identity = ?) \
                 OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'key' AND identity = ?) \
                 OR EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?) \
                 OR EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?)) AS is_blocked \
                 FROM (SELECT 1 AS one) AS this \
                 LEFT JOIN spent_jti AS spent ON spent.identity = ?",
                "SELECT * FROM registration WHERE identity = ? AND live = 1 FOR UPDATE",
                "SELECT EXISTS (SELECT 1 FROM admin_off WHERE identity = ?)",
            ] {
                let mut query = sqlx::query(sql);
                for _ in sql.matches('?') {
                    query = query.bind(&key);
                }
                query.fetch_all(&mut *connection).await.expect("it is read");
            }
            let globals = format!(
                "SELECT gl_value FROM `{}`.globals \
                 WHERE gl_name = 'oauth_app_manual_approval' AND gl_index = 0",
                self.schema
            );
            sqlx::query(AssertSqlSafe(globals))
                .fetch_all(&mut *connection)
                .await
                .expect("it is read");
        }
        insert(connection, client, &id, &key).await;
        if self.statements == Statements::Same {
            let read = format!(
                "SELECT * FROM `{}`.oauth_clients WHERE client_id = ?",
                self.schema
            );
            sqlx::query(AssertSqlSafe(read))
                .bind(&id)
                .fetch_one(&mut *connection)
                .await
                .expect("it is read back");
        }
        insert(connection, record, &id, &key).await;
        if self.statements == Statements::Same {
            insert(connection, spent, &id, &key).await;
            insert(connection, event, &id, &key).await;
        }
        transaction.commit().await.expect("it commits");
    }
}

async fn insert(connection: &mut sqlx::MySqlConnection, row: &Pattern, id: &str, key: &[u8]) {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&row.insert)));
    for value in &row.values {
        query = match value {
            Value::Null => query.bind(None::<String>),
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Bytes(bytes) => query.bind(bytes.clone()),
            Value::NewText => query.bind(id.to_owned()),
            Value::NewBytes(length) => query.bind(key[..*length].to_vec()),
        };
    }
    query.execute(connection).await.expect("it is inserted");
}

async fn pattern(pool: &MySqlPool, table: &str, keys: &[&str]) -> Pattern {
    let row = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table} LIMIT 1")))
        .fetch_one(pool)
        .await
        .expect("there is a row");
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in row.columns() {
        let name = column.name();
        // Made by the database.
        if table == "registration" && ["id", "live"].contains(&name) {
            continue;
        }
        names.push(name.to_owned());
        let value = value(&row, name);
        values.push(match value {
            // Of an ASCII column the driver says that it is binary.
            Value::Text(_) | Value::Bytes(_) if name == "client_id" => Value::NewText,
            Value::Bytes(bytes) if keys.contains(&name) => Value::NewBytes(bytes.len()),
            other => other,
        });
    }
    let places = vec!["?"; names.len()].join(", ");
    Pattern {
        insert: format!(
            "INSERT INTO {table} ({}) VALUES ({places})",
            names.join(", ")
        )
        .into(),
        values,
    }
}

fn value(row: &MySqlRow, name: &str) -> Value {
    let raw = row.try_get_raw(name).expect("there is such a column");
    if raw.is_null() {
        return Value::Null;
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "DATETIME" => Value::Text("2026-11-22 12:00:00".to_owned()),
        kind if kind.contains("INT") || kind == "BOOLEAN" => {
            Value::Number(row.get_unchecked::<i64, _>(name))
        }
        kind if kind.contains("BINARY") || kind.contains("BLOB") => {
            Value::Bytes(row.get_unchecked::<Vec<u8>, _>(name))
        }
        _ => Value::Text(row.get_unchecked::<String, _>(name)),
    }
}
