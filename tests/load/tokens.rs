//! How many tokens the built server's gateway brings, beside OpenEMR's stand-in asked directly. Eight at
//! a time, in turns, and then one at a time, in one run; servers, database and driver on the same machine.
//!
//! `cargo bench -p udap-tests --bench tokens`, about two minutes.

#[path = "../../crates/udap-openemr/benches/mariadb/load.rs"]
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use load::{COUNT, Times, load};
use serde_json::json;
use tokio::task::JoinSet;
use udap_testdb::{Generation, TestServer};
use udap_testkit::{SigningAlgorithm, StatementBuilder, TestCommunity, TestLeaf};
use udap_tests::openemr::{Behaviour, StandIn};
use udap_tests::{MariaDb, Server, Setup, now};

/// Turns of each kind; one more at the beginning is not counted.
const TURNS: usize = 4;

/// Requests of each kind that are sent alone.
const ALONE: usize = 300;

const APP: &str = "https://app.example.org/";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPE: &str = "system/Patient.read";

/// A server before an OpenEMR, and an app of it.
struct Hospital {
    server: Server,
    leaf: TestLeaf,
    client_id: String,
    endpoint: String,
    algorithm: SigningAlgorithm,
    _openemr: StandIn,
}

impl Hospital {
    async fn new(of: &TestCommunity, database: &TestServer, mode: &str) -> Self {
        let store = MariaDb::create(database, Generation::Columns25, &["default"]).await;
        let pool = store.emr("default").pool().clone();
        let openemr = StandIn::start(Behaviour::V8, pool).await;
        let setup = Setup::new(of)
            .site(&format!("token_mode = \"{mode}\""))
            .limits(
                "registrations_per_minute = 0\nstatements_per_client_per_minute = 0\n\
                 tokens_per_minute = 0",
            )
            .before(&openemr);
        let server = Server::start_on(store, &setup).await;
        let leaf = of.client(APP);
        let registered = server.post(&server.statement(&leaf)).await;
        let (endpoint, algorithm) = match mode {
            "gateway" => (server.url("/udap/default/token"), SigningAlgorithm::Rs256),
            _ => (openemr.token_endpoint(), SigningAlgorithm::Rs384),
        };
        Self {
            client_id: registered.client_id(),
            server,
            leaf,
            endpoint,
            algorithm,
            _openemr: openemr,
        }
    }

    /// Forms with assertions that live for five minutes.
    async fn forms(self: &Arc<Self>) -> Vec<String> {
        let mut threads = JoinSet::new();
        let parts = 2;
        for part in 0..parts {
            let of = Arc::clone(self);
            threads.spawn_blocking(move || {
                let forms = (part..COUNT).step_by(parts).map(|_| of.form());
                forms.collect::<Vec<_>>()
            });
        }
        threads.join_all().await.concat()
    }

    fn form(&self) -> String {
        let b2b = json!({"hl7-b2b": {
            "version": "1",
            "organization_id": "https://hospital.example.org",
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
        }});
        let assertion =
            StatementBuilder::authentication(&self.leaf, &self.client_id, &self.endpoint, now())
                .claim("extensions", b2b)
                .algorithm(self.algorithm);
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_assertion_type", BEARER)
            .append_pair("client_assertion", &assertion.build())
            .append_pair("scope", SCOPE)
            .append_pair("udap", "1")
            .finish()
    }

    async fn turn(self: &Arc<Self>) -> (Duration, Vec<Duration>) {
        let forms = Arc::new(self.forms().await);
        let of = Arc::clone(self);
        load(move |index| {
            let (of, form) = (Arc::clone(&of), forms[index].clone());
            async move {
                let kind = "application/x-www-form-urlencoded";
                let answer = of.server.post_to(&of.endpoint, form, kind).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        })
        .await
    }

    /// How long one request takes, alone.
    async fn alone(&self) -> Duration {
        let form = self.form();
        let begun = Instant::now();
        let kind = "application/x-www-form-urlencoded";
        let answer = self.server.post_to(&self.endpoint, form, kind).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        begun.elapsed()
    }
}

#[tokio::main]
async fn main() {
    // A filter that is meant for another benchmark, or a run that only lists.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|it| it == "--list" || (!it.starts_with('-') && !"tokens".contains(&it))) {
        return;
    }
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let direct = Arc::new(Hospital::new(&of, &database, "direct").await);
    let gateway = Arc::new(Hospital::new(&of, &database, "gateway").await);
    let (mut by_gateway, mut by_openemr) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let one = gateway.turn().await;
        let other = direct.turn().await;
        if turn > 0 {
            by_gateway.add(one);
            by_openemr.add(other);
        }
    }
    by_gateway.print("token by the gateway, RS256");
    by_openemr.print("token from the stand-in, RS384");
    println!(
        "gateway : direct {:.2}",
        by_gateway.rate() / by_openemr.rate()
    );
    let (mut by_gateway, mut by_openemr) = (Vec::new(), Vec::new());
    for _ in 0..ALONE {
        by_gateway.push(gateway.alone().await);
        by_openemr.push(direct.alone().await);
    }
    by_gateway.sort_unstable();
    by_openemr.sort_unstable();
    let (one, other) = (by_gateway[ALONE / 2], by_openemr[ALONE / 2]);
    println!("one at a time, p50: gateway {one:.1?}, direct {other:.1?}");
}
