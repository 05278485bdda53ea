//! What the account of `udap db grants` can and cannot do. That it can do everything that the
//! registrar does is the contract's to show, which runs under it.

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use udap::enable::EnablePolicy;
use udap_openemr::Structure;
use udap_store::contract::{Harness, World, lifecycle};
use udap_testdb::{Generation, OpenEmr, Schema, TestServer};

use crate::granted::Granted;
use crate::harness::{MariaDb, clients};

/// Denied on a schema, a table, a column; for a view's columns, and for want of any other privilege.
const DENIALS: [u16; 5] = [1044, 1142, 1143, 1227, 1370];

async fn denied(connection: &mut MySqlConnection, statement: &str) -> bool {
    match sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
    {
        Ok(_) => false,
        Err(sqlx::Error::Database(error)) => {
            let number = error.downcast_ref::<MySqlDatabaseError>().number();
            assert!(DENIALS.contains(&number), "{statement}: {error}");
            true
        }
        Err(error) => panic!("{statement}: {error}"),
    }
}

async fn granted(openemr: &OpenEmr) -> (Schema, Granted) {
    let registry = Schema::create(TestServer::shared(), None).await;
    let granted = Granted::new(&registry, &[openemr]).await;
    (registry, granted)
}

#[tokio::test]
async fn secrets_cannot_be_read_and_clients_cannot_be_deleted() {
    let openemr = OpenEmr::create(TestServer::shared(), Generation::Columns25).await;
    openemr.insert_by_hand("made-by-hand").await;
    let schema = openemr.schema().name().to_owned();
    TestServer::shared()
        .execute(
            Some(&schema),
            "CREATE TABLE users_secure (id bigint, username varchar(255), password varchar(255)); \
             CREATE TABLE patient_data (id bigint)",
        )
        .await;
    let (registry, granted) = granted(&openemr).await;
    let mut connection = granted.connect().await;
    for statement in [
        "SELECT client_secret FROM {}.oauth_clients",
        "SELECT registration_token FROM {}.oauth_clients",
        "SELECT * FROM {}.oauth_clients",
        "SELECT COUNT(*) FROM {}.oauth_clients WHERE client_secret LIKE 'x%'",
        "UPDATE {}.oauth_clients SET client_secret = NULL",
        "UPDATE {}.oauth_clients SET client_id = 'another'",
        "UPDATE {}.oauth_clients SET is_confidential = 0",
        "DELETE FROM {}.oauth_clients",
        "TRUNCATE TABLE {}.oauth_clients",
        "DROP TABLE {}.oauth_clients",
        "ALTER TABLE {}.oauth_clients ADD COLUMN ours int",
        "SELECT value FROM {}.`keys`",
        "SELECT password FROM {}.users_secure",
        "SELECT id FROM {}.users",
        "SELECT id FROM {}.patient_data",
        "SELECT gl_value FROM {}.globals",
        "UPDATE {}.udap_globals SET gl_value = '1'",
        "UPDATE {}.version SET v_major = 9",
        "SELECT session_cache FROM {}.oauth_trusted_user",
        "INSERT INTO {}.oauth_trusted_user (client_id) VALUES ('x')",
        "SELECT token FROM {}.api_token",
        "UPDATE {}.api_token SET expiry = NOW()",
        "INSERT INTO {}.api_token (client_id) VALUES ('x')",
        "DELETE FROM {}.api_refresh_token",
        "SELECT jti FROM {}.jwt_grant_history",
        "CREATE TABLE {}.ours (id int)",
        "CREATE USER another IDENTIFIED BY 'x'",
    ] {
        let statement = statement.replace("{}", &schema);
        assert!(denied(&mut connection, &statement).await, "{statement}");
    }
    // A schema whose name would match if an underscore stood for any character.
    let alike = registry.name().replacen('_', "x", 1);
    assert!(denied(&mut connection, &format!("CREATE DATABASE {alike}")).await);
}

#[tokio::test]
async fn of_the_settings_only_those_that_matter_are_seen() {
    let openemr = OpenEmr::create(TestServer::shared(), Generation::Columns25).await;
    openemr.set_global("couchdb_pass", "a secret").await;
    let schema = openemr.schema().name();
    let (_registry, granted) = granted(&openemr).await;
    let mut connection = granted.connect().await;
    let structure = Structure::read(&mut connection, schema).await.unwrap();
    let globals = structure.read_globals(&mut connection, schema).await;
    let globals = globals.unwrap().unwrap();
    assert!(globals.is_on("rest_fhir_api"));
    let all = format!("SELECT gl_name FROM {schema}.udap_globals");
    let names: Vec<String> = sqlx::query_scalar(AssertSqlSafe(all))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(names.contains(&"site_addr_oath".to_owned()));
    assert!(!names.contains(&"couchdb_pass".to_owned()));
}

#[tokio::test]
async fn nothing_is_missing_in_any_generation() {
    for generation in Generation::ALL {
        let openemr = OpenEmr::create(TestServer::shared(), generation).await;
        let schema = openemr.schema().name();
        let (_registry, granted) = granted(&openemr).await;
        let mut connection = granted.connect().await;
        let structure = Structure::read(&mut connection, schema).await.unwrap();
        assert_eq!(structure.columns().len(), generation.columns());
        assert_eq!(structure.readable().len(), generation.columns() - 2);
        assert!(!structure.readable().contains(&"client_secret"));
        let mut transaction = connection.begin().await.unwrap();
        let missing = clients("default", &openemr)
            .missing_privileges(&mut transaction)
            .await;
        assert_eq!(missing.unwrap(), []);
    }
}

/// The grants name the columns of the OpenEMR that was; INSERT holds for those to come.
#[tokio::test]
async fn after_an_upgrade_of_openemr_its_new_columns_are_written() {
    let world = World::new(EnablePolicy::All);
    let harness = MariaDb::new(|| OpenEmr::with(Generation::Columns23)).await;
    let store = harness.open().await;
    for (_, openemr) in &harness.openemrs {
        TestServer::shared()
            .execute(
                Some(openemr.schema().name()),
                "ALTER TABLE oauth_clients \
                 ADD COLUMN skip_ehr_launch_authorization_flow tinyint(1) NOT NULL DEFAULT 0, \
                 ADD COLUMN dsi_type tinyint(3) unsigned NOT NULL DEFAULT 1",
            )
            .await;
    }
    drop(store);
    let store = harness.open().await;
    let statement = world.statement(&world.leaf("https://app.example.org/client"));
    let approved = world.approve(&statement);
    let registered = store.apply(&approved, &world.context()).await;
    let id = registered.unwrap().client_id;
    let row = harness.openemr().client(&id).await.unwrap();
    assert_eq!(row["dsi_type"].as_deref(), Some("0"));
}

/// Who may read them reads the secret columns back too.
#[tokio::test]
async fn an_administrators_account_works_as_well() {
    let harness = MariaDb::as_administrator(|| OpenEmr::with(Generation::Columns25)).await;
    lifecycle::a_modification_replaces_everything(&harness).await;
    lifecycle::a_cancelled_client_is_gone_for_good(
        &MariaDb::as_administrator(|| OpenEmr::with(Generation::Columns25)).await,
    )
    .await;
}
