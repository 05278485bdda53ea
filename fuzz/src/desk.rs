//! A registrar of one community, and the driver that takes a request to its end.

use std::sync::Arc;

use time::Duration;
use udap::certification::{Certifiers, RecognisedCertification};
use udap::community::Community;
use udap::enable::EnablePolicy;
use udap::error::Refusal;
use udap::registrar::{LinkReport, Registrar, Step};
use udap::registry::Standing;
use udap::rules::{ContactMatch, Link, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::statement::{ApprovedRegistration, Cancellation, TrustedStatement};
use udap::token::B2bPolicy;
use udap::trust::{CertvalJudge, CrlStore, Fetched, TrustPolicy};

use crate::world::{ENDPOINT, NOW, SCOPES};

/// A certification that apps declare themselves.
pub const SELF_DECLARED: &str = "https://programs.example.org/self-declared";

/// A registrar of one site and one community.
#[derive(Debug)]
pub struct Desk {
    /// The registrar.
    pub registrar: Registrar,
    /// The site.
    pub site: Arc<Site>,
    /// The lists that are known.
    pub crls: CrlStore,
}

/// How a request ended.
#[derive(Debug)]
pub enum End {
    /// To be registered.
    Register(Box<ApprovedRegistration>),
    /// To be cancelled.
    Cancel(Box<Cancellation>),
    /// Refused, after trust or before.
    Refused(Option<Box<TrustedStatement>>, Refusal),
}

impl Desk {
    /// A site in gateway mode for one community.
    #[must_use]
    pub fn new(
        trust: TrustPolicy,
        profile: Profile,
        link_checks: LinkChecks,
        crls: CrlStore,
    ) -> Self {
        let community = Community {
            id: "fuzz".to_owned(),
            uri: "https://community.example.net/udap".to_owned(),
            trust,
            profile,
            contact_match: ContactMatch::Registrable,
            allow_client_credentials: true,
            allow_http_pages: false,
            link_checks,
            enable: EnablePolicy::Patient,
            ceiling: None,
            sites: None,
            client_uri_prefixes: Vec::new(),
            certifications: vec![RecognisedCertification {
                uri: SELF_DECLARED.to_owned(),
                required: false,
                certifiers: Certifiers::App,
            }],
            b2b: B2bPolicy::default(),
        };
        let site = Site {
            id: "default".to_owned(),
            fhir_base_url: "https://emr.example.org/apis/default/fhir".to_owned(),
            registration_endpoint: ENDPOINT.to_owned(),
            authorization_endpoint: Some(
                "https://emr.example.org/oauth2/default/authorize".to_owned(),
            ),
            token_endpoint: "https://emr.example.org/udap/default/token".to_owned(),
            token_mode: TokenMode::Gateway,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            verifies_code_assertions: true,
            require_pkce: false,
        };
        let registrar = Registrar::new(
            vec![site],
            vec![community],
            Arc::new(CertvalJudge::new()),
            Duration::seconds(60),
        )
        .expect("one site and one community go together");
        let site = registrar.site("default").expect("it is there").clone();
        Self {
            registrar,
            site,
            crls,
        }
    }

    /// Takes a request to its end: nothing is fetched, nothing is held against the client, all its
    /// links are live, all certifiers stand to what they certified.
    #[must_use]
    pub fn post(&self, body: &[u8]) -> End {
        let mut step = self.registrar.start(&self.site, body, &self.crls, NOW);
        for _ in 0..16 {
            step = match step {
                Step::NeedTrust(need) => {
                    assert!(!need.needs().is_empty());
                    need.supply(&self.registrar, Fetched::default(), &self.crls, NOW)
                }
                Step::NeedStanding(need) => need.supply(&self.registrar, Standing::Clear),
                Step::NeedLinks(need) => {
                    let live = |link: &Link| LinkReport {
                        link: link.clone(),
                        fault: None,
                    };
                    let reports: Vec<LinkReport> = need.links().iter().map(live).collect();
                    need.supply(&reports)
                }
                Step::NeedCertifications(need) => {
                    need.supply(&self.registrar, Fetched::default(), &self.crls, NOW)
                }
                Step::NeedCertificationStatus(need) => {
                    let valid = Some(br#"{"valid":true}"#.to_vec());
                    let answers = vec![valid; need.queries().len()];
                    need.supply(&answers)
                }
                Step::Register(approved) => return End::Register(approved),
                Step::Cancel(cancellation) => return End::Cancel(cancellation),
                Step::Refused(refusal) => return End::Refused(None, refusal),
                Step::RefusedAfterTrust(statement, refusal) => {
                    return End::Refused(Some(statement), refusal);
                }
            };
        }
        panic!("a request comes to no end");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use udap::trust::{Evidence, Outcome, evaluate};

    use serde_json::json;
    use udap::trust::RevocationMode;

    use super::*;
    use crate::der;
    use crate::world::{certificate, crl, trust, world};

    fn seed(path: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::read(folder.join(path)).unwrap()
    }

    /// The community that signed the seeds of `registration`.
    fn fixture() -> Desk {
        let crls = ["fixtures/root.crl", "fixtures/intermediate.crl"];
        let crls = crls.map(|path| Arc::new(crl(&seed(path)))).to_vec();
        let root = certificate(&seed("fixtures/root.der"));
        Desk::new(
            trust(root, Vec::new(), RevocationMode::Required),
            Profile::Hl7,
            LinkChecks::Off,
            CrlStore::new(crls),
        )
    }

    #[test]
    fn good_requests_get_through_to_the_end() {
        let desk = fixture();
        for name in ["client-credentials", "authorization-code", "certifications"] {
            let end = desk.post(&seed(&format!("corpus/registration/{name}")));
            assert!(matches!(end, End::Register(_)), "{name}: {end:?}");
        }
        let end = desk.post(&seed("corpus/registration/cancellation"));
        assert!(matches!(end, End::Cancel(_)), "{end:?}");
        let end = desk.post(&seed("corpus/registration/no-contacts"));
        assert!(matches!(end, End::Refused(Some(_), _)), "{end:?}");
    }

    #[test]
    fn good_claims_get_through_under_a_signature_of_this_process() {
        let trust = world().trust(RevocationMode::Required, true);
        let desk = Desk::new(trust, Profile::EmrDirect, LinkChecks::On, world().crls());
        let payload = seed("corpus/statement/emr-direct");
        let token = world().token(world().header().to_string().as_bytes(), &payload);
        let body = json!({ "udap": "1", "software_statement": token }).to_string();
        let end = desk.post(body.as_bytes());
        assert!(matches!(end, End::Register(_)), "{end:?}");
    }

    #[test]
    fn good_paths_and_lists_hold_once_they_are_filled_in_and_signed() {
        let world = world();
        let parts = world.fill(&seed("corpus/path/two"));
        let [leaf, issuer] = der::elements(&parts)[..] else {
            panic!("two certificates");
        };
        let leaf = certificate(&world.by_intermediate(leaf));
        let candidates = [certificate(&world.by_root(issuer))];
        let lists = world.fill(&seed("corpus/revocation/good"));
        let [low, high] = der::elements(&lists)[..] else {
            panic!("two lists");
        };
        let lists = [world.by_intermediate(low), world.by_root(high)];
        let crls = CrlStore::new(lists.iter().map(|der| Arc::new(crl(der))).collect());
        let evidence = Evidence {
            candidates: &candidates,
            crls: &crls,
            ocsp: &[],
            tried: &BTreeSet::new(),
        };
        let policy = world.trust(RevocationMode::Required, false);
        let outcome = evaluate(&CertvalJudge::new(), &policy, &leaf, &evidence, NOW);
        assert!(matches!(outcome, Outcome::Trusted(_)), "{outcome:?}");
    }
}
