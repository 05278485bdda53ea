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
    pub(crate) fn new(of: impl Into<String>, to: impl Into<String>, aim: Option<f64>) -> Self {
        Self {
            of: of.into(),
            to: to.into(),
            aim,
        }
    }
}

/// Where Criterion writes, as it would choose itself.
#[expect(
    clippy::disallowed_methods,
    reason = "Criterion itself asks the environment"
)]
pub(crate) fn target() -> PathBuf {
    if let Some(home) = std::env::var_os("CRITERION_HOME") {
        return PathBuf::from(home);
    }
    // A benchmark runs as TARGET/release/deps/NAME.
    let program = std::env::current_exe().expect("a program has a path");
    let target = program
        .ancestors()
        .nth(3)
        .expect("it lies in a target folder");
    target.join("criterion")
}

/// The comparisons of one run.
pub(crate) struct Comparison(Vec<Ratio>);

impl Comparison {
    /// Forgets what earlier runs left, so that no ratio mixes two of them.
    pub(crate) fn new(ratios: Vec<Ratio>) -> Self {
        for ratio in &ratios {
            for benchmark in [&ratio.of, &ratio.to] {
                // There may be none.
                let _ = fs::remove_file(estimates(benchmark));
            }
        }
        Self(ratios)
    }

    /// Prints the ratios of medians as a table. What was not measured is left out: a filter was
    /// given, or the benchmarks ran as tests.
    pub(crate) fn print(&self) {
        let lines: Vec<String> = self.0.iter().filter_map(line).collect();
        if lines.is_empty() {
            return;
        }
        println!("\n| operation | µs | compared with | µs | ratio | aim |");
        println!("|---|---:|---|---:|---:|---:|");
        for line in lines {
            println!("{line}");
        }
        println!();
    }
}

fn line(ratio: &Ratio) -> Option<String> {
    let (of, to) = (median(&ratio.of)?, median(&ratio.to)?);
    let aim = ratio.aim.map_or(String::new(), |aim| format!("≤ {aim}"));
    Some(format!(
        "| {} | {} | {} | {} | {:.2} | {aim} |",
        ratio.of,
        microseconds(of),
        ratio.to,
        microseconds(to),
        of / to,
    ))
}

fn microseconds(nanoseconds: f64) -> String {
    let microseconds = nanoseconds / 1e3;
    if microseconds < 10.0 {
        format!("{microseconds:.2}")
    } else {
        format!("{microseconds:.0}")
    }
}

fn median(benchmark: &str) -> Option<f64> {
    let text = fs::read(estimates(benchmark)).ok()?;
    let estimates: Value = serde_json::from_slice(&text).expect("Criterion writes JSON");
    estimates["median"]["point_estimate"].as_f64()
}

fn estimates(benchmark: &str) -> PathBuf {
    target().join(benchmark).join("new").join("estimates.json")
}
