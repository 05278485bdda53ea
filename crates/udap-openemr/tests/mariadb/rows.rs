//! What stands in OpenEMR's table, column by column.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use udap::certificate::Certificate;
use udap::enable::EnablePolicy;
use udap::key::Jwk;
use udap::registry::{Registry, RegistryError};
use udap_store::contract::World;
use udap_testdb::{Generation, OpenEmr};
use udap_testkit::{StatementBuilder, TestLeaf};

use crate::harness::MariaDb;

const APP: &str = "https://app.example.org/client";

type Row = BTreeMap<String, Option<String>>;

/// The one key that OpenEMR verifies with.
fn jwks(leaf: &TestLeaf) -> Value {
    let certificate = Certificate::from_der(leaf.der()).unwrap();
    let jwk = certificate.key().unwrap().jwk().clone();
    let Jwk::Rsa { e, n } = &jwk else {
        panic!("an RSA key")
    };
    json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS384", "kid": jwk.thumbprint(), "n": n, "e": e,
    }]})
}

/// Registers, and gives the row without its secret, and with its keys as they stand.
async fn registered(
    maria: &MariaDb,
    world: &World,
    statement: &StatementBuilder,
) -> (String, Row, Value) {
    let store = maria.store().await;
    let approved = world.approve(statement);
    let id = store
        .apply(&approved, &world.context())
        .await
        .unwrap()
        .client_id;
    let mut row = maria.openemr().client(&id).await.unwrap();
    let secret = row.remove("client_secret").unwrap().unwrap();
    assert!(secret.len() == 86 && secret.starts_with('x'));
    let jwks = row.remove("jwks").unwrap().unwrap();
    (id, row, serde_json::from_str(&jwks).unwrap())
}

fn expected(generation: Generation, changes: &[(&str, Option<&str>)]) -> Row {
    let mut row: Row = [
        ("client_role", Some("user")),
        ("client_name", Some("Example App")),
        ("registration_token", None),
        ("registration_uri_path", None),
        ("revoke_date", None),
        ("user_id", None),
        ("site_id", Some("default")),
        ("is_confidential", Some("1")),
        ("logout_redirect_uris", None),
        ("jwks_uri", None),
        ("initiate_login_uri", None),
        ("endorsements", None),
        ("policy_uri", None),
        ("tos_uri", None),
        ("is_enabled", Some("1")),
    ]
    .iter()
    .chain(changes)
    .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
    .collect();
    if generation.columns() >= 24 {
        let name = "skip_ehr_launch_authorization_flow".to_owned();
        row.insert(name, Some("0".to_owned()));
    }
    if generation.columns() >= 25 {
        row.insert("dsi_type".to_owned(), Some("0".to_owned()));
    }
    row
}

#[tokio::test]
async fn a_row_for_client_credentials_is_the_recommended_one() {
    for generation in Generation::ALL {
        let maria =
            MariaDb::new(|| OpenEmr::with(generation).global("gbl_time_zone", "America/New_York"))
                .await;
        let world = World::new(EnablePolicy::All);
        let leaf = world.leaf(APP);
        let statement = world
            .statement(&leaf)
            .claim("client_name", "Example App")
            .claim(
                "contacts",
                json!(["mailto:ops@example.org", "https://example.org/support"]),
            )
            .claim("scope", "system/Patient.read system/Observation.read")
            .claim("policy_uri", "https://app.example.org/privacy");
        let (id, row, keys) = registered(&maria, &world, &statement).await;
        let contacts = "mailto:ops@example.org|https://example.org/support";
        let changes = [
            ("client_id", Some(id.as_str())),
            ("register_date", Some("2026-11-22 07:00:00")),
            ("contacts", Some(contacts)),
            ("redirect_uri", Some(APP)),
            ("grant_types", Some("client_credentials")),
            ("scope", Some("system/Patient.read system/Observation.read")),
            ("policy_uri", Some("https://app.example.org/privacy")),
        ];
        assert_eq!(row, expected(generation, &changes));
        assert_eq!(keys, jwks(&leaf));
    }
}

#[tokio::test]
async fn a_row_for_authorization_code_is_the_recommended_one() {
    for generation in Generation::ALL {
        let maria =
            MariaDb::new(|| OpenEmr::with(generation).global("gbl_time_zone", "Asia/Kolkata"))
                .await;
        let world = World::new(EnablePolicy::All);
        let leaf = world.leaf(APP);
        let scope = "openid fhirUser offline_access launch/patient patient/Patient.read";
        let statement = world
            .statement(&leaf)
            .authorization_code()
            .claim("client_name", "Example App")
            .claim(
                "grant_types",
                json!(["authorization_code", "refresh_token"]),
            )
            .claim("contacts", json!(["mailto:ops@example.org"]))
            .claim(
                "redirect_uris",
                json!(["https://app.example.org/one", "https://app.example.org/two"]),
            )
            .claim("scope", scope);
        let (id, row, keys) = registered(&maria, &world, &statement).await;
        let changes = [
            ("client_id", Some(id.as_str())),
            ("register_date", Some("2026-11-22 17:30:00")),
            ("contacts", Some("mailto:ops@example.org")),
            (
                "redirect_uri",
                Some("https://app.example.org/one|https://app.example.org/two"),
            ),
            ("grant_types", Some("authorization_code|refresh_token")),
            ("scope", Some(scope)),
        ];
        assert_eq!(row, expected(generation, &changes));
        assert_eq!(keys, jwks(&leaf));
    }
}

/// Nothing that an earlier statement said is left, and nothing else is touched.
#[tokio::test]
async fn a_modification_leaves_what_is_not_the_apps() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let first = world
        .statement(&leaf)
        .claim("tos_uri", "https://app.example.org/terms");
    let (id, before, _) = registered(&maria, &world, &first).await;
    assert!(before["tos_uri"].is_some());
    // What only an administrator sets.
    let openemr = maria.openemr();
    sqlx::query(
        "UPDATE oauth_clients SET skip_ehr_launch_authorization_flow = 1, user_id = 'somebody'",
    )
    .execute(openemr.pool())
    .await
    .unwrap();
    let second = world.statement(&leaf).claim("client_name", "Other Name");
    let (again, after, _) = registered(&maria, &world, &second).await;
    assert_eq!(again, id);
    let mut wanted = before;
    wanted.insert("tos_uri".to_owned(), None);
    wanted.insert("client_name".to_owned(), Some("Other Name".to_owned()));
    wanted.insert("user_id".to_owned(), Some("somebody".to_owned()));
    let flag = "skip_ehr_launch_authorization_flow".to_owned();
    wanted.insert(flag, Some("1".to_owned()));
    assert_eq!(after, wanted);
}

/// The claim is named, nothing is written, and the statement can be told to be at fault.
#[tokio::test]
async fn a_name_that_the_database_cannot_store_is_the_apps_to_change() {
    for (charset, fits, does_not) in [
        ("utf8mb4", "Praxis \u{1f600} 中", None),
        ("utf8", "Praxis 中", Some("Praxis \u{1f600}")),
        ("latin1", "Ärzte-App é", Some("Praxis 中")),
    ] {
        let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25).charset(charset)).await;
        let world = World::new(EnablePolicy::All);
        let named = |name: &str| world.statement(&world.leaf(APP)).claim("client_name", name);
        if let Some(name) = does_not {
            let store = maria.store().await;
            let refused = store
                .apply(&world.approve(&named(name)), &world.context())
                .await;
            let Err(RegistryError::Unfit { claim, .. }) = refused else {
                panic!("{charset}: {refused:?}")
            };
            assert_eq!(claim, "client_name");
            assert_eq!(maria.openemr().clients().await, 0);
            assert!(store.list().await.unwrap().is_empty());
        }
        let (_, row, _) = registered(&maria, &world, &named(fits)).await;
        assert_eq!(row["client_name"].as_deref(), Some(fits));
    }
}

/// A row whose id differs in letter case only is somebody else's, and is left alone.
#[tokio::test]
async fn an_id_that_differs_in_letter_case_only_is_taken() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = maria.store().await;
    let mut context = world.context();
    context.new_client_id = "AbC".to_owned();
    maria.openemr().insert_by_hand("aBc").await;
    let before = maria.openemr().client("aBc").await;
    let taken = store
        .apply(&world.approve(&world.statement(&world.leaf(APP))), &context)
        .await;
    assert!(matches!(taken, Err(RegistryError::Internal(_))));
    assert_eq!(maria.openemr().client("aBc").await, before);
    assert_eq!(maria.openemr().clients().await, 1);
}

/// What somebody's trigger makes of a row is not what was asked for: nothing is left of it.
#[tokio::test]
async fn a_row_that_reads_back_differently_is_taken_back() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = maria.store().await;
    for change in [
        "NEW.scope = 'openid'",
        "NEW.is_enabled = 0",
        "NEW.jwks_uri = 'x'",
    ] {
        let trigger = format!(
            "CREATE OR REPLACE TRIGGER meddle BEFORE INSERT ON oauth_clients \
             FOR EACH ROW SET {change}"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger))
            .execute(maria.openemr().pool())
            .await
            .unwrap();
        let statement = world.statement(&world.leaf(APP));
        let refused = store
            .apply(&world.approve(&statement), &world.context())
            .await;
        assert!(
            matches!(refused, Err(RegistryError::Internal(_))),
            "{change}"
        );
        assert_eq!(maria.openemr().clients().await, 0);
        assert!(store.list().await.unwrap().is_empty());
    }
}
