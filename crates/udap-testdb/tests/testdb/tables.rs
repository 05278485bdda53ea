//! The tables are OpenEMR's, to the letter.

use std::collections::BTreeSet;

use sqlx::Row;
use udap_testdb::{Generation, OpenEmr, TestServer};

const COLUMNS: &str = "SELECT CAST(CONCAT_WS(' ', table_name, column_name,
        REPLACE(column_type, ' ', '_'), is_nullable, COALESCE(column_default, 'NULL'),
        IF(column_key = '', '-', column_key), IF(extra = '', '-', extra),
        COALESCE(collation_name, 'NULL')) AS CHAR)
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name <> 'keys'
    ORDER BY table_name, ordinal_position";

const INDEXES: &str = "SELECT CAST(CONCAT_WS(' ', table_name, index_name, non_unique, seq_in_index,
        column_name) AS CHAR)
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name NOT IN ('globals', 'keys', 'users')";

/// What the generations before lack.
const LATER: [(&str, Generation); 3] = [
    ("api_token context ", Generation::Columns24),
    (
        "oauth_clients skip_ehr_launch_authorization_flow ",
        Generation::Columns24,
    ),
    ("oauth_clients dsi_type ", Generation::Columns25),
];

fn has(generation: Generation, line: &str) -> bool {
    let age = |generation| Generation::ALL.iter().position(|one| *one == generation);
    LATER
        .iter()
        .all(|(column, since)| !line.starts_with(column) || age(*since) <= age(generation))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

#[tokio::test]
async fn columns_and_indexes_are_those_of_the_generation() {
    let server = TestServer::shared();
    if !server.version().await.contains("MariaDB") {
        return; // MySQL tells the same columns in other words
    }
    for generation in Generation::ALL {
        let emr = OpenEmr::create(server, generation).await;
        let columns: Vec<String> = sqlx::query_scalar(COLUMNS)
            .fetch_all(emr.pool())
            .await
            .unwrap();
        let expected: Vec<&str> = lines(include_str!("columns.txt"))
            .filter(|line| has(generation, line))
            .collect();
        assert_eq!(columns, expected, "{generation:?}");
        let clients = columns
            .iter()
            .filter(|line| line.starts_with("oauth_clients "));
        assert_eq!(clients.count(), generation.columns());

        let indexes: Vec<String> = sqlx::query_scalar(INDEXES)
            .fetch_all(emr.pool())
            .await
            .unwrap();
        let indexes: BTreeSet<&str> = indexes.iter().map(String::as_str).collect();
        let expected: BTreeSet<&str> = lines(include_str!("indexes.txt")).collect();
        assert_eq!(indexes, expected, "{generation:?}");
    }
}

async fn version(emr: &OpenEmr) -> (i32, i32, i32, String, i32) {
    let row = sqlx::query("SELECT v_major, v_minor, v_patch, v_tag, v_database FROM version")
        .fetch_one(emr.pool())
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
}

#[tokio::test]
async fn each_generation_tells_its_version() {
    let expected = [
        (6, 1, 0, String::new(), 436),
        (7, 0, 2, String::new(), 498),
        (8, 1, 1, "-dev".to_owned(), 538),
    ];
    for (generation, expected) in Generation::ALL.into_iter().zip(expected) {
        let emr = OpenEmr::create(TestServer::shared(), generation).await;
        assert_eq!(version(&emr).await, expected);
    }
}

#[tokio::test]
async fn the_rest_is_the_builders() {
    let emr = OpenEmr::with(Generation::Columns25)
        .charset("latin1")
        .version(8, 5, 0)
        .version_tag("-rc1")
        .version_database(545)
        .global("gbl_time_zone", "Europe/Berlin")
        .without_global("rest_api")
        .create(TestServer::shared())
        .await;
    assert_eq!(version(&emr).await, (8, 5, 0, "-rc1".to_owned(), 545));
    emr.set_global("rest_fhir_api", "0").await;
    let globals: Vec<(String, String)> =
        sqlx::query_as("SELECT gl_name, gl_value FROM globals ORDER BY gl_name")
            .fetch_all(emr.pool())
            .await
            .unwrap();
    let globals: Vec<(&str, &str)> = globals
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        globals,
        [
            ("gbl_time_zone", "Europe/Berlin"),
            ("oauth_app_manual_approval", "0"),
            ("rest_fhir_api", "0"),
            ("rest_system_scopes_api", "1"),
            ("site_addr_oath", "https://emr.example.org"),
        ]
    );
    let collation: String = sqlx::query_scalar(
        "SELECT CAST(collation_name AS CHAR) FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = 'oauth_clients'
         AND column_name = 'client_name'",
    )
    .fetch_one(emr.pool())
    .await
    .unwrap();
    assert_eq!(collation, "latin1_swedish_ci");
}
