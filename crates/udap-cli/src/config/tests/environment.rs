//! The overlay of `UDAP_…` variables.

use proptest::prelude::*;

use super::*;

#[test]
fn scalars_are_overridden() {
    let folder = Folder::new();
    let config = folder
        .load_with(
            &MINIMAL.replace("public_url = \"https://emr.example.org\"", ""),
            &[
                ("UDAP_PUBLIC_URL", "https://other.example.org/"),
                ("UDAP_LISTEN", "0.0.0.0:80"),
                ("UDAP_ALLOW_PLAIN", "true"),
                ("PATH", "/bin"),
                ("NOT_UDAP_X", "1"),
            ],
        )
        .unwrap();
    assert_eq!(config.public_url, "https://other.example.org");
    assert_eq!(config.listen.to_string(), "0.0.0.0:80");
    assert!(
        config.limits.trusted_proxies.is_empty(),
        "the default follows the overridden listen"
    );
}

#[test]
fn nested_keys_are_overridden_even_where_the_file_has_no_section() {
    let folder = Folder::new();
    let config = folder
        .load_with(
            MINIMAL,
            &[
                ("UDAP_LIMITS__TOKENS_PER_MINUTE", "0"),
                ("UDAP_PROTOCOL__UNKNOWN_COMMUNITY", "default"),
                ("UDAP_RECHECK__INTERVAL_HOURS", "2"),
                ("UDAP_FETCH__OCSP", "false"),
                ("UDAP_FETCH__ALLOW_HOSTS", "[\"127.0.0.1:8000\", \"ca\"]"),
            ],
        )
        .unwrap();
    assert_eq!(config.limits.tokens_per_minute, None);
    assert_eq!(config.protocol.unknown_community, UnknownCommunity::Default);
    assert_eq!(config.recheck.interval, Duration::from_secs(7200));
    assert!(!config.fetch.ocsp);
    assert_eq!(config.fetch.allow_hosts.len(), 2);
}

#[test]
fn items_are_found_by_id_and_certifications_by_position() {
    let folder = Folder::new();
    let text = format!("{MINIMAL}\n[[certification]]\nuri = \"urn:example:basic\"\n")
        .replace("id = \"example\"", "id = \"my-first.community__x\"")
        .replace("id = \"default\"", "id = \"default_\"");
    let config = folder
        .load_with(
            &text,
            &[
                ("UDAP_SITE__DEFAULT___TOKEN_MODE", "gateway"),
                ("UDAP_SITE__DEFAULT___SCOPES", "discover"),
                ("UDAP_COMMUNITY__MY_FIRST_COMMUNITY__X__ENABLE", "never"),
                (
                    "UDAP_COMMUNITY__MY_FIRST_COMMUNITY__X__SCOPES",
                    "[\"patient/*.read\"]",
                ),
                ("UDAP_COMMUNITY__MY_FIRST_COMMUNITY__X__LINK_CHECKS", "all"),
                ("UDAP_CERTIFICATION__0__REQUIRED", "true"),
            ],
        )
        .unwrap();
    assert_eq!(config.sites[0].token_mode, TokenMode::Gateway);
    assert_eq!(config.sites[0].scopes, Scopes::Discover);
    assert_eq!(config.communities[0].enable, Enable::Never);
    assert_eq!(config.communities[0].link_checks, LinkChecks::All);
    assert_eq!(
        config.communities[0].scopes.as_deref(),
        Some(&["patient/*.read".to_owned()][..])
    );
    assert!(config.certifications[0].required);
}

#[test]
fn an_id_may_itself_be_overridden() {
    let folder = Folder::new();
    let config = folder
        .load_with(
            MINIMAL,
            &[
                ("UDAP_SITE__DEFAULT__ID", "main"),
                ("UDAP_SITE__DEFAULT__REQUIRE_PKCE", "true"),
            ],
        )
        .unwrap();
    assert!(config.site("main").is_some_and(|site| site.require_pkce));
}

#[test]
fn a_secret_comes_from_its_file_and_replaces_the_plain_one() {
    let folder = Folder::new();
    folder.write("secret", "sqlite://from-file.db\n");
    let text = MINIMAL.replace("[[site]]", "database_url = \"sqlite://plain.db\"\n[[site]]");
    let secret = folder.path("secret").display().to_string();
    let config = folder
        .load_with(&text, &[("UDAP_DATABASE_URL_FILE", &secret)])
        .unwrap();
    assert_eq!(
        config.database,
        Backend::Sqlite(folder.path("from-file.db"))
    );

    let text = MINIMAL.replace("[[site]]", "database_url_file = \"secret\"\n[[site]]");
    let config = folder
        .load_with(&text, &[("UDAP_DATABASE_URL", "sqlite://plain.db")])
        .unwrap();
    assert_eq!(config.database, Backend::Sqlite(folder.path("plain.db")));

    let both = [
        ("UDAP_DATABASE_URL", "sqlite://plain.db"),
        ("UDAP_DATABASE_URL_FILE", "secret"),
    ];
    assert!(
        folder
            .report(MINIMAL, &both)
            .contains("database_url_file (from UDAP_DATABASE_URL_FILE)")
    );
}

#[test]
fn variables_of_other_parts_are_ignored() {
    let folder = Folder::new();
    let others = [
        ("UDAP_LOG", "debug"),
        ("UDAP_CONFIG", "x"),
        ("UDAP_TEST_MARIADB", "x"),
        ("UDAPX", "x"),
    ];
    assert!(folder.load_with(MINIMAL, &others).is_ok());
}

#[test]
fn what_kubernetes_sets_for_a_service_named_udap_is_ignored() {
    let folder = Folder::new();
    let of_service = [
        ("UDAP_SERVICE_HOST", "10.0.0.1"),
        ("UDAP_SERVICE_PORT", "8080"),
        ("UDAP_SERVICE_PORT_HTTP", "8080"),
        ("UDAP_PORT", "tcp://10.0.0.1:8080"),
        ("UDAP_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("UDAP_PORT_8080_TCP_PROTO", "tcp"),
        ("UDAP_REGISTRAR_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(folder.load_with(MINIMAL, &of_service).is_ok());
    for of_a_person in [
        ("UDAP_PORT", "8080"),
        ("UDAP_PORT_NUMBER", "8080"),
        ("UDAP_PORT_TCP", "1"),
    ] {
        assert!(
            folder.load_with(MINIMAL, &[of_a_person]).is_err(),
            "{of_a_person:?}"
        );
    }
}

#[test]
fn what_cannot_be_set_is_named_with_the_variable() {
    let folder = Folder::new();
    let text = format!("{MINIMAL}\n[[community]]\nid = \"a-b\"\n[[community]]\nid = \"a.b\"\n");
    let report = folder.report(
        &text,
        &[
            ("UDAP_", "x"),
            ("UDAP_LISTNE", "x"),
            ("UDAP_listen", "x"),
            ("UDAP_LIMITS__NOTHING_LIKE_IT", "1"),
            ("UDAP_LIMIT__TOKENS_PER_MINUTE", "1"),
            ("UDAP_SITE__OTHER__TOKEN_MODE", "gateway"),
            ("UDAP_SITE__DEFAULT", "x"),
            ("UDAP_SITE__DEFAULT__TOKENMODE", "gateway"),
            ("UDAP_SITE__DEFAULT__TOKEN_MODE", "gatway"),
            ("UDAP_SITE__DEFAULT__SCOPES", "system/Patient.read"),
            ("UDAP_COMMUNITY__A_B__ENABLE", "all"),
            ("UDAP_CERTIFICATION__0__REQUIRED", "true"),
            ("UDAP_ALLOW_PLAIN", "yes"),
            ("UDAP_FETCH__ALLOW_HOSTS", "a, b"),
        ],
    );
    let of_variables: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("- UDAP_"))
        .collect();
    insta::assert_snapshot!(of_variables.join("\n"), @r#"
    - UDAP_ sets no known key, "": known here are PUBLIC_URL, LISTEN, TLS_CERTIFICATE, TLS_KEY, ADMIN_LISTEN, DATABASE_URL, DATABASE_URL_FILE, AUDIT_KEY_FILE, ALLOW_PLAIN
    - UDAP_ALLOW_PLAIN cannot be used: invalid type: string "yes", expected true or false; lists, numbers, true and false are written as in the file
    - UDAP_CERTIFICATION__0__REQUIRED names no [[certification]] of the file, "0": write its position, from 0; the file has 0
    - UDAP_COMMUNITY__A_B__ENABLE fits more than one [[community]]: set the key in the file, or choose ids that differ by more than '-', '.', '_' and case
    - UDAP_FETCH__ALLOW_HOSTS cannot be used: invalid type: string "a, b", expected a list in brackets; lists, numbers, true and false are written as in the file
    - UDAP_LIMITS__NOTHING_LIKE_IT sets no known key, "NOTHING_LIKE_IT": known here are REGISTRATIONS_PER_MINUTE, STATEMENTS_PER_CLIENT_PER_MINUTE, TOKENS_PER_MINUTE, TRUSTED_PROXIES
    - UDAP_LIMIT__TOKENS_PER_MINUTE names no section, "LIMIT": did you mean LIMITS?
    - UDAP_LISTNE sets no known key, "LISTNE": did you mean LISTEN?
    - UDAP_SITE__DEFAULT names no key: write UDAP_SITE__ID__KEY, with two underscores between levels
    - UDAP_SITE__DEFAULT__SCOPES cannot be used: invalid value: string "system/Patient.read", expected a list of scopes or "discover"; lists, numbers, true and false are written as in the file
    - UDAP_SITE__DEFAULT__TOKENMODE sets no known key, "TOKENMODE": did you mean TOKEN_MODE?
    - UDAP_SITE__DEFAULT__TOKEN_MODE cannot be used: unknown choice gatway, expected direct or gateway; lists, numbers, true and false are written as in the file
    - UDAP_SITE__OTHER__TOKEN_MODE names no [[site]] of the file, "OTHER": those there are written DEFAULT
    - UDAP_listen sets no known key, "listen": known here are PUBLIC_URL, LISTEN, TLS_CERTIFICATE, TLS_KEY, ADMIN_LISTEN, DATABASE_URL, DATABASE_URL_FILE, AUDIT_KEY_FILE, ALLOW_PLAIN
    "#);
}

#[test]
fn a_bad_value_names_the_variable_it_came_from() {
    let folder = Folder::new();
    let report = folder.report(MINIMAL, &[("UDAP_PROTOCOL__CLOCK_SKEW_SECONDS", "301")]);
    insta::assert_snapshot!(report, @r#"FOLDER/udap.toml: [protocol]: clock_skew_seconds (from UDAP_PROTOCOL__CLOCK_SKEW_SECONDS) is 301: choose a number from 0 to 300"#);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_an_error() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let folder = Folder::new();
    folder.write("udap.toml", MINIMAL);
    let load = |name: &[u8], value: &[u8]| {
        Config::load(
            &folder.path("udap.toml"),
            [(OsStr::from_bytes(name), OsStr::from_bytes(value))],
        )
    };
    assert!(load(b"UDAP_LISTEN", b"127.0.0.1:80\xff").is_err());
    assert!(load(b"UDAP_LISTEN\xff", b"127.0.0.1:80").is_err());
    assert!(load(b"OTHER\xff", b"\xff").is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_unknown_variable_is_overlooked(name in "[A-Z_a-z0-9]{1,30}", value in ".{0,20}") {
        let full = format!("UDAP_X{name}");
        let folder = Folder::new();
        let error = folder.load_with(MINIMAL, &[(&full, &value)]).map(|_| ()).map_err(|error| error.to_string());
        prop_assert!(error.is_err_and(|text| text.contains(&full)));
    }
}
