//! Apps that register, change and cancel, without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use udap_testkit::{TestCommunity, TestKey};
use udap_tests::Server;

use crate::app::{App, Attempt, Outcome, State, Wish};
use crate::tally::Tally;

/// Statements at a time.
const TASKS: usize = 8;
/// Keys, which the apps share: making one takes longer than all else.
const KEYS: usize = 8;
/// Between two tries to reach a server that is not there.
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than the server's own deadline.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Done>,
}

/// What the apps know when they have stopped.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) apps: Vec<App>,
    pub(crate) tally: Tally,
    /// Answers that there must not be.
    pub(crate) problems: Vec<String>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    successes: AtomicU64,
}

impl Load {
    pub(crate) fn start(server: &Server, of: &Arc<TestCommunity>, random: &mut StdRng) -> Self {
        let shared = Arc::new(Shared::default());
        let keys: Arc<Vec<_>> = Arc::new((0..KEYS).map(|_| TestKey::rsa()).collect());
        let mut tasks = JoinSet::new();
        for number in 0..TASKS {
            let mut task = Task {
                number,
                sender: Sender::new(server.endpoint(), Arc::clone(&shared)),
                random: StdRng::from_rng(random),
                of: Arc::clone(of),
                keys: Arc::clone(&keys),
                apps: Vec::new(),
            };
            tasks.spawn(async move {
                task.run().await;
                Done {
                    apps: task.apps,
                    tally: task.sender.tally,
                    problems: task.sender.problems,
                }
            });
        }
        Self { shared, tasks }
    }

    /// Successes so far.
    pub(crate) fn successes(&self) -> u64 {
        self.shared.successes.load(Ordering::SeqCst)
    }

    /// Stops.
    pub(crate) async fn end(mut self) -> Done {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut all = Done::default();
        while let Some(done) = self.tasks.join_next().await {
            let done = done.expect("the task ends");
            all.apps.extend(done.apps);
            all.tally.add(&done.tally);
            all.problems.extend(done.problems);
        }
        all
    }
}

impl Done {
    /// Sends what is in doubt once more, with another `jti`: now it must succeed. Returns how many.
    pub(crate) async fn retry(&mut self, server: &Server) -> usize {
        let mut sender = Sender::new(server.endpoint(), Arc::default());
        let doubtful = self.apps.iter_mut().filter(|app| app.is_in_doubt());
        let mut retried = 0;
        for app in doubtful {
            let Some(wish) = app.attempts.last().map(|last| last.wish.clone()) else {
                continue;
            };
            // Cancelled already, or never registered.
            let may_be_nothing = wish == Wish::Cancel;
            sender.send(app, wish, jti(&mut rand::rng())).await;
            match app.attempts.last().map(|last| &last.outcome) {
                Some(Outcome::Done { .. }) => {}
                Some(Outcome::NotRegistered) if may_be_nothing => {}
                other => sender
                    .problems
                    .push(format!("{}: no success afterwards: {other:?}", app.uri())),
            }
            retried += 1;
        }
        self.problems.append(&mut sender.problems);
        retried
    }
}

struct Task {
    number: usize,
    sender: Sender,
    random: StdRng,
    of: Arc<TestCommunity>,
    keys: Arc<Vec<TestKey>>,
    apps: Vec<App>,
}

impl Task {
    async fn run(&mut self) {
        while !self.sender.is_stopped() {
            let index = self.choose();
            let app = &mut self.apps[index];
            let wish = match app.acknowledged() {
                State::On { .. } if self.random.random_bool(0.25) => Wish::Cancel,
                _ => Wish::Register(format!("App {:08x}", self.random.random::<u32>())),
            };
            self.sender.send(app, wish, jti(&mut self.random)).await;
            if app.is_in_doubt() && self.random.random_bool(0.5) {
                tokio::time::sleep(Duration::from_millis(self.random.random_range(0..200))).await;
                self.sender.send_again(app).await;
            }
        }
    }

    /// An app whose state is known: a new one, or one of the last few.
    fn choose(&mut self) -> usize {
        let known: Vec<_> = (0..self.apps.len())
            .rev()
            .filter(|&index| !self.apps[index].is_in_doubt())
            .take(8)
            .collect();
        if !known.is_empty() && self.random.random_bool(0.6) {
            return known[self.random.random_range(0..known.len())];
        }
        let count = self.apps.len();
        let uri = format!("https://app{}-{count}.example.org/", self.number);
        let key = &self.keys[count % self.keys.len()];
        self.apps
            .push(App::new(self.of.leaf(&uri).key(key).build()));
        count
    }
}

fn jti(random: &mut impl Rng) -> String {
    format!("{:032x}", random.random::<u128>())
}

/// Sends statements, and remembers what came of them.
struct Sender {
    endpoint: String,
    http: reqwest::Client,
    shared: Arc<Shared>,
    tally: Tally,
    problems: Vec<String>,
}

impl Sender {
    fn new(endpoint: String, shared: Arc<Shared>) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("there is an HTTP client");
        Self {
            endpoint,
            http,
            shared,
            tally: Tally::default(),
            problems: Vec::new(),
        }
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    async fn send(&mut self, app: &mut App, wish: Wish, jti: String) {
        let at = Instant::now();
        if let Some(outcome) = self.exchange(app, &wish, &jti, false).await {
            app.attempts.push(Attempt {
                wish,
                jti,
                at,
                outcome,
            });
        }
    }

    /// The last statement as it was, as a client does that knows nothing of `jti`.
    async fn send_again(&mut self, app: &mut App) {
        let Some(mut last) = app.attempts.pop() else {
            return;
        };
        self.tally.sent_again += 1;
        if let Some(outcome) = self.exchange(app, &last.wish, &last.jti, true).await {
            last.outcome = outcome;
        }
        app.attempts.push(last);
    }

    /// None if the statement never left.
    async fn exchange(
        &mut self,
        app: &App,
        wish: &Wish,
        jti: &str,
        is_again: bool,
    ) -> Option<Outcome> {
        let body = app.statement(&self.endpoint, wish, jti).request();
        loop {
            let request = self.http.post(&self.endpoint).json(&body);
            match request.send().await {
                // Nobody listens: the server is being started.
                Err(error) if error.is_connect() => {
                    if self.is_stopped() {
                        return None;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => {
                    self.tally.broken += 1;
                    return Some(Outcome::Unknown);
                }
                Ok(answer) => return Some(self.judge(answer, wish, is_again).await),
            }
        }
    }

    async fn judge(&mut self, answer: reqwest::Response, wish: &Wish, is_again: bool) -> Outcome {
        let status = answer.status().as_u16();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let (request_id, retry_after) = (header("x-request-id"), header("retry-after"));
        let Ok(body) = answer.json::<Value>().await else {
            self.tally.broken += 1;
            return Outcome::Unknown;
        };
        let rule = &body["errors"][0]["rule"];
        match (status, body["error"].as_str()) {
            (200 | 201, None) => {
                self.shared.successes.fetch_add(1, Ordering::SeqCst);
                match (wish, status) {
                    (Wish::Cancel, _) => self.tally.cancelled += 1,
                    (_, 201) => self.tally.created += 1,
                    _ => self.tally.modified += 1,
                }
                return Outcome::Done {
                    status,
                    client_id: body["client_id"].as_str().unwrap_or_default().to_owned(),
                    request_id,
                };
            }
            (400, _) if *rule == json!("C24") && is_again => {
                self.tally.used += 1;
                return Outcome::Used;
            }
            (400, _) if *rule == json!("D14") && *wish == Wish::Cancel => {
                return Outcome::NotRegistered;
            }
            (500, Some("server_error")) => self.tally.server_errors += 1,
            (503, Some("temporarily_unavailable")) if retry_after.parse::<u32>().is_ok() => {
                self.tally.unavailable += 1;
            }
            _ => self.problems.push(format!("answered {status}: {body}")),
        }
        Outcome::Unknown
    }
}
