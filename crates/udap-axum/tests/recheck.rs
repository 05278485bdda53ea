//! Which clients a pass switches off, and when it stops.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::certification::NoStatuses;
use udap::community::Community;
use udap::discovery::MetadataSigner;
use udap::enable::EnablePolicy;
use udap::jws::Signer;
use udap::registrar::Registrar;
use udap::registry::{
    CheckResult, LiveRegistration, Position, RecheckRegistry, RegistryError, TrustOff,
};
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Fetched, KnownCrls, NoCrlAddress, NoFetching, RevocationMode,
    RevokedCertificate, TrustFetcher, TrustNeed, TrustPolicy, TrustStore,
};
use udap_axum::{
    Environment, HeldBack, NoLinkChecks, PassReport, RateLimits, Rechecker, Rules, Service,
    ServiceParts, SiteSigner, TrustedProxies,
};
use udap_store::SqliteRegistry;
use udap_testkit::{CommunityOptions, TestCommunity, TestLeaf};

const START: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const BASE: &str = "https://emr.example.org/apis/default/fhir";
const URI: &str = "https://one.example.net/udap";
const GRACE: Duration = Duration::hours(72);

thread_local! {
    /// Each test runs on a thread of its own.
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn now() -> OffsetDateTime {
    START + CLOCK.get()
}

/// What was recorded of which client.
type Recorded = Vec<(String, CheckResult)>;

/// Registrations in memory, and what was recorded of them.
#[derive(Default)]
struct Records {
    live: Mutex<Vec<LiveRegistration>>,
    recorded: Mutex<Recorded>,
    /// Clients of whom nothing can be recorded.
    broken: Mutex<Vec<String>>,
    /// Clients whose rows somebody keeps locked.
    locked: Mutex<Vec<String>>,
}

#[async_trait]
impl RecheckRegistry for Records {
    async fn live(
        &self,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError> {
        let live = self.live.lock().unwrap();
        let rest = live
            .iter()
            .filter(|one| after.is_none_or(|after| one.position > after));
        Ok(rest.take(limit as usize).cloned().collect())
    }

    async fn live_client(
        &self,
        client_id: &str,
    ) -> Result<Option<LiveRegistration>, RegistryError> {
        let live = self.live.lock().unwrap();
        Ok(live.iter().find(|one| one.client_id == client_id).cloned())
    }

    async fn expired(
        &self,
        at: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<LiveRegistration>, RegistryError> {
        let live = self.live.lock().unwrap();
        let expired = live
            .iter()
            .filter(|one| one.certificate.not_after() < at && one.trust_off.is_none());
        Ok(expired.take(limit as usize).cloned().collect())
    }

    async fn listed(&self, crl: &Crl) -> Result<Vec<LiveRegistration>, RegistryError> {
        let live = self.live.lock().unwrap();
        let is_listed = |one: &&LiveRegistration| {
            crl.names_issuer_of(&one.certificate) && crl.revokes_serial(one.certificate.serial())
        };
        Ok(live.iter().filter(is_listed).cloned().collect())
    }

    async fn record_check(
        &self,
        registration: &LiveRegistration,
        result: &CheckResult,
        now: OffsetDateTime,
    ) -> Result<bool, RegistryError> {
        let mut live = self.live.lock().unwrap();
        if self
            .broken
            .lock()
            .unwrap()
            .contains(&registration.client_id)
        {
            return Err(RegistryError::Internal("a broken row".into()));
        }
        if self
            .locked
            .lock()
            .unwrap()
            .contains(&registration.client_id)
        {
            return Err(RegistryError::Unavailable("a locked row".into()));
        }
        let one = live
            .iter_mut()
            .find(|one| one.client_id == registration.client_id)
            .ok_or(RegistryError::NotRegistered)?;
        one.checked_at = now;
        match result {
            CheckResult::Good => one.good_at = now,
            CheckResult::Unsettled => {}
            CheckResult::Revoked(_) => one.trust_off = Some(TrustOff::Revoked),
            CheckResult::Off(reason) => one.trust_off = Some(*reason),
        }
        one.enabled = one.trust_off.is_none();
        let enabled = one.enabled;
        drop(live);
        let mut recorded = self.recorded.lock().unwrap();
        recorded.push((registration.client_id.clone(), result.clone()));
        Ok(enabled)
    }
}

struct World {
    community: TestCommunity,
    records: Arc<Records>,
    service: Arc<Service>,
    rechecker: Rechecker,
}

impl World {
    /// A community whose CRLs are known, and which is asked for them.
    async fn new() -> Self {
        let community = TestCommunity::new("one", START);
        let service = Arc::new(service(&community).await);
        let crls = community.crls();
        service.crls().add(crls.iter().map(|der| crl(der)));
        let records = Arc::new(Records::default());
        let rechecker = Rechecker::new(Arc::clone(&service), Arc::clone(&records) as _, GRACE);
        Self {
            community,
            records,
            service,
            rechecker,
        }
    }

    fn register(&self, leaf: &TestLeaf) -> String {
        let mut live = self.records.live.lock().unwrap();
        let number = live.len();
        let client_id = format!("client-{number}");
        let chain = leaf.intermediates().iter();
        live.push(LiveRegistration {
            client_id: client_id.clone(),
            site: "default".to_owned(),
            community_uri: URI.to_owned(),
            certificate: Certificate::from_der(leaf.der()).unwrap(),
            chain: chain
                .map(|der| Certificate::from_der(der).unwrap())
                .collect(),
            trust_off: None,
            enabled: true,
            good_at: START,
            checked_at: START,
            position: Position {
                registered_at: 0,
                id: i64::try_from(number).unwrap(),
            },
        });
        client_id
    }

    fn register_many(&self, clients: usize) {
        let leaf = self.community.client("https://app.example.org/");
        for _ in 0..clients {
            self.register(&leaf);
        }
    }

    async fn pass(&self) -> PassReport {
        self.rechecker.pass(now(), false).await.unwrap()
    }

    fn off(&self) -> Vec<(String, TrustOff)> {
        let live = self.records.live.lock().unwrap();
        let off = live.iter().filter(|one| !one.enabled);
        off.map(|one| (one.client_id.clone(), one.trust_off.unwrap()))
            .collect()
    }

    fn takes(&self) -> Recorded {
        std::mem::take(&mut self.records.recorded.lock().unwrap())
    }
}

fn crl(der: &[u8]) -> Arc<Crl> {
    Arc::new(Crl::from_der(der).unwrap())
}

async fn service(of: &TestCommunity) -> Service {
    with_fetcher(of, Arc::new(NoFetching)).await
}

async fn with_fetcher(of: &TestCommunity, fetcher: Arc<dyn TrustFetcher>) -> Service {
    let leaf = of.leaf(BASE).server().build();
    let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
    let signer = Signer::from_pem(Algorithm::Rs256, leaf.key().pem().as_bytes(), &chain).unwrap();
    let signer = MetadataSigner::new(signer, chain[0].clone(), Duration::hours(24));
    Service::new(ServiceParts {
        rules: rules(signer, of),
        registry: Arc::new(SqliteRegistry::open_in_memory(Vec::new()).await.unwrap()),
        fetcher,
        links: Arc::new(NoLinkChecks),
        statuses: Arc::new(NoStatuses),
        crls: KnownCrls::new(CrlStore::default()),
        limits: RateLimits::new(0, 0),
        proxies: TrustedProxies::default(),
        tokens: None,
        environment: Environment {
            now,
            random_id: || "id".to_owned(),
        },
        default_for_unknown: false,
    })
}

fn rules(signer: MetadataSigner, anchored: &TestCommunity) -> Rules {
    let root = Certificate::from_der(anchored.root().der()).unwrap();
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: BASE.to_owned(),
        registration_endpoint: "https://emr.example.org/udap/default/register".to_owned(),
        authorization_endpoint: None,
        token_endpoint: "https://emr.example.org/udap/default/token".to_owned(),
        token_mode: TokenMode::Gateway,
        scopes: vec!["system/Patient.read".to_owned()],
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let community = Community {
        id: "one".to_owned(),
        uri: URI.to_owned(),
        trust: TrustPolicy {
            store: TrustStore::new(vec![root], Vec::new(), Vec::new()).unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Accept,
            aia: false,
            ocsp: false,
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
    };
    let judge = Arc::new(CertvalJudge::new());
    let registrar = Registrar::new(vec![site], vec![community], judge, Duration::seconds(60));
    let signer = SiteSigner {
        site: "default".to_owned(),
        community: "one".to_owned(),
        signer: Arc::new(signer),
    };
    Rules::new(registrar.unwrap(), vec![signer]).unwrap()
}

/// Proves: C30
#[tokio::test]
async fn a_trusted_client_stays_on_and_an_expired_one_goes_off() {
    let world = World::new().await;
    let good = world.register(&world.community.client("https://app.example.org/"));
    let leaf = world.community.leaf("https://brief.example.org/");
    let end = START + Duration::HOUR;
    let brief = world.register(&leaf.validity(START - Duration::HOUR, end).build());
    let report = world.pass().await;
    assert_eq!((report.checked, report.good), (2, 2));
    CLOCK.set(Duration::HOUR + Duration::SECOND);
    assert_eq!(world.rechecker.expire().await.unwrap(), 1);
    assert_eq!(world.off(), [(brief, TrustOff::Expired)]);
    // A pass finds the same, and leaves it.
    let report = world.pass().await;
    assert_eq!((report.checked, report.good), (2, 1));
    assert!(report.switched_off.is_empty() && report.unsettled == 0);
    assert!(
        world
            .takes()
            .iter()
            .filter(|(id, _)| *id == good)
            .all(|(_, result)| *result == CheckResult::Good)
    );
}

/// Proves: C30, C19
#[tokio::test]
async fn a_new_list_switches_off_whom_it_names_at_once() {
    let world = World::new().await;
    let leaf = world.community.client("https://app.example.org/");
    let (named, other) = (
        world.register(&leaf),
        world.register(&world.community.client("https://other.example.org/")),
    );
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 0);
    world.community.revoke(&leaf);
    let lists = world.community.crls();
    world.service.crls().add(lists.iter().map(|der| crl(der)));
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 1);
    assert_eq!(world.off(), [(named.clone(), TrustOff::Revoked)]);
    let recorded = world.takes();
    let revoked = Certificate::from_der(leaf.der()).unwrap();
    let issuer = Certificate::from_der(world.community.intermediate().der()).unwrap();
    let revoked = RevokedCertificate::new(&revoked, &issuer);
    assert_eq!(recorded, [(named, CheckResult::Revoked(Box::new(revoked)))]);
    // The same lists are not compared again.
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 0);
    assert!(world.takes().is_empty(), "{other} was not looked at");
}

/// Proves: C30
#[tokio::test]
async fn a_row_that_somebody_keeps_locked_keeps_nobody_else_on() {
    let world = World::new().await;
    let leaves: Vec<_> = (0..5)
        .map(|number| {
            let uri = format!("https://app{number}.example.org/");
            world.community.client(&uri)
        })
        .collect();
    let ids: Vec<_> = leaves.iter().map(|leaf| world.register(leaf)).collect();
    for leaf in &leaves {
        world.community.revoke(leaf);
    }
    let lists = world.community.crls();
    world.service.crls().add(lists.iter().map(|der| crl(der)));
    *world.records.locked.lock().unwrap() = ids[..2].to_vec();
    let first = world.rechecker.take_up_crls().await;
    assert!(matches!(first, Err(RegistryError::Unavailable(_))));
    assert_eq!(world.off().len(), 3);
    // The lists are compared again, until all is done.
    world.records.locked.lock().unwrap().clear();
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 2);
    assert_eq!(world.off().len(), 5);
    // A registry that is away is not asked about each of its clients.
    let world = World::new().await;
    world.register_many(6);
    let all: Vec<_> = (world.records.live.lock().unwrap().iter())
        .map(|one| one.client_id.clone())
        .collect();
    *world.records.locked.lock().unwrap() = all;
    let pass = world.rechecker.pass(START, false).await;
    assert!(matches!(pass, Err(RegistryError::Unavailable(_))));
}

/// Proves: C30
#[tokio::test]
async fn one_that_registered_while_a_list_arrived_is_looked_at_until_that_is_recorded() {
    let world = World::new().await;
    let leaf = world.community.client("https://app.example.org/");
    world.community.revoke(&leaf);
    let lists = world.community.crls();
    world.service.crls().add(lists.iter().map(|der| crl(der)));
    // The list is compared before the client is there.
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 0);
    let id = world.register(&leaf);
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 0);
    world.service.note_hasty(&id);
    *world.records.locked.lock().unwrap() = vec![id.clone()];
    let locked = world.rechecker.take_up_crls().await;
    assert!(matches!(locked, Err(RegistryError::Unavailable(_))));
    assert!(world.off().is_empty());
    world.records.locked.lock().unwrap().clear();
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 1);
    assert_eq!(world.off(), [(id, TrustOff::Revoked)]);
}

/// Proves: C19
#[tokio::test]
async fn a_list_that_a_stranger_signed_switches_nobody_off() {
    let world = World::new().await;
    let leaf = world.community.client("https://app.example.org/");
    world.register(&leaf);
    // Of the CA's very name.
    let stranger = TestCommunity::new("one", START);
    let forged = stranger.crl(stranger.intermediate()).revoke(leaf.serial());
    world.service.crls().add([crl(&forged.build())]);
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 0);
    assert_eq!(world.pass().await.good, 1);
    assert!(world.off().is_empty());
}

#[tokio::test]
async fn a_revoked_intermediate_takes_its_clients_with_it() {
    let world = World::new().await;
    world.register_many(30);
    let ca = world.community.intermediate();
    let list = world
        .community
        .crl(world.community.root())
        .revoke(ca.serial());
    world.service.crls().add([crl(&list.build())]);
    // However many: a revocation is verified, and no brake holds it.
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("revoked"), Some(&30));
    let intermediate = Certificate::from_der(ca.der()).unwrap();
    let root = Certificate::from_der(world.community.root().der()).unwrap();
    let revoked = RevokedCertificate::new(&intermediate, &root);
    let result = CheckResult::Revoked(Box::new(revoked));
    assert!(
        world
            .takes()
            .iter()
            .all(|(_, recorded)| *recorded == result)
    );
}

#[tokio::test]
async fn an_unknown_status_is_borne_for_the_grace_and_no_longer() {
    let world = World::new().await;
    world.register_many(1);
    // The lists lapse after seven days.
    CLOCK.set(Duration::days(6));
    assert_eq!(world.pass().await.good, 1);
    CLOCK.set(Duration::days(6) + GRACE);
    let report = world.pass().await;
    assert_eq!((report.unsettled, world.off().len()), (1, 0));
    CLOCK.set(Duration::days(6) + GRACE + Duration::SECOND);
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("unknown"), Some(&1));
    assert_eq!(world.off()[0].1, TrustOff::Unknown);
}

fn another_anchor(world: &World) {
    let other = TestCommunity::new("other", START);
    let leaf = world.community.leaf(BASE).server().build();
    let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
    let signer = Signer::from_pem(Algorithm::Rs256, leaf.key().pem().as_bytes(), &chain).unwrap();
    let signer = MetadataSigner::new(signer, chain[0].clone(), Duration::hours(24));
    world.service.replace_rules(rules(signer, &other)).unwrap();
}

#[tokio::test]
async fn few_that_are_no_longer_trusted_go_off() {
    let world = World::new().await;
    world.register_many(10);
    another_anchor(&world);
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("untrusted"), Some(&10));
    assert!(report.held_back.is_empty());
}

#[tokio::test]
async fn many_that_are_no_longer_trusted_stay_on_until_somebody_insists() {
    let world = World::new().await;
    world.register_many(11);
    another_anchor(&world);
    let report = world.pass().await;
    let held = HeldBack {
        community: URI.to_owned(),
        clients: 11,
        of: 11,
    };
    assert_eq!(report.held_back, [held]);
    assert!(world.off().is_empty() && report.switched_off.is_empty());
    let forced = world.rechecker.pass(now(), true).await.unwrap();
    assert_eq!(forced.switched_off.get("untrusted"), Some(&11));
    assert_eq!(world.off().len(), 11);
}

#[tokio::test]
async fn a_small_part_of_a_large_community_goes_off() {
    let world = World::new().await;
    let stranger = TestCommunity::new("stranger", START);
    let leaf = stranger.client("https://app.example.org/");
    world.register_many(48);
    for _ in 0..12 {
        world.register(&leaf);
    }
    // Twelve of sixty are a fifth, and no more.
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("untrusted"), Some(&12));
}

#[tokio::test]
async fn a_community_that_is_gone_leaves_nobody_trusted() {
    let world = World::new().await;
    world.register_many(2);
    for one in world.records.live.lock().unwrap().iter_mut() {
        one.community_uri = "https://gone.example.net/udap".to_owned();
    }
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("untrusted"), Some(&2));
}

#[tokio::test]
async fn a_pass_that_was_interrupted_is_resumed() {
    let world = World::new().await;
    world.register_many(3);
    CLOCK.set(Duration::HOUR);
    let looked_at = world.records.live.lock().unwrap()[0].clone();
    let good = CheckResult::Good;
    world
        .records
        .record_check(&looked_at, &good, now())
        .await
        .unwrap();
    let report = world
        .rechecker
        .pass(now() - Duration::minutes(30), false)
        .await
        .unwrap();
    assert_eq!(report.checked, 2);
}

#[tokio::test]
async fn one_that_cannot_be_recorded_does_not_keep_the_others_from_being_looked_at() {
    let world = World::new().await;
    world.register_many(3);
    let broken = "client-0".to_owned();
    world.records.broken.lock().unwrap().push(broken);
    let ca = world.community.intermediate();
    let list = world
        .community
        .crl(world.community.root())
        .revoke(ca.serial());
    world.service.crls().add([crl(&list.build())]);
    let report = world.pass().await;
    assert_eq!(report.switched_off.get("revoked"), Some(&2));
    CLOCK.set(Duration::days(4_000));
    assert_eq!(world.rechecker.expire().await.unwrap(), 0);
}

/// Fetches for ever.
struct Tarpit;

#[async_trait]
impl TrustFetcher for Tarpit {
    async fn fetch(
        &self,
        _needs: &[TrustNeed],
        _now: OffsetDateTime,
        _time_left: std::time::Duration,
    ) -> Fetched {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_a_new_list_names_is_judged_without_the_network() {
    let community = TestCommunity::with(
        CommunityOptions::new("one").published_at("http://pki.example.org"),
        START,
    );
    let service = Arc::new(with_fetcher(&community, Arc::new(Tarpit)).await);
    let records = Arc::new(Records::default());
    let rechecker = Rechecker::new(Arc::clone(&service), Arc::clone(&records) as _, GRACE);
    let world = World {
        community,
        records,
        service,
        rechecker,
    };
    let (revoked, other) = (
        world.community.client("https://app.example.org/"),
        world.community.client("https://other.example.org/"),
    );
    let (named, _) = (world.register(&revoked), world.register(&other));
    // A stranger's list names both, the CA's own only one; the root's is not known.
    let stranger = TestCommunity::new("one", START);
    let forged = stranger.crl(stranger.intermediate());
    let forged = forged.revoke(revoked.serial()).revoke(other.serial());
    let of = &world.community;
    let own = of.crl(of.intermediate()).revoke(revoked.serial());
    let lists = [crl(&forged.build()), crl(&own.build())];
    world.service.crls().add(lists);
    assert_eq!(world.rechecker.take_up_crls().await.unwrap(), 1);
    assert_eq!(world.off(), [(named, TrustOff::Revoked)]);
}
