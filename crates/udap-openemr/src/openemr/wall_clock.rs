//! OpenEMR's wall clock: its `datetime`s are local time, in the zone of its `gbl_time_zone` or, where
//! that is empty, of its database server.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::OffsetDateTime;

/// In which zone OpenEMR writes its `datetime`s.
#[derive(Clone, Debug)]
pub(super) enum WallClock {
    /// The database server's.
    Server,
    /// A zone of the tz database.
    Zone(TimeZone),
}

impl WallClock {
    /// From the global `gbl_time_zone`. An unknown name is as good as none: the time is shown to
    /// people, and decides nothing.
    pub(super) fn of(zone: &str) -> Self {
        if zone.is_empty() {
            return Self::Server;
        }
        TimeZone::get(zone).map_or_else(
            |_| {
                tracing::warn!(zone, "OpenEMR's gbl_time_zone is unknown");
                Self::Server
            },
            Self::Zone,
        )
    }

    /// The local time as a `datetime` literal; `None`: the server makes it from the Unix time.
    pub(super) fn literal(&self, at: OffsetDateTime) -> Option<String> {
        let Self::Zone(zone) = self else { return None };
        let at = Timestamp::from_second(at.unix_timestamp()).ok()?;
        Some(
            zone.to_datetime(at)
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string(),
        )
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn local_time_follows_the_zone_through_the_year() {
        let clock = WallClock::of("America/New_York");
        for (at, local) in [
            (datetime!(2026-11-22 12:00:01 UTC), "2026-11-22 07:00:01"),
            (datetime!(2026-07-22 12:00:00 UTC), "2026-07-22 08:00:00"),
            // The hour that comes twice.
            (datetime!(2026-11-01 05:30:00 UTC), "2026-11-01 01:30:00"),
            (datetime!(2026-11-01 06:30:00 UTC), "2026-11-01 01:30:00"),
        ] {
            assert_eq!(clock.literal(at).as_deref(), Some(local));
        }
    }

    #[test]
    fn without_a_known_zone_it_is_the_servers() {
        for zone in ["", "Nowhere/Land", "'; DROP TABLE x"] {
            assert!(
                WallClock::of(zone)
                    .literal(OffsetDateTime::UNIX_EPOCH)
                    .is_none()
            );
        }
    }
}
