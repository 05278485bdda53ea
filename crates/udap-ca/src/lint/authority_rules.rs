//! Rules for certificate authorities (J09).

use x509_parser::public_key::PublicKey as ParsedKey;

use super::{
    Level, Rule,
    facts::{Facts, Kind, if_so},
};
use crate::profile::{BACKDATE, ROOT_LIFETIME};

const CA: &[Kind] = &[Kind::Ca];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "no-ca",
        requirement: "J09",
        level: Level::Error,
        what: "an authority's certificate does not say that it is one",
        why: "no path goes through it",
        advice: "issue it with basicConstraints CA=true, critical",
        kinds: CA,
        broken_by: |facts| {
            if_so(
                !facts
                    .basic_constraints()
                    .is_some_and(|found| found.value.ca && found.critical),
            )
        },
    },
    Rule {
        name: "ca-key-usage",
        requirement: "J09",
        level: Level::Error,
        what: "an authority's keyUsage lacks keyCertSign or cRLSign",
        why: "what it signs, certificates or revocation lists, is refused",
        advice: "issue it with keyUsage keyCertSign and cRLSign, critical",
        kinds: CA,
        broken_by: |facts| {
            let signs = facts
                .key_usage()
                .is_some_and(|found| found.value.key_cert_sign() && found.value.crl_sign());
            if_so(!signs)
        },
    },
    Rule {
        name: "ca-key-usage-not-critical",
        requirement: "J09",
        level: Level::Warning,
        what: "an authority's keyUsage is not critical",
        why: "programs that do not know keyUsage would use the key for anything",
        advice: "mark it as critical",
        kinds: CA,
        broken_by: |facts| if_so(facts.key_usage().is_some_and(|found| !found.critical)),
    },
    Rule {
        name: "no-path-length",
        requirement: "J09",
        level: Level::Warning,
        what: "an issuing authority's certificate sets no path length",
        why: "it could make further authorities below itself",
        advice: "issue it with path length 0",
        kinds: CA,
        broken_by: |facts| {
            let is_open = facts
                .basic_constraints()
                .is_some_and(|found| found.value.path_len_constraint.is_none());
            if_so(is_open && !facts.is_self_signed())
        },
    },
    Rule {
        name: "small-root-key",
        requirement: "J09",
        level: Level::Warning,
        what: "a root's key is below RSA-4096 and not on P-384",
        why: "a root is trusted for decades",
        advice: "set up the next root with RSA-4096 or P-384",
        kinds: CA,
        broken_by: small_root_key,
    },
    Rule {
        name: "long-ca-lifetime",
        requirement: "J09",
        level: Level::Notice,
        what: "an authority's certificate is valid for more than 20 years",
        why: "what is sound today may be broken by then",
        advice: "plan its successor",
        kinds: CA,
        broken_by: |facts| {
            let lifetime = facts.lifetime();
            let longest = ROOT_LIFETIME.saturating_add(BACKDATE);
            (lifetime > longest).then(|| format!("{} days", lifetime.whole_days()))
        },
    },
];

fn small_root_key(facts: &Facts<'_>) -> Option<String> {
    if !facts.is_self_signed() {
        return None;
    }
    match facts.certificate.public_key().parsed() {
        Ok(ParsedKey::RSA(rsa)) if rsa.key_size() < 4096 => {
            Some(format!("RSA with {} bits", rsa.key_size()))
        }
        Ok(ParsedKey::EC(point)) if point.key_size() < 384 => {
            Some(format!("a curve of {} bits", point.key_size()))
        }
        _ => None,
    }
}
