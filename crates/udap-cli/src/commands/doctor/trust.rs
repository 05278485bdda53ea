//! A community's certificates and revocation lists.

use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::trust::Crl;

use super::finding::Subject;
use crate::config::Config;
use crate::config::settings::{Community, Revocation};
use crate::output::timestamp;
use crate::{environment, material};

/// How long before a certificate expires it is told of.
const AHEAD: Duration = Duration::days(30);

pub(super) fn check(config: &Config, community: &Community, about: &mut Subject<'_>) {
    let now = environment::now();
    authorities(about, "anchors", &community.anchors, now);
    if !community.intermediates.is_empty() {
        authorities(about, "intermediates", &community.intermediates, now);
    }
    server_certificate(config, community, about, now);
    let (lists, faults) = material::readable_crls(&community.crls);
    for fault in faults {
        about.error(
            "crls",
            format!("{fault:#}"),
            "correct the file, or take it out of crls",
        );
    }
    let is_required = community.revocation == Revocation::Required;
    for list in &lists {
        revocation_list(about, list, is_required, now);
    }
}

fn authorities(
    about: &mut Subject<'_>,
    check: &'static str,
    paths: &[std::path::PathBuf],
    now: OffsetDateTime,
) {
    match material::certificates(paths) {
        Err(error) => about.error(
            check,
            format!("{error:#}"),
            "correct the file that it names",
        ),
        Ok(certificates) => {
            for one in &certificates {
                let what = format!("{} {}", check.trim_end_matches('s'), one.subject_text());
                expiry(about, check, &what, one, now);
            }
        }
    }
}

fn server_certificate(
    config: &Config,
    community: &Community,
    about: &mut Subject<'_>,
    now: OffsetDateTime,
) {
    let check = "server_certificate";
    let leaf = match material::chain(&community.server_certificate) {
        Ok(chain) => chain.into_iter().next(),
        Err(error) => {
            about.error(
                check,
                format!("{error:#}"),
                "name the file of the certificate and its issuers",
            );
            return;
        }
    };
    let Some(leaf) = leaf else { return };
    expiry(about, check, "the server certificate", &leaf, now);
    for site in &config.sites {
        if !community.sites.contains(&site.id) {
            continue;
        }
        let base = &site.fhir_base_url;
        if leaf.uri_names().contains(base) {
            about.ok(check, format!("the server certificate names {base}"));
        } else {
            about.error(
                check,
                format!(
                    "the server certificate does not name {base}, the fhir_base_url of site {}; it names {}",
                    site.id,
                    leaf.uri_names().join(" ")
                ),
                "get a certificate with it as a URI name from the community, or set the site's \
                 fhir_base_url to what it names, letter by letter",
            );
        }
    }
}

fn expiry(
    about: &mut Subject<'_>,
    check: &'static str,
    what: &str,
    certificate: &Certificate,
    now: OffsetDateTime,
) {
    let until = timestamp(certificate.not_after());
    let left = certificate.not_after() - now;
    let renew = "get its successor from the community; the server takes it up without a restart";
    if left < Duration::ZERO {
        about.error(check, format!("{what} has expired: {until}"), renew);
    } else if certificate.not_before() > now {
        let from = timestamp(certificate.not_before());
        about.error(
            check,
            format!("{what} is not valid before {from}"),
            "look at this machine's clock",
        );
    } else if left < AHEAD {
        let days = left.whole_days();
        about.warn(
            check,
            format!("{what} expires in {days} days: {until}"),
            renew,
        );
    } else {
        about.ok(check, format!("{what} is valid until {until}"));
    }
}

fn revocation_list(about: &mut Subject<'_>, list: &Crl, is_required: bool, now: OffsetDateTime) {
    let what = format!("the revocation list of {}", list.issuer_text());
    if list.is_current(now) {
        let until = list.next_update().map_or_else(
            || "with no end".to_owned(),
            |next| format!("until {}", timestamp(next)),
        );
        let entries = list.len();
        about.ok(
            "crls",
            format!("{what} is usable {until}; revoked certificates: {entries}"),
        );
        return;
    }
    let found = format!("{what} is not usable now: it has lapsed, or is not yet valid");
    if is_required {
        let advice = "get the newest one: unless it can be fetched elsewhere, apps are refused";
        about.warn("crls", found, advice);
    } else {
        about.warn("crls", found, "get the newest one");
    }
}

#[cfg(test)]
mod tests {
    use udap_testkit::TestCommunity;

    use super::super::finding::{Findings, Severity};
    use super::*;

    #[test]
    fn a_certificate_is_told_of_before_and_after_its_end() {
        let of = TestCommunity::new("example", environment::now());
        let leaf = of.client("https://app.example.org/");
        let leaf = Certificate::from_der(leaf.der()).unwrap();
        for (now, severity) in [
            (leaf.not_before(), Severity::Ok),
            (leaf.not_before() - Duration::SECOND, Severity::Error),
            (leaf.not_after() - AHEAD, Severity::Ok),
            (
                leaf.not_after() - AHEAD + Duration::SECOND,
                Severity::Warning,
            ),
            (leaf.not_after() + Duration::SECOND, Severity::Error),
        ] {
            let mut findings = Findings::default();
            expiry(&mut findings.about("it"), "anchors", "it", &leaf, now);
            assert_eq!(findings.0[0].severity, severity, "{now}");
        }
    }
}
