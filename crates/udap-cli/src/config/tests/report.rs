//! Reports as people see them: all problems at once, and all warnings.

use super::*;

/// One file with many faults: all are reported, in the order of the sections.
#[test]
fn all_problems_come_in_one_report() {
    let folder = Folder::new();
    folder.write("open.key", "a key");
    let report = folder.report(
        r#"
public_url = "http://emr.example.org"
listen = "0.0.0.0:8080"
admin_listen = "localhost"
database_url = "mysql://user:hunter2@db.example.org/udap?ssl-mode=DISABLED"
tls_key = "open.key"
audit_key_file = "gone.key"
allow_plain = "no"

[[site]]
id = "one"
fhir_base_url = "https://emr.example.org/apis/one/fhir/"
token_endpoint = "https://user:hunter2@emr.example.org/oauth2/one/token"
scopes = []
token_mode = "both"
openemr_version = "seven"

[[site]]
id = "one"
fhir_base_url = "https://a.example.org/fhir"
token_endpoint = "https://EMR.example.org/token"
scopes = ["a b", "openid", ""]

[[site]]
id = "a/b"
fhir_base_url = "https://b.example.org/fhir"
token_endpoint = "https://emr.example.org/token?x=y"
scopes = "all"
upstream_registration_endpoint = "ftp://x"

[[community]]
id = "c"
uri = "not absolute"
anchors = ["gone.pem", "root.pem"]
server_certificate = "certs"
server_key = "open.key"
enable = true
sites = ["one", "two"]
policies = ["1.2.3", "any"]
purposes_max = -1

[[community]]
id = "d"
uri = "https://c.example.org"
anchors = []
server_certificate = "server.pem"
server_key = "server.key"
enable = "some"
client_uris = [""]
organization_ids = [" x"]
scopes = [1]

[[community]]
id = "c"
uri = "https://c.example.org"
anchors = "root.pem"
server_certificate = "server.pem"
server_key = "server.key"
enable = "never"

[[certification]]
uri = "urn:x:y"
anchors = ["root.pem"]

[[certification]]
uri = "urn:x:y"
issuers = ["x"]
communities = ["c", "nobody"]

[fetch]
allow_hosts = ["https://x", "ok:1"]
crl_refresh_minutes = 0

[limits]
tokens_per_minute = 1.5
registrations_per_minute = -1
trusted_proxies = ["proxy"]

[protocol]
clock_skew_seconds = 301
signed_metadata_hours = 0
unknown_community = "204"

[recheck]
interval_hours = 0
unknown_grace_hours = 9999999999
"#,
        &[("UDAP_NO", "1")],
    );
    insta::assert_snapshot!(report, @r#"
    FOLDER/udap.toml: 51 problems
      - UDAP_NO sets no known key, "NO": known here are PUBLIC_URL, LISTEN, TLS_CERTIFICATE, TLS_KEY, ADMIN_LISTEN, DATABASE_URL, DATABASE_URL_FILE, AUDIT_KEY_FILE, ALLOW_PLAIN
      - allow_plain cannot be used: invalid type: string "no", expected true or false
      - public_url is http to another machine: write https; plain http is for loopback addresses only
      - database_url has an ssl-mode that is unknown, or too weak for another machine: leave it out (VERIFY_IDENTITY is used), and name the server's CA with ssl-ca
      - tls_key stands without tls_certificate: TLS needs both; plain HTTP neither
      - admin_listen is not an IP address and port: write for example "127.0.0.1:8080" or "[::1]:8080"
      - audit_key_file names a path that does not exist, FOLDER/gone.key: put it there or correct the path; relative ones start at the configuration file's folder
      - [[site]] "one": token_mode cannot be used: unknown choice both, expected direct or gateway
      - [[site]] "one": fhir_base_url ends in a slash: remove it: certificates and apps name this address letter by letter
      - [[site]] "one": token_endpoint holds a user name or password: leave them out
      - [[site]] "one": scopes is empty: name at least one scope
      - [[site]] "one": openemr_version is not a version: write numbers and dots, such as "7.0.4"
      - [[site]] "one": id is used twice: give each its own
      - [[site]] "one": token_endpoint is not written in its normal form: write "https://emr.example.org/token", since it is compared letter by letter
      - [[site]] "one": scopes[0] is not a scope: write one scope an item, without spaces, quotes or backslashes
      - [[site]] "one": scopes[2] is not a scope: write one scope an item, without spaces, quotes or backslashes
      - [[site]] "a/b": scopes cannot be used: invalid value: string "all", expected a list of scopes or "discover"
      - [[site]] "a/b": id is not a plain id: use up to 64 letters, digits and . _ - (not dots alone)
      - [[site]] "a/b": fhir_base_url has the path of another site, "/fhir": requests are told apart by path alone: give each site its own
      - [[site]] "a/b": token_endpoint holds a query or fragment: leave out everything from the ? or #
      - [[site]] "a/b": upstream_registration_endpoint is not a web address: write https://, or http:// with a loopback host
      - [[community]] "c": enable cannot be used: expected text in quotes
      - [[community]] "c": uri holds a space, control or non-ASCII character: write it percent-encoded, exactly as the community does
      - [[community]] "c": anchors[0] names a path that does not exist, FOLDER/gone.pem: put it there or correct the path; relative ones start at the configuration file's folder
      - [[community]] "c": server_certificate names a folder, FOLDER/certs: name a file
      - [[community]] "c": server_key names a file that others may read, FOLDER/open.key: run: chmod 600 'FOLDER/open.key'
      - [[community]] "c": sites[1] names none of the file, "two": those there are one, one, a/b
      - [[community]] "c": policies[1] is not an object identifier: write numbers and dots, such as "2.16.840.1.113883.3"
      - [[community]] "c": purposes_max is -1: choose a number from 0 to 1000
      - [[community]] "d": enable cannot be used: unknown choice some, expected one of all, patient, never
      - [[community]] "d": scopes[0] cannot be used: invalid type: integer 1, expected text in quotes
      - [[community]] "d": anchors is empty: name at least one file or folder
      - [[community]] "d": client_uris[0] is not an absolute URI (relative URL without a base): write it with its scheme, such as "https://community.example.org/udap"
      - [[community]] "d": organization_ids[0] is empty or has spaces around it: write the exact value
      - [[community]] "c": anchors cannot be used: invalid type: string "root.pem", expected a list in brackets
      - [[community]] "c": id is used twice: give each its own
      - [[community]] "c": uri is that of another community: give each its own
      - [[certification]] "urn:x:y": issuers is required: with anchors, the exact URIs of the certifiers whose word counts
      - [[certification]] "urn:x:y": issuers[0] is not an absolute URI (relative URL without a base): write it with its scheme, such as "https://community.example.org/udap"
      - [[certification]] "urn:x:y": issuers stands without anchors: name the certifiers' anchors, or leave issuers out: apps then certify themselves
      - [[certification]] "urn:x:y": communities[1] names none of the file, "nobody": those there are c, d, c
      - [fetch]: allow_hosts[0] is neither a host nor host:port: write names, IP addresses or [IPv6]:port, without scheme, path or *
      - [fetch]: crl_refresh_minutes is 0: choose a number from 1 to 10080
      - [limits]: tokens_per_minute cannot be used: invalid type: floating point 1.5, expected a whole number
      - [limits]: registrations_per_minute is -1: choose a number from 0 to 1000000
      - [limits]: trusted_proxies[0] is neither an address nor a network: write IP addresses or networks such as "10.0.0.0/8"
      - [protocol]: unknown_community cannot be used: unknown choice 204, expected no-content or default
      - [protocol]: clock_skew_seconds is 301: choose a number from 0 to 300
      - [protocol]: signed_metadata_hours is 0: choose a number from 1 to 8760
      - [recheck]: interval_hours is 0: choose a number from 1 to 168
      - [recheck]: unknown_grace_hours is 9999999999: choose a number from 0 to 8760
    "#);
}

#[test]
fn warnings_name_what_ought_to_be_known() {
    let folder = Folder::new();
    folder.write("token", "secret");
    folder.write("url", "mysql://u:p@127.0.0.1/udap");
    let config = folder
        .load(
            r#"
public_url = "http://localhost:8080/"
listen = "0.0.0.0:8080"
allow_plain = true
admin_listen = "0.0.0.0:9090"
database_url_file = "url"

[[site]]
id = "one"
fhir_base_url = "http://localhost:8080/one"
token_endpoint = "https://emr.example.org/one/token"
openemr_schema = "openemr"
scopes = "discover"
token_guard = true
upstream_token_file = "token"

[[site]]
id = "two"
fhir_base_url = "https://emr.example.org/two"
authorization_endpoint = "https://emr.example.org/two/authorize"
token_endpoint = "https://emr.example.org/two/token"
openemr_schema = "openemr_two"
token_mode = "gateway"
scopes = ["openid"]

[[community]]
id = "c"
uri = "urn:example:c"
anchors = ["certs"]
server_certificate = "server.pem"
server_key = "server.key"
enable = "all"
sites = ["one"]
revocation = "off"
profile = "emr-direct"
link_checks = false
client_uris = ["https://apps.example.org", "https://apps.example.org/"]

[fetch]
allow_hosts = ["localhost", "10.0.0.1:80", "crl.example.org"]

[limits]
registrations_per_minute = 0
"#,
        )
        .unwrap();
    let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    let warnings = warnings
        .join("\n")
        .replace(&folder.path("").display().to_string(), "FOLDER/");
    insta::assert_snapshot!(warnings, @r#"
    database_url_file: others on this machine may read FOLDER/url
    upstream_token_file: others on this machine may read FOLDER/token
    public_url is plain http: apps on other machines cannot reach it
    admin_listen, 0.0.0.0:9090, can be reached from other machines: health and metrics are not for the public
    listen, 0.0.0.0:8080, offers plain HTTP to other machines: only the proxy that adds TLS may reach it
    audit_key_file is not set: the audit log is a plain hash chain, which whoever may write the database can rewrite
    [[site]] "one": its addresses are plain http: good for trials on this machine only
    [[site]] "one": token_mode "direct" does not conform to UDAP (RS384 only, certificates unchecked at each token); "gateway" is recommended
    [[site]] "one": token_guard with token_mode "direct" refuses every token request of our own apps
    [[site]] "one": token_guard is on and upstream_token_url is token_endpoint: unless this machine reaches OpenEMR itself under that address, requests go round in a circle
    [[site]] "one": upstream_token_file has no effect without upstream_registration_endpoint
    [[site]] "two": no community serves it, so discovery answers 404 and nobody can register
    [[site]] "two": without token_guard, authorization_code apps are refused below OpenEMR 8.5, whose own token endpoint could be reached around the gateway
    [[community]] "c": revocation is off: revoked apps register and stay registered
    [[community]] "c": link_checks is off, which the profile "emr-direct" asks for
    [[community]] "c": enable "all" without scopes switches on every app for whatever OpenEMR offers; set a ceiling
    [[community]] "c": client_uris has "https://apps.example.org", which also admits hosts that merely begin so; end it in a slash
    [fetch]: allow_hosts names localhost, inside the local network, without a port: any of its ports can be asked by what a certificate says; write localhost:PORT
    [limits]: registrations_per_minute is 0: not limited
    [limits]: trusted_proxies is empty: all apps behind the proxy share one rate limit
    "#);
}

#[test]
fn a_good_gateway_configuration_has_no_warning() {
    let folder = Folder::new();
    folder.write("audit.key", "a key");
    folder.only_for_us("audit.key");
    let text = MINIMAL.replace(
        "[[site]]",
        "audit_key_file = \"audit.key\"\n[[site]]\ntoken_mode = \"gateway\"",
    );
    assert_eq!(folder.load(&text).unwrap().warnings(), []);
}

#[test]
fn pages_over_http_and_live_checks_do_not_go_together() {
    let folder = Folder::new();
    let warns = |more: &str| {
        let config = folder.load(&format!("{MINIMAL}{more}")).unwrap();
        let mut warnings = config.warnings().into_iter();
        warnings.any(|warning| warning.to_string().contains("allow_http_pages"))
    };
    let http = "profile = \"emr-direct\"\nallow_http_pages = true\n";
    assert!(warns(http));
    assert!(warns("allow_http_pages = true\nlink_checks = \"all\"\n"));
    assert!(!warns(&format!("{http}link_checks = false\n")));
    assert!(!warns("allow_http_pages = true\n"));
    assert!(!warns("profile = \"emr-direct\"\n"));
}
