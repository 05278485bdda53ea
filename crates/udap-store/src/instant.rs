//! Times as the tables hold them: microseconds since 1970.

use time::OffsetDateTime;

/// Microseconds since 1970, UTC.
pub(crate) fn to_micros(at: OffsetDateTime) -> i64 {
    // The calendar ends in the year 9999: far inside 64 bits.
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The time, `None` outside the calendar.
pub(crate) fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_survives_the_round_trip_to_the_microsecond() {
        for at in [
            datetime!(1969-12-31 23:59:59.999_999 UTC),
            datetime!(2026-11-22 03:04:05.000_001 UTC),
            datetime!(9999-12-31 23:59:59.999_999 UTC),
        ] {
            assert_eq!(from_micros(to_micros(at)), Some(at));
        }
        assert_eq!(from_micros(i64::MAX), None);
    }
}
