//! What is wrong with a configuration: collected, then reported together.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file itself cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Of the configuration file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not TOML. The line itself is not shown: it may hold a password.
    #[error("{}: line {line}, column {column}: {message}", path.display())]
    Syntax {
        /// Of the configuration file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// It is TOML, but not a configuration of ours.
    #[error("{}: {}", path.display(), Report(problems))]
    Invalid {
        /// Of the configuration file.
        path: PathBuf,
        /// All that is wrong, in the order of the file's sections.
        problems: Vec<Problem>,
    },
}

struct Report<'a>(&'a [Problem]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(formatter, "{one}"),
            several => {
                write!(formatter, "{} problems", several.len())?;
                several
                    .iter()
                    .try_for_each(|problem| write!(formatter, "\n  - {problem}"))
            }
        }
    }
}

/// One fault: which key, what is wrong with it, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// `[[site]] "default"`; empty for the keys above every section.
    pub(crate) section: String,
    /// The key, or the environment variable that has no key.
    pub(crate) key: String,
    /// What is wrong, continuing the sentence that the key begins.
    pub(crate) what: String,
    /// What to do.
    pub(crate) advice: String,
    /// The environment variable that the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variable: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.section.is_empty() {
            write!(formatter, "{}: ", self.section)?;
        }
        write!(formatter, "{}", self.key)?;
        if let Some(variable) = &self.variable {
            write!(formatter, " (from {variable})")?;
        }
        write!(formatter, " {}: {}", self.what, self.advice)
    }
}

/// What is wrong with a value, by a check that does not know whose value it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    what: String,
    advice: String,
}

impl Fault {
    /// `what` continues the sentence that the key begins: "is empty".
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: advice.into(),
        }
    }
}

/// A section of the file; lists by zero-based position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Environment,
    Top,
    Site(usize),
    Community(usize),
    Certification(usize),
    Fetch,
    Limits,
    Protocol,
    Recheck,
}

/// Collects problems on the way.
#[derive(Default)]
pub(crate) struct Problems {
    found: Vec<(Place, Problem)>,
    variables: BTreeMap<(Place, String), String>,
    names: BTreeMap<Place, String>,
}

impl Problems {
    /// Remembers that a key's value came from an environment variable.
    pub(crate) fn came_from(&mut self, place: Place, key: &str, variable: &str) {
        self.variables
            .insert((place, key.to_owned()), variable.to_owned());
    }

    /// Whether a key's value came from the environment.
    pub(crate) fn is_from_variable(&self, place: Place, key: &str) -> bool {
        self.variables.contains_key(&(place, key.to_owned()))
    }

    /// Remembers by which id or URI an item of a list is to be called.
    pub(crate) fn call(&mut self, place: Place, name: &str) {
        self.names.insert(place, name.to_owned());
    }

    /// Adds a problem.
    pub(crate) fn add(&mut self, place: Place, key: &str, fault: Fault) {
        let own_key = key.split(['[', '.']).next().unwrap_or(key);
        let problem = Problem {
            section: self.label(place),
            key: key.to_owned(),
            what: fault.what,
            advice: fault.advice,
            variable: self.variables.get(&(place, own_key.to_owned())).cloned(),
        };
        self.found.push((place, problem));
    }

    /// The value, or `None` with the problem added.
    pub(crate) fn check<T>(
        &mut self,
        place: Place,
        key: &str,
        result: Result<T, Fault>,
    ) -> Option<T> {
        result.map_err(|fault| self.add(place, key, fault)).ok()
    }

    /// The value of a required key, or `None` with the problem added.
    pub(crate) fn require<T>(
        &mut self,
        place: Place,
        key: &str,
        value: Option<T>,
        advice: &str,
    ) -> Option<T> {
        // A value of the wrong kind was reported when the file was read.
        if value.is_none() && !self.reported(place, key) {
            self.add(place, key, Fault::new("is required", advice));
        }
        value
    }

    fn reported(&self, place: Place, key: &str) -> bool {
        self.found
            .iter()
            .any(|(at, problem)| *at == place && problem.key.split(['[', '.']).next() == Some(key))
    }

    fn label(&self, place: Place) -> String {
        let item = |section: &str, index: usize| match self.names.get(&place) {
            Some(name) => format!("[[{section}]] {name:?}"),
            None => format!("[[{section}]] number {}", index.saturating_add(1)),
        };
        match place {
            Place::Environment | Place::Top => String::new(),
            Place::Site(index) => item("site", index),
            Place::Community(index) => item("community", index),
            Place::Certification(index) => item("certification", index),
            Place::Fetch => "[fetch]".to_owned(),
            Place::Limits => "[limits]".to_owned(),
            Place::Protocol => "[protocol]".to_owned(),
            Place::Recheck => "[recheck]".to_owned(),
        }
    }

    /// Whether nothing was found so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The error that reports everything, section by section.
    pub(crate) fn into_error(mut self, path: &Path) -> ConfigError {
        self.found.sort_by_key(|(place, _)| *place);
        ConfigError::Invalid {
            path: path.to_owned(),
            problems: self.found.into_iter().map(|(_, problem)| problem).collect(),
        }
    }
}
