//! `udap doctor`, with a real MariaDB and a stand-in for OpenEMR's discovery.

use serde_json::{Value, json};
use udap_testdb::{Generation, OpenEmr};

use crate::openemr::{Emr, free_port};
use crate::ran::Place;

/// What is found, and whether that is an error.
fn look(emr: &Emr) -> Vec<Value> {
    let ran = emr.place.run("doctor --json");
    let findings = ran.json().as_array().unwrap().clone();
    let is_bad = findings.iter().any(|one| one["severity"] == "error");
    assert_eq!(ran.code, Some(i32::from(is_bad)), "{ran:?}");
    findings
}

fn of<'a>(findings: &'a [Value], severity: &str) -> Vec<&'a Value> {
    findings
        .iter()
        .filter(|one| one["severity"] == severity)
        .collect()
}

/// There is a finding of this check and severity that says this.
#[track_caller]
fn told(findings: &[Value], check: &str, severity: &str, text: &str) {
    let is_it = |one: &&Value| {
        one["check"] == check
            && one["severity"] == severity
            && one["found"].as_str().unwrap().contains(text)
    };
    let found = findings.iter().find(is_it);
    let found = found.unwrap_or_else(|| panic!("{check} {severity} {text:?}: {findings:#?}"));
    let needs_advice = severity != "ok";
    assert!(!needs_advice || found["advice"].is_string(), "{found}");
}

async fn emr() -> Emr {
    Emr::new(OpenEmr::with(Generation::Columns25)).await
}

#[tokio::test]
async fn a_healthy_setup_has_no_error_and_is_not_changed() {
    let emr = emr().await;
    let before = look(&emr);
    assert_eq!(of(&before, "error"), [] as [&Value; 0]);
    told(&before, "tables", "ok", "made at the next start");
    let tables: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_one(&emr.registry.pool().await)
    .await
    .unwrap();
    assert_eq!(tables, 0, "it makes no tables");
    assert!(!emr.place.path("gateway-keys").exists(), "it makes no key");

    emr.make_tables();
    let findings = look(&emr);
    assert_eq!(of(&findings, "error"), [] as [&Value; 0]);
    let warnings = of(&findings, "warning");
    assert!(
        warnings.iter().all(|one| one["check"] == "configuration"),
        "{warnings:#?}"
    );
    for (check, text) in [
        ("server", "MariaDB"),
        ("tables", "up to date"),
        ("clock", "the database"),
        ("clock", "OpenEMR's web server"),
        ("version", "8.1.1"),
        ("structure", "25 columns, in utf8mb4"),
        ("privileges", "all that registrations need"),
        ("excess_privileges", "nothing"),
        ("settings", "FHIR API is on"),
        ("settings", "system scopes are on"),
        ("site_addr_oath", "begins"),
        ("system_user", "is there"),
        ("rows", "no client"),
        ("token_endpoint", "the configured one"),
        ("scopes", "all scopes"),
        ("registrations", "no app"),
        ("anchors", "valid until"),
        ("server_certificate", "names"),
        ("crls", "usable until"),
    ] {
        told(&findings, check, "ok", text);
    }
    let members: Vec<_> = findings[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["check", "subject", "severity", "found", "advice"]);

    let text = emr.place.run("doctor").good().out;
    for part in [
        "database\n",
        "site default\n",
        "community example\n",
        "errors: 0",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn openemrs_settings_and_user_are_looked_at() {
    let emr = emr().await;
    for (name, value, check, severity, text) in [
        ("rest_fhir_api", "0", "settings", "error", "rest_fhir_api"),
        (
            "rest_system_scopes_api",
            "0",
            "settings",
            "error",
            "rest_system_scopes_api",
        ),
        (
            "oauth_app_manual_approval",
            "1",
            "settings",
            "warning",
            "manual approval",
        ),
        (
            "site_addr_oath",
            "https://elsewhere.example.org",
            "site_addr_oath",
            "error",
            "elsewhere",
        ),
        ("site_addr_oath", "", "site_addr_oath", "warning", "not set"),
    ] {
        emr.openemr.set_global(name, value).await;
        told(&look(&emr), check, severity, text);
    }
    emr.execute("UPDATE users SET uuid = NULL").await;
    told(&look(&emr), "system_user", "warning", "no UUID");
    emr.execute("DELETE FROM users").await;
    told(&look(&emr), "system_user", "error", "missing");
    emr.configure(&emr.database_url(), "openemr_version = \"7.0.3\"");
    told(&look(&emr), "version", "warning", "says 8.1.1");
}

#[tokio::test]
async fn openemrs_discovery_is_compared() {
    let emr = emr().await;
    emr.web.change(|document| {
        document["token_endpoint"] = json!("https://emr.example.org/oauth2/default/token");
        document["scopes_supported"] = json!([["openid", "system/Patient.rs"]]);
    });
    let findings = look(&emr);
    told(
        &findings,
        "token_endpoint",
        "error",
        "https://emr.example.org/oauth2/default/token",
    );
    // .rs says what .read says.
    told(
        &findings,
        "scopes",
        "warning",
        "does not support system/Observation.read:",
    );
    emr.web.change(|document| *document = json!({}));
    told(
        &look(&emr),
        "token_endpoint",
        "error",
        "names no token endpoint",
    );
    for (ahead, severity, text) in [
        (30, "warning", "ahead of this machine"),
        (-30, "warning", "behind this machine"),
        (300, "error", "ahead of this machine"),
    ] {
        emr.web.set_ahead(ahead);
        told(&look(&emr), "clock", severity, text);
    }
    let nobody = format!(
        "upstream_token_url = \"http://127.0.0.1:{}/token\"",
        free_port()
    );
    emr.configure(&emr.database_url(), &nobody);
    told(&look(&emr), "discovery", "error", "cannot be reached");
}

#[tokio::test]
async fn openemrs_token_endpoint_is_asked_as_the_gateway_and_as_apps_would() {
    let emr = emr().await;
    told(&look(&emr), "gateway", "ok", "answers token requests");
    emr.configure(&emr.database_url(), "token_guard = true");
    told(&look(&emr), "guard", "error", "around the gateway");
    emr.web.close();
    told(&look(&emr), "gateway", "error", "status 404");
    let nobody = format!(
        "upstream_token_url = \"http://127.0.0.1:{}/token\"",
        free_port()
    );
    emr.configure(&emr.database_url(), &nobody);
    told(&look(&emr), "gateway", "error", "cannot be asked");
}

#[tokio::test]
async fn too_few_and_too_many_grants_are_told_by_name() {
    let emr = emr().await;
    let schema = emr.openemr.schema().name();
    let user = format!("'{}'@'%'", emr.user);
    emr.execute(&format!("GRANT SELECT ON {schema}.`keys` TO {user}"))
        .await;
    emr.execute(&format!("GRANT SELECT ON {schema}.globals TO {user}"))
        .await;
    emr.execute(&format!(
        "GRANT SELECT, DELETE ON {schema}.oauth_clients TO {user}"
    ))
    .await;
    emr.execute(&format!("GRANT FILE ON *.* TO {user}")).await;
    let findings = look(&emr);
    assert_eq!(of(&findings, "error"), [] as [&Value; 0]);
    for text in [
        "`keys`",
        "all of globals",
        "client_secret",
        "delete clients",
        "use FILE",
    ] {
        told(&findings, "excess_privileges", "warning", text);
    }
    emr.execute(&format!(
        "REVOKE DELETE ON {schema}.oauth_trusted_user FROM {user}"
    ))
    .await;
    emr.execute(&format!(
        "REVOKE SELECT (username, uuid) ON {schema}.users FROM {user}"
    ))
    .await;
    let findings = look(&emr);
    told(
        &findings,
        "privileges",
        "error",
        "DELETE on oauth_trusted_user",
    );
    told(&findings, "system_user", "warning", "could not be checked");
    emr.execute(&format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}"))
        .await;
    emr.execute(&format!("GRANT ALL ON {}.* TO {user}", emr.registry.name()))
        .await;
    let findings = look(&emr);
    told(
        &findings,
        "structure",
        "error",
        "no table oauth_clients can be seen",
    );
    told(&findings, "version", "error", "cannot be read");
}

#[tokio::test]
async fn an_old_charset_and_an_old_version_have_consequences() {
    let emr = Emr::new(OpenEmr::with(Generation::Columns24).charset("latin1")).await;
    emr.configure(
        &emr.database_url(),
        &format!(
            "authorization_endpoint = \"{}/oauth2/default/authorize\"",
            emr.web.address
        ),
    );
    let findings = look(&emr);
    assert_eq!(of(&findings, "error"), [] as [&Value; 0]);
    told(&findings, "structure", "ok", "24 columns, in latin1");
    told(&findings, "charset", "warning", "western European");
    told(
        &findings,
        "version",
        "warning",
        "authorization_code apps are refused",
    );
    let emr = Emr::new(OpenEmr::with(Generation::Columns25).charset("utf8mb3")).await;
    told(&look(&emr), "charset", "ok", "no emoji");
}

#[tokio::test]
async fn rows_that_break_openemr_are_named() {
    let emr = emr().await;
    for id in ["fine", "no-redirect", "strange-type", "spaces", "no-object"] {
        emr.openemr.insert_by_hand(id).await;
    }
    emr.execute(
        "UPDATE oauth_clients SET redirect_uri = NULL WHERE client_id = 'no-redirect'; \
         UPDATE oauth_clients SET dsi_type = 3 WHERE client_id = 'strange-type'; \
         UPDATE oauth_clients SET scope = 'openid  profile' WHERE client_id = 'spaces'; \
         UPDATE oauth_clients SET jwks = 'null' WHERE client_id = 'no-object'",
    )
    .await;
    let findings = look(&emr);
    told(
        &findings,
        "rows",
        "warning",
        "no-redirect: redirect_uri is NULL; that breaks OpenEMR's page",
    );
    told(
        &findings,
        "rows",
        "warning",
        "strange-type: dsi_type is 3; that breaks OpenEMR's page",
    );
    told(
        &findings,
        "rows",
        "warning",
        "spaces: scope has a space too many; that breaks every token",
    );
    told(
        &findings,
        "rows",
        "warning",
        "no-object: jwks is no JSON object",
    );
    assert_eq!(
        findings.iter().filter(|one| one["check"] == "rows").count(),
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_changed_by_hand_are_told_of() {
    let emr = emr().await;
    let client_id = emr.register_an_app();
    told(
        &look(&emr),
        "registrations",
        "ok",
        "all 1 registered apps are as they were written",
    );
    emr.execute("UPDATE oauth_clients SET scope = 'openid', client_name = 'Another'")
        .await;
    let drifted = format!("client {client_id}: changed by hand: client_name, scope");
    let findings = look(&emr);
    told(&findings, "registrations", "ok", &drifted);
    assert!(findings.iter().all(|one| one["check"] != "row_keys"));
    emr.openemr
        .set_keys(&client_id, Some("https://app.example.org/keys"), None)
        .await;
    told(&look(&emr), "row_keys", "warning", &client_id);
    emr.openemr.switch(&client_id, false).await;
    told(&look(&emr), "registrations", "ok", "switched off by hand");
    emr.openemr.remove(&client_id).await;
    let findings = look(&emr);
    told(
        &findings,
        "registrations",
        "ok",
        "its row in oauth_clients is gone",
    );
    assert_eq!(of(&findings, "error"), [] as [&Value; 0]);
    assert!(findings.iter().all(|one| one["check"] != "row_keys"));
    std::fs::remove_file(emr.place.path("gateway-keys/default.pem")).unwrap();
    told(&look(&emr), "gateway_key", "error", "whose file is missing");
}

#[tokio::test]
async fn without_a_database_the_rest_is_checked() {
    let emr = emr().await;
    let nobody = format!("mysql://u:p@127.0.0.1:{}/udap_registry", free_port());
    emr.configure(&nobody, "");
    let findings = look(&emr);
    told(&findings, "connection", "error", "cannot be used");
    told(&findings, "openemr", "warning", "could not be checked");
    told(&findings, "token_endpoint", "ok", "the configured one");
    told(&findings, "server_certificate", "ok", "names");

    let wrong = emr.database_url().replace("a-password", "another");
    emr.configure(&wrong, "");
    let findings = look(&emr);
    told(&findings, "connection", "error", "Access denied");
    assert!(
        !findings
            .iter()
            .any(|one| one.to_string().contains("another@"))
    );
}

#[tokio::test]
async fn certificates_and_lists_are_looked_at() {
    let emr = emr().await;
    emr.place.write("crls/broken.crl", "rubbish");
    let toml = emr.place.read("udap.toml");
    emr.place.write(
        "udap.toml",
        toml.replace("/apis/default/fhir\"", "/apis/default/other\""),
    );
    let findings = look(&emr);
    told(&findings, "crls", "error", "broken.crl");
    told(&findings, "server_certificate", "error", "does not name");
    told(&findings, "configuration", "error", "");
    emr.place.write("root.pem", "rubbish");
    told(&look(&emr), "anchors", "error", "root.pem");
}

#[test]
fn the_embedded_store_and_a_broken_configuration() {
    let place = Place::new();
    let port = free_port();
    place
        .run(&format!("demo --dir demo --port {port} --once"))
        .good();
    let findings = place
        .run("doctor --config demo/udap.toml --json")
        .good()
        .json();
    let findings = findings.as_array().unwrap();
    told(findings, "openemr", "ok", "embedded store");
    told(findings, "tables", "ok", "up to date");
    place.write("broken.toml", "public_url = 7");
    let findings = place
        .run("doctor --config broken.toml --json")
        .refused()
        .json();
    told(
        findings.as_array().unwrap(),
        "configuration",
        "error",
        "public_url",
    );
}
