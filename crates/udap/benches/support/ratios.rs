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
                let _ = fs::remove_file(sample(benchmark));
            }
        }
        Self(ratios)
    }

    /// Prints the ratios as a table, each of the fastest samples. What was not measured is left out: a filter was
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
    let (of, to) = (fastest(&ratio.of)?, fastest(&ratio.to)?);
    let aim = ratio.aim.map_or(String::new(), |aim| format!("≤ {aim:.2}"));
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

/// Nanoseconds of the fastest sample: whatever else runs on the machine only ever adds.
fn fastest(benchmark: &str) -> Option<f64> {
    let text = fs::read(sample(benchmark)).ok()?;
    let sample: Value = serde_json::from_slice(&text).expect("Criterion writes JSON");
    let numbers = |name: &str| -> Vec<f64> {
        let all = sample[name].as_array().expect("a list");
        all.iter().filter_map(Value::as_f64).collect()
    };
    numbers("times")
        .iter()
        .zip(numbers("iters"))
        .map(|(time, count)| time / count)
        .reduce(f64::min)
}

fn sample(benchmark: &str) -> PathBuf {
    target().join(benchmark).join("new").join("sample.json")
}
