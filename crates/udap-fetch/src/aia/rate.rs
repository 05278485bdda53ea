//! How often hosts that nobody vouches for are asked (decisions 2).

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;
use url::Url;

use crate::limits;

/// Token buckets: after a quiet minute a whole minute's worth may come at once.
pub(super) struct Rate {
    per_host: RateLimiter<String, DefaultKeyedStateStore<String>, Since, NoOpMiddleware<Duration>>,
    in_all: RateLimiter<NotKeyed, InMemoryState, Since, NoOpMiddleware<Duration>>,
    exempt: Mutex<Exempt>,
}

/// Hosts that are not counted. Those that trusted paths name, which are the CAs' choice, never take
/// the room of configured ones.
#[derive(Default)]
struct Exempt {
    configured: HashSet<String>,
    on_paths: HashSet<String>,
}

/// Who vouches for a host.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vouched {
    Configured,
    OnPath,
}

/// The runtime's clock, which tests can turn.
#[derive(Clone)]
struct Since(Instant);

impl Clock for Since {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Rate {
    pub(super) fn new() -> Self {
        let clock = Since(Instant::now());
        Self {
            per_host: RateLimiter::new(
                per_minute(limits::AIA_PER_HOST),
                DefaultKeyedStateStore::default(),
                clock.clone(),
            ),
            in_all: RateLimiter::new(
                per_minute(limits::AIA_IN_ALL),
                InMemoryState::default(),
                clock,
            ),
            exempt: Mutex::default(),
        }
    }

    /// Counts a fetch, if it is not one too many.
    pub(super) fn admits(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        if self.vouched(url).is_some() {
            return true;
        }
        if self.per_host.len() >= limits::AIA_HOSTS {
            self.per_host.retain_recent();
            if self.per_host.len() >= limits::AIA_HOSTS {
                // So many within a minute: the rate in all is long spent.
                return false;
            }
        }
        // The host first: whoever asks for one host over and over shall not spend what is for all.
        self.per_host.check_key(&host.to_owned()).is_ok() && self.in_all.check().is_ok()
    }

    /// Who vouches for a URL's host.
    pub(super) fn vouched(&self, url: &Url) -> Option<Vouched> {
        let exempt = self.exempted();
        let host = url.host_str()?;
        if exempt.configured.contains(host) {
            Some(Vouched::Configured)
        } else {
            exempt.on_paths.contains(host).then_some(Vouched::OnPath)
        }
    }

    /// No longer counts fetches from these hosts.
    pub(super) fn exempt(&self, vouched: Vouched, hosts: impl Iterator<Item = String>) {
        let mut exempt = self.exempted();
        let exempt = match vouched {
            Vouched::Configured => &mut exempt.configured,
            Vouched::OnPath => &mut exempt.on_paths,
        };
        for host in hosts {
            if exempt.len() >= limits::AIA_KNOWN_HOSTS {
                return;
            }
            exempt.insert(host);
        }
    }

    fn exempted(&self) -> MutexGuard<'_, Exempt> {
        // A panic between two insertions would leave it whole.
        self.exempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn per_minute(fetches: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(fetches).unwrap_or(NonZeroU32::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("http://{host}/ca.cer")).unwrap()
    }

    fn admitted(rate: &Rate, host: &str, tries: usize) -> usize {
        (0..tries).filter(|_| rate.admits(&url(host))).count()
    }

    /// Proves: C08
    #[tokio::test(start_paused = true)]
    async fn a_host_is_asked_ten_times_a_minute_and_all_hosts_sixty_times() {
        let rate = Rate::new();
        assert_eq!(admitted(&rate, "a.example", 30), 10);
        assert_eq!(admitted(&rate, "A.EXAMPLE", 1), 0, "the same host");
        let others = (0..100).map(|number| admitted(&rate, &format!("{number}.example"), 1));
        assert_eq!(others.sum::<usize>(), 50);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(admitted(&rate, "a.example", 30), 10);
    }

    /// Proves: C08
    #[tokio::test(start_paused = true)]
    async fn hosts_that_are_vouched_for_are_not_counted() {
        let rate = Rate::new();
        rate.exempt(Vouched::OnPath, ["ca.example".to_owned()].into_iter());
        assert_eq!(admitted(&rate, "ca.example", 100), 100);
        assert_eq!(admitted(&rate, "other.example", 100), 10);
        let many = (0..limits::AIA_KNOWN_HOSTS * 2).map(|number| number.to_string());
        rate.exempt(Vouched::OnPath, many);
        assert_eq!(rate.exempted().on_paths.len(), limits::AIA_KNOWN_HOSTS);
        // Configured ones have room all the same.
        rate.exempt(Vouched::Configured, ["own.example".to_owned()].into_iter());
        assert_eq!(admitted(&rate, "own.example", 100), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_beyond_counting_are_refused_until_the_others_are_forgotten() {
        let rate = Rate::new();
        for number in 0..limits::AIA_HOSTS * 2 {
            rate.admits(&url(&format!("{number}.example")));
        }
        assert!(rate.per_host.len() <= limits::AIA_HOSTS);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(rate.admits(&url("late.example")));
        assert_eq!(rate.per_host.len(), 1);
    }
}
