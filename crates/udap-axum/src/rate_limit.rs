//! Rate limits: per remote address before anything is read, per client once it is known who asks (E28,
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
    tokens: Option<DefaultKeyedRateLimiter<String>>,
    token_requests: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

/// Token requests that one address may send for each that one client may: the apps of one hospital come
/// from one address. What they cost at most, a signature check each, is far below what a core can do;
/// what a stranger may cost is bounded by it.
const CLIENTS_PER_ADDRESS: u32 = 10;

impl RateLimits {
    /// Limits of so many requests a minute, 0 for none.
    #[must_use]
    pub fn new(registrations_per_minute: u32, statements_per_client_per_minute: u32) -> Self {
        Self {
            clock: DefaultClock::default(),
            registrations: limiter(registrations_per_minute),
            statements: limiter(statements_per_client_per_minute),
            tokens: None,
            token_requests: None,
        }
    }

    /// With a limit on the token requests of a client a minute, and on ten times as many from one remote
    /// address; 0 for none.
    #[must_use]
    pub fn with_tokens(mut self, per_client_per_minute: u32) -> Self {
        self.tokens = limiter(per_client_per_minute);
        self.token_requests = limiter(per_client_per_minute.saturating_mul(CLIENTS_PER_ADDRESS));
        self
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

    /// Counts a token request from an address.
    ///
    /// # Errors
    /// The seconds to wait, if it is one too many.
    pub(crate) fn token_request(&self, address: ClientAddress) -> Result<(), u32> {
        self.check(self.token_requests.as_ref(), &address.rate_limit_key())
    }

    /// Counts a token request of a client, once it is known to be that client's.
    ///
    /// # Errors
    /// The seconds to wait, if it is one too many.
    pub(crate) fn token(&self, client_id: &str) -> Result<(), u32> {
        self.check(self.tokens.as_ref(), &client_id.to_owned())
    }

    /// Forgets addresses and clients that have been quiet: to be called now and then.
    pub fn forget_quiet(&self) {
        for limiter in [&self.registrations, &self.token_requests]
            .into_iter()
            .flatten()
        {
            limiter.retain_recent();
        }
        for limiter in [&self.statements, &self.tokens].into_iter().flatten() {
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

    /// Decisions 35.
    #[test]
    fn a_client_asks_so_often_and_an_address_ten_times_as_often() {
        let limits = RateLimits::new(0, 0).with_tokens(2);
        let here = ClientAddress(IpAddr::from([198, 51, 100, 7]));
        for (client, is_admitted) in [("a", true), ("a", true), ("a", false), ("b", true)] {
            assert_eq!(limits.token(client).is_ok(), is_admitted, "{client}");
        }
        for _ in 0..20 {
            assert!(limits.token_request(here).is_ok());
        }
        assert!(limits.token_request(here).is_err());
        let off = RateLimits::new(0, 0).with_tokens(0);
        assert!((0..1_000).all(|_| off.token("a").is_ok() && off.token_request(here).is_ok()));
    }
}
