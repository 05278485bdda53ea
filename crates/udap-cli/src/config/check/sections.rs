//! `[fetch]`, `[limits]`, `[protocol]` and `[recheck]`.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use super::Checker;
use crate::config::{
    file, network,
    problem::Place,
    settings::{Fetch, Limits, Protocol, Recheck},
};

/// A rate above this is no limit; 0 says so plainly.
const HIGHEST_RATE: i64 = 1_000_000;
/// A week: a CRL that is asked for more seldom serves nobody.
const LONGEST_CRL_REFRESH_MINUTES: i64 = 7 * 24 * 60;
/// Requirement B15.
const LONGEST_CLOCK_SKEW_SECONDS: i64 = 300;
/// A year: metadata is cut at the certificate's end anyway.
const LONGEST_METADATA_HOURS: i64 = 365 * 24;
/// A week: expiry and revocation act by themselves, the sweep is the backstop.
const LONGEST_RECHECK_HOURS: i64 = 7 * 24;
/// A year.
const LONGEST_GRACE_HOURS: i64 = 365 * 24;

impl Checker<'_> {
    pub(super) fn fetch(&mut self, fetch: &file::Fetch) -> Option<Fetch> {
        let place = Place::Fetch;
        let allow_hosts = self.each(place, "allow_hosts", &fetch.allow_hosts, |text| {
            network::allow_host(text)
        });
        let tls_roots = self.paths(place, "tls_roots", &fetch.tls_roots);
        let refresh = self.number(
            place,
            "crl_refresh_minutes",
            fetch.crl_refresh_minutes,
            1..=LONGEST_CRL_REFRESH_MINUTES,
        );
        Some(Fetch {
            allow_hosts: allow_hosts?,
            tls_roots: tls_roots?,
            aia: fetch.aia,
            ocsp: fetch.ocsp,
            crl_refresh: times(60, refresh?),
        })
    }

    pub(super) fn limits(
        &mut self,
        limits: &file::Limits,
        listen: Option<SocketAddr>,
    ) -> Option<Limits> {
        let place = Place::Limits;
        let mut rate = |key, value| {
            self.number(place, key, value, 0..=HIGHEST_RATE)
                .map(NonZeroU32::new)
        };
        let registrations = rate("registrations_per_minute", limits.registrations_per_minute);
        let statements = rate(
            "statements_per_client_per_minute",
            limits.statements_per_client_per_minute,
        );
        let tokens = rate("tokens_per_minute", limits.tokens_per_minute);
        let trusted_proxies = match &limits.trusted_proxies {
            Some(list) => self.each(place, "trusted_proxies", list, |text| network::proxy(text)),
            None => listen.map(network::default_proxies),
        };
        Some(Limits {
            registrations_per_minute: registrations?,
            statements_per_client_per_minute: statements?,
            tokens_per_minute: tokens?,
            trusted_proxies: trusted_proxies?,
        })
    }

    pub(super) fn protocol(&mut self, protocol: &file::Protocol) -> Option<Protocol> {
        let place = Place::Protocol;
        let skew = self.number(
            place,
            "clock_skew_seconds",
            protocol.clock_skew_seconds,
            0..=LONGEST_CLOCK_SKEW_SECONDS,
        );
        let metadata = self.number(
            place,
            "signed_metadata_hours",
            protocol.signed_metadata_hours,
            1..=LONGEST_METADATA_HOURS,
        );
        Some(Protocol {
            clock_skew: times(1, skew?),
            unknown_community: protocol.unknown_community,
            signed_metadata: times(3600, metadata?),
        })
    }

    pub(super) fn recheck(&mut self, recheck: &file::Recheck) -> Option<Recheck> {
        let place = Place::Recheck;
        let interval = self.number(
            place,
            "interval_hours",
            recheck.interval_hours,
            1..=LONGEST_RECHECK_HOURS,
        );
        let grace = self.number(
            place,
            "unknown_grace_hours",
            recheck.unknown_grace_hours,
            0..=LONGEST_GRACE_HOURS,
        );
        Some(Recheck {
            interval: times(3600, interval?),
            unknown_grace: times(3600, grace?),
        })
    }
}

fn times(seconds: u64, number: u32) -> Duration {
    Duration::from_secs(seconds.saturating_mul(u64::from(number)))
}
