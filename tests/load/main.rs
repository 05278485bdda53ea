//! How long apps of a healthy community wait for their registration, while others keep the built server
//! busy with revocation lists: one that never comes, and some of a million entries.
//!
//! `cargo bench -p udap-tests --bench load`, about a minute. Registrations begin at a fixed rate, and
//! each is timed from when it was due: a server that stalls cannot hide it by slowing its clients.

mod lists;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lists::{Published, hanging};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use udap_testkit::{CommunityOptions, TestCommunity, TestLeaf};
use udap_tests::{Member, Server, Setup, now};

/// Between two registrations of healthy apps: a tenth of what the server can do.
const PACE: Duration = Duration::from_millis(20);
/// Requests that are made beforehand: those of all measurements, and some more.
const PREPARED: usize = 2_200;
/// Of each measurement, but for the one that lasts until all lists have arrived.
const SPAN: Duration = Duration::from_secs(8);
/// Apps of the community whose lists never come.
const WAITING: usize = 20;
/// What an app of that community does before it tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// Lists of [`ENTRIES`] each that are loaded one after the other.
const LONG_LISTS: usize = 3;
const ENTRIES: u64 = 1_000_000;

#[tokio::main]
async fn main() {
    // A filter that is meant for another benchmark, or a run that only lists.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|it| it == "--list" || (!it.starts_with('-') && !"load".contains(&it))) {
        return;
    }
    let healthy = TestCommunity::new("healthy", now());
    let nowhere = hanging().await;
    let at = format!("http://{nowhere}/pki");
    let stuck = TestCommunity::with(CommunityOptions::new("stuck").published_at(&at), now());
    let published = Published::start().await;
    let long: Vec<_> = (0..LONG_LISTS)
        .map(|number| {
            let name = format!("long-{number}");
            let options = CommunityOptions::new(&name)
                .published_at(&format!("http://{}/{name}", published.address()));
            let community = TestCommunity::with(options, now());
            published.add(&community, ENTRIES);
            community
        })
        .collect();
    let mut members = vec![Member::new(&healthy)];
    members.extend(
        [&stuck]
            .into_iter()
            .chain(&long)
            .map(|it| Member::new(it).crls(Vec::new())),
    );
    let hosts = format!(
        "[fetch]\nallow_hosts = [\"{nowhere}\", \"{}\"]",
        published.address()
    );
    let server = Arc::new(Server::start(&Setup::of(members).top(&hosts)).await);
    let mut apps = Apps::new(&healthy, &server);

    // Whatever is done once is done before.
    measure(&server, &mut apps, "warming up", |since| {
        since.elapsed() < SPAN / 4
    })
    .await;
    let quiet = measure(&server, &mut apps, "nothing else", |since| {
        since.elapsed() < SPAN
    })
    .await;

    let waiting = Waiting::start(&server, &stuck);
    let beside_waiting = measure(&server, &mut apps, "apps wait for a list", |since| {
        since.elapsed() < 2 * SPAN
    })
    .await;
    let answers = waiting.stop().await;

    let all_here = Arc::new(AtomicBool::new(false));
    let loading = tokio::spawn(load(
        Arc::clone(&server),
        leaves(&long),
        Arc::clone(&all_here),
    ));
    let beside_loading = measure(&server, &mut apps, "long lists are loaded", |_| {
        !all_here.load(Ordering::Relaxed)
    })
    .await;
    let times = loading.await.expect("the lists arrive");
    let again = measure(&server, &mut apps, "nothing else, again", |since| {
        since.elapsed() < SPAN
    })
    .await;

    println!("\n| meanwhile | registrations | p50, ms | ratio | p99, ms | ratio | longest, ms |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for times in [&quiet, &beside_waiting, &beside_loading, &again] {
        println!("{}", times.line(&quiet));
    }
    println!("\n{WAITING} apps without a list were refused {answers} times.");
    println!("Registrations that waited for a list of {ENTRIES} entries: {times:.1?}.");
}

/// How long registrations took, shortest first.
struct Times {
    name: &'static str,
    sorted: Vec<Duration>,
}

impl Times {
    fn percentile(&self, percent: usize) -> f64 {
        let index = (self.sorted.len() * percent).div_ceil(100).max(1) - 1;
        self.sorted[index].as_secs_f64() * 1e3
    }

    fn line(&self, quiet: &Self) -> String {
        format!(
            "| {} | {} | {:.1} | {:.2} | {:.1} | {:.2} | {:.1} |",
            self.name,
            self.sorted.len(),
            self.percentile(50),
            self.percentile(50) / quiet.percentile(50),
            self.percentile(99),
            self.percentile(99) / quiet.percentile(99),
            self.percentile(100),
        )
    }
}

/// Requests of the healthy community, each of an app of its own. They are made beforehand, so that
/// nothing but sending them takes time from the server.
struct Apps<'a> {
    community: &'a TestCommunity,
    endpoint: String,
    count: usize,
    ready: Vec<String>,
}

impl<'a> Apps<'a> {
    fn new(community: &'a TestCommunity, server: &Server) -> Self {
        let mut apps = Self {
            community,
            endpoint: server.endpoint(),
            count: 0,
            ready: Vec::new(),
        };
        apps.ready = (0..PREPARED).map(|_| apps.make()).collect();
        apps
    }

    fn make(&mut self) -> String {
        self.count += 1;
        let uri = format!("https://app-{}.example.org/", self.count);
        let leaf = self.community.client(&uri);
        leaf.statement(&self.endpoint, now()).request().to_string()
    }

    fn next(&mut self) -> String {
        self.ready.pop().unwrap_or_else(|| self.make())
    }
}

async fn measure(
    server: &Arc<Server>,
    apps: &mut Apps<'_>,
    name: &'static str,
    mut goes_on: impl FnMut(Instant) -> bool,
) -> Times {
    let start = Instant::now();
    let mut due = start;
    let mut registrations = JoinSet::new();
    while goes_on(start) {
        due += PACE;
        let body = apps.next();
        sleep_until(due).await;
        let server = Arc::clone(server);
        registrations.spawn(async move {
            let endpoint = server.endpoint();
            let answer = server.post_to(&endpoint, body, "application/json").await;
            let time = due.elapsed();
            assert_eq!(answer.status, 201, "{answer:?}");
            time
        });
    }
    let mut sorted = registrations.join_all().await;
    sorted.sort_unstable();
    Times { name, sorted }
}

/// Apps that post statements again and again and are refused, since the status of their certificates
/// cannot be learned.
struct Waiting {
    apps: JoinSet<()>,
    ends: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
}

impl Waiting {
    fn start(server: &Arc<Server>, stuck: &TestCommunity) -> Self {
        let (ends, answers) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut apps = JoinSet::new();
        for number in 0..WAITING {
            let leaf = stuck.client(&format!("https://stuck-{number}.example.org/"));
            // Nothing is spent by a statement that is not trusted: it can be sent again.
            let body = server.statement(&leaf).request();
            let (server, ends) = (Arc::clone(server), Arc::clone(&ends));
            let answers: Arc<AtomicUsize> = Arc::clone(&answers);
            apps.spawn(async move {
                while !ends.load(Ordering::Relaxed) {
                    let answer = server.post_body(&body).await;
                    assert_eq!(answer.refusal().2, ["C21"], "{answer:?}");
                    answers.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
            });
        }
        Self {
            apps,
            ends,
            answers,
        }
    }

    async fn stop(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        self.apps.join_all().await;
        self.answers.load(Ordering::Relaxed)
    }
}

fn leaves(communities: &[TestCommunity]) -> Vec<TestLeaf> {
    let app = |of: &TestCommunity| of.client("https://app.example.com/");
    communities.iter().map(app).collect()
}

/// One registration after the other, each of which needs a list that is not here yet.
async fn load(server: Arc<Server>, leaves: Vec<TestLeaf>, done: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    for leaf in leaves {
        let start = Instant::now();
        let answer = server.post(&server.statement(&leaf)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        times.push(start.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    times
}
