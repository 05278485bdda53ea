//! A server of revocation lists and what keeps them.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "no test needs all of it"
)]
#![allow(unreachable_pub, reason = "compiled into several programs")]

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::registry::{CrlArchive, CrlRecord, CrlVersion, RegistryError};
use udap::trust::{
    CertvalJudge, CrlNeed, CrlStore, Evidence, KnownCrls, NoCrlAddress, Outcome, RevocationMode,
    TrustNeed, TrustPolicy, TrustStore, evaluate,
};
use udap_fetch::crls::Crls;
use udap_fetch::{AllowHost, FetchOptions, Fetcher};
use udap_testkit::{CommunityOptions, TestCommunity, TestLeaf};

pub const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub const REFRESH: Duration = Duration::from_secs(3600);

/// Serves lists by path, and remembers what was asked.
#[derive(Clone, Default)]
pub struct Publisher {
    pub lists: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    pub asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pub delay: Arc<Mutex<Duration>>,
    /// A path that never answers.
    pub hangs: Arc<Mutex<Option<String>>>,
}

impl Publisher {
    pub async fn start() -> (Self, String) {
        let publisher = Self::default();
        let handler = publisher.clone();
        let routes = Router::new().fallback(move |request: Request| {
            let publisher = handler.clone();
            let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
            async move { publisher.answer(path, headers).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (publisher, format!("http://{address}"))
    }

    async fn answer(&self, path: String, headers: HeaderMap) -> Response {
        let had = headers.get("if-none-match").cloned();
        self.asked.lock().unwrap().push((path.clone(), headers));
        if self.hangs.lock().unwrap().as_ref() == Some(&path) {
            std::future::pending::<()>().await;
        }
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        let Some(list) = self.lists.lock().unwrap().get(&path).cloned() else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let tag = format!(
            "\"{}\"",
            list.iter().map(|octet| u64::from(*octet)).sum::<u64>()
        );
        if had.is_some_and(|had| had == *tag) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", tag)], list).into_response()
    }

    pub fn publish(&self, community: &TestCommunity) {
        let mut lists = self.lists.lock().unwrap();
        for (name, content) in community.published() {
            lists.insert(format!("/{name}"), content);
        }
    }

    pub fn put(&self, path: &str, content: Vec<u8>) {
        let mut lists = self.lists.lock().unwrap();
        lists.insert(path.to_owned(), content);
    }

    pub fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// An archive in memory, and how often a list was read from it. An empty one is a broken row.
#[derive(Default)]
pub struct Memory(
    pub Mutex<HashMap<(String, [u8; 32]), CrlRecord>>,
    pub Mutex<usize>,
);

#[async_trait]
impl CrlArchive for Memory {
    async fn put_crl(&self, crl: &CrlRecord) -> Result<bool, RegistryError> {
        let mut records = self.0.lock().unwrap();
        records.insert((crl.url.clone(), crl.issuer_key), crl.clone());
        Ok(true)
    }

    async fn crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
    ) -> Result<Option<CrlRecord>, RegistryError> {
        let reads = &mut *self.1.lock().unwrap();
        *reads += 1;
        let record = self
            .0
            .lock()
            .unwrap()
            .get(&(url.to_owned(), *issuer_key))
            .cloned();
        match record {
            Some(record) if record.der.is_empty() => {
                Err(RegistryError::Internal("a broken row".into()))
            }
            record => Ok(record),
        }
    }

    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError> {
        let records = self.0.lock().unwrap();
        let version = |record: &CrlRecord| CrlVersion {
            url: record.url.clone(),
            issuer_key: record.issuer_key,
            digest: *udap::trust::Crl::from_der(&record.der)
                .map_or([0; 32], |crl| *crl.fingerprint())
                .first_chunk()
                .unwrap(),
            next_update: record.next_update,
            fetched_at: record.fetched_at,
        };
        Ok(records.values().map(version).collect())
    }

    async fn confirm_crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
        at: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        let key = (url.to_owned(), *issuer_key);
        if let Some(record) = self.0.lock().unwrap().get_mut(&key) {
            record.fetched_at = at;
        }
        Ok(())
    }

    async fn remove_crl(&self, url: &str, issuer_key: &[u8; 32]) -> Result<bool, RegistryError> {
        let key = (url.to_owned(), *issuer_key);
        Ok(self.0.lock().unwrap().remove(&key).is_some())
    }
}

pub struct World {
    pub publisher: Publisher,
    pub base: String,
    pub community: TestCommunity,
    pub archive: Arc<Memory>,
    pub known: KnownCrls,
    pub crls: Crls,
}

impl World {
    pub async fn new() -> Self {
        let (publisher, base) = Publisher::start().await;
        let community = community("one", &base);
        publisher.publish(&community);
        let archive = Arc::new(Memory::default());
        let known = KnownCrls::default();
        let crls = crls(&archive, &known);
        Self {
            publisher,
            base,
            community,
            archive,
            known,
            crls,
        }
    }

    pub async fn obtain(&self, need: &CrlNeed) -> usize {
        let deadline = Instant::now() + Duration::from_secs(10);
        self.crls.obtain(need, NOW, deadline).await.len()
    }
}

pub fn community(name: &str, base: &str) -> TestCommunity {
    TestCommunity::with(CommunityOptions::new(name).published_at(base), NOW)
}

pub fn crls(archive: &Arc<Memory>, known: &KnownCrls) -> Crls {
    let options = FetchOptions {
        allow_hosts: vec![AllowHost::parse("127.0.0.1").unwrap()],
        ..FetchOptions::default()
    };
    let fetcher = Fetcher::new(&options).unwrap();
    Crls::new(fetcher, Arc::clone(archive) as _, known.clone(), REFRESH)
}

/// What the core asks for about a leaf: its own status first.
pub fn needs(community: &TestCommunity, leaf: &TestLeaf) -> Vec<CrlNeed> {
    let decode = |der: &[u8]| Certificate::from_der(der).unwrap();
    let policy = TrustPolicy {
        store: TrustStore::new(vec![decode(community.root().der())], Vec::new(), Vec::new())
            .unwrap(),
        revocation: RevocationMode::Required,
        no_crl_address: NoCrlAddress::Accept,
        aia: false,
        ocsp: false,
    };
    let evidence = Evidence {
        candidates: &[decode(community.intermediate().der())],
        crls: &CrlStore::default(),
        ocsp: &[],
        tried: &BTreeSet::new(),
    };
    match evaluate(
        &CertvalJudge::new(),
        &policy,
        &decode(leaf.der()),
        &evidence,
        NOW,
    ) {
        Outcome::Need(needs) => needs
            .into_iter()
            .map(|need| match need {
                TrustNeed::Crl(need) => need,
                other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

pub fn need(community: &TestCommunity) -> CrlNeed {
    let leaf = community.client("https://app.example.org/");
    needs(community, &leaf).remove(0)
}

/// The fingerprint of the key of a need's issuer.
pub fn key(need: &CrlNeed) -> [u8; 32] {
    *need.issuer().key().unwrap().fingerprint()
}

/// What the archive has for a need.
pub async fn stored(world: &World, need: &CrlNeed) -> Option<CrlRecord> {
    world
        .archive
        .crl(&need.urls()[0], &key(need))
        .await
        .unwrap()
}
