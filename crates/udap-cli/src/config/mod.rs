//! `udap.toml`: read, overlaid with `UDAP_…` variables, checked, typed.
//!
//! The way of a value: TOML tree → [`environment`] → [`tree`] (known keys, right kinds) → [`check`] (meaning,
//! files) → [`settings::Config`]. All problems are reported in one error.

mod address;
mod check;
pub(crate) mod database;
mod environment;
mod file;
mod files;
mod network;
pub(crate) mod problem;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod warnings;

use std::{ffi::OsStr, fs, path::Path};

use toml::Table;

use self::problem::Problems;
pub(crate) use self::{problem::ConfigError, settings::Config};

impl Config {
    /// Reads the file at `path`, overlaid with those of `environment`'s pairs that begin with `UDAP_`
    /// (`std::env::vars_os()` outside tests).
    ///
    /// # Errors
    /// [`ConfigError`]: the file cannot be read, is not TOML, or every problem that its content has.
    pub(crate) fn load<K, V>(
        path: &Path,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let unreadable = |source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let path = std::path::absolute(path).map_err(unreadable)?;
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let mut tree: Table = text.parse().map_err(|error| syntax(&path, &text, &error))?;
        let mut problems = Problems::default();
        environment::overlay(&mut tree, environment, &mut problems);
        let sections = tree::read(tree, &mut problems);
        check::check(&path, sections, &mut problems).ok_or_else(|| problems.into_error(&path))
    }
}

/// Says where, but shows nothing of the line: it may hold a password.
fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let in_line = before.get(line_start..).unwrap_or_default();
    ConfigError::Syntax {
        path: path.to_owned(),
        line: before.matches('\n').count().saturating_add(1),
        column: in_line.chars().count().saturating_add(1),
        message: error.message().replace('\n', ", "),
    }
}
