//! What may be fetched for one statement, or to look at one registration again (decisions 22).

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use udap::limits;
use udap::trust::{Fetched, TrustFetcher, TrustNeed};

/// What is left of it.
#[derive(Debug)]
pub(crate) struct FetchBudget {
    time: Duration,
    rounds: usize,
}

impl FetchBudget {
    pub(crate) fn new() -> Self {
        Self {
            time: limits::FETCH_TIME,
            rounds: limits::FETCH_ROUNDS,
        }
    }

    /// Fetches within what is left. Once the time is up nothing comes of it; `None`: something was
    /// fetched so often that no honest path can need more.
    pub(crate) async fn fetch(
        &mut self,
        fetcher: &dyn TrustFetcher,
        needs: &[TrustNeed],
        now: OffsetDateTime,
    ) -> Option<Fetched> {
        if needs.is_empty() {
            return Some(Fetched::default());
        }
        self.rounds = self.rounds.checked_sub(1)?;
        Some(
            self.spend(|time_left| fetcher.fetch(needs, now, time_left))
                .await,
        )
    }

    /// Does something within the time that is left.
    pub(crate) async fn spend<T, F: Future<Output = T>>(
        &mut self,
        work: impl FnOnce(Duration) -> F,
    ) -> T {
        let started = Instant::now();
        let done = work(self.time).await;
        self.time = self.time.saturating_sub(started.elapsed());
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    /// Takes as long as it may, but for the first time; remembers how long that was.
    #[derive(Default)]
    struct Slow(Mutex<Vec<Duration>>);

    #[async_trait]
    impl TrustFetcher for Slow {
        async fn fetch(&self, _: &[TrustNeed], _: OffsetDateTime, time_left: Duration) -> Fetched {
            let is_first = {
                let mut seen = self.0.lock().unwrap();
                seen.push(time_left);
                seen.len() == 1
            };
            tokio::time::sleep(if is_first { time_left / 3 } else { time_left }).await;
            Fetched::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_fetches_of_a_statement_share_one_time_and_are_few() {
        let fetcher = Slow::default();
        let mut budget = FetchBudget::new();
        let now = OffsetDateTime::UNIX_EPOCH;
        let needs = [TrustNeed::Issuer {
            url: "http://ca.example.org/issuer.cer".to_owned(),
        }];
        let started = Instant::now();
        let mut rounds = 0;
        while budget.fetch(&fetcher, &needs, now).await.is_some() {
            rounds += 1;
        }
        // What needs nothing costs nothing, even then.
        assert!(budget.fetch(&fetcher, &[], now).await.is_some());
        assert_eq!(rounds, limits::FETCH_ROUNDS);
        let taken = started.elapsed();
        assert!(
            taken >= limits::FETCH_TIME && taken < limits::FETCH_TIME + Duration::from_millis(50)
        );
        let seen = fetcher.0.lock().unwrap();
        assert_eq!(seen[0], limits::FETCH_TIME);
        assert!(seen[1] <= limits::FETCH_TIME * 2 / 3);
        assert!(seen[2..].iter().all(|left| left.is_zero()));
    }
}
