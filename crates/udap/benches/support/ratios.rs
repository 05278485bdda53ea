//! Ratios between benchmarks of one run, from what Criterion wrote down.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// How one benchmark compares with others.
pub(crate) struct Ratio {
    /// What is measured, as `group/benchmark`.
    pub(crate) of: String,
    /// What it is divided by, as `group/benchmark`.
    pub(crate) to: String,
    /// The most that it should come to.
    pub(crate) aim: Option<f64>,
}

impl Ratio {
    /// Without an aim.
    pub(crate) fn new(of: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            to: to.into(),
            aim: None,
        }
    }

    /// With the most that it should come to.
    pub(crate) fn at_most(mut self, aim: f64) -> Self {
        self.aim = Some(aim);
        self
    }
}

/// Where Criterion writes, as it would choose itself.
pub(crate) fn target() -> PathBuf {
    if let Some(home) = std::env::var_os("CRITERION_HOME") {
        return PathBuf::from(home);
    }
    // A benchmark runs as TARGET/release/deps/NAME.
    let program = std::env::current_exe().expect("a program has a path");
    let target = program.ancestors().nth(3).expect("it lies in a target folder");
    target.join("criterion")
}

/// Prints a table of ratios of medians. What was not measured is left out: run with a filter, or
/// as a test.
pub(crate) fn print(started: &tempfile::NamedTempFile, ratios: &[Ratio]) {
    let lines: Vec<String> = ratios.iter().filter_map(|ratio| line(started, ratio)).collect();
    if lines.is_empty() {
        return;
    }
    println!("\n| operation | µs | compared with | µs | ratio | aim |");
    println!("|---|---|---|---|---|---|");
    for line in lines {
        println!("{line}");
    }
    println!();
}
