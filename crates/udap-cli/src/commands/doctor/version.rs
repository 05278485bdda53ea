//! What a site's version of OpenEMR means.

use udap_openemr::OpenEmrVersion;

use super::finding::Subject;

/// What of a site's configuration a version bears on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered<'a> {
    /// Whether apps may act for users, by authorization_code.
    pub(super) codes: bool,
    pub(super) is_gateway: bool,
    pub(super) is_guarded: bool,
    /// As listed; empty if they are discovered.
    pub(super) scopes: &'a [String],
}

/// Judges a version: as the database has it, and as the configuration does.
pub(super) fn judge(
    about: &mut Subject<'_>,
    offered: Offered<'_>,
    read: Option<OpenEmrVersion>,
    configured: Option<OpenEmrVersion>,
) {
    let check = "version";
    let Some(version) = configured.or(read) else {
        return;
    };
    about.ok(check, format!("OpenEMR {version}"));
    if let (Some(read), Some(configured)) = (read, configured)
        && read != configured
    {
        about.warn(
            check,
            format!("openemr_version is {configured}, while OpenEMR's own table says {read}"),
            "take openemr_version out, unless you know better than the table",
        );
    }
    if version < OpenEmrVersion::VERIFIES_CODE_ASSERTIONS {
        if offered.codes {
            about.warn(
                check,
                format!(
                    "authorization_code apps are refused: below {} OpenEMR verifies no assertion for codes",
                    OpenEmrVersion::VERIFIES_CODE_ASSERTIONS
                ),
                "upgrade OpenEMR, or take authorization_endpoint out",
            );
        }
    } else if offered.codes && offered.is_gateway && version < OpenEmrVersion::REQUIRES_CREDENTIALS
    {
        if !offered.is_guarded {
            about.warn(
                check,
                format!(
                    "authorization_code apps are refused: below {} OpenEMR's own token endpoint can be \
                     reached around the gateway",
                    OpenEmrVersion::REQUIRES_CREDENTIALS
                ),
                "let the proxy route OpenEMR's token path to this server, and set token_guard = true",
            );
        }
    } else if offered.codes && version < OpenEmrVersion::REQUIRES_CREDENTIALS {
        about.warn(
            check,
            format!(
                "below {} OpenEMR takes codes and refresh tokens of a confidential client without its \
                 credential",
                OpenEmrVersion::REQUIRES_CREDENTIALS
            ),
            "set token_mode = \"gateway\" with token_guard = true, or upgrade OpenEMR",
        );
    }
    let unknown: Vec<_> = (offered.scopes.iter())
        .filter(|scope| is_v2(scope))
        .map(String::as_str)
        .collect();
    if version < OpenEmrVersion::KNOWS_SMART_V2 && !unknown.is_empty() {
        about.warn(
            check,
            format!(
                "below {} OpenEMR knows no SMART v2 scopes: {}",
                OpenEmrVersion::KNOWS_SMART_V2,
                unknown.join(" ")
            ),
            "list their v1 forms, such as system/Patient.read",
        );
    }
}

/// Whether a scope on a resource has letters of `cruds` for a permission.
fn is_v2(scope: &str) -> bool {
    let resource = scope.split('?').next().unwrap_or_default();
    resource.contains('/')
        && resource.rsplit_once('.').is_some_and(|(_, letters)| {
            !letters.is_empty() && letters.chars().all(|letter| "cruds".contains(letter))
        })
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Findings, Severity};
    use super::*;

    fn warned(version: &str, offered: Offered<'_>) -> Vec<String> {
        let mut findings = Findings::default();
        let version = Some(version.parse().unwrap());
        judge(&mut findings.about("site"), offered, version, None);
        let bad = findings
            .0
            .into_iter()
            .filter(|one| one.severity != Severity::Ok);
        bad.map(|one| one.found).collect()
    }

    #[test]
    fn a_version_means_what_its_token_endpoint_does() {
        let none = Offered {
            codes: false,
            is_gateway: true,
            is_guarded: false,
            scopes: &[],
        };
        let codes = Offered {
            codes: true,
            ..none
        };
        let guarded = Offered {
            is_guarded: true,
            ..codes
        };
        let direct = Offered {
            is_gateway: false,
            ..codes
        };
        for (version, offered, text) in [
            ("7.0.3.4", none, None),
            ("7.0.3.4", codes, Some("verifies no assertion")),
            ("7.0.3.4", guarded, Some("verifies no assertion")),
            ("7.0.4", none, None),
            ("7.0.4", codes, Some("around the gateway")),
            ("8.1.1", guarded, None),
            ("8.1.1", direct, Some("without its credential")),
            ("8.5", codes, None),
            ("8.5", direct, None),
        ] {
            let warned = warned(version, offered);
            let is_right = match text {
                None => warned.is_empty(),
                Some(text) => warned.len() == 1 && warned[0].contains(text),
            };
            assert!(is_right, "{version} {offered:?}: {warned:?}");
        }
        let scopes = [
            "system/Patient.read".to_owned(),
            "system/Patient.rs".to_owned(),
        ];
        let v2 = Offered {
            scopes: &scopes,
            ..none
        };
        assert!(warned("7.0.3", v2)[0].ends_with(": system/Patient.rs"));
        assert_eq!(warned("7.0.4", v2), [""; 0]);
    }

    #[test]
    fn v2_scopes_are_told_from_others() {
        for scope in ["system/Patient.rs", "user/Observation.cruds?category=x.y"] {
            assert!(is_v2(scope), "{scope}");
        }
        for scope in [
            "openid",
            "system/Patient.read",
            "system/Patient.$export",
            "a.rs",
            "launch/patient",
        ] {
            assert!(!is_v2(scope), "{scope}");
        }
    }
}
