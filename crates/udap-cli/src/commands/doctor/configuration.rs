//! The configuration, and what it names.

use super::finding::Subject;
use crate::config::Config;
use crate::serve;

pub(super) fn check(config: &Config, about: &mut Subject<'_>) {
    let warnings = config.warnings();
    for warning in &warnings {
        about.warn(
            "configuration",
            warning.to_string(),
            "docs/configuration.md explains the key",
        );
    }
    match serve::check(config) {
        Ok(_) => about.ok(
            "configuration",
            format!(
                "{} is usable, with all files that it names",
                config.path.display()
            ),
        ),
        Err(error) => about.error(
            "configuration",
            format!("{error:#}"),
            "the server does not start before this is corrected",
        ),
    }
}
