use super::*;

fn rows(clients: &[&str]) -> Vec<ColumnRow> {
    let row = |table: &str, column: &str| ColumnRow {
        table_of: table.to_owned(),
        column_of: column.to_owned(),
        length: Some(80),
        charset: Some("utf8mb4".to_owned()),
        may: "select,insert".to_owned(),
    };
    let mut rows: Vec<_> = clients
        .iter()
        .map(|column| row("oauth_clients", column))
        .collect();
    for (table, column) in [
        ("oauth_trusted_user", "client_id"),
        ("api_token", "revoked"),
        ("api_refresh_token", "revoked"),
    ] {
        rows.push(row(table, column));
    }
    rows
}

#[test]
fn later_columns_are_there_or_not_and_secrets_may_be_hidden() {
    for later in 0..=LATER.len() {
        let shown: Vec<_> = (BASE.iter().filter(|name| !HIDDEN.contains(name)))
            .chain(&LATER[..later])
            .copied()
            .collect();
        let structure = Structure::of("openemr", &rows(&shown), None).unwrap();
        assert_eq!(structure.columns().len(), 23 + later);
        assert_eq!(structure.readable(), shown);
    }
}

#[test]
fn what_must_be_there_is_missed_by_name() {
    let fault = |rows: &[ColumnRow]| {
        Structure::of("openemr", rows, None)
            .unwrap_err()
            .to_string()
    };
    assert!(fault(&[]).contains("schema openemr"));
    for name in BASE.iter().filter(|name| !HIDDEN.contains(name)) {
        let shown: Vec<_> = BASE.iter().filter(|it| it != &name).copied().collect();
        assert!(fault(&rows(&shown)).contains(name));
    }
    for table in ["oauth_trusted_user", "api_token", "api_refresh_token"] {
        let mut rows = rows(&BASE);
        rows.retain(|row| row.table_of != table);
        assert!(fault(&rows).contains(table));
    }
    let mut short = rows(&BASE);
    short[0].length = Some(40);
    assert!(fault(&short).contains("client_id is shorter"));
}

#[test]
fn names_are_read_in_either_letter_case() {
    let mut rows = rows(&BASE);
    for row in &mut rows {
        row.table_of.make_ascii_uppercase();
        row.column_of.make_ascii_uppercase();
    }
    assert_eq!(
        Structure::of("openemr", &rows, None).unwrap().columns(),
        BASE
    );
}

#[test]
fn a_charset_holds_what_its_server_can_store() {
    for (charset, held, not_held) in [
        ("utf8mb4", "Ä中\u{1f600}", ""),
        ("utf8", "Ä中", "\u{1f600}"),
        ("utf8mb3", "Ä中", "\u{1f600}"),
        ("latin1", "Ärzte-App é\u{a0}ÿ", "中"),
        ("latin1", "", "\u{80}"),
        ("ascii", "App", "Ä"),
        ("koi8r", "App", "Ж"),
    ] {
        let charset = Charset::of(charset);
        assert!(charset.holds(held));
        assert!(
            not_held.is_empty() || !charset.holds(not_held),
            "{not_held}"
        );
    }
}
