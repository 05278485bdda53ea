//! Rate limits: per remote address before anything is read, per client after trust (E28,
//! decisions 35).

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::client_address::ClientAddress;

/// The limits of one server.
#[derive(Debug)]
pub struct RateLimits {
    clock: DefaultClock,
    registrations: Option<DefaultKeyedRateLimiter<IpAddr>>,
    statements: Option<DefaultKeyedRateLimiter<String>>,
}

impl RateLimits {
    /// Limits of so many requests a minute, 0 for none.
    #[must_use]
    pub fn new(registrations_per_minute: u32, statements_per_client_per_minute: u32) -> Self {
        Self {
            clock: DefaultClock::default(),
            registrations: limiter(registrations_per_minute),
            statements: limiter(statements_per_client_per_minute),
        }
    }

    /// Counts a request from an address.
    ///
    /// # Errors
    /// The seconds to wait, if it is one too many.
    pub(crate) fn registration(&self, address: ClientAddress) -> Result<(), u32> {
        self.check(self.registrations.as_ref(), &address.rate_limit_key())
    }

    /// Counts a trusted statement of a client.
    ///
    /// # Errors
    /// The seconds to wait, if it is one too many.
    pub(crate) fn statement(&self, community: &str, client_uri: &str) -> Result<(), u32> {
        self.check(
            self.statements.as_ref(),
            // Neither part holds a control character, so no two pairs make one key.
            &format!("{community}\n{client_uri}"),
        )
    }

    /// Forgets addresses and clients that have been quiet: to be called now and then.
    pub fn forget_quiet(&self) {
        if let Some(limiter) = &self.registrations {
            limiter.retain_recent();
        }
        if let Some(limiter) = &self.statements {
            limiter.retain_recent();
        }
    }

    fn check<K: std::hash::Hash + Eq + Clone>(
        &self,
        limiter: Option<&DefaultKeyedRateLimiter<K>>,
        key: &K,
    ) -> Result<(), u32> {
        let Some(limiter) = limiter else {
            return Ok(());
        };
        limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            u32::try_from(wait.as_secs())
                .unwrap_or(u32::MAX)
                .saturating_add(1)
        })
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: u32) -> Option<DefaultKeyedRateLimiter<K>> {
    let burst = NonZeroU32::new(per_minute)?;
    let quota = Quota::with_period(Duration::from_secs(60) / per_minute)?.allow_burst(burst);
    Some(RateLimiter::keyed(quota))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: E28
    #[test]
    fn one_too_many_is_told_to_wait() {
        let limits = RateLimits::new(2, 0);
        let here = ClientAddress(IpAddr::from([198, 51, 100, 7]));
        let there = ClientAddress(IpAddr::from([198, 51, 100, 8]));
        assert!(limits.registration(here).is_ok());
        assert!(limits.registration(here).is_ok());
        let wait = limits.registration(here).unwrap_err();
        assert!((1..=31).contains(&wait), "{wait}");
        assert!(limits.registration(there).is_ok());
        assert!(limits.statement("a", "b").is_ok());
    }
}
