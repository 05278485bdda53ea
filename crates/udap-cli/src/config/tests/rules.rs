//! What is required, unknown, out of range or contradictory.

use super::*;

/// The minimal file with the line that sets `key` in its `nth` place removed.
fn without(key: &str, nth: usize) -> String {
    let mut seen = 0;
    let lines = MINIMAL.lines().filter(|line| {
        let is_it = line.split(" = ").next() == Some(key);
        seen += usize::from(is_it);
        !(is_it && seen == nth)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_required_key_has_its_message() {
    let folder = Folder::new();
    let mut reports = String::new();
    for (key, nth) in [
        ("public_url", 1),
        ("id", 1),
        ("fhir_base_url", 1),
        ("token_endpoint", 1),
        ("scopes", 1),
        ("id", 2),
        ("uri", 1),
        ("anchors", 1),
        ("server_certificate", 1),
        ("server_key", 1),
        ("enable", 1),
    ] {
        reports.push_str(&folder.report(&without(key, nth), &[]));
        reports.push('\n');
    }
    insta::assert_snapshot!(reports, @r#"
    FOLDER/udap.toml: public_url is required: the https address under which the world reaches this server
    FOLDER/udap.toml: [[site]] number 1: id is required: a short name of letters, digits and . _ -
    FOLDER/udap.toml: [[site]] "default": fhir_base_url is required: the address of the site's FHIR server, as apps write it
    FOLDER/udap.toml: [[site]] "default": token_endpoint is required: the address of OpenEMR's token endpoint
    FOLDER/udap.toml: [[site]] "default": scopes is required: a list of the scopes that the site offers, or "discover"
    FOLDER/udap.toml: [[community]] number 1: id is required: a short name of letters, digits and . _ -
    FOLDER/udap.toml: [[community]] "example": uri is required: the URI by which the community calls itself
    FOLDER/udap.toml: [[community]] "example": anchors is required: a list of files or folders with the community's trust anchors
    FOLDER/udap.toml: [[community]] "example": server_certificate is required: a PEM file with the certificate that signs metadata, then its intermediates
    FOLDER/udap.toml: [[community]] "example": server_key is required: a PEM file with the key of server_certificate, readable by its owner only
    FOLDER/udap.toml: [[community]] "example": enable is required: "all", "patient" or "never"
    "#);
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    insta::assert_snapshot!(Folder::new().report("", &[]), @r#"
    FOLDER/udap.toml: 3 problems
      - public_url is required: the https address under which the world reaches this server
      - site is required: one [[site]] for each OpenEMR site, with id, fhir_base_url, token_endpoint and scopes
      - community is required: at least one [[community]], with id, uri, anchors, server_certificate, server_key and enable
    "#);
}

#[test]
fn unknown_keys_are_named_at_every_level() {
    let folder = Folder::new();
    let report = folder.report(
        &format!(
            "surprise = 1\n{}\nfrobnicate = 1\n[[certification]]\nuri = \"urn:x:y\"\nrequierd = true\n\
             [fetch]\nallow_host = []\n[limits]\nzzz = 1\n[protocol]\nclock_skew = 1\n[recheck]\ninterval = 1\n[fetchs]\na = 1",
            MINIMAL.replace("scopes =", "scope =")
        ),
        &[],
    );
    insta::assert_snapshot!(report, @r#"
    FOLDER/udap.toml: 10 problems
      - fetchs is not a known key: did you mean fetch?
      - surprise is not a known key: known here are public_url, listen, tls_certificate, tls_key, admin_listen, database_url, database_url_file, audit_key_file, allow_plain, site, community, certification, fetch, limits, protocol, recheck
      - [[site]] "default": scope is not a known key: did you mean scopes?
      - [[site]] "default": scopes is required: a list of the scopes that the site offers, or "discover"
      - [[community]] "example": frobnicate is not a known key: known here are id, uri, anchors, intermediates, crls, server_certificate, server_key, profile, revocation, no_crl_address, link_checks, enable, scopes, sites, policies, client_uris, contact_match, allow_client_credentials, allow_http_pages, b2b, purposes_of_use, purposes_max, organization_ids
      - [[certification]] "urn:x:y": requierd is not a known key: did you mean required?
      - [fetch]: allow_host is not a known key: did you mean allow_hosts?
      - [limits]: zzz is not a known key: known here are registrations_per_minute, statements_per_client_per_minute, tokens_per_minute, trusted_proxies
      - [protocol]: clock_skew is not a known key: did you mean clock_skew_seconds?
      - [recheck]: interval is not a known key: did you mean interval_hours?
    "#);
}

#[test]
fn sections_of_the_wrong_shape_are_named() {
    let folder = Folder::new();
    let report = folder.report(
        "site = 1\nfetch = 2\n[community]\nid = \"x\"\n[[limits]]\n",
        &[],
    );
    insta::assert_snapshot!(report, @r#"
    FOLDER/udap.toml: 5 problems
      - site is not a list of tables: begin each one with [[site]], in double brackets
      - community is not a list of tables: begin each one with [[community]], in double brackets
      - fetch is not a table: write it once, as [fetch], in single brackets
      - limits is not a table: write it once, as [limits], in single brackets
      - public_url is required: the https address under which the world reaches this server
    "#);
}

fn accepts(folder: &Folder, text: &str) -> bool {
    folder.load(text).is_ok()
}

#[test]
fn plain_http_off_loopback_needs_a_word_or_tls() {
    let folder = Folder::new();
    let with = |more: &str| MINIMAL.replace("[[site]]", &format!("{more}\n[[site]]"));
    assert!(accepts(&folder, &with("listen = \"[::1]:80\"")));
    assert!(!accepts(&folder, &with("listen = \"0.0.0.0:80\"")));
    assert!(!accepts(&folder, &with("listen = \"[::]:80\"")));
    assert!(accepts(
        &folder,
        &with("listen = \"0.0.0.0:80\"\nallow_plain = true")
    ));
    let tls = "tls_certificate = \"server.pem\"\ntls_key = \"server.key\"";
    assert!(accepts(
        &folder,
        &with(&format!("listen = \"0.0.0.0:443\"\n{tls}"))
    ));
    assert!(!accepts(&folder, &with("tls_certificate = \"server.pem\"")));
    assert!(!accepts(
        &folder,
        &with("admin_listen = \"127.0.0.1:8080\"")
    ));
}

#[test]
fn the_schema_goes_with_mysql_only_and_is_not_ours() {
    let folder = Folder::new();
    let with = |url: &str, schema: &str| {
        MINIMAL.replace(
            "[[site]]",
            &format!("database_url = \"{url}\"\n[[site]]\n{schema}"),
        )
    };
    let mysql = "mysql://u:p@127.0.0.1/udap";
    assert!(accepts(
        &folder,
        &with(mysql, "openemr_schema = \"openemr\"")
    ));
    assert!(!accepts(&folder, &with(mysql, "")));
    assert!(!accepts(&folder, &with(mysql, "openemr_schema = \"udap\"")));
    assert!(!accepts(&folder, &with(mysql, "openemr_schema = \"a`b\"")));
    assert!(!accepts(
        &folder,
        &with("sqlite://x.db", "openemr_schema = \"openemr\"")
    ));
}

#[test]
fn sites_are_told_apart_by_path() {
    let folder = Folder::new();
    let second = |id: &str, base: &str| {
        format!(
            "{MINIMAL}\n[[site]]\nid = \"{id}\"\nfhir_base_url = \"{base}\"\n\
             token_endpoint = \"https://x.example.org/token\"\nscopes = [\"openid\"]"
        )
    };
    assert!(accepts(
        &folder,
        &second("two", "https://emr.example.org/apis/two/fhir")
    ));
    assert!(!accepts(
        &folder,
        &second("two", "https://x.example.org/apis/default/fhir")
    ));
    assert!(!accepts(
        &folder,
        &second("default", "https://emr.example.org/apis/two/fhir")
    ));
}

#[test]
fn the_gateway_does_not_forward_to_itself() {
    let folder = Folder::new();
    let own = "https://emr.example.org/udap/default/token";
    assert!(!accepts(
        &folder,
        &MINIMAL.replace("https://emr.example.org/oauth2/default/token", own)
    ));
    let upstream = MINIMAL.replace(
        "scopes = [\"sys",
        &format!("upstream_token_url = \"{own}\"\nscopes = [\"sys"),
    );
    assert!(!accepts(&folder, &upstream));
}

#[test]
fn the_guard_does_not_stand_before_this_server_itself() {
    let folder = Folder::new();
    let guarded = |endpoint: &str| {
        let text = MINIMAL.replace("https://emr.example.org/oauth2/default/token", endpoint);
        let more = "token_guard = true\nupstream_token_url = \"http://127.0.0.1:81/token\"";
        accepts(
            &folder,
            &text.replace("scopes = [\"sys", &format!("{more}\nscopes = [\"sys")),
        )
    };
    assert!(guarded("https://emr.example.org/oauth2/default/token"));
    assert!(!guarded("https://emr.example.org/udap/default/token"));
    assert!(!guarded("https://emr.example.org/udap/default/register"));
}

#[test]
fn ends_of_ranges_are_included() {
    let folder = Folder::new();
    for (section, key, low, high) in [
        ("protocol", "clock_skew_seconds", 0, 300),
        ("protocol", "signed_metadata_hours", 1, 8760),
        ("recheck", "interval_hours", 1, 168),
        ("recheck", "unknown_grace_hours", 0, 8760),
        ("fetch", "crl_refresh_minutes", 1, 10080),
        ("limits", "tokens_per_minute", 0, 1_000_000),
    ] {
        let with =
            |value: i64| accepts(&folder, &format!("{MINIMAL}\n[{section}]\n{key} = {value}"));
        assert!(with(low) && with(high), "{key}");
        assert!(!with(low - 1) && !with(high + 1), "{key}");
    }
}

#[test]
fn every_choice_is_accepted() {
    let folder = Folder::new();
    for line in [
        "token_mode = \"gateway\"",
        "token_guard = true",
        "scopes = \"discover\"",
    ] {
        let text = MINIMAL.replace("scopes = [\"system/Patient.read\"]", line);
        let text = if line.starts_with("scopes") {
            text
        } else {
            text.replace(line, &format!("{line}\nscopes = [\"openid\"]"))
        };
        assert!(accepts(&folder, &text), "{line}");
    }
    for line in [
        "profile = \"emr-direct\"",
        "revocation = \"when-available\"",
        "revocation = \"off\"",
        "no_crl_address = \"refuse\"",
        "contact_match = \"host\"",
        "b2b = \"optional\"",
        "allow_client_credentials = false",
        "allow_http_pages = true",
        "link_checks = false",
        "link_checks = \"all\"",
        "purposes_max = 3",
        "purposes_of_use = [\"urn:oid:2.16.840.1.113883.5.8#TREAT\"]",
        "organization_ids = [\"https://org.example.org\"]",
        "policies = [\"2.16.840.1.113883.3\"]",
        "client_uris = [\"https://apps.example.org/\"]",
        "sites = [\"default\"]",
        "intermediates = [\"certs\"]",
        "crls = [\"certs\"]",
    ] {
        assert!(accepts(&folder, &format!("{MINIMAL}{line}\n")), "{line}");
    }
    for (old, new) in [("\"all\"", "\"patient\""), ("\"all\"", "\"never\"")] {
        assert!(accepts(&folder, &MINIMAL.replace(old, new)), "{new}");
    }
    for line in [
        "link_checks = \"most\"",
        "link_checks = 1",
        "link_checks = []",
    ] {
        assert!(!accepts(&folder, &format!("{MINIMAL}{line}\n")), "{line}");
    }
    let emr_direct = folder
        .load(&format!("{MINIMAL}profile = \"emr-direct\"\n"))
        .unwrap();
    assert_eq!(
        emr_direct.communities[0].link_checks,
        LinkChecks::On,
        "on by default with emr-direct"
    );
}
