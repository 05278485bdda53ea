//! Clocks that have to agree: statements live for five minutes, and assertions no longer.

use time::{Duration, OffsetDateTime};

use super::finding::Subject;

/// What statements are allowed at most (decisions 4).
const TOO_MUCH: Duration = Duration::seconds(60);

/// More than a slow answer and whole seconds explain.
const MUCH: Duration = Duration::seconds(5);

/// Compares our clock with another's, which was asked in between.
pub(super) fn compare(
    about: &mut Subject<'_>,
    whose: &str,
    asked: OffsetDateTime,
    answered: OffsetDateTime,
    theirs: OffsetDateTime,
) {
    // Theirs was read at any moment between, and cut to whole seconds.
    let ahead = theirs - answered;
    let behind = asked - theirs - Duration::SECOND;
    let (by, how) = if ahead > behind {
        (ahead, "ahead of")
    } else {
        (behind, "behind")
    };
    if by <= MUCH {
        about.ok(
            "clock",
            format!("{whose} and this machine agree about the time"),
        );
        return;
    }
    let found = format!(
        "{whose} is {} seconds {how} this machine",
        by.whole_seconds()
    );
    let advice = "let both machines keep time by NTP";
    if by > TOO_MUCH {
        about.error("clock", found, advice);
    } else {
        about.warn("clock", found, advice);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::finding::{Findings, Severity};
    use super::*;

    #[test]
    fn a_difference_counts_beyond_what_asking_took() {
        let asked = datetime!(2026-11-22 12:00:00 UTC);
        for (took, theirs, severity) in [
            (0, 0, Severity::Ok),
            (0, 5, Severity::Ok),
            (0, -6, Severity::Ok),
            (0, 6, Severity::Warning),
            (0, -7, Severity::Warning),
            (0, 60, Severity::Warning),
            (0, 61, Severity::Error),
            (0, -62, Severity::Error),
            // Slow, but right.
            (30, 1, Severity::Ok),
            (30, 29, Severity::Ok),
            (30, 36, Severity::Warning),
        ] {
            let mut findings = Findings::default();
            compare(
                &mut findings.about("it"),
                "its clock",
                asked,
                asked + Duration::seconds(took),
                asked + Duration::seconds(theirs),
            );
            assert_eq!(findings.0[0].severity, severity, "{took} {theirs}");
        }
    }
}
