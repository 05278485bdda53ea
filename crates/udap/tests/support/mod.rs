//! A registrar with one or more test communities, driven without I/O.
#![expect(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::certification::StatusQuery;
use udap::community::Community;
use udap::enable::EnablePolicy;
use udap::error::Refusal;
use udap::registrar::{LinkReport, Registrar, Step};
use udap::registry::Standing;
use udap::rules::{ContactMatch, Link, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::statement::{ApprovedRegistration, Cancellation};
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Fetched, NoCrlAddress, RevocationMode, TrustNeed, TrustPolicy,
    TrustStore,
};
use udap_testkit::{StatementBuilder, TestCommunity};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub(crate) const ENDPOINT: &str = "https://emr.example.org/udap/default/register";
pub(crate) const APP: &str = "https://app.example.org/";

pub(crate) struct World {
    pub(crate) registrar: Registrar,
    pub(crate) crls: CrlStore,
    pub(crate) site: Arc<Site>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Register(Box<ApprovedRegistration>),
    Cancel(Box<Cancellation>),
    Refused(Refusal),
    RefusedAfterTrust(Refusal),
}

impl Verdict {
    pub(crate) fn approved(self) -> ApprovedRegistration {
        match self {
            Self::Register(approved) => *approved,
            other => panic!("not approved: {other:?}"),
        }
    }

    /// Error code and the rules that are broken.
    pub(crate) fn refusal(&self) -> (&'static str, Vec<&'static str>) {
        let refusal = match self {
            Self::Refused(refusal) | Self::RefusedAfterTrust(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        };
        (
            refusal.code().as_str(),
            refusal.violations().iter().map(|one| one.rule).collect(),
        )
    }

    pub(crate) fn spends(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

pub(crate) fn site(token_mode: TokenMode) -> Site {
    Site {
        id: "default".to_owned(),
        fhir_base_url: "https://emr.example.org/apis/default/fhir".to_owned(),
        registration_endpoint: ENDPOINT.to_owned(),
        authorization_endpoint: Some("https://emr.example.org/oauth2/default/authorize".to_owned()),
        token_endpoint: "https://emr.example.org/oauth2/default/token".to_owned(),
        token_mode,
        scopes: [
            "openid",
            "fhirUser",
            "launch/patient",
            "offline_access",
            "patient/Patient.read",
            "user/Patient.read",
            "system/Patient.read",
            "system/Observation.read",
        ]
        .map(str::to_owned)
        .to_vec(),
        verifies_code_assertions: true,
        require_pkce: false,
    }
}

pub(crate) fn certificates(community: &TestCommunity) -> (Vec<Certificate>, Vec<Certificate>) {
    let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
    (
        vec![parse(community.root().der())],
        vec![parse(community.intermediate().der())],
    )
}

/// A community whose intermediate is configured, with the HL7 profile.
pub(crate) fn community(of: &TestCommunity) -> Community {
    let (anchors, intermediates) = certificates(of);
    Community {
        id: of.name().to_owned(),
        uri: format!("https://{}.example.net/udap", of.name()),
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
        b2b: udap::token::B2bPolicy::default(),
    }
}

pub(crate) fn crl_store(of: &[&TestCommunity]) -> CrlStore {
    CrlStore::new(
        of.iter()
            .flat_map(|community| community.crls())
            .map(|der| Arc::new(Crl::from_der(&der).unwrap()))
            .collect(),
    )
}

impl World {
    pub(crate) fn new(of: &TestCommunity) -> Self {
        Self::with(TokenMode::Gateway, vec![community(of)], crl_store(&[of]))
    }

    pub(crate) fn with(token_mode: TokenMode, communities: Vec<Community>, crls: CrlStore) -> Self {
        let registrar = Registrar::new(
            vec![site(token_mode)],
            communities,
            Arc::new(CertvalJudge::new()),
            Duration::seconds(60),
        )
        .unwrap();
        let site = Arc::clone(registrar.site("default").unwrap());
        Self {
            registrar,
            crls,
            site,
        }
    }

    pub(crate) fn post(&self, statement: &StatementBuilder) -> Verdict {
        self.post_body(&statement.request())
    }

    pub(crate) fn post_body(&self, body: &Value) -> Verdict {
        self.post_bytes(body.to_string().as_bytes()).0
    }

    /// As [`post`](Self::post), with these reports on the app's links.
    pub(crate) fn post_with_links(
        &self,
        statement: &StatementBuilder,
        visit: impl Fn(&[Link]) -> Vec<LinkReport>,
    ) -> Verdict {
        let body = statement.request().to_string();
        self.run(body.as_bytes(), visit).0
    }

    /// Runs a request to its end with nothing fetched; also what was asked for.
    pub(crate) fn post_bytes(&self, body: &[u8]) -> (Verdict, Vec<TrustNeed>) {
        self.run(body, |_| Vec::new())
    }

    fn run(
        &self,
        body: &[u8],
        visit: impl Fn(&[Link]) -> Vec<LinkReport>,
    ) -> (Verdict, Vec<TrustNeed>) {
        let mut asked = Vec::new();
        let fetch = |needs: &[TrustNeed]| {
            asked.extend(needs.iter().cloned());
            Fetched::default()
        };
        let verdict = self.drive_visiting(body, fetch, |queries| vec![None; queries.len()], visit);
        (verdict, asked)
    }

    /// Runs a request to its end with what these bring.
    pub(crate) fn drive(
        &self,
        body: &[u8],
        fetch: impl FnMut(&[TrustNeed]) -> Fetched,
        statuses: impl FnMut(&[StatusQuery]) -> Vec<Option<Vec<u8>>>,
    ) -> Verdict {
        self.drive_visiting(body, fetch, statuses, |_| Vec::new())
    }

    fn drive_visiting(
        &self,
        body: &[u8],
        mut fetch: impl FnMut(&[TrustNeed]) -> Fetched,
        mut statuses: impl FnMut(&[StatusQuery]) -> Vec<Option<Vec<u8>>>,
        visit: impl Fn(&[Link]) -> Vec<LinkReport>,
    ) -> Verdict {
        let mut crls = self.crls.clone();
        let mut step = self.registrar.start(&self.site, body, &crls, NOW);
        loop {
            step = match step {
                Step::NeedTrust(need) => {
                    let fetched = fetch(need.needs());
                    crls = (fetched.crls.iter()).fold(crls, |all, one| all.with(Arc::clone(one)));
                    need.supply(&self.registrar, fetched, &crls, NOW)
                }
                Step::NeedStanding(need) => need.supply(&self.registrar, Standing::Clear),
                Step::NeedLinks(need) => {
                    let reports = visit(need.links());
                    need.supply(&reports)
                }
                Step::NeedCertifications(need) => {
                    let fetched = match need.needs() {
                        [] => Fetched::default(),
                        needs => fetch(needs),
                    };
                    crls = (fetched.crls.iter()).fold(crls, |all, one| all.with(Arc::clone(one)));
                    need.supply(&self.registrar, fetched, &crls, NOW)
                }
                Step::NeedCertificationStatus(need) => {
                    let answers = statuses(need.queries());
                    need.supply(&answers)
                }
                Step::Refused(refusal) => return Verdict::Refused(refusal),
                Step::RefusedAfterTrust(_, refusal) => return Verdict::RefusedAfterTrust(refusal),
                Step::Register(approved) => return Verdict::Register(approved),
                Step::Cancel(cancellation) => return Verdict::Cancel(cancellation),
            };
        }
    }
}
