//! What must hold of everything that is accepted, and of every refusal.

use std::collections::HashSet;

use serde_json::{Map, Value};
use udap::certificate::Certificate;
use udap::error::{Refusal, Violation};
use udap::key::{KeyKind, PublicKey};
use udap::limits;
use udap::registry::{Cancelled, Registered};
use udap::response;
use udap::rules::{ClientMetadata, Grant, LinkChecks, LinkKind, Profile};
use udap::scope::{GrantedScopes, Level, Scope};
use udap::statement::ApprovedRegistration;
use udap::trust::TrustAnchor;
use url::{Host, Url};

use crate::desk::End;
use crate::world::{NOW, SCOPES};

/// Reads all that a certificate tells, and checks that it fits together.
pub fn certificate(certificate: &Certificate, der: &[u8]) {
    assert_eq!(certificate.der(), der);
    assert!(der.len() <= limits::CERTIFICATE_BYTES);
    assert!(!certificate.tbs().is_empty());
    assert!(
        der.windows(certificate.tbs().len())
            .any(|part| part == certificate.tbs())
    );
    assert_eq!(
        certificate.serial_hex().len(),
        2 * certificate.serial().len()
    );
    assert!(!certificate.subject_text().contains(char::is_control));
    assert!(!certificate.issuer_text().contains(char::is_control));
    // Equal octets are equal names.
    if certificate.subject_der() == certificate.issuer_der() {
        assert!(certificate.is_self_issued());
    }
    let (from, to) = (certificate.not_before(), certificate.not_after());
    assert_eq!(certificate.is_valid_at(NOW), from <= NOW && NOW <= to);
    let _ = (
        certificate.uri_names(),
        certificate.path_len(),
        certificate.subject_key_id(),
        certificate.authority_key_id(),
        certificate.ca_issuers(),
        certificate.ocsp_responders(),
        certificate.crl_distribution_points(),
        certificate.fingerprint(),
        certificate.signature_scheme(),
        certificate.signature(),
        format!("{certificate:?}"),
    );
    if let Some(usage) = certificate.key_usage() {
        let _ = (
            usage.digital_signature(),
            usage.key_cert_sign(),
            usage.crl_sign(),
        );
    }
    if let Ok(one) = certificate.key() {
        key(one);
        let _ = certificate.verify_issued_by(one);
    }
    let _ = certificate.is_self_signed();
    if let Ok(anchor) = TrustAnchor::new(certificate.clone()) {
        assert!(certificate.well_formed().is_ok() && certificate.is_ca());
        assert!(anchor.same_name_and_key(&anchor));
    }
}

/// A key of a kind and size that are accepted (C15).
pub fn key(key: &PublicKey) {
    match key.kind() {
        KeyKind::Rsa { bits } => {
            assert!((limits::RSA_MIN_BITS..=limits::RSA_MAX_BITS).contains(&bits));
        }
        KeyKind::P256 | KeyKind::P384 => {}
    }
    assert_eq!(key.jwk().thumbprint().len(), 43);
    assert_eq!(PublicKey::from_spki(key.spki()).as_ref(), Ok(key));
}

/// Violations tell rule and place, and nothing from outside.
pub fn violations(violations: &[Violation]) {
    assert!(!violations.is_empty());
    for violation in violations {
        assert!(!violation.code.is_empty() && !violation.message.is_empty());
        assert!(violation.message.is_ascii() || !violation.message.contains(char::is_control));
        assert!(violation.pointer.is_empty() || violation.pointer.starts_with('/'));
    }
}

/// A refusal's description is in the characters of RFC 6749 §5.2, its answer without nulls.
pub fn refusal(refused: &Refusal) {
    violations(refused.violations());
    let allowed = |octet: u8| matches!(octet, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(refused.description().bytes().all(allowed));
    no_nulls(&Value::Object(response::refused(refused)));
}

/// There is no null at any level.
pub fn no_nulls(value: &Value) {
    match value {
        Value::Null => panic!("an answer holds null"),
        Value::Array(elements) => elements.iter().for_each(no_nulls),
        Value::Object(members) => members.values().for_each(no_nulls),
        _ => {}
    }
}

/// What was granted is listed by the site, fits the grant, reads back, and stands there once.
pub fn scopes(scopes: &GrantedScopes, site: &[&str], grant: Grant) {
    let text = scopes.text();
    let tokens: Vec<&str> = text.split(' ').collect();
    assert_eq!(tokens.len(), scopes.granted().len());
    assert!(!tokens.is_empty());
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), tokens.len());
    for (token, scope) in tokens.iter().zip(scopes.granted()) {
        assert_eq!(token.parse::<Scope>().as_ref(), Ok(scope));
        assert!(site.contains(token) && *token != "udap");
        assert_eq!(
            scope.level() == Some(Level::System),
            matches!(grant, Grant::ClientCredentials)
        );
    }
    if grant != (Grant::AuthorizationCode { refresh: true }) {
        assert!(!tokens.contains(&"offline_access"));
    }
}

/// What must hold of metadata that passed all rules, and of the answer made of it.
pub fn metadata(claims: &Map<String, Value>, profile: Profile, accepted: &ClientMetadata) {
    let name = accepted.client_name();
    assert!((1..=limits::CLIENT_NAME_CHARS).contains(&name.chars().count()));
    assert!(!name.contains(char::is_control));

    let code = matches!(accepted.grant(), Grant::AuthorizationCode { .. });
    assert_eq!(code, !accepted.redirect_uris().is_empty());
    assert_eq!(code, !accepted.response_types().is_empty());
    let listed = |claim: &str, text: &str| {
        let elements = claims.get(claim).and_then(Value::as_array);
        elements.is_some_and(|elements| elements.iter().any(|one| one == text))
    };
    assert!(accepted.redirect_uris().len() <= limits::REDIRECT_URIS);
    for uri in accepted.redirect_uris() {
        assert!(listed("redirect_uris", uri));
        web(uri, true);
        assert!(!uri.contains(['#', '*']));
        if profile == Profile::EmrDirect {
            public(uri);
        }
    }

    assert!((1..=limits::CONTACTS).contains(&accepted.contacts().len()));
    assert!(accepted.contacts().iter().any(|one| {
        one.get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
    }));
    for contact in accepted.contacts() {
        assert!(listed("contacts", contact));
        plain(contact);
    }

    let pages = [
        ("logo_uri", accepted.logo_uri()),
        ("client_uri", accepted.client_uri()),
        ("tos_uri", accepted.tos_uri()),
        ("policy_uri", accepted.policy_uri()),
    ];
    for (claim, uri) in pages {
        assert_eq!(claims.get(claim).and_then(Value::as_str), uri);
        if let Some(uri) = uri {
            let https = claim == "logo_uri" || profile == Profile::EmrDirect;
            web(uri, https);
        }
        if profile == Profile::EmrDirect {
            public(uri.expect("it is required"));
        }
    }
    let further = [
        accepted.initiate_login_uri(),
        accepted.post_logout_redirect_uri(),
    ];
    for uri in further.into_iter().flatten() {
        web(uri, true);
    }
    scopes(accepted.scopes(), &SCOPES, accepted.grant());

    let members = accepted.to_response_members();
    for member in members.values() {
        let empty = match member {
            Value::String(text) => text.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            _ => true,
        };
        assert!(!empty);
    }
    no_nulls(&Value::Object(members));
    for link in accepted.links(LinkChecks::All) {
        match link.kind {
            LinkKind::Redirect(index) => assert_eq!(accepted.redirect_uris()[index], link.url),
            LinkKind::Logo => assert_eq!(accepted.logo_uri(), Some(link.url.as_str())),
            LinkKind::Client => assert_eq!(accepted.client_uri(), Some(link.url.as_str())),
            LinkKind::Terms => assert_eq!(accepted.tos_uri(), Some(link.url.as_str())),
            LinkKind::Policy => assert_eq!(accepted.policy_uri(), Some(link.url.as_str())),
        }
    }
}

/// Printable ASCII without what databases, browsers and logs read in their own ways.
fn plain(uri: &str) {
    assert!(uri.len() <= limits::URI_BYTES);
    assert!(uri.bytes().all(|octet| octet.is_ascii_graphic()));
    assert!(!uri.contains(['|', '\\', '"', '<', '>', '`', '{', '}', '^']));
}

/// A web address with a host and without user information, as it is written and as it is parsed.
fn web(uri: &str, https: bool) {
    plain(uri);
    let (scheme, rest) = uri.split_once("://").expect("two slashes");
    assert!(
        scheme.eq_ignore_ascii_case("https") || (!https && scheme.eq_ignore_ascii_case("http"))
    );
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.is_empty() && !authority.contains('@'));
    let url = Url::parse(uri).expect("it parses");
    assert!(url.has_host() && url.username().is_empty() && url.password().is_none());
}

/// A host on the public internet, as far as its name tells.
fn public(uri: &str) {
    let url = Url::parse(uri).expect("it parses");
    let Some(Host::Domain(host)) = url.host() else {
        panic!("the host is no name");
    };
    let host = host.trim_end_matches('.');
    let last = host.rsplit('.').next().unwrap_or_default();
    assert!(host.contains('.') && !last.bytes().all(|octet| octet.is_ascii_digit()));
    assert!(!["localhost", "local", "internal", "test", "invalid"].contains(&last));
}

/// What must hold of an approved registration and of the answer to it.
pub fn approved(approved: &ApprovedRegistration, profile: Profile) {
    let statement = approved.statement();
    metadata(statement.claims(), profile, approved.metadata());
    assert!(
        statement
            .leaf()
            .uri_names()
            .iter()
            .any(|uri| uri == statement.client_uri())
    );
    assert!(!statement.jti().is_empty());
    let left = statement.expires_at() - NOW;
    assert!(left > -limits::CLOCK_SKEW);
    assert!(left <= limits::STATEMENT_LIFETIME + limits::CLOCK_SKEW);
    let answer = response::registered(
        approved,
        &Registered {
            client_id: "id".to_owned(),
            issued_at: NOW,
            created: true,
            enabled: approved.enable(),
        },
    );
    for claim in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_secret",
    ] {
        assert!(!answer.contains_key(claim));
    }
    let tokens: Vec<_> = approved
        .certifications()
        .iter()
        .map(|one| one.token())
        .collect();
    match answer.get("certifications") {
        None => assert!(tokens.is_empty()),
        Some(answered) => assert_eq!(answered, &serde_json::json!(tokens)),
    }
    for token in tokens {
        certification(token, approved);
    }
    no_nulls(&Value::Object(answer));
}

/// What must hold of a certification that the app declared itself.
fn certification(token: &str, approved: &ApprovedRegistration) {
    let (_, claims) = udap::jws::peek(token).expect("it was read");
    let statement = approved.statement();
    for claim in ["iss", "sub"] {
        assert_eq!(claims[claim], statement.client_uri());
    }
    let exp = claims["exp"].as_i64().expect("an integer");
    assert!(exp > (NOW - limits::CLOCK_SKEW).unix_timestamp());
    assert!(exp <= statement.leaf().not_after().unix_timestamp());
    assert!(claims["iat"].as_i64().expect("an integer") < exp);
    assert!(!claims.contains_key("jwks_uri"));
    let registered = approved.metadata().to_response_members();
    for name in [
        "client_name",
        "client_uri",
        "logo_uri",
        "tos_uri",
        "policy_uri",
    ] {
        if let Some(value) = claims.get(name) {
            assert_eq!(registered.get(name), Some(value));
        }
    }
    for name in ["contacts", "grant_types", "response_types"] {
        let (allowed, registered) = (claims.get(name), registered.get(name));
        if let (Some(allowed), Some(registered)) = (allowed, registered) {
            let allowed = allowed.as_array().expect("an array");
            let registered = registered.as_array().expect("an array");
            assert!(registered.iter().all(|one| allowed.contains(one)));
        }
    }
}

/// What must hold however a request ends.
pub fn end(end: &End, profile: Profile) {
    match end {
        End::Register(registration) => approved(registration, profile),
        End::Cancel(cancellation) => {
            let claims = cancellation.statement().claims();
            assert_eq!(claims.get("grant_types"), Some(&Value::Array(Vec::new())));
            let outcome = Cancelled {
                client_id: "id".to_owned(),
            };
            no_nulls(&Value::Object(response::cancelled(cancellation, &outcome)));
        }
        End::Refused(_, refused) => refusal(refused),
    }
}
