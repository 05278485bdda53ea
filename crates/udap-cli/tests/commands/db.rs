//! `udap db grants`.

use udap_testdb::{Generation, OpenEmr};

use crate::openemr::Emr;
use crate::ran::Place;

#[tokio::test]
async fn an_account_with_what_is_printed_can_serve() {
    let emr = Emr::without_account(OpenEmr::with(Generation::Columns25)).await;
    emr.place.run("clients list").refused();
    // Nobody can look yet: it is told what older versions lack.
    let script = emr.grants(&["--host", "%"]).good().out;
    assert!(script.contains("Fails before OpenEMR 7.0.3"), "{script}");
    assert!(script.contains("IDENTIFIED BY '<password>';"), "{script}");
    assert!(script.contains(&format!("'{}'@'%'", emr.user)));
    assert!(!script.contains("a-password"));
    emr.run_as_administrator(&script).await;
    emr.make_tables();

    let list = emr.grants(&["--host", "%", "--json"]).good().json();
    let statements: Vec<_> = (list.as_array().unwrap().iter())
        .map(|statement| statement.as_str().unwrap())
        .collect();
    assert!(statements[0].starts_with("CREATE DATABASE IF NOT EXISTS "));
    assert!(statements.iter().all(|statement| !statement.contains("--")));
    let again = emr.grants(&["--host", "%"]).good().out;
    assert!(!again.contains("Fails before"), "{again}");
    for statement in &statements {
        assert!(again.contains(&format!("{statement};\n")), "{statement}");
    }
    emr.run_as_administrator(&again).await;
}

#[tokio::test]
async fn columns_are_those_of_the_openemr_that_is_there() {
    let emr = Emr::without_account(OpenEmr::with(Generation::Columns23)).await;
    // As an account that sees the table, but has not all of it.
    emr.execute(&format!(
        "CREATE USER '{}'@'%' IDENTIFIED BY 'a-password'",
        emr.user
    ))
    .await;
    let (schema, own) = (emr.openemr.schema().name(), emr.registry.name());
    emr.execute(&format!(
        "GRANT SELECT, INSERT ON {schema}.oauth_clients TO '{}'@'%'",
        emr.user
    ))
    .await;
    emr.execute(&format!("GRANT ALL ON {own}.* TO '{}'@'%'", emr.user))
        .await;
    let script = emr.grants(&["--host", "%"]).good().out;
    assert!(
        !script.contains("dsi_type") && !script.contains("skip_ehr"),
        "{script}"
    );
    emr.run_as_administrator(&script).await;
    emr.make_tables();
}

#[tokio::test]
async fn user_and_host_are_the_operators_to_say() {
    let emr = Emr::without_account(OpenEmr::with(Generation::Columns25)).await;
    let script = emr.grants(&[]).good().out;
    assert!(
        script.contains(&format!("'{}'@'localhost'", emr.user)),
        "{script}"
    );
    assert!(script.contains("skip_name_resolve"));
    assert!(!script.contains("REQUIRE SSL"));
    let script = emr
        .grants(&["--user", "registrar", "--host", "10.0.0.7"])
        .good()
        .out;
    assert!(script.contains("'registrar'@'10.0.0.7'"), "{script}");
    emr.grants(&["--host", "a b"]).misused();
    emr.grants(&["--user", "a'b"]).misused();

    // On another machine, which is not even asked for its name here: nobody answers.
    emr.configure("mysql://u:p@db.invalid/udap_registry", "");
    let script = emr.grants(&[]).good().out;
    assert!(
        script.contains("'u'@'%' IDENTIFIED BY '<password>' REQUIRE SSL;"),
        "{script}"
    );
    assert!(script.contains(
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON `udap\\_registry`.*"
    ));
    emr.configure("mysql://db.invalid/udap_registry", "");
    emr.grants(&[]).misused();
}

#[test]
fn the_embedded_store_needs_none() {
    let place = Place::new();
    let port = crate::openemr::free_port();
    place
        .run(&format!("demo --dir demo --port {port} --once"))
        .good();
    let refused = place.run("db grants --config demo/udap.toml").refused();
    assert!(refused.err.contains("needs no grants"), "{refused:?}");
}
