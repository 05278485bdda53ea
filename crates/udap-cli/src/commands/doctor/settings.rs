//! OpenEMR's settings, as far as they matter to apps.

use udap_openemr::Globals;

use super::finding::Subject;

/// What of a site's configuration bears on OpenEMR's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) token_endpoint: &'a str,
    /// Whether apps may act for themselves, with `system/` scopes.
    pub(super) has_system_scopes: bool,
    pub(super) honours_manual_approval: bool,
}

const PAGE: &str = "in OpenEMR, Administration > Config > Connectors";

pub(super) fn judge(about: &mut Subject<'_>, settings: &Globals, wanted: Wanted<'_>) {
    let check = "settings";
    if settings.is_on("rest_fhir_api") {
        about.ok(check, "OpenEMR's FHIR API is on");
    } else {
        about.error(
            check,
            "OpenEMR's FHIR API is off (rest_fhir_api): no app can read anything",
            format!("switch it on {PAGE}"),
        );
    }
    if wanted.has_system_scopes {
        if settings.is_on("rest_system_scopes_api") {
            about.ok(check, "OpenEMR's system scopes are on");
        } else {
            about.error(
                check,
                "OpenEMR's system scopes are off (rest_system_scopes_api is not 1): every token request \
                 with a system/ scope is answered with invalid_scope",
                format!("switch them on {PAGE}, or take the system/ scopes out of the site's scopes"),
            );
        }
    }
    judge_address(
        about,
        settings.get("site_addr_oath").unwrap_or_default(),
        wanted,
    );
    if settings.is_on("oauth_app_manual_approval") {
        if wanted.honours_manual_approval {
            about.warn(
                check,
                "OpenEMR asks for manual approval (oauth_app_manual_approval): new apps stay off until an \
                 administrator enables them",
                format!("switch it off {PAGE}, or set honour_manual_approval = false"),
            );
        } else {
            about.ok(
                check,
                "OpenEMR asks for manual approval, which honour_manual_approval = false overrides",
            );
        }
    }
    let zone = settings.get("gbl_time_zone").unwrap_or_default();
    if !settings.has_known_time_zone() {
        about.warn(
            check,
            format!("OpenEMR's time zone, {zone:?} (gbl_time_zone), is unknown here"),
            "choose another in OpenEMR; until then registration dates are in the database's zone",
        );
    } else if zone.is_empty() {
        about.ok(
            check,
            "OpenEMR's time zone is the database server's (gbl_time_zone is not set)",
        );
    } else {
        about.ok(check, format!("OpenEMR's time zone is {zone}"));
    }
}

fn judge_address(about: &mut Subject<'_>, address: &str, wanted: Wanted<'_>) {
    let check = "site_addr_oath";
    let address = address.trim_end_matches('/');
    if address.is_empty() {
        about.warn(
            check,
            "OpenEMR's site_addr_oath is not set: which audience it expects then depends on the headers of \
             each request",
            format!("set it {PAGE}, to the scheme and host of token_endpoint"),
        );
        return;
    }
    let begins =
        (wanted.token_endpoint.strip_prefix(address)).is_some_and(|rest| rest.starts_with('/'));
    if begins {
        about.ok(
            check,
            format!("token_endpoint begins with OpenEMR's site_addr_oath, {address}"),
        );
    } else {
        about.error(
            check,
            format!(
                "token_endpoint, {}, does not begin with OpenEMR's site_addr_oath, {address}: no assertion \
                 would have the audience that OpenEMR expects",
                wanted.token_endpoint
            ),
            format!("correct token_endpoint, or site_addr_oath {PAGE}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Findings, Severity};
    use super::*;

    fn judged(
        changes: &[(&str, &str)],
        wanted: impl FnOnce(&mut Wanted<'_>),
    ) -> Vec<(Severity, String)> {
        let usual = [
            ("rest_fhir_api", "1"),
            ("rest_system_scopes_api", "1"),
            ("oauth_app_manual_approval", "0"),
            ("site_addr_oath", "https://emr.example.org"),
            ("gbl_time_zone", "America/New_York"),
        ];
        let settings = usual.iter().chain(changes).copied().collect();
        let mut as_usual = Wanted {
            token_endpoint: "https://emr.example.org/oauth2/default/token",
            has_system_scopes: true,
            honours_manual_approval: true,
        };
        wanted(&mut as_usual);
        let mut findings = Findings::default();
        judge(&mut findings.about("site"), &settings, as_usual);
        let bad = findings
            .0
            .into_iter()
            .filter(|one| one.severity != Severity::Ok);
        bad.map(|one| (one.severity, one.found)).collect()
    }

    #[test]
    fn the_usual_settings_are_no_finding() {
        assert_eq!(judged(&[], |_| {}), []);
        assert_eq!(judged(&[("gbl_time_zone", "")], |_| {}), []);
        assert_eq!(
            judged(&[("site_addr_oath", "https://emr.example.org/")], |_| {}),
            []
        );
        let off = &[("rest_system_scopes_api", "0")];
        assert_eq!(judged(off, |wanted| wanted.has_system_scopes = false), []);
        let manual = &[("oauth_app_manual_approval", "1")];
        assert_eq!(
            judged(manual, |wanted| wanted.honours_manual_approval = false),
            []
        );
    }

    #[test]
    fn each_fault_is_its_own_finding() {
        for (name, value, severity, word) in [
            ("rest_fhir_api", "0", Severity::Error, "rest_fhir_api"),
            (
                "rest_system_scopes_api",
                "0",
                Severity::Error,
                "rest_system_scopes_api",
            ),
            (
                "rest_system_scopes_api",
                "2",
                Severity::Error,
                "rest_system_scopes_api",
            ),
            (
                "oauth_app_manual_approval",
                "1",
                Severity::Warning,
                "oauth_app_manual_approval",
            ),
            ("site_addr_oath", "", Severity::Warning, "site_addr_oath"),
            (
                "site_addr_oath",
                "https://emr.example.com",
                Severity::Error,
                "site_addr_oath",
            ),
            (
                "site_addr_oath",
                "https://emr.example.or",
                Severity::Error,
                "site_addr_oath",
            ),
            (
                "gbl_time_zone",
                "Nowhere/Land",
                Severity::Warning,
                "gbl_time_zone",
            ),
        ] {
            let found = judged(&[(name, value)], |_| {});
            assert_eq!(found.len(), 1, "{name} = {value}: {found:?}");
            assert_eq!(found[0].0, severity, "{name} = {value}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
    }
}
