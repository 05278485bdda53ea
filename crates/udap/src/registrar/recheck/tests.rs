//! An outage of lists must switch nobody off at once (decisions 23).

use time::Duration;

use super::*;
use crate::enable::EnablePolicy;
use crate::registry::Position;
use crate::rules::{ContactMatch, LinkChecks, Profile};
use crate::site::{Site, TokenMode};
use crate::trust::tests::pki::{AT, Ca, CrlPlan, full_name, point};
use crate::trust::{CertvalJudge, Crl, NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};

const COMMUNITY: &str = "https://community.example.net/udap";

fn registrar(anchor: &Ca, intermediates: Vec<Certificate>) -> Registrar {
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: "https://emr.example.org/apis/default/fhir".to_owned(),
        registration_endpoint: "https://emr.example.org/udap/default/register".to_owned(),
        authorization_endpoint: None,
        token_endpoint: "https://emr.example.org/oauth2/default/token".to_owned(),
        token_mode: TokenMode::Gateway,
        scopes: Vec::new(),
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let anchors = vec![anchor.certificate.clone()];
    let community = Community {
        id: "community".to_owned(),
        uri: COMMUNITY.to_owned(),
        trust: TrustPolicy {
            store: TrustStore::new(anchors, intermediates, Vec::new()).unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Accept,
            aia: true,
            ocsp: true,
        },
        profile: Profile::Hl7,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        link_checks: LinkChecks::Off,
        enable: EnablePolicy::All,
        ceiling: None,
        sites: None,
        client_uri_prefixes: Vec::new(),
        certifications: Vec::new(),
        b2b: crate::token::B2bPolicy::default(),
    };
    let judge = Arc::new(CertvalJudge::new());
    Registrar::new(vec![site], vec![community], judge, Duration::MINUTE).unwrap()
}

fn registration(certificate: &Certificate, chain: Vec<Certificate>) -> LiveRegistration {
    LiveRegistration {
        client_id: "client".to_owned(),
        site: "default".to_owned(),
        community_uri: COMMUNITY.to_owned(),
        certificate: certificate.clone(),
        chain,
        trust_off: None,
        enabled: true,
        good_at: AT - Duration::HOUR,
        checked_at: AT - Duration::HOUR,
        position: Position {
            registered_at: 0,
            id: 1,
        },
    }
}

/// The result once every need came to nothing.
fn result(registrar: &Registrar, live: &LiveRegistration, lists: &[Arc<Crl>]) -> CheckResult {
    let crls = CrlStore::new(lists.to_vec());
    let mut recheck = registrar.recheck(live, &crls, AT);
    loop {
        recheck = match recheck {
            Recheck::Need(need) => need.supply(registrar, Fetched::default(), &crls, AT),
            Recheck::Done(verdict) => {
                if let RecheckVerdict::Distrusted { distrust, revoked } = &verdict {
                    let is_revoked = matches!(distrust, Distrust::Revoked(_));
                    assert_eq!(revoked.is_some(), is_revoked);
                }
                return verdict.result();
            }
        }
    }
}

/// Proves: C30
#[test]
fn a_lapsed_list_leaves_a_client_on_though_its_ca_s_former_certificate_has_expired_or_is_revoked() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let at = |params: &mut rcgen::CertificateParams| {
        let url = "http://pki.example.org/ca.crl";
        params.custom_extensions.push(point(full_name(url)));
    };
    let leaf = ca.leaf_with(at);
    let expired = root.certify(&ca, |params| params.not_after = AT - Duration::HOUR);
    let revoked = root.certify(&ca, |_| {});
    let upper = root.crl().revoke(&revoked).build();
    let lapsed = || CrlPlan {
        next_update: Some(AT - Duration::MINUTE),
        ..ca.crl()
    };
    let renewed = || ca.certificate.clone();
    for former in [expired, revoked] {
        let all = vec![former.clone(), renewed()];
        // In the folder of intermediates, or sent along when the client registered.
        for (configured, chain) in [
            (all.clone(), vec![renewed()]),
            (all.clone(), Vec::new()),
            (vec![renewed()], vec![former.clone()]),
            (Vec::new(), all),
        ] {
            let registrar = registrar(&root, configured);
            let live = registration(&leaf, chain);
            let with = |list| result(&registrar, &live, &[upper.clone(), list]);
            assert_eq!(with(ca.crl().build()), CheckResult::Good);
            assert_eq!(with(lapsed().build()), CheckResult::Unsettled);
            // What is verified still acts at once.
            assert_eq!(
                with(lapsed().revoke(&leaf).build()),
                CheckResult::Revoked(Box::new(RevokedCertificate::new(&leaf, &ca.certificate)))
            );
        }
        let registrar = registrar(&root, vec![former]);
        let alone = result(
            &registrar,
            &registration(&leaf, Vec::new()),
            &[upper.clone(), lapsed().build()],
        );
        assert!(!matches!(alone, CheckResult::Good | CheckResult::Unsettled));
    }
}
