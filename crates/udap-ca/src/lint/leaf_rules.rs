//! Rules for clients, servers and TLS servers.

use std::collections::HashSet;

use x509_parser::{extensions::GeneralName, public_key::PublicKey as ParsedKey};

use super::{
    Level, Rule,
    facts::{Facts, Kind, if_so},
    rules::is_http,
};
use crate::{
    SanUri,
    profile::{BACKDATE, MAX_LEAF_LIFETIME},
};

pub(super) const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "no-uri",
        requirement: "J01",
        level: Level::Error,
        what: "the certificate names no URI",
        why: "a UDAP peer is known by a uniformResourceIdentifier in the subject alternative name",
        advice: "issue it with the app's URI, or the server's FHIR base URLs (`udap ca issue … --uri`)",
        kinds: Kind::UDAP,
        broken_by: no_uri,
    },
    Rule {
        name: "bad-uri",
        requirement: "J02",
        level: Level::Error,
        what: "a URI in the subject alternative name is not absolute, not RFC 3986, or without a full host",
        why: "statements repeat it character for character, and RFC 5280 §4.2.1.6 asks for these",
        advice: "issue it with an absolute URI in ASCII whose host is a full name or an address",
        kinds: Kind::UDAP,
        broken_by: |facts| {
            let faulty = |uri: &&str| uri.parse::<SanUri>().is_err();
            facts.uris().into_iter().find(faulty).map(str::to_owned)
        },
    },
    Rule {
        name: "alike-uris",
        requirement: "J02",
        level: Level::Warning,
        what: "two URIs differ in letter case, a slash or a port only",
        why: "some servers take them for one, others do not",
        advice: "keep the one that the app's statements name",
        kinds: Kind::UDAP,
        broken_by: |facts| {
            let mut seen = HashSet::new();
            let uris = facts.sound_uris();
            let alike = uris.iter().find(|uri| !seen.insert(uri.likeness()));
            alike.map(SanUri::to_string)
        },
    },
    Rule {
        name: "server-uri-not-http",
        requirement: "J01",
        level: Level::Error,
        what: "a server's URI is not an http or https URL",
        why: "it has to be the FHIR base URL, character for character",
        advice: "issue it with the FHIR base URLs that the server serves",
        kinds: &[Kind::Server],
        broken_by: |facts| {
            let uris = facts.sound_uris();
            let other = uris.iter().find(|uri| !uri.is_http());
            other.map(SanUri::to_string)
        },
    },
    Rule {
        name: "server-key-not-rsa",
        requirement: "J04",
        level: Level::Error,
        what: "a server's key is not RSA",
        why: "its metadata has to be signed with RS256, which every client knows",
        advice: "issue it for an RSA key of 2,048 bits or more",
        kinds: &[Kind::Server],
        broken_by: |facts| {
            if_so(!matches!(
                facts.certificate.public_key().parsed(),
                Ok(ParsedKey::RSA(_))
            ))
        },
    },
    Rule {
        name: "ec-client-key",
        requirement: "J04",
        level: Level::Notice,
        what: "a client's key is on an elliptic curve",
        why: "servers need only know RS256; one that lists no ES256 or ES384 refuses it",
        advice: "use RSA-2048 if you do not know the servers",
        kinds: &[Kind::Client],
        broken_by: |facts| {
            if_so(matches!(
                facts.certificate.public_key().parsed(),
                Ok(ParsedKey::EC(_))
            ))
        },
    },
    Rule {
        name: "no-host",
        requirement: "J08",
        level: Level::Error,
        what: "a TLS certificate names no host",
        why: "TLS clients look for the host name in the subject alternative name and nowhere else",
        advice: "issue it with DNS names or addresses (`udap ca issue tls --dns`)",
        kinds: &[Kind::Tls],
        broken_by: |facts| {
            let is_host = |name: &GeneralName<'_>| {
                matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_))
            };
            if_so(
                !facts
                    .names()
                    .is_some_and(|names| names.value.iter().any(is_host)),
            )
        },
    },
    Rule {
        name: "critical-names",
        requirement: "J08",
        level: Level::Notice,
        what: "the subject alternative name is critical beside a subject",
        why: "RFC 5280 §4.2.1.6 asks for that only where the subject is empty",
        advice: "do not mark it as critical",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            let has_subject = facts.certificate.subject().iter().next().is_some();
            if_so(has_subject && facts.names().is_some_and(|names| names.critical))
        },
    },
    Rule {
        name: "no-subject",
        requirement: "J08",
        level: Level::Error,
        what: "the subject is empty, and the subject alternative name not critical",
        why: "RFC 5280 §4.1.2.6 requires one or the other",
        advice: "issue it with a common name and an organisation",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            let has_subject = facts.certificate.subject().iter().next().is_some();
            if_so(!has_subject && !facts.names().is_some_and(|names| names.critical))
        },
    },
    Rule {
        name: "leaf-is-ca",
        requirement: "J08",
        level: Level::Error,
        what: "the certificate may sign other certificates",
        why: "whoever holds its key could make certificates for anyone in the community",
        advice: "revoke it and issue it anew with basicConstraints CA=false",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            let is_ca = facts
                .basic_constraints()
                .is_some_and(|found| found.value.ca);
            let signs = facts
                .key_usage()
                .is_some_and(|found| found.value.key_cert_sign());
            if_so(is_ca || signs)
        },
    },
    Rule {
        name: "self-signed",
        requirement: "J08",
        level: Level::Error,
        what: "the certificate is self-signed",
        why: "nobody vouches for it; a server refuses it even where it is installed as an anchor",
        advice: "have the community's authority issue one",
        kinds: Kind::LEAVES,
        broken_by: |facts| if_so(facts.is_self_signed()),
    },
    Rule {
        name: "no-basic-constraints",
        requirement: "J08",
        level: Level::Warning,
        what: "there are no critical basicConstraints",
        why: "they say that it is no authority, also to programs that take the absence for anything",
        advice: "issue it with basicConstraints CA=false, critical",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            if_so(
                !facts
                    .basic_constraints()
                    .is_some_and(|found| found.critical),
            )
        },
    },
    Rule {
        name: "no-digital-signature",
        requirement: "J08",
        level: Level::Error,
        what: "keyUsage lacks digitalSignature",
        why: "the key signs statements, tokens or handshakes; with such a keyUsage it must not",
        advice: "issue it with keyUsage digitalSignature",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            if_so(
                facts
                    .key_usage()
                    .is_some_and(|found| !found.value.digital_signature()),
            )
        },
    },
    Rule {
        name: "no-key-usage",
        requirement: "J08",
        level: Level::Warning,
        what: "there is no critical keyUsage",
        why: "without it the key may be used for anything",
        advice: "issue it with keyUsage digitalSignature, critical",
        kinds: Kind::LEAVES,
        broken_by: |facts| if_so(!facts.key_usage().is_some_and(|found| found.critical)),
    },
    Rule {
        name: "client-usage",
        requirement: "J08",
        level: Level::Warning,
        what: "the extended key usage lacks clientAuth",
        why: "some servers look for it in an app's certificate",
        advice: "issue it with extendedKeyUsage clientAuth",
        kinds: &[Kind::Client],
        broken_by: |facts| {
            let lacks = facts
                .extended_key_usage()
                .is_some_and(|found| !found.value.client_auth && !found.value.any);
            if_so(lacks)
        },
    },
    Rule {
        name: "tls-usage",
        requirement: "J08",
        level: Level::Error,
        what: "the extended key usage lacks serverAuth",
        why: "TLS clients refuse it",
        advice: "issue it with extendedKeyUsage serverAuth",
        kinds: &[Kind::Tls],
        broken_by: |facts| {
            let lacks = facts
                .extended_key_usage()
                .is_some_and(|found| !found.value.server_auth && !found.value.any);
            if_so(lacks)
        },
    },
    Rule {
        name: "critical-extended-usage",
        requirement: "J08",
        level: Level::Notice,
        what: "the extended key usage is critical",
        why: "a program that does not know all purposes in it refuses the certificate",
        advice: "do not mark it as critical",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            if_so(
                facts
                    .extended_key_usage()
                    .is_some_and(|found| found.critical),
            )
        },
    },
    Rule {
        name: "no-issuer-address",
        requirement: "J08",
        level: Level::Warning,
        what: "the certificate does not say where its issuer's is",
        why: "an app that sends its leaf only is refused where the issuer's certificate is not known",
        advice: "name the issuer's certificate by http in authority information access (`udap ca init --aia-url`)",
        kinds: Kind::LEAVES,
        broken_by: |facts| if_so(!facts.access_urls(CA_ISSUERS).iter().any(|url| is_http(url))),
    },
    Rule {
        name: "long-lifetime",
        requirement: "J07",
        level: Level::Warning,
        what: "the certificate is valid for more than two years",
        why: "the longer it lives, the longer does a stolen key, and the larger are revocation lists",
        advice: "issue it for one year and renew it (`udap ca needs-renewal` tells when)",
        kinds: Kind::LEAVES,
        broken_by: |facts| {
            let lifetime = facts.lifetime();
            (lifetime > MAX_LEAF_LIFETIME.saturating_add(BACKDATE))
                .then(|| format!("{} days", lifetime.whole_days()))
        },
    },
];

fn no_uri(facts: &Facts<'_>) -> Option<String> {
    if !facts.uris().is_empty() {
        return None;
    }
    let names = facts.names().map_or(0, |names| names.value.len());
    Some(match names {
        0 => "there is no subject alternative name".to_owned(),
        _ => "it names hosts or other things only".to_owned(),
    })
}
