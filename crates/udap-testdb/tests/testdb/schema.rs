//! Schemas end with their owners.

use udap_testdb::{Schema, TestServer};

async fn exists(schema: &str) -> bool {
    let pool = sqlx::MySqlPool::connect(&TestServer::shared().url("information_schema"))
        .await
        .unwrap();
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?",
    )
    .bind(schema)
    .fetch_one(&pool)
    .await
    .unwrap();
    found == 1
}

#[tokio::test]
async fn a_schema_is_gone_after_its_drop() {
    let schema = Schema::create(TestServer::shared(), Some("latin1")).await;
    let name = schema.name().to_owned();
    assert!(name.starts_with("udap_test_"));
    assert!(schema.url().ends_with(&name));
    let pool = schema.pool().await;
    let charset: String =
        sqlx::query_scalar("SELECT CONVERT(@@character_set_database USING utf8mb4)")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(charset, "latin1");
    assert!(exists(&name).await);
    drop(schema);
    assert!(!exists(&name).await);
}

#[tokio::test]
async fn an_open_transaction_does_not_keep_a_schema() {
    let schema = Schema::create(TestServer::shared(), None).await;
    let name = schema.name().to_owned();
    let pool = schema.pool().await;
    sqlx::query("CREATE TABLE t (n int)")
        .execute(&pool)
        .await
        .unwrap();
    let mut open = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO t VALUES (1)")
        .execute(&mut *open)
        .await
        .unwrap();
    drop(schema);
    assert!(!exists(&name).await);
}

#[tokio::test]
async fn a_test_that_panics_leaves_no_schema() {
    let schema = Schema::create(TestServer::shared(), None).await;
    let name = schema.name().to_owned();
    let test = tokio::spawn(async move {
        let _schema = schema;
        panic!("as a failing test does");
    });
    assert!(test.await.unwrap_err().is_panic());
    assert!(!exists(&name).await);
}
