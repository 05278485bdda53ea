//! Rules for every certificate.

use std::collections::HashSet;

use x509_parser::{
    extensions::ParsedExtension, prelude::X509Version, public_key::PublicKey as ParsedKey,
};

use super::{
    Level, Rule,
    facts::{Facts, Kind, if_so},
};

const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";

/// RSA and ECDSA with SHA-256, SHA-384 and SHA-512.
const SOUND_SIGNATURES: [&str; 6] = [
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
];
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
/// RFC 5280 §4.1.2.2.
const MAX_SERIAL_OCTETS: usize = 20;
/// CA/Browser Forum: 64 bits of randomness at least.
const MIN_SERIAL_OCTETS: usize = 8;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "version",
        requirement: "J01",
        level: Level::Error,
        what: "the certificate is not of version 3",
        why: "only version 3 has extensions, and UDAP lives in one of them",
        advice: "issue it as X.509 v3",
        kinds: Kind::ALL,
        broken_by: |facts| if_so(facts.certificate.version() != X509Version::V3),
    },
    Rule {
        name: "duplicate-extension",
        requirement: "J08",
        level: Level::Error,
        what: "an extension is there twice",
        why: "RFC 5280 §4.2 forbids it, and two programs may read two different ones",
        advice: "issue it anew with each extension once",
        kinds: Kind::ALL,
        broken_by: duplicate_extension,
    },
    Rule {
        name: "unreadable-extension",
        requirement: "J08",
        level: Level::Error,
        what: "an extension cannot be read",
        why: "its content does not keep RFC 5280, so a careful peer refuses the whole certificate",
        advice: "issue it anew; see the issuer's template for that extension",
        kinds: Kind::ALL,
        broken_by: unreadable_extension,
    },
    Rule {
        name: "unknown-critical-extension",
        requirement: "J08",
        level: Level::Error,
        what: "a critical extension is one that few programs know",
        why: "whoever does not know a critical extension has to refuse the certificate",
        advice: "leave it out, or do not mark it as critical",
        kinds: Kind::ALL,
        broken_by: unknown_critical_extension,
    },
    Rule {
        name: "expired",
        requirement: "J07",
        level: Level::Error,
        what: "the certificate has expired",
        why: "every peer refuses it",
        advice: "renew it (`udap ca renew`)",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let end = facts.certificate.validity().not_after.to_datetime();
            (facts.now > end).then(|| format!("it ended {end}"))
        },
    },
    Rule {
        name: "not-yet-valid",
        requirement: "J07",
        level: Level::Error,
        what: "the certificate is not valid yet",
        why: "every peer refuses it until then",
        advice: "wait, or look at the clocks of the issuer and of this machine",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let begin = facts.certificate.validity().not_before.to_datetime();
            (facts.now < begin).then(|| format!("it begins {begin}"))
        },
    },
    Rule {
        name: "no-lifetime",
        requirement: "J07",
        level: Level::Error,
        what: "the certificate ends before it begins",
        why: "it is valid at no time",
        advice: "issue it anew with notBefore before notAfter",
        kinds: Kind::ALL,
        broken_by: |facts| if_so(!facts.lifetime().is_positive()),
    },
    Rule {
        name: "weak-key",
        requirement: "J07",
        level: Level::Error,
        what: "the key is neither RSA with 2,048 bits or more nor on P-256 or P-384",
        why: "weaker keys can be broken, and UDAP's algorithms know no other curves",
        advice: "make a new key, for example RSA-2048, and have that certified (`udap ca rekey`)",
        kinds: Kind::ALL,
        broken_by: weak_key,
    },
    Rule {
        name: "weak-signature",
        requirement: "J07",
        level: Level::Error,
        what: "the certificate is not signed with RSA or ECDSA and SHA-256 or more",
        why: "SHA-1 and MD5 signatures can be forged; peers refuse them",
        advice: "have it issued anew with sha256WithRSAEncryption or ecdsa-with-SHA256",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let algorithm = facts
                .certificate
                .signature_algorithm
                .algorithm
                .to_id_string();
            let is_sound = SOUND_SIGNATURES.contains(&algorithm.as_str());
            // What a root says of itself proves nothing, so its own signature is not judged.
            (!is_sound && !facts.is_self_signed()).then_some(algorithm)
        },
    },
    Rule {
        name: "serial",
        requirement: "J07",
        level: Level::Error,
        what: "the serial number is not positive, or longer than 20 octets",
        why: "RFC 5280 §4.1.2.2 forbids it; revocation lists name certificates by it",
        advice: "issue it anew with a random serial number of 16 octets",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let octets = facts.certificate.raw_serial();
            let is_positive = octets.first().is_some_and(|&first| first < 0x80)
                && octets.iter().any(|&one| one != 0);
            if_so(!is_positive || octets.len() > MAX_SERIAL_OCTETS)
        },
    },
    Rule {
        name: "short-serial",
        requirement: "J07",
        level: Level::Warning,
        what: "the serial number has less than 64 bits",
        why: "random serial numbers make forging by hash collisions hopeless; counted ones do not",
        advice: "let the authority give random serial numbers of 16 octets",
        kinds: Kind::LEAVES,
        broken_by: |facts| if_so(facts.certificate.raw_serial().len() < MIN_SERIAL_OCTETS),
    },
    Rule {
        name: "no-subject-key-identifier",
        requirement: "J08",
        level: Level::Warning,
        what: "there is no subject key identifier",
        why: "it helps others to find the way from a certificate to its issuer",
        advice: "have the issuer add it",
        kinds: Kind::ALL,
        broken_by: |facts| if_so(!facts.has(SUBJECT_KEY_IDENTIFIER)),
    },
    Rule {
        name: "no-authority-key-identifier",
        requirement: "J08",
        level: Level::Warning,
        what: "there is no authority key identifier",
        why: "RFC 5280 §4.2.1.1 asks for it in all that is not self-signed; paths and lists are found by it",
        advice: "have the issuer add it",
        kinds: Kind::ALL,
        broken_by: |facts| if_so(!facts.is_self_signed() && !facts.has(AUTHORITY_KEY_IDENTIFIER)),
    },
    Rule {
        name: "no-revocation-address",
        requirement: "J08",
        level: Level::Warning,
        what: "the certificate names neither a revocation list nor an OCSP responder",
        why: "servers that require revocation refuse it, unless they were given the list as a file",
        advice: "publish a revocation list over http and name it in the certificate (`udap ca init --crl-url`)",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let has_none = facts.crl_urls().is_empty()
                && facts.access_urls(super::leaf_rules::OCSP).is_empty();
            if_so(has_none && !facts.is_self_signed())
        },
    },
    Rule {
        name: "revocation-list-not-http",
        requirement: "J08",
        level: Level::Warning,
        what: "a revocation list has no http address",
        why: "over TLS it may need the very path that is being checked (RFC 5280 §8); few fetch ldap",
        advice: "publish it at an http address",
        kinds: Kind::ALL,
        broken_by: |facts| {
            let urls = facts.crl_urls();
            let has_http = urls.iter().any(|url| is_http(url));
            if has_http {
                return None;
            }
            urls.first().map(|url| (*url).to_owned())
        },
    },
];

pub(super) fn is_http(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("http")
}

fn duplicate_extension(facts: &Facts<'_>) -> Option<String> {
    let mut seen = HashSet::new();
    facts
        .certificate
        .iter_extensions()
        .map(|extension| extension.oid.to_id_string())
        .find(|oid| !seen.insert(oid.clone()))
}

fn unreadable_extension(facts: &Facts<'_>) -> Option<String> {
    facts.certificate.iter_extensions().find_map(|extension| {
        let is_broken = matches!(
            extension.parsed_extension(),
            ParsedExtension::ParseError { .. }
        );
        is_broken.then(|| extension.oid.to_id_string())
    })
}

fn unknown_critical_extension(facts: &Facts<'_>) -> Option<String> {
    facts.certificate.iter_extensions().find_map(|extension| {
        let is_unknown = extension.critical && extension.parsed_extension().unsupported();
        is_unknown.then(|| extension.oid.to_id_string())
    })
}

fn weak_key(facts: &Facts<'_>) -> Option<String> {
    let key = facts.certificate.public_key();
    match key.parsed() {
        Ok(ParsedKey::RSA(rsa)) => {
            let bits = rsa.key_size();
            (bits < 2048).then(|| format!("RSA with {bits} bits"))
        }
        Ok(ParsedKey::EC(_)) => {
            let parameters = key.algorithm.parameters.as_ref();
            let curve = parameters
                .and_then(|parameters| parameters.as_oid().ok())
                .map(|curve| curve.to_id_string())
                .unwrap_or_default();
            (curve != P256 && curve != P384).then(|| format!("the curve {curve}"))
        }
        _ => Some(key.algorithm.algorithm.to_id_string()),
    }
}
