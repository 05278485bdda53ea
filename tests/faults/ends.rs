//! The ends of the database and of the server under test.

use std::fmt;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use udap_testdb::TestServer;
use udap_tests::Server;

use crate::load::Load;

/// After both are up again, a statement must succeed within this.
const RECOVERY: Duration = Duration::from_secs(30);
/// The longest time between such a success and the next end, in milliseconds.
const CALM: u64 = 300;
/// Of so many absences one is longer than requests wait for a connection.
const LONG_ONE_IN: u32 = 25;
const LONG: Duration = Duration::from_secs(6);

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    killed: u64,
    stopped: u64,
    servers: u64,
    longest: Duration,
    total: Duration,
    recoveries: u32,
}

/// What ends in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Database,
    Server,
    Both,
}

/// Ends the database so often.
pub(crate) async fn run(
    server: &mut Server,
    database: &TestServer,
    load: &Load,
    kills: u64,
    random: &mut StdRng,
) -> Ends {
    let mut ends = Ends::default();
    ends.recovered(server, load).await;
    for round in 1.. {
        if ends.killed + ends.stopped >= kills {
            break;
        }
        let victim = match (round % 3, random.random_bool(0.5)) {
            (0, true) => Victim::Server,
            (0, false) => Victim::Both,
            _ => Victim::Database,
        };
        tokio::time::sleep(Duration::from_millis(random.random_range(0..=CALM))).await;
        ends.end(server, database, victim, random).await;
        let absence = if random.random_ratio(1, LONG_ONE_IN) {
            LONG
        } else {
            Duration::from_millis(random.random_range(0..200))
        };
        tokio::time::sleep(absence).await;
        start(server, database, victim, random).await;
        ends.recovered(server, load).await;
    }
    ends
}

async fn start(server: &mut Server, database: &TestServer, victim: Victim, random: &mut StdRng) {
    // A server may be started before its database is.
    let server_first = random.random_bool(0.5);
    if victim != Victim::Database && server_first {
        server.restart();
    }
    if victim != Victim::Server {
        database.start().await;
    }
    if victim != Victim::Database {
        if !server_first {
            server.restart();
        }
        server.wait().await;
    }
}

impl Ends {
    async fn end(
        &mut self,
        server: &mut Server,
        database: &TestServer,
        victim: Victim,
        random: &mut StdRng,
    ) {
        let mut moment = || Duration::from_millis(random.random_range(0..50));
        let (first, second) = (moment(), moment());
        let kill = random.random_bool(0.5);
        let end_database = async {
            tokio::time::sleep(first).await;
            if kill {
                database.kill().await;
            } else {
                database.stop().await;
            }
        };
        let end_server = async {
            tokio::time::sleep(second).await;
            server.kill();
        };
        match victim {
            Victim::Database => end_database.await,
            Victim::Server => end_server.await,
            Victim::Both => {
                tokio::join!(end_database, end_server);
            }
        }
        if victim != Victim::Server {
            self.killed += u64::from(kill);
            self.stopped += u64::from(!kill);
        }
        self.servers += u64::from(victim != Victim::Database);
    }

    /// Waits for a success.
    async fn recovered(&mut self, server: &Server, load: &Load) {
        let (before, since) = (load.successes(), Instant::now());
        while load.successes() == before {
            assert!(
                since.elapsed() < RECOVERY,
                "no recovery in {RECOVERY:?}; {self}; health: {}",
                server.admin("/health/ready").await
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.longest = self.longest.max(since.elapsed());
        self.total += since.elapsed();
        self.recoveries += 1;
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the database was killed {} times and stopped {} times, the server killed {} times; until the first \
             success afterwards {} ms on average, {} ms at most",
            self.killed,
            self.stopped,
            self.servers,
            (self.total / self.recoveries.max(1)).as_millis(),
            self.longest.as_millis()
        )
    }
}
