//! What is printed: text in aligned columns for people, or JSON for programs.

mod page;

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use serde::Serialize;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

pub(crate) use self::page::Page;

/// Something that a command found or did.
pub(crate) trait Report: Serialize {
    /// The same for people.
    fn page(&self) -> Page;
}

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON if `json`.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a report on standard output.
    pub(crate) fn show(self, report: &impl Report) -> anyhow::Result<()> {
        if !self.json {
            return written(
                anstream::stdout()
                    .lock()
                    .write_all(report.page().styled().as_bytes()),
            );
        }
        print(&format!("{}\n", serde_json::to_string_pretty(report)?))
    }

    /// Prints a text as it is: it is what was asked for, in whichever form.
    pub(crate) fn print(self, text: &str) -> anyhow::Result<()> {
        print(text)
    }

    /// Prints a report in JSON, or else this very text and no more: for results that are piped
    /// into other programs.
    pub(crate) fn show_plain(self, report: &impl Serialize, text: &str) -> anyhow::Result<()> {
        if self.json {
            return print(&format!("{}\n", serde_json::to_string_pretty(report)?));
        }
        print(&format!("{text}\n"))
    }

    /// Prints a refusal: JSON on standard output, for programs, or text on standard error.
    pub(crate) fn refuse(self, report: &impl Report) -> anyhow::Result<()> {
        if self.json {
            return self.show(report);
        }
        written(
            anstream::stderr()
                .lock()
                .write_all(report.page().styled().as_bytes()),
        )
    }

    /// Prints an error with its causes on standard error.
    pub(crate) fn error(self, error: &anyhow::Error) {
        let mut message = String::new();
        for cause in error.chain() {
            let cause = cause.to_string();
            // Some libraries repeat the cause in their own text.
            if message.ends_with(&cause) {
                continue;
            }
            if !message.is_empty() {
                message.push_str(": ");
            }
            message.push_str(&cause);
        }
        if self.json {
            eprintln!("{}", json!({ "error": message }));
        } else {
            eprintln!("error: {}", clean(&message));
        }
    }

    /// Prints a warning on standard error.
    pub(crate) fn warn(self, message: &str) {
        if self.json {
            eprintln!("{}", json!({ "warning": message }));
        } else {
            eprintln!("warning: {}", clean(message));
        }
    }
}

/// Work that takes a while, announced to a person at a terminal.
pub(crate) struct Progress(Option<Instant>);

impl Progress {
    /// Says what begins.
    pub(crate) fn begin(output: Output, what: &str) -> Self {
        if output.json || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        eprint!("{} … ", clean(what));
        Self(Some(Instant::now()))
    }

    /// Says how long it took.
    pub(crate) fn end(self) {
        if let Some(begun) = self.0 {
            eprintln!("done in {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
}

/// Work in many steps, counted before a person at a terminal.
pub(crate) struct Counter {
    what: String,
    of: usize,
    done: usize,
    is_shown: bool,
}

impl Counter {
    /// Says what begins, and how many steps it has.
    pub(crate) fn begin(output: Output, what: &str, of: usize) -> Self {
        let is_shown = !output.json && std::io::stderr().is_terminal();
        let counter = Self {
            what: clean(what).to_string(),
            of,
            done: 0,
            is_shown,
        };
        counter.show();
        counter
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        self.show();
    }

    fn show(&self) {
        if self.is_shown {
            eprint!("\r{}: {} of {}", self.what, self.done, self.of);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if self.is_shown {
            eprintln!();
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    written(std::io::stdout().lock().write_all(text.as_bytes()))
}

fn written(outcome: std::io::Result<()>) -> anyhow::Result<()> {
    match outcome {
        // The reader has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Text that a terminal shows and does not obey: control characters, and those that reverse the
/// direction of writing, are spelled out. What we print comes from strangers' certificates.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_directional(character) {
            cleaned.extend(character.escape_unicode());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A point in time and how far from `now` it is: `2026-11-22T12:00:00Z (in 5 minutes)`.
pub(crate) fn moment(at: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{} ({})", timestamp(at), distance(at - now))
}

/// A point in time in UTC, as RFC 3339 writes it, in whole seconds.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let whole = whole_seconds(at);
    // Years beyond 9999 have no RFC 3339 form.
    whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string())
}

/// The same point in UTC without its fraction of a second, as certificates and tokens have it.
pub(crate) fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    let at = at.to_offset(UtcOffset::UTC);
    at.replace_nanosecond(0).unwrap_or(at)
}

fn distance(from_now: Duration) -> String {
    let seconds = from_now.whole_seconds().unsigned_abs();
    let (number, unit) = match seconds {
        0 => return "now".to_owned(),
        1..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        172_800..63_072_000 => (seconds / 86_400, "day"),
        _ => (seconds / 31_536_000, "year"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if from_now.is_positive() {
        format!("in {number} {unit}{plural}")
    } else {
        format!("{number} {unit}{plural} ago")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moments_say_how_far_they_are() {
        let now = datetime!(2026-11-22 12:00:00.5 UTC);
        for (at, text) in [
            (now, "2026-11-22T12:00:00Z (now)"),
            (
                now + Duration::seconds(1),
                "2026-11-22T12:00:01Z (in 1 second)",
            ),
            (
                now - Duration::minutes(5),
                "2026-11-22T11:55:00Z (5 minutes ago)",
            ),
            (
                datetime!(2036-11-22 13:00 +1),
                "2036-11-22T12:00:00Z (in 10 years)",
            ),
        ] {
            assert_eq!(moment(at, now), text);
        }
    }
}
